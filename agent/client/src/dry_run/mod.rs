//! A dry run: a folder instead of a host, for scripts that are started by hand. Inputs and options are files in it, and
//! outputs become files in it. The script sees the same as in a run. This module owns the search for files and their
//! names; `prepared` is the file in which the host tells what it knows about the block.

mod output;
mod prepared;
mod source;

use crate::error::ClientError;
use crate::inputs::{InputBatches, InputTable};
use crate::link::lock;
use crate::names::{InputName, hint};
use arrow_array::RecordBatchReader;
use longshore_protocol::{DryRunFile, FromScript, OutputName, RunFacts, Word};
use output::DryOutput;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// A folder instead of a host.
pub(crate) struct DryRun {
    folder: PathBuf,
    /// What the host knows about the block; `None` in a folder that was made by hand for a script without a manifest.
    prepared: Option<DryRunFile>,
    /// The outputs written so far, by file; `None` once they are published or discarded.
    outputs: Mutex<Option<BTreeMap<PathBuf, DryOutput>>>,
    /// The process that it belongs to: at the end of a forked one, no output is published.
    process: u32,
}

impl DryRun {
    /// Checks the folder, and reads the options.
    pub(crate) fn open(folder: &Path) -> Result<(Self, RunFacts), ClientError> {
        if !folder.is_dir() {
            let reason = "it is not a folder: set one up with `longshore dry-run SCRIPT -i TABLE --folder FOLDER`";
            return Err(ClientError::DryRun { path: folder.to_owned(), reason: reason.into() });
        }
        let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
        let script = script();
        let prepared = prepared::load(&folder, script.as_deref())?;
        let options = options(&folder.join(DryRunFile::OPTIONS))?;
        let facts = match &prepared {
            Some(prepared) => RunFacts { options, ..prepared.facts.clone() },
            None => RunFacts {
                run_id: "dry-run".into(),
                block_name: text(folder.file_name()),
                file_name: script.as_deref().map_or_else(|| "interactive".into(), |path| text(path.file_name())),
                container: false,
                streaming: false,
                chunk_rows: None,
                options,
                outputs: Vec::new(),
                inputs: None,
            },
        };
        let outputs = Mutex::new(Some(BTreeMap::new()));
        Ok((Self { folder, prepared, outputs, process: std::process::id() }, facts))
    }

    /// Whether the mode of the block is known.
    pub(crate) fn is_prepared(&self) -> bool {
        self.prepared.is_some()
    }

    pub(crate) fn read_input(&self, input: &InputName) -> Result<Option<InputTable>, ClientError> {
        let Some(batches) = self.read_batches(input)? else {
            return Ok(None);
        };
        let schema = batches.schema();
        source::whole(input, &schema, batches).map(|batches| Some(InputTable { schema, batches }))
    }

    /// An input without a file is not connected. Where the block's names are not known, a name without a file gets a
    /// note.
    pub(crate) fn read_batches(&self, input: &InputName) -> Result<Option<InputBatches>, ClientError> {
        let declared = self.prepared.as_ref().and_then(|prepared| prepared.facts.inputs.as_deref());
        let declared = declared.filter(|names| !names.is_empty());
        let number = declared.map(|names| input.number(Some(names))).transpose()?;
        let number = number.or(if let InputName::Number(number) = input { Some(*number) } else { None });
        let table = number.and_then(|number| self.prepared.as_ref()?.tables.get(&number));
        let opened = match (table, number) {
            (Some(file), _) => Some(source::read_at(&self.folder.join(file), input)?),
            // Tables that were put there later have the number or the name.
            (None, Some(number)) => match source::open(&self.folder, &InputName::Number(number), input)? {
                None => source::open(&self.folder, input, input)?,
                found => found,
            },
            (None, None) => source::open(&self.folder, input, input)?,
        };
        if let (None, InputName::Name(name), None) = (&opened, input, declared) {
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
        let outputs = self.prepared.as_ref().map(|prepared| prepared.facts.outputs.as_slice());
        let known = output::declared(name, outputs).map_err(refused)?;
        let target = self.folder.join(output::file_name(&known).map_err(refused)?);
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

/// The script: the argument that Rscript adds, or the first argument that is a script. A notebook has none.
fn script() -> Option<PathBuf> {
    std::env::args_os().skip(1).map(PathBuf::from).find_map(|argument| {
        let text = argument.to_string_lossy();
        let path = text.strip_prefix("--file=").map(PathBuf::from).unwrap_or_else(|| argument.clone());
        let suffix = path.extension().and_then(OsStr::to_str);
        (matches!(suffix, Some("py" | "R" | "r")) && path.is_file()).then_some(path)
    })
}

fn text(name: Option<&OsStr>) -> String {
    name.unwrap_or_default().to_string_lossy().into_owned()
}

fn print(line: &str) {
    // A closed standard error has no reader; the script continues.
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}
