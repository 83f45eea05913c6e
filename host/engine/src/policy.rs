//! The rights of a container, as data: the only table from which engines create containers; `longshore run --explain`
//! prints a run's, and the record summarizes it. A container has no right that is not listed here. The policy of runs
//! is made here; those of builds and probes are made in `build_policy.rs`.

use super::identity::{Identity, SCRIPT_USER};
use super::run_directory::hosts_beside;
use super::script_user::ScriptUser;
use super::shape::Shape;
use super::store::BuildVolume;
use super::{EngineFacts, SeccompProfile, SocketMemory, profile};
use longshore_model::network::Network;
use longshore_os::shared_file::SharedFile;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The working folder in a container.
pub const WORK_FOLDER: &str = "/work";

/// The folder of the run's socket in a container.
pub const SOCKET_FOLDER: &str = "/run/longshore";

/// The file with the names of hosts in a container.
const HOSTS_FILE: &str = "/etc/hosts";

/// Mount point of this machine's agent in images without one. No image has a file there.
pub const MOUNTED_AGENT: &str = "/run/longshore-agent";

/// Paths of the machine that are hidden from a container by an empty file or folder: the engines' own lists, and paths
/// that reveal the machine, its other processes and its hardware. A path need not exist on each kernel.
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

/// Read-only paths of the kernel, as in the engines' lists.
const READ_ONLY: [&str; 5] = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

/// Its share of the processors under contention: half of the default of engines and of systemd's services.
const CPU_SHARES: u32 = 512;

/// Makes the kernel kill a container's processes before the host's own programs when the machine has no memory left.
const OOM_SCORE: i32 = 500;

/// Minimum bytes of a folder in memory per file: a page. Files without content take memory too.
const BYTES_OF_FILE: u64 = 4 << 10;

/// Limits of each process besides open files, which no script can raise: no core dumps, since a program of this machine
/// may be started for them; message queues of 64 KiB; 1,024 pending signals; 64 KiB of locked memory; no realtime
/// priority, and no nice value below the initial one. The number of processes is not limited here: it would be counted
/// for each user, over all containers.
const PROCESS_LIMITS: [(&str, u64); 6] =
    [("core", 0), ("msgqueue", 64 << 10), ("sigpending", 1024), ("memlock", 64 << 10), ("rtprio", 0), ("nice", 0)];

/// The rights and limits of a container.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Policy {
    /// The user of its first process: of a run, the agent. Root becomes the user 4355 with `KILL` alone once the script
    /// runs.
    pub agent: Identity,
    /// The user of the script, or of a build's commands.
    pub script: Identity,
    /// Whether programs with a set-user-id bit, or with file capabilities, gain no rights.
    pub no_new_privileges: bool,
    /// The system calls that it may make.
    pub seccomp: SeccompProfile,
    /// Whether the image's files are read-only.
    pub read_only_root: bool,
    /// The container's namespaces.
    pub namespaces: Namespaces,
    /// Folders in memory, empty at the start. They count as memory.
    pub temporary: Vec<Temporary>,
    /// Files and folders of this machine.
    pub mounts: Vec<PolicyMount>,
    /// Volumes of the engine, which outlive the container. Runs have none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub volumes: Vec<BuildVolume>,
    /// Hidden paths of the kernel; the engine's own list if `None`.
    pub masked: Option<Vec<&'static str>>,
    /// Read-only paths of the kernel; the engine's own list if `None`.
    pub read_only: Option<Vec<&'static str>>,
    /// Share of the processors under contention; the machine's own programs have 1024, and so has `None`.
    pub cpu_shares: Option<u32>,
    /// Adjusts the kernel's choice when the machine has no memory left: 1000 is killed first. The engine's default if
    /// `None`.
    pub oom_score: Option<i32>,
    /// Memory in bytes, including its temporary folders and `/dev/shm`. There is no swap.
    pub memory_bytes: u64,
    /// Size of `/dev/shm` in bytes, where worker processes pass each other their data; the engine's default if `None`.
    pub shared_memory_bytes: Option<u64>,
    /// Processors; `None` for all of them.
    pub cpus: Option<f64>,
    /// Processes and threads.
    pub pids: u32,
    /// Limits of each process; those not listed are the engine's defaults.
    pub process_limits: Vec<ProcessLimit>,
}

