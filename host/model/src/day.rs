//! Days, and the day as of which packages are chosen: none that was published later is installed.

use chrono::{Days, NaiveDate};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// The word for the day of the script's last commit or change.
const LAST_CHANGE: &str = "manifest";

/// A day, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(NaiveDate);

/// The day as of which packages are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AsOf {
    /// This day.
    Day(Day),
    /// The day of the script's last commit, or of its last change if it is in no repository.
    LastChange,
}

/// A text is not a day.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is not a day: write it as in `2023-06-01`")]
pub struct DayError(String);

/// A text is neither a day nor the word for the script's own.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is not a day: write it as in `2023-06-01`, or `manifest` for the day of the script's last change")]
pub struct AsOfError(String);

impl Day {
    /// The day of a time, in UTC.
    #[must_use]
    pub fn of(time: std::time::SystemTime) -> Self {
        Self(chrono::DateTime::<chrono::Utc>::from(time).date_naive())
    }

    /// The beginning of the day, in milliseconds since 1970; 0 for one before.
    #[must_use]
    pub fn begin_ms(self) -> u64 {
        let days = self.0.signed_duration_since(NaiveDate::default()).num_days();
        u64::try_from(days).unwrap_or_default() * 86_400_000
    }

    /// The end of the day, in RFC 3339: the first moment that does not belong to it.
    #[must_use]
    pub fn end(self) -> String {
        let next = self.0.checked_add_days(Days::new(1)).unwrap_or(self.0);
        format!("{next}T00:00:00Z")
    }

    /// The day without separators, as in `20230601`.
    #[must_use]
    pub fn compact(self) -> String {
        self.0.format("%Y%m%d").to_string()
    }
}

impl FromStr for Day {
    type Err = DayError;

    fn from_str(text: &str) -> Result<Self, DayError> {
        // chrono also reads signs, blanks, and numbers of other lengths.
        let form =
            |(index, byte): (usize, u8)| if matches!(index, 4 | 7) { byte == b'-' } else { byte.is_ascii_digit() };
        let has_form = text.len() == 10 && text.bytes().enumerate().all(form);
        let day = has_form.then(|| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()).flatten();
        day.map(Self).ok_or_else(|| DayError(shown(text)))
    }
}

impl FromStr for AsOf {
    type Err = AsOfError;

    fn from_str(text: &str) -> Result<Self, AsOfError> {
        match text {
            LAST_CHANGE => Ok(Self::LastChange),
            _ => text.parse().map(Self::Day).map_err(|DayError(text)| AsOfError(text)),
        }
    }
}

/// Enough of a text for an error.
fn shown(text: &str) -> String {
    const MAX: usize = 40;
    text.chars().take(MAX).collect()
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for AsOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Day(day) => day.fmt(f),
            Self::LastChange => f.write_str(LAST_CHANGE),
        }
    }
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'a> Deserialize<'a> for Day {
    fn deserialize<D: Deserializer<'a>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl Serialize for AsOf {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dice::Dice;

    #[test]
    fn days_have_one_form() {
        let day: Day = "2023-06-30".parse().unwrap();
        assert_eq!((day.to_string(), day.end()), ("2023-06-30".into(), "2023-07-01T00:00:00Z".into()));
        assert_eq!(day.compact(), "20230630");
        assert_eq!("2024-02-29".parse::<Day>().unwrap().end(), "2024-03-01T00:00:00Z");
        assert_eq!("9999-12-31".parse::<Day>().unwrap().to_string(), "9999-12-31");
        for wrong in [
            "",
            "2023-6-1",
            "2023-02-29",
            "2023-13-01",
            "2023-00-10",
            "20230601",
            "2023-06-01T00:00:00Z",
            "01.06.2023",
            "+023-06-01",
            "2023-06-1 ",
            "٢٠٢٣-٠٦-٠١",
            "yesterday",
        ] {
            assert!(wrong.parse::<Day>().is_err(), "{wrong}");
        }
        assert_eq!("manifest".parse(), Ok(AsOf::LastChange));
        assert_eq!("2023-06-30".parse(), Ok(AsOf::Day(day)));
        let error = "Manifest".parse::<AsOf>().unwrap_err().to_string();
        assert_eq!(
            error,
            "`Manifest` is not a day: write it as in `2023-06-01`, or `manifest` for the day of the script's last change"
        );
    }

    #[test]
    fn any_text_is_a_day_or_an_error() {
        let mut dice = Dice(7);
        let characters: Vec<char> = "0123456789-:TZ +é\u{0}m".chars().collect();
        for _ in 0..20_000 {
            let length = dice.roll(14);
            let text: String = (0..length).map(|_| characters[dice.roll(characters.len())]).collect();
            match text.parse::<Day>() {
                Ok(day) => assert_eq!(day.to_string(), text),
                Err(error) => assert!(error.to_string().contains(&text)),
            }
        }
        assert!("x".repeat(1 << 20).parse::<AsOf>().unwrap_err().to_string().len() < 200);
    }
}
