//! Runs a case: its outputs are written to a temporary folder, in the formats of the expected tables, and compared
//! there. If the expected table is in a format without types, both sides are read from that format.

use super::case::{Case, TableText};
use super::compare::{Comparison, compare};
use super::error::CaseError;
use super::pattern;
use super::result::{CaseResult, Problem};
use super::table::Table;
use longshore_block::{Block, InputDeclaration};
use longshore_engine::Engines;
use longshore_model::cancel::Cancel;
use longshore_model::engine_kind::EngineChoice;
use longshore_model::event::{Event, EventReceiver, events};
use longshore_model::limits::TimeLimit;
use longshore_model::note::Note;
use longshore_model::run_id::new_run_id;
use longshore_os::locked_folder::LockedFolder;
use longshore_os::publish::Unpublished;
use longshore_protocol::OutputName;
use longshore_run::admission::Admission;
use longshore_run::record::{RunRecord, UnsavedRecord};
use longshore_run::request::{InputSpec, OutputSpec, RequestError, RunRequest};
use longshore_table::{Source, TableError};
use std::path::{Path, PathBuf};

/// The prefix of output folders. Those of the `process` engine begin the same way; it removes those of killed hosts.
const PREFIX: &str = "longshore-case-";

/// Bytes of a script's output that are kept: a long traceback, and some output before it.
const PRINTED_MAX: usize = 16 << 10;

/// Where cases run.
#[derive(Debug, Clone)]
pub struct Bench {
    /// The engine.
    pub engine: EngineChoice,
    /// The image, instead of the block's or the language's.
    pub image: Option<String>,
    /// The engines of the machine, with its settings.
    pub engines: Engines,
    /// Admits the runs of cases.
    pub admission: Admission,
}

impl Case {
    /// Checks everything that can be checked before anything starts. Blocks. With `update`, expected tables need not
    /// be there yet.
    ///
    /// # Errors
    /// [`CaseError`].
    pub fn check(&self, bench: &Bench, update: bool) -> Result<(), CaseError> {
        let temporary_folder = &bench.engines.settings().temporary_folder;
        for position in 0..self.outputs.len() {
            match self.expected(position, temporary_folder) {
                Err(CaseError::NoExpected { .. }) if update => {}
                result => drop(result?),
            }
        }
        let folder = self.folder(bench)?;
        self.spec(bench, folder.path())?.prepare().map(drop).map_err(|source| self.spec_error(source))
    }

    /// Runs the case and compares its result with the expectations.
    ///
    /// # Errors
    /// As [`Case::check`].
    pub async fn run(&self, bench: &Bench, cancel: &Cancel) -> Result<CaseResult, CaseError> {
        self.execute(bench, cancel, false).await
    }

    /// Runs the case, and writes what it makes over those of its expected files that differ. Tables in the case file
    /// itself stay as they are, and are problems as before.
    ///
    /// # Errors
    /// As [`Case::check`], or a file cannot be written.
    pub async fn update(&self, bench: &Bench, cancel: &Cancel) -> Result<CaseResult, CaseError> {
        self.execute(bench, cancel, true).await
    }

    async fn execute(&self, bench: &Bench, cancel: &Cancel, update: bool) -> Result<CaseResult, CaseError> {
        let folder = self.folder(bench)?;
        let spec = self.spec(bench, folder.path())?;
        let broken = |_| CaseError::Broken { path: self.path.clone() };
        let prepared = tokio::task::spawn_blocking(|| spec.prepare()).await.map_err(broken)?;
        let prepared = prepared.map_err(|source| self.spec_error(source))?;
        let (sender, happened) = events();
        let heard = tokio::spawn(hear(happened));
        // Not recorded: its block's author looks at the report, and runs it again and again.
        let run = longshore_run::run::run(prepared, &bench.engines, &bench.admission, None, sender, cancel, None).await;
        let Heard { printed, notes } = heard.await.map_err(broken)?;
        let problems = self.ending(&run);
        let mut result = CaseResult { name: self.name.clone(), problems, updated: Vec::new(), printed, notes, run };
        if result.passed() {
            let (case, temporary_folder) = (self.clone(), bench.engines.settings().temporary_folder.clone());
            let outputs = tokio::task::spawn_blocking(move || {
                case.outputs(folder.path(), &temporary_folder, &mut result, update).map(|()| result)
            });
            return outputs.await.map_err(broken)?;
        }
        Ok(result)
    }

