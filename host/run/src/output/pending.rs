//! The file of an output before it has its name: creating it, and rewriting it if its columns turn out to be too
//! narrow. `worker.rs` writes its rows.

use super::{Place, Target};
use arrow_schema::SchemaRef;
use longshore_os::publish::{Destination, Unpublished};
use longshore_os::temporary::TemporaryFile;
use longshore_segment::{Matching, Segment, Taken};
use longshore_table::{Allowance, Format, ReadOptions, Sink, Source, TableError};
use std::fs::File;
use std::io::Write;

/// An output's file before publication.
#[derive(Debug)]
pub(crate) enum Pending {
    /// To be renamed to its path.
    File(Unpublished),
    /// To be copied or handed over to its target, or a part that is merged with others.
    Kept(File),
    /// To be handed over to the caller, with the memory that it takes until then.
    Segment(Segment, Taken),
    /// Sent to its target already, row by row.
    Sent,
}

/// Starts an output's file, which has no name until it is published.
pub(crate) fn create(
    target: &Target,
    schema: &SchemaRef,
    run_id: &str,
    streaming: bool,
) -> Result<(Sink, Pending), TableError> {
    let failed = |source| TableError::Write { path: target.path.clone(), source };
    // A workbook can only be written as a whole.
    let streams = streaming && target.format.format != Format::Xlsx;
    let to = |writer: Box<dyn Write + Send>| {
        Sink::create_to(&target.path, target.format, &target.write, schema, writer, &target.temporary_folder)
    };
    let (file, pending) = match &target.place {
        Place::Open(file) if streams => (file.try_clone().map_err(failed)?, Pending::Sent),
        Place::Writer(writer) if streams => return Ok((to(Box::new(writer.clone()))?, Pending::Sent)),
        Place::Named(Destination::File(place)) => {
            let file = Unpublished::create_in(place.clone(), &target.path, run_id).map_err(failed)?;
            (file.writer().map_err(failed)?, Pending::File(file))
        }
        _ => {
            let file = TemporaryFile::new_in(&target.temporary_folder).map_err(failed)?;
            let writer = Box::new(file.try_clone().map_err(failed)?);
            return Ok((to(writer)?, Pending::Kept(file.into_file())));
        }
    };
    let (path, temporary_folder) = (&target.path, &target.temporary_folder);
    Ok((Sink::create_as(path, target.format, &target.write, schema, file, temporary_folder)?, pending))
}

/// Rewrites an unfinished table with wider columns.
///
/// # Errors
/// If the table has been sent on already, or the new one cannot be written.
pub(super) fn rewrite(
    target: &Target,
    sink: Sink,
    pending: Pending,
    wider: &SchemaRef,
    run_id: &str,
    allowance: &Allowance,
) -> Result<(Sink, Pending), TableError> {
    let failed = |source| TableError::Write { path: target.path.clone(), source };
    let written = sink.finish()?;
    let file = match &pending {
        Pending::File(file) => file.writer().map_err(failed)?,
        Pending::Kept(file) => file.try_clone().map_err(failed)?,
        Pending::Segment(..) | Pending::Sent => return Err(TableError::SentOn { format: target.format.to_string() }),
    };
    let before = Source::of(&target.path, file, target.format, &ReadOptions::default(), &target.temporary_folder)?;
    let (sink, pending) = create(target, wider, run_id, false)?;
    // The previous file is dropped when the new one is complete.
    allowance.give_back(written);
    let mut sink = sink.within(allowance);
    let unlike = |reason| TableError::Damaged { path: target.path.clone(), reason };
    let matching = Matching::new(wider, &before.schema()).map_err(unlike)?;
    for batch in before.batches()? {
        sink.write(&matching.apply(wider, &batch?).map_err(unlike)?)?;
    }
    Ok((sink, pending))
}
