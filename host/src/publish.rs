//! Files that appear whole or not at all: written nameless in their target's folder, synced, and given their name
//! last. A host that is killed half way leaves nothing, because a file without a name goes with its process.

use rustix::fs::{AtFlags, CWD, Mode, OFlags, linkat, open};
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

/// A file that has no name yet.
#[derive(Debug)]
pub(crate) struct Unpublished {
    target: PathBuf,
    file: File,
    /// The temporary name, on file systems that cannot do without.
    named: Option<PathBuf>,
    run_id: String,
}

impl Unpublished {
    /// Opens a file that will be `target`.
    pub(crate) fn create(target: &Path, run_id: &str) -> io::Result<Self> {
        let folder = folder(target);
        let mode = Mode::from_raw_mode(0o666);
        let (file, named) = match open(folder, OFlags::WRONLY | OFlags::TMPFILE | OFlags::CLOEXEC, mode) {
            Ok(file) => (File::from(file), None),
            Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::ISDIR | rustix::io::Errno::INVAL) => {
                let name = temporary(target, run_id);
                (File::options().write(true).create_new(true).open(&name)?, Some(name))
            }
            Err(errno) => return Err(errno.into()),
        };
        Ok(Self { target: target.to_owned(), file, named, run_id: run_id.to_owned() })
    }

    /// A second handle, to write with.
    pub(crate) fn writer(&self) -> io::Result<File> {
        self.file.try_clone()
    }

    /// Puts it in place of the target. Everything must have been written.
    pub(crate) fn publish(mut self) -> io::Result<()> {
        self.file.sync_data()?;
        let name = match self.named.take() {
            Some(name) => name,
            None => {
                let name = temporary(&self.target, &self.run_id);
                let own = format!("/proc/self/fd/{}", self.file.as_raw_fd());
                linkat(CWD, own.as_str(), CWD, &name, AtFlags::SYMLINK_FOLLOW)?;
                name
            }
        };
        std::fs::rename(&name, &self.target).inspect_err(|_| {
            // The target stays as it was; the name must not stay.
            let _ = std::fs::remove_file(&name);
        })
    }
}

impl Drop for Unpublished {
    fn drop(&mut self) {
        if let Some(name) = &self.named {
            let _ = std::fs::remove_file(name);
        }
    }
}

/// The folder of a path.
pub(crate) fn folder(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn temporary(target: &Path, run_id: &str) -> PathBuf {
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    folder(target).join(format!(".{name}.{run_id}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn the_target_changes_at_once_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("x.csv");
        std::fs::write(&target, "old").unwrap();
        let unpublished = Unpublished::create(&target, "run").unwrap();
        unpublished.writer().unwrap().write_all(b"new").unwrap();
        drop(unpublished);
        assert_eq!(std::fs::read(&target).unwrap(), b"old");
        let unpublished = Unpublished::create(&target, "run").unwrap();
        unpublished.writer().unwrap().write_all(b"new").unwrap();
        unpublished.publish().unwrap();
        assert_eq!(std::fs::read(&target).unwrap(), b"new");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
