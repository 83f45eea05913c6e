//! Text encodings by name: those that can be read, and those that can be written, in which each character is read back
//! unchanged.

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};
use std::borrow::Cow;

/// An encoding by its WHATWG name; Latin-1 is read as its superset Windows-1252, as browsers do.
///
/// # Errors
/// The name is unknown.
pub fn named(name: &str) -> Result<&'static Encoding, String> {
    let lower = name.to_ascii_lowercase();
    let known = [lower.clone(), lower.replace('_', "-"), lower.replace(['_', '-'], "")];
    let known = known.iter().find_map(|name| Encoding::for_label(name.as_bytes()));
    known.ok_or_else(|| {
        format!("`{name}` is not a known encoding: use utf-8, utf-16, latin-1, windows-1252, or another WHATWG name")
    })
}

/// The encoding of a written text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextEncoding {
    /// UTF-8.
    Utf8,
    /// UTF-16, little endian.
    Utf16Le,
    /// UTF-16, big endian.
    Utf16Be,
    /// One byte per character.
    Bytes(&'static Encoding),
}

impl TextEncoding {
    /// An encoding by its name.
    ///
    /// # Errors
    /// The name is unknown, or the encoding cannot be written.
    pub fn named(name: &str) -> Result<Self, String> {
        match named(name)? {
            encoding if encoding == UTF_8 => Ok(Self::Utf8),
            encoding if encoding == UTF_16LE => Ok(Self::Utf16Le),
            encoding if encoding == UTF_16BE => Ok(Self::Utf16Be),
            encoding if encoding.is_single_byte() => Ok(Self::Bytes(encoding)),
            _ => Err(format!(
                "`{name}` can be read but not written: use utf-8, utf-16 or a single-byte encoding such as windows-1252"
            )),
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Utf8 => UTF_8.name(),
            Self::Utf16Le => UTF_16LE.name(),
            Self::Utf16Be => UTF_16BE.name(),
            Self::Bytes(encoding) => encoding.name(),
        }
    }

    /// Its byte order mark; empty if it has none.
    #[must_use]
    pub fn byte_order_mark(self) -> &'static [u8] {
        match self {
            Self::Utf8 => b"\xef\xbb\xbf",
            Self::Utf16Le => b"\xff\xfe",
            Self::Utf16Be => b"\xfe\xff",
            Self::Bytes(_) => b"",
        }
    }

    /// Whether it can encode every character.
    #[must_use]
    pub fn has_all(self) -> bool {
        !matches!(self, Self::Bytes(_))
    }

    /// The first character of a text that it cannot encode.
    #[must_use]
    pub fn lacks(self, text: &str) -> Option<char> {
        let Self::Bytes(encoding) = self else { return None };
        if text.is_ascii() || !encoding.encode(text).2 {
            return None;
        }
        text.chars().find(|character| encoding.encode(character.encode_utf8(&mut [0; 4])).2)
    }

    /// A text in this encoding; every character of it can be encoded.
    #[must_use]
    pub fn encoded(self, text: &[u8]) -> Cow<'_, [u8]> {
        let units = || String::from_utf8_lossy(text).encode_utf16().collect::<Vec<u16>>();
        match self {
            Self::Utf8 => Cow::Borrowed(text),
            Self::Utf16Le => units().into_iter().flat_map(u16::to_le_bytes).collect(),
            Self::Utf16Be => units().into_iter().flat_map(u16::to_be_bytes).collect(),
            Self::Bytes(encoding) => match std::str::from_utf8(text) {
                Ok(text) => encoding.encode(text).0,
                Err(_) => Cow::Borrowed(text),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_character_of_an_encoding_is_read_back() {
        for name in ["utf-8", "utf-16", "utf-16be", "latin-1", "windows-1252", "iso-8859-15", "windows-1251", "koi8-r"]
        {
            let encoding = TextEncoding::named(name).unwrap();
            let all: String = ('\u{1}'..'\u{3000}').filter(|one| encoding.lacks(&one.to_string()).is_none()).collect();
            let bytes = encoding.encoded(all.as_bytes()).into_owned();
            let (read, replaced) = named(name).unwrap().decode_without_bom_handling(&bytes);
            assert!(!replaced && read == all && all.len() > 128, "{name}");
        }
        assert_eq!(TextEncoding::named("latin-1").unwrap().lacks("aß☃"), Some('☃'));
        assert!(TextEncoding::named("gb18030").unwrap_err().contains("but not written"));
    }
}
