//! Requests: what to run, and the check of all of it before anything starts.

mod builder;
mod check;
mod check_block;
mod error;
mod input_spec;
mod inputs;
mod invocation;
mod mounted;
mod mounts;
mod output_spec;
mod outputs;
mod partitioned;
mod reach;
mod stream;
mod upstream;

pub use check::{CheckedColumn, CheckedInput, CheckedInputs};
pub use check_block::CheckedBlock;
pub(crate) use check_block::package_list;
pub use error::RequestError;
pub use input_spec::{InputSource, InputSpec};
pub(crate) use invocation::Invocation;
use longshore_model::network::Network;
use longshore_os::shared_file::SharedFile;
pub use output_spec::{OutputSpec, OutputTarget};
pub use stream::CHUNK_ROWS;
pub(crate) use upstream::{Awaited, PassedTable, Unconnected, Upstream};

use crate::admission::{QueueFull, Seat, Turn};
use crate::cut::{Cut, PartitionSpec};
use crate::input::Inputs;
use crate::kept::CaptureTarget;
use crate::output::{Declared, OtherOutputs, Target};
use crate::record::InputRecord;
use longshore_block::{
    Block, BlockFile, BlockFiles, GivenValue, Mode, OptionValues, check_hidden, leading_imports, modules,
};
use longshore_config::settings::{Settings, TEMPORARY_FOLDER};
use longshore_model::constraint::Constraint;
use longshore_model::day::AsOf;
use longshore_model::engine_kind::EngineChoice;
use longshore_model::limits::{Limits, TimeLimit};
use longshore_model::note::Note;
use longshore_model::redact::Secrets;
use longshore_model::reference::Reference;
use longshore_os::publish::{self, Destination};
use longshore_table::{BadRows, ReadOptions, Tally, columns};
use mounts::Allowed;
pub use mounts::Mount;
use partitioned::cut;
use std::collections::BTreeSet;
use std::mem::take;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Maximum number of inputs of a run.
const INPUTS_MAX: usize = 64;

/// A request for a run: a block, and what it is connected to. [`RunRequest::prepare`] checks it.
#[derive(Debug)]
#[non_exhaustive]
pub struct RunRequest {
    /// The block's folder, or a script.
    pub block: PathBuf,
    /// Tables for its inputs.
    pub inputs: Vec<InputSpec>,
    /// Targets for its outputs.
    pub outputs: Vec<OutputSpec>,
    /// What the script writes to outputs without a target; `None` leaves it out.
    pub others: Option<OtherOutputs>,
    /// Values for its options.
    pub options: Vec<(String, GivenValue)>,
    /// The script's arguments.
    pub arguments: Vec<String>,
    /// The script's environment variables besides those that the run and the image set. The record has their names only.
    pub environment: Vec<(String, String)>,
    /// The engine to run it on.
    pub engine: EngineChoice,
    /// The image to run it in, instead of the block's or the language's.
    pub image: Option<String>,
    /// The day as of which its packages are chosen, instead of the block's.
    pub as_of: Option<AsOf>,
    /// Constraints on the versions of its packages, in addition to those of the settings.
    pub constraints: Vec<Constraint>,
    /// Its network.
    pub network: Network,
    /// Files and folders to mount.
    pub mounts: Vec<Mount>,
    /// Folders that mounts and the files of options must be below; none means anywhere.
    pub allowed: Vec<PathBuf>,
    /// New folder to copy the script's working folder to; `None` keeps nothing.
    pub keep: Option<PathBuf>,
    /// The caller's current folder: hints look there for files that the script cannot open.
    pub working_folder: Option<PathBuf>,
    /// Its limits.
    pub limits: Limits,
    /// Rows of a chunk, if the block transforms a stream.
    pub chunk_rows: u32,
    /// Runs the block once for each value of a field.
    pub partition: Option<PartitionSpec>,
    /// How bad rows of text inputs are treated, unless an input's options set it.
    pub bad_rows: Option<BadRows>,
    /// Whether the record has hashes of code, data and environment. They are computed beside the run.
    pub hashes: bool,
    /// Whether the run is recorded in the history, if the settings keep one.
    pub recorded: bool,
    /// Who asks for it: runs that wait for memory and processors are admitted fairly between callers. Runs without a
    /// caller have one together.
    pub caller: Option<String>,
    /// The folder for temporary files of inputs and outputs. A host uses that of its settings where this is `None`;
    /// [`RunRequest::prepare`] uses [`TEMPORARY_FOLDER`].
    pub temporary_folder: Option<PathBuf>,
}

