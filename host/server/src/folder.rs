//! Work in the caller's current folder, from which its relative paths start. A process has one current folder for all its
//! threads; a thread that unshares it has its own, and so have the threads that it starts.

use nix::sched::{CloneFlags, unshare};
use std::io;
use std::path::Path;
use std::thread;

/// Does work on a thread whose current folder is this one. Blocks.
///
/// # Errors
/// The folder cannot be entered, or no thread be started.
///
/// # Panics
/// The work panics.
pub(crate) fn within<T: Send>(folder: Option<&Path>, work: impl FnOnce() -> T + Send) -> io::Result<T> {
    let Some(folder) = folder else { return Ok(work()) };
    thread::scope(|scope| {
        let working = thread::Builder::new().name("caller's folder".into()).spawn_scoped(scope, || {
            unshare(CloneFlags::CLONE_FS)?;
            rustix::process::chdir(folder)?;
            Ok(work())
        })?;
        working.join().unwrap_or_else(|panicked| std::panic::resume_unwind(panicked))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_works_in_its_own_folder_and_the_process_stays_where_it_is() {
        let before = std::env::current_dir().unwrap();
        let folders: Vec<_> = (0..8).map(|_| tempfile::tempdir().unwrap()).collect();
        thread::scope(|scope| {
            for folder in &folders {
                scope.spawn(|| {
                    for number in 0..50 {
                        let written = within(Some(folder.path()), || std::fs::write(format!("{number}"), "")).unwrap();
                        written.unwrap();
                        // Threads that it starts are there too.
                        let seen = within(Some(folder.path()), || {
                            thread::spawn(|| std::path::absolute("x").unwrap()).join().unwrap()
                        });
                        assert_eq!(seen.unwrap(), folder.path().join("x"));
                    }
                });
            }
        });
        for folder in &folders {
            assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 50);
        }
        assert_eq!(std::env::current_dir().unwrap(), before);
        assert!(within(Some(Path::new("/no/such/folder")), || ()).is_err());
    }
}
