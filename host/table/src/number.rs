//! Numbers in text, and the types that hold them exactly. `seen.rs` decides the type of a column of numbers.

/// Digits that a double always reproduces.
const DIGITS_EXACT: usize = 15;

/// Whole numbers with more digits are codes.
const CODE_DIGITS: usize = 18;

/// Whether a double holds a whole number.
pub(crate) fn is_exact_double(number: i64) -> bool {
    // Trailing zero bits do not count towards a double's 53.
    let magnitude = number.unsigned_abs();
    magnitude == 0 || magnitude >> magnitude.trailing_zeros() < 1 << 53
}

/// A whole number. `007` is not one, since leading zeros are part of a code; nor is `-0`, whose sign would be lost.
pub(crate) fn integer(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let code = digits.starts_with('0') && text != "0";
    if plain && !code { text.parse().ok() } else { None }
}

/// A number with its sign, point and exponent: `1.5`, `-.5`, `2e-3`, `inf`. `None` for codes with leading zeros or a
/// plus sign, and for numbers that a double does not hold to their last digit.
pub(crate) fn decimal(text: &str) -> Option<f64> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if unsigned.eq_ignore_ascii_case("inf") || unsigned.eq_ignore_ascii_case("infinity") {
        return text.parse().ok();
    }
    let first = *unsigned.as_bytes().first()?;
    let code = unsigned.len() > 1 && first == b'0' && !unsigned[1..].starts_with(['.', 'e', 'E']);
    // A whole number with a plus sign is a phone number.
    let dialled = text.starts_with('+') && unsigned.bytes().all(|byte| byte.is_ascii_digit());
    if code || dialled || !(first.is_ascii_digit() || first == b'.') {
        return None;
    }
    let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
        Some(at) => (&unsigned[..at], Some(&unsigned[at + 1..])),
        None => (unsigned, None),
    };
    if !mantissa.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return None;
    }
    // Long sequences of digits are codes too, even if a double holds them.
    if exponent.is_none() && mantissa.len() > CODE_DIGITS && !mantissa.contains('.') {
        return None;
    }
    let value: f64 = text.parse().ok()?;
    // The usual case, without examining the digits.
    if mantissa.len() <= DIGITS_EXACT && exponent.is_none() {
        return Some(value);
    }
    is_exact(mantissa, exponent, value).then_some(value)
}

/// As [`integer`] for a number of few digits; `None` for any other.
pub(crate) fn short_integer(text: &[u8]) -> Option<i64> {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    if digits.is_empty() || digits.len() > DIGITS_EXACT || digits[0] == b'0' && text.len() > 1 {
        return None;
    }
    let number = digits.iter().try_fold(0, |number: i64, byte| Some(number * 10 + i64::from(digit(*byte)?)))?;
    Some(if digits.len() < text.len() { -number } else { number })
}

/// As [`decimal`] for a number of few digits with a point between them; `None` for any other.
pub(crate) fn short_decimal(text: &[u8]) -> Option<f64> {
    let unsigned = text.strip_prefix(b"-").unwrap_or(text);
    if unsigned.len() > DIGITS_EXACT || !unsigned.first()?.is_ascii_digit() {
        return None;
    }
    let (mut number, mut point) = (0_i64, None);
    for (at, byte) in unsigned.iter().enumerate() {
        match digit(*byte) {
            Some(digit) => number = number * 10 + i64::from(digit),
            None if *byte == b'.' && point.is_none() => point = Some(at),
            None => return None,
        }
    }
    let point = point.filter(|point| *point == 1 || unsigned[0] != b'0')?;
    // Both are whole numbers that doubles hold, so their quotient is rounded as the text itself is.
    let value = number as f64 / POWERS[unsigned.len() - 1 - point];
    Some(if unsigned.len() < text.len() { -value } else { value })
}

/// Powers of ten, for as many decimals as a short number has.
const POWERS: [f64; DIGITS_EXACT] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14];

fn digit(byte: u8) -> Option<u8> {
    Some(byte.wrapping_sub(b'0')).filter(|digit| *digit < 10)
}

