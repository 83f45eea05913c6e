//! A dry run: a folder instead of a host, for scripts that are started by hand. Inputs and options are files in it, and
//! outputs become files in it. The script sees the same as in a run. This module owns the search for files and their
//! names.

mod output;
mod source;

use crate::error::ClientError;
use crate::inputs::{InputBatches, InputTable};
use crate::link::lock;
use crate::names::{InputName, hint};
use arrow_array::RecordBatchReader;
use longshore_protocol::{FromScript, OutputName, RunFacts, Word};
use output::DryOutput;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// The file with the options' values.
const OPTIONS: &str = "options.json";

/// A folder instead of a host.
pub(crate) struct DryRun {
    folder: PathBuf,
    /// The outputs written so far, by file; `None` once they are published or discarded.
    outputs: Mutex<Option<BTreeMap<PathBuf, DryOutput>>>,
    /// The process that it belongs to: at the end of a forked one, no output is published.
    process: u32,
}

impl DryRun {
    /// Checks the folder, and reads the options.
    pub(crate) fn open(folder: &Path) -> Result<(Self, RunFacts), ClientError> {
        if !folder.is_dir() {
            let reason =
                "it is not a folder: make one with the inputs (`0.parquet`, `sales.arrow`, …) and `options.json`";
            return Err(ClientError::DryRun { path: folder.to_owned(), reason: reason.into() });
        }
        let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let facts = RunFacts {
            run_id: "dry-run".into(),
            block_name: name,
            file_name: script_name(),
            container: false,
            streaming: false,
            chunk_rows: None,
            options: options(&folder.join(OPTIONS))?,
            outputs: Vec::new(),
            inputs: None,
        };
        Ok((Self { folder, outputs: Mutex::new(Some(BTreeMap::new())), process: std::process::id() }, facts))
    }

    pub(crate) fn read_input(&self, input: &InputName) -> Result<Option<InputTable>, ClientError> {
        let Some(batches) = self.read_batches(input)? else {
            return Ok(None);
        };
        let schema = batches.schema();
        source::whole(input, &schema, batches).map(|batches| Some(InputTable { schema, batches }))
    }

    /// An input without a file is not connected. The names that the block declares are not known here, so a name
    /// without a file gets a note.
    pub(crate) fn read_batches(&self, input: &InputName) -> Result<Option<InputBatches>, ClientError> {
        let opened = source::open(&self.folder, input)?;
        if let (None, InputName::Name(name)) = (&opened, input) {
            let names = source::names(&self.folder);
            let found = if names.is_empty() { "no inputs".into() } else { names.join(", ") };
            let near = hint(name, &names);
            print(&format!("note: nothing is connected to input `{name}`: the folder has {found}{near}"));
        }
        Ok(opened)
    }

    /// Appends a table to the output's file.
    pub(crate) fn write_output(&self, name: &OutputName, data: &mut dyn RecordBatchReader) -> Result<(), ClientError> {
        let refused = |reason| ClientError::Output { output: name.clone(), reason };
        let target = self.folder.join(output::file_name(name).map_err(refused)?);
        let schema = data.schema();
        let batches = data.collect::<Result<Vec<_>, _>>()?;
        // A frame without columns, such as an empty one of pandas: valid, with nothing to write.
        if schema.fields().is_empty() {
            return Ok(());
        }
        let mut outputs = lock(&self.outputs);
        let Some(outputs) = outputs.as_mut() else {
            return Ok(());
        };
        if let Some(output) = outputs.get_mut(&target) {
            return output.append(&schema, &batches).map_err(refused);
        }
        let mut output = DryOutput::create(&target, &schema).map_err(refused)?;
        output.append(&schema, &batches).map_err(refused)?;
        outputs.insert(target, output);
        Ok(())
    }

    /// Shows the script's reports.
    pub(crate) fn show(&self, report: &FromScript) {
        match report {
            FromScript::Message { text } => print(&format!("… {text}")),
            FromScript::Progress { fraction, text } => {
                let text = text.as_ref().map(|text| format!(" {text}")).unwrap_or_default();
                print(&format!("… {:.0} %{text}", fraction * 100.0));
            }
            FromScript::Error { text } => print(&format!("error: {text}")),
            _ => {}
        }
    }

    /// The verdict: outputs are published, or discarded.
    pub(crate) fn conclude(&self, word: Word, message: Option<&str>) -> Result<(), ClientError> {
        let message = message.unwrap_or_default();
        match word {
            Word::Commit | Word::Close => {
                self.publish()?;
                if !message.is_empty() {
                    print(message);
                }
            }
            Word::Cancel | Word::Abort => {
                let how = if word == Word::Cancel { "cancelled" } else { "failed" };
                print(&format!("✗ {how}: {message}"));
                self.give_up();
            }
        }
        Ok(())
    }

    /// The script ends without a verdict.
    pub(crate) fn end(&self) -> Result<(), ClientError> {
        if std::process::id() == self.process { self.publish() } else { Ok(()) }
    }

    /// Discards the outputs.
    pub(crate) fn give_up(&self) {
        *lock(&self.outputs) = None;
    }

    fn publish(&self) -> Result<(), ClientError> {
        for (target, output) in lock(&self.outputs).take().unwrap_or_default() {
            let rows = output.rows();
            output.publish().map_err(|reason| ClientError::DryRun { path: target.clone(), reason })?;
            print(&format!("✓ {}: {rows} rows", target.display()));
        }
        Ok(())
    }
}

impl Drop for DryRun {
    fn drop(&mut self) {
        if std::process::id() != self.process {
            // The files belong to the parent process, which may continue to write.
            std::mem::forget(lock(&self.outputs).take());
        }
    }
}

fn options(path: &Path) -> Result<Map<String, Value>, ClientError> {
    let wrong = |reason: String| ClientError::DryRun { path: path.to_owned(), reason };
    let text = match std::fs::read_to_string(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Map::new()),
        text => text.map_err(|error| wrong(error.to_string()))?,
    };
    match serde_json::from_str(&text) {
        Ok(Value::Object(options)) => Ok(options),
        Ok(_) => Err(wrong("it must contain a JSON object of option names and values".into())),
        Err(error) => Err(wrong(error.to_string())),
    }
}

/// The script's file name: from the argument that Rscript adds, or the first argument that is a file. A notebook has
/// none.
fn script_name() -> String {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let script = arguments.find_map(|argument| {
        let text = argument.to_string_lossy();
        text.strip_prefix("--file=").map(PathBuf::from).or_else(|| argument.is_file().then(|| argument.clone()))
    });
    let name = script.as_deref().and_then(Path::file_name);
    name.map_or_else(|| "interactive".into(), |name| name.to_string_lossy().into_owned())
}

fn print(line: &str) {
    // A closed standard error has no reader; the script continues.
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}
