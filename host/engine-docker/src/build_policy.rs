//! What the containers of builds may do: as data, in one place, like the policy of runs in `engine/policy.rs`. A build
//! runs the code of packages as root, with a network; it gets what installing takes, and no more.

use bollard::models::{ContainerCreateBody, HostConfig, ImageConfig, Mount, MountType};
use longshore_config::settings::BuildSettings;
use longshore_engine::{BuildPlan, SCRIPT_USER, Sockets, profile};
use longshore_model::image_id::ImageId;
use std::collections::{BTreeMap, HashMap};

/// Root, whoever the image runs as.
const ROOT: &str = "0:0";

/// What dpkg and apt need to unpack files of any owner and mode, and what the scripts of Debian's packages need to make
/// users. Those that set capabilities of files (`setcap`) fall back to something else.
const CAPABILITIES: [&str; 6] = ["CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "SETGID", "SETUID"];

/// What a closed build container may use: an interpreter that lists its packages takes a tenth of it.
const CLOSED_MEMORY_BYTES: u64 = 1 << 30;

/// Processes and threads in a probe container: a shell and an interpreter, with a thread for each processor.
const CLOSED_PIDS: u64 = 256;

/// A container in which an image is changed.
pub(super) fn open(plan: &BuildPlan, original: &ImageConfig) -> ContainerCreateBody {
    let mounts = plan.volumes.iter().map(|volume| Mount {
        target: Some(volume.target.clone()),
        source: Some(volume.name.clone()),
        typ: Some(MountType::VOLUME),
        read_only: Some(!volume.writable),
        ..Mount::default()
    });
    let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    // What is written to volumes of the image's own ends in no image, and is not counted: it is memory. Files are put
    // into `/tmp`, where that would hide them.
    let volumes = original.volumes.iter().flatten().filter(|path| !"/tmp".starts_with(path.trim_end_matches('/')));
    let tmpfs = volumes.map(|path| (path.clone(), format!("rw,size={},mode=1777", plan.limits.memory_bytes)));
    let sockets = if plan.network { Sockets::Network } else { Sockets::Loopback };
    ContainerCreateBody {
        image: Some(plan.image.0.clone()),
        entrypoint: Some(vec!["/bin/sh".into(), "-c".into(), "exec cat >/dev/null".into()]),
        cmd: Some(Vec::new()),
        user: Some(ROOT.into()),
        open_stdin: Some(true),
        stdin_once: Some(true),
        labels: Some(plan.labels.clone().into_iter().collect()),
        host_config: Some(HostConfig {
            network_mode: Some(if plan.network { "bridge" } else { "none" }.into()),
            mounts: Some(mounts.collect()),
            tmpfs: Some(tmpfs.collect()),
            cap_drop: Some(vec!["ALL".into()]),
            cap_add: Some(CAPABILITIES.map(str::to_owned).to_vec()),
            security_opt: Some(vec!["no-new-privileges".into(), profile(sockets).option()]),
            memory: Some(number(plan.limits.memory_bytes)),
            memory_swap: Some(number(plan.limits.memory_bytes)),
            pids_limit: Some(number(plan.limits.pids)),
            auto_remove: Some(true),
            ..HostConfig::default()
        }),
        ..ContainerCreateBody::default()
    }
}

/// A container in which an image is looked at: it may do no more than a script, and nothing can be changed.
pub(super) fn closed(image: &ImageId, original: &ImageConfig) -> ContainerCreateBody {
    let labels = BTreeMap::from([("longshore.owner".to_owned(), "longshore".to_owned())]);
    let limits = BuildSettings { memory_bytes: CLOSED_MEMORY_BYTES, pids: CLOSED_PIDS, ..BuildSettings::default() };
    let plan = BuildPlan { image: image.clone(), network: false, volumes: Vec::new(), labels, limits };
    let open = open(&plan, original);
    let host = open.host_config.unwrap_or_default();
    let mut tmpfs: HashMap<String, String> = host.tmpfs.unwrap_or_default();
    // R wants a folder for its session.
    tmpfs.insert("/tmp".into(), format!("rw,nosuid,nodev,noexec,size={CLOSED_MEMORY_BYTES}"));
    ContainerCreateBody {
        user: Some(format!("{}:{}", SCRIPT_USER.uid, SCRIPT_USER.gid)),
        host_config: Some(HostConfig {
            readonly_rootfs: Some(true),
            tmpfs: Some(tmpfs),
            cap_add: Some(Vec::new()),
            ..host
        }),
        ..open
    }
}
