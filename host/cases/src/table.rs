//! A whole table in memory, as cells, to be compared with another one.

use super::cell::Cell;
use arrow_array::cast::AsArray;
use arrow_array::types::{Decimal128Type, Float64Type, Int64Type, UInt64Type};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_cast::cast;
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_schema::{ArrowError, DataType, TimeUnit};
use longshore_table::{ColumnKind, FileFormat, Format, HeaderLines, Mark, ReadOptions, Source, TableError, kind_of};
use std::path::{Path, PathBuf};

/// Most cells of a table that is compared: at 40 bytes each, two of them take 800 MB.
const CELLS_MAX: usize = 10_000_000;

/// A day, in nanoseconds.
const DAY: i128 = 86_400_000_000_000;

/// A table to compare.
#[derive(Debug, Clone)]
pub struct Table {
    pub(super) columns: Vec<Column>,
    pub(super) rows: usize,
    /// Whether its format stores column types. CSV, TSV and NDJSON do not.
    pub(super) typed: bool,
}

/// A column of it.
#[derive(Debug, Clone)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) kind: ColumnKind,
    pub(super) cells: Vec<Cell>,
}

impl Table {
    /// Reads a file, whose format is that of its suffix. Temporary files are in `temporary_folder`.
    ///
    /// # Errors
    /// [`TableError`], also where the table has more than ten million cells.
    pub fn read(path: &Path, temporary_folder: &Path) -> Result<Self, TableError> {
        let format = FileFormat::from_path(path)?;
        Self::collect(&Source::open_as(path, format, &named(format), temporary_folder)?, format, path)
    }

    /// Reads CSV. `name` stands for it in errors.
    ///
    /// # Errors
    /// As [`Table::read`].
    pub fn parse(name: &str, csv: &str, temporary_folder: &Path) -> Result<Self, TableError> {
        let format = "csv".parse()?;
        let source = Source::spool(name, csv.as_bytes(), format, &named(format), temporary_folder)?;
        Self::collect(&source, format, Path::new(name))
    }

    fn collect(source: &Source, format: FileFormat, path: &Path) -> Result<Self, TableError> {
        let schema = source.schema();
        let columns = schema.fields().iter().map(|field| Column {
            name: field.name().clone(),
            kind: kind_of(field.data_type()),
            cells: Vec::new(),
        });
        let typed = matches!(format.format, Format::Parquet | Format::ArrowFile | Format::ArrowStream);
        let mut table = Self { columns: columns.collect(), rows: 0, typed };
        for batch in source.batches()? {
            table.add(&batch?, path)?;
        }
        Ok(table)
    }

    fn add(&mut self, batch: &RecordBatch, path: &Path) -> Result<(), TableError> {
        self.rows += batch.num_rows();
        if self.rows.saturating_mul(self.columns.len()) > CELLS_MAX {
            return Err(TableError::TooManyCells { path: path.to_owned(), limit: CELLS_MAX });
        }
        for (column, array) in self.columns.iter_mut().zip(batch.columns()) {
            let cells = cells(column.kind, array);
            let cells = cells.map_err(|source| TableError::Arrow { path: PathBuf::from(path), source })?;
            // In formats without types no value and empty text are alike: people write neither with quotes.
            let alike = |cell| if !self.typed && cell == Cell::Text(String::new()) { Cell::Missing } else { cell };
            column.cells.extend(cells.into_iter().map(alike));
        }
        Ok(())
    }
}

fn cells(kind: ColumnKind, array: &ArrayRef) -> Result<Vec<Cell>, ArrowError> {
    let array = match array.data_type() {
        DataType::Dictionary(_, values) => &cast(array, values)?,
        DataType::RunEndEncoded(_, values) => &cast(array, values.data_type())?,
        _ => array,
    };
    let cell: Box<dyn Fn(usize) -> Cell> = match kind {
        ColumnKind::Nothing => Box::new(|_| Cell::Missing),
        ColumnKind::Boolean => {
            let values = array.as_boolean().clone();
            Box::new(move |row| Cell::Boolean(values.value(row)))
        }
        ColumnKind::Integer if *array.data_type() == DataType::UInt64 => {
            let values = array.as_primitive::<UInt64Type>().clone();
            Box::new(move |row| Cell::Integer(values.value(row).into()))
        }
        ColumnKind::Integer => {
            let values = cast(array, &DataType::Int64)?.as_primitive::<Int64Type>().clone();
            Box::new(move |row| Cell::Integer(values.value(row).into()))
        }
        // Whole decimals of any size are exact.
        ColumnKind::Decimal if matches!(array.data_type(), DataType::Decimal128(_, 0)) => {
            let values = array.as_primitive::<Decimal128Type>().clone();
            Box::new(move |row| Cell::Integer(values.value(row)))
        }
        ColumnKind::Decimal => {
            let values = cast(array, &DataType::Float64)?.as_primitive::<Float64Type>().clone();
            Box::new(move |row| Cell::Decimal(values.value(row)))
        }
        ColumnKind::Text => {
            let values = cast(array, &DataType::Utf8)?.as_string::<i32>().clone();
            Box::new(move |row| Cell::Text(values.value(row).to_owned()))
        }
        ColumnKind::Date | ColumnKind::Naive | ColumnKind::Zoned => return moments(kind, array),
        _ => {
            let shown = shown(array)?;
            Box::new(move |row| Cell::Other(shown[row].clone()))
        }
    };
    Ok((0..array.len()).map(|row| if array.is_null(row) { Cell::Missing } else { cell(row) }).collect())
}

