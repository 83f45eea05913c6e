//! Kernel memory of a container's sockets. Control groups of version 2 count it as the container's memory. Those of
//! version 1 count it separately, and only with a limit, which container runtimes do not set: without one a script that
//! fills sockets and does not read them can use all memory of the machine. So this sets the limit, if the engine runs
//! on this machine and this user may.

use longshore_os::control_group::control_groups;
use longshore_os::mountinfo::{Mounted, mounted};
use serde::{Deserialize, Serialize};
use std::io;
use std::path::Path;

/// Bytes of all TCP and UDP sockets of a container together: eight connections with buffers of 4 MiB, the largest that
/// usual kernels give. Beyond the limit a connection is slower, but works.
const SOCKET_BYTES: u64 = 32 << 20;

/// The file with a group's limit.
const LIMIT: &str = "memory.kmem.tcp.limit_in_bytes";

/// How the memory of a container's sockets is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SocketMemory {
    /// By the kernel, as the container's memory.
    Counted,
    /// By the kernel, separately, up to a limit that this host sets.
    Limited,
    /// Not at all.
    Uncounted,
}

/// How it is counted on this machine.
pub fn socket_memory() -> SocketMemory {
    match hierarchy() {
        None => SocketMemory::Counted,
        Some(hierarchy) if is_writable(&hierarchy.point.join(LIMIT)) => SocketMemory::Limited,
        Some(_) => SocketMemory::Uncounted,
    }
}

/// Sets the limit of a container. A process with this id outside the container's groups is unrelated: the engine counts
/// processes in another namespace.
pub fn limit(container: &str, process: i64) -> io::Result<()> {
    let Some(hierarchy) = hierarchy() else {
        return Ok(());
    };
    let groups = std::fs::read_to_string(format!("/proc/{process}/cgroup"))?;
    let other = || io::Error::new(io::ErrorKind::NotFound, "its process is not on this machine");
    let group = control_groups(&groups).find(|group| group.counts("memory")).map(|group| group.path);
    let group = group.filter(|path| path.contains(container)).ok_or_else(other)?;
    let within = Path::new(group).strip_prefix(&hierarchy.root).map_err(io::Error::other)?;
    std::fs::write(hierarchy.point.join(within).join(LIMIT), SOCKET_BYTES.to_string())
}

fn is_writable(file: &Path) -> bool {
    use rustix::fs::{Access, AtFlags, CWD, accessat};
    accessat(CWD, file, Access::WRITE_OK, AtFlags::EACCESS).is_ok()
}

/// The mount of the version 1 memory groups.
fn hierarchy() -> Option<Mounted> {
    memory_hierarchy(mounted().ok()?)
}

fn memory_hierarchy(mounted: Vec<Mounted>) -> Option<Mounted> {
    mounted.into_iter().find(|mounted| mounted.is_of("cgroup", "memory"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use longshore_os::mountinfo::read;

    #[test]
    fn the_hierarchy_of_memory_is_found() {
        let found = |line: &str| memory_hierarchy(read(line.as_bytes()).unwrap());
        let line = "35 26 0:30 / /sys/fs/cgroup/memory rw,nosuid shared:9 - cgroup cgroup rw,memory";
        let hierarchy = found(line).unwrap();
        assert_eq!((&*hierarchy.root, &*hierarchy.point), (Path::new("/"), Path::new("/sys/fs/cgroup/memory")));
        for other in [
            "36 26 0:31 / /sys/fs/cgroup/cpu rw shared:9 - cgroup cgroup rw,cpu,cpuacct",
            "37 26 0:32 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,memory",
            "38 26 0:33 / /memory rw - tmpfs memory rw",
            "",
        ] {
            assert_eq!(found(other), None);
        }
    }

    #[test]
    fn no_group_but_the_containers_is_limited() {
        let own = i64::from(std::process::id());
        match socket_memory() {
            SocketMemory::Counted => limit("no-container", own).unwrap(),
            _ => assert_eq!(limit("no-container", own).unwrap_err().kind(), io::ErrorKind::NotFound),
        }
    }
}
