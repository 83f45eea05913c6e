//! The rights of build containers, as data in one place, like the policy of runs in `engine/policy.rs`. A build runs
//! the code of packages as root, with a network; it gets the rights that installing needs, and no more.

use bollard::models::{ContainerCreateBody, HostConfig, ImageConfig, Mount, MountType};
use longshore_config::settings::BuildSettings;
use longshore_engine::{BuildPlan, SCRIPT_USER, Sockets, profile};
use longshore_model::image_id::ImageId;
use std::collections::{BTreeMap, HashMap};

/// Root, regardless of the image's user.
const ROOT: &str = "0:0";

/// Capabilities that dpkg and apt need to unpack files of any owner and mode, and that the scripts of Debian packages
/// need to create users. Scripts that set capabilities of files (`setcap`) have a fallback.
const CAPABILITIES: [&str; 6] = ["CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "SETGID", "SETUID"];

/// Memory limit of a probe container: an interpreter that lists its packages uses a tenth of it.
const CLOSED_MEMORY_BYTES: u64 = 1 << 30;

/// Processes and threads of a probe container: a shell and an interpreter, with a thread for each processor.
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
    // Data written to the image's own volumes is not in the new image and not counted: these are in memory. `/tmp` is
    // not, since files are copied into it, which a mount would hide.
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

/// A container in which an image is inspected: it has the rights of a script, and its files are read-only.
pub(super) fn closed(image: &ImageId, original: &ImageConfig) -> ContainerCreateBody {
    let labels = BTreeMap::from([("longshore.owner".to_owned(), "longshore".to_owned())]);
    let limits = BuildSettings { memory_bytes: CLOSED_MEMORY_BYTES, pids: CLOSED_PIDS, ..BuildSettings::default() };
    let plan = BuildPlan { image: image.clone(), network: false, volumes: Vec::new(), labels, limits };
    let open = open(&plan, original);
    let host = open.host_config.unwrap_or_default();
    let mut tmpfs: HashMap<String, String> = host.tmpfs.unwrap_or_default();
    // R needs a folder for its session.
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
