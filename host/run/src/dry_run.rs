//! Dry runs: the inputs, options and facts of a checked request, written to a folder from which a script that is started
//! by hand reads them. The files are documented in `longshore_protocol::DryRunFile`; the client reads them.

use crate::request::{InputSpec, Prepared};
use longshore_block::{Block, BlockError, BlockFile, MANIFESTS};
use longshore_os::folder::Folder;
use longshore_os::publish::{Place, Unpublished};
use longshore_protocol::{DryRunFile, RunFacts};
use longshore_table::{Compression, FileFormat, Format, Sink, Source, TableError, TableSource};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use thiserror::Error;

/// The folder of the dry run beside the block's files, for a program of the caller.
pub(crate) const ATTENDED_FOLDER: &str = "dry-run";

/// The id of every dry run.
const RUN_ID: &str = "dry-run";

/// The folder of a dry run cannot be set up.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DryRunError {
    /// The folder cannot be used.
    #[error("cannot use the folder `{path}`: {source}")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// A file cannot be written.
    #[error("cannot write `{path}`: {source}")]
    Write {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// An input cannot be converted.
    #[error("cannot convert input {number}: {source}")]
    Input {
        /// Its number, from 0.
        number: u32,
        /// The cause.
        source: Box<TableError>,
    },
    /// An input can be read only once.
    #[error("cannot convert input {number}: it is a stream, which may never end")]
    Live {
        /// Its number, from 0.
        number: u32,
    },
}

/// The folder of a dry run.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct DryRunFolder {
    /// The folder, absolute.
    pub folder: PathBuf,
    /// The script, absolute.
    pub script: PathBuf,
    /// The inputs.
    pub inputs: Vec<DryInput>,
    /// The options' values; secrets are masked.
    pub options: serde_json::Value,
}

/// An input of a dry run.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct DryInput {
    /// Its number, from 0.
    pub index: u32,
    /// Its name in the manifest.
    pub name: Option<String>,
    /// The file that it was read from.
    pub path: Option<PathBuf>,
    /// Its file in the folder.
    pub file: String,
    /// Its number of rows.
    pub rows: u64,
}

/// The tables that already are in a folder under an input's number or declared name, such as `0.csv` and
/// `sales.xlsx`, in any format.
///
/// # Errors
/// The folder cannot be read. A folder that does not exist has none.
pub fn tables_in(folder: &Path, block: &Block) -> io::Result<Vec<InputSpec>> {
    let mut names = match Folder::open(folder).and_then(|folder| folder.names()) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        names => names?,
    };
    names.sort();
    let mut specs = Vec::new();
    for name in names.iter().filter_map(|name| name.to_str()) {
        let is_of = |input: &str| name.strip_prefix(input).is_some_and(|rest| rest.starts_with('.'));
        let number = name.split('.').next().and_then(|start| start.parse::<usize>().ok());
        let number = number.or_else(|| block.input_names().position(is_of));
        let path = folder.join(name);
        let is_table = ![DryRunFile::NAME, DryRunFile::OPTIONS].contains(&name) && Source::format_at(&path).is_ok();
        if let Some(number) = number.filter(|_| is_table) {
            specs.push(InputSpec::path(path).number(number));
        }
    }
    Ok(specs)
}

impl Prepared {
    /// Writes the folder of a dry run: the inputs as Arrow files, the options' values, and last what the script is told
    /// about its run. Creates the folder for this user alone if it does not exist. `from_folder` tells whether the inputs
    /// are tables of the folder. Blocks.
    ///
    /// # Errors
    /// [`DryRunError`]. Each file is written completely or not at all.
    pub fn write_dry_run(&self, folder: &Path, from_folder: bool) -> Result<DryRunFolder, DryRunError> {
        let held = open(folder).map_err(|source| DryRunError::Folder { path: folder.to_owned(), source })?;
        let folder = held.path().to_owned();
        let (mut inputs, mut tables) = (Vec::new(), BTreeMap::new());
        for (number, feed) in self.inputs.feeds().enumerate() {
            let (Some(feed), Ok(index)) = (feed, u32::try_from(number)) else { continue };
            let file = DryRunFile::table_name(index);
            let rows = self.convert(&folder.join(&file), feed, index)?;
            let name = self.block.input_names().nth(number).map(str::to_owned);
            let path = self.input_paths.get(number).cloned().flatten();
            inputs.push(DryInput { index, name, path, file: file.clone(), rows });
            tables.insert(index, file);
        }
        if !self.block.options.is_empty() {
            write_json(&folder.join(DryRunFile::OPTIONS), self.options.values())?;
        }
        let sources = self.sources(&inputs);
        let told = DryRunFile { facts: self.dry_facts(), tables, sources, from_folder };
        write_json(&folder.join(DryRunFile::NAME), &told)?;
        let script = std::fs::canonicalize(self.block.folder.join(&self.block.script));
        let script = script.unwrap_or_else(|_| self.block.folder.join(&self.block.script));
        Ok(DryRunFolder { folder, script, inputs, options: self.options.for_record() })
    }

