//! Opening the inputs that a caller names: files, standard input and pipes.

use super::{INPUTS_MAX, InputSpec, RequestError, STANDARD};
use crate::record::InputRecord;
use longshore_block::{InputDeclaration, Mode};
use longshore_table::{BadRows, Feed, FileFormat, LiveSource, ReadOptions, Source, TableError, Tally, check_columns};
use std::collections::HashSet;
use std::fs::File;
use std::os::fd::AsFd;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

/// The inputs by the numbers that they have among the block's, and everything that is wrong with which there are.
pub(super) fn placed(
    specs: Vec<InputSpec>,
    declarations: Option<&[InputDeclaration]>,
) -> (Vec<InputSpec>, Vec<RequestError>) {
    let known = declarations.unwrap_or_default();
    let (mut inputs, mut wrong) = (Vec::new(), Vec::new());
    let (mut next, mut taken) = (0, HashSet::new());
    for mut spec in specs {
        let number = match number_of(&mut spec, known, next) {
            Ok(number) => number,
            Err(error) => {
                wrong.push(error);
                continue;
            }
        };
        next = number.saturating_add(1);
        let declaration = known.get(number);
        if declarations.is_some() && declaration.is_none() {
            wrong.push(RequestError::UndeclaredInput { number, declared: known.len() });
        } else if number >= INPUTS_MAX {
            wrong.push(RequestError::InputNumber { number });
        } else if !taken.insert(number) {
            wrong.push(RequestError::RepeatedInput { number });
        } else if !has_format(&spec, declaration) {
            wrong.push(RequestError::NoFormat { what: "standard input" });
        } else {
            spec.number = Some(number);
            inputs.push(spec);
        }
    }
    let missing = known.iter().enumerate().filter(|(number, input)| input.mandatory && !taken.contains(number));
    let missing = missing.map(|(number, input)| RequestError::MissingInput { number, name: input.name.clone() });
    wrong.extend(missing);
    (inputs, wrong)
}

/// The number of an input that is given by name, by number or as the next one.
fn number_of(spec: &mut InputSpec, known: &[InputDeclaration], next: usize) -> Result<usize, RequestError> {
    let Some(name) = spec.name.take() else { return Ok(spec.number.unwrap_or(next)) };
    if let Some(number) = known.iter().position(|input| input.name == name) {
        return Ok(number);
    }
    // What stands before `=` may be the beginning of a file's name.
    let whole = PathBuf::from(format!("{name}={}", spec.path.display()));
    if !whole.exists() {
        let names = known.iter().map(|input| input.name.clone()).collect();
        return Err(RequestError::UnknownInput { name, names });
    }
    spec.path = whole;
    Ok(spec.number.unwrap_or(next))
}

/// Whether something says the format: standard input has no suffix.
fn has_format(spec: &InputSpec, declaration: Option<&InputDeclaration>) -> bool {
    let said = spec.format.is_some() || spec.read.format.is_some();
    said || spec.path != Path::new(STANDARD) || declaration.is_some_and(|input| input.read.format.is_some())
}

/// The inputs by number; `None` where nothing is connected. Everything that is wrong with any of them is told at once.
pub(super) fn open_inputs(
    specs: &[InputSpec],
    declarations: Option<&[InputDeclaration]>,
    bad_rows: Option<BadRows>,
    mode: Mode,
) -> Result<Vec<Option<Feed>>, RequestError> {
    let others = ReadOptions { bad_rows, ..ReadOptions::default() };
    let mut feeds: Vec<Option<Feed>> = Vec::new();
    let mut wrong = Vec::new();
    for (number, spec) in numbered(specs) {
        feeds.resize_with(feeds.len().max(number + 1), || None);
        match open(spec, declarations.and_then(|known| known.get(number)), &others, mode) {
            Ok(feed) => feeds[number] = Some(feed),
            Err(error) => wrong.push((number, error)),
        }
    }
    if wrong.is_empty() { Ok(feeds) } else { Err(RequestError::Inputs(wrong)) }
}

/// Opens an input, as its caller and its block say: of what the block says, how text is read is for text alone, and
/// columns of other formats are held against it. `others` count where neither says anything.
pub(super) fn open(
    spec: &InputSpec,
    declaration: Option<&InputDeclaration>,
    others: &ReadOptions,
    mode: Mode,
) -> Result<Feed, TableError> {
    let found = format_of(spec, declaration)?;
    let format = found.format.format;
    let declared = declaration.map(InputDeclaration::reading).unwrap_or_default();
    let mut options = spec.read.clone().or(&declared.fitting(format)).or(&others.fitting(format));
    // It has been decided about.
    options.format = None;
    let feed = open_as(spec, found, &options, mode)?;
    if let Some(declaration) = declaration.filter(|_| !format.takes_types()) {
        check_columns(&feed.known_schema(), &declaration.columns)
            .map_err(|reason| TableError::NotAsDeclared { path: spec.path.clone(), reason })?;
    }
    Ok(feed)
}

