//! What a run's container may do, as data: the one table that engines make containers from, `longshore run --explain`
//! prints, and the record sums up. A container may do nothing that is not written here.

use super::identity::{Identity, SCRIPT_USER};
use super::script_user::ScriptUser;
use super::shape::Shape;
use super::{EngineFacts, SeccompProfile, SocketMemory, profile};
use longshore_os::shared_file::SharedFile;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// The working folder in a container.
pub const WORK_FOLDER: &str = "/work";

/// The folder of the run's socket in a container.
pub const SOCKET_FOLDER: &str = "/run/longshore";

/// Where this machine's agent is mounted in images that have none. No image has anything there.
pub const MOUNTED_AGENT: &str = "/run/longshore-agent";

/// What of the machine's is hidden from a container: an empty file or folder is there instead. The engines' own lists, and
/// what tells of the machine, its other work and its hardware. What a path names need not exist on each kernel.
const MASKED: [&str; 42] = [
    "/proc/acpi",
    "/proc/asound",
    "/proc/buddyinfo",
    "/proc/cmdline",
    "/proc/config.gz",
    "/proc/diskstats",
    "/proc/dma",
    "/proc/driver",
    "/proc/execdomains",
    "/proc/interrupts",
    "/proc/iomem",
    "/proc/ioports",
    "/proc/kallsyms",
    "/proc/kcore",
    "/proc/key-users",
    "/proc/keys",
    "/proc/kmsg",
    "/proc/kpagecgroup",
    "/proc/kpagecount",
    "/proc/kpageflags",
    "/proc/latency_stats",
    "/proc/locks",
    "/proc/modules",
    "/proc/mtrr",
    "/proc/pagetypeinfo",
    "/proc/sched_debug",
    "/proc/schedstat",
    "/proc/scsi",
    "/proc/slabinfo",
    "/proc/softirqs",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/proc/vmallocinfo",
    "/proc/zoneinfo",
    "/sys/class/dmi",
    "/sys/class/thermal",
    "/sys/devices/virtual/dmi",
    "/sys/devices/virtual/powercap",
    "/sys/devices/virtual/thermal",
    "/sys/firmware",
    "/sys/fs/fuse",
    "/sys/kernel",
];

/// What of the kernel's can be read only, as the engines have it.
const READ_ONLY: [&str; 5] = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

/// Its share of the processors where others want them too: half of what the engines give, and systemd its services.
const CPU_SHARES: u32 = 512;

/// How much sooner than the host's own programs the kernel ends one of a container where the machine has no memory left.
const OOM_SCORE: i32 = 500;

/// Bytes of a folder in memory for each file in it, at least: a page. Files without content take memory too.
const BYTES_OF_FILE: u64 = 4 << 10;

/// Limits of each process besides open files, which no script can raise: no core dumps, which a program of this machine may
/// be started for; message queues of 64 KiB; 1,024 signals that wait; 64 KiB of locked memory, of which nobody needs any;
/// no realtime priority, and none better than it begins with. Processes are not among them: those are counted for each
/// user, of all containers together.
const PROCESS_LIMITS: [(&str, u64); 6] =
    [("core", 0), ("msgqueue", 64 << 10), ("sigpending", 1024), ("memlock", 64 << 10), ("rtprio", 0), ("nice", 0)];

/// What a container may do.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Policy {
    /// Who its first process, the agent, begins as. Root goes on as the user 4355 with `KILL` alone once the script runs.
    pub agent: Identity,
    /// Who the script runs as.
    pub script: Identity,
    /// Whether a program with a set-user-id bit, or with capabilities of its own, gains nothing by it.
    pub no_new_privileges: bool,
    /// The system calls that it may make.
    pub seccomp: SeccompProfile,
    /// Whether the image's files can be read only.
    pub read_only_root: bool,
    /// The container's namespaces.
    pub namespaces: Namespaces,
    /// Folders in memory, empty at the start. They count as memory.
    pub temporary: Vec<Temporary>,
    /// Files and folders of this machine.
    pub mounts: Vec<PolicyMount>,
    /// Paths of the kernel's that are hidden.
    pub masked: Vec<&'static str>,
    /// Paths of the kernel's that can be read only.
    pub read_only: Vec<&'static str>,
    /// Share of the processors where others want them too; that of the machine's own programs is 1024.
    pub cpu_shares: u32,
    /// Added to what the kernel goes by where the machine has no memory left: 1000 is ended first.
    pub oom_score: i32,
    /// Memory in bytes, that of its temporary folders and of `/dev/shm` included. There is no swap.
    pub memory_bytes: u64,
    /// Size of `/dev/shm` in bytes, where worker processes pass each other their data.
    pub shared_memory_bytes: u64,
    /// Processors; all of them where there is no limit.
    pub cpus: Option<f64>,
    /// Processes and threads.
    pub pids: u32,
    /// Limits of each process.
    pub process_limits: Vec<ProcessLimit>,
}

