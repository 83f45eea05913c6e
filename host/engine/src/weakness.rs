//! Weaknesses of an engine and its machine that no container policy can remove, for the diagnosis.

use super::{Diagnosis, EngineFacts, SocketMemory};

/// The first version of Docker whose releases all have the `runc` fixes of 2024, and hide the files that reveal the
/// machine's power use (`/sys/devices/virtual/powercap`).
const MASKING: u32 = 25;

/// All weaknesses. Runs are possible with each of them, except the lack of system call filters.
pub(super) fn weaknesses(facts: &EngineFacts, sockets: SocketMemory) -> Vec<Diagnosis> {
    let weaker = |finding: String, fix: &str| Diagnosis {
        subject: "isolation".into(),
        healthy: true,
        needed: true,
        finding,
        fix: Some(fix.into()),
    };
    let mut found = Vec::new();
    if !facts.seccomp {
        found.push(Diagnosis {
            healthy: false,
            ..weaker(
                "the engine does not report a filter for system calls".into(),
                "install an engine and a kernel with seccomp",
            )
        });
    }
    if facts.cgroup_version == Some(1) {
        let sockets = match sockets {
            SocketMemory::Uncounted => "a script can take this machine's memory with TCP and UDP sockets",
            SocketMemory::Counted | SocketMemory::Limited => {
                "the memory of TCP and UDP sockets is limited apart from a run's memory"
            }
        };
        found.push(weaker(
            format!(
                "control groups of version 1 do not count the memory of sockets: {sockets}; in runs with a network, route sockets \
                 too, without a limit"
            ),
            "boot with `systemd.unified_cgroup_hierarchy=1`",
        ));
    }
    let major = facts.version.as_deref().and_then(|version| version.split('.').next()?.parse::<u32>().ok());
    // Podman has other version numbers: its version 5 has all of the fixes.
    if let (Some(version), Some(10..MASKING)) = (&facts.version, major) {
        found.push(weaker(
            format!("engine {version} is older than {MASKING}: its `runc` may lack the fixes of 2024, such as CVE-2024-21626"),
            "install Docker 25 or newer, or check that the distribution has the fixes",
        ));
    }
    if facts.security_modules.is_empty() {
        found.push(weaker(
            "neither AppArmor nor SELinux confines containers".into(),
            "load AppArmor or SELinux, and restart the engine",
        ));
    }
    if !facts.user_namespace {
        found.push(weaker(
            "a user id in a container is the same user id on this machine".into(),
            "set `userns-remap` of the engine, or run it without root",
        ));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> EngineFacts {
        EngineFacts {
            version: Some("28.2.2".into()),
            cgroup_version: Some(2),
            security_modules: vec!["apparmor".into()],
            seccomp: true,
            user_namespace: true,
            ..EngineFacts::default()
        }
    }

    #[test]
    fn each_weakness_is_said_with_what_ends_it() {
        assert!(weaknesses(&facts(), SocketMemory::Counted).is_empty());
        let said = |change: fn(&mut EngineFacts), sockets| {
            let mut facts = facts();
            change(&mut facts);
            let [found] = &weaknesses(&facts, sockets)[..] else { panic!("{facts:?}") };
            assert!(found.fix.is_some());
            (found.finding.clone(), found.healthy)
        };
        let (finding, healthy) = said(|facts| facts.cgroup_version = Some(1), SocketMemory::Uncounted);
        assert!(finding.contains("can take this machine's memory") && healthy, "{finding}");
        let (finding, _) = said(|facts| facts.cgroup_version = Some(1), SocketMemory::Limited);
        assert!(finding.contains("is limited apart"), "{finding}");
        let (finding, _) = said(|facts| facts.version = Some("20.10.24+dfsg1".into()), SocketMemory::Counted);
        assert!(finding.contains("engine 20.10.24+dfsg1 is older than 25"), "{finding}");
        assert!(said(|facts| facts.security_modules.clear(), SocketMemory::Counted).1);
        assert!(said(|facts| facts.user_namespace = false, SocketMemory::Counted).1);
        assert!(!said(|facts| facts.seccomp = false, SocketMemory::Counted).1);
    }
}
