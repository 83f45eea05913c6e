//! Formats of rows of text: CSV, TSV and NDJSON. A batch is written whole or not at all: if a value cannot be written,
//! nothing of its batch is.

use super::output::Output;
use super::style::Style;
use crate::error::TableError;
use crate::written::{Content, Form, WrittenColumn, quoted};
use arrow_array::RecordBatch;
use arrow_schema::{DataType, Schema};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Bytes of text that are buffered before they are written, about.
const GATHERED: usize = 1 << 20;

/// How rows are written.
pub(super) enum Rows {
    /// Cells with a delimiter between them.
    Delimited(Box<Style>),
    /// One object per line.
    Ndjson,
}

/// Writes rows.
pub(super) struct RowWriter {
    rows: Rows,
    path: PathBuf,
    output: Output,
    /// Text that is not written yet.
    gathered: Vec<u8>,
    /// Rows of all batches so far.
    written: usize,
}

impl RowWriter {
    /// Starts a table; the header is written even if there are no rows.
    ///
    /// # Errors
    /// If the name of a column, or the file, cannot be written.
    pub(super) fn new(path: &Path, rows: Rows, schema: &Schema, mut output: Output) -> Result<Self, TableError> {
        let mut gathered = Vec::new();
        if let Rows::Delimited(style) = &rows {
            if style.byte_order_mark {
                output
                    .write_all(style.encoding.byte_order_mark())
                    .map_err(|source| TableError::Write { path: path.to_owned(), source })?;
            }
            let names = if style.header { schema.fields().as_ref() } else { &[] };
            for (number, field) in names.iter().enumerate() {
                let wrong = |reason| value(field.name(), None, format!("its name {reason}"));
                if number > 0 {
                    style.separate(&mut gathered);
                }
                let start = gathered.len();
                gathered.extend_from_slice(field.name().as_bytes());
                check_encoding(style, field.name().as_bytes()).map_err(wrong)?;
                style.quote(&mut gathered, start, Content::Text, number == 0).map_err(wrong)?;
            }
            if style.header {
                gathered.extend_from_slice(style.line_end);
            }
        }
        Ok(Self { rows, path: path.to_owned(), output, gathered, written: 0 })
    }

    /// Adds a batch.
    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<(), TableError> {
        let schema = batch.schema();
        let columns = batch.columns().iter().zip(schema.fields()).map(|(array, field)| {
            let column = match &self.rows {
                Rows::Delimited(style) => WrittenColumn::styled(array, field, &style.cells),
                Rows::Ndjson => WrittenColumn::new(array, field, Form::Json),
            };
            column.map_err(|reason| value(field.name(), None, reason))
        });
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        let start = self.gathered.len();
        let names: Vec<Vec<u8>> = schema.fields().iter().map(|field| name(field.name())).collect();
        let types = schema.fields().iter().map(|field| field.data_type());
        let types: Vec<(&DataType, Content)> = types.map(|data_type| (data_type, Content::of(data_type))).collect();
        for row in 0..batch.num_rows() {
            let written = match &self.rows {
                Rows::Delimited(style) => delimited(&columns, &types, row, style, &mut self.gathered),
                Rows::Ndjson => object(&columns, &names, row, &mut self.gathered),
            };
            if let Err((column, reason)) = written {
                self.gathered.truncate(start);
                return Err(value(schema.field(column).name(), Some(self.written + row + 1), reason));
            }
        }
        self.written += batch.num_rows();
        if self.gathered.len() >= GATHERED { self.send() } else { Ok(()) }
    }

    fn send(&mut self) -> Result<(), TableError> {
        let sent = match &self.rows {
            Rows::Delimited(style) => self.output.write_all(&style.encoding.encoded(&self.gathered)),
            Rows::Ndjson => self.output.write_all(&self.gathered),
        };
        self.gathered.clear();
        sent.map_err(|source| TableError::Write { path: self.path.clone(), source })
    }

    pub(super) fn flush(&mut self) -> Result<(), TableError> {
        self.send()?;
        self.output.flush().map_err(|source| TableError::Write { path: self.path.clone(), source })
    }

    pub(super) fn finish(mut self) -> Result<Output, TableError> {
        self.send()?;
        Ok(self.output)
    }
}

fn value(column: &str, row: Option<usize>, reason: String) -> TableError {
    TableError::Value { column: column.to_owned(), row, reason }
}

/// The number of a column, and the reason why its value cannot be written.
type Wrong = (usize, String);

fn delimited(
    columns: &[WrittenColumn<'_>],
    types: &[(&DataType, Content)],
    row: usize,
    style: &Style,
    out: &mut Vec<u8>,
) -> Result<(), Wrong> {
    for (number, (column, (data_type, content))) in columns.iter().zip(types).enumerate() {
        if number > 0 {
            style.separate(out);
        }
        let wrong = |reason| (number, reason);
        if column.is_null(row) {
            out.extend_from_slice(style.missing.as_bytes());
            if columns.len() == 1 && style.missing.is_empty() {
                alone(style, data_type, out).map_err(wrong)?;
            }
            continue;
        }
        let start = out.len();
        column.write(row, out).map_err(wrong)?;
        check_encoding(style, &out[start..]).map_err(|reason| wrong(format!("it {reason}")))?;
        check_missing(style, &out[start..], data_type).map_err(wrong)?;
        style.quote(out, start, *content, number == 0).map_err(wrong)?;
    }
    out.extend_from_slice(style.line_end);
    Ok(())
}

/// A missing value in the only column. Many readers skip an empty line; but if quotes mark empty text, there is no
/// other way to write a missing one.
fn alone(style: &Style, data_type: &DataType, out: &mut Vec<u8>) -> Result<(), String> {
    let is_text = matches!(data_type, DataType::Utf8 | DataType::LargeUtf8);
    if is_text && style.header {
        return Ok(());
    }
    let start = out.len();
    let quoted = if is_text { Err(String::new()) } else { style.quote(out, start, Content::Value, true) };
    quoted
        .map_err(|_| "it is missing in the only column, which leaves an empty line: `missing=NA` writes a word".into())
}

/// Text that is not missing must not be read as missing.
fn check_missing(style: &Style, cell: &[u8], data_type: &DataType) -> Result<(), String> {
    if style.missing.is_empty() || cell != style.missing.as_bytes() || data_type.is_floating() && cell == b"NaN" {
        return Ok(());
    }
    let word = &style.missing;
    Err(format!("`{word}` is a value in it and would be read as missing: choose another word for `missing=`"))
}

fn check_encoding(style: &Style, cell: &[u8]) -> Result<(), String> {
    if style.encoding.has_all() || cell.is_ascii() {
        return Ok(());
    }
    match style.encoding.lacks(&String::from_utf8_lossy(cell)) {
        None => Ok(()),
        Some(character) => {
            let name = style.encoding.name();
            Err(format!("has `{character}`, which {name} cannot encode: use `encoding=utf-8`"))
        }
    }
}

fn name(name: &str) -> Vec<u8> {
    let mut text = Vec::with_capacity(name.len() + 3);
    quoted(name, &mut text);
    text.push(b':');
    text
}

fn object(columns: &[WrittenColumn<'_>], names: &[Vec<u8>], row: usize, out: &mut Vec<u8>) -> Result<(), Wrong> {
    out.push(b'{');
    for (number, (column, name)) in columns.iter().zip(names).enumerate() {
        if number > 0 {
            out.push(b',');
        }
        out.extend_from_slice(name);
        column.write_json(row, out).map_err(|reason| (number, reason))?;
    }
    out.extend_from_slice(b"}\n");
    Ok(())
}
