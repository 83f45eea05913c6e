//! The socket of an engine that stays connected: whether its path still leads to the socket that was there.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// A socket, as its path led to it once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    socket: PathBuf,
    /// Its device, its number there, and when it was changed; `None` if nothing was there.
    found: Option<(u64, u64, i64, i64)>,
}

impl Address {
    /// The socket at a path at this moment.
    pub(super) fn of(socket: &Path) -> Self {
        let found = std::fs::metadata(socket).ok();
        let found = found.map(|found| (found.dev(), found.ino(), found.ctime(), found.ctime_nsec()));
        Self { socket: socket.to_owned(), found }
    }

    /// Whether the path still leads to it.
    pub(super) fn is_in_place(&self) -> bool {
        self.found.is_some() && Self::of(&self.socket) == *self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;

    #[test]
    fn a_socket_that_was_replaced_or_removed_is_not_in_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("engine.sock");
        assert!(!Address::of(&path).is_in_place());
        let _first = UnixListener::bind(&path).unwrap();
        let address = Address::of(&path);
        assert!(address.is_in_place());
        std::fs::remove_file(&path).unwrap();
        assert!(!address.is_in_place());
        let _second = UnixListener::bind(&path).unwrap();
        assert!(!address.is_in_place());
    }
}
