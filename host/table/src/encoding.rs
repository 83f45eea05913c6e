//! Texts that are not UTF-8: finding their encoding by the byte order mark, and converting them to UTF-8.

use encoding_rs::{Decoder, DecoderResult, Encoding, UTF_8};
use std::collections::VecDeque;
use std::io::{Error, ErrorKind, Read, Result};

/// Bytes read at a time.
const READ_BYTES: usize = 64 << 10;

/// The encoding of the byte order mark at the start of a text, unless it is UTF-8.
pub(super) fn marked(head: &[u8]) -> Option<&'static Encoding> {
    Encoding::for_bom(head).map(|(encoding, _)| encoding).filter(|encoding| *encoding != UTF_8)
}

/// A text in UTF-8.
pub(super) struct Decoded<R> {
    text: R,
    name: &'static str,
    decoder: Decoder,
    buffer: Vec<u8>,
    at: usize,
    filled: usize,
    ended: bool,
    /// Whether the decoder has returned its last output.
    finished: bool,
    /// The remaining bytes of a character that was handed out in part.
    begun: VecDeque<u8>,
}

impl<R: Read> Decoded<R> {
    pub(super) fn new(text: R, encoding: &'static Encoding) -> Self {
        let decoder = encoding.new_decoder_with_bom_removal();
        let buffer = vec![0; READ_BYTES];
        let name = encoding.name();
        let begun = VecDeque::new();
        Self { text, name, decoder, buffer, at: 0, filled: 0, ended: false, finished: false, begun }
    }
}

impl<R: Read> Read for Decoded<R> {
    fn read(&mut self, target: &mut [u8]) -> Result<usize> {
        // The longest character takes four bytes: a shorter target receives its first bytes, and the rest later.
        if target.len() < 4 && self.begun.is_empty() {
            let mut few = [0; 4];
            let read = self.read(&mut few)?;
            self.begun.extend(&few[..read]);
        }
        if target.len() < 4 || !self.begun.is_empty() {
            return self.begun.read(target);
        }
        while !self.finished {
            if self.at == self.filled && !self.ended {
                self.at = 0;
                self.filled = self.text.read(&mut self.buffer)?;
                self.ended = self.filled == 0;
            }
            let input = &self.buffer[self.at..self.filled];
            let (result, used, written) = self.decoder.decode_to_utf8_without_replacement(input, target, self.ended);
            self.at += used;
            if let DecoderResult::Malformed(..) = result {
                return Err(Error::new(ErrorKind::InvalidData, format!("it is not valid {}", self.name)));
            }
            self.finished = result == DecoderResult::InputEmpty && self.ended;
            if written > 0 {
                return Ok(written);
            }
        }
        Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use longshore_model::table::encoding_named as named;

    #[test]
    fn texts_are_read_in_their_encoding() {
        let read = |bytes: &[u8], name: &str| {
            let mut text = String::new();
            Decoded::new(bytes, named(name).unwrap())
                .read_to_string(&mut text)
                .map(|_| text)
                .map_err(|error| error.to_string())
        };
        assert_eq!(read(b"gr\xfc\xdfe \x80", "latin1").unwrap(), "grüße €");
        assert_eq!(read(b"\xff\xfea\0\xdf\0", "utf-16").unwrap(), "aß");
        assert_eq!(read(b"\xff\xfea\0\xdf", "utf-16").unwrap_err(), "it is not valid UTF-16LE");
        assert_eq!(marked(b"\xfe\xff\0a"), Some(encoding_rs::UTF_16BE));
        assert!(named("klingon").is_err());
        let long = "ä".repeat(100_000);
        let bytes: Vec<u8> = long.chars().map(|_| 0xe4).collect();
        assert_eq!(read(&bytes, "windows-1252").unwrap(), long);
    }

    #[test]
    fn a_character_may_be_asked_for_byte_by_byte() {
        let text = "a€😀ß";
        let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        for size in 1..9 {
            let mut decoded = Decoded::new(wide.as_slice(), encoding_rs::UTF_16LE);
            let (mut read, mut few) = (Vec::new(), vec![0; size]);
            while let Some(bytes) = Some(decoded.read(&mut few).unwrap()).filter(|bytes| *bytes > 0) {
                read.extend_from_slice(&few[..bytes]);
            }
            assert_eq!(String::from_utf8(read).unwrap(), text, "{size}");
        }
    }
}