fn moments(kind: ColumnKind, array: &ArrayRef) -> Result<Vec<Cell>, ArrowError> {
    let (array, unit) = match array.data_type() {
        DataType::Timestamp(unit, zone) => {
            // Shown in UTC, whatever the zone: it is the instant that is compared.
            let zone = zone.as_ref().map(|_| "+00:00".into());
            (cast(array, &DataType::Timestamp(*unit, zone))?, nanoseconds(*unit))
        }
        _ => (cast(array, &DataType::Date32)?, DAY),
    };
    let shown = shown(&array)?;
    let numbers = match array.data_type() {
        DataType::Date32 => cast(&cast(&array, &DataType::Int32)?, &DataType::Int64)?,
        _ => cast(&array, &DataType::Int64)?,
    };
    let numbers = numbers.as_primitive::<Int64Type>();
    let moment = |(row, shown): (usize, String)| {
        if array.is_null(row) {
            return Cell::Missing;
        }
        let nanoseconds = i128::from(numbers.value(row)) * unit;
        Cell::Moment { nanoseconds, zoned: kind == ColumnKind::Zoned, shown }
    };
    Ok(shown.into_iter().enumerate().map(moment).collect())
}

fn nanoseconds(unit: TimeUnit) -> i128 {
    match unit {
        TimeUnit::Second => 1_000_000_000,
        TimeUnit::Millisecond => 1_000_000,
        TimeUnit::Microsecond => 1000,
        TimeUnit::Nanosecond => 1,
    }
}

fn shown(array: &ArrayRef) -> Result<Vec<String>, ArrowError> {
    let options = FormatOptions::default();
    let formatter = ArrayFormatter::try_new(array, &options)?;
    (0..array.len()).map(|row| formatter.value(row).try_to_string()).collect()
}

/// A table that is compared has the names of its columns, whatever they look like.
fn named(format: FileFormat) -> ReadOptions {
    if !format.format.is_delimited() {
        return ReadOptions::default();
    }
    ReadOptions { header: Some(HeaderLines(1)), skip: Some(0), quote: Some(Mark(Some(b'"'))), ..ReadOptions::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Comparison, TableDifference, TypeDifference, compare};
    use arrow_array::{
        Date32Array, Decimal128Array, DictionaryArray, Float32Array, Float64Array, Int32Array, Int64Array,
        LargeStringArray, StringArray, TimestampMicrosecondArray, TimestampMillisecondArray, UInt64Array,
    };
    use longshore_table::Sink;
    use std::sync::Arc;

    /// A column, through a file of a format that keeps types.
    fn table(column: impl Array + 'static) -> Table {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("table.arrow");
        let batch = RecordBatch::try_from_iter([("a", Arc::new(column) as ArrayRef)]).unwrap();
        let file = std::fs::File::create(&path).unwrap();
        let mut sink =
            Sink::create(&path, "arrow".parse().unwrap(), &batch.schema(), file, &std::env::temp_dir()).unwrap();
        sink.write(&batch).unwrap();
        sink.finish().unwrap();
        Table::read(&path, &std::env::temp_dir()).unwrap()
    }

    fn difference(expected: impl Array + 'static, actual: impl Array + 'static) -> Option<TableDifference> {
        compare(&table(expected), &table(actual), Comparison::default())
    }

    fn types(expected: impl Array + 'static, actual: impl Array + 'static) -> Vec<(String, String)> {
        let found = difference(expected, actual).unwrap().types;
        found.into_iter().map(|TypeDifference { expected, actual, .. }| (expected, actual)).collect()
    }

    #[test]
    fn widths_units_and_encodings_do_not_count() {
        assert_eq!(difference(Int64Array::from(vec![1]), Int32Array::from(vec![1])), None);
        assert_eq!(difference(UInt64Array::from(vec![u64::MAX]), UInt64Array::from(vec![u64::MAX])), None);
        assert_eq!(difference(Float64Array::from(vec![0.5]), Float32Array::from(vec![0.5])), None);
        let coded: DictionaryArray<arrow_array::types::Int8Type> = vec!["x", "y", "x"].into_iter().collect();
        assert_eq!(difference(StringArray::from(vec!["x", "y", "x"]), coded), None);
        assert_eq!(difference(StringArray::from(vec!["x"]), LargeStringArray::from(vec!["x"])), None);
        let seconds = TimestampMicrosecondArray::from(vec![1_000_000]);
        assert_eq!(difference(seconds, TimestampMillisecondArray::from(vec![1000])), None);
        let berlin = TimestampMicrosecondArray::from(vec![0]).with_timezone("+01:00");
        assert_eq!(difference(berlin, TimestampMillisecondArray::from(vec![0]).with_timezone("UTC")), None);
        let whole = Decimal128Array::from(vec![7]).with_precision_and_scale(38, 0).unwrap();
        assert_eq!(difference(Float64Array::from(vec![7.0]), whole), None);
    }

    #[test]
    fn types_count_where_the_format_has_them() {
        let pair = |expected: &str, actual: &str| vec![(expected.to_owned(), actual.to_owned())];
        let (integer, decimal) = (Int64Array::from(vec![1]), Float64Array::from(vec![1.0]));
        assert_eq!(types(integer, decimal), pair("integer", "decimal"));
        let (date, time) = (Date32Array::from(vec![0]), TimestampMicrosecondArray::from(vec![0]));
        assert_eq!(types(date, time), pair("date", "date and time"));
        assert_eq!(types(Int64Array::from(vec![1]), StringArray::from(vec!["1"])), pair("integer", "text"));
        // Null and NaN differ there.
        let found = difference(Float64Array::from(vec![None]), Float64Array::from(vec![f64::NAN])).unwrap();
        assert_eq!((found.types.len(), found.differing_rows), (0, 1));
    }

    #[test]
    fn a_column_of_nothing_has_no_type() {
        assert_eq!(difference(arrow_array::NullArray::new(1), Int64Array::from(vec![None])), None);
    }
}
