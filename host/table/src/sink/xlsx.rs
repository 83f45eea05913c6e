//! An Excel workbook of one sheet: bold names in a frozen first row; numbers, dates and times with Excel's types.
//! Values that Excel would round become text, and are counted. Rows are written to a temporary file as they arrive; the
//! workbook is assembled at the end.

use super::output::Output;
use crate::error::TableError;
use crate::number::decimal;
use crate::time::Instant;
use crate::written::{Form, WrittenColumn, instants};
use arrow_array::cast::AsArray;
use arrow_array::types::{
    Decimal128Type, Decimal256Type, Float32Type, Float64Type, Int64Type, Time64NanosecondType, UInt64Type,
};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::{DataType, Schema, TimeUnit};
use longshore_os::temporary::failure;
use rust_xlsxwriter::{Format, Workbook, Worksheet, XlsxError};
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Maximum rows of a sheet, including the row of names.
const ROWS_MAX: usize = 1_048_576;

/// Maximum columns of a sheet.
const COLUMNS_MAX: usize = 16_384;

/// Maximum characters of a cell, in UTF-16 units.
const TEXT_MAX: usize = 32_767;

/// Seconds of a day.
const DAY_SECONDS: i64 = 86_400;

/// Milliseconds of a day: the resolution of Excel's times.
const DAY_MILLIS: i64 = 86_400_000;

/// Excel's day 0, in days before 1970.
const EPOCH_DAYS: i64 = 25_569;

/// 1900-03-01 in Excel's count: before it, Excel has a day that never existed.
const FIRST_DAY: i64 = 61;

/// 9999-12-31 in Excel's count.
const LAST_DAY: i64 = 2_958_465;

/// Maximum width of a column for its name, in characters.
const WIDTH_MAX: usize = 40;

/// A workbook being written.
pub(super) struct Book {
    workbook: Workbook,
    path: PathBuf,
    output: Output,
    looks: Looks,
    names: Vec<String>,
    /// Rows of all batches so far.
    rows: usize,
    /// Values that Excel cannot hold unchanged, by column.
    odd: BTreeMap<(usize, Odd), u64>,
}

/// The number formats of dates and times.
struct Looks {
    date: Format,
    time: Format,
    time_millis: Format,
    clock: Format,
    clock_millis: Format,
}

/// Why Excel cannot hold a value unchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Odd {
    Digits,
    Fraction,
    Zone,
    Calendar,
    Empty,
}

/// The content of a cell.
enum Cell<'a> {
    Number(f64),
    Looks(f64, &'a Format),
    Boolean(bool),
    /// Text, as in CSV.
    Text(Option<Odd>),
}

impl Book {
    /// # Errors
    /// [`TableError::TooLarge`] for more columns than a sheet has, and names that are too long.
    pub(super) fn new(
        path: &Path,
        schema: &Schema,
        output: Output,
        temporary_folder: &Path,
    ) -> Result<Self, TableError> {
        let failed = |error| wrong(path, error);
        if schema.fields().len() > COLUMNS_MAX {
            let reason = format!("it has {} columns, but a sheet has at most {COLUMNS_MAX}", schema.fields().len());
            return Err(TableError::TooLarge { reason });
        }
        let mut workbook = Workbook::new();
        workbook.set_tempdir(temporary_folder).map_err(failed)?;
        let sheet = workbook.add_worksheet_with_constant_memory().map_err(failed)?;
        let bold = Format::new().set_bold();
        sheet.set_freeze_panes(1, 0).map_err(failed)?;
        for (place, field) in (0_u16..).zip(schema.fields()) {
            check_length(field.name()).map_err(|reason| value(field.name(), None, format!("its name {reason}")))?;
            let width = width(field.data_type()).max(field.name().chars().count().min(WIDTH_MAX) + 2);
            sheet.set_column_width(place, u32::try_from(width).unwrap_or_default()).map_err(failed)?;
            sheet.write_string_with_format(0, place, field.name(), &bold).map_err(failed)?;
        }
        let looks = |format: &str| Format::new().set_num_format(format);
        let looks = Looks {
            date: looks("yyyy-mm-dd"),
            time: looks("yyyy-mm-dd hh:mm:ss"),
            time_millis: looks("yyyy-mm-dd hh:mm:ss.000"),
            clock: looks("hh:mm:ss"),
            clock_millis: looks("hh:mm:ss.000"),
        };
        let names = schema.fields().iter().map(|field| field.name().clone()).collect();
        Ok(Self { workbook, path: path.to_owned(), output, looks, names, rows: 0, odd: BTreeMap::new() })
    }

