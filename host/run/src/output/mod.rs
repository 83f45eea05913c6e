//! The outputs of a run: one worker each, on its own thread, that takes bytes from the script, checks and decodes them,
//! and writes them to an unnamed file. The run publishes the files.

mod collected;
mod desks;
mod failure;
mod finished;
mod handed;
mod means;
mod pending;
mod place;
mod worker;
mod writers;

pub(crate) use finished::{Finished, OutputFailure};
pub(crate) use handed::segment;
pub use handed::{HandOver, NotHandedOver, OtherOutputs, OutputBatches, OutputHandle};
pub(crate) use pending::{Pending, create};
pub(crate) use place::{Place, SharedWriter};
pub(crate) use worker::Piece;
pub(crate) use writers::{OutputsHandle, Writers};

use crate::record::UnsavedRecord;
use longshore_protocol::OutputName;
use longshore_table::{Compression, FileFormat, Format, WriteOptions};
use std::path::{Path, PathBuf};

/// Maximum number of outputs of a block that declares none.
const UNDECLARED_MAX: u32 = 64;

/// What records have in place of the path of an output that is returned unasked.
const OTHERS: &str = "a table in memory";

/// The target of an output.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    /// The file, or a text that stands for it.
    pub(crate) path: PathBuf,
    /// The place.
    pub(crate) place: Place,
    /// Its format.
    pub(crate) format: FileFormat,
    /// How its text is written.
    pub(crate) write: WriteOptions,
    /// The folder for its temporary files.
    pub(crate) temporary_folder: PathBuf,
    /// Whether a script may leave it out.
    pub(crate) is_optional: bool,
}

impl Target {
    /// Its path, if it has one.
    pub(crate) fn named(&self) -> Option<&Path> {
        matches!(self.place, Place::Named(_)).then_some(self.path.as_path())
    }
}

/// The outputs of a block, and their targets.
#[derive(Debug, Clone)]
pub struct Declared {
    /// Ids in order; `None` if the block declares no outputs, which allows any number.
    pub(crate) ids: Option<Vec<String>>,
    /// Targets by output number.
    pub(crate) targets: Vec<Option<Target>>,
}

impl Declared {
    /// A block's outputs without targets.
    #[must_use]
    pub fn new(ids: Option<Vec<String>>) -> Self {
        Self { ids, targets: Vec::new() }
    }

    /// Returns all outputs without a target to the caller.
    pub(crate) fn return_others(&mut self, others: &OtherOutputs, temporary_folder: &Path) {
        let count = self.ids.as_ref().map_or(UNDECLARED_MAX as usize, Vec::len);
        self.targets.resize(count.max(self.targets.len()), None);
        for (target, number) in self.targets.iter_mut().zip(0..).filter(|(target, _)| target.is_none()) {
            *target = Some(Target {
                path: OTHERS.into(),
                place: Place::Other(others.clone(), number),
                format: FileFormat { format: Format::ArrowStream, compression: Compression::None },
                write: WriteOptions::default(),
                temporary_folder: temporary_folder.to_owned(),
                is_optional: true,
            });
        }
    }

    /// The outputs that were asked for and not written, as a sentence.
    pub(crate) fn unwritten(&self, finished: &[Finished]) -> Option<String> {
        let written =
            |number: usize| finished.iter().any(|output| output.index as usize == number && output.file.is_some());
        let asked = self
            .targets
            .iter()
            .enumerate()
            .filter(|(_, target)| target.as_ref().is_some_and(|target| !target.is_optional));
        let missing = asked.map(|(number, _)| number).filter(|number| !written(*number));
        let missing: Vec<String> = missing.map(|number| self.called(number)).collect();
        (!missing.is_empty()).then(|| format!("the script did not write {}", missing.join(", ")))
    }

    /// The record of an output that was written and not asked for.
    pub(crate) fn unsaved(&self, output: &Finished) -> Option<UnsavedRecord> {
        output.preview.as_ref()?;
        let id = self.ids.iter().flatten().nth(output.index as usize).cloned();
        Some(UnsavedRecord { index: output.index, id, rows: output.rows })
    }

    fn called(&self, number: usize) -> String {
        match self.ids.iter().flatten().nth(number) {
            Some(id) => format!("output {number} (`{id}`)"),
            None => format!("output {number}"),
        }
    }

    /// The number of an output.
    ///
    /// # Errors
    /// The reason, with the outputs that the block has.
    pub fn find(&self, name: &OutputName) -> Result<u32, String> {
        match (name, &self.ids) {
            (OutputName::Number(number), None) if *number < UNDECLARED_MAX => Ok(*number),
            (OutputName::Number(_), None) => Err(format!("output numbers range from 0 to {}", UNDECLARED_MAX - 1)),
            (OutputName::Number(number), Some(ids)) if (*number as usize) < ids.len() => Ok(*number),
            (OutputName::Number(_), Some(ids)) if ids.is_empty() => Err("the block has no outputs".into()),
            (OutputName::Number(_), Some(ids)) => {
                let last = ids.len() - 1;
                Err(format!("the block's outputs are numbered 0 to {last} ({})", ids.join(", ")))
            }
            (OutputName::Id(id), ids) => {
                let position = ids.iter().flatten().position(|known| known == id);
                let known = ids.as_ref().map_or("none".to_owned(), |ids| ids.join(", "));
                let number = position.and_then(|position| u32::try_from(position).ok());
                number.ok_or_else(|| format!("the block has no output with this id (it has: {known})"))
            }
        }
    }
}
