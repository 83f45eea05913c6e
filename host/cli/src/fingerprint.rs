//! `longshore fingerprint` and `longshore diff`.

use crate::engine_argument::EngineArgument;
use crate::{BAD_INPUT, failure, printer};
use clap::Args;
use longshore::Host;
use longshore::fingerprint::Difference;
use longshore::shown::Shown;
use longshore::subject::{SubjectError, TakenFingerprint};
use serde_json::json;

/// Exit status where two fingerprints differ.
const DIFFERENT: u8 = 1;

/// Exit status if the installed packages cannot be determined.
const FAILED: u8 = 3;

#[derive(Debug, Args)]
pub(crate) struct FingerprintArguments {
    /// An image, a block's folder or script, or a .json file with the output of `--json`; two of them are compared:
    /// exit status 0 if they are the same, else 1
    #[arg(required = true, num_args = 1..=2, value_name = "IMAGE|BLOCK")]
    pub(crate) subjects: Vec<String>,
    /// Engine that blocks would run with: auto is docker, or process if no engine is installed
    #[arg(long, value_enum, default_value_t = EngineArgument::Auto)]
    pub(crate) engine: EngineArgument,
    /// Print one JSON object instead of text
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DiffArguments {
    /// An image, six or more digits of an environment's hash, a block's folder or script, a lock (.lock), or a saved
    /// fingerprint (.json)
    #[arg(value_name = "FIRST")]
    first: String,
    /// The other one; a lock is compared by the packages that it lists
    #[arg(value_name = "SECOND")]
    second: String,
    /// Engine that blocks would run with: auto is docker, or process if no engine is installed
    #[arg(long, value_enum, default_value_t = EngineArgument::Auto)]
    engine: EngineArgument,
    /// Print one JSON object instead of text
    #[arg(long)]
    json: bool,
}

/// Runs `longshore diff`, and returns the exit status.
pub(crate) async fn diff(arguments: DiffArguments, host: &Host) -> u8 {
    let subjects = vec![arguments.first, arguments.second];
    fingerprint(FingerprintArguments { subjects, engine: arguments.engine, json: arguments.json }, host).await
}

/// Runs the command, and returns the exit status.
pub(crate) async fn fingerprint(arguments: FingerprintArguments, host: &Host) -> u8 {
    let mut taken = Vec::new();
    for subject in &arguments.subjects {
        match host.fingerprint(subject, arguments.engine.into()).await {
            Ok(one) => taken.push(one),
            Err(error) => return failed(&error),
        }
    }
    match &taken[..] {
        [first, second] => compare(first, second, arguments.json),
        taken => taken.iter().map(|one| show(one, arguments.json)).max().unwrap_or_default(),
    }
}

fn failed(error: &SubjectError) -> u8 {
    failure::print_advised(error, error.remedy(), if error.is_bad_input() { BAD_INPUT } else { FAILED })
}

fn show(taken: &TakenFingerprint, json: bool) -> u8 {
    if json { printer::json(&taken.json()) } else { printer::out(&text(taken)) }
}

fn compare(first: &TakenFingerprint, second: &TakenFingerprint, json: bool) -> u8 {
    let differences = first.differences(second);
    if json {
        let side = |taken: &TakenFingerprint| json!({ "subject": taken.subject, "image": taken.image, "hash": taken.fingerprint.hash() });
        let all = json!({
            "same": differences.is_empty(),
            "first": side(first),
            "second": side(second),
            "differences": differences,
        });
        printer::json(&all);
    } else {
        printer::out(&comparison(first, second, &differences));
    }
    if differences.is_empty() { 0 } else { DIFFERENT }
}

/// The hash, and the packages by kind.
fn text(taken: &TakenFingerprint) -> Shown {
    let mut text = Shown::line(format!("{}  {}", taken.fingerprint.hash(), taken.subject));
    text.push("");
    let mut lines: Vec<_> = taken.fingerprint.lines().iter().collect();
    lines.sort();
    for group in lines.chunk_by(|one, other| one.kind() == other.kind()) {
        for (position, line) in group.iter().enumerate() {
            if !line.kind().is_package() {
                text.push(line.to_string());
                continue;
            }
            if position == 0 {
                text.push("");
                text.push(format!("{} ({})", line.kind().word(), group.len()));
            }
            text.push(format!("  {}", line.what()));
        }
    }
    text
}

/// Both hashes, and the differences by kind.
fn comparison(first: &TakenFingerprint, second: &TakenFingerprint, differences: &[Difference]) -> Shown {
    let (one, other) = (&first.fingerprint, &second.fingerprint);
    if differences.is_empty() {
        return [
            format!("{}  {}", one.hash(), first.subject),
            String::new(),
            format!("the same in {}", second.subject),
        ]
        .iter()
        .map(Shown::line)
        .collect();
    }
    let mut text = Shown::line(format!("first   {}  {}", one.hash(), first.subject));
    text.push(format!("second  {}  {}", other.hash(), second.subject));
    for group in differences.chunk_by(|one, other| one.kind == other.kind) {
        text.push("");
        text.push(group[0].kind);
        text.extend(group.iter().map(line));
    }
    text
}

fn line(difference: &Difference) -> Shown {
    let what = match (&difference.first, &difference.second) {
        (Some(first), Some(second)) => format!("{first} -> {second}"),
        (Some(first), None) => format!("{first} only in the first"),
        (None, second) => format!("{} only in the second", second.as_deref().unwrap_or_default()),
    };
    // As Debian writes it; packages for every architecture have no suffix.
    let architecture = difference.architecture.as_deref().filter(|word| !["all", "noarch"].contains(word));
    let architecture = architecture.map(|word| format!(":{word}")).unwrap_or_default();
    let name = difference.name.as_ref().map(|name| format!("{name}{architecture} ")).unwrap_or_default();
    Shown::line(format!("  {name}{what}"))
}
