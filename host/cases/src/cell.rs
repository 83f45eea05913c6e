//! A cell by its meaning, regardless of the width, unit or encoding of its column, and the equality of two cells.

use std::fmt;

/// How far two decimal numbers may be apart and still count as the same by default: what is left of a
/// double's 16 digits after a short computation.
pub(super) const TOLERANCE: f64 = 1e-9;

/// One cell.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cell {
    Missing,
    Boolean(bool),
    Integer(i128),
    Decimal(f64),
    Text(String),
    /// A date is its midnight. `zoned` ones are instants, in UTC.
    Moment {
        nanoseconds: i128,
        zoned: bool,
        shown: String,
    },
    /// Anything else, by its displayed text.
    Other(String),
}

impl Cell {
    /// Whether the cell is as expected.
    pub(super) fn is(&self, expected: &Self, tolerance: Option<f64>) -> bool {
        match (expected, self) {
            (Self::Missing, found) => *found == Self::Missing,
            (_, Self::Missing) => false,
            (Self::Integer(wanted), Self::Integer(found)) if tolerance.is_none() => wanted == found,
            (Self::Integer(_) | Self::Decimal(_), Self::Integer(_) | Self::Decimal(_)) => {
                near(expected.number(), self.number(), tolerance.unwrap_or(TOLERANCE))
            }
            (
                Self::Moment { nanoseconds: wanted, zoned: in_zone, .. },
                Self::Moment { nanoseconds: found, zoned, .. },
            ) => wanted == found && in_zone == zoned,
            // Formats without types: what is a number in one file may be text in the other, if one cell of it is.
            _ => expected.to_string() == self.to_string(),
        }
    }

    /// What two cells that are the same have in common, apart from numbers, whose tolerance has no such thing.
    pub(super) fn key(&self) -> String {
        match self {
            Self::Missing => "\u{0}".into(),
            Self::Moment { nanoseconds, zoned, .. } => format!("{nanoseconds}{zoned}"),
            cell => cell.to_string(),
        }
    }

    fn number(&self) -> f64 {
        match self {
            #[allow(clippy::cast_precision_loss, reason = "compared with a tolerance")]
            Self::Integer(number) => *number as f64,
            Self::Decimal(number) => *number,
            _ => f64::NAN,
        }
    }
}

/// Whether two numbers are as near as `tolerance`: of the expected one where it is beyond 1, else as it stands.
fn near(expected: f64, found: f64, tolerance: f64) -> bool {
    if expected.is_nan() || found.is_nan() || expected.is_infinite() || found.is_infinite() {
        return expected == found || expected.is_nan() && found.is_nan();
    }
    (expected - found).abs() <= tolerance * expected.abs().max(1.0)
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => Ok(()),
            Self::Boolean(value) => value.fmt(f),
            Self::Integer(value) => value.fmt(f),
            Self::Decimal(value) => value.fmt(f),
            Self::Text(text) | Self::Other(text) | Self::Moment { shown: text, .. } => f.write_str(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_the_same_within_the_tolerance() {
        let same = |expected: Cell, found: Cell, tolerance| found.is(&expected, tolerance);
        assert!(same(Cell::Integer(1), Cell::Decimal(1.0 + 1e-12), None));
        assert!(same(Cell::Decimal(0.1 + 0.2), Cell::Decimal(0.3), None));
        assert!(!same(Cell::Decimal(1.0), Cell::Decimal(1.001), None));
        assert!(same(Cell::Decimal(1000.0), Cell::Decimal(1001.0), Some(1e-3)));
        assert!(same(Cell::Decimal(0.0), Cell::Decimal(1e-3), Some(1e-3)));
        // A tolerance of doubles must not make ids alike.
        assert!(!same(Cell::Integer(10_000_000_001), Cell::Integer(10_000_000_002), None));
        assert!(same(Cell::Integer(10), Cell::Integer(11), Some(0.1)));
        assert!(same(Cell::Decimal(f64::NAN), Cell::Decimal(f64::NAN), None));
        assert!(same(Cell::Decimal(f64::INFINITY), Cell::Decimal(f64::INFINITY), None));
        assert!(!same(Cell::Decimal(f64::INFINITY), Cell::Decimal(f64::NEG_INFINITY), None));
        assert!(!same(Cell::Decimal(1.0), Cell::Decimal(f64::INFINITY), Some(1.0)));
        assert!(!same(Cell::Missing, Cell::Text(String::new()), None));
        assert!(same(Cell::Text("5".into()), Cell::Integer(5), None));
    }
}