/// Whether a double equals a text, if written with as many digits, or with the fewest that distinguish it from its
/// neighbours; the latter may round a last 5 the other way.
fn is_exact(mantissa: &str, exponent: Option<&str>, value: f64) -> bool {
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits: String = whole.chars().chain(fraction.chars()).collect();
    let leading = digits.len() - digits.trim_start_matches('0').len();
    let significant = digits[leading..].trim_end_matches('0');
    if significant.is_empty() {
        return value == 0.0;
    }
    if !value.is_finite() || value == 0.0 {
        return false;
    }
    let Some(exponent) = exponent.map_or(Some(0), |text| text.parse::<i64>().ok()) else { return false };
    // The power of ten of the first significant digit.
    let magnitude = |length: usize| i64::try_from(length).unwrap_or(i64::MAX / 2);
    let power = magnitude(whole.len()) - 1 - magnitude(leading) + exponent;
    let is_written = |written: String| {
        let Some((mantissa, written_power)) = written.split_once('e') else { return false };
        written_power.parse() == Ok(power) && mantissa.bytes().filter(u8::is_ascii_digit).eq(significant.bytes())
    };
    is_written(format!("{:.*e}", significant.len() - 1, value.abs())) || is_written(format!("{:e}", value.abs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_are_those_without_codes() {
        assert_eq!(integer("-20"), Some(-20));
        assert_eq!(integer("0"), Some(0));
        assert_eq!(integer("9223372036854775807"), Some(i64::MAX));
        for text in ["", "-", "-0", "007", "-07", "+5", "1.0", "1e3", "9223372036854775808", "١"] {
            assert_eq!(integer(text), None, "{text}");
        }
    }

    #[test]
    fn decimals_are_those_that_doubles_hold() {
        for text in [
            "0.1",
            "-2.50",
            ".5",
            "5.",
            "1e3",
            "1E-3",
            "123456789.123456",
            "0.30000000000000004",
            "1.7976931348623157e308",
            "5e-324",
            "0.1000000000000000055511151231257827",
            "9007199254740992",
            "1e20",
            "0.000",
            "0e99",
            "1.0000000000000000000000",
        ] {
            assert!(decimal(text).is_some(), "{text}");
        }
        for text in [
            "9007199254740993",
            "123456789012345678",
            "0.1234567890123456789",
            "1e400",
            "1e-400",
            "00.5",
            "1.2.3",
            "1e",
            "e5",
            "1e5.5",
            "--1",
            "0x10",
            "1_000",
            "nan",
            ".",
            "12345678901234567890123",
            "100000000000000000000",
        ] {
            assert_eq!(decimal(text), None, "{text}");
        }
        assert_eq!(decimal("-inf"), Some(f64::NEG_INFINITY));
        assert_eq!(decimal("-0").map(f64::to_bits), Some((-0.0_f64).to_bits()));
    }

    #[test]
    fn short_numbers_are_what_numbers_are() {
        let mut state = 1_u64;
        for _ in 0..200_000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let bits = state.to_le_bytes().into_iter().chain(state.rotate_left(27).to_le_bytes());
            let text: String = bits
                .take(usize::from(state.to_be_bytes()[0] % 17))
                .map(|bits| char::from(b"0123456789012345.-+e"[usize::from(bits % 20)]))
                .collect();
            if let Some(number) = short_integer(text.as_bytes()) {
                assert_eq!(integer(&text), Some(number), "{text}");
            }
            if let Some(number) = short_decimal(text.as_bytes()) {
                assert_eq!(decimal(&text).map(f64::to_bits), Some(number.to_bits()), "{text}");
            }
        }
        for text in ["0", "7", "-20", "123456789012345"] {
            assert!(short_integer(text.as_bytes()).is_some(), "{text}");
        }
        for text in ["0.0", "-0.0", "5118.22", "12345678901.234", "-0.1", "5."] {
            let number = short_decimal(text.as_bytes()).map(f64::to_bits);
            assert_eq!(number, text.parse().ok().map(f64::to_bits), "{text}");
        }
    }

    #[test]
    fn whole_numbers_that_doubles_hold() {
        for number in [0, 1, -1, 1 << 53, (1 << 53) + 2, i64::MIN, 1 << 62] {
            assert!(is_exact_double(number), "{number}");
        }
        for number in [(1 << 53) + 1, -(1 << 53) - 1, i64::MAX, 123_456_789_012_345_678] {
            assert!(!is_exact_double(number), "{number}");
        }
    }

    /// Doubles as programs print them, from a generator with a fixed seed.
    #[test]
    fn every_double_that_is_printed_is_read_back() {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        for _ in 0..20_000 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let value = f64::from_bits(state);
            if !value.is_finite() {
                continue;
            }
            for text in [format!("{value:?}"), format!("{value:e}"), format!("{value:.16e}")] {
                assert_eq!(decimal(&text).map(f64::to_bits), Some(value.to_bits()), "{text}");
            }
        }
    }
}
