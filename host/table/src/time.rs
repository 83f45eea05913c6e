//! Dates and times in text, in the forms of ISO 8601 and of databases. An instant keeps all its digits. `seen.rs`
//! decides the type of a column of them.

/// Seconds of a day.
const DAY: i64 = 86_400;

/// An instant, or a time on a calendar without a zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Instant {
    /// Seconds since the beginning of 1970.
    pub(crate) seconds: i64,
    /// Nanoseconds after them.
    pub(crate) nanos: u32,
    /// Whether the text has a zone, so that `seconds` are those of UTC.
    pub(crate) zoned: bool,
}

impl Instant {
    /// Microseconds since 1970; `None` if there is a smaller fraction.
    pub(crate) fn micros(self) -> Option<i64> {
        if !self.nanos.is_multiple_of(1_000) {
            return None;
        }
        self.seconds.checked_mul(1_000_000)?.checked_add(i64::from(self.nanos / 1_000))
    }

    /// Nanoseconds since 1970; `None` before 1677-09-21 and after 2262-04-11.
    pub(crate) fn nanos(self) -> Option<i64> {
        i64::try_from(i128::from(self.seconds) * 1_000_000_000 + i128::from(self.nanos)).ok()
    }
}

/// A date such as `2024-01-31`, in days since 1970.
pub(crate) fn date(text: &str) -> Option<i32> {
    let bytes = text.as_bytes();
    if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
        return None;
    }
    days_from(number(&bytes[..4])?, number(&bytes[5..7])?, number(&bytes[8..])?)
}

/// Days since 1970 of a day in the calendar; `None` if the day does not exist.
pub(crate) fn days_from(year: i64, month: i64, day: i64) -> Option<i32> {
    if !(1..=12).contains(&month) || day == 0 || day > days_of(year, month) {
        return None;
    }
    i32::try_from(days_since_1970(year, month, day)).ok()
}

