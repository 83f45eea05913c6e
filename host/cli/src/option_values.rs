//! Values of a block's options from the command line: from an argument, a file, a variable, or, for a missing password,
//! a prompt on the terminal, so that secrets need not be in the arguments, which all users of the machine can see.

use crate::arguments::RunArguments;
use crate::terminal::Stream;
use crate::{environment, printer};
use longshore::block::{Block, GivenValue, OptionKind, OptionSpec};
use longshore::shown::Word;
use longshore::small_file::{WRITTEN_MAX, read_text};
use longshore::{InputSource, RunRequest};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Maximum bytes of a value in a file: a script's text with its certificates has about ten thousand.
const VALUE_MAX: u64 = 1 << 20;

/// The values from the arguments; a single value overrides the file with many.
pub(crate) fn given(
    texts: &[String],
    variables: &[String],
    file: Option<&Path>,
) -> Result<Vec<(String, GivenValue)>, String> {
    let mut given = file.map(options_file).transpose()?.unwrap_or_default();
    let texts = texts.iter().map(|text| option(text));
    let variables = variables.iter().map(|text| variable(text));
    for single in texts.chain(variables) {
        let (name, value) = single?;
        let from_file = |(known, value): &(String, GivenValue)| *known == name && matches!(value, GivenValue::Json(_));
        given.retain(|option| !from_file(option));
        given.push((name, GivenValue::Text(value)));
    }
    Ok(given)
}

/// Notes about password files that other users can read.
pub(crate) fn notes(arguments: &RunArguments, given: &[(String, GivenValue)]) -> Vec<String> {
    let alone = arguments.options.iter().filter_map(|text| text.split_once("=@"));
    let alone = alone.map(|(name, path)| (name, Path::new(path)));
    let in_file = |file| {
        given.iter().filter_map(move |(name, value)| match value {
            GivenValue::Json(_) => Some((name.as_str(), file)),
            GivenValue::Text(_) => None,
        })
    };
    let together = arguments.options_file.as_deref().into_iter().flat_map(in_file);
    let is_open = |path: &Path| std::fs::metadata(path).is_ok_and(|found| found.is_file() && found.mode() & 0o077 != 0);
    let open: Vec<_> = alone.chain(together).filter(|(_, path)| is_open(path)).collect();
    // Most runs have no such file, and need not load their block a second time.
    if open.is_empty() {
        return Vec::new();
    }
    let Ok(loaded) = Block::load(&arguments.block) else { return Vec::new() };
    let is_password = |name: &str| {
        loaded.block.options.iter().any(|option| option.name == name && option.kind == OptionKind::Password)
    };
    let note = |(name, path): (&str, &Path)| {
        format!("other users can read `{}`, which contains the password `{name}`: `chmod 600` it", path.display())
    };
    open.into_iter().filter(|(name, _)| is_password(name)).map(note).collect()
}

/// Reads `NAME=VALUE`, `NAME=@FILE` and `NAME=@@VALUE`.
fn option(text: &str) -> Result<(String, String), String> {
    let (name, value) = named(text).ok_or_else(|| format!("`--option {text}` has no `=`: expected NAME=VALUE"))?;
    let value = match value.strip_prefix('@') {
        None => value.to_owned(),
        Some(rest) if rest.starts_with('@') => rest.to_owned(),
        Some(path) => of_file(Path::new(path)).map_err(|error| {
            format!(
                "`--option {name}=@{path}`: cannot read `{path}`: {error} (a value that begins with `@` needs `@@`)"
            )
        })?,
    };
    Ok((name.to_owned(), value))
}

/// Reads `NAME=VARIABLE`.
fn variable(text: &str) -> Result<(String, String), String> {
    let (name, variable) =
        named(text).ok_or_else(|| format!("`--option-env {text}` has no `=`: expected NAME=VARIABLE"))?;
    let value = environment::variable(variable)
        .map_err(|reason| format!("`--option-env {text}`: the variable `{variable}` {reason}"))?;
    Ok((name.to_owned(), value))
}

fn named(text: &str) -> Option<(&str, &str)> {
    text.split_once('=').filter(|(name, _)| !name.is_empty())
}

