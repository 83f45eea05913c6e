//! What a case file may say. `tests/cases/README.md` is the same for people.

use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;

/// One case.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    /// What the case shows, in a sentence.
    #[allow(dead_code, reason = "for people: a case without one is refused when it is read")]
    pub(crate) description: String,
    /// The sections of `contract.toml` that it shows.
    #[serde(default)]
    pub(crate) contract: Vec<String>,
    /// The engines it runs on; all of them where absent.
    pub(crate) engines: Option<Vec<String>>,
    /// Why not all engines.
    pub(crate) reason: Option<String>,
    /// The script in Python.
    pub(crate) script: Option<String>,
    /// The same in R.
    pub(crate) script_r: Option<String>,
    /// The manifest; without one the script runs bare, unless there are more files.
    pub(crate) block: Option<String>,
    /// More files of the block, by their path.
    #[serde(default)]
    pub(crate) files: BTreeMap<String, String>,
    /// Files of `tests/cases/files` that are copied into the block.
    #[serde(default)]
    pub(crate) shared: Vec<String>,
    /// A folder of `examples` to run instead of a script.
    pub(crate) example: Option<String>,
    /// What to run instead of a script, as it stands on the command line.
    pub(crate) target: Option<String>,
    /// The subcommand: `run` where absent. Others get the program and `args` alone.
    pub(crate) command: Option<String>,
    /// What stands after `--engine`, where it is not an engine's name.
    pub(crate) engine: Option<String>,
    /// The inputs, in order.
    #[serde(default)]
    pub(crate) inputs: Vec<Input>,
    /// Options by name.
    #[serde(default)]
    pub(crate) options: BTreeMap<String, toml::Value>,
    /// The text of a file for `--options`.
    pub(crate) options_file: Option<String>,
    /// More arguments; `{dir}` is the case's own folder.
    #[serde(default)]
    pub(crate) args: Vec<String>,
    /// More environment of the command itself; `{cases}` is the folder of all cases.
    #[serde(default)]
    pub(crate) env: BTreeMap<String, String>,
    /// A signal to send while it runs.
    pub(crate) signal: Option<Signal>,
    /// Whether `--json` is asked for.
    #[serde(default = "yes")]
    pub(crate) json: bool,
    /// The outputs, in order.
    #[serde(default)]
    pub(crate) outputs: Vec<Output>,
    /// What must come of it.
    pub(crate) expect: Expect,
}

/// One input, made of one of its sources.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    /// Its file name; the suffix tells its format.
    #[serde(default = "csv_name")]
    pub(crate) name: String,
    /// Passed as `N=PATH`.
    pub(crate) number: Option<u32>,
    /// Passed as `NAME=PATH`.
    pub(crate) named: Option<String>,
    /// Given on standard input, as `-`.
    #[serde(default)]
    pub(crate) stdin: bool,
    /// Whether its path is a plain argument.
    #[serde(default)]
    pub(crate) plain: bool,
    /// Its content as text.
    pub(crate) text: Option<String>,
    /// Its content in hexadecimal.
    pub(crate) hex: Option<String>,
    /// A file of `tests/cases/files`.
    pub(crate) file: Option<String>,
    /// A folder of `examples` whose `fetch` prints the path.
    pub(crate) fetch: Option<String>,
    /// A file in an example's folder.
    pub(crate) example: Option<String>,
    /// A table made by the runner.
    pub(crate) generate: Option<Generate>,
    /// Something that is no file: `missing`, `folder`, `unreadable`.
    pub(crate) kind: Option<Kind>,
    /// How its content is packed: `gz`, `zst`.
    pub(crate) packed: Option<String>,
    /// Only so many of its first bytes.
    pub(crate) cut: Option<usize>,
}

/// Something in the place of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// Nothing is there.
    Missing,
    /// A folder.
    Folder,
    /// A file that even root cannot read.
    Unreadable,
}

/// A table made by the runner; see `generate.rs`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Generate {
    /// `counted` (float64 columns) or `kinds` (one column of every type, with nulls).
    pub(crate) table: String,
    /// Rows.
    pub(crate) rows: usize,
    /// Columns of `counted`.
    #[serde(default = "one")]
    pub(crate) columns: usize,
}

/// A signal to the command.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Signal {
    /// `INT` or `TERM`.
    pub(crate) name: String,
    /// Sent when standard error has had this.
    pub(crate) after: String,
    /// How often, half a second apart.
    #[serde(default = "one")]
    pub(crate) times: usize,
}