/// A date and time such as `2024-01-31T12:30:00.5Z`, `2024-01-31 12:30` or `2024-01-31 12:30:00+02`, up to
/// nanoseconds. A zone is `Z`, an offset, `UTC` or `GMT`: other names mean different things in different places.
pub(crate) fn timestamp(text: &str) -> Option<Instant> {
    let (day, rest) = (text.get(..10)?, text.get(10..)?);
    let days = i64::from(date(day)?);
    let rest = rest.strip_prefix(['T', 't', ' '])?;
    let bytes = rest.as_bytes();
    if bytes.len() < 5 || bytes[2] != b':' {
        return None;
    }
    let (hour, minute) = (number(&bytes[..2])?, number(&bytes[3..5])?);
    let mut at = 5;
    let (mut second, mut nanos) = (0, 0);
    if bytes.get(at) == Some(&b':') {
        second = number(bytes.get(at + 1..at + 3)?)?;
        at += 3;
        if bytes.get(at) == Some(&b'.') {
            let digits = bytes[at + 1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
            nanos = fraction(&bytes[at + 1..at + 1 + digits])?;
            at += 1 + digits;
        }
    }
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let offset = match &rest[at..] {
        "" => None,
        zone => Some(offset(zone)?),
    };
    let seconds = days * DAY + hour * 3_600 + minute * 60 + second - offset.unwrap_or(0);
    Some(Instant { seconds, nanos, zoned: offset.is_some() })
}

/// Nanoseconds of a fraction's digits; digits after the ninth must be zeros.
fn fraction(digits: &[u8]) -> Option<u32> {
    let (nine, rest) = digits.split_at(digits.len().min(9));
    if nine.is_empty() || rest.iter().any(|byte| *byte != b'0') {
        return None;
    }
    let scale = 10_u32.pow(u32::try_from(9 - nine.len()).ok()?);
    Some(u32::try_from(number(nine)?).ok()? * scale)
}

/// Seconds east of Greenwich.
fn offset(zone: &str) -> Option<i64> {
    let zone = zone.strip_prefix(' ').unwrap_or(zone);
    if matches!(zone, "Z" | "z" | "UTC" | "GMT") {
        return Some(0);
    }
    let sign = match zone.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let digits = &zone.as_bytes()[1..];
    let (hours, minutes) = match digits.len() {
        2 => (number(digits)?, 0),
        4 => (number(&digits[..2])?, number(&digits[2..])?),
        5 if digits[2] == b':' => (number(&digits[..2])?, number(&digits[3..])?),
        _ => return None,
    };
    (hours <= 23 && minutes <= 59).then_some(sign * (hours * 3_600 + minutes * 60))
}

fn number(digits: &[u8]) -> Option<i64> {
    digits.iter().try_fold(0, |number, byte| byte.is_ascii_digit().then(|| number * 10 + i64::from(byte - b'0')))
}

fn days_of(year: i64, month: i64) -> i64 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days since 1970, in the proleptic Gregorian calendar. A year is counted from March, so that the leap day is its last
/// day.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let from_march = (month + 9) % 12;
    let year = year - i64::from(month < 3);
    let day_of_year = (153 * from_march + 2) / 5 + day - 1;
    year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_days() {
        assert_eq!(date("1970-01-02"), Some(1));
        assert_eq!(date("2000-02-29"), Some(11_016));
        assert_eq!(date("0001-01-01"), Some(-719_162));
        assert_eq!(date("9999-12-31"), Some(2_932_896));
        for text in [
            "2023-02-29",
            "1900-02-29",
            "2024-13-01",
            "2024-00-01",
            "2024-01-00",
            "2024-1-05",
            "24-01-05",
            "2024/01/05",
        ] {
            assert_eq!(date(text), None, "{text}");
        }
        // Each day has the number after that of the previous day.
        let mut expected = date("1583-01-01").unwrap();
        for year in 1583..2500 {
            for month in 1..=12 {
                for day in 1..=days_of(year, month) {
                    assert_eq!(date(&format!("{year:04}-{month:02}-{day:02}")), Some(expected));
                    expected += 1;
                }
            }
        }
    }

    #[test]
    fn times_keep_all_digits_and_their_zone() {
        let micros = |text: &str| timestamp(text).and_then(Instant::micros);
        assert_eq!(micros("1970-01-01T00:00:01.5"), Some(1_500_000));
        assert_eq!(micros("1970-01-01 00:01"), Some(60_000_000));
        assert_eq!(micros("1969-12-31T23:59:59.999999"), Some(-1));
        assert_eq!(micros("9999-12-31 23:59:59"), Some(253_402_300_799_000_000));
        assert_eq!(timestamp("1970-01-01T00:00:00.123456789").and_then(Instant::nanos), Some(123_456_789));
        assert_eq!(micros("1970-01-01T00:00:00.123456789"), None);
        assert_eq!(timestamp("9999-12-31T00:00:00.123456789").and_then(Instant::nanos), None);
        for zone in ["Z", "z", " UTC", "+00", "-00:00", "+0000", " GMT", " +00:00"] {
            let text = format!("1970-01-01T02:00:00{zone}");
            assert_eq!(timestamp(&text).map(|time| (time.seconds, time.zoned)), Some((7_200, true)), "{text}");
        }
        assert_eq!(timestamp("1970-01-01 02:00:00+02:00").map(|time| time.seconds), Some(0));
        assert_eq!(timestamp("1970-01-01 02:00-0130").map(|time| time.seconds), Some(12_600));
        for text in [
            "2024-01-31 10:15:00 EST",
            "2024-01-31 10:15:00 Europe/Berlin",
            "2024-01-31T24:00:00",
            "2024-01-31T12:60",
            "2024-01-31T12",
            "2024-01-31T12:30:60",
            "2024-01-31T12:30:00.",
            "2024-01-31T12:30:00.1234567891",
            "2024-01-31T12:30:00,5",
            "2024-01-31",
            "2024-01-31T12:30:00+2",
            "2024-01-31T12:30:00+24:00",
            "2024-01-31é12:30",
        ] {
            assert_eq!(timestamp(text), None, "{text}");
        }
    }
}
