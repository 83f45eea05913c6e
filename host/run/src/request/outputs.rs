//! Checks the targets of outputs that a caller names, and how they are written.

use super::{InputSpec, OutputSpec, OutputTarget, RequestError, real_target};
use crate::output::{Declared, Place, SharedWriter, Target};
use longshore_block::Block;
use longshore_os::publish::{self, Destination, Unpublished};
use longshore_protocol::OutputName;
use longshore_table::{Compression, FileFormat, Format, FormatError, WriteOptions};
use rustix::fs::{Access, access};
use std::path::Path;
use std::sync::Arc;

/// The outputs by number, each with its place and its options.
pub(super) fn placed(
    block: &Block,
    specs: Vec<OutputSpec>,
    inputs: &[InputSpec],
    temporary_folder: &Path,
) -> Result<Declared, RequestError> {
    let mut declared = Declared::new(block.output_ids());
    let mut next = 0;
    for spec in specs {
        let name = spec.name.clone().unwrap_or(OutputName::Number(next));
        let number = declared.find(&name).map_err(|reason| RequestError::UnknownOutput { name, reason })?;
        next = number + 1;
        let (shown, format) = (spec.shown(), output_format(&spec, number)?);
        let declaration = block.outputs.iter().flatten().nth(number as usize);
        let path = || shown.clone();
        let unfit = |reason| RequestError::NoWriteOptions { number, path: path(), reason };
        spec.write.fit(format).map_err(unfit)?;
        let wrong = |reason| RequestError::OutputPlace { number, path: path(), reason };
        let write = write_options(&spec, declaration, format).map_err(wrong)?;
        let place = match spec.target {
            OutputTarget::Path(path) => Place::Named(destination(number, &path, &declared, inputs)?),
            OutputTarget::File(file) => Place::Open(Arc::new(file)),
            OutputTarget::Writer(writer) => Place::Writer(SharedWriter::new(writer)),
            OutputTarget::Batches(caller) => Place::Batches(caller),
            OutputTarget::Segment(caller) => Place::Segment(caller),
        };
        let temporary_folder = temporary_folder.to_owned();
        let target = Target { path: shown, place, format, write, temporary_folder, is_optional: false };
        let slot = number as usize;
        declared.targets.resize(declared.targets.len().max(slot + 1), None);
        if declared.targets[slot].replace(target).is_some() {
            return Err(RequestError::RepeatedOutput { number });
        }
    }
    Ok(declared)
}

fn output_format(spec: &OutputSpec, number: u32) -> Result<FileFormat, RequestError> {
    if matches!(spec.target, OutputTarget::Batches(_) | OutputTarget::Segment(_)) {
        return Ok(FileFormat { format: Format::ArrowStream, compression: Compression::None });
    }
    let format = match spec.format {
        Some(format) => Ok(format),
        None => match spec.as_path() {
            Some(path) => FileFormat::from_path(path),
            None => return Err(RequestError::NoFormat { what: spec.called.clone() }),
        },
    };
    if spec.as_path().and_then(Path::extension).is_some_and(|suffix| suffix.eq_ignore_ascii_case("xlsm")) {
        let source = FormatError::NotWritten { format: "a workbook with macros".into() };
        return Err(RequestError::OutputFormat { number, source });
    }
    format.and_then(FileFormat::to_write).map_err(|source| RequestError::OutputFormat { number, source })
}

/// The caller's options, completed by the block's. A block's options for text do not prevent other formats.
fn write_options(
    spec: &OutputSpec,
    declaration: Option<&longshore_block::OutputSpec>,
    format: FileFormat,
) -> Result<WriteOptions, String> {
    let others = declaration.map(|declaration| &declaration.write).filter(|write| write.fit(format).is_ok());
    let write = others.map_or_else(|| spec.write.clone(), |others| spec.write.clone().or(others));
    write.check().map(|()| write)
}

/// Resolves a path's destination and holds it open: the output is published there, even if the path changes meanwhile.
fn destination(
    number: u32,
    path: &Path,
    declared: &Declared,
    inputs: &[InputSpec],
) -> Result<Destination, RequestError> {
    let real = real_target(path);
    for (other, known) in declared.targets.iter().enumerate() {
        if known.as_ref().and_then(Target::named).is_some_and(|known| real_target(known) == real)
            && real != Path::new("/dev/null")
        {
            let first = u32::try_from(other).unwrap_or(u32::MAX);
            return Err(RequestError::SameOutput { first, second: number, path: path.to_owned() });
        }
    }
    let mut next = 0;
    for input in inputs {
        let input_number = input.number.unwrap_or(next);
        next = input_number + 1;
        if input.as_path().is_some_and(|input| real_target(input) == real) {
            return Err(RequestError::OutputIsInput { output: number, input: input_number, path: path.to_owned() });
        }
    }
    let place = |reason: String| RequestError::OutputPlace { number, path: path.to_owned(), reason };
    let folder = publish::folder(path);
    if !folder.is_dir() {
        return Err(place(format!("the folder `{}` does not exist", folder.display())));
    }
    let failed = |error: std::io::Error| place(error.to_string());
    let destination = Destination::of(path).map_err(failed)?;
    let checked = match &destination {
        // The only check that is reliable on every file system is to create a file.
        Destination::File(place) => Unpublished::create_in(place.clone(), path, "check").map(drop),
        // Opening a pipe would wake its reader.
        Destination::Stream(special) => access(special.path(), Access::WRITE_OK).map_err(std::io::Error::from),
    };
    checked.map_err(failed).map(|()| destination)
}
