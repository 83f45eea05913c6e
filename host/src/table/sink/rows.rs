//! Formats of rows of text: CSV, TSV and NDJSON. A batch is written whole or not at all: a value that has no text leaves
//! nothing of its batch behind.

use super::output::Output;
use crate::table::error::TableError;
use crate::table::written::{Form, WrittenColumn, quoted};
use arrow_array::RecordBatch;
use arrow_schema::{DataType, Schema};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Bytes of text that are put together before they go out, about.
const GATHERED: usize = 1 << 20;

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rows {
    /// Cells with a delimiter between them, and a header.
    Delimited(u8),
    /// An object a line.
    Ndjson,
}

/// Writes rows.
pub(super) struct RowWriter {
    rows: Rows,
    path: PathBuf,
    output: Output,
    /// Text that has not gone out.
    gathered: Vec<u8>,
    /// Rows of all batches so far.
    written: usize,
}

impl RowWriter {
    /// Starts a table; a header stands there also when there will be no rows.
    pub(super) fn new(path: &Path, rows: Rows, schema: &Schema, output: Output) -> Self {
        let mut gathered = Vec::new();
        if let Rows::Delimited(delimiter) = rows {
            for (number, field) in schema.fields().iter().enumerate() {
                if number > 0 {
                    gathered.push(delimiter);
                }
                let start = gathered.len();
                gathered.extend_from_slice(field.name().as_bytes());
                quote(&mut gathered, start, delimiter);
            }
            gathered.push(b'\n');
        }
        Self { rows, path: path.to_owned(), output, gathered, written: 0 }
    }

    /// Adds a batch.
    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<(), TableError> {
        let form = if self.rows == Rows::Ndjson { Form::Json } else { Form::Cell };
        let schema = batch.schema();
        let columns = batch.columns().iter().zip(schema.fields()).map(|(array, field)| {
            WrittenColumn::new(array, field, form).map_err(|reason| value(field.name(), None, reason))
        });
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        let start = self.gathered.len();
        let names: Vec<Vec<u8>> = schema.fields().iter().map(|field| name(field.name())).collect();
        for row in 0..batch.num_rows() {
            let written = match self.rows {
                Rows::Delimited(delimiter) => delimited(&columns, &schema, row, delimiter, &mut self.gathered),
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
        let sent = self.output.write_all(&self.gathered);
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

/// The number of a column, and why its value cannot be written.
type Wrong = (usize, String);

fn delimited(
    columns: &[WrittenColumn<'_>],
    schema: &Schema,
    row: usize,
    delimiter: u8,
    out: &mut Vec<u8>,
) -> Result<(), Wrong> {
    for (number, column) in columns.iter().enumerate() {
        if number > 0 {
            out.push(delimiter);
        }
        if column.is_null(row) {
            // An empty line is lost to many readers. Where quotes mean text that is empty, it is all there is.
            let is_text = matches!(schema.field(number).data_type(), DataType::Utf8 | DataType::LargeUtf8);
            if columns.len() == 1 && !is_text {
                out.extend_from_slice(b"\"\"");
            }
            continue;
        }
        let start = out.len();
        column.write(row, out).map_err(|reason| (number, reason))?;
        quote(out, start, delimiter);
    }
    out.push(b'\n');
    Ok(())
}

/// Puts the cell that begins at `start` into quotes, where it needs them: so does text that is empty, for an empty cell
/// is a missing one.
fn quote(out: &mut Vec<u8>, start: usize, delimiter: u8) {
    let cell = &out[start..];
    let special = |byte: &u8| matches!(*byte, b'"' | b'\n' | b'\r') || *byte == delimiter;
    if !cell.is_empty() && !cell.iter().any(special) {
        return;
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
