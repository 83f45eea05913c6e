//! Dates in common written forms: day, month or year first, optionally followed by a time of day. Those of ISO 8601 are
//! in `time.rs`.

use super::time::{Instant, date, days_from, timestamp};
use chrono::format::{Parsed, StrftimeItems, parse};
use longshore_model::table::Order;

/// How the dates and times of a column are written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum Dates {
    /// In the form of ISO 8601.
    #[default]
    Iso,
    /// With day, month and year in another order.
    Ordered(Order),
    /// In a format with the letters of `strftime`.
    Format(String),
    /// Dates in one form, and those with a time of day in another.
    Each { dates: Box<Self>, times: Box<Self> },
}

impl Dates {
    /// A date, in days since 1970.
    pub(crate) fn date(&self, text: &str) -> Option<i32> {
        match self {
            Self::Iso => date(text),
            Self::Ordered(order) => {
                let (days, rest) = ordered(text, *order)?;
                rest.is_empty().then_some(days)
            }
            Self::Format(format) => {
                let date = parsed(text, format)?.to_naive_date().ok()?;
                i32::try_from(date.signed_duration_since(chrono::NaiveDate::default()).num_days()).ok()
            }
            Self::Each { dates, .. } => dates.date(text),
        }
    }

    /// A date and time.
    pub(crate) fn timestamp(&self, text: &str) -> Option<Instant> {
        match self {
            Self::Iso => timestamp(text),
            Self::Ordered(order) => {
                let (days, rest) = ordered(text, *order)?;
                let (seconds, nanos) = time_of_day(rest.strip_prefix([' ', 'T']).map(str::trim_start)?)?;
                Some(Instant { seconds: i64::from(days) * 86_400 + seconds, nanos, zoned: false })
            }
            Self::Format(format) => {
                let parsed = parsed(text, format)?;
                if let Ok(zoned) = parsed.to_datetime() {
                    let (seconds, nanos) = (zoned.timestamp(), zoned.timestamp_subsec_nanos());
                    return (nanos < 1_000_000_000).then_some(Instant { seconds, nanos, zoned: true });
                }
                let naive = parsed.to_naive_datetime_with_offset(0).ok()?.and_utc();
                let (seconds, nanos) = (naive.timestamp(), naive.timestamp_subsec_nanos());
                (nanos < 1_000_000_000).then_some(Instant { seconds, nanos, zoned: false })
            }
            Self::Each { times, .. } => times.timestamp(text),
        }
    }
}

fn parsed(text: &str, format: &str) -> Option<Parsed> {
    let mut parsed = Parsed::new();
    parse(&mut parsed, text, StrftimeItems::new(format)).ok()?;
    Some(parsed)
}

