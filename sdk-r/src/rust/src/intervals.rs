//! Times, spans and intervals as ISO 8601 text, for values without an exact R type.

use arrow_array::cast::AsArray;
use arrow_array::types::{IntervalDayTimeType, IntervalMonthDayNanoType, IntervalYearMonthType};
use arrow_array::{ArrayRef, LargeStringArray};
use arrow_schema::IntervalUnit;
use std::sync::Arc;

/// Intervals as durations of ISO 8601, such as `P1Y2M` and `P1M2DT3.5S`. Each part has its own sign.
pub(crate) fn text(array: &ArrayRef, unit: IntervalUnit) -> ArrayRef {
    let texts: LargeStringArray = match unit {
        IntervalUnit::YearMonth => {
            let values = array.as_primitive::<IntervalYearMonthType>();
            values.iter().map(|value| value.map(|months| interval(months, 0, 0))).collect()
        }
        IntervalUnit::DayTime => {
            let values = array.as_primitive::<IntervalDayTimeType>();
            let text = |days, milliseconds| interval(0, days, i64::from(milliseconds) * 1_000_000);
            values.iter().map(|value| value.map(|value| text(value.days, value.milliseconds))).collect()
        }
        IntervalUnit::MonthDayNano => {
            let values = array.as_primitive::<IntervalMonthDayNanoType>();
            values
                .iter()
                .map(|value| value.map(|value| interval(value.months, value.days, value.nanoseconds)))
                .collect()
        }
    };
    Arc::new(texts)
}

fn interval(months: i32, days: i32, nanoseconds: i64) -> String {
    let part = |number: i32, letter: char| if number == 0 { String::new() } else { format!("{number}{letter}") };
    let date = format!("{}{}{}", part(months / 12, 'Y'), part(months % 12, 'M'), part(days, 'D'));
    if nanoseconds == 0 && !date.is_empty() {
        return format!("P{date}");
    }
    let sign = if nanoseconds < 0 { "-" } else { "" };
    format!("P{date}T{sign}{}S", decimal(nanoseconds.unsigned_abs(), 1_000_000_000))
}

/// A span in parts of a second as a duration: `PT90S`, `-PT0.000000001S`.
pub(crate) fn span(value: i64, per_second: i64) -> String {
    let sign = if value < 0 { "-" } else { "" };
    format!("{sign}PT{}S", decimal(value.unsigned_abs(), per_second.unsigned_abs()))
}

fn decimal(value: u64, per_second: u64) -> String {
    format!("{}{}", value / per_second, fraction(value % per_second, per_second))
}

/// A fraction such as `.5`; empty for 0.
fn fraction(rest: u64, per_second: u64) -> String {
    if rest == 0 {
        return String::new();
    }
    let places = per_second.ilog10() as usize;
    let digits = format!("{rest:0>places$}");
    format!(".{}", digits.trim_end_matches('0'))
}

/// An instant, in parts of a second since 1970, as `2024-02-29T12:00:00.5`.
pub(crate) fn instant(value: i64, per_second: i64) -> String {
    let whole = value.div_euclid(per_second);
    let (days, second) = (whole.div_euclid(86_400), whole.rem_euclid(86_400));
    let (year, month, day) = date(days);
    let year = if (0..=9999).contains(&year) { format!("{year:04}") } else { format!("{year:+05}") };
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    let fraction = fraction(value.rem_euclid(per_second).unsigned_abs(), per_second.unsigned_abs());
    format!("{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}")
}

/// Year, month and day of a number of days since 1970, by the Gregorian calendar. Years start in March here, so that
/// the leap day is their last; an era has 400 of them, and 146,097 days.
fn date(days: i64) -> (i64, i64, i64) {
    // 719,468 days from the first of March of the year 0 to 1970.
    let days = days + 719_468;
    let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year + i64::from(month <= 2), month, day)
}
