//! Help, and clap's errors about arguments in the form of all errors. An error repeats arguments, which may be untrusted
//! text: arguments are escaped and parsed a second time, for an error that can be printed.

use crate::BAD_INPUT;
use crate::arguments::Arguments;
use crate::refusal::Report;
use clap::error::ErrorKind;
use clap::{Error, Parser};
use longshore::block::is_script;
use longshore::shown::Word;
use std::path::Path;

/// Prints help or the error, and returns the exit status.
pub(crate) fn explain(error: &Error) -> u8 {
    if !error.use_stderr() {
        // A closed standard output has no reader.
        let _ = error.print();
        return 0;
    }
    let shown: Vec<String> = std::env::args_os().map(|argument| Word::of(&argument.to_string_lossy()).into()).collect();
    let report = Report::asked_for(shown.iter().skip(1).map(String::as_str));
    let error = Arguments::try_parse_from(&shown).err();
    let Some(error) = error else {
        // The escaped arguments parse, only the original ones do not.
        return report.refuse(&["an argument contains characters that cannot be shown".into()], Vec::new());
    };
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        let _ = error.print();
        return BAD_INPUT;
    }
    let Refused { error, help } = refused(&error, &shown);
    report.refuse(&[error], help)
}

/// An error in words, and what to do.
#[derive(Debug, PartialEq, Eq)]
struct Refused {
    error: String,
    help: Vec<String>,
}

fn refused(error: &Error, arguments: &[String]) -> Refused {
    let given = arguments.get(1).map(String::as_str).unwrap_or_default();
    if error.kind() == ErrorKind::InvalidSubcommand && is_runnable(given) {
        return Refused {
            error: format!("there is no command `{given}`"),
            help: vec![format!("did you mean `longshore run {}`?", arguments[1..].join(" "))],
        };
    }
    let text = error.render().to_string();
    // A paragraph may have several tips.
    let text = text.replace("\n  tip: ", "\n\ntip: ");
    let mut paragraphs = text.split("\n\n").map(joined).filter(|paragraph| !paragraph.is_empty());
    let first = paragraphs.next().unwrap_or_default();
    let mut help = Vec::new();
    for paragraph in paragraphs {
        if let Some(tip) = paragraph.strip_prefix("tip: ") {
            if tip.starts_with("to pass '") {
                // Only `run` has values without options.
                help.insert(0, "arguments of the script follow `--`".into());
            } else {
                help.push(tip.to_owned());
            }
        } else if let Some(usage) = paragraph.strip_prefix("Usage: ") {
            help.push(format!("the form is `{usage}`"));
        } else if !paragraph.starts_with("For more information") {
            help.push(paragraph);
        }
    }
    Refused { error: first.trim_start_matches("error: ").to_owned(), help }
}

/// A paragraph in one line.
fn joined(paragraph: &str) -> String {
    paragraph.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether an argument is what `run` takes: a script, or a folder.
fn is_runnable(argument: &str) -> bool {
    let path = Path::new(argument);
    is_script(path) || path.is_dir()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(arguments: &[&str]) -> Refused {
        let all: Vec<String> = ["longshore"].iter().chain(arguments).map(|text| (*text).to_owned()).collect();
        refused(&Arguments::try_parse_from(&all).unwrap_err(), &all)
    }

    #[test]
    fn a_script_in_place_of_a_command_is_told_how_to_run_it() {
        for script in ["heavy.py", "a/b.R", "x.r", "notes.ipynb", "notes.rmd", "."] {
            let refused = of(&[script, "-i", "a.csv"]);
            assert_eq!(refused.error, format!("there is no command `{script}`"));
            assert_eq!(refused.help, [format!("did you mean `longshore run {script} -i a.csv`?")]);
        }
        assert!(of(&["rum"]).error.contains("unrecognized subcommand 'rum'"));
    }

    #[test]
    fn errors_have_one_line_and_tell_what_to_do() {
        let refused = of(&["run", "x.py", "--top", "3"]);
        assert_eq!(refused.error, "unexpected argument '--top' found");
        assert!(refused.help.contains(&"arguments of the script follow `--`".into()), "{refused:?}");
        let refused = of(&["run", "x.py", "--imput", "3"]);
        assert!(refused.help[1].contains("'--input'"), "{refused:?}");
        let refused = of(&["run"]);
        assert!(
            refused.error.contains("<BLOCK>") && refused.help[0].starts_with("the form is `longshore run"),
            "{refused:?}"
        );
        let refused = of(&["run", "x.py", "--json", "--events"]);
        assert!(refused.error.contains("'--json'") && refused.error.contains("'--events'"), "{refused:?}");
    }
}