/// A checked run.
#[derive(Debug, Clone)]
pub struct Prepared {
    pub(crate) block: Block,
    pub(crate) files: Vec<BlockFile>,
    pub(crate) inputs: Inputs,
    pub(crate) outputs: Declared,
    pub(crate) options: OptionValues,
    /// The options as given: those that name columns are checked again when the tables of other steps are there.
    pub(crate) given_options: Vec<(String, GivenValue)>,
    /// The tables of other steps that it waits for.
    pub(crate) upstream: Upstream,
    pub(crate) invocation: Invocation,
    pub(crate) engine: EngineChoice,
    pub(crate) image: Option<String>,
    pub(crate) network: Network,
    pub(crate) mounts: Vec<SharedFile>,
    pub(crate) keep: Option<CaptureTarget>,
    /// The caller's current folder.
    pub(crate) working_folder: Option<PathBuf>,
    /// Python modules at the top of the block's folder.
    pub(crate) modules: BTreeSet<String>,
    /// The imports at the beginning of its script.
    pub(crate) leading_imports: Vec<String>,
    pub(crate) limits: Limits,
    /// Rows of a chunk, if the block transforms a stream.
    pub(crate) chunk_rows: Option<u32>,
    /// The parts, if the block runs once for each value of a field.
    pub(crate) partition: Option<Cut>,
    /// Whether the record gets hashes.
    pub(crate) hashes: bool,
    /// Whether the run is recorded in the history.
    pub(crate) recorded: bool,
    /// The folder for temporary files of inputs and outputs.
    pub(crate) temporary_folder: PathBuf,
    /// The absolute path of the block's folder or script.
    pub(crate) source: PathBuf,
    /// The files of the inputs.
    pub(crate) input_paths: Vec<Option<PathBuf>>,
    /// How they are read, for the record.
    pub(crate) input_records: Vec<InputRecord>,
    /// The counts of bad rows of streams, each with the stream's name.
    pub(crate) tallies: Vec<(String, Tally)>,
    pub(crate) notes: Vec<Note>,
    /// Whether the container waits for a program of the caller, instead of running the script.
    pub(crate) attended: bool,
    /// Who asks for it.
    pub(crate) caller: Option<String>,
    /// When it was asked for, if it has a seat.
    pub(crate) turn: Option<Turn>,
    /// Its seat in the queue until it is admitted, or why it has none; `None` if that was not asked.
    pub(crate) seat: Option<Result<Arc<Seat>, QueueFull>>,
}

impl Prepared {
    /// The time limit of its script, from the request or the settings. The settings do not limit streams, which may
    /// never end.
    pub(crate) fn time_limit(&self, settings: &Settings) -> TimeLimit {
        self.limits.timeout.settle(settings.runs.timeout.filter(|_| self.chunk_rows.is_none()))
    }

    /// Whether its script may write to a mount.
    pub(crate) fn writes(&self) -> bool {
        self.mounts.iter().any(|mount| mount.writable)
    }

    /// This run with a seat in its host's queue, so that the queue does not refuse it.
    #[must_use]
    pub fn seated(mut self, seat: Seat) -> Self {
        self.turn = Some(seat.turn);
        self.seat = Some(Ok(Arc::new(seat)));
        self
    }

    /// The secrets among its options.
    pub(crate) fn secrets(&self) -> Secrets {
        Secrets::new(self.options.secrets())
    }
}

