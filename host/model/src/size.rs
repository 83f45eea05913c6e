//! Sizes as users write them, in settings and command-line arguments.

use thiserror::Error;

/// The names of units, in lower case, and their bytes. Powers of ten have a `b` and no `i`, as on disks; all others are
/// powers of two, as in the options of container engines.
const UNITS: &[(&str, u64)] = &[
    ("", 1),
    ("b", 1),
    ("k", 1 << 10),
    ("ki", 1 << 10),
    ("kib", 1 << 10),
    ("kb", 1_000),
    ("m", 1 << 20),
    ("mi", 1 << 20),
    ("mib", 1 << 20),
    ("mb", 1_000_000),
    ("g", 1 << 30),
    ("gi", 1 << 30),
    ("gib", 1 << 30),
    ("gb", 1_000_000_000),
    ("t", 1 << 40),
    ("ti", 1 << 40),
    ("tib", 1 << 40),
    ("tb", 1_000_000_000_000),
];

/// Digits after the point: smaller than a byte in every unit, since 10^12 bytes are one TB.
const FRACTION_DIGITS_MAX: usize = 12;

/// A text that is not a valid size.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SizeError {
    /// It cannot be parsed.
    #[error("`{text}` is not a valid size: use a form such as 512m, 2g or 20GB")]
    Unreadable {
        /// The text.
        text: String,
    },
    /// It exceeds 64 bits.
    #[error("`{text}` is too large: no machine has so much")]
    TooLarge {
        /// The text.
        text: String,
    },
}

/// Parses a number of bytes: `1024`, `512m`, `1.5g` and `2GiB` in powers of two, `20GB` in powers of ten.
///
/// # Errors
///
/// [`SizeError`] with the text.
pub fn parse_size(text: &str) -> Result<u64, SizeError> {
    let unreadable = || SizeError::Unreadable { text: text.to_owned() };
    let lower = text.trim().to_ascii_lowercase();
    let end = lower.find(|character: char| !character.is_ascii_digit() && character != '.').unwrap_or(lower.len());
    let (number, unit) = lower.split_at(end);
    let (_, unit) = UNITS.iter().find(|(name, _)| *name == unit.trim_start()).ok_or_else(unreadable)?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    if whole.is_empty() || fraction.is_empty() || fraction.contains('.') || fraction.len() > FRACTION_DIGITS_MAX {
        return Err(unreadable());
    }
    let too_large = || SizeError::TooLarge { text: text.to_owned() };
    let whole: u128 = whole.parse().map_err(|_| too_large())?;
    let part: u128 = fraction.parse().map_err(|_| unreadable())?;
    let unit = u128::from(*unit);
    // 12 digits times 40 bits are 80 bits.
    let part = part * unit / 10_u128.pow(u32::try_from(fraction.len()).map_err(|_| unreadable())?);
    let bytes = whole.checked_mul(unit).and_then(|bytes| bytes.checked_add(part)).ok_or_else(too_large)?;
    u64::try_from(bytes).map_err(|_| too_large())
}

/// Formats a number of bytes in the largest unit that needs no fraction, so that [`parse_size`] reads it back.
#[must_use]
pub fn format_size(bytes: u64) -> String {
    const SHOWN: [(&str, u64); 8] = [
        ("TB", 1_000_000_000_000),
        ("TiB", 1 << 40),
        ("GB", 1_000_000_000),
        ("GiB", 1 << 30),
        ("MB", 1_000_000),
        ("MiB", 1 << 20),
        ("kB", 1_000),
        ("KiB", 1 << 10),
    ];
    let fits = |(_, unit): &&(&str, u64)| bytes > 0 && bytes.is_multiple_of(*unit);
    SHOWN.iter().find(fits).map_or_else(|| bytes.to_string(), |(name, unit)| format!("{}{name}", bytes / unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read() {
        for (text, bytes) in [
            ("0", 0),
            ("1024", 1024),
            ("512m", 512 << 20),
            ("512M", 512 << 20),
            ("2g", 2 << 30),
            ("2GiB", 2 << 30),
            ("2 GiB", 2 << 30),
            ("20GB", 20_000_000_000),
            ("20gb", 20_000_000_000),
            ("1.5g", 3 << 29),
            ("0.5kB", 500),
            ("1t", 1 << 40),
            ("18446744073709551615", u64::MAX),
        ] {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
        }
        for text in ["", "lots", "g", "-1", "1.g", ".5g", "1.2.3g", "1e9", "5 parsecs", "1.0000000000001g", "2gg"] {
            assert_eq!(parse_size(text), Err(SizeError::Unreadable { text: text.into() }), "{text}");
        }
        for text in ["18446744073709551616", "99999999t", "9".repeat(60).as_str()] {
            assert_eq!(parse_size(text), Err(SizeError::TooLarge { text: text.into() }), "{text}");
        }
    }

    #[test]
    fn what_is_shown_is_read_back() {
        for (bytes, shown) in [
            (20_000_000_000, "20GB"),
            (2 << 30, "2GiB"),
            (1_500_000, "1500kB"),
            (0, "0"),
            (1023, "1023"),
            (u64::MAX, "18446744073709551615"),
        ] {
            assert_eq!(format_size(bytes), shown);
            assert_eq!(parse_size(shown), Ok(bytes));
        }
    }
}
