//! The steps of a layer's build: a script, its input, and the interpretation of its result. The Debian packages, the
//! packages of the languages, and the API have a file each; this one has the shared parts.

use super::job::Job;
use super::plan::{Layer, LayerKind};
use super::{EnvironmentError, Plan, api, packages, system};
use longshore_block::Language;
use longshore_config::settings::Settings;
use longshore_engine::StoreError;
use std::time::Duration;

/// The prefix of a line for a lock: `numpy==2.4.6 --hash=sha256:…`.
pub(super) const LOCKED: &str = "longshore-locked: ";

/// The prefix of a package that is about to be added or removed: `+ numpy==2.4.6`.
pub(super) const CHANGE: &str = "longshore-change: ";

/// The prefix of a line that tells that the cache lacks something.
pub(super) const FETCH: &str = "longshore-fetch: ";

/// The prefix of a note for the user.
pub(super) const NOTE: &str = "longshore-note: ";

/// The prefix of a line with the seconds for which the environment is valid, since it lacks packages.
pub(super) const LACKING: &str = "longshore-lacking: ";

/// The prefix of the reason for which a script failed.
pub(super) const REASON: &str = "longshore-reason: ";

/// Exit status of a script without the tools.
pub(super) const NO_TOOLS: i64 = 97;

/// The output of a script, and its result.
#[derive(Debug, Clone, Default)]
pub(super) struct Finish {
    pub(super) status: i64,
    /// The last lines, of both streams.
    pub(super) tail: Vec<String>,
    /// Lines for a lock.
    pub(super) locked: Vec<String>,
    /// Whether more such lines were printed than are kept.
    pub(super) lock_is_cut: bool,
    /// The packages that the job is about to add or remove.
    pub(super) changes: Vec<String>,
    /// Whether the cache lacks something for them.
    pub(super) fetches: bool,
    /// Notes for the user.
    pub(super) notes: Vec<String>,
    /// For how long the environment is valid.
    pub(super) lifetime: Option<Duration>,
}

/// The jobs that can build a layer; the next one is used if one fails with [`gives_way`]. `listed` are requirements of the
/// packages below.
pub(super) fn jobs(
    layer: &Layer,
    listed: &[String],
    lock: Option<&super::Lock>,
    settings: &Settings,
) -> Result<Vec<Job>, EnvironmentError> {
    match layer.kind {
        LayerKind::System => Ok(vec![system::job(&layer.wanted, lock, &settings.packages)]),
        LayerKind::Packages(Language::Python) => Ok(packages::python(&layer.wanted, lock, &settings.packages)),
        LayerKind::Packages(Language::R) => Ok(vec![packages::r(layer, lock, &settings.packages)]),
        LayerKind::Api(language) => Ok(vec![api::job(language, listed, settings)?]),
    }
}

/// Whether the next job may succeed: packages without a wheel fail if building is not allowed.
pub(super) fn gives_way(printed: &[String]) -> bool {
    printed.iter().any(|line| {
        line.contains("no usable wheels")
            || line.contains("uilding source distributions")
            || line.contains("--no-build")
    })
}

/// Messages of programs that exceeded the limit of processes: shells, Python, and the C library.
const FORK_FAILED: [&str; 3] = ["Cannot fork", "can't start new thread", "Resource temporarily unavailable"];

/// The error for a layer's failure.
pub(super) fn failure(plan: &Plan, layer: &Layer, finish: &Finish, settings: &Settings) -> EnvironmentError {
    let lacks_processes = |line: &String| FORK_FAILED.iter().any(|words| line.contains(words));
    if finish.tail.iter().any(lacks_processes) {
        return StoreError::Limit {
            did: "started more processes",
            most: settings.build.pids.to_string(),
            setting: "processes",
        }
        .into();
    }
    let packages = || listed(layer);
    let words = words(finish);
    match layer.kind {
        LayerKind::System => EnvironmentError::Packages { kind: "Debian", packages: packages(), words },
        LayerKind::Packages(Language::Python) => {
            EnvironmentError::Packages { kind: "Python", packages: packages(), words }
        }
        LayerKind::Packages(Language::R) => EnvironmentError::Packages { kind: "R", packages: packages(), words },
        LayerKind::Api(_) => EnvironmentError::Api { image: plan.base_name.clone(), reason: words },
    }
}

/// The packages that are listed for a layer, in backticks.
pub(super) fn listed(layer: &Layer) -> String {
    layer.wanted.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// The reason of a script or program, in one line. The message of a full disk is often printed well before the end.
pub(super) fn words(finish: &Finish) -> String {
    let is_full = |line: &String| line.contains("No space left on device") || line.contains("os error 28");
    let start = if finish.tail.iter().any(is_full) { "the disk is full: " } else { "" };
    format!("{start}{}", last_words(finish))
}

fn last_words(finish: &Finish) -> String {
    let reasons: Vec<&str> = finish.tail.iter().filter_map(|line| line.strip_prefix(REASON)).collect();
    if !reasons.is_empty() {
        return reasons.join("; ");
    }
    // apt marks each of its errors; uv prints one, followed by its causes.
    let errors: Vec<&str> = finish.tail.iter().filter_map(|line| line.strip_prefix("E: ")).collect();
    if !errors.is_empty() {
        return errors.join("; ");
    }
    let start = finish.tail.iter().position(|line| line.starts_with("error: "));
    let from = start.unwrap_or(finish.tail.len().saturating_sub(LAST_LINES));
    let lines = finish.tail[from..].iter().map(|line| line.trim());
    let text: Vec<&str> = lines.map(|line| line.trim_start_matches("error: ").trim_start_matches("cause: ")).collect();
    if text.is_empty() { format!("the build ended with exit status {}", finish.status) } else { text.join(": ") }
}

/// Lines shown of a program whose messages are unknown.
const LAST_LINES: usize = 6;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_those_of_whoever_knows_best() {
        let words = |lines: &[&str]| {
            words(&Finish { status: 1, tail: lines.iter().map(|&line| line.to_owned()).collect(), ..Finish::default() })
        };
        assert_eq!(words(&["a", "longshore-reason: it has no python3"]), "it has no python3");
        assert_eq!(words(&["W: x", "E: Unable to locate package y", "E: z"]), "Unable to locate package y; z");
        assert_eq!(words(&["Using Python", "error: No solution", "  cause: Because x"]), "No solution: Because x");
        assert_eq!(words(&["1", "2", "3", "4", "5", "6", "7"]), "2: 3: 4: 5: 6: 7");
        assert_eq!(words(&[]), "the build ended with exit status 1");
        let full = words(&["cannot write x: No space left on device", "E: dpkg returned an error code (2)"]);
        assert_eq!(full, "the disk is full: dpkg returned an error code (2)");
    }
}