/// Which namespaces a container has of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Namespaces {
    /// The network: `none` has a loopback alone.
    pub network: String,
    /// Shared memory, semaphores and message queues: `private`.
    pub ipc: &'static str,
    /// The control groups that it sees: `private` shows its own as the root.
    pub cgroup: &'static str,
}

/// A folder in memory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Temporary {
    /// Its path in the container.
    pub path: String,
    /// Most bytes: a full one is an error for who writes, and no reason to kill.
    pub bytes: u64,
    /// Most files.
    pub files: u64,
    /// Mode.
    pub mode: u32,
    /// Whether programs in it can be started; none of them gains a user or is a device.
    pub executable: bool,
}

/// A file or folder of this machine in a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PolicyMount {
    /// Its path on this machine, without links.
    pub source: PathBuf,
    /// Its path in the container.
    pub target: PathBuf,
    /// Whether the script may write there.
    pub writable: bool,
    /// Whether what is mounted below it on this machine is there too. Read-only holds for one mount alone, so what is
    /// mounted below a read-only one is a mount of its own.
    pub recursive: bool,
}

/// A limit of each process, soft and hard alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ProcessLimit {
    /// Its name, as `ulimit` and the engines have it.
    pub name: &'static str,
    /// The most of it.
    pub most: u64,
}

/// What held a container: what its engine and its machine are, and who ran in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Held {
    /// The engine and the machine.
    #[serde(flatten)]
    pub facts: EngineFacts,
    /// Who its agent ran as.
    pub agent: Identity,
    /// Who its script ran as.
    pub script: Identity,
    /// SHA-256 of the profile of system calls that was sent with it.
    pub seccomp_profile: String,
    /// Who counted what its sockets held in the kernel.
    pub socket_memory: SocketMemory,
}

/// Where a container of a shape is to be, and whose.
#[derive(Debug, Clone, Copy)]
pub struct Placement<'a> {
    /// Who the script is; the one of all runs where nobody says.
    pub user: Option<&'a ScriptUser>,
    /// What it sees as the folder of its socket, on this machine.
    pub folder: &'a Path,
    /// This machine's agent, where the image has none.
    pub agent: Option<&'a Path>,
}

impl Policy {
    /// The policy of a container.
    #[must_use]
    pub fn new(shape: &Shape, placement: Placement<'_>) -> Self {
        let (resources, user) = (shape.resources, placement.user);
        let script = Identity::of(user.map_or(SCRIPT_USER, |user| user.user));
        let agent = user.map_or_else(|| script.clone(), |user| user.agent.clone());
        let process_limits = std::iter::once(("nofile", resources.open_files)).chain(PROCESS_LIMITS);
        Self {
            agent,
            script,
            no_new_privileges: true,
            seccomp: profile((&shape.network).into()),
            read_only_root: true,
            namespaces: Namespaces { network: shape.network.to_string(), ipc: "private", cgroup: "private" },
            temporary: temporary(shape),
            mounts: mounts(shape, placement),
            masked: MASKED.to_vec(),
            read_only: READ_ONLY.to_vec(),
            cpu_shares: CPU_SHARES,
            oom_score: OOM_SCORE,
            memory_bytes: resources.memory_bytes,
            shared_memory_bytes: resources.memory_bytes,
            cpus: resources.cpus(),
            pids: resources.pids,
            process_limits: process_limits.map(|(name, most)| ProcessLimit { name, most }).collect(),
        }
    }
}

impl Held {
    /// What holds a container with this policy.
    pub fn new(policy: &Policy, facts: EngineFacts, socket_memory: SocketMemory) -> Self {
        let (agent, script) = (policy.agent.clone(), policy.script.clone());
        Self { facts, agent, script, seccomp_profile: policy.seccomp.hash.clone(), socket_memory }
    }
}

/// Open to all, since Podman lets nobody name an owner.
fn temporary(shape: &Shape) -> Vec<Temporary> {
    let is_mounted = |path: &str| shape.mounts.iter().any(|mount| mount.path == Path::new(path));
    let volumes = shape.image.iter().flat_map(|image| &image.volumes).map(String::as_str);
    let paths = [WORK_FOLDER, "/tmp"].into_iter().chain(volumes.filter(|path| !is_mounted(path)));
    let bytes = shape.resources.memory_bytes;
    let files = bytes / BYTES_OF_FILE;
    let folder = |path: &str| Temporary { path: path.to_owned(), bytes, files, mode: 0o1777, executable: true };
    paths.map(folder).collect()
}

fn mounts(shape: &Shape, placement: Placement<'_>) -> Vec<PolicyMount> {
    let read_only = |source: &Path, target: &str| PolicyMount {
        source: source.to_owned(),
        target: target.into(),
        writable: false,
        recursive: false,
    };
    let shared = |file: &SharedFile| PolicyMount {
        source: file.path.clone(),
        target: file.path.clone(),
        writable: file.writable,
        recursive: file.writable,
    };
    let socket = read_only(placement.folder, SOCKET_FOLDER);
    let agent = placement.agent.map(|agent| read_only(agent, MOUNTED_AGENT));
    std::iter::once(socket).chain(shape.mounts.iter().map(shared)).chain(agent).collect()
}
