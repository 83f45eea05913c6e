//! Times as users write them, in settings and command-line arguments.

use std::time::Duration;
use thiserror::Error;

/// Units, the largest first, and their milliseconds.
const UNITS: [(&str, u32); 4] = [("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// A text that is not a valid time.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{text}` is not a valid time: use a form such as 500ms, 90s, 10m or 2h")]
pub struct TimeError {
    /// The text.
    pub text: String,
}

/// Parses a time above 0: `500ms`, `90s` or `90`, `1.5m`, `2h`.
///
/// # Errors
///
/// [`TimeError`] with the text.
pub fn parse_time(text: &str) -> Result<Duration, TimeError> {
    let wrong = || TimeError { text: text.to_owned() };
    let digits = text.find(|character: char| !character.is_ascii_digit() && character != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: f64 = number.parse().map_err(|_| wrong())?;
    let unit = if unit.is_empty() { "s" } else { unit };
    let (_, milliseconds) = UNITS.into_iter().find(|(name, _)| *name == unit).ok_or_else(wrong)?;
    let time = Duration::try_from_secs_f64(number * f64::from(milliseconds) / 1000.0).map_err(|_| wrong())?;
    if time.is_zero() { Err(wrong()) } else { Ok(time) }
}

/// Formats a time in the largest unit of which it is a whole number.
#[must_use]
pub fn format_time(time: Duration) -> String {
    let milliseconds = time.as_millis();
    let is_whole = |unit: u128| milliseconds >= unit && milliseconds.is_multiple_of(unit);
    let (name, unit) = UNITS.into_iter().find(|(_, unit)| is_whole(u128::from(*unit))).unwrap_or(("ms", 1));
    format!("{}{name}", milliseconds / u128::from(unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_and_written() {
        for (text, milliseconds, written) in [
            ("500ms", 500, "500ms"),
            ("90s", 90_000, "90s"),
            ("90", 90_000, "90s"),
            ("1.5m", 90_000, "90s"),
            ("10m", 600_000, "10m"),
            ("2h", 7_200_000, "2h"),
            ("60m", 3_600_000, "1h"),
        ] {
            let time = parse_time(text).unwrap();
            assert_eq!((time.as_millis(), format_time(time).as_str()), (milliseconds, written), "{text}");
        }
        for text in ["", "0", "0s", "-1s", "1d", "h", "1 h", "none", "1e400h", "99999999999999999999h"] {
            assert_eq!(parse_time(text), Err(TimeError { text: text.into() }));
        }
    }
}
