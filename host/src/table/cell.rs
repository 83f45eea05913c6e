//! What the text of one cell can be read as, and what a column of such cells is. A column is of the narrowest type that
//! holds every one of its cells, over the whole file, to the last digit; where there is none it is text.

use super::number::{decimal, integer, is_exact_double};
use super::time::{date, timestamp};
use arrow_schema::{DataType, TimeUnit};

/// Spellings of a missing value in columns that are not text. In a text column only the empty cell is missing.
const MISSING: [&str; 6] = ["", "NA", "N/A", "NULL", "null", "NaN"];

/// What a column is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Kind {
    /// No cell has had a value.
    #[default]
    Nothing,
    Boolean,
    Integer,
    Decimal,
    Date,
    /// Date and time without a zone.
    Naive(Unit),
    /// Date and time with a zone or offset.
    Zoned(Unit),
    Text,
}

/// The unit of a column of times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    Micros,
    Nanos,
}

impl Kind {
    /// One value of it, in words.
    pub(crate) fn noun(self) -> &'static str {
        match self {
            Self::Nothing | Self::Text => "text",
            Self::Boolean => "true or false",
            Self::Integer => "whole number",
            Self::Decimal => "number",
            Self::Date => "date",
            Self::Naive(_) => "date and time",
            Self::Zoned(_) => "date and time with a zone",
        }
    }

    /// The column's type.
    pub(crate) fn data_type(self) -> DataType {
        match self {
            Self::Nothing | Self::Text => DataType::Utf8,
            Self::Boolean => DataType::Boolean,
            Self::Integer => DataType::Int64,
            Self::Decimal => DataType::Float64,
            Self::Date => DataType::Date32,
            Self::Naive(unit) => DataType::Timestamp(unit.of_arrow(), None),
            Self::Zoned(unit) => DataType::Timestamp(unit.of_arrow(), Some("UTC".into())),
        }
    }
}

impl Unit {
    fn of_arrow(self) -> TimeUnit {
        match self {
            Self::Micros => TimeUnit::Microsecond,
            Self::Nanos => TimeUnit::Nanosecond,
        }
    }
}

/// What one cell is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Boolean,
    Integer,
    Decimal,
    Date,
    Time,
    Text,
}

/// What the cells of a column, seen one by one, have in common.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Seen {
    last: Option<Class>,
    boolean: bool,
    integer: bool,
    decimal: bool,
    date: bool,
    naive: bool,
    zoned: bool,
    text: bool,
    /// A whole number that a double would round.
    beyond_doubles: bool,
    /// A time with fractions of a microsecond.
    needs_nanos: bool,
    /// A date or time that nanoseconds cannot count to.
    beyond_nanos: bool,
}

impl Seen {
    /// Takes a cell in.
    pub(crate) fn note(&mut self, cell: &str) {
        if self.text || is_missing(cell) {
            return;
        }
        // The likeliest first: a column usually goes on as it began.
        let classes = [Class::Boolean, Class::Integer, Class::Decimal, Class::Date, Class::Time];
        let found = self.last.filter(|class| self.take(*class, cell));
        self.last = found.or_else(|| classes.into_iter().find(|class| self.take(*class, cell))).or(Some(Class::Text));
        self.text |= self.last == Some(Class::Text);
    }

    /// Takes a text as it is: whatever else it could be read as.
    pub(crate) fn note_text(&mut self) {
        self.text = true;
    }

    fn take(&mut self, class: Class, cell: &str) -> bool {
        match class {
            Class::Boolean => boolean(cell).map(|_| self.boolean = true).is_some(),
            Class::Integer => match integer(cell) {
                Some(number) => {
                    self.integer = true;
                    self.beyond_doubles |= !is_exact_double(number);
                    true
                }
                None => false,
            },
            // A whole number is an integer, also after a decimal.
            Class::Decimal if self.last == Some(Class::Decimal) && self.take(Class::Integer, cell) => true,
            Class::Decimal => decimal(cell).map(|_| self.decimal = true).is_some(),
            Class::Date => match date(cell) {
                Some(days) => {
                    self.date = true;
                    self.beyond_nanos |= i64::from(days).checked_mul(86_400_000_000_000).is_none();
                    true
                }
                None => false,
            },
            Class::Time => match timestamp(cell) {
                Some(time) => {
                    self.naive |= !time.zoned;
                    self.zoned |= time.zoned;
                    self.needs_nanos |= time.micros().is_none();
                    self.beyond_nanos |= time.nanos().is_none();
                    true
                }
                None => false,
            },
            Class::Text => false,
        }
    }

    /// Whether doubles hold every one of these numbers.
    pub(crate) fn fits_doubles(&self) -> bool {
        !self.text && !self.beyond_doubles
    }

