//! Where a user's host listens, unless the settings say otherwise. The command and the callers of each language look here
//! alike.

use rustix::fs::{Access, access};
use rustix::process::geteuid;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

/// How long the path of the folder above the runtime folder may be: the address of a socket has 107 bytes, of which
/// `/longshore-4294967295`, `/runs`, `/`, a run's id (22) and `/shared/host.sock` take 66.
const RUNTIME_FOLDER_BYTES: usize = 41;

/// The runtime folder of root, and of users for whom no other one is found.
const MACHINES: &str = "/run/longshore";

/// A host's socket in its runtime folder.
pub const SOCKET: &str = "server.sock";

/// The folder of this user's sockets, which only this user may enter: below the first usual folder that exists, is
/// writable, and is short enough for the addresses of sockets. `None` for root, and where there is none. Under `su`,
/// under cron or in a container, the variable `XDG_RUNTIME_DIR`, the first argument, is often unset, or names another
/// user's folder. The second is `TMPDIR`.
#[must_use]
pub fn runtime_folder(named: Option<PathBuf>, temporary: Option<PathBuf>) -> Option<PathBuf> {
    let user = geteuid();
    if user.is_root() {
        return None;
    }
    let own = |folder: &PathBuf| std::fs::metadata(folder).is_ok_and(|found| found.uid() == user.as_raw());
    let usual = Some(PathBuf::from(format!("/run/user/{}", user.as_raw()))).filter(own);
    let candidates = [named.filter(own), usual, temporary, Some(PathBuf::from("/tmp"))];
    let is_usable =
        |folder: &PathBuf| folder.as_os_str().len() <= RUNTIME_FOLDER_BYTES && access(folder, Access::WRITE_OK).is_ok();
    Some(candidates.into_iter().flatten().find(is_usable)?.join(format!("longshore-{}", user.as_raw())))
}

/// The socket of this user's host, from the same two variables.
#[must_use]
pub fn usual_socket(named: Option<PathBuf>, temporary: Option<PathBuf>) -> PathBuf {
    runtime_folder(named, temporary).unwrap_or_else(|| MACHINES.into()).join(SOCKET)
}
