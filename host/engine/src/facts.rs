//! Facts about an engine and its machine, as the engine reports them: requested once, in parallel to other
//! preparations. The run's record stores them, and `doctor` uses them; of a container's policy, only the maker of its
//! network namespace depends on them.

use serde::{Deserialize, Serialize};

/// Facts about the engine and the machine that affect a container's isolation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EngineFacts {
    /// The engine's version.
    pub version: Option<String>,
    /// The container runtime, such as `runc`.
    pub runtime: Option<String>,
    /// The kernel's release.
    pub kernel: Option<String>,
    /// The version of control groups: version 1 does not count the memory of sockets.
    pub cgroup_version: Option<u8>,
    /// Security modules of the kernel that confine containers: `apparmor`, `selinux`.
    pub security_modules: Vec<String>,
    /// Whether the engine supports filters of system calls.
    pub seccomp: bool,
    /// Whether root in a container is another user on this machine, because the engine uses a user namespace.
    pub user_namespace: bool,
    /// Whether the engine runs as an ordinary user.
    pub rootless: bool,
}