/// One output.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Output {
    /// Its path on the command line; relative ones are in the case's own folder, `-` is standard output.
    pub(crate) path: String,
    /// Passed as `NAME=PATH`.
    pub(crate) name: Option<String>,
    /// The file that is there before the run.
    pub(crate) before: Option<String>,
    /// Whether anyone may write to the file that is there.
    #[serde(default)]
    pub(crate) writable: bool,
    /// Whether only its owner may read the existing file.
    #[serde(default)]
    pub(crate) private: bool,
    /// Whether it is passed to the command; `false` just looks at the file.
    #[serde(default = "yes")]
    pub(crate) passed: bool,
    /// The table as CSV.
    pub(crate) table: Option<String>,
    /// The exact text of the file.
    pub(crate) text: Option<String>,
    /// What the file's text has; `…` stands for anything.
    #[serde(default)]
    pub(crate) has: Vec<String>,
    /// How many rows.
    pub(crate) rows: Option<usize>,
    /// The columns' names.
    pub(crate) columns: Option<Vec<String>>,
    /// How many columns.
    pub(crate) width: Option<usize>,
    /// The columns' Arrow types, where the format keeps types.
    pub(crate) types: Option<Vec<String>>,
    /// No such file after the run, nor anything half-written beside it.
    #[serde(default)]
    pub(crate) absent: bool,
    /// Still as `before`.
    #[serde(default)]
    pub(crate) unchanged: bool,
}

/// What must come of a case.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expect {
    /// The exit status.
    pub(crate) exit: i32,
    /// `outcome` of the record.
    pub(crate) outcome: Option<String>,
    /// `message` of the record; `…` stands for anything. An empty one is `null`.
    pub(crate) message: Option<String>,
    /// Values of the record by their JSON pointer; text may have `…`, numbers may be `> N` or `< N`.
    #[serde(default)]
    pub(crate) record: BTreeMap<String, toml::Value>,
    /// What standard error has; `…` stands for anything.
    #[serde(default)]
    pub(crate) stderr: Vec<String>,
    /// What standard error has not.
    #[serde(default)]
    pub(crate) stderr_not: Vec<String>,
    /// How often something stands in standard error.
    #[serde(default)]
    pub(crate) stderr_count: BTreeMap<String, usize>,
    /// What standard output has.
    #[serde(default)]
    pub(crate) stdout: Vec<String>,
    /// What standard output has not.
    #[serde(default)]
    pub(crate) stdout_not: Vec<String>,
    /// Seconds in which it must end, the machine being busy: a deadline, not a measurement.
    #[serde(default = "a_minute")]
    pub(crate) within: u64,
    /// MiB that the command may have resident at a time; the programs that it starts are others.
    pub(crate) memory: Option<u64>,
    /// Different expectations on one engine, or in one language: a full replacement of the above.
    #[serde(default)]
    pub(crate) on: BTreeMap<String, Box<Expect>>,
}

impl Case {
    /// Reads a case, or says what is wrong with it.
    pub(crate) fn read(path: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let case: Self = toml::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?;
        if case.engines.is_some() != case.reason.is_some() {
            return Err(format!("{}: `engines` needs a `reason`, and the other way round", path.display()));
        }
        if !case.has_program() && case.command.is_none() {
            return Err(format!("{}: needs one of `script`, `block`, `example`, `target`", path.display()));
        }
        Ok(case)
    }

    /// Whether there is anything to run or to check. Some subcommands have nothing.
    pub(crate) fn has_program(&self) -> bool {
        let named =
            [&self.script, &self.script_r, &self.block, &self.example, &self.target].iter().any(|way| way.is_some());
        named || !self.files.is_empty()
    }

    /// Whether there is a script to have in every language; other cases are the same for all.
    pub(crate) fn has_script(&self) -> bool {
        self.script.is_some() || self.script_r.is_some()
    }

    /// The script in a language.
    pub(crate) fn script_in(&self, sdk: &str) -> Option<&str> {
        if sdk == "r" { self.script_r.as_deref() } else { self.script.as_deref() }
    }

    /// Whether the case runs on an engine.
    pub(crate) fn runs_on(&self, engine: &str) -> bool {
        self.engines.as_ref().is_none_or(|engines| engines.iter().any(|name| name == engine))
    }

    /// What must come of it on an engine, in a language.
    pub(crate) fn expected(&self, engine: &str, sdk: &str) -> &Expect {
        let on = &self.expect.on;
        on.get(engine).or_else(|| on.get(sdk)).map_or(&self.expect, Box::as_ref)
    }
}

fn yes() -> bool {
    true
}

fn one() -> usize {
    1
}

fn a_minute() -> u64 {
    60
}

fn csv_name() -> String {
    "in.csv".into()
}