    /// Adds a batch, whole or not at all.
    ///
    /// # Errors
    /// [`TableError::Value`] for text that is too long, [`TableError::TooLarge`] for more rows than a sheet has.
    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<(), TableError> {
        if self.rows + batch.num_rows() >= ROWS_MAX {
            let reason =
                format!("its row {ROWS_MAX} does not fit: a sheet has {ROWS_MAX} rows, one of them for the names");
            return Err(TableError::TooLarge { reason });
        }
        let schema = batch.schema();
        let columns = batch.columns().iter().zip(schema.fields()).enumerate().map(|(place, (array, field))| {
            let texts = WrittenColumn::new(array, field, Form::Cell);
            let texts = texts.map_err(|reason| value(field.name(), None, reason))?;
            let cells = cells(array, &self.looks).map_err(|reason| value(field.name(), None, reason))?;
            check(&texts, &*cells, array)
                .map_err(|(row, reason)| value(&self.names[place], Some(self.rows + row + 1), reason))?;
            Ok((texts, cells))
        });
        let columns = columns.collect::<Result<Vec<_>, TableError>>()?;
        let failed = |error| wrong(&self.path, error);
        let sheet = self.workbook.worksheet_from_index(0).map_err(failed)?;
        let mut text = Vec::new();
        for row in 0..batch.num_rows() {
            let at = u32::try_from(self.rows + row + 1).unwrap_or(u32::MAX);
            for (place, (texts, cells)) in columns.iter().enumerate() {
                if texts.is_null(row) {
                    continue;
                }
                let odd =
                    put(sheet, (at, place), cells(row), |text| texts.write(row, text), &mut text).map_err(failed)?;
                if let Some(odd) = odd {
                    *self.odd.entry((place, odd)).or_default() += 1;
                }
            }
        }
        self.rows += batch.num_rows();
        Ok(())
    }

    /// Notes for the user about how values were written.
    pub(super) fn notes(&self) -> Vec<String> {
        let note = |((place, odd), count): (&(usize, Odd), &u64)| {
            let why = match odd {
                Odd::Digits => "text: Excel's numbers cannot hold so many digits",
                Odd::Fraction => "text: Excel's times have only milliseconds",
                Odd::Zone => "text, in UTC: Excel's times have no zone",
                Odd::Calendar => "text: Excel's calendar differs before 1900-03-01 and after 9999-12-31",
                Odd::Empty => "empty text: its cell is empty, like that of a missing value",
            };
            let values = if *count == 1 { "1 value".into() } else { format!("{count} values") };
            let are = if *count == 1 { "is" } else { "are" };
            format!("{values} of column `{}` {are} {why}", self.names[*place])
        };
        self.odd.iter().map(note).collect()
    }

    /// Assembles the workbook.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(super) fn finish(mut self) -> Result<Output, TableError> {
        let mut written = Remembering { output: self.output, failure: None };
        let saved = self.workbook.save_to_writer(&mut written);
        if let Some(source) = written.failure {
            return Err(TableError::Write { path: self.path, source });
        }
        saved.map_err(|error| wrong(&self.path, error))?;
        Ok(written.output)
    }
}

/// Keeps the first failure, and accepts all later writes: the library prints to the terminal if it cannot complete an
/// archive after a failure.
struct Remembering {
    output: Output,
    failure: Option<io::Error>,
}

impl Write for Remembering {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.failure.is_none() {
            self.failure = self.output.write_all(bytes).err();
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.failure.is_none() {
            self.failure = self.output.flush().err();
        }
        Ok(())
    }
}

