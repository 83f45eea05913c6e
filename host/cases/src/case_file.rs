//! Reading a case file: strict, and every error with its line and column.

use super::case::{Case, ExpectedOutput, TableText};
use super::error::CaseError;
use longshore_block::{Block, GivenValue, InputDeclaration, InputKey, OptionKind};
use longshore_model::hint::{did_you_mean, place, reword};
use longshore_model::outcome::Outcome;
use longshore_os::small_file;
use longshore_protocol::OutputName;
use longshore_run::output::Declared;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::path::Path;
use std::time::Duration;
use toml::Spanned;

/// The default time limit of a case in seconds: far more than a test's data needs, but an end to one that hangs.
const TIMEOUT_SECONDS: f64 = 600.0;

/// The outcomes that a case may expect. The others depend on the machine, not on the block.
const OUTCOMES: [&str; 8] = [
    "succeeded",
    "failed",
    "cancelled",
    "crashed",
    "out_of_memory",
    "limit_exceeded",
    "timed_out",
    "protocol_violation",
];

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseFile {
    description: Option<String>,
    outcome: Option<Spanned<String>>,
    message: Option<String>,
    timeout: Option<Spanned<f64>>,
    #[serde(default)]
    inputs: Vec<Spanned<FileInput>>,
    #[serde(default)]
    options: Map<String, Value>,
    #[serde(default)]
    outputs: Vec<Spanned<FileOutput>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileInput {
    input: Option<InputKey>,
    file: Option<String>,
    table: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileOutput {
    output: Option<OutputName>,
    file: Option<String>,
    table: Option<String>,
    #[serde(default)]
    unwritten: bool,
    tolerance: Option<f64>,
    #[serde(default)]
    ignore_row_order: bool,
}

impl Case {
    /// Reads a case file of a block.
    ///
    /// # Errors
    /// [`CaseError::At`] with the line and column of an error, or an error of reading the file.
    pub fn read(path: &Path, block: &Block) -> Result<Self, CaseError> {
        let text = small_file::read_text(path, small_file::MADE_MAX)
            .map_err(|source| CaseError::Read { path: path.to_owned(), source })?;
        let reader = Reader { path, text: &text, folder: longshore_os::publish::folder(path), block };
        let file: CaseFile = toml::from_str(&text)
            .map_err(|error| reader.wrong(error.span().map_or(0, |span| span.start), reword(error.message())))?;
        let outcome = reader.outcome(file.outcome.as_ref())?;
        if !outcome.is_success()
            && let Some(output) = file.outputs.first()
        {
            let reason = "a run that does not succeed writes no outputs: expect either `outcome` or `[[outputs]]`";
            return Err(reader.wrong(output.span().start, reason.into()));
        }
        Ok(Self {
            name: path.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
            path: path.to_owned(),
            block: block.folder.clone(),
            description: file.description,
            inputs: reader.inputs(file.inputs)?,
            options: reader.options(file.options),
            outcome,
            message: file.message,
            timeout: reader.timeout(file.timeout.as_ref())?,
            outputs: reader.outputs(file.outputs)?,
        })
    }
}

struct Reader<'a> {
    path: &'a Path,
    text: &'a str,
    folder: &'a Path,
    block: &'a Block,
}

impl Reader<'_> {
    fn wrong(&self, offset: usize, reason: String) -> CaseError {
        let (line, column) = place(self.text, offset);
        CaseError::At { path: self.path.to_owned(), line, column, reason }
    }

    fn outcome(&self, outcome: Option<&Spanned<String>>) -> Result<Outcome, CaseError> {
        let Some(outcome) = outcome else { return Ok(Outcome::Succeeded) };
        let name = outcome.get_ref();
        let known = OUTCOMES.contains(&name.as_str());
        let parsed = serde_json::from_value(Value::String(name.clone()));
        parsed.ok().filter(|_| known).ok_or_else(|| {
            let hint = did_you_mean(name, OUTCOMES);
            let hint = if hint.is_empty() { format!(": known are {}", OUTCOMES.join(", ")) } else { hint };
            self.wrong(outcome.span().start, format!("unknown outcome `{name}`{hint}"))
        })
    }

    fn timeout(&self, timeout: Option<&Spanned<f64>>) -> Result<Duration, CaseError> {
        let seconds = timeout.map_or(TIMEOUT_SECONDS, |timeout| *timeout.get_ref());
        let duration = Duration::try_from_secs_f64(seconds).ok().filter(|duration| !duration.is_zero());
        let offset = timeout.map_or(0, |timeout| timeout.span().start);
        duration.ok_or_else(|| self.wrong(offset, format!("`timeout` is {seconds}, but must be seconds above 0")))
    }

    fn inputs(&self, inputs: Vec<Spanned<FileInput>>) -> Result<Vec<(usize, TableText)>, CaseError> {
        let mut read: Vec<(usize, TableText)> = Vec::with_capacity(inputs.len());
        let mut next = 0;
        for input in inputs {
            let offset = input.span().start;
            let input = input.into_inner();
            let number = self.number(input.input, next).map_err(|reason| self.wrong(offset, reason))?;
            next = number.saturating_add(1);
            if read.iter().any(|(known, _)| *known == number) {
                return Err(self.wrong(offset, format!("input {number} is given twice")));
            }
            let table = self.table(input.file, input.table);
            let reason = "an input needs one of `file`, a path, and `table`, CSV text";
            read.push((number, table.ok_or_else(|| self.wrong(offset, reason.into()))?));
        }
        let is_given = |number: usize| read.iter().any(|(known, _)| *known == number);
        let declared = self.block.inputs.iter().flatten().enumerate();
        match declared.filter(|(_, input)| input.mandatory).find(|(number, _)| !is_given(*number)) {
            Some((_, InputDeclaration { name, .. })) => {
                let reason =
                    format!("the block requires the input `{name}`: add `[[inputs]]` with `input = \"{name}\"`");
                Err(self.wrong(0, reason))
            }
            None => Ok(read),
        }
    }

    /// The number of an input: one of the block's, if it declares inputs.
    fn number(&self, key: Option<InputKey>, next: usize) -> Result<usize, String> {
        let known: Vec<&str> = self.block.input_names().collect();
        let names = || if known.is_empty() { "none".into() } else { known.join(", ") };
        let number = match key {
            None => next,
            Some(InputKey::Number(number)) => number,
            Some(InputKey::Name(name)) => {
                let near = did_you_mean(&name, known.iter().copied());
                let unknown = || format!("the block has no input `{name}`: it declares {}{near}", names());
                known.iter().position(|known| *known == name).ok_or_else(unknown)?
            }
        };
        if self.block.inputs.is_some() && number >= known.len() {
            return Err(format!("the block has no input {number}: it declares {}", names()));
        }
        Ok(number)
    }

    /// One of both, where it is one.
    fn table(&self, file: Option<String>, table: Option<String>) -> Option<TableText> {
        match (file, table) {
            (Some(file), None) => Some(TableText::File(self.folder.join(file))),
            (None, Some(text)) => Some(TableText::Inline(text)),
            _ => None,
        }
    }

    /// Values as they are, but paths of files below the case file's folder.
    fn options(&self, options: Map<String, Value>) -> Vec<(String, GivenValue)> {
        let is_file = |name: &str| {
            let option = self.block.options.iter().find(|option| option.name == name);
            option.is_some_and(|option| matches!(option.kind, OptionKind::File { .. }))
        };
        let value = |(name, value): (String, Value)| match &value {
            Value::String(path) if is_file(&name) && !path.trim().is_empty() => {
                let path = self.folder.join(path).to_string_lossy().into_owned();
                (name, GivenValue::Json(Value::String(path)))
            }
            _ => (name, GivenValue::Json(value)),
        };
        options.into_iter().map(value).collect()
    }

    fn outputs(&self, outputs: Vec<Spanned<FileOutput>>) -> Result<Vec<ExpectedOutput>, CaseError> {
        let ids = self.block.output_ids();
        let declared = Declared::new(ids.clone());
        let mut read = Vec::with_capacity(outputs.len());
        let mut taken = Vec::with_capacity(outputs.len());
        let mut next = 0;
        for output in outputs {
            let wrong = |reason: String| self.wrong(output.span().start, reason);
            let expected = output.get_ref();
            let name = expected.output.clone().unwrap_or(OutputName::Number(next));
            let number = declared.find(&name).map_err(|reason| wrong(format!("output {}: {reason}", shown(&name))))?;
            next = number.saturating_add(1);
            if taken.contains(&number) {
                return Err(wrong(format!("output {} is given twice", shown(&name))));
            }
            taken.push(number);
            if expected.tolerance.is_some_and(|tolerance| !tolerance.is_finite() || tolerance < 0.0) {
                return Err(wrong("`tolerance` must be a number of 0 or more".into()));
            }
            let table = self.table(expected.file.clone(), expected.table.clone());
            let nothing = expected.file.is_none() && expected.table.is_none();
            if table.is_some() == expected.unwritten || expected.unwritten && !nothing {
                let reason = "an output needs one of `file`, a path, `table`, CSV text, and `unwritten = true`";
                return Err(wrong(reason.into()));
            }
            let id = ids.as_ref().and_then(|ids| ids.get(number as usize)).cloned();
            read.push(ExpectedOutput {
                output: id.map_or(OutputName::Number(number), OutputName::Id),
                table,
                tolerance: expected.tolerance,
                ignore_row_order: expected.ignore_row_order,
            });
        }
        Ok(read)
    }
}