/// The container's own namespaces.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Namespaces {
    /// The network: `none` has a loopback alone.
    pub network: String,
    /// The maker of the network's namespace.
    pub network_maker: NetworkMaker,
    /// Shared memory, semaphores and message queues: `private`; the engine's default if `None`.
    pub ipc: Option<&'static str>,
    /// The visible control groups: `private` shows its own as the root; the engine's default if `None`.
    pub cgroup: Option<&'static str>,
}

/// The maker of a container's network namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NetworkMaker {
    /// The engine, which connects it to its network, and gives the container files with names of hosts and servers.
    Engine,
    /// The container runtime, which gives it a loopback alone. A container starts in half the time.
    Runtime,
}

/// A folder in memory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Temporary {
    /// Its path in the container.
    pub path: String,
    /// Maximum bytes: a write beyond them fails, and kills nothing.
    pub bytes: u64,
    /// Maximum files; the kernel's default if `None`.
    pub files: Option<u64>,
    /// Mode.
    pub mode: u32,
    /// Whether programs in it can be started; set-user-id bits and devices have no effect in it.
    pub executable: bool,
}

/// A file or folder of this machine in a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PolicyMount {
    /// Its path on this machine, without links.
    pub source: PathBuf,
    /// Its path in the container.
    pub target: PathBuf,
    /// Whether the script may write to it.
    pub writable: bool,
    /// Whether mounts below it on this machine are included. Read-only applies to one mount alone, so a mount below a
    /// read-only one is a separate mount.
    pub recursive: bool,
}

/// A limit of each process, soft and hard alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ProcessLimit {
    /// Its name, as in `ulimit` and the engines.
    pub name: &'static str,
    /// Its maximum.
    pub most: u64,
}

/// The isolation of a container: facts about its engine and machine, and its users.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// The engine and the machine.
    #[serde(flatten)]
    pub facts: EngineFacts,
    /// The agent's user.
    pub agent: Identity,
    /// The script's user.
    pub script: Identity,
    /// SHA-256 of its profile of system calls.
    pub seccomp_profile: String,
    /// How the kernel accounts the memory of its sockets.
    pub socket_memory: SocketMemory,
}

/// The placement of a container of a shape, and its user.
#[derive(Debug, Clone, Copy)]
pub struct Placement<'a> {
    /// The script's user; the common one of all runs if `None`.
    pub user: Option<&'a ScriptUser>,
    /// The folder on this machine that is its socket folder.
    pub folder: &'a Path,
    /// This machine's agent, if the image has none.
    pub agent: Option<&'a Path>,
    /// The maker of a network that is a loopback alone.
    pub loopback_maker: NetworkMaker,
}

impl Policy {
    /// The policy of a run's container.
    #[must_use]
    pub fn run(shape: &Shape, placement: Placement<'_>) -> Self {
        let (resources, user) = (shape.resources, placement.user);
        let script = Identity::of(user.map_or(SCRIPT_USER, |user| user.user));
        let agent = user.map_or_else(|| script.clone(), |user| user.agent.clone());
        let process_limits = std::iter::once(("nofile", resources.open_files)).chain(PROCESS_LIMITS);
        let network_maker = network_maker(shape, placement.loopback_maker);
        Self {
            agent,
            script,
            no_new_privileges: true,
            seccomp: profile((&shape.network).into()),
            read_only_root: true,
            namespaces: Namespaces {
                network: shape.network.to_string(),
                network_maker,
                ipc: Some("private"),
                cgroup: Some("private"),
            },
            temporary: temporary(shape),
            mounts: mounts(shape, placement, network_maker),
            volumes: Vec::new(),
            masked: Some(MASKED.to_vec()),
            read_only: Some(READ_ONLY.to_vec()),
            cpu_shares: Some(CPU_SHARES),
            oom_score: Some(OOM_SCORE),
            memory_bytes: resources.memory_bytes,
            shared_memory_bytes: Some(resources.memory_bytes),
            cpus: resources.cpus(),
            pids: resources.pids,
            process_limits: process_limits.map(|(name, most)| ProcessLimit { name, most }).collect(),
        }
    }
}