fn put(
    sheet: &mut Worksheet,
    (row, place): (u32, usize),
    cell: Cell<'_>,
    write: impl FnOnce(&mut Vec<u8>) -> Result<(), String>,
    text: &mut Vec<u8>,
) -> Result<Option<Odd>, XlsxError> {
    let column = u16::try_from(place).unwrap_or(u16::MAX);
    match cell {
        Cell::Number(number) => sheet.write_number(row, column, number).map(|_| None),
        Cell::Looks(number, format) => sheet.write_number_with_format(row, column, number, format).map(|_| None),
        Cell::Boolean(boolean) => sheet.write_boolean(row, column, boolean).map(|_| None),
        Cell::Text(odd) => {
            text.clear();
            write(text).map_err(XlsxError::ParameterError)?;
            let odd = odd.or(text.is_empty().then_some(Odd::Empty));
            sheet.write_string(row, column, String::from_utf8_lossy(text)).map(|_| odd)
        }
    }
}

/// Checks that all values of a column that are text fit into cells. The row is one of the batch, from 0.
fn check<'a>(
    texts: &WrittenColumn<'_>,
    cells: &dyn Fn(usize) -> Cell<'a>,
    array: &ArrayRef,
) -> Result<(), (usize, String)> {
    let mut text = Vec::new();
    for row in (0..array.len()).filter(|row| !texts.is_null(*row)) {
        if !matches!(cells(row), Cell::Text(_)) {
            continue;
        }
        text.clear();
        texts.write(row, &mut text).map_err(|reason| (row, reason))?;
        check_length(&String::from_utf8_lossy(&text)).map_err(|reason| (row, format!("it {reason}")))?;
    }
    Ok(())
}

fn check_length(text: &str) -> Result<(), String> {
    // A character has at least as many bytes as UTF-16 units.
    let length = if text.len() <= TEXT_MAX { 0 } else { text.encode_utf16().count() };
    if length <= TEXT_MAX {
        return Ok(());
    }
    Err(format!("has {length} characters, but an Excel cell holds {TEXT_MAX}: shorten it, or write CSV or Parquet"))
}

/// The content of a column's cells.
fn cells<'a>(array: &'a ArrayRef, looks: &'a Looks) -> Result<Box<dyn Fn(usize) -> Cell<'a> + 'a>, String> {
    let data_type = array.data_type();
    Ok(match data_type {
        DataType::Boolean => {
            let values = array.as_boolean();
            Box::new(move |row| Cell::Boolean(values.value(row)))
        }
        DataType::UInt64 => {
            let values = array.as_primitive::<UInt64Type>();
            Box::new(move |row| i64::try_from(values.value(row)).map_or(Cell::Text(Some(Odd::Digits)), whole))
        }
        _ if data_type.is_integer() => {
            let values = arrow_cast::cast(array, &DataType::Int64).map_err(|error| error.to_string())?;
            let values = values.as_primitive::<Int64Type>().clone();
            Box::new(move |row| whole(values.value(row)))
        }
        DataType::Float64 => {
            let values = array.as_primitive::<Float64Type>();
            Box::new(move |row| float(values.value(row)))
        }
        DataType::Float16 | DataType::Float32 => {
            let values = arrow_cast::cast(array, &DataType::Float32).map_err(|error| error.to_string())?;
            let values = values.as_primitive::<Float32Type>().clone();
            // The digits that it has in other formats, not those of the equal double.
            Box::new(move |row| float(values.value(row).to_string().parse().unwrap_or(f64::NAN)))
        }
        DataType::Decimal128(..) => {
            let values = array.as_primitive::<Decimal128Type>();
            Box::new(move |row| exact(&values.value_as_string(row)))
        }
        DataType::Decimal256(..) => {
            let values = array.as_primitive::<Decimal256Type>();
            Box::new(move |row| exact(&values.value_as_string(row)))
        }
        DataType::Timestamp(_, Some(_)) => Box::new(|_| Cell::Text(Some(Odd::Zone))),
        DataType::Date32 | DataType::Date64 | DataType::Timestamp(..) => {
            let instant = instants(array).ok_or("its dates cannot be written as text")?;
            let is_date = !matches!(data_type, DataType::Timestamp(..));
            Box::new(move |row| time(instant(row), is_date, looks))
        }
        DataType::Time32(_) | DataType::Time64(_) => {
            let nanos = DataType::Time64(TimeUnit::Nanosecond);
            let values = arrow_cast::cast(array, &nanos).map_err(|error| error.to_string())?;
            let values = values.as_primitive::<Time64NanosecondType>().clone();
            Box::new(move |row| clock(values.value(row), looks))
        }
        _ => Box::new(|_| Cell::Text(None)),
    })
}

