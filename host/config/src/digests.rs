//! Digests of settings, by which a command and a resident host find out whether runs of both are the same.

use super::list::SETTINGS;
use super::setting::Setting;
use crate::settings::Settings;
use longshore_model::digest::Digest;
use std::fmt::Write as _;

/// The settings of the `process` engine alone, by table and key.
const OF_PROCESSES: [&str; 4] = ["engine.python", "engine.rscript", "engine.r_library", "engine.uv"];

/// The setting that only callers use.
const OF_CALLERS: &str = "runs.server";

/// The tables of settings that change when and where runs start, and no run.
const OF_HOSTS: [&str; 2] = ["admission", "pool"];

/// Digests of settings. Passwords are not part of them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SettingsDigests {
    /// Of those that every run depends on.
    pub common: String,
    /// Of those that runs of the `process` engine depend on besides.
    pub of_processes: String,
}

impl SettingsDigests {
    /// The digests of these settings.
    #[must_use]
    pub fn of(settings: &Settings) -> Self {
        let mut settings = settings.clone();
        let mut digest = |of_processes: bool| {
            let mut text = String::new();
            for setting in SETTINGS.iter().filter(|setting| belongs(setting, of_processes)) {
                let _ = writeln!(text, "{} {:?}", setting.name(), setting.slot.value(&mut settings));
            }
            if of_processes {
                let _ = writeln!(text, "{:?} {:?}", settings.path, settings.work_folder);
            }
            Digest::of(text.as_bytes()).hex()
        };
        Self { common: digest(false), of_processes: digest(true) }
    }
}

fn belongs(setting: &Setting, of_processes: bool) -> bool {
    let name = setting.name();
    let of_hosts = OF_HOSTS.contains(&setting.table);
    name != OF_CALLERS && !of_hosts && OF_PROCESSES.contains(&name.as_str()) == of_processes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::ServerChoice;

    #[test]
    fn a_setting_changes_the_digest_of_the_runs_that_it_changes() {
        let plain = SettingsDigests::of(&Settings::default());
        let changed = |change: fn(&mut Settings)| {
            let mut settings = Settings::default();
            change(&mut settings);
            let digests = SettingsDigests::of(&settings);
            (digests.common != plain.common, digests.of_processes != plain.of_processes)
        };
        assert_eq!(changed(|settings| settings.runs.keep = 3), (true, false));
        assert_eq!(changed(|settings| settings.packages.http_proxy = Some("proxy:1".into())), (true, false));
        assert_eq!(changed(|settings| settings.python = "/opt/python".into()), (false, true));
        assert_eq!(changed(|settings| settings.path = "/opt/bin".into()), (false, true));
        assert_eq!(changed(|settings| settings.server = ServerChoice::None), (false, false));
        assert_eq!(changed(|settings| settings.admission.queue = 3), (false, false));
        assert_eq!(changed(|settings| settings.pool.members = 0), (false, false));
        for table in OF_HOSTS {
            assert!(SETTINGS.iter().any(|setting| setting.table == table), "{table}");
        }
        assert!(SETTINGS.iter().any(|setting| setting.name() == OF_CALLERS));
        for name in OF_PROCESSES {
            assert!(SETTINGS.iter().any(|setting| setting.name() == name), "{name}");
        }
    }
}
