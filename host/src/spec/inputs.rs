//! Opening the inputs that a caller names: files, standard input and pipes.

use super::{INPUTS_MAX, InputSpec, STANDARD, SpecError};
use crate::block::Mode;
use crate::table::{Feed, FileFormat, LiveSource, Source, TableError};
use std::collections::HashSet;
use std::fs::File;
use std::os::fd::AsFd;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

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
        let format = match spec.format {
            Some(format) => Ok(format),
            None if spec.path == Path::new(STANDARD) => return Err(SpecError::NoFormat { what: "standard input" }),
            None => existing_format(&spec.path),
        };
        match format.and_then(|format| open_input(&spec.path, format, mode)) {
            Ok(feed) => feeds[number] = Some(feed),
            Err(error) => wrong.push((number, error)),
        }
    }
    if wrong.is_empty() { Ok(feeds) } else { Err(SpecError::Inputs(wrong)) }
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
fn open_input(path: &Path, format: FileFormat, mode: Mode) -> Result<Feed, TableError> {
    let failed = |source| TableError::Read { path: path.to_owned(), source };
    let is_standard = path == Path::new(STANDARD);
    let is_pipe = || std::fs::metadata(path).is_ok_and(|metadata| metadata.file_type().is_fifo());
    if !is_standard && !is_pipe() {
        return Source::open(path, format).map(Feed::Stored);
    }
    let name = if is_standard { "standard input".into() } else { path.to_string_lossy() };
    let file = match is_standard {
        true => std::io::stdin().as_fd().try_clone_to_owned().map(File::from),
        false => File::open(path),
    };
    let file = file.map_err(failed)?;
    if mode == Mode::Stream && LiveSource::can(format) {
        return LiveSource::open(&name, file, format).map(Feed::Live);
    }
    Source::spool(&name, file, format).map(Feed::Stored)
}

/// The format by suffix; that the file is not there at all is the better thing to say.
fn existing_format(path: &Path) -> Result<FileFormat, TableError> {
    match std::fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Err(TableError::Missing { path: path.to_owned() })
        }
        Ok(metadata) if metadata.is_dir() => Err(TableError::Folder { path: path.to_owned() }),
        _ => FileFormat::from_path(path),
    }
}
