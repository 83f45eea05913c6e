//! The server's socket: in a folder of its user, which no other may enter. A lock beside it says whether a server lives,
//! so that the socket of one that was killed is replaced, and that of one that lives is not.

use crate::error::ServerError;
use rustix::fs::{FlockOperation, flock};
use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

/// A socket that a server listens on. It is removed when this is dropped, unless another program made it.
#[derive(Debug)]
pub struct Listening {
    pub(crate) listener: UnixListener,
    path: PathBuf,
    /// The lock, and the socket's file; `None` if another program, such as systemd, made the socket.
    owned: Option<(File, (u64, u64))>,
}

impl Listening {
    /// Makes the socket. Blocks.
    ///
    /// # Errors
    /// [`ServerError`]: another server listens there, or the socket cannot be made.
    pub fn on(path: &Path) -> Result<Self, ServerError> {
        let failed = |source| ServerError::Listen { path: path.to_owned(), source };
        let folder = path.parent().filter(|folder| folder.is_absolute());
        let folder = folder.ok_or_else(|| failed(io::Error::other("it is not an absolute path")))?;
        make_folder(folder)?;
        let lock = OpenOptions::new().create(true).append(true).mode(0o600).open(lock_of(path)).map_err(failed)?;
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => return Err(ServerError::Running { path: path.to_owned() }),
            Err(errno) => return Err(failed(errno.into())),
        }
        // Of one that was killed.
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        let listener = UnixListener::bind(path).map_err(failed)?;
        std::fs::set_permissions(path, Permissions::from_mode(0o600)).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let made = std::fs::symlink_metadata(path).map_err(failed)?;
        Ok(Self { listener, path: path.to_owned(), owned: Some((lock, (made.dev(), made.ino()))) })
    }

    /// A socket that another program made and listens on, such as systemd.
    ///
    /// # Errors
    /// [`ServerError`]: it is no Unix socket with a path.
    pub fn given(listener: UnixListener) -> Result<Self, ServerError> {
        let failed = |source| ServerError::Listen { path: PathBuf::from("the given socket"), source };
        let address = listener.local_addr().map_err(failed)?;
        let path = address.as_pathname().map(Path::to_owned);
        let path = path.ok_or_else(|| failed(io::Error::other("it has no path")))?;
        listener.set_nonblocking(true).map_err(failed)?;
        Ok(Self { listener, path, owned: None })
    }

    /// Its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        let Some((_, made)) = &self.owned else { return };
        if std::fs::symlink_metadata(&self.path).is_ok_and(|found| (found.dev(), found.ino()) == *made) {
            // It is of no use to anybody.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// The lock beside a server's socket. It stays when the server ends.
#[must_use]
pub fn lock_of(socket: &Path) -> PathBuf {
    let mut name = socket.as_os_str().to_owned();
    name.push(".lock");
    name.into()
}

/// Makes the folder of a socket if it is missing, and checks that only this user can change it.
fn make_folder(folder: &Path) -> Result<(), ServerError> {
    let refused = |reason: String| Err(ServerError::Folder { path: folder.to_owned(), reason });
    if let Err(error) = DirBuilder::new().mode(0o700).recursive(true).create(folder) {
        return refused(format!("it cannot be created: {error}"));
    }
    let found = match std::fs::metadata(folder) {
        Ok(found) => found,
        Err(error) => return refused(error.to_string()),
    };
    let user = rustix::process::geteuid().as_raw();
    if found.uid() != user {
        return refused(format!("it belongs to the user {}, and the server runs as {user}", found.uid()));
    }
    if found.mode() & 0o022 != 0 {
        return refused(format!("others may write to it (mode {:o})", found.mode() & 0o7777));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixStream;

    #[test]
    fn one_server_listens_and_the_socket_of_a_dead_one_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("own/server.sock");
        let first = Listening::on(&path).unwrap();
        assert!(UnixStream::connect(&path).is_ok());
        let mode = |path: &Path| std::fs::metadata(path).unwrap().mode() & 0o7777;
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
        assert!(matches!(Listening::on(&path), Err(ServerError::Running { .. })));
        // One that is killed leaves its socket behind, and its lock ends.
        drop(first);
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        assert!(path.exists() && UnixStream::connect(&path).is_err());
        let second = Listening::on(&path).unwrap();
        assert!(UnixStream::connect(&path).is_ok());
        drop(second);
        assert!(!path.exists());
    }

    #[test]
    fn a_folder_that_others_may_write_to_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::set_permissions(folder.path(), Permissions::from_mode(0o777)).unwrap();
        let error = Listening::on(&folder.path().join("server.sock")).unwrap_err().to_string();
        assert!(error.ends_with("cannot have the server's socket: others may write to it (mode 777)"), "{error}");
        assert!(Listening::on(Path::new("server.sock")).is_err());
    }

    #[test]
    fn a_given_socket_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("server.sock");
        let given = Listening::given(UnixListener::bind(&path).unwrap()).unwrap();
        assert_eq!(given.path(), path);
        drop(given);
        assert!(path.exists());
    }
}