/// The days since 1970 of a date in an order, and the rest of the text.
fn ordered(text: &str, order: Order) -> Option<(i32, &str)> {
    let bytes = text.as_bytes();
    let mut at = 0;
    let mut number = |digits: std::ops::RangeInclusive<usize>, mark: Option<u8>| {
        let length = bytes[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        if !digits.contains(&length) {
            return None;
        }
        let number = text[at..at + length].parse::<i64>().ok()?;
        at += length;
        let Some(mark) = mark else { return Some((number, 0, at)) };
        let found = *bytes.get(at)?;
        let fits = if mark == 0 { matches!(found, b'/' | b'.' | b'-') } else { found == mark };
        at += 1;
        fits.then_some((number, found, at))
    };
    let (first, second) = if order == Order::YearMonthDay { (4..=4, 1..=2) } else { (1..=2, 1..=2) };
    let third = if order == Order::YearMonthDay { 1..=2 } else { 4..=4 };
    let (one, mark, _) = number(first, Some(0))?;
    let (two, ..) = number(second, Some(mark))?;
    let (three, _, end) = number(third, None)?;
    let (year, month, day) = match order {
        Order::DayMonthYear => (three, two, one),
        Order::MonthDayYear => (three, one, two),
        Order::YearMonthDay => (one, two, three),
    };
    Some((days_from(year, month, day)?, &text[end..]))
}

/// Seconds and nanoseconds of `13:45`, `13:45:10.5` and `1:45 PM`.
fn time_of_day(text: &str) -> Option<(i64, u32)> {
    let (clock, half) = match text.get(text.len().saturating_sub(2)..) {
        Some(half) if half.eq_ignore_ascii_case("am") => (text[..text.len() - 2].trim_end(), Some(0)),
        Some(half) if half.eq_ignore_ascii_case("pm") => (text[..text.len() - 2].trim_end(), Some(12)),
        _ => (text, None),
    };
    let (hour, rest) = clock.split_once(':')?;
    let hour_is_whole = (1..=2).contains(&hour.len()) && hour.bytes().all(|byte| byte.is_ascii_digit());
    let hour: i64 = hour.parse().ok().filter(|_| hour_is_whole)?;
    let hour = match half {
        None => hour,
        Some(half) if (1..=12).contains(&hour) => hour % 12 + half,
        Some(_) => return None,
    };
    // The rest is in the form of ISO 8601.
    let time = timestamp(&format!("1970-01-01T{hour:02}:{rest}")).filter(|time| !time.zoned)?;
    Some((time.seconds, time.nanos))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_say_what_a_date_is() {
        let day = |order: Order, text: &str| Dates::Ordered(order).date(text);
        let known = date("2024-12-03");
        for (order, text) in [
            (Order::DayMonthYear, "3.12.2024"),
            (Order::DayMonthYear, "03/12/2024"),
            (Order::MonthDayYear, "12/3/2024"),
            (Order::MonthDayYear, "12-03-2024"),
            (Order::YearMonthDay, "2024/12/03"),
            (Order::YearMonthDay, "2024.12.3"),
        ] {
            assert_eq!(day(order, text), known, "{text}");
        }
        for text in
            ["31/02/2024", "31/12/24", "31/12-2024", "1/2/3", "31/12/2024 ", "/12/2024", "312/1/2024", "3é12é2024"]
        {
            assert_eq!(day(Order::DayMonthYear, text), None, "{text}");
        }
    }

    #[test]
    fn times_of_day_follow() {
        let micros = |text: &str| Dates::Ordered(Order::MonthDayYear).timestamp(text).and_then(Instant::micros);
        assert_eq!(micros("1/2/1970 01:00"), Some(90_000_000_000));
        assert_eq!(micros("1/1/1970 1:00:00.5 PM"), Some(46_800_500_000));
        assert_eq!(micros("1/1/1970 12:00 am"), Some(0));
        for text in
            ["1/1/1970", "1/1/1970 13:00 PM", "1/1/1970 24:00", "1/1/1970 1:00Z", "1/1/1970 é1:00", "1/1/1970 1"]
        {
            assert_eq!(micros(text), None, "{text}");
        }
    }

    #[test]
    fn formats_say_all_of_it() {
        assert_eq!(Dates::Format("%d.%m.%y".into()).date("03.12.24"), date("2024-12-03"));
        let seconds =
            |format: &str, text: &str| Dates::Format(format.into()).timestamp(text).map(|at| (at.seconds, at.zoned));
        assert_eq!(seconds("%Y%m%dT%H%M%S", "19700101T000010"), Some((10, false)));
        assert_eq!(seconds("%d/%b/%Y:%H:%M:%S %z", "01/Jan/1970:01:00:00 +0100"), Some((0, true)));
        assert_eq!(seconds("%Y-%m-%d", "1970-01-01x"), None);
    }

    #[test]
    fn dates_and_times_may_be_written_in_ways_of_their_own() {
        let times = Box::new(Dates::Format("%d.%m.%Y %H:%M".into()));
        let each = Dates::Each { dates: Box::new(Dates::Ordered(Order::DayMonthYear)), times };
        assert_eq!(each.date("3.12.2024"), date("2024-12-03"));
        assert_eq!(each.timestamp("02.01.1970 00:01").map(|at| at.seconds), Some(86_460));
        assert_eq!((each.date("2024-12-03"), each.timestamp("2024-12-03T00:00:00")), (None, None));
    }
}
