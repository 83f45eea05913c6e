//! Dates, instants, times of day and spans: as R's doubles if those convert back exactly, else as text. Owns the rule
//! by which seconds are converted back to microseconds and nanoseconds when they are written.

use crate::atomic::{Atomic, Class};
use crate::how::How;
use crate::intervals;
use crate::numbers::{AS_TEXT, EXACT};
use crate::refusal::{Note, Refusal};
use crate::text::Text;
use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, Date64Type};
use arrow_array::{Array, ArrayRef, Float64Array, Int64Array, LargeStringArray};
use arrow_schema::{DataType, TimeUnit};
use std::path::Path;
use std::sync::Arc;

/// Up to here doubles of seconds differ by less than half a microsecond: 2^32, the year 2106.
const FINE: u64 = (1 << 32) * 1_000_000;

/// Up to here, 104 days, each nanosecond has a double of its own.
pub(crate) const NANOSECONDS_EXACT: f64 = 9_007_199.254_740_992;

/// Milliseconds of a day.
const DAY: i64 = 86_400_000;

/// The time zone for times in UTC with a zone; `UTC` itself is used for times without a zone.
pub(crate) const UTC: &str = "Etc/UTC";

/// Seconds in microseconds, rounded to the nearest; `None` beyond 64 bits.
pub(crate) fn microseconds(seconds: f64) -> Option<i64> {
    parts(seconds, 1_000_000)
}

/// Seconds in nanoseconds, rounded to the nearest; where doubles lack nanoseconds, rounded to microseconds.
pub(crate) fn nanoseconds(seconds: f64) -> Option<i64> {
    if seconds.abs() < NANOSECONDS_EXACT {
        #[allow(clippy::cast_possible_truncation, reason = "the bound was just checked")]
        return Some((seconds * 1e9).round() as i64);
    }
    microseconds(seconds)?.checked_mul(1_000)
}

/// Whole seconds and the rest separately, because products of large numbers lose digits.
#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "the bound is checked before")]
fn parts(seconds: f64, per_second: i64) -> Option<i64> {
    let whole = seconds.floor();
    // i64::MAX microseconds are 9.22e12 s.
    (whole.abs() < 9.2e12).then(|| {
        let rest = ((seconds - whole) * per_second as f64).round() as i64;
        (whole as i64) * per_second + rest
    })
}

/// Number of units per second.
pub(crate) fn per_second(unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Second => 1,
        TimeUnit::Millisecond => 1_000,
        TimeUnit::Microsecond => 1_000_000,
        TimeUnit::Nanosecond => 1_000_000_000,
    }
}

/// The double nearest to a value, as if read from text; beyond 2^53 from whole seconds and the rest separately.
#[allow(clippy::cast_precision_loss, reason = "whether what is lost matters is looked at by who asks")]
fn seconds(value: i64, per_second: i64) -> f64 {
    if value.unsigned_abs() <= EXACT {
        return value as f64 / per_second as f64;
    }
    value.div_euclid(per_second) as f64 + value.rem_euclid(per_second) as f64 / per_second as f64
}

/// A value in microseconds, if it is a whole number of them.
fn in_microseconds(value: i64, per_second: i64) -> Option<i64> {
    if per_second <= 1_000_000 {
        return value.checked_mul(1_000_000 / per_second);
    }
    (value % 1_000 == 0).then_some(value / 1_000)
}

/// Whether a double of seconds converts back to the value in microseconds.
fn comes_back(value: i64, per_second: i64) -> bool {
    in_microseconds(value, per_second)
        .is_some_and(|wanted| wanted.unsigned_abs() < FINE || microseconds(seconds(value, per_second)) == Some(wanted))
}

/// Days; milliseconds that are not whole days become instants.
pub(crate) fn dates(array: &ArrayRef, notes: &mut Vec<Note>) -> Result<Atomic, Refusal> {
    if let DataType::Date32 = array.data_type() {
        return Ok(Atomic::Double(array.as_primitive::<Date32Type>().unary(f64::from), Class::Date));
    }
    let values = array.as_primitive::<Date64Type>();
    if values.iter().flatten().all(|value| value % DAY == 0) {
        #[allow(clippy::cast_precision_loss, reason = "quotients by a day's milliseconds are below 2^53")]
        return Ok(Atomic::Double(values.unary(|value| (value / DAY) as f64), Class::Date));
    }
    let values: Int64Array = values.unary(|value| value);
    exact_instants(&values, TimeUnit::Millisecond, Class::Time("UTC".into()), "", notes)
}

