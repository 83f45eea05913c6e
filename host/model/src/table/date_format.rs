//! How dates are written: an order of day, month and year, or a strftime format.

use chrono::format::{Item, StrftimeItems};
use std::fmt::Write;

/// The order of day, month and year.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Order {
    /// `31/12/2024`, `31.12.2024`
    DayMonthYear,
    /// `12/31/2024`
    MonthDayYear,
    /// `2024/12/31`
    YearMonthDay,
}

impl Order {
    /// All orders.
    pub const ALL: [Self; 3] = [Self::DayMonthYear, Self::MonthDayYear, Self::YearMonthDay];

    /// Its name as an option.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::DayMonthYear => "dmy",
            Self::MonthDayYear => "mdy",
            Self::YearMonthDay => "ymd",
        }
    }
}

/// Whether a text is a strftime format.
#[must_use]
pub fn is_format(format: &str) -> bool {
    format.contains('%') && StrftimeItems::new(format).all(|item| item != Item::Error)
}

/// Whether a format contains no time of day.
#[must_use]
pub fn is_of_days(format: &str) -> bool {
    write!(String::new(), "{}", chrono::NaiveDate::default().format(format)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_told_from_words_and_days_from_times() {
        assert!(is_format("%d.%m.%y") && !is_format("%Q") && !is_format("dmy"));
        assert!(is_of_days("%d.%m.%Y") && !is_of_days("%d.%m.%Y %H:%M"));
    }
}
