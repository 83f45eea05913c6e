//! A summary of a table as a script will see it: its columns, how it is read, its first rows, and the values of each
//! column. A table of any size is read once, in batches; or only a sample of it is read (`peek_sample.rs`).

use super::error::TableError;
use super::findings::Findings;
use super::peek_sample;
use super::source::Source;
use arrow_array::{Array, ArrayRef, Scalar};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_schema::DataType;
use longshore_model::table::{FileFormat, ReadOptions};
use serde::Serialize;
use std::path::Path;

/// A summary of a table.
#[derive(Debug, Clone, Serialize)]
pub struct Peek {
    /// Its format, with the compression around it.
    pub format: String,
    /// Its files, if there are several.
    #[serde(skip_serializing_if = "is_one")]
    pub files: usize,
    /// The number of rows; an estimate if only a sample was read.
    pub rows: u64,
    /// The part that was read, if it was not all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sample: Option<Sample>,
    /// How it is read, if it is text whose dialect is detected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reading: Option<Findings>,
    /// Its columns.
    pub columns: Vec<PeekColumn>,
    /// Its first rows, each with the text of every column; `null` if a value is missing.
    pub first: Vec<Vec<Option<String>>>,
}

/// The part of a table that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Sample {
    /// Its rows.
    pub rows: u64,
    /// Its bytes.
    pub bytes: u64,
    /// The bytes of the file.
    pub of_bytes: u64,
}

/// A summary of a column.
#[derive(Debug, Clone, Serialize)]
pub struct PeekColumn {
    /// Its name.
    pub name: String,
    /// Its type, as Arrow names it.
    #[serde(rename = "type")]
    pub data_type: String,
    /// Missing values.
    pub nulls: u64,
    /// Its least value, if its values have an order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub least: Option<String>,
    /// Its greatest value, if its values have an order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub greatest: Option<String>,
}

/// A value and its text.
struct Extreme {
    value: ArrayRef,
    text: String,
}

impl Peek {
    /// Summarizes the table at a path. Of a large text that is not compressed, its ends and a sample between them are
    /// read, which takes the same short time for any size; a small table, or one that cannot be sampled, is read as a
    /// whole.
    ///
    /// # Errors
    /// [`TableError`].
    pub fn quick(
        path: &Path,
        format: Option<FileFormat>,
        options: &ReadOptions,
        first: usize,
        temporary_folder: &Path,
    ) -> Result<Self, TableError> {
        let Some(sample) = peek_sample::take(path, format, options)? else {
            return Self::of(&Source::find(path, format, options, temporary_folder)?, first);
        };
        let file = sample.file.try_clone().map_err(|source| TableError::Read { path: path.to_owned(), source })?;
        let looked = Source::of(path, file, sample.format, options, temporary_folder);
        let looked = looked.and_then(|source| Self::of(&source, first));
        match looked {
            Ok(mut peek) if peek.rows > 0 => {
                let (rows, bytes, of_bytes) = (peek.rows, sample.bytes, sample.of_bytes);
                peek.sample = Some(Sample { rows, bytes, of_bytes });
                peek.rows = sample.rows(rows);
                Ok(peek)
            }
            // If a piece begins inside quotes, or the error is in another line, only the whole text shows it.
            _ => Self::of(&Source::find(path, format, options, temporary_folder)?, first),
        }
    }

    /// Summarizes a table, with the given number of its first rows.
    ///
    /// # Errors
    /// [`TableError`], also if the file proves damaged while it is read.
    pub fn of(source: &Source, first: usize) -> Result<Self, TableError> {
        let schema = source.schema();
        let columns = schema.fields().len();
        let (mut rows, mut shown) = (0_u64, Vec::new());
        let mut nulls = vec![0_u64; columns];
        let mut extremes: Vec<(Option<Extreme>, Option<Extreme>)> = (0..columns).map(|_| (None, None)).collect();
        for batch in source.batches()? {
            let batch = batch?;
            for row in 0..batch.num_rows().min(first.saturating_sub(shown.len())) {
                shown.push(batch.columns().iter().map(|column| text_of(column, row)).collect());
            }
            for (column, values) in batch.columns().iter().enumerate() {
                nulls[column] += values.logical_null_count() as u64;
                take_extremes(values, &mut extremes[column]);
            }
            rows += batch.num_rows() as u64;
        }
        let fields = schema.fields().iter().zip(nulls).zip(extremes);
        let columns = fields.map(|((field, nulls), (least, greatest))| PeekColumn {
            name: field.name().clone(),
            data_type: field.data_type().to_string(),
            nulls,
            least: least.map(|extreme| extreme.text),
            greatest: greatest.map(|extreme| extreme.text),
        });
        let columns = columns.collect();
        Ok(Self {
            format: source.format().to_string(),
            files: source.files(),
            rows,
            sample: None,
            reading: source.findings().cloned(),
            columns,
            first: shown,
        })
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_one(files: &usize) -> bool {
    *files == 1
}

fn text_of(column: &ArrayRef, row: usize) -> Option<String> {
    if column.is_null(row) {
        return None;
    }
    let options = FormatOptions::default().with_display_error(true);
    ArrayFormatter::try_new(column.as_ref(), &options).ok().map(|formatter| formatter.value(row).to_string())
}

/// Whether values of a type have a natural order.
fn is_ordered(data_type: &DataType) -> bool {
    data_type.is_numeric()
        || data_type.is_temporal()
        || matches!(data_type, DataType::Boolean | DataType::Utf8 | DataType::LargeUtf8)
}

fn take_extremes(values: &ArrayRef, (least, greatest): &mut (Option<Extreme>, Option<Extreme>)) {
    if !is_ordered(values.data_type()) || values.null_count() == values.len() {
        return;
    }
    let options = arrow_ord::sort::SortOptions { descending: false, nulls_first: false };
    let Ok(order) = arrow_ord::sort::sort_to_indices(values, Some(options), Some(1)) else { return };
    let (first, last) = (order.value(0) as usize, greatest_row(values));
    replace(values, first, least, |new, old| arrow_ord::cmp::lt(new, old));
    if let Some(last) = last {
        replace(values, last, greatest, |new, old| arrow_ord::cmp::gt(new, old));
    }
}

fn greatest_row(values: &ArrayRef) -> Option<usize> {
    let options = arrow_ord::sort::SortOptions { descending: true, nulls_first: false };
    let order = arrow_ord::sort::sort_to_indices(values, Some(options), Some(1)).ok()?;
    (!order.is_empty()).then(|| order.value(0) as usize)
}

fn replace(
    values: &ArrayRef,
    row: usize,
    known: &mut Option<Extreme>,
    is_beyond: impl Fn(&Scalar<ArrayRef>, &Scalar<ArrayRef>) -> Result<arrow_array::BooleanArray, arrow_schema::ArrowError>,
) {
    let value = values.slice(row, 1);
    let beyond = known.as_ref().is_none_or(|known| {
        let compared = is_beyond(&Scalar::new(ArrayRef::clone(&value)), &Scalar::new(ArrayRef::clone(&known.value)));
        compared.is_ok_and(|compared| compared.value(0))
    });
    if let (true, Some(text)) = (beyond, text_of(&value, 0)) {
        // A copy, so that the batch can be dropped.
        let own = arrow_select::concat::concat(&[value.as_ref()]).unwrap_or(value);
        *known = Some(Extreme { value: own, text });
    }
}
