//! Opening the inputs that a caller names: files, standard input and pipes.

use super::{INPUTS_MAX, InputSpec, STANDARD, SpecError};
use crate::block::{InputDeclaration, Mode};
use crate::record::InputRecord;
use crate::table::{Feed, FileFormat, LiveSource, Source, TableError};
use std::collections::HashSet;
use std::fs::File;
use std::os::fd::AsFd;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

/// The inputs with their numbers, where the block has names for them, and with how the block says they are read.
pub(super) fn declared(
    specs: Vec<InputSpec>,
    declarations: Option<&[InputDeclaration]>,
) -> Result<Vec<InputSpec>, SpecError> {
    let known = declarations.unwrap_or_default();
    let mut next = 0;
    let mut inputs = Vec::new();
    for mut spec in specs {
        if let Some(name) = spec.name.take() {
            match known.iter().position(|input| input.name == name) {
                Some(number) => spec.number = Some(number),
                None => {
                    // What stands before `=` may be the beginning of a file's name.
                    let whole = PathBuf::from(format!("{name}={}", spec.path.display()));
                    if !whole.exists() {
                        let names = known.iter().map(|input| input.name.clone()).collect();
                        return Err(SpecError::UnknownInput { name, names });
                    }
                    spec.path = whole;
                }
            }
        }
        let number = spec.number.unwrap_or(next);
        next = number.saturating_add(1);
        match (declarations, known.get(number)) {
            (Some(_), None) => return Err(SpecError::UndeclaredInput { number, declared: known.len() }),
            (_, Some(declaration)) => spec.read = spec.read.or(&declaration.read),
            _ => {}
        }
        spec.number = Some(number);
        inputs.push(spec);
    }
    let is_given = |number: usize| inputs.iter().any(|spec| spec.number == Some(number));
    let missing = known.iter().enumerate().find(|(number, input)| input.mandatory && !is_given(*number));
    match missing {
        Some((number, input)) => Err(SpecError::MissingInput { number, name: input.name.clone() }),
        None => Ok(inputs),
    }
}

/// The inputs by number; `None` where nothing is connected. Everything that is wrong with any of them is told at once.
pub(super) fn open_inputs(specs: &[InputSpec], mode: Mode) -> Result<Vec<Option<Feed>>, SpecError> {
    let mut feeds: Vec<Option<Feed>> = Vec::new();
    let mut taken = HashSet::new();
    let mut wrong = Vec::new();
    for (number, spec) in numbered(specs) {
        if number >= INPUTS_MAX {
            return Err(SpecError::InputNumber { number });
        }
        feeds.resize_with(feeds.len().max(number + 1), || None);
        if !taken.insert(number) {
            return Err(SpecError::RepeatedInput { number });
        }
        let format = match (spec.format, &spec.read.format) {
            (Some(format), _) => Ok(Some(format)),
            (None, Some(name)) => name.parse().map(Some),
            (None, None) if spec.path == Path::new(STANDARD) => {
                return Err(SpecError::NoFormat { what: "standard input" });
            }
            (None, None) => Ok(None),
        };
        match format.and_then(|format| open_input(spec, format, mode)) {
            Ok(feed) => feeds[number] = Some(feed),
            Err(error) => wrong.push((number, error)),
        }
    }
    if wrong.is_empty() { Ok(feeds) } else { Err(SpecError::Inputs(wrong)) }
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
pub(super) fn records(specs: &[InputSpec], feeds: &[Option<Feed>]) -> Vec<InputRecord> {
    let paths = input_paths(specs).into_iter().zip(feeds).enumerate();
    let record = |(index, (path, feed)): (usize, (Option<PathBuf>, &Option<Feed>))| {
        Some(InputRecord { index, path: path?, reading: feed.as_ref()?.findings().cloned() })
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

/// Standard input and pipes can be read once: a stream takes them as they come, a batch keeps all of them first.
fn open_input(spec: &InputSpec, format: Option<FileFormat>, mode: Mode) -> Result<Feed, TableError> {
    let (path, options) = (spec.path.as_path(), &spec.read);
    let failed = |source| TableError::Read { path: path.to_owned(), source };
    let is_standard = path == Path::new(STANDARD);
    let is_pipe = || std::fs::metadata(path).is_ok_and(|metadata| metadata.file_type().is_fifo());
    if !is_standard && !is_pipe() {
        return Source::find(path, format, options).map(Feed::Stored);
    }
    let format = format.map_or_else(|| FileFormat::from_path(path), Ok)?;
    let name = if is_standard { "standard input".into() } else { path.to_string_lossy() };
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
