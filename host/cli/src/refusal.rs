//! Runs that were not started: their errors for a person, and an object in place of the record for a program.

use crate::{BAD_INPUT, failure, help, printer};
use longshore::{Outcome, RunRecord};
use serde_json::{Value, json};

/// How the caller of a run reads its result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Report {
    /// As text.
    Text,
    /// As one JSON object.
    Json,
    /// As a JSON object for each event, and one for the result.
    Events,
}

impl Report {
    /// The report that the command's arguments ask for, which need not be valid.
    pub(crate) fn asked_for<'a>(mut arguments: impl Iterator<Item = &'a str>) -> Self {
        if arguments.next() != Some("run") {
            return Self::Text;
        }
        let ours = arguments.take_while(|argument| *argument != "--");
        ours.fold(Self::Text, |report, argument| match argument {
            "--json" => Self::Json,
            "--events" => Self::Events,
            _ => report,
        })
    }

    /// Reports why a run was not started, and returns the exit status.
    pub(crate) fn refuse(self, errors: &[String], help: Vec<String>) -> u8 {
        self.print(json!({
            "outcome": "bad_input",
            "message": errors.join("\n"),
            "errors": errors,
            "help": help,
        }));
        failure::print_helped(errors, help, BAD_INPUT)
    }

    /// Reports a failure of this machine before the start, and returns the exit status.
    pub(crate) fn fail(self, error: &str) -> u8 {
        self.fail_helped(error, None)
    }

    /// The same, with what to do.
    pub(crate) fn fail_helped(self, error: &str, help: Option<String>) -> u8 {
        let outcome = Outcome::EngineFailed;
        self.print(json!({"outcome": outcome, "message": error, "errors": [error], "help": help.as_slice()}));
        failure::print_helped(&[error], help, outcome.exit_status())
    }

    /// Reports a cancel before the start, and returns the exit status.
    pub(crate) fn interrupted(self) -> u8 {
        let outcome = Outcome::Interrupted;
        self.print(json!({"outcome": outcome, "message": "cancelled before the start", "errors": [], "help": []}));
        outcome.exit_status()
    }

    /// Reports a record. `log_end` is added to it.
    pub(crate) fn record(self, record: &RunRecord, log_end: Option<Vec<String>>) {
        if self == Self::Text {
            return;
        }
        let mut record = help::in_record(serde_json::to_value(record).unwrap_or_default());
        if let Some(lines) = log_end {
            record["log_end"] = lines.into();
        }
        self.print(record);
    }

    fn print(self, result: Value) {
        let result = match (self, result) {
            (Self::Text, _) => return,
            (Self::Events, Value::Object(keys)) => {
                let kind = [("event".to_owned(), Value::from("record"))];
                Value::Object(kind.into_iter().chain(keys).collect())
            }
            (_, result) => result,
        };
        // A closed standard output has no reader.
        let _ = printer::json_line(&result);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_arguments_show_how_the_result_is_read() {
        let asked = |arguments: &str| Report::asked_for(arguments.split(' '));
        assert_eq!(asked("run x.py --json --nonsense"), Report::Json);
        assert_eq!(asked("run --events x.py"), Report::Events);
        assert_eq!(asked("run x.py -- --json"), Report::Text);
        assert_eq!(asked("runs list --json"), Report::Text);
        assert_eq!(asked(""), Report::Text);
    }
}
