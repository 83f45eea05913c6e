//! Writing: a list of R vectors as a stream of record batches, sized so that each is read while it is in the
//! processor's cache. The R side has prepared the vectors; a `Node` converts one column.

use crate::altrep::Strings;
use crate::failure::Failure;
use crate::nodes::Node;
use arrow_array::{RecordBatch, RecordBatchOptions, RecordBatchReader};
use arrow_schema::{ArrowError, Field, Schema, SchemaRef};
use extendr_api::prelude::*;
use std::ops::Range;
use std::sync::Arc;

/// Approximate values in a batch: with 8 bytes each 1 MiB, which fits into a processor's cache.
const BATCH_VALUES: f64 = 131_072.0;

/// Minimum rows in a batch, unless a row has more values than this.
const LEAST_ROWS: f64 = 1024.0;

const NAME_NOT_UTF8: &str = "its name is not valid UTF-8: set its encoding, as in Encoding(names(x)) <- \"latin1\"";

/// A column to write.
struct Column {
    name: String,
    node: Node,
}

/// R's columns, batch by batch. Lives no longer than the call with them.
pub(crate) struct Columns {
    schema: SchemaRef,
    columns: Vec<Column>,
    rows: usize,
    step: usize,
    at: usize,
    failure: Option<Failure>,
}

impl Columns {
    /// Columns of equal length, with their names.
    pub(crate) fn new(names: &Robj, vectors: &List, rows: usize) -> Result<Self, Failure> {
        let texts = Strings::of(names)?;
        let column = |(index, vector): (usize, Robj)| {
            let name = texts.get(index).map_err(|_| Failure::data(format!("column {}: {NAME_NOT_UTF8}", index + 1)))?;
            let name = name.unwrap_or_default().into_owned();
            let node = Node::of(&vector).map_err(|refusal| refusal.of(&name))?;
            Ok(Column { name, node })
        };
        let columns = vectors.values().enumerate().map(column).collect::<Result<Vec<_>, Failure>>()?;
        let fields: Vec<Field> =
            columns.iter().map(|column| Field::new(&column.name, column.node.data_type(), true)).collect();
        let step = step(columns.iter().map(|column| column.node.values_a_row()).sum());
        Ok(Self { schema: Arc::new(Schema::new(fields)), columns, rows, step, at: 0, failure: None })
    }

    /// The refusal, after the reader has failed.
    pub(crate) fn failure(&mut self) -> Option<Failure> {
        self.failure.take()
    }

    fn batch(&self, rows: Range<usize>) -> Result<RecordBatch, Failure> {
        let array = |column: &Column| column.node.array(rows.clone()).map_err(|refusal| refusal.of(&column.name));
        let arrays = self.columns.iter().map(array).collect::<Result<Vec<_>, _>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), arrays, &options)
            .map_err(|error| Failure::data(error.to_string()))
    }
}

/// Rows of a batch, from the number of values per row.
fn step(values_a_row: f64) -> usize {
    let least = if values_a_row > LEAST_ROWS { 1.0 } else { LEAST_ROWS };
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 1 to 131,072")]
    return (BATCH_VALUES / values_a_row.max(1.0)).max(least) as usize;
}

impl Iterator for Columns {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.at >= self.rows {
            return None;
        }
        let rows = self.at..self.rows.min(self.at + self.step);
        self.at = rows.end;
        Some(self.batch(rows).map_err(|failure| {
            let error = ArrowError::InvalidArgumentError(failure.message().to_owned());
            self.failure = Some(failure);
            error
        }))
    }
}

impl RecordBatchReader for Columns {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }
}