impl RunRequest {
    /// A request for a block with nothing connected, and with defaults.
    pub fn new(block: impl Into<PathBuf>) -> Self {
        Self {
            block: block.into(),
            inputs: Vec::new(),
            outputs: Vec::new(),
            others: None,
            options: Vec::new(),
            arguments: Vec::new(),
            environment: Vec::new(),
            engine: EngineChoice::default(),
            image: None,
            as_of: None,
            constraints: Vec::new(),
            network: Network::default(),
            mounts: Vec::new(),
            allowed: Vec::new(),
            keep: None,
            working_folder: None,
            limits: Limits::default(),
            chunk_rows: CHUNK_ROWS,
            partition: None,
            bad_rows: None,
            hashes: false,
            recorded: true,
            caller: None,
            temporary_folder: None,
        }
    }

    /// Checks everything that can be checked before anything starts: the manifest, options, files, formats. Text
    /// inputs are read through once for that. Blocks.
    ///
    /// # Errors
    /// [`RequestError`] gives the cause and what to do.
    pub fn prepare(mut self) -> Result<Prepared, RequestError> {
        let loaded = Block::load(&self.block)?;
        let mut block = loaded.block;
        block.restrict(self.as_of.take(), std::mem::take(&mut self.constraints));
        let mut notes: Vec<Note> = loaded.warnings.into_iter().map(Note::from).collect();
        check_limits(&self.limits)?;
        let invocation = Invocation::check(take(&mut self.arguments), take(&mut self.environment))?;
        let chunk_rows = if block.mode == Mode::Stream { Some(self.check_stream(&block)?) } else { None };
        let BlockFiles { mut files, notes: passed_over, .. } = block.files()?;
        notes.extend(passed_over.into_iter().map(Note::from));
        check_hidden(&block, &files)?;
        let modules = modules(&files);
        let leading_imports = leading_imports(&block);
        BlockFile::keep_small(&mut files)?;
        let declared = block.inputs.as_deref();
        let (placed, wrong) = inputs::placed(self.inputs, declared);
        self.inputs = placed;
        if let Some(error) = wrong.into_iter().next() {
            return Err(error);
        }
        let temporary_folder = self.temporary_folder.take().unwrap_or_else(|| TEMPORARY_FOLDER.into());
        let others = ReadOptions { bad_rows: self.bad_rows, ..ReadOptions::default() };
        let feeds = inputs::open_inputs(&mut self.inputs, declared, &others, block.mode, &temporary_folder)?;
        notes.extend(inputs::notes(&self.inputs, &feeds).into_iter().map(Note::from));
        let tallies = inputs::tallies(&self.inputs, &feeds);
        let input_records = inputs::records(&self.inputs, declared, &feeds);
        let columns: Vec<_> =
            feeds.iter().map(|input| input.as_ref().map(|feed| columns(&feed.known_schema()))).collect();
        let columns = inputs::known(&self.inputs, columns);
        let options = OptionValues::resolve(&block, &self.options, &columns)?;
        notes.extend(options.unmasked().into_iter().map(Note::from));
        let mut outputs = outputs::placed(&block, take(&mut self.outputs), &self.inputs, &temporary_folder)?;
        if let Some(others) = &self.others {
            outputs.return_others(others, &temporary_folder);
        }
        let keep = self.keep.as_ref().map(|path| check_keep(path, &outputs)).transpose()?;
        let allowed = Allowed::resolve(&self.allowed)?;
        let contained = self.engine.may_isolate();
        let mounts = mounts::mounts(&self.mounts, options.files(), &allowed, contained)?;
        if contained {
            let given = reach::given(&self.inputs, &self.mounts, &self.options, &options);
            notes.extend(reach::check(&outputs, keep.as_ref(), &block, given, &mounts)?.into_iter().map(Note::from));
            notes.extend(mounts::unreadable(options.files()).into_iter().map(Note::from));
        }
        check_block::check_environment(&block)?;
        if contained && self.image.is_none() {
            check_block::check_packages(&block)?;
        }
        if !contained && !block.system_packages.is_empty() {
            let all = block.system_packages.join(", ");
            notes.push(
                format!("the block names Debian packages, which must be installed on this machine: {all}").into(),
            );
        }
        if contained {
            notes.extend(check_block::note_of_network(&block, &self.network));
        }
        let inputs = Inputs::new(feeds, chunk_rows.and_then(|rows| usize::try_from(rows).ok()));
        let partition = self.partition.as_ref().map(|spec| cut(&inputs, spec, block.mode)).transpose()?;
        if partition.is_some() && keep.is_some() {
            return Err(RequestError::PartitionedKeep);
        }
        if let Some(image) = &self.image {
            Reference::parse(image).map_err(|source| RequestError::Image { image: image.clone(), source })?;
        }
        // What is done later may be done elsewhere.
        block.folder = std::path::absolute(&block.folder).unwrap_or(block.folder);
        Ok(Prepared {
            block,
            files,
            inputs,
            outputs,
            options,
            given_options: self.options,
            upstream: Upstream::default(),
            invocation,
            engine: self.engine,
            image: self.image,
            network: self.network,
            mounts,
            keep,
            working_folder: self.working_folder,
            modules,
            leading_imports,
            limits: self.limits,
            chunk_rows,
            partition,
            hashes: self.hashes,
            recorded: self.recorded,
            temporary_folder,
            source: std::path::absolute(&self.block).unwrap_or(self.block),
            input_paths: inputs::input_paths(&self.inputs),
            input_records,
            tallies,
            notes,
            attended: false,
            caller: self.caller,
            turn: None,
            seat: None,
        })
    }
}