fn whole<'a>(number: i64) -> Cell<'a> {
    let holds = number.unsigned_abs() <= 1 << f64::MANTISSA_DIGITS;
    if holds { Cell::Number(number as f64) } else { Cell::Text(Some(Odd::Digits)) }
}

fn float<'a>(number: f64) -> Cell<'a> {
    match number.classify() {
        std::num::FpCategory::Nan | std::num::FpCategory::Infinite => Cell::Text(None),
        std::num::FpCategory::Subnormal => Cell::Text(Some(Odd::Digits)),
        _ => Cell::Number(number),
    }
}

fn exact<'a>(text: &str) -> Cell<'a> {
    decimal(text).map_or(Cell::Text(Some(Odd::Digits)), Cell::Number)
}

fn time<'a>(instant: Instant, is_date: bool, looks: &'a Looks) -> Cell<'a> {
    let (days, seconds) = (instant.seconds.div_euclid(DAY_SECONDS), instant.seconds.rem_euclid(DAY_SECONDS));
    let day = days + EPOCH_DAYS;
    if !(FIRST_DAY..=LAST_DAY).contains(&day) {
        return Cell::Text(Some(Odd::Calendar));
    }
    if is_date && seconds == 0 && instant.nanos == 0 {
        return Cell::Looks(day as f64, &looks.date);
    }
    match millis(seconds, instant.nanos) {
        None => Cell::Text(Some(Odd::Fraction)),
        Some(millis) => {
            let look = if millis % 1_000 == 0 { &looks.time } else { &looks.time_millis };
            Cell::Looks(day as f64 + millis as f64 / DAY_MILLIS as f64, look)
        }
    }
}

fn clock<'a>(nanos: i64, looks: &'a Looks) -> Cell<'a> {
    let seconds = nanos.div_euclid(1_000_000_000);
    let rest = u32::try_from(nanos.rem_euclid(1_000_000_000)).unwrap_or_default();
    match millis(seconds, rest) {
        // The text writer reports a time of day outside 24 hours.
        _ if !(0..DAY_SECONDS).contains(&seconds) => Cell::Text(None),
        None => Cell::Text(Some(Odd::Fraction)),
        Some(millis) => {
            let look = if millis % 1_000 == 0 { &looks.clock } else { &looks.clock_millis };
            Cell::Looks(millis as f64 / DAY_MILLIS as f64, look)
        }
    }
}

/// Milliseconds; `None` if there is a smaller fraction.
fn millis(seconds: i64, nanos: u32) -> Option<i64> {
    nanos.is_multiple_of(1_000_000).then(|| seconds * 1_000 + i64::from(nanos / 1_000_000))
}

/// Characters of the values of a type; Excel shows a date in a narrower column as `####`.
fn width(data_type: &DataType) -> usize {
    match data_type {
        DataType::Date32 | DataType::Date64 | DataType::Time32(_) | DataType::Time64(_) => 13,
        DataType::Timestamp(..) => 24,
        _ => 9,
    }
}

fn value(column: &str, row: Option<usize>, reason: String) -> TableError {
    TableError::Value { column: column.to_owned(), row, reason }
}

fn wrong(path: &Path, error: XlsxError) -> TableError {
    let source = match error {
        XlsxError::IoError(source) => source,
        XlsxError::TempFileError(folder, source) => failure(&folder, source),
        other => std::io::Error::other(other.to_string()),
    };
    TableError::Write { path: path.to_owned(), source }
}
