//! How rows of delimited text are written, by the options and the format.

use crate::written::{CellStyle, Content};
use longshore_model::table::{Delimiter, Format, LineEnd, Quoting, TextEncoding, WriteOptions};

/// How rows are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Style {
    delimiter: Vec<u8>,
    quoting: Quoting,
    pub(super) header: bool,
    pub(super) line_end: &'static [u8],
    /// The word for a missing value; empty if there is none.
    pub(super) missing: String,
    pub(super) cells: CellStyle,
    pub(super) encoding: TextEncoding,
    pub(super) byte_order_mark: bool,
}

impl Style {
    /// # Errors
    /// Options that exclude each other.
    pub(super) fn new(options: &WriteOptions, format: Format) -> Result<Self, String> {
        options.check()?;
        let usual = if format == Format::Tsv { "\t" } else { "," };
        let delimiter = options.delimiter.as_ref().map_or_else(|| usual.into(), Delimiter::text).into_bytes();
        let encoding = options.encoding.as_deref().map_or(Ok(TextEncoding::Utf8), TextEncoding::named)?;
        let is_wide = matches!(encoding, TextEncoding::Utf16Le | TextEncoding::Utf16Be);
        Ok(Self {
            delimiter,
            quoting: options.quote.unwrap_or_default(),
            header: options.header.unwrap_or(true),
            line_end: if options.line == Some(LineEnd::Crlf) { b"\r\n" } else { b"\n" },
            missing: options.missing.clone().unwrap_or_default(),
            cells: CellStyle {
                decimal: options.decimal.and_then(|mark| mark.0).unwrap_or(b'.'),
                words: (options.r#true.is_some() || options.r#false.is_some()).then(|| {
                    let word = |word: &Option<String>, usual: &str| word.clone().unwrap_or_else(|| usual.into());
                    [word(&options.r#false, "false"), word(&options.r#true, "true")]
                }),
                dates: options.dates.clone(),
                times: options.times.clone().map(String::from),
            },
            encoding,
            byte_order_mark: options.bom.unwrap_or(is_wide),
        })
    }

    /// Separates the next cell from the previous one.
    pub(super) fn separate(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.delimiter);
    }

    /// Quotes the cell that begins at `start`, if it needs quotes or the options require them. `first`: it is the first
    /// cell of its row.
    ///
    /// # Errors
    /// If it needs quotes, and the options exclude them.
    pub(super) fn quote(&self, out: &mut Vec<u8>, start: usize, content: Content, first: bool) -> Result<(), String> {
        let cell = &out[start..];
        let wanted = match self.quoting {
            Quoting::Needed | Quoting::None => false,
            Quoting::All => true,
            Quoting::Text => content == Content::Text,
        };
        if !wanted {
            match self.need(cell, first) {
                None => return Ok(()),
                Some(need) if self.quoting == Quoting::None => {
                    let shown = String::from_utf8_lossy(cell).into_owned();
                    return Err(format!(
                        "`{shown}` {need}, and `quote=none` writes it without quotes: use `quote=needed`"
                    ));
                }
                Some(_) => {}
            }
        }
        let cell = out.split_off(start);
        out.push(b'"');
        for byte in cell {
            if byte == b'"' {
                out.push(b'"');
            }
            out.push(byte);
        }
        out.push(b'"');
        Ok(())
    }

    /// Why a cell cannot be written without quotes. An empty cell is a missing value; the first byte of a delimiter may
    /// form one with the bytes after it; blanks before a cell and comments may be read as not part of the table.
    fn need(&self, cell: &[u8], first: bool) -> Option<&'static str> {
        let delimiter = self.delimiter[0];
        let has_quotes = self.quoting != Quoting::None;
        match cell.first() {
            None => return Some("is empty, and not missing"),
            Some(b' ') => return Some("begins with a blank"),
            Some(b'#') if first => return Some("begins a row like a comment"),
            Some(b's' | b'S') if first && cell.len() == 5 && cell[..4].eq_ignore_ascii_case(b"sep=") => {
                return Some("begins a row like a line that names the delimiter");
            }
            Some(_) => {}
        }
        let special = cell
            .iter()
            .find(|byte| matches!(**byte, b'\n' | b'\r') || **byte == delimiter || **byte == b'"' && has_quotes);
        match special? {
            b'\n' | b'\r' => Some("contains a line break"),
            b'"' => Some("contains a quote"),
            _ => Some("contains a delimiter"),
        }
    }
}
