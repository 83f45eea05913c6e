//! Opening the inputs that a caller names: files, standard input and pipes.

use super::{INPUTS_MAX, InputSource, InputSpec, RequestError};
use crate::record::InputRecord;
use longshore_block::{InputDeclaration, Mode};
use longshore_table::{
    Column, FileFormat, Format, FormatError, LiveSource, ReadOptions, Source, TableError, TableSource, Tally,
    check_columns,
};
use std::collections::HashSet;
use std::fs::File;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The inputs with their numbers among the block's, and all errors in the numbering.
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
            wrong.push(RequestError::NoFormat { what: spec.called.clone() });
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

/// The number of an input, given by name, by number or as the next one.
fn number_of(spec: &mut InputSpec, known: &[InputDeclaration], next: usize) -> Result<usize, RequestError> {
    let Some(name) = spec.name.take() else { return Ok(spec.number.unwrap_or(next)) };
    if let Some(number) = known.iter().position(|input| input.name == name) {
        return Ok(number);
    }
    // The text before `=` may be the beginning of a file's name.
    let whole = spec.as_path().map(|path| PathBuf::from(format!("{name}={}", path.display())));
    let Some(whole) = whole.filter(|whole| whole.exists()) else {
        let names = known.iter().map(|input| input.name.clone()).collect();
        return Err(RequestError::UnknownInput { name, names });
    };
    spec.source = InputSource::Path(whole);
    Ok(spec.number.unwrap_or(next))
}

/// Whether the format is known: a table without a path has no suffix.
fn has_format(spec: &InputSpec, declaration: Option<&InputDeclaration>) -> bool {
    let needs = matches!(spec.source, InputSource::File(_) | InputSource::Reader(_));
    let said = spec.format.is_some() || spec.read.format.is_some();
    !needs || said || declaration.is_some_and(|input| input.read.format.is_some())
}

/// The inputs by number; `None` where nothing is connected. Reports the errors of all inputs together. `others` are
/// options that apply where neither the caller nor the block sets one.
pub(super) fn open_inputs(
    specs: &mut [InputSpec],
    declarations: Option<&[InputDeclaration]>,
    others: &ReadOptions,
    mode: Mode,
    temporary_folder: &Path,
) -> Result<Vec<Option<TableSource>>, RequestError> {
    let mut feeds: Vec<Option<TableSource>> = Vec::new();
    let mut wrong = Vec::new();
    for (position, spec) in specs.iter_mut().enumerate() {
        let number = spec.number.unwrap_or(position);
        feeds.resize_with(feeds.len().max(number + 1), || None);
        match open(spec, declarations.and_then(|known| known.get(number)), others, mode, temporary_folder) {
            Ok(feed) => feeds[number] = Some(feed),
            Err(error) => wrong.push((number, error)),
        }
    }
    if wrong.is_empty() { Ok(feeds) } else { Err(RequestError::Inputs(wrong)) }
}

/// Opens an input with the options of its caller and its block. The block's options of reading apply to text only;
/// columns of other formats are checked against its declaration. `others` apply where neither sets an option.
pub(super) fn open(
    spec: &mut InputSpec,
    declaration: Option<&InputDeclaration>,
    others: &ReadOptions,
    mode: Mode,
    temporary_folder: &Path,
) -> Result<TableSource, TableError> {
    let path = spec.in_record();
    let found = format_of(spec, declaration)?;
    // Tables in memory are treated as Arrow streams.
    let format = found.map_or(Format::ArrowStream, |found| found.format.format);
    let declared = declaration.map(InputDeclaration::reading).unwrap_or_default();
    let mut options = spec.read.clone().or(&declared.fitting(format)).or(&others.fitting(format));
    // The format has been determined above.
    options.format = None;
    let feed = open_as(spec, found, &options, mode, temporary_folder)?;
    if let Some(declaration) = declaration.filter(|_| !format.takes_types() && !spec.is_connected()) {
        check_columns(&feed.known_schema(), &declaration.columns)
            .map_err(|reason| TableError::NotAsDeclared { path, reason })?;
    }
    Ok(feed)
}

/// The counts of bad rows of streams, each with the stream's name.
pub(super) fn tallies(specs: &[InputSpec], feeds: &[Option<TableSource>]) -> Vec<(String, Tally)> {
    let tally =
        |(number, spec): (usize, &InputSpec)| Some((spec.called_in_errors(), feeds.get(number)?.as_ref()?.tally()?));
    numbered(specs).filter_map(tally).collect()
}

/// Notes about the detected dialects of text inputs.
pub(super) fn notes(specs: &[InputSpec], feeds: &[Option<TableSource>]) -> Vec<String> {
    let found = |(number, spec): (usize, &InputSpec)| {
        let findings = feeds.get(number).and_then(Option::as_ref).and_then(TableSource::findings);
        let notes = findings.map(|findings| findings.all_notes().map(str::to_owned).collect::<Vec<_>>());
        let path = spec.in_record().display().to_string();
        notes.unwrap_or_default().into_iter().map(move |note| format!("`{path}`: {note}"))
    };
    numbered(specs).flat_map(found).collect()
}

/// The inputs for a run's record, by number.
pub(super) fn records(
    specs: &[InputSpec],
    declarations: Option<&[InputDeclaration]>,
    feeds: &[Option<TableSource>],
) -> Vec<InputRecord> {
    let paths = input_paths(specs).into_iter().zip(feeds).enumerate();
    let record = |(index, (path, feed)): (usize, (Option<PathBuf>, &Option<TableSource>))| {
        let name = declarations.and_then(|known| known.get(index)).map(|input| input.name.clone());
        Some(InputRecord { index, name, path: path?, reading: feed.as_ref()?.findings().cloned() })
    };
    paths.filter_map(record).collect()
}