    fn folder(&self, bench: &Bench) -> Result<LockedFolder, CaseError> {
        let parent = &bench.engines.settings().work_folder;
        let folder = LockedFolder::create(parent, &format!("{PREFIX}{}", new_run_id()), 0o700);
        let folder = folder.map_err(|source| CaseError::Folder { path: parent.clone(), source })?;
        folder.remove_abandoned(PREFIX);
        Ok(folder)
    }

    fn spec(&self, bench: &Bench, folder: &Path) -> Result<RunRequest, CaseError> {
        let mut spec = RunRequest::new(&self.block);
        spec.engine = bench.engine;
        spec.image.clone_from(&bench.image);
        spec.options.clone_from(&self.options);
        spec.limits.timeout = TimeLimit::After(self.timeout);
        let temporary_folder = &bench.engines.settings().temporary_folder;
        spec.temporary_folder = Some(temporary_folder.clone());
        let block = Block::load(&self.block)?.block;
        for (number, table) in &self.inputs {
            let path = match table {
                TableText::File(path) => path.clone(),
                TableText::Inline(text) => {
                    let (path, what) = (folder.join(format!("input-{number}.csv")), format!("input {number}"));
                    // Its errors must not mention a file that the user did not write.
                    check_input(&block, *number, text, temporary_folder)
                        .map_err(|source| self.table_error(what, source))?;
                    std::fs::write(&path, text)
                        .map_err(|source| CaseError::Folder { path: folder.to_owned(), source })?;
                    path
                }
            };
            spec.inputs.push(InputSpec::path(path).number(*number));
        }
        // A run that is asked for an output fails without it.
        let written = self.outputs.iter().enumerate().filter(|(_, expected)| expected.table.is_some());
        for (position, expected) in written {
            let path = self.actual(position, folder);
            let mut output = OutputSpec::path(path);
            output.name = Some(expected.output.clone());
            spec.outputs.push(output);
        }
        Ok(spec)
    }

    /// The file that an output is written to.
    fn actual(&self, position: usize, folder: &Path) -> PathBuf {
        let name = match &self.outputs[position].table {
            Some(TableText::File(path)) => path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            Some(TableText::Inline(_)) | None => "table.csv".into(),
        };
        folder.join(format!("output-{position}-{name}"))
    }

    fn expected(&self, position: usize, temporary_folder: &Path) -> Result<Option<Table>, CaseError> {
        let expected = &self.outputs[position];
        let table = match &expected.table {
            None => return Ok(None),
            Some(TableText::Inline(text)) => Table::parse("table", text, temporary_folder),
            Some(TableText::File(path)) => Table::read(path, temporary_folder),
        };
        match table {
            Ok(table) => Ok(Some(table)),
            Err(TableError::Missing { path: file }) => {
                Err(CaseError::NoExpected { path: self.path.clone(), what: expected.label(), expected: file })
            }
            Err(source) => Err(self.table_error(expected.label(), source)),
        }
    }

    /// The problems of its outcome.
    fn ending(&self, run: &RunRecord) -> Vec<Problem> {
        if run.outcome != self.outcome {
            let (expected, actual) = (self.outcome, run.outcome);
            return vec![Problem::Outcome { expected, actual, message: run.message.clone() }];
        }
        let said = run.message.as_deref().unwrap_or_default();
        match &self.message {
            Some(expected) if !pattern::matches(expected, said) => {
                vec![Problem::Message { expected: expected.clone(), actual: run.message.clone() }]
            }
            _ => Vec::new(),
        }
    }

