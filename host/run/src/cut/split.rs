//! A table split into the rows of each value of a field, in order of first appearance. Holds the table's batches while
//! its parts run.

use arrow_array::{Array, ArrayRef, RecordBatch, UInt32Array};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_schema::{ArrowError, Field, SchemaRef};
use arrow_select::take::{take, take_record_batch};
use longshore_segment::{Budget, OverBudget, Taken};
use longshore_table::{TableError, TableSource};
use std::collections::HashMap;
use std::sync::Arc;

/// A value of the field, as text; `None` is null.
pub(crate) type Value = Option<String>;

/// Rows of a batch, by the batch's position.
type Rows = Vec<(usize, Vec<u32>)>;

/// A table by the values of one of its columns.
#[derive(Debug)]
pub(crate) struct Split {
    schema: SchemaRef,
    column: usize,
    batches: Vec<RecordBatch>,
    order: Vec<Value>,
    rows: HashMap<Value, Rows>,
    /// Memory of the batches.
    memory: Taken,
}

impl Split {
    /// Reads a table and finds the rows of each value. The whole table is kept, so one that exceeds the memory budget
    /// is refused.
    pub(crate) fn new(feed: &TableSource, field: &str, budget: &Budget) -> Result<Self, SplitError> {
        let schema = feed.schema();
        let column = schema.index_of(field).map_err(SplitError::Arrow)?;
        let too_large = |_: OverBudget| SplitError::TooLarge { mebibytes: budget.limit() >> 20 };
        let memory = budget.take(0).map_err(too_large)?;
        let mut split = Self { schema, column, batches: Vec::new(), order: Vec::new(), rows: HashMap::new(), memory };
        let mut bytes = 0;
        for batch in feed.stored()?.ok_or(SplitError::Live)? {
            let batch = batch?;
            bytes += batch.get_array_memory_size() as u64;
            split.memory.resize(bytes).map_err(too_large)?;
            split.add(batch).map_err(SplitError::Arrow)?;
        }
        Ok(split)
    }

    fn add(&mut self, batch: RecordBatch) -> Result<(), ArrowError> {
        let position = self.batches.len();
        let column = Arc::clone(batch.column(self.column));
        let options = FormatOptions::default();
        let values = ArrayFormatter::try_new(&column, &options)?;
        let mut last: Option<(Value, usize)> = None;
        let mut found: Vec<(Value, Vec<u32>)> = Vec::new();
        let mut places: HashMap<Value, usize> = HashMap::new();
        for row in 0..batch.num_rows() {
            let value = if column.is_null(row) { None } else { Some(values.value(row).try_to_string()?) };
            // Rows of one value are often adjacent.
            let place = match &last {
                Some((known, place)) if *known == value => *place,
                _ => *places.entry(value.clone()).or_insert_with(|| {
                    found.push((value.clone(), Vec::new()));
                    found.len() - 1
                }),
            };
            found[place]
                .1
                .push(u32::try_from(row).map_err(|_| ArrowError::ComputeError("a batch is too long".into()))?);
            last = Some((value, place));
        }
        for (value, rows) in found {
            let known = self.rows.entry(value.clone()).or_default();
            if known.is_empty() {
                self.order.push(value);
            }
            known.push((position, rows));
        }
        self.batches.push(batch);
        Ok(())
    }

    /// The values in order of first appearance.
    pub(crate) fn values(&self) -> &[Value] {
        &self.order
    }

    /// The column that the table is split by.
    pub(crate) fn field(&self) -> &Field {
        self.schema.field(self.column)
    }

    /// The number of rows of a value.
    pub(crate) fn count(&self, value: &Value) -> usize {
        self.rows.get(value).map_or(0, |rows| rows.iter().map(|(_, rows)| rows.len()).sum())
    }

    /// The value as a column of one row, of the column's own type; `None` where the table has no such value.
    pub(crate) fn single(&self, value: &Value) -> Option<ArrayRef> {
        let (batch, rows) = self.rows.get(value)?.first()?;
        let row = UInt32Array::from(vec![*rows.first()?]);
        take(self.batches[*batch].column(self.column), &row, None).ok()
    }

    /// The rows of a value as a table; none where the table has no such value.
    pub(crate) fn part(&self, value: &Value) -> TableSource {
        let rows = self.rows.get(value).map_or(&[][..], Vec::as_slice);
        let batches = rows.iter().map(|(batch, rows)| {
            let batch = &self.batches[*batch];
            if rows.len() == batch.num_rows() {
                return batch.clone();
            }
            let taken = take_record_batch(batch, &UInt32Array::from(rows.clone()));
            taken.expect("rows of a batch are there, and never more than the batch has")
        });
        TableSource::Memory { schema: self.schema.clone(), batches: batches.collect(), segment: None }
    }
}

/// A table cannot be split.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SplitError {
    /// It cannot be read.
    #[error(transparent)]
    Table(#[from] TableError),
    /// It can be read only once.
    #[error("it can be read only once")]
    Live,
    /// It exceeds the memory budget.
    #[error("it exceeds the {mebibytes} MiB of memory available for splitting it: split it into files before the run")]
    TooLarge {
        /// The memory budget.
        mebibytes: u64,
    },
    /// Its values cannot be compared.
    #[error(transparent)]
    Arrow(ArrowError),
    /// It has too many of them.
    #[error("the field has {values} values, and a run has at most {most} parts")]
    TooMany {
        /// How many it has.
        values: usize,
        /// How many a run may have.
        most: usize,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::{Int64Array, StringArray};

    fn batch(values: Vec<Option<&str>>, numbers: Vec<i64>) -> RecordBatch {
        let columns: Vec<(&str, ArrayRef)> =
            vec![("g", Arc::new(StringArray::from(values))), ("n", Arc::new(Int64Array::from(numbers)))];
        RecordBatch::try_from_iter(columns).unwrap()
    }

    fn rows(feed: &TableSource) -> Vec<i64> {
        let batches = feed.stored().unwrap().unwrap();
        let numbers = |batch: Result<RecordBatch, TableError>| {
            let batch = batch.unwrap();
            batch.column(1).as_any().downcast_ref::<Int64Array>().unwrap().values().to_vec()
        };
        batches.flat_map(numbers).collect()
    }

    #[test]
    fn values_come_in_order_of_first_appearance_with_all_their_rows() {
        let batches = vec![
            batch(vec![Some("b"), Some("a"), Some("b"), None], vec![1, 2, 3, 4]),
            batch(vec![Some("c"), Some("a"), None], vec![5, 6, 7]),
        ];
        let feed = TableSource::Memory { schema: batches[0].schema(), batches, segment: None };
        let split = Split::new(&feed, "g", &Budget::new(1 << 20)).unwrap();
        let values: Vec<_> = split.values().iter().map(Option::as_deref).collect();
        assert_eq!(values, [Some("b"), Some("a"), None, Some("c")]);
        let parts: Vec<_> = split.values().iter().map(|value| rows(&split.part(value))).collect();
        assert_eq!(parts, [vec![1, 3], vec![2, 6], vec![4, 7], vec![5]]);
        assert_eq!(split.count(&Some("a".into())), 2);
        assert_eq!(rows(&split.part(&Some("none".into()))), Vec::<i64>::new());
        assert_eq!(split.single(&None).unwrap().null_count(), 1);
        assert!(matches!(Split::new(&feed, "g", &Budget::new(1)), Err(SplitError::TooLarge { .. })));
    }
}
