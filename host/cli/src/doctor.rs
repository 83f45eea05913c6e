//! `longshore doctor`: what is missing, and the command that fixes it.

use crate::{help, printer};
use longshore::config::{Config, Entry};
use longshore::shown::Shown;
use longshore::{Diagnosis, Fix, Host};
use serde_json::{Value, json};

/// Exit status when something is missing.
const UNHEALTHY: u8 = 3;

pub(crate) async fn doctor(config: &Config, json: bool) -> u8 {
    let mut found = settings(config);
    found.extend(Host::new(config.settings().clone()).diagnose().await);
    if json {
        printer::json(&found.iter().map(as_json).collect::<Vec<_>>());
    } else {
        printer::out(&found.iter().map(line).collect());
    }
    if found.iter().all(|diagnosis| diagnosis.healthy) { 0 } else { UNHEALTHY }
}

/// Which settings files were read, and whether the files that the settings name exist.
fn settings(config: &Config) -> Vec<Diagnosis> {
    let files: Vec<String> = config.files().iter().map(|path| format!("`{}`", path.display())).collect();
    let finding = if files.is_empty() { "no file".to_owned() } else { files.join(", ") };
    let read = Diagnosis { subject: "settings".into(), healthy: true, finding, fix: None };
    // The engine's socket has a line of its own.
    let certificates = |entry: &Entry| entry.key == "network.ca_bundle";
    let missing = config.entries().into_iter().filter(certificates).filter_map(|entry| {
        let finding = format!("{}: `{}`, from {}", entry.problem?, entry.value, entry.source);
        let fix = Some(Fix::Machine(format!("name another file in {}", entry.source)));
        Some(Diagnosis { subject: format!("setting `{}`", entry.key), healthy: false, finding, fix })
    });
    std::iter::once(read).chain(missing).collect()
}

fn line(diagnosis: &Diagnosis) -> Shown {
    let mark = if diagnosis.healthy { "ok     " } else { "missing" };
    let mut shown = Shown::line(format!("{mark}  {}: {}", diagnosis.subject, diagnosis.finding));
    fix(diagnosis).iter().for_each(|words| shown.push(format!("{:>9}fix: {words}", "")));
    shown
}

fn as_json(diagnosis: &Diagnosis) -> Value {
    let Diagnosis { subject, healthy, finding, .. } = diagnosis;
    json!({"subject": subject, "healthy": healthy, "finding": finding, "remedy": fix(diagnosis)})
}

fn fix(diagnosis: &Diagnosis) -> Option<String> {
    match diagnosis.fix.as_ref()? {
        Fix::Machine(words) => Some(words.clone()),
        Fix::Remedy(remedy) => help::words(remedy),
        _ => None,
    }
}