fn shown(name: &OutputName) -> String {
    match name {
        OutputName::Number(number) => number.to_string(),
        OutputName::Id(id) => format!("`{id}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INPUTS: &str = "[[inputs]]\nname = \"sales\"\nmandatory = true\n[[inputs]]\nname = \"rates\"\n";

    const BLOCK: &str = "name = \"x\"\nlanguage = \"r\"\nscript = \"s.R\"\n\
        [[outputs]]\nid = \"totals\"\n[[outputs]]\nid = \"rest\"\n";

    fn read(text: &str) -> Result<Case, String> {
        read_for(BLOCK, text)
    }

    fn read_for(block: &str, text: &str) -> Result<Case, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.toml");
        std::fs::write(&path, text).unwrap();
        std::fs::write(folder.path().join("s.R"), "").unwrap();
        std::fs::write(folder.path().join("block.toml"), block).unwrap();
        let block = Block::load(folder.path()).unwrap().block;
        let folder = folder.path().display().to_string();
        Case::read(&path, &block).map_err(|error| error.to_string().replace(&folder, "B"))
    }

    #[test]
    fn a_case_is_read() {
        let case = read(
            "message = \"…\"\n[options]\nk = 3\n[[inputs]]\ninput = 1\ntable = \"a\\n1\\n\"\n[[inputs]]\nfile = \"b.csv\"\n\
             [[outputs]]\noutput = 1\nfile = \"../c.parquet\"\ntolerance = 1\n[[outputs]]\noutput = \"totals\"\nunwritten = true\n",
        );
        let case = case.unwrap();
        assert_eq!(case.inputs[0], (1, TableText::Inline("a\n1\n".into())));
        assert!(matches!(&case.inputs[1], (2, TableText::File(path)) if path.ends_with("b.csv")));
        assert_eq!(case.outputs[0].label(), "output `rest`");
        assert_eq!((case.outputs[0].tolerance, case.outputs[1].table.is_none()), (Some(1.0), true));
        assert_eq!(case.outcome, Outcome::Succeeded);
    }

    #[test]
    fn inputs_are_those_that_the_block_declares() {
        let read = |text: &str| read_for(&format!("{BLOCK}{INPUTS}"), text);
        let numbers = |text: &str| read(text).unwrap().inputs.iter().map(|(number, _)| *number).collect::<Vec<_>>();
        let input = |key: &str| format!("[[inputs]]\n{key}\ntable = \"a\"\n");
        let (sales, rates) = (input("input = \"sales\""), input("input = \"rates\""));
        assert_eq!(numbers(&format!("{rates}{sales}")), [1, 0]);
        assert_eq!(numbers(&format!("{sales}{}", input(""))), [0, 1]);
        let wrong = |text: &str| read(text).unwrap_err();
        assert_eq!(
            wrong(&rates),
            "`B/x.toml`, line 1, column 1: the block requires the input `sales`: add `[[inputs]]` with `input = \
             \"sales\"`"
        );
        assert_eq!(
            wrong(&format!("{sales}{}", input("input = \"rate\""))),
            "`B/x.toml`, line 4, column 1: the block has no input `rate`: it declares sales, rates: did you mean `rates`?"
        );
        assert_eq!(
            wrong(&format!("{sales}{}", input("input = 2"))),
            "`B/x.toml`, line 4, column 1: the block has no input 2: it declares sales, rates"
        );
        assert_eq!(
            wrong(&format!("{rates}{}", input(""))),
            "`B/x.toml`, line 4, column 1: the block has no input 2: it declares sales, rates"
        );
        assert_eq!(
            read_for(BLOCK, &sales).unwrap_err(),
            "`B/x.toml`, line 1, column 1: the block has no input `sales`: it declares none"
        );
    }

    #[test]
    fn what_is_wrong_has_its_line_and_column() {
        let wrong = |text: &str| read(text).unwrap_err();
        assert_eq!(
            wrong("\nmesage = \"x\"\n"),
            "`B/x.toml`, line 2, column 1: unknown key `mesage`: did you mean `message`?"
        );
        assert_eq!(
            wrong("[[outputs]]\ntable = \"a\"\ntoleranse = 1\n"),
            "`B/x.toml`, line 3, column 1: unknown key `toleranse`: did you mean `tolerance`?"
        );
        assert_eq!(
            wrong("outcome = \"fails\"\n"),
            "`B/x.toml`, line 1, column 11: unknown outcome `fails`: did you mean `failed`?"
        );
        assert_eq!(
            wrong("[options]\n\n[[inputs]]\ninput = 0\n"),
            "`B/x.toml`, line 3, column 1: an input needs one of `file`, a path, and `table`, CSV text"
        );
        assert_eq!(
            wrong("[[inputs]]\ntable = \"a\"\n[[inputs]]\ninput = 0\ntable = \"a\"\n"),
            "`B/x.toml`, line 3, column 1: input 0 is given twice"
        );
        assert_eq!(
            wrong("[[outputs]]\noutput = \"total\"\ntable = \"a\"\n"),
            "`B/x.toml`, line 1, column 1: output `total`: the block has no output with this id (it has: totals, rest)"
        );
        assert_eq!(
            wrong("[[outputs]]\nunwritten = true\nfile = \"x.csv\"\n"),
            "`B/x.toml`, line 1, column 1: an output needs one of `file`, a path, `table`, CSV text, and `unwritten = true`"
        );
        assert_eq!(
            wrong("outcome = \"failed\"\n[[outputs]]\ntable = \"a\"\n"),
            "`B/x.toml`, line 2, column 1: a run that does not succeed writes no outputs: expect either `outcome` or `[[outputs]]`"
        );
        assert_eq!(
            wrong("timeout = 0\n"),
            "`B/x.toml`, line 1, column 11: `timeout` is 0, but must be seconds above 0"
        );
    }
}
