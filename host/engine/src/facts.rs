//! What an engine says of itself and of its machine: asked once, beside whatever else a run waits for. It stands in the
//! record with what held, and `doctor` goes by it; a container's policy does not.

use serde::Serialize;

/// The machine and the engine, as far as they bear on what a container may do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct EngineFacts {
    /// The engine's version.
    pub version: Option<String>,
    /// The program that makes its containers, such as `runc`.
    pub runtime: Option<String>,
    /// The kernel's release.
    pub kernel: Option<String>,
    /// The version of control groups: 1 does not count the memory of sockets.
    pub cgroup_version: Option<u8>,
    /// The modules of the kernel that hold containers besides: `apparmor`, `selinux`.
    pub security_modules: Vec<String>,
    /// Whether the engine knows filters of system calls.
    pub seccomp: bool,
    /// Whether root in a container is another user on this machine, since the engine has a user namespace.
    pub user_namespace: bool,
    /// Whether the engine runs as an ordinary user.
    pub rootless: bool,
}
