//! A policy in the terms of the Engine API: containers of runs, builds and probes are all created from this.

use bollard::models::{ContainerCreateBody, HostConfig, Mount, MountBindOptions, MountType, ResourcesUlimits};
use longshore_engine::{BuildVolume, NetworkMaker, Policy, PolicyMount, ProcessLimit, Temporary};

/// A container with the rights of a policy. The caller adds its image and its first process.
pub(super) fn body(policy: &Policy) -> ContainerCreateBody {
    let security = policy.no_new_privileges.then(|| "no-new-privileges".to_owned());
    let security = security.into_iter().chain([policy.seccomp.option()]);
    let capabilities = policy.agent.capabilities.iter().map(|name| name.clone().into_owned());
    let mounts = policy.mounts.iter().map(mount).chain(policy.volumes.iter().map(volume));
    let limits: Vec<ResourcesUlimits> = policy.process_limits.iter().map(limit).collect();
    let paths = |paths: &Vec<&str>| paths.iter().map(|&path| path.to_owned()).collect();
    let host_config = HostConfig {
        mounts: Some(mounts.collect()),
        network_mode: Some(policy.namespaces.network.clone()),
        readonly_rootfs: Some(policy.read_only_root),
        cap_drop: Some(vec!["ALL".into()]),
        cap_add: Some(capabilities.collect()),
        security_opt: Some(security.collect()),
        tmpfs: Some(policy.temporary.iter().map(temporary).collect()),
        shm_size: policy.shared_memory_bytes.map(number),
        memory: Some(number(policy.memory_bytes)),
        memory_swap: Some(number(policy.memory_bytes)),
        nano_cpus: policy.cpus.map(nano),
        pids_limit: Some(i64::from(policy.pids)),
        ulimits: (!limits.is_empty()).then_some(limits),
        ipc_mode: policy.namespaces.ipc.map(str::to_owned),
        cgroupns_mode: policy.namespaces.cgroup.and_then(|mode| mode.parse().ok()),
        masked_paths: policy.masked.as_ref().map(paths),
        readonly_paths: policy.read_only.as_ref().map(paths),
        cpu_shares: policy.cpu_shares.map(i64::from),
        oom_score_adj: policy.oom_score.map(i64::from),
        auto_remove: Some(true),
        ..HostConfig::default()
    };
    ContainerCreateBody {
        user: Some(format!("{}:{}", policy.agent.uid, policy.agent.gid)),
        // The engine leaves the namespace to the container runtime.
        network_disabled: (policy.namespaces.network_maker == NetworkMaker::Runtime).then_some(true),
        host_config: Some(host_config),
        ..ContainerCreateBody::default()
    }
}

/// Unlike binds, mounts accept any path, also with a colon, and create no missing folder.
fn mount(mount: &PolicyMount) -> Mount {
    Mount {
        target: Some(mount.target.display().to_string()),
        source: Some(mount.source.display().to_string()),
        typ: Some(MountType::BIND),
        read_only: Some(!mount.writable),
        bind_options: Some(MountBindOptions { non_recursive: Some(!mount.recursive), ..MountBindOptions::default() }),
        ..Mount::default()
    }
}

fn volume(volume: &BuildVolume) -> Mount {
    Mount {
        target: Some(volume.target.clone()),
        source: Some(volume.name.clone()),
        typ: Some(MountType::VOLUME),
        read_only: Some(!volume.writable),
        ..Mount::default()
    }
}

fn temporary(folder: &Temporary) -> (String, String) {
    let exec = if folder.executable { "exec" } else { "noexec" };
    let files = folder.files.map(|files| format!(",nr_inodes={files}")).unwrap_or_default();
    let options = format!("rw,nosuid,nodev,{exec},size={}{files},mode={:o}", folder.bytes, folder.mode);
    (folder.path.clone(), options)
}

fn limit(limit: &ProcessLimit) -> ResourcesUlimits {
    ResourcesUlimits { name: Some(limit.name.into()), soft: Some(number(limit.most)), hard: Some(number(limit.most)) }
}

fn number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[allow(clippy::cast_possible_truncation, reason = "the command line bounds processors far below 2^63 nanoprocessors")]
fn nano(cpus: f64) -> i64 {
    (cpus * 1e9) as i64
}

#[cfg(test)]
mod tests {
    use super::*;
    use longshore_config::settings::BuildSettings;
    use longshore_engine::{
        BuildPlan, ContainerDefaults, Placement, Resources, RunImage, Shape, Sockets, StoredImage, profile,
    };
    use longshore_model::image_id::ImageId;
    use longshore_model::network::Network;
    use serde_json::{Value, json};
    use std::path::Path;

    /// The rights as the engine receives them, with a name instead of the profile of system calls. The lists of paths
    /// are removed: a script compares them with what it sees.
    fn sent(policy: &Policy) -> Value {
        let mut sent = serde_json::to_value(body(policy)).unwrap();
        let host = sent["HostConfig"].as_object_mut().unwrap();
        let profiles = [("loopback", Sockets::Loopback), ("network", Sockets::Network)];
        for option in host["SecurityOpt"].as_array_mut().unwrap() {
            let known = profiles.iter().find(|(_, sockets)| *option == profile(*sockets).option());
            known.iter().for_each(|(name, _)| *option = json!(name));
        }
        for paths in ["MaskedPaths", "ReadonlyPaths"] {
            if let Some(found) = host.get_mut(paths) {
                *found = json!(found.as_array().unwrap().len());
            }
        }
        sent
    }

