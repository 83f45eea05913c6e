//! JSON for a terminal or a program: the same values, without characters that a terminal obeys. Serde escapes only the
//! control characters below U+0020.

use super::character::is_invisible;

/// JSON with the characters that a terminal obeys or does not show as `\uXXXX`. They can occur only in its strings.
#[must_use]
pub fn escaped(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for character in json.chars() {
        if is_invisible(character) || character.is_control() && character != '\n' {
            let units = &mut [0; 2];
            character.encode_utf16(units).iter().for_each(|unit| text.push_str(&format!("\\u{unit:04x}")));
        } else {
            text.push(character);
        }
    }
    text
}