/// The rows of streams that turn out to be wrong on the way, each with what the stream is called.
pub(super) fn tallies(specs: &[InputSpec], feeds: &[Option<Feed>]) -> Vec<(String, Tally)> {
    let tally = |(number, spec): (usize, &InputSpec)| Some((called(&spec.path), feeds.get(number)?.as_ref()?.tally()?));
    numbered(specs).filter_map(tally).collect()
}

/// What was found out about the inputs' texts that a person should know.
pub(super) fn notes(specs: &[InputSpec], feeds: &[Option<Feed>]) -> Vec<String> {
    let found = |(number, spec): (usize, &InputSpec)| {
        let findings = feeds.get(number).and_then(Option::as_ref).and_then(Feed::findings);
        let notes = findings.map(|findings| findings.all_notes().map(str::to_owned).collect::<Vec<_>>());
        let path = spec.path.display().to_string();
        notes.unwrap_or_default().into_iter().map(move |note| format!("`{path}`: {note}"))
    };
    numbered(specs).flat_map(found).collect()
}

/// The inputs as a run's record has them, by number.
pub(super) fn records(
    specs: &[InputSpec],
    declarations: Option<&[InputDeclaration]>,
    feeds: &[Option<Feed>],
) -> Vec<InputRecord> {
    let paths = input_paths(specs).into_iter().zip(feeds).enumerate();
    let record = |(index, (path, feed)): (usize, (Option<PathBuf>, &Option<Feed>))| {
        let name = declarations.and_then(|known| known.get(index)).map(|input| input.name.clone());
        Some(InputRecord { index, name, path: path?, reading: feed.as_ref()?.findings().cloned() })
    };
    paths.filter_map(record).collect()
}

/// The files of the inputs by number, from the root; `None` where nothing is connected.
pub(super) fn input_paths(specs: &[InputSpec]) -> Vec<Option<PathBuf>> {
    let mut paths = Vec::new();
    for (number, spec) in numbered(specs) {
        paths.resize(paths.len().max(number + 1), None);
        let standard = spec.path == Path::new(STANDARD);
        let absolute = || std::path::absolute(&spec.path).unwrap_or_else(|_| spec.path.clone());
        paths[number] = Some(if standard { spec.path.clone() } else { absolute() });
    }
    paths
}

/// The inputs with their numbers, which count up where they are left out.
fn numbered(specs: &[InputSpec]) -> impl Iterator<Item = (usize, &InputSpec)> {
    specs.iter().scan(0, |next: &mut usize, spec| {
        let number = spec.number.unwrap_or(*next);
        *next = number.saturating_add(1);
        Some((number, spec))
    })
}

/// What stands for an input in words.
fn called(path: &Path) -> String {
    if path == Path::new(STANDARD) { "standard input".into() } else { path.to_string_lossy().into_owned() }
}

/// Standard input and pipes can be read once: a stream takes them as they come, a batch keeps all of them first.
fn open_as(spec: &InputSpec, found: Found, options: &ReadOptions, mode: Mode) -> Result<Feed, TableError> {
    let path = spec.path.as_path();
    let failed = |source| TableError::Read { path: path.to_owned(), source };
    let is_standard = path == Path::new(STANDARD);
    let is_pipe = || std::fs::metadata(path).is_ok_and(|metadata| metadata.file_type().is_fifo());
    if !is_standard && !is_pipe() {
        return Source::find(path, found.said.then_some(found.format), options).map(Feed::Stored);
    }
    let format = found.format;
    let name = called(path);
    let file = match is_standard {
        true => std::io::stdin().as_fd().try_clone_to_owned().map(File::from),
        false => File::open(path),
    };
    let file = file.map_err(failed)?;
    if mode == Mode::Stream && LiveSource::can(format) {
        return LiveSource::open(&name, file, format, options).map(Feed::Live);
    }
    Source::spool(&name, file, format, options).map(Feed::Stored)
}

/// The format of an input, and whether somebody has said it.
#[derive(Debug, Clone, Copy)]
struct Found {
    format: FileFormat,
    said: bool,
}

/// The format that the caller says, else the block's, else that of the suffix. A block's is one of text where that is what
/// it is given: what it says of CSV is not said of Parquet.
fn format_of(spec: &InputSpec, declaration: Option<&InputDeclaration>) -> Result<Found, TableError> {
    let said = |format| Found { format, said: true };
    if let Some(format) = spec.format {
        return Ok(said(format));
    }
    if let Some(name) = &spec.read.format {
        return name.parse().map(said);
    }
    let declared = declaration.and_then(|input| input.read.format.as_ref());
    let declared: Option<FileFormat> = declared.map(|name| name.parse()).transpose()?;
    if spec.path == Path::new(STANDARD) {
        return declared.map(said).ok_or_else(|| TableError::UnknownSuffix { path: spec.path.clone() });
    }
    match (Source::format_at(&spec.path), declared) {
        (Ok(found), Some(declared)) if found.format.is_delimited() && declared.format.is_delimited() => {
            Ok(said(FileFormat { format: declared.format, compression: found.compression }))
        }
        (Err(TableError::UnknownSuffix { .. }), Some(declared)) => Ok(said(declared)),
        (found, _) => found.map(|format| Found { format, said: false }),
    }
}
