//! The cells of a workbook's sheet that have a value, their written form, and the errors of a workbook.

use super::error::TableError;
use calamine::{DataRef, ExcelDateTime, Xlsx, XlsxCellReader, XlsxError};
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

/// The first serial number after Excel's last day.
const DAYS_END: f64 = 2_958_466.0;

/// Whole numbers up to here are exact in a double.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Milliseconds of a day.
const DAY: f64 = 86_400_000.0;

/// A cell's value.
#[derive(Debug, PartialEq)]
pub(super) enum Value {
    /// Text.
    Text(String),
    /// A number, a date, a time, or true or false, in a machine-written form.
    Plain(String),
    /// The error value of a formula.
    Error(String),
}

/// The cells, row by row.
pub(super) struct Cells<'a> {
    path: &'a Path,
    reader: XlsxCellReader<'a, BufReader<File>>,
}

impl<'a> Cells<'a> {
    pub(super) fn open(
        path: &'a Path,
        workbook: &'a mut Xlsx<BufReader<File>>,
        sheet: &str,
    ) -> Result<Self, TableError> {
        let reader = workbook.worksheet_cells_reader(sheet).map_err(|error| broken(path, &error))?;
        Ok(Self { path, reader })
    }

    /// The next cell with a value: its row and its column, both from 0, and the value.
    pub(super) fn next(&mut self) -> Result<Option<(u32, u32, Value)>, TableError> {
        loop {
            let Some(cell) = self.reader.next_cell().map_err(|error| broken(self.path, &error))? else {
                return Ok(None);
            };
            let (row, column) = cell.get_position();
            let value = match cell.get_value() {
                DataRef::Empty => continue,
                DataRef::Int(number) => Value::Plain(number.to_string()),
                DataRef::Float(number) => Value::Plain(number_text(*number)),
                DataRef::String(text) => Value::Text(text.clone()),
                DataRef::SharedString(text) => Value::Text((*text).to_owned()),
                DataRef::Bool(truth) => Value::Plain(truth.to_string()),
                DataRef::DateTime(time) => Value::Plain(time_text(time)),
                DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => Value::Plain(text.replace(',', ".")),
                DataRef::Error(error) => Value::Error(error.to_string()),
            };
            return Ok(Some((row, column, value)));
        }
    }
}

/// A number with all its digits and no more.
fn number_text(number: f64) -> String {
    if number.fract() == 0.0 && number.abs() <= EXACT {
        format!("{number:.0}")
    } else if (1e-5..1e15).contains(&number.abs()) {
        number.to_string()
    } else {
        format!("{number:e}")
    }
}

/// A date, a time of day, a date and time, or a duration.
fn time_text(time: &ExcelDateTime) -> String {
    let days = time.as_f64();
    if time.is_duration() || !(0.0..DAYS_END).contains(&days) {
        return if time.is_duration() { duration_text(days) } else { number_text(days) };
    }
    let (year, month, day, hour, minute, second, millis) = time.to_ymd_hms_milli();
    let fraction = if millis > 0 { format!(".{millis:03}") } else { String::new() };
    let clock = format!("{hour:02}:{minute:02}:{second:02}{fraction}");
    if days < 1.0 {
        clock
    } else if (hour, minute, second, millis) == (0, 0, 0, 0) {
        format!("{year:04}-{month:02}-{day:02}")
    } else {
        format!("{year:04}-{month:02}-{day:02}T{clock}")
    }
}

/// Hours without an upper limit, minutes and seconds.
fn duration_text(days: f64) -> String {
    let millis = (days.abs() * DAY).round();
    let (hours, rest) = ((millis / 3_600_000.0).floor(), millis % 3_600_000.0);
    let (minutes, seconds) = ((rest / 60_000.0).floor(), rest % 60_000.0 / 1000.0);
    let sign = if days < 0.0 && millis > 0.0 { "-" } else { "" };
    if seconds.fract() == 0.0 {
        format!("{sign}{hours:02}:{minutes:02}:{seconds:02}")
    } else {
        format!("{sign}{hours:02}:{minutes:02}:{seconds:06.3}")
    }
}

/// The error of a workbook.
pub(super) fn broken(path: &Path, error: &XlsxError) -> TableError {
    let path = path.to_owned();
    match error {
        XlsxError::Password => {
            TableError::Unreadable { path, reason: "it is protected by a password: save it without one".into() }
        }
        error => TableError::Damaged { path, reason: error.to_string() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use calamine::ExcelDateTimeType::{DateTime, TimeDelta};

    #[test]
    fn values_are_written_with_all_their_digits() {
        let numbers = [0.0, -3.0, 0.1, 1.5, 1e300, -2.5e-9, 123_456_789_012_345.6];
        for number in numbers {
            assert_eq!(number_text(number).parse::<f64>().unwrap().to_bits(), number.to_bits());
        }
        assert_eq!(number_text(5.0), "5");
        let time = |days, kind| time_text(&ExcelDateTime::new(days, kind, false));
        assert_eq!(time(45_943.0, DateTime), "2025-10-13");
        assert_eq!(time(45_943.5, DateTime), "2025-10-13T12:00:00");
        assert_eq!(time(0.25, DateTime), "06:00:00");
        assert_eq!(time(-1.0, DateTime), "-1");
        assert_eq!(time(1.5, TimeDelta), "36:00:00");
        assert_eq!(time(-0.25, TimeDelta), "-06:00:00");
    }
}