fn check_keep(path: &Path, outputs: &Declared) -> Result<CaptureTarget, RequestError> {
    let wrong = |reason| RequestError::Keep { path: path.to_owned(), reason };
    let keep = CaptureTarget::check(path).map_err(wrong)?;
    let real = keep.real();
    for (number, target) in outputs.targets.iter().enumerate() {
        // An output below the kept folder would conflict with it.
        if target.as_ref().and_then(Target::named).is_some_and(|path| real_target(path).starts_with(&real)) {
            return Err(wrong(format!("output {number} is written there too: give it another folder")));
        }
    }
    Ok(keep)
}

fn check_limits(limits: &Limits) -> Result<(), RequestError> {
    let least = |limit, value: String, least| Err(RequestError::Limit { limit, value, least });
    // The Engine API refuses less than 6 MiB, and an interpreter alone needs more.
    if limits.memory_bytes < 16 << 20 {
        return least("memory", format!("{} bytes", limits.memory_bytes), "16m");
    }
    if limits.pids < 8 {
        return least("pids", limits.pids.to_string(), "8");
    }
    match limits.cpus {
        Some(cpus) if !(0.01..=1e6).contains(&cpus) => least("cpus", cpus.to_string(), "0.01"),
        _ => Ok(()),
    }
}

/// The path of an existing or future file, without links.
fn real_target(path: &Path) -> PathBuf {
    if let Ok(Destination::File(place)) = Destination::of(path) {
        return place.path();
    }
    let resolved = std::fs::canonicalize(path).or_else(|_| {
        let folder = std::fs::canonicalize(publish::folder(path))?;
        Ok::<_, std::io::Error>(folder.join(path.file_name().unwrap_or_default()))
    });
    resolved.unwrap_or_else(|_| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::Place;
    use longshore_table::{FileFormat, WriteOptions};

    #[test]
    fn outputs_and_kept_files_need_folders_of_their_own() {
        let folder = tempfile::tempdir().unwrap();
        let kept = folder.path().join("kept");
        std::fs::create_dir(&kept).unwrap();
        let target = |path: PathBuf| {
            let format = FileFormat::from_path(&path).unwrap();
            let place = Place::Named(Destination::of(&path).unwrap());
            let write = WriteOptions::default();
            Some(Target { path, place, format, write, temporary_folder: "/tmp".into(), is_optional: false })
        };
        let mut outputs = Declared { ids: None, targets: vec![None, target(folder.path().join("kept.csv"))] };
        assert!(check_keep(&kept, &outputs).is_ok());
        outputs.targets.push(target(kept.join("x.csv")));
        assert_eq!(
            check_keep(&kept, &outputs).unwrap_err().to_string(),
            format!("cannot keep files in `{}`: output 2 is written there too: give it another folder", kept.display())
        );
    }
}
