//! `longshore doctor`: what is missing, and the command that mends it.

use crate::check::print;
use longshore::{Diagnosis, Settings, diagnose};

/// Exit status when something is missing.
const UNHEALTHY: u8 = 3;

pub(crate) async fn doctor(settings: &Settings, json: bool) -> u8 {
    let found = diagnose(settings).await;
    if json {
        let text = serde_json::to_string_pretty(&found).unwrap_or_default();
        print(&format!("{text}\n"));
    } else {
        print(&found.iter().map(line).collect::<String>());
    }
    if found.iter().all(|diagnosis| diagnosis.healthy) { 0 } else { UNHEALTHY }
}

fn line(diagnosis: &Diagnosis) -> String {
    let mark = if diagnosis.healthy { "ok     " } else { "missing" };
    let remedy = diagnosis.remedy.as_ref().map(|remedy| format!("{:>9}mend it: {remedy}\n", "")).unwrap_or_default();
    format!("{mark}  {}: {}\n{remedy}", diagnosis.subject, diagnosis.finding)
}
