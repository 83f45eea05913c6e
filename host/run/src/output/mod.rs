//! The outputs of a run: one worker each, on a thread of its own, that takes bytes from the script, checks and
//! decodes them, and writes them to a file that has no name yet. Publishing is the run's.

mod desks;
mod finished;
mod means;
mod pending;
mod worker;
mod writers;

pub(crate) use finished::{Finished, Trouble};
pub(crate) use pending::{Pending, create};
pub(crate) use worker::Piece;
pub(crate) use writers::{OutputsHandle, Writers};

use longshore_os::publish::Destination;
use longshore_protocol::OutputName;
use longshore_table::{FileFormat, WriteOptions};
use std::path::PathBuf;

/// Outputs of a block that declares none: as many as anyone would number.
const UNDECLARED_MAX: u32 = 64;

/// Where an output goes.
#[derive(Debug, Clone)]
pub struct Target {
    /// The file; `-` is standard output.
    pub path: PathBuf,
    /// What that led to when the run was checked; standard output otherwise.
    pub destination: Option<Destination>,
    /// Its format.
    pub format: FileFormat,
    /// How its text is written.
    pub write: WriteOptions,
    /// Whether it is a part of what goes to the file: kept without a name until the whole is put together.
    pub part: bool,
}

/// What outputs a block has, and where they go.
#[derive(Debug, Clone)]
pub struct Declared {
    /// Ids in order; `None` where the block declares no outputs, and any number goes.
    pub ids: Option<Vec<String>>,
    /// Targets by output number.
    pub targets: Vec<Option<Target>>,
}

impl Declared {
    /// The number of an output.
    pub fn find(&self, name: &OutputName) -> Result<u32, String> {
        match (name, &self.ids) {
            (OutputName::Number(number), None) if *number < UNDECLARED_MAX => Ok(*number),
            (OutputName::Number(_), None) => Err(format!("output numbers go from 0 to {}", UNDECLARED_MAX - 1)),
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