    #[test]
    fn a_run_has_exactly_these_rights() {
        let defaults = ContainerDefaults { volumes: vec!["/data".into()], ..ContainerDefaults::default() };
        let shape = Shape {
            image: Some(RunImage::of("x", StoredImage { defaults, ..StoredImage::default() })),
            resources: Resources { memory_bytes: 1 << 30, nano_cpus: Some(1_500_000_000), pids: 77, open_files: 1024 },
            network: Network::None,
            mounts: Vec::new(),
            python: None,
            r_libraries: Vec::new(),
        };
        let placement = |loopback_maker| Placement {
            user: None,
            folder: Path::new("/run/x"),
            agent: Some(Path::new("/agent")),
            loopback_maker,
        };
        let in_memory = "rw,nosuid,nodev,exec,size=1073741824,nr_inodes=262144,mode=1777";
        let mount = |source: &str, target: &str| {
            json!({
                "Source": source, "Target": target, "Type": "bind", "ReadOnly": true, "BindOptions": {"NonRecursive": true},
            })
        };
        let limit = |name: &str, most: u64| json!({"Name": name, "Soft": most, "Hard": most});
        let mut expected = json!({
            "User": "4356:4357",
            "NetworkDisabled": true,
            "HostConfig": {
                "CapAdd": [],
                "CapDrop": ["ALL"],
                "SecurityOpt": ["no-new-privileges", "loopback"],
                "ReadonlyRootfs": true,
                "NetworkMode": "none",
                "IpcMode": "private",
                "CgroupnsMode": "private",
                "Tmpfs": {"/work": in_memory, "/tmp": in_memory, "/data": in_memory},
                "Mounts": [
                    mount("/run/x", "/run/longshore"), mount("/run/hosts", "/etc/hosts"),
                    mount("/agent", "/run/longshore-agent"),
                ],
                "MaskedPaths": 42,
                "ReadonlyPaths": 5,
                "CpuShares": 512,
                "OomScoreAdj": 500,
                "Memory": 1_073_741_824,
                "MemorySwap": 1_073_741_824,
                "ShmSize": 1_073_741_824,
                "NanoCpus": 1_500_000_000,
                "PidsLimit": 77,
                "Ulimits": [
                    limit("nofile", 1024), limit("core", 0), limit("msgqueue", 65536), limit("sigpending", 1024),
                    limit("memlock", 65536), limit("rtprio", 0), limit("nice", 0),
                ],
                "AutoRemove": true,
            },
        });
        assert_eq!(sent(&Policy::run(&shape, placement(NetworkMaker::Runtime))), expected);
        // An engine that makes the network also writes the names of its hosts.
        expected.as_object_mut().unwrap().remove("NetworkDisabled");
        expected["HostConfig"]["Mounts"].as_array_mut().unwrap().remove(1);
        assert_eq!(sent(&Policy::run(&shape, placement(NetworkMaker::Engine))), expected);
    }

    /// Of a build, with its capabilities, volume and network; the options of folders in memory are the engines' defaults
    /// but for their size.
    fn of_build(sockets: &str, network: &str) -> Value {
        json!({
            "User": "0:0",
            "HostConfig": {
                "CapAdd": ["CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "SETGID", "SETUID"],
                "CapDrop": ["ALL"],
                "SecurityOpt": ["no-new-privileges", sockets],
                "ReadonlyRootfs": false,
                "NetworkMode": network,
                "Tmpfs": {"/data": "rw,nosuid,nodev,noexec,size=8589934592,mode=1777"},
                "Mounts": [{"Source": "cache", "Target": "/cache", "Type": "volume", "ReadOnly": false}],
                "Memory": 8_589_934_592_u64,
                "MemorySwap": 8_589_934_592_u64,
                "PidsLimit": 4096,
                "AutoRemove": true,
            },
        })
    }

    #[test]
    fn a_build_has_exactly_these_rights() {
        let volume = BuildVolume { name: "cache".into(), target: "/cache".into(), writable: true };
        let plan = |network| BuildPlan {
            image: ImageId("sha256:1".into()),
            network,
            volumes: vec![volume.clone()],
            labels: std::collections::BTreeMap::new(),
            limits: BuildSettings::default(),
        };
        let volumes = ["/data".to_owned(), "/tmp/".to_owned()];
        assert_eq!(sent(&Policy::build(&plan(true), &volumes)), of_build("network", "bridge"));
        assert_eq!(sent(&Policy::build(&plan(false), &volumes)), of_build("loopback", "none"));
    }

    #[test]
    fn a_probe_has_exactly_these_rights() {
        let in_memory = "rw,nosuid,nodev,noexec,size=1073741824,mode=1777";
        let expected = json!({
            "User": "4356:4357",
            "HostConfig": {
                "CapAdd": [],
                "CapDrop": ["ALL"],
                "SecurityOpt": ["no-new-privileges", "loopback"],
                "ReadonlyRootfs": true,
                "NetworkMode": "none",
                "Tmpfs": {"/data": in_memory, "/tmp": in_memory},
                "Mounts": [],
                "Memory": 1_073_741_824,
                "MemorySwap": 1_073_741_824,
                "PidsLimit": 256,
                "AutoRemove": true,
            },
        });
        assert_eq!(sent(&Policy::probe(&["/data".to_owned(), "/tmp/".to_owned()])), expected);
    }
}
