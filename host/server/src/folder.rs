//! Work in the caller's current folder, from which its relative paths start. A process has one current folder for all its
//! threads; a thread that unshares it has its own, and so have the threads that it starts.

use nix::sched::{CloneFlags, unshare};
use std::io;
use std::path::PathBuf;
use std::thread;
use tokio::sync::oneshot;
use tokio::task::spawn_blocking;

/// Does work that blocks on a thread whose current folder is this one. `None` if the work panicked.
///
/// # Errors
/// The folder cannot be entered, or no thread be started.
pub(crate) async fn within<T: Send + 'static>(
    folder: Option<PathBuf>,
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<io::Result<T>> {
    let Some(folder) = folder else { return spawn_blocking(work).await.ok().map(Ok) };
    let (done, doing) = oneshot::channel();
    // Not joined: it ends with the work, which is waited for unless the caller has gone.
    let started = thread::Builder::new().name("caller's folder".into()).spawn(move || {
        let entered = unshare(CloneFlags::CLONE_FS).map_err(io::Error::from);
        let entered = entered.and_then(|()| Ok(rustix::process::chdir(&folder)?));
        let _ = done.send(entered.map(|()| work()));
    });
    match started {
        Ok(_) => doing.await.ok(),
        Err(error) => Some(Err(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn each_works_in_its_own_folder_and_the_process_stays_where_it_is() {
        let before = std::env::current_dir().unwrap();
        let folders: Vec<_> = (0..8).map(|_| tempfile::tempdir().unwrap()).collect();
        let mut working = tokio::task::JoinSet::new();
        for folder in &folders {
            let folder = folder.path().to_owned();
            working.spawn(async move {
                for number in 0..50 {
                    let writes = move || std::fs::write(format!("{number}"), "");
                    within(Some(folder.clone()), writes).await.unwrap().unwrap().unwrap();
                    // Threads that it starts are there too.
                    let sees = || thread::spawn(|| std::path::absolute("x").unwrap()).join().unwrap();
                    let seen = within(Some(folder.clone()), sees).await.unwrap().unwrap();
                    assert_eq!(seen, folder.join("x"));
                }
            });
        }
        while let Some(worked) = working.join_next().await {
            worked.unwrap();
        }
        for folder in &folders {
            assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 50);
        }
        assert_eq!(std::env::current_dir().unwrap(), before);
        let work = || std::env::current_dir().unwrap();
        assert_eq!(within(None, work).await.unwrap().unwrap(), before);
        assert!(within(Some("/no/such/folder".into()), || ()).await.unwrap().is_err());
        for folder in [None, Some(before)] {
            assert!(within(folder, || -> bool { panic!("on purpose") }).await.is_none());
        }
    }
}
