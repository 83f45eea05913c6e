//! The error that ended a script, as its interpreter printed it.

use super::{python_error, r_error};
use longshore_block::Language;
use longshore_model::outcome::Evidence;
use longshore_protocol::ExitStatus;

/// The status of Python and R after an uncaught error.
const UNCAUGHT: u8 = 1;

/// Most characters of an error's summary: a paragraph.
const SUMMARY_MAX: usize = 500;

/// Most characters of a script's last line.
const WORDS_MAX: usize = 200;

/// An uncaught error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ScriptError {
    /// Its kind and message, in one line.
    pub(crate) summary: String,
    /// All that was printed about it, with the errors that it followed from.
    pub(crate) printed: String,
}

impl ScriptError {
    /// The error that a script printed before it ended with a status.
    pub(crate) fn find(language: Language, printed: &str, status: Option<ExitStatus>) -> Option<Self> {
        if status != Some(ExitStatus::Code(UNCAUGHT)) {
            return None;
        }
        let (summary, start) = match language {
            Language::Python => python_error::find(printed)?,
            Language::R => r_error::find(printed)?,
        };
        Some(Self { summary: cut(&summary, SUMMARY_MAX), printed: printed.get(start..).unwrap_or_default().to_owned() })
    }

    /// The error of a run: as the SDK reported it, else as the script printed it. An error that the script caught and
    /// gave as its final message counts too.
    pub(crate) fn of(language: Language, printed: &str, evidence: &Evidence) -> Option<Self> {
        let found = Self::find(language, printed, evidence.status);
        let told = evidence.uncaught.clone().or_else(|| evidence.verdict.as_ref().and_then(|(_, text)| text.clone()));
        match (told, found) {
            (Some(summary), found) => {
                let printed = found.map(|found| found.printed).unwrap_or_default();
                Some(Self { printed: format!("{printed}\n{summary}"), summary })
            }
            (None, found) => found,
        }
    }
}

/// The last line that a script printed on standard error: programs give the reason for an exit there.
pub(crate) fn last_words(printed: &str) -> Option<String> {
    let line = printed.lines().rev().map(str::trim).find(|line| !line.is_empty())?;
    Some(cut(line, WORDS_MAX))
}

fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{} …", text[..end].trim_end()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRINTED: &str = "Traceback (most recent call last):\n  File \"s.py\", line 1, in <module>\nValueError: x\n";

    #[test]
    fn only_the_status_of_an_uncaught_error_names_one() {
        let found = |status| ScriptError::find(Language::Python, PRINTED, status).map(|error| error.summary);
        assert_eq!(found(Some(ExitStatus::Code(1))).as_deref(), Some("ValueError: x"));
        assert_eq!(found(Some(ExitStatus::Code(2))), None);
        assert_eq!(found(Some(ExitStatus::Signal(9))), None);
        assert_eq!(found(None), None);
    }

    #[test]
    fn what_the_sdk_reported_comes_first_and_what_was_printed_is_searched_too() {
        let evidence = Evidence {
            status: Some(ExitStatus::Code(1)),
            uncaught: Some("ValueError: reported".into()),
            ..Evidence::default()
        };
        let error = ScriptError::of(Language::Python, PRINTED, &evidence).unwrap();
        assert_eq!(error.summary, "ValueError: reported");
        assert!(error.printed.contains("line 1") && error.printed.ends_with("reported"));
    }

    #[test]
    fn last_words_are_one_bounded_line() {
        assert_eq!(last_words("a\nno such customer \n\n").as_deref(), Some("no such customer"));
        assert_eq!(last_words(" \n"), None);
        assert_eq!(last_words(&"é".repeat(500)).unwrap().chars().count(), WORDS_MAX + 2);
    }
}