    /// What a column of these cells is.
    pub(crate) fn kind(&self) -> Kind {
        let number = self.integer || self.decimal;
        let time = self.date || self.naive || self.zoned;
        let unit = match (self.needs_nanos, self.beyond_nanos) {
            (false, _) => Some(Unit::Micros),
            (true, false) => Some(Unit::Nanos),
            (true, true) => None,
        };
        if self.text || [self.boolean, number, time].into_iter().filter(|seen| *seen).count() > 1 {
            return Kind::Text;
        }
        match (self.boolean, number, time) {
            (true, ..) => Kind::Boolean,
            (_, true, _) if !self.decimal => Kind::Integer,
            (_, true, _) if !self.beyond_doubles => Kind::Decimal,
            (.., true) if !self.naive && !self.zoned => Kind::Date,
            (.., true) if !self.zoned => unit.map_or(Kind::Text, Kind::Naive),
            (.., true) if !self.naive && !self.date => unit.map_or(Kind::Text, Kind::Zoned),
            (false, false, false) => Kind::Nothing,
            _ => Kind::Text,
        }
    }
}

/// Whether a cell says that it has no value, in a column that is not text.
pub(crate) fn is_missing(cell: &str) -> bool {
    cell.len() <= 4 && MISSING.contains(&cell)
}

/// `true` and `false` in any case.
pub(crate) fn boolean(cell: &str) -> Option<bool> {
    if cell.eq_ignore_ascii_case("true") {
        Some(true)
    } else if cell.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(cells: &[&str]) -> Kind {
        let kind_of = |cells: &mut dyn Iterator<Item = &&str>| {
            let mut seen = Seen::default();
            cells.for_each(|cell| seen.note(cell));
            seen.kind()
        };
        let forward = kind_of(&mut cells.iter());
        assert_eq!(kind_of(&mut cells.iter().rev()), forward, "the order of cells says nothing: {cells:?}");
        forward
    }

    #[test]
    fn columns_are_of_the_narrowest_type_that_holds_every_cell() {
        assert_eq!(kind(&["", "NA"]), Kind::Nothing);
        assert_eq!(kind(&["1", "", "-20"]), Kind::Integer);
        assert_eq!(kind(&["1", "2.5", "1e3", "NA"]), Kind::Decimal);
        assert_eq!(kind(&["true", "FALSE", ""]), Kind::Boolean);
        assert_eq!(kind(&["true", "1"]), Kind::Text);
        assert_eq!(kind(&["007", "008"]), Kind::Text);
        assert_eq!(kind(&["0", "0.5"]), Kind::Decimal);
        assert_eq!(kind(&["2024-01-31", ""]), Kind::Date);
        assert_eq!(kind(&["2024-01-31", "2024-01-31T12:30:00"]), Kind::Naive(Unit::Micros));
        assert_eq!(kind(&["2024-01-31 12:30:00.25", "2024-02-01"]), Kind::Naive(Unit::Micros));
        assert_eq!(kind(&["2024-01-31T12:30:00Z", "2024-01-31T12:30:00+02:00"]), Kind::Zoned(Unit::Micros));
        assert_eq!(kind(&["2024-01-31T12:30:00Z", "2024-01-31T12:30:00"]), Kind::Text);
        assert_eq!(kind(&["2024-01-31T12:30:00Z", "2024-01-31"]), Kind::Text);
        assert_eq!(kind(&["2024-01-31", "5"]), Kind::Text);
        assert_eq!(kind(&["2024-13-31"]), Kind::Text);
        assert_eq!(kind(&["1-2"]), Kind::Text);
    }

    #[test]
    fn what_no_type_holds_to_its_last_digit_is_text() {
        assert_eq!(kind(&["12345678901234567890"]), Kind::Text);
        assert_eq!(kind(&["9007199254740993"]), Kind::Integer);
        assert_eq!(kind(&["9007199254740993", "0.5"]), Kind::Text);
        assert_eq!(kind(&["9007199254740994", "0.5"]), Kind::Decimal);
        assert_eq!(kind(&["0.1234567890123456789"]), Kind::Text);
        assert_eq!(kind(&["1e400", "1"]), Kind::Text);
        assert_eq!(kind(&["2024-01-01T00:00:00.123456789"]), Kind::Naive(Unit::Nanos));
        assert_eq!(kind(&["2024-01-01T00:00:00.123456789Z", "1970-01-01 00:00Z"]), Kind::Zoned(Unit::Nanos));
        assert_eq!(kind(&["2024-01-01T00:00:00.123456789", "9999-12-31"]), Kind::Text);
        assert_eq!(kind(&["2024-01-01T00:00:00", "9999-12-31 23:59:59"]), Kind::Naive(Unit::Micros));
        assert_eq!(kind(&["2024-01-01T00:00:00.1234567891"]), Kind::Text);
    }
}
