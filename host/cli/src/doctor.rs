//! `longshore doctor`: what is missing, and the command that fixes it.

use crate::engine_argument::EngineArgument;
use crate::environment::{Found, unknown_variables};
use crate::{help, printer};
use clap::Args;
use longshore::config::Entry;
use longshore::shown::Shown;
use longshore::{Diagnosis, Fix, Host};
use serde_json::{Value, json};

/// Exit status when something is missing.
const UNHEALTHY: u8 = 3;

#[derive(Debug, Args)]
pub(crate) struct DoctorArguments {
    /// Engine that must work: auto is docker, or process if no engine is installed
    #[arg(long, value_enum, default_value_t = EngineArgument::Auto)]
    engine: EngineArgument,
    /// Print a JSON array instead of text
    #[arg(long)]
    json: bool,
}

pub(crate) async fn doctor(arguments: &DoctorArguments, environment: &Found) -> u8 {
    let mut found = settings(environment);
    found.extend(Host::new(environment.config.settings().clone()).diagnose(arguments.engine.into()).await);
    if arguments.json {
        printer::json(&found.iter().map(as_json).collect::<Vec<_>>());
    } else {
        printer::out(&found.iter().map(line).collect());
    }
    if found.iter().all(|diagnosis| diagnosis.healthy || !diagnosis.needed) { 0 } else { UNHEALTHY }
}

/// Which settings files were read, whether the files that the settings name exist, and variables that are no settings.
fn settings(environment: &Found) -> Vec<Diagnosis> {
    let config = &environment.config;
    let files: Vec<String> = config.files().iter().map(|path| format!("`{}`", path.display())).collect();
    let finding = if files.is_empty() { "no file".to_owned() } else { files.join(", ") };
    let mut found = vec![Diagnosis::good("settings", finding)];
    if let Some(error) = &environment.ignored {
        let fix = "change its owner, name it in `LONGSHORE_CONFIG`, or work in another folder";
        found.push(Diagnosis::bad("settings", format!("runs are refused here: {error}"), fix));
    }
    // The engine's socket has a line of its own.
    let certificates = |entry: &Entry| entry.key == "network.ca_bundle";
    found.extend(config.entries().into_iter().filter(certificates).filter_map(|entry| {
        let finding = format!("{}: `{}`, from {}", entry.problem?, entry.value, entry.source);
        let fix = Fix::Machine(format!("name another file in {}", entry.source));
        Some(Diagnosis::bad(&format!("setting `{}`", entry.key), finding, fix))
    }));
    let mut variables: Vec<Diagnosis> = unknown_variables()
        .into_iter()
        .map(|(name, hint)| {
            Diagnosis::bad("variable", format!("`{name}` is not a setting{hint}"), "unset or rename it")
        })
        .collect();
    Diagnosis::optional(&mut variables);
    found.extend(variables);
    found
}

fn line(diagnosis: &Diagnosis) -> Shown {
    let mark = match (diagnosis.healthy, diagnosis.needed) {
        (true, _) => "ok",
        (false, true) => "missing",
        (false, false) => "optional",
    };
    let mut shown = Shown::line(format!("{mark:<8} {}: {}", diagnosis.subject, diagnosis.finding));
    fix(diagnosis).iter().for_each(|words| shown.push(format!("{:>9}fix: {words}", "")));
    shown
}

fn as_json(diagnosis: &Diagnosis) -> Value {
    let Diagnosis { subject, healthy, needed, finding, .. } = diagnosis;
    json!({"subject": subject, "healthy": healthy, "needed": needed, "finding": finding, "remedy": fix(diagnosis)})
}

fn fix(diagnosis: &Diagnosis) -> Option<String> {
    match diagnosis.fix.as_ref()? {
        Fix::Machine(words) => Some(words.clone()),
        Fix::Remedy(remedy) => help::words(remedy),
        _ => None,
    }
}