    /// The problems of the outputs of a run with the expected outcome.
    fn outputs(
        &self,
        folder: &Path,
        temporary_folder: &Path,
        result: &mut CaseResult,
        update: bool,
    ) -> Result<(), CaseError> {
        for (position, expected) in self.outputs.iter().enumerate() {
            let output = expected.label();
            let Some(table) = &expected.table else {
                let is_it = |unsaved: &&UnsavedRecord| match &expected.output {
                    OutputName::Number(number) => unsaved.index == *number,
                    OutputName::Id(id) => unsaved.id.as_ref() == Some(id),
                };
                let rows = result.run.unsaved.iter().find(is_it).map(|unsaved| unsaved.rows);
                result.problems.extend(rows.map(|rows| Problem::Written { output, rows }));
                continue;
            };
            let actual = self.actual(position, folder);
            if !result.run.outputs.iter().any(|written| written.path == actual) {
                result.problems.push(Problem::Unwritten { output });
                continue;
            }
            let found = match Table::read(&actual, temporary_folder) {
                Ok(found) => found,
                Err(error) => {
                    let reason = error.to_string().replace(&format!("`{}`", actual.display()), "it");
                    result.problems.push(Problem::Unreadable { output, reason });
                    continue;
                }
            };
            let comparison = Comparison { tolerance: expected.tolerance, ignore_row_order: expected.ignore_row_order };
            let difference = match self.expected(position, temporary_folder) {
                Ok(wanted) => wanted.and_then(|wanted| compare(&wanted, &found, comparison)).map(Some),
                // There is nothing to compare it with yet.
                Err(CaseError::NoExpected { .. }) if update => Some(None),
                Err(error) => return Err(error),
            };
            match (difference, table) {
                (None, _) => {}
                (Some(_), TableText::File(path)) if update => {
                    copy(&actual, path).map_err(|source| CaseError::Update { path: path.clone(), source })?;
                    result.updated.push(path.clone());
                }
                (Some(difference), _) => {
                    result.problems.extend(difference.map(|difference| Problem::Table { output, difference }));
                }
            }
        }
        Ok(())
    }

    fn spec_error(&self, source: RequestError) -> CaseError {
        CaseError::Spec { path: self.path.clone(), source: Box::new(source) }
    }

    fn table_error(&self, what: String, source: TableError) -> CaseError {
        CaseError::Table { path: self.path.clone(), what, source }
    }
}

/// Whether the text of an input can be read as the block declares.
fn check_input(block: &Block, number: usize, text: &str, temporary_folder: &Path) -> Result<(), TableError> {
    let declared = block.inputs.as_ref().and_then(|inputs| inputs.get(number));
    let reading = declared.map(InputDeclaration::reading).unwrap_or_default();
    let format = reading.format.as_deref().unwrap_or("csv").parse()?;
    Source::spool("table", text.as_bytes(), format, &reading, temporary_folder).map(drop)
}

/// Puts a copy of a file in place of another one, at once.
fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    let unpublished = Unpublished::create(to, &new_run_id())?;
    std::io::copy(&mut std::fs::File::open(from)?, &mut unpublished.writer()?)?;
    unpublished.publish()
}

/// The part of a run's events that is kept.
#[derive(Debug)]
struct Heard {
    printed: String,
    notes: Vec<Note>,
}

/// Hears a run to its end, and keeps the notes and the last of what the script prints.
async fn hear(mut happened: EventReceiver) -> Heard {
    let (mut last, mut notes) = (Vec::new(), Vec::new());
    while let Some(event) = happened.recv().await {
        match event {
            Event::Log { bytes, .. } => last.extend_from_slice(&bytes),
            Event::Error(text) => last.extend_from_slice(format!("error: {text}\n").as_bytes()),
            Event::Engine { note: Some(note), .. } => notes.push(note.into()),
            Event::Note(note) => notes.push(note),
            _ => {}
        }
        let surplus = last.len().saturating_sub(PRINTED_MAX);
        last.drain(..surplus);
    }
    Heard { printed: String::from_utf8_lossy(&last).into_owned(), notes }
}
