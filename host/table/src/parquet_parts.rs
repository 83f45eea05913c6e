//! The columns of a Parquet file in parts, each decoded on a thread of its own, and joined batch by batch.

use super::batches::gave_up;
use super::error::TableError;
use super::guard::guarded;
use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_schema::{FieldRef, Schema, SchemaRef};
use parquet::file::metadata::ParquetMetaData;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};

/// Bytes of values for which another thread is worth its start.
const WORTH_A_THREAD: i64 = 4 << 20;

/// Batches of a part that are queued ahead of the other parts.
const AHEAD: usize = 1;

/// The top-level columns of a file in as many parts as can be decoded in parallel, of about equal size.
pub(super) fn split(metadata: &ParquetMetaData) -> Vec<Vec<usize>> {
    let columns = metadata.file_metadata().schema_descr();
    let mut sizes = vec![0_i64; columns.root_schema().get_fields().len()];
    for group in metadata.row_groups() {
        for (leaf, chunk) in group.columns().iter().enumerate() {
            let size = &mut sizes[columns.get_column_root_idx(leaf)];
            *size = size.saturating_add(chunk.uncompressed_size().max(0));
        }
    }
    let total = sizes.iter().fold(0, |total: i64, size| total.saturating_add(*size));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let worth = usize::try_from(total / WORTH_A_THREAD).unwrap_or(usize::MAX);
    let mut parts = vec![(0_i64, Vec::new()); cores.min(worth).min(sizes.len()).max(1)];
    let mut largest_first: Vec<usize> = (0..sizes.len()).collect();
    largest_first.sort_by_key(|column| std::cmp::Reverse(sizes[*column]));
    for column in largest_first {
        if let Some((size, part)) = parts.iter_mut().min_by_key(|(size, part)| (*size, part.len())) {
            *size = size.saturating_add(sizes[column]);
            part.push(column);
        }
    }
    let mut parts: Vec<Vec<usize>> = parts.into_iter().map(|(_, part)| part).collect();
    parts.iter_mut().for_each(|part| part.sort_unstable());
    parts
}

/// One part: its columns by number, and their batches as they arrive.
pub(super) struct Part {
    columns: Vec<usize>,
    schema: SchemaRef,
    batches: Receiver<Result<RecordBatch, TableError>>,
}

impl Part {
    /// Starts to decode a part. Dropping the part ends the decoding.
    pub(super) fn start(
        path: &Path,
        columns: Vec<usize>,
        schema: SchemaRef,
        mut batches: impl Iterator<Item = Result<RecordBatch, TableError>> + Send + 'static,
    ) -> Self {
        let (sender, receiver) = sync_channel(AHEAD);
        let path = path.to_owned();
        // It ends when its receiver is dropped; its error arrives through the channel.
        drop(std::thread::spawn(move || {
            loop {
                let next = guarded(|| batches.next()).unwrap_or_else(|panicked| Some(Err(gave_up(&path, &panicked))));
                let Some(next) = next else { return };
                let is_last = next.is_err();
                if sender.send(next).is_err() || is_last {
                    return;
                }
            }
        }));
        Self { columns, schema, batches: receiver }
    }
}

/// Batches of all columns, joined from those of the parts, which have the same rows.
pub(super) struct Together {
    path: PathBuf,
    parts: Vec<Part>,
    schema: SchemaRef,
}

impl Together {
    pub(super) fn new(path: &Path, parts: Vec<Part>) -> Self {
        let mut fields: Vec<(usize, FieldRef)> = Vec::new();
        for part in &parts {
            fields.extend(part.columns.iter().copied().zip(part.schema.fields().iter().cloned()));
        }
        fields.sort_by_key(|(column, _)| *column);
        let metadata = parts.first().map(|part| part.schema.metadata().clone()).unwrap_or_default();
        let fields: Vec<FieldRef> = fields.into_iter().map(|(_, field)| field).collect();
        Self { path: path.to_owned(), parts, schema: Arc::new(Schema::new_with_metadata(fields, metadata)) }
    }

    fn join(&self, batches: &[RecordBatch]) -> Result<RecordBatch, TableError> {
        let mut columns: Vec<(usize, ArrayRef)> = Vec::new();
        for (part, batch) in self.parts.iter().zip(batches) {
            columns.extend(part.columns.iter().copied().zip(batch.columns().iter().cloned()));
        }
        columns.sort_by_key(|(column, _)| *column);
        let columns = columns.into_iter().map(|(_, column)| column).collect();
        let options = RecordBatchOptions::new().with_row_count(batches.first().map(RecordBatch::num_rows));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)
            .map_err(|error| TableError::Damaged { path: self.path.clone(), reason: longshore_segment::bare(&error) })
    }
}

impl Iterator for Together {
    type Item = Result<RecordBatch, TableError>;

    fn next(&mut self) -> Option<Self::Item> {
        // When one part has ended, the others must have ended too, or rows are missing.
        let next: Vec<_> = self.parts.iter().map(|part| part.batches.recv().ok()).collect();
        let ended = next.iter().any(Option::is_none);
        let batches: Result<Vec<RecordBatch>, TableError> = next.into_iter().flatten().collect();
        match batches {
            Err(error) => Some(Err(error)),
            Ok(batches) if batches.is_empty() => None,
            Ok(_) if ended => {
                let reason = "its columns have different numbers of rows".into();
                Some(Err(TableError::Damaged { path: self.path.clone(), reason }))
            }
            Ok(batches) => Some(self.join(&batches)),
        }
    }
}