/// Instants, in the zone that R shows them in.
pub(crate) fn instants(
    values: &Int64Array,
    unit: TimeUnit,
    zone: Option<&str>,
    how: &How,
    notes: &mut Vec<Note>,
) -> Result<Atomic, Refusal> {
    let Some(zone) = zone else {
        return exact_instants(values, unit, Class::Time("UTC".into()), "", notes);
    };
    let shown = zone_of(zone, how);
    if shown.is_none() && !values.is_empty() {
        notes.push(Note { row: None, why: format!("R has no time zone `{zone}`: the column is read in UTC") });
    }
    exact_instants(values, unit, Class::Time(shown.unwrap_or_else(|| UTC.into())), "Z", notes)
}

fn exact_instants(
    values: &Int64Array,
    unit: TimeUnit,
    class: Class,
    suffix: &str,
    notes: &mut Vec<Note>,
) -> Result<Atomic, Refusal> {
    let per_second = per_second(unit);
    let text = |value: i64| format!("{}{suffix}", intervals::instant(value, per_second));
    match values.iter().position(|value| value.is_some_and(|value| !comes_back(value, per_second))) {
        None => Ok(Atomic::Double(doubles(values, per_second), class)),
        Some(row) => as_text(values, row, "POSIXct", text, notes),
    }
}

/// Spans or times of day, in seconds.
pub(crate) fn spans(
    values: &Int64Array,
    unit: TimeUnit,
    class: Class,
    notes: &mut Vec<Note>,
) -> Result<Atomic, Refusal> {
    let per_second = per_second(unit);
    let exact = |value: i64| {
        let nanoseconds = value.checked_mul(1_000_000_000 / per_second);
        nanoseconds.is_some_and(|value| value.unsigned_abs() < EXACT) || comes_back(value, per_second)
    };
    let text = |value| intervals::span(value, per_second);
    match values.iter().position(|value| value.is_some_and(|value| !exact(value))) {
        None => Ok(Atomic::Double(doubles(values, per_second), class)),
        Some(row) => as_text(values, row, "difftime", text, notes),
    }
}

fn doubles(values: &Int64Array, per_second: i64) -> Float64Array {
    values.unary(|value| seconds(value, per_second))
}

fn as_text(
    values: &Int64Array,
    row: usize,
    class: &str,
    text: impl Fn(i64) -> String,
    notes: &mut Vec<Note>,
) -> Result<Atomic, Refusal> {
    let value = text(values.value(row));
    let why = format!("{value} has more digits than R's {class} holds exactly: {AS_TEXT}");
    notes.push(Note { row: Some(row), why });
    let texts: ArrayRef = Arc::new(values.iter().map(|value| value.map(&text)).collect::<LargeStringArray>());
    Ok(Atomic::Text(Text::new(&texts)?))
}

/// R's name for a zone: offsets of whole hours have one, with the opposite sign; others only if R has the zone.
fn zone_of(zone: &str, how: &How) -> Option<String> {
    if let Some(minutes) = offset(zone) {
        let hours = minutes / 60;
        return match (minutes % 60, hours) {
            (0, 0) => Some(UTC.into()),
            (0, 1..=14) => Some(format!("Etc/GMT-{hours}")),
            (0, -12..=-1) => Some(format!("Etc/GMT+{}", -hours)),
            _ => None,
        };
    }
    if matches!(zone, "UTC" | "Z" | "Etc/UTC" | "GMT") {
        return Some(UTC.into());
    }
    let is_name = !zone.starts_with('/') && !zone.contains("..") && !zone.contains('\0') && !zone.is_empty();
    (is_name && Path::new(&how.zones).join(zone).is_file()).then(|| zone.to_owned())
}

/// The minutes of an offset: `+02:00`, `-0530`, `+02`.
fn offset(zone: &str) -> Option<i32> {
    let (sign, rest) = match zone.as_bytes().first()? {
        b'+' => (1, &zone[1..]),
        b'-' => (-1, &zone[1..]),
        _ => return None,
    };
    let digits: String = rest.chars().filter(|character| *character != ':').collect();
    if !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let number = |text: &str| text.parse::<i32>().ok();
    let (hours, minutes) = match digits.len() {
        2 => (number(&digits)?, 0),
        4 => (number(&digits[..2])?, number(&digits[2..])?),
        _ => return None,
    };
    (hours < 24 && minutes < 60).then_some(sign * (hours * 60 + minutes))
}

/// The zone to write for R's zone: none for `UTC`, which means times without a zone; offsets as offsets.
pub(crate) fn zone_written(zone: &str) -> Option<Arc<str>> {
    match zone {
        "" | "UTC" | "GMT" => None,
        UTC => Some("UTC".into()),
        _ => {
            let hours = zone.strip_prefix("Etc/GMT").and_then(|hours| Some((hours.get(..1)?, hours.get(1..)?)));
            let offset = match hours {
                Some(("-", hours)) => hours.parse::<u8>().ok().map(|hours| format!("+{hours:02}:00")),
                Some(("+", hours)) => hours.parse::<u8>().ok().map(|hours| format!("-{hours:02}:00")),
                _ => None,
            };
            Some(offset.map_or_else(|| zone.into(), Arc::from))
        }
    }
}