    /// Has the container wait for a program that the caller starts in it, instead of running the script: once the run
    /// has told of it with `Event::Attended`. The inputs and options are in the folder of a dry run beside the block's
    /// files, which is written to `folder` first and must stay there until the run has ended. Outputs are not published.
    ///
    /// # Errors
    /// [`DryRunError`].
    pub fn attend(&mut self, folder: &Path) -> Result<(), DryRunError> {
        self.attended = true;
        let made = self.write_dry_run(folder, false)?;
        let failed = |source| DryRunError::Folder { path: made.folder.clone(), source };
        let names = Folder::open(&made.folder).and_then(|folder| folder.names()).map_err(failed)?;
        for name in names {
            let within = format!("{ATTENDED_FOLDER}/{}", name.to_string_lossy());
            self.files.push(BlockFile::at(&made.folder.join(&name), &within).map_err(failed)?);
        }
        Ok(())
    }

    fn convert(&self, path: &Path, feed: &TableSource, number: u32) -> Result<u64, DryRunError> {
        let failed = |source: TableError| DryRunError::Input { number, source: Box::new(source) };
        let format = FileFormat { format: Format::ArrowFile, compression: Compression::None };
        let batches = feed.stored().map_err(failed)?.ok_or(DryRunError::Live { number })?;
        let mut rows = 0;
        replace(path, |file| {
            let mut sink = Sink::create(path, format, &feed.schema(), file, &self.temporary_folder).map_err(failed)?;
            for batch in batches {
                let batch = batch.map_err(failed)?;
                rows += batch.num_rows() as u64;
                sink.write(&batch).map_err(failed)?;
            }
            sink.finish().map(drop).map_err(failed)
        })?;
        Ok(rows)
    }

    /// The facts without options, which are in their own file.
    fn dry_facts(&self) -> RunFacts {
        RunFacts {
            run_id: RUN_ID.into(),
            block_name: self.block.name.clone(),
            file_name: self.block.file_name().to_owned(),
            container: false,
            streaming: self.chunk_rows.is_some(),
            chunk_rows: self.chunk_rows,
            options: serde_json::Map::new(),
            outputs: self.block.output_ids().unwrap_or_default(),
            inputs: Some(self.block.input_names().map(str::to_owned).collect()),
        }
    }

    /// The files that the folder was made from: the tables, and the manifest, or the script that stands for it.
    fn sources(&self, inputs: &[DryInput]) -> Vec<PathBuf> {
        if self.attended {
            // A container has none of them.
            return Vec::new();
        }
        let block = &self.block;
        let declares = !block.options.is_empty() || block.inputs.is_some() || block.outputs.is_some();
        let declared: &[&str] = match block.whole_folder {
            true => &MANIFESTS,
            false if declares => &[&block.script],
            false => &[],
        };
        let declared = declared.iter().filter_map(|name| std::fs::canonicalize(block.folder.join(name)).ok());
        let tables = inputs.iter().filter_map(|input| input.path.clone()).filter(|path| path.is_absolute());
        tables.chain(declared).collect()
    }
}

/// The block of a script that is started by hand: the folder that it is in, if that folder's manifest names it.
///
/// # Errors
/// The script itself cannot be loaded.
pub fn block_of(script: &Path) -> Result<PathBuf, BlockError> {
    let folder = longshore_os::publish::folder(script);
    let name = script.file_name().unwrap_or_default();
    let is_its_script = |block: &Block| block.whole_folder && Path::new(&block.script) == Path::new(name);
    match Block::load(folder) {
        Ok(loaded) if is_its_script(&loaded.block) => Ok(folder.to_owned()),
        _ => Block::load(script).map(|_| script.to_owned()),
    }
}

/// Opens a folder, and creates it if it does not exist.
fn open(path: &Path) -> io::Result<Folder> {
    match Place::of_folder(path)? {
        (_, Some(found)) => Ok(found),
        (place, None) => place.folder().make_folder(place.name(), 0o700),
    }
}

fn write_json(path: &Path, value: &impl Serialize) -> Result<(), DryRunError> {
    let failed = |source| DryRunError::Write { path: path.to_owned(), source };
    let mut text = serde_json::to_vec_pretty(value).map_err(|error| failed(error.into()))?;
    text.push(b'\n');
    replace(path, |mut file| file.write_all(&text).map_err(failed))
}

/// Replaces a file by one that `write` writes.
fn replace(path: &Path, write: impl FnOnce(File) -> Result<(), DryRunError>) -> Result<(), DryRunError> {
    let failed = |source| DryRunError::Write { path: path.to_owned(), source };
    let file = Unpublished::create(path, RUN_ID).map_err(failed)?;
    write(file.writer().map_err(failed)?)?;
    file.publish().map_err(failed)
}
