//! Numbers in national notations: with a decimal comma, and with separators between thousands. Plain numbers are in
//! `number.rs`.

use super::number::{decimal, integer};
use std::borrow::Cow;

/// The marks in a column's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Marks {
    /// Before the decimals.
    pub(crate) decimal: u8,
    /// Between thousands.
    pub(crate) thousands: Option<u8>,
}

/// Spaces at which a line is not broken.
const SPACES: [char; 2] = ['\u{a0}', '\u{202f}'];

impl Marks {
    /// `1234.5`
    pub(crate) const PLAIN: Self = Self { decimal: b'.', thousands: None };

    /// `1,234.5`
    pub(crate) const COMMA_THOUSANDS: Self = Self { decimal: b'.', thousands: Some(b',') };

    /// `1.234,5`
    pub(crate) const DECIMAL_COMMA: Self = Self { decimal: b',', thousands: Some(b'.') };

    /// A number without its marks: `1234.5`. `None` if thousands are not in threes, or it is not a number.
    pub(crate) fn plain<'a>(&self, text: &'a str) -> Option<Cow<'a, str>> {
        if *self == Self::PLAIN {
            return Some(Cow::Borrowed(text));
        }
        // Programs write a non-breaking space between thousands.
        if self.thousands == Some(b' ') && text.contains(SPACES) {
            let plain = self.plain(&text.replace(SPACES, " "))?.into_owned();
            return Some(Cow::Owned(plain));
        }
        let bytes = text.as_bytes();
        let signs = usize::from(matches!(bytes.first(), Some(b'-' | b'+')));
        let is_mark = |byte: &u8| *byte == self.decimal || Some(*byte) == self.thousands;
        if !bytes[signs..].iter().any(is_mark) {
            // A number with another mark than the column's is not one of its numbers.
            return (!text.contains('.') && !text.contains(',')).then_some(Cow::Borrowed(text));
        }
        let at = bytes.iter().position(|byte| *byte == self.decimal).unwrap_or(bytes.len());
        let (whole, rest) = (&bytes[signs..at], &bytes[at..]);
        let mut plain = Vec::with_capacity(bytes.len());
        plain.extend_from_slice(&bytes[..signs]);
        match self.thousands.filter(|mark| whole.contains(mark)) {
            Some(mark) => {
                let mut groups = whole.split(|byte| *byte == mark);
                let first = groups.next().filter(|first| (1..=3).contains(&first.len()))?;
                plain.extend_from_slice(first);
                for group in groups {
                    if group.len() != 3 {
                        return None;
                    }
                    plain.extend_from_slice(group);
                }
                // A number with marks does not begin with a zero: `0,123` and `001,234` are not thousands.
                if first.starts_with(b"0") {
                    return None;
                }
            }
            None => plain.extend_from_slice(whole),
        }
        if let Some((_, decimals)) = rest.split_first() {
            plain.push(b'.');
            plain.extend_from_slice(decimals);
        }
        let plain = String::from_utf8(plain).ok()?;
        plain[signs..]
            .bytes()
            .all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'-' | b'+'))
            .then_some(plain.into())
    }

    /// A whole number.
    pub(crate) fn integer(&self, text: &str) -> Option<i64> {
        integer(&self.plain(text)?)
    }

    /// A number that a double holds.
    pub(crate) fn decimal(&self, text: &str) -> Option<f64> {
        decimal(&self.plain(text)?)
    }
}

impl Default for Marks {
    fn default() -> Self {
        Self::PLAIN
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_say_what_a_number_is() {
        assert_eq!(Marks::DECIMAL_COMMA.decimal("1.234.567,25"), Some(1_234_567.25));
        assert_eq!(Marks::DECIMAL_COMMA.integer("-1.234"), Some(-1234));
        assert_eq!(Marks::DECIMAL_COMMA.decimal("0,5"), Some(0.5));
        assert_eq!(Marks::DECIMAL_COMMA.integer("12"), Some(12));
        assert_eq!(Marks::COMMA_THOUSANDS.integer("12,345,678"), Some(12_345_678));
        assert_eq!(Marks::COMMA_THOUSANDS.decimal("+1,234.5"), Some(1234.5));
        let spaced = Marks { decimal: b',', thousands: Some(b' ') };
        for text in ["1 234,5", "1\u{a0}234,5", "1\u{202f}234,5"] {
            assert_eq!(spaced.decimal(text), Some(1234.5), "{text}");
        }
        for text in ["1.5", "1.23.456", "1234.567,0", "0.123", "1,2,3", ".123", "1.234,5.6", "a", "007"] {
            assert_eq!(
                (Marks::DECIMAL_COMMA.integer(text), Marks::DECIMAL_COMMA.decimal(text)),
                (None, None),
                "{text}"
            );
        }
        for text in ["1,23", "0,5", "1,2345", "1,234,5", ",234", "001,234"] {
            assert_eq!(
                (Marks::COMMA_THOUSANDS.integer(text), Marks::COMMA_THOUSANDS.decimal(text)),
                (None, None),
                "{text}"
            );
        }
    }
}
