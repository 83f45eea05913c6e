//! The rights of build and probe containers, in the terms of a run's policy. A build runs the code of packages as root,
//! with a network; it has the rights that installing needs, and no others. A probe has those of a script.

use super::identity::{Identity, SCRIPT_USER};
use super::policy::{Namespaces, NetworkMaker, Policy, Temporary};
use super::seccomp::{Sockets, profile};
use super::store::BuildPlan;

/// Capabilities that dpkg and apt need to unpack files of any owner and mode, and that the scripts of Debian packages
/// need to create users. Scripts that set capabilities of files (`setcap`) have a fallback.
const CAPABILITIES: [&str; 6] = ["CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "SETGID", "SETUID"];

/// Memory limit of a probe container: an interpreter that lists its packages uses a tenth of it.
const PROBE_MEMORY_BYTES: u64 = 1 << 30;

/// Processes and threads of a probe container: a shell and an interpreter, with a thread for each processor.
const PROBE_PIDS: u32 = 256;

/// The folder of temporary files.
const TEMPORARY_FOLDER: &str = "/tmp";

impl Policy {
    /// The policy of a container in which an image is changed. `volumes` are the image's own.
    #[must_use]
    pub fn build(plan: &BuildPlan, volumes: &[String]) -> Self {
        // Root, regardless of the image's user.
        let root = Identity { uid: 0, gid: 0, capabilities: CAPABILITIES.map(Into::into).into() };
        let (network, sockets) = if plan.network { ("bridge", Sockets::Network) } else { ("none", Sockets::Loopback) };
        let pids = u32::try_from(plan.limits.pids).unwrap_or(u32::MAX);
        let open = Self::with_engine_defaults(root, network, sockets, plan.limits.memory_bytes, pids);
        Self { temporary: in_memory(volumes, plan.limits.memory_bytes), volumes: plan.volumes.clone(), ..open }
    }

    /// The policy of a container in which an image is inspected: it has the rights of a script, and its files are
    /// read-only. `volumes` are the image's own.
    #[must_use]
    pub fn probe(volumes: &[String]) -> Self {
        let script = Identity::of(SCRIPT_USER);
        let closed = Self::with_engine_defaults(script, "none", Sockets::Loopback, PROBE_MEMORY_BYTES, PROBE_PIDS);
        let mut temporary = in_memory(volumes, PROBE_MEMORY_BYTES);
        // R needs a folder for its session.
        temporary.push(folder(TEMPORARY_FOLDER, PROBE_MEMORY_BYTES));
        Self { read_only_root: true, temporary, ..closed }
    }

    /// A policy that leaves to the engine whatever a run restricts further.
    fn with_engine_defaults(user: Identity, network: &str, sockets: Sockets, memory_bytes: u64, pids: u32) -> Self {
        Self {
            agent: user.clone(),
            script: user,
            no_new_privileges: true,
            seccomp: profile(sockets),
            read_only_root: false,
            namespaces: Namespaces {
                network: network.to_owned(),
                network_maker: NetworkMaker::Engine,
                ipc: None,
                cgroup: None,
            },
            temporary: Vec::new(),
            mounts: Vec::new(),
            volumes: Vec::new(),
            masked: None,
            read_only: None,
            cpu_shares: None,
            oom_score: None,
            memory_bytes,
            shared_memory_bytes: None,
            cpus: None,
            pids,
            process_limits: Vec::new(),
        }
    }
}

/// The image's own volumes in memory: data written to them is not in the new image and not counted. `/tmp` is not among
/// them, since files are copied into it, which a mount would hide.
fn in_memory(volumes: &[String], bytes: u64) -> Vec<Temporary> {
    let volumes = volumes.iter().filter(|path| !TEMPORARY_FOLDER.starts_with(path.trim_end_matches('/')));
    volumes.map(|path| folder(path, bytes)).collect()
}

fn folder(path: &str, bytes: u64) -> Temporary {
    Temporary { path: path.to_owned(), bytes, files: None, mode: 0o1777, executable: false }
}
