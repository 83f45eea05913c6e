//! Requests an engine's facts about itself and its machine, once.

use super::names_watch::NamesWatch;
use bollard::models::{SystemInfo, SystemInfoCgroupVersionEnum};
use longshore_engine::EngineFacts;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OnceCell;

/// How long an engine may take to answer. A run does not wait longer for facts that it only records.
const DEADLINE: Duration = Duration::from_secs(10);

/// Converts the answer of the Engine API.
fn facts(info: SystemInfo) -> EngineFacts {
    let options = info.security_options.unwrap_or_default();
    let named = |option: &str| option.split(',').find_map(|part| part.strip_prefix("name=")).map(str::to_owned);
    let names: Vec<String> = options.iter().filter_map(|option| named(option)).collect();
    let has = |name: &str| names.iter().any(|found| found == name);
    let modules = ["apparmor", "selinux"].into_iter().filter(|module| has(module));
    EngineFacts {
        version: info.server_version,
        runtime: info.default_runtime,
        kernel: info.kernel_version,
        cgroup_version: match info.cgroup_version {
            Some(SystemInfoCgroupVersionEnum::_1) => Some(1),
            Some(SystemInfoCgroupVersionEnum::_2) => Some(2),
            _ => None,
        },
        security_modules: modules.map(str::to_owned).collect(),
        seccomp: has("seccomp"),
        user_namespace: has("userns") || has("rootless"),
        rootless: has("rootless"),
    }
}

/// An engine's answer.
#[derive(Debug, Clone)]
struct Answer {
    facts: EngineFacts,
    names: NamesWatch,
}

/// Facts that are requested at most once, when an engine is connected.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    api: bollard::Docker,
    /// `None` in it if the engine did not answer.
    answer: Arc<OnceCell<Option<Answer>>>,
}

impl Asked {
    /// Starts the request.
    pub(super) fn begin(api: bollard::Docker) -> Self {
        let asked = Self { api, answer: Arc::default() };
        let asking = asked.clone();
        // This task is not awaited: readers of the facts use the same cell.
        tokio::spawn(async move { drop(asking.get().await) });
        asked
    }

    /// The answer. An engine that does not answer has default facts.
    pub(super) async fn get(&self) -> EngineFacts {
        let ask = || async {
            let answer = tokio::time::timeout(DEADLINE, self.api.info()).await;
            let info = answer.ok().and_then(Result::ok)?;
            Some(Answer { names: NamesWatch::of(&info), facts: facts(info) })
        };
        self.answer.get_or_init(ask).await.as_ref().map(|answer| answer.facts.clone()).unwrap_or_default()
    }

    /// Whether the engine did not answer.
    pub(super) fn has_failed(&self) -> bool {
        matches!(self.answer.get(), Some(None))
    }

    /// How the engine shows changes of images' names, once it has answered.
    pub(super) fn names(&self) -> Option<&NamesWatch> {
        self.answer.get()?.as_ref().map(|answer| &answer.names)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn security_options_are_read_by_their_names() {
        let options = ["name=apparmor", "name=seccomp,profile=default", "name=rootless", "name=cgroupns"];
        let info = SystemInfo {
            security_options: Some(options.map(str::to_owned).to_vec()),
            cgroup_version: Some(SystemInfoCgroupVersionEnum::_2),
            server_version: Some("20.10.24".into()),
            ..SystemInfo::default()
        };
        let read = facts(info);
        assert_eq!(read.security_modules, ["apparmor"]);
        assert_eq!(read.cgroup_version, Some(2));
        assert!(read.seccomp && read.rootless && read.user_namespace);
        assert_eq!(facts(SystemInfo::default()), EngineFacts::default());
    }
}
