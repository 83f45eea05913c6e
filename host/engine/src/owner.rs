//! The owner of an engine on this machine, from its socket: the user, and whether the engine's process may raise
//! resources.

use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::Path;

/// The bit of `CAP_SYS_RESOURCE` in a set of capabilities.
const SYS_RESOURCE: u64 = 1 << 24;

/// The owner of an engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EngineOwner {
    /// Its user: that of the socket.
    pub uid: u32,
    /// Whether it may give containers the right to raise resources: root of some virtual machines may not.
    pub raises_resources: bool,
}

impl EngineOwner {
    /// Inspects the socket and the process that listens on it. Blocks.
    pub fn of(socket: &Path) -> Self {
        let uid = std::fs::metadata(socket).map_or(0, |found| found.uid());
        let listener = UnixStream::connect(socket).ok().and_then(|to| getsockopt(&to, PeerCredentials).ok());
        // That of a process of another namespace is 0.
        let listener = listener.map(|peer| peer.pid());
        let status = listener.and_then(|pid| std::fs::read_to_string(format!("/proc/{pid}/status")).ok());
        let permitted = status.as_deref().and_then(permitted);
        Self { uid, raises_resources: permitted.is_some_and(|permitted| permitted & SYS_RESOURCE != 0) }
    }
}

/// The capabilities that a process may use, from its `status`.
fn permitted(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("CapPrm:"))?;
    u64::from_str_radix(line.trim(), 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;

    #[test]
    fn capabilities_are_those_that_the_kernel_shows() {
        assert_eq!(permitted("Name:\tx\nCapInh:\t01\nCapPrm:\t000001fffeffffff\n"), Some(0x1ff_feff_ffff));
        assert_eq!(permitted("Name:\tx\n"), None);
    }

    #[test]
    fn who_listens_is_looked_at() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("engine.sock");
        let _listener = UnixListener::bind(&socket).unwrap();
        let own = rustix::thread::capabilities(None).unwrap().permitted;
        let expected = own.contains(rustix::thread::CapabilitySet::SYS_RESOURCE);
        let uid = rustix::process::geteuid().as_raw();
        assert_eq!(EngineOwner::of(&socket), EngineOwner { uid, raises_resources: expected });
        let gone = EngineOwner::of(&folder.path().join("none.sock"));
        assert_eq!(gone, EngineOwner { uid: 0, raises_resources: false });
    }
}