/// The text of a file, or of a pipe, which is read until its writer closes it.
fn of_file(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(VALUE_MAX + 1).read_to_string(&mut text)?;
    if text.len() as u64 > VALUE_MAX {
        return Err(io::Error::other(format!("it is longer than {} MiB", VALUE_MAX >> 20)));
    }
    // Editors and `echo` end a text with a line break.
    let line = text.strip_suffix('\n').map(|line| line.strip_suffix('\r').unwrap_or(line));
    Ok(line.map(str::to_owned).unwrap_or(text))
}

fn options_file(path: &Path) -> Result<Vec<(String, GivenValue)>, String> {
    let shown = path.display();
    let text = read_text(path, WRITTEN_MAX).map_err(|error| format!("cannot read `{shown}`: {error}"))?;
    let values: serde_json::Value = serde_json::from_str(&text).map_err(|error| {
        let reason = error.to_string();
        let reason = reason.split(" at line ").next().unwrap_or_default();
        format!("`{shown}`, line {}, column {}: {reason}", error.line(), error.column())
    })?;
    match values {
        serde_json::Value::Object(values) => {
            Ok(values.into_iter().map(|(name, value)| (name, GivenValue::Json(value))).collect())
        }
        _ => Err(format!("`{shown}` must contain a JSON object of option names and values")),
    }
}

/// The mandatory passwords that a run lacks, if the terminal can be asked: no input may be read from it.
pub(crate) fn to_ask(spec: &RunRequest) -> Vec<OptionSpec> {
    let is_input = spec.inputs.iter().any(|input| matches!(input.source, InputSource::File(_)));
    if is_input || !io::stdin().is_terminal() || !Stream::Err.is_terminal() {
        return Vec::new();
    }
    // Errors in the block are reported by its check.
    let options = Block::load(&spec.block).map(|loaded| loaded.block.options).unwrap_or_default();
    let is_missing = |option: &OptionSpec| {
        let is_given = spec.options.iter().any(|(name, _)| *name == option.name);
        option.kind == OptionKind::Password && option.mandatory && option.default.is_none() && !is_given
    };
    options.into_iter().filter(is_missing).collect()
}

/// A terminal with its echo turned off, until this is dropped.
#[derive(Debug)]
pub(crate) struct Hidden(Termios);

impl Hidden {
    pub(crate) fn begin() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut hidden = before.clone();
        hidden.local_modes.remove(LocalModes::ECHO);
        hidden.local_modes.insert(LocalModes::ECHONL);
        tcsetattr(io::stdin(), OptionalActions::Flush, &hidden)?;
        Ok(Self(before))
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        // A closed terminal needs no reset.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.0);
    }
}

/// Asks for a password. Blocks.
pub(crate) fn ask(option: &OptionSpec) -> io::Result<(String, GivenValue)> {
    let label = option.label.as_deref().unwrap_or(&option.name);
    printer::ask(&Word::of(&format!("password {label}:")))?;
    let mut line = String::new();
    io::stdin().read_line(&mut line)?;
    Ok((option.name.clone(), GivenValue::Text(line.trim_end_matches(['\r', '\n']).to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_stands_in_its_argument_or_in_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            option(&format!("k=@{}", path.display())).map(|(_, value)| value)
        };
        let plain = |text: &str| option(text).unwrap();
        assert_eq!(plain("k=v=w"), ("k".into(), "v=w".into()));
        assert_eq!(plain("k=@@v"), ("k".into(), "@v".into()));
        assert_eq!(plain("k="), ("k".into(), String::new()));
        assert_eq!(file("unix", b"s3cret\n"), Ok("s3cret".into()));
        assert_eq!(file("windows", b"s3cret\r\n"), Ok("s3cret".into()));
        assert_eq!(file("lines", b" a\n\n"), Ok(" a\n".into()));
        assert_eq!(file("none", b"s3cret"), Ok("s3cret".into()));
        assert!(file("binary", b"\xff").unwrap_err().contains("cannot read"));
        assert!(file("long", &vec![b'x'; (1 << 20) + 1]).unwrap_err().contains("it is longer than 1 MiB"));
        assert!(option("k=@/no/such").unwrap_err().contains("(a value that begins with `@` needs `@@`)"));
        assert!(option("k").is_err() && option("=v").is_err());
        assert!(variable("k=NO_SUCH_VARIABLE").unwrap_err().contains("is not set"));
    }
}
