//! Values as text: the form of each type in a cell of CSV, and in JSON. Every form can be read back as the same value.
//! Writing rows is the job of the sinks.

mod duration;
mod nested;
mod scalar;
mod styled;

use arrow_array::{Array, ArrayRef};
use arrow_schema::{DataType, Field};
pub(super) use styled::{CellStyle, Content, instants};

/// The purpose of a written value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// A cell: text is unchanged, and the writer of the cell quotes it.
    Cell,
    /// JSON: text is in quotes.
    Json,
}

/// Why a value cannot be written.
pub(super) type Reason = String;

/// Writes the values of a column, one by one.
pub(super) trait Written {
    /// Writes the value of a row, which is not null.
    ///
    /// # Errors
    /// If it cannot be written, with the reason.
    fn write(&self, row: usize, out: &mut Vec<u8>) -> Result<(), Reason>;
}

/// A column, ready to be written.
pub(super) struct WrittenColumn<'a> {
    nulls: Option<arrow_buffer::NullBuffer>,
    values: Box<dyn Written + 'a>,
}

impl<'a> WrittenColumn<'a> {
    /// # Errors
    /// If values of the type have no text.
    pub(super) fn new(array: &'a ArrayRef, field: &Field, form: Form) -> Result<Self, Reason> {
        let nulls = array.logical_nulls().filter(|nulls| nulls.null_count() > 0);
        let values = match array.data_type() {
            DataType::List(_)
            | DataType::LargeList(_)
            | DataType::FixedSizeList(..)
            | DataType::Struct(_)
            | DataType::Map(..) => nested::written(array)?,
            _ => scalar::written(array, field, form)?,
        };
        Ok(Self { nulls, values })
    }

    pub(super) fn is_null(&self, row: usize) -> bool {
        self.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row))
    }

    /// Writes the value of a row that is not null.
    pub(super) fn write(&self, row: usize, out: &mut Vec<u8>) -> Result<(), Reason> {
        self.values.write(row, out)
    }

    /// Writes the value of a row as JSON, which may be null.
    pub(super) fn write_json(&self, row: usize, out: &mut Vec<u8>) -> Result<(), Reason> {
        if self.is_null(row) {
            out.extend_from_slice(b"null");
            return Ok(());
        }
        self.write(row, out)
    }
}

/// Text in JSON's quotes.
pub(super) fn quoted(text: &str, out: &mut Vec<u8>) {
    // Writing into memory does not fail.
    let _ = serde_json::to_writer(out, text);
}

/// A value that is not a number: in quotes in JSON.
fn in_quotes(form: Form, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let quote: &[u8] = if form == Form::Json { b"\"" } else { b"" };
    out.extend_from_slice(quote);
    write(out);
    out.extend_from_slice(quote);
}

#[cfg(test)]
mod tests;
