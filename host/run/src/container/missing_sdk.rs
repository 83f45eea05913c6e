//! Messages about what an image lacks for a run: the interpreter, a compatible agent, the SDK. Images may be from
//! anyone, so these messages tell script authors what to change.

use longshore_engine::RunImage;
use longshore_model::outcome::Evidence;
use longshore_model::reference::Reference;
use longshore_model::remedy::Remedy;
use longshore_protocol::VersionMismatch;

/// The beginning of the message of agents of all versions that cannot start a program.
const CANNOT_START: &str = "cannot start `";

/// Records why the script was not started: the image lacks something, or the agent failed.
pub(crate) fn not_started(image: Option<&RunImage>, reason: String, evidence: &mut Evidence) {
    let started = reason.strip_prefix(CANNOT_START).and_then(|rest| rest.split_once("`: "));
    match (image.map(|image| &image.name), started) {
        (None, _) => evidence.engine_failure = Some(reason),
        (Some(name), None) => evidence.engine_failure = Some(format!("{reason} (image `{name}`)")),
        (Some(name), Some((program, cause))) => evidence.image_failure = Some(cannot_start(name, program, cause)),
    }
}

/// Why a program of an image cannot be started.
fn cannot_start(name: &str, program: &str, cause: &str) -> String {
    if cause.starts_with("No such file or directory") {
        let found = cause.split_once("; ").map(|(_, found)| format!(" ({found})")).unwrap_or_default();
        return format!(
            "the image `{name}` has no `{program}`{found}, which runs the block's script: install it in the image, or name \
             an image that has it"
        );
    }
    if cause.starts_with("Exec format error") {
        return format!("`{program}` in the image `{name}` is built for another architecture than this machine's");
    }
    format!("cannot start `{program}` of the image `{name}`: {cause}")
}

/// Why an agent is refused, and what the caller can do about its image.
pub(crate) fn other_version(image: Option<&RunImage>, mismatch: &VersionMismatch) -> (String, Option<Remedy>) {
    let Some(name) = image.map(|image| &image.name) else {
        return (mismatch.to_string(), None);
    };
    let is_ours = Reference::parse(name).is_ok_and(|reference| reference.is_ours());
    let (end, remedy) = match mismatch {
        VersionMismatch::TooNew { .. } => (String::new(), None),
        VersionMismatch::TooOld { .. } if is_ours => (String::new(), Some(Remedy::BuildImages)),
        VersionMismatch::TooOld { .. } => {
            let version = env!("CARGO_PKG_VERSION");
            (format!(" on one of this version, such as `longshore/base:{version}`, or without an agent in it"), None)
        }
    };
    (format!("the image `{name}` is not compatible with this host: {mismatch}{end}"), remedy)
}

/// The note for a script that could not import the SDK.
pub(crate) fn no_sdk(image: &RunImage) -> String {
    format!(
        "the image `{}` does not have the SDK: `install_api = true` in `block.toml` (`installVisokioRepLibraries` in \
        `manifest.json`) installs it",
        image.name
    )
}

/// The note for an image with volumes.
pub(crate) fn volumes(image: &RunImage) -> Option<String> {
    let folders = image.volumes.join("`, `");
    let one = format!("`{folders}` of the image `{}` is a volume: in a run it is empty and in memory", image.name);
    (!folders.is_empty()).then_some(one)
}

#[cfg(test)]
mod tests {
    use super::*;
    use longshore_engine::StoredImage;
    use longshore_protocol::{Version, VersionRange};

    fn image(name: &str) -> RunImage {
        RunImage::of(name, StoredImage::default())
    }

    #[test]
    fn an_image_without_its_interpreter_is_named() {
        let cases = [
            (
                "cannot start `python3`: No such file or directory (os error 2)",
                "the image `team/base:3` has no `python3`, which runs the block's script: install it in the image, or name \
                 an image that has it",
            ),
            (
                "cannot start `python3`: No such file or directory (os error 2); found `python3.11`",
                "the image `team/base:3` has no `python3` (found `python3.11`), which runs the block's script: install it \
                 in the image, or name an image that has it",
            ),
            (
                "cannot start `python3`: Exec format error (os error 8)",
                "`python3` in the image `team/base:3` is built for another architecture than this machine's",
            ),
            (
                "cannot start `python3`: Permission denied (os error 13)",
                "cannot start `python3` of the image `team/base:3`: Permission denied (os error 13)",
            ),
            ("cannot write `x`", "cannot write `x` (image `team/base:3`)"),
        ];
        for (reason, expected) in cases {
            let noted = |image: Option<&RunImage>| {
                let mut evidence = Evidence::default();
                not_started(image, reason.to_owned(), &mut evidence);
                (evidence.image_failure, evidence.engine_failure)
            };
            let (of_image, of_engine) = noted(Some(&image("team/base:3")));
            assert_eq!(of_image.is_some(), reason.starts_with(CANNOT_START), "{reason}");
            assert_eq!(of_image.or(of_engine).as_deref(), Some(expected));
            assert_eq!(noted(None), (None, Some(reason.to_owned())));
        }
    }

    #[test]
    fn an_image_of_another_age_is_named_with_what_to_do() {
        let range = |version| VersionRange { oldest: Version(version), newest: Version(version) };
        let software = || "longshore-agent 0.0.1".to_owned();
        let old = VersionMismatch::TooOld { software: software(), theirs: range(0), ours: range(1) };
        let new = VersionMismatch::TooNew { software: software(), theirs: range(2), ours: range(1) };
        let cases = [
            (
                "team/base:3",
                &old,
                "rebuild the image on one of this version, such as `longshore/base:0.1.0`, or without an agent in it",
                None,
            ),
            ("longshore/r:0.0.1", &old, "rebuild the image", Some(Remedy::BuildImages)),
            ("team/base:3", &new, "which is too new for this host (1): update longshore on the host", None),
        ];
        for (name, mismatch, end, remedy) in cases {
            let (said, found) = other_version(Some(&image(name)), mismatch);
            assert!(said.starts_with(&format!("the image `{name}` is not compatible with this host: ")), "{said}");
            assert!(said.ends_with(end), "{said}");
            assert_eq!(found, remedy);
        }
        assert_eq!(other_version(None, &old), (old.to_string(), None));
    }
}