/// The columns of the inputs whose tables are there.
pub(super) fn known(specs: &[InputSpec], mut columns: Vec<Option<Vec<Column>>>) -> Vec<Option<Vec<Column>>> {
    for (number, _) in numbered(specs).filter(|(_, spec)| spec.is_connected()) {
        columns[number] = None;
    }
    columns
}

/// The absolute paths of the inputs by number; `None` where nothing is connected.
pub(super) fn input_paths(specs: &[InputSpec]) -> Vec<Option<PathBuf>> {
    let mut paths = Vec::new();
    for (number, spec) in numbered(specs) {
        paths.resize(paths.len().max(number + 1), None);
        let recorded = spec.in_record();
        let absolute = spec.as_path().and_then(|path| std::path::absolute(path).ok());
        paths[number] = Some(absolute.unwrap_or(recorded));
    }
    paths
}

/// The inputs with their numbers, which are counted up where they are left out.
fn numbered(specs: &[InputSpec]) -> impl Iterator<Item = (usize, &InputSpec)> {
    specs.iter().scan(0, |next: &mut usize, spec| {
        let number = spec.number.unwrap_or(*next);
        *next = number.saturating_add(1);
        Some((number, spec))
    })
}

/// Standard input and pipes can be read once: stream mode reads them as they arrive, batch mode spools them first.
fn open_as(
    spec: &mut InputSpec,
    found: Option<Found>,
    options: &ReadOptions,
    mode: Mode,
    temporary_folder: &Path,
) -> Result<TableSource, TableError> {
    let name = spec.called_in_errors();
    let failed = |source| TableError::Read { path: PathBuf::from(&name), source };
    let source = spec.take_source();
    let Some(found) = found else {
        let path = PathBuf::from(&name);
        options.check_fit(Format::ArrowStream).map_err(|reason| TableError::NoOption { path, reason })?;
        return match source {
            InputSource::BatchReader(reader) if mode == Mode::Stream => TableSource::pass_batches(&name, reader),
            InputSource::BatchReader(reader) => TableSource::spool_batches(&name, reader, temporary_folder),
            InputSource::Segment(segment) => TableSource::of_segment(&name, segment),
            InputSource::Batches { schema, batches } => TableSource::of_batches(&name, &schema, batches),
            // Its columns are checked when it is there.
            InputSource::Connected => {
                TableSource::of_batches(&name, &Arc::new(arrow_schema::Schema::empty()), Vec::new())
            }
            InputSource::Path(_) | InputSource::File(_) | InputSource::Reader(_) => {
                Err(failed(std::io::Error::other("it has no format")))
            }
        };
    };
    let format = found.format;
    let live = mode == Mode::Stream && LiveSource::can(format);
    let file = match source {
        InputSource::Reader(reader) if live => {
            return LiveSource::open_reader(&name, reader, format, options).map(TableSource::Live);
        }
        InputSource::Reader(reader) => {
            return Source::spool(&name, reader, format, options, temporary_folder).map(TableSource::Stored);
        }
        InputSource::File(file) => file,
        InputSource::Path(path) => {
            if !std::fs::metadata(&path).is_ok_and(|metadata| metadata.file_type().is_fifo()) {
                let said = found.said.then_some(format);
                return Source::find(&path, said, options, temporary_folder).map(TableSource::Stored);
            }
            File::open(path).map_err(failed)?
        }
        InputSource::Batches { .. }
        | InputSource::BatchReader(_)
        | InputSource::Segment(_)
        | InputSource::Connected => {
            return Err(failed(std::io::Error::other("it has no format")));
        }
    };
    match live {
        true => LiveSource::open(&name, file, format, options).map(TableSource::Live),
        false => Source::spool(&name, file, format, options, temporary_folder).map(TableSource::Stored),
    }
}

/// The format of an input, and whether the caller or the block set it.
#[derive(Debug, Clone, Copy)]
struct Found {
    format: FileFormat,
    said: bool,
}

/// The format of an input; `None` for one in memory. It is the caller's, else the block's, else that of the suffix. A
/// block's text format applies only to text files: a Parquet file stays Parquet.
fn format_of(spec: &InputSpec, declaration: Option<&InputDeclaration>) -> Result<Option<Found>, TableError> {
    match &spec.source {
        InputSource::Batches { .. }
        | InputSource::BatchReader(_)
        | InputSource::Segment(_)
        | InputSource::Connected => Ok(None),
        InputSource::Path(path) => format_at(spec, Some(path), declaration).map(Some),
        InputSource::File(_) | InputSource::Reader(_) => format_at(spec, None, declaration).map(Some),
    }
}

fn format_at(
    spec: &InputSpec,
    path: Option<&Path>,
    declaration: Option<&InputDeclaration>,
) -> Result<Found, TableError> {
    let said = |format| Found { format, said: true };
    if let Some(format) = spec.format {
        return Ok(said(format));
    }
    if let Some(name) = &spec.read.format {
        return Ok(said(name.parse()?));
    }
    let declared = declaration.and_then(|input| input.read.format.as_ref());
    let declared: Option<FileFormat> = declared.map(|name| name.parse()).transpose()?;
    let Some(path) = path else {
        return declared.map(said).ok_or_else(|| FormatError::UnknownSuffix { path: spec.in_record() }.into());
    };
    match (Source::format_at(path), declared) {
        (Ok(found), Some(declared)) if found.format.is_delimited() && declared.format.is_delimited() => {
            Ok(said(FileFormat { format: declared.format, compression: found.compression }))
        }
        (Err(TableError::Format(FormatError::UnknownSuffix { .. })), Some(declared)) => Ok(said(declared)),
        (found, _) => found.map(|format| Found { format, said: false }),
    }
}