impl Held {
    /// The isolation of a container with this policy.
    pub fn new(policy: &Policy, facts: EngineFacts, socket_memory: SocketMemory) -> Self {
        let (agent, script) = (policy.agent.clone(), policy.script.clone());
        Self { facts, agent, script, seccomp_profile: policy.seccomp.hash.clone(), socket_memory }
    }
}

/// Mode 1777: Podman cannot set an owner.
fn temporary(shape: &Shape) -> Vec<Temporary> {
    let is_mounted = |path: &str| shape.mounts.iter().any(|mount| mount.path == Path::new(path));
    let volumes = shape.image.iter().flat_map(|image| &image.volumes).map(String::as_str);
    let paths = [WORK_FOLDER, "/tmp"].into_iter().chain(volumes.filter(|path| !is_mounted(path)));
    let bytes = shape.resources.memory_bytes;
    let files = Some(bytes / BYTES_OF_FILE);
    let folder = |path: &str| Temporary { path: path.to_owned(), bytes, files, mode: 0o1777, executable: true };
    paths.map(folder).collect()
}

/// A runtime makes a loopback; a file or folder of the caller may take the place of its file.
fn network_maker(shape: &Shape, loopback_maker: NetworkMaker) -> NetworkMaker {
    let is_hidden = shape.mounts.iter().any(|mount| Path::new(HOSTS_FILE).starts_with(&mount.path));
    if shape.network == Network::None && !is_hidden { loopback_maker } else { NetworkMaker::Engine }
}

fn mounts(shape: &Shape, placement: Placement<'_>, network_maker: NetworkMaker) -> Vec<PolicyMount> {
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
    let hosts =
        (network_maker == NetworkMaker::Runtime).then(|| read_only(&hosts_beside(placement.folder), HOSTS_FILE));
    let agent = placement.agent.map(|agent| read_only(agent, MOUNTED_AGENT));
    std::iter::once(socket).chain(hosts).chain(shape.mounts.iter().map(shared)).chain(agent).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use longshore_model::limits::Limits;

    #[test]
    fn a_runtime_makes_the_network_where_it_is_a_loopback_and_its_file_has_its_place() {
        let mounted = |path: &str| vec![SharedFile::open(path.into(), false).unwrap().unwrap()];
        let maker = |network: Network, mounts: Vec<SharedFile>, loopback_maker| {
            let resources = (&Limits::default()).into();
            let shape = Shape { image: None, resources, network, mounts, python: None, r_libraries: Vec::new() };
            let placement = Placement { user: None, folder: Path::new("/run/x"), agent: None, loopback_maker };
            let policy = Policy::run(&shape, placement);
            let has_hosts = policy.mounts.iter().any(|mount| mount.source == Path::new("/run/hosts"));
            assert_eq!(has_hosts, policy.namespaces.network_maker == NetworkMaker::Runtime);
            policy.namespaces.network_maker
        };
        let runtime = NetworkMaker::Runtime;
        assert_eq!(maker(Network::None, Vec::new(), runtime), runtime);
        assert_eq!(maker(Network::None, mounted("/etc/passwd"), runtime), runtime);
        assert_eq!(maker(Network::None, Vec::new(), NetworkMaker::Engine), NetworkMaker::Engine);
        for path in ["/etc/hosts", "/etc", "/"] {
            assert_eq!(maker(Network::None, mounted(path), runtime), NetworkMaker::Engine, "{path}");
        }
        for network in ["bridge", "of-our-own"] {
            assert_eq!(maker(Network::named(network).unwrap(), Vec::new(), runtime), NetworkMaker::Engine);
        }
    }
}
