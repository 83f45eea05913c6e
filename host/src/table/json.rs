//! NDJSON: one object a line. A first pass checks every line and finds the columns' types, text that is all dates
//! among them; Arrow's reader does the rest.

use super::cell::Kind;
use super::error::TableError;
use super::live::Patience;
use arrow_array::RecordBatch;
use arrow_json::reader::{Decoder, infer_json_schema_from_iterator};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use serde_json::Value;
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Reads the whole text once. Returns the columns and the number of rows.
pub(crate) fn scan(path: &Path, text: impl BufRead) -> Result<(SchemaRef, u64), TableError> {
    let mut rows = 0;
    let mut texts: HashMap<String, Kind> = HashMap::new();
    let mut failure = None;
    let lines = text.lines().enumerate().filter_map(|(index, line)| {
        let row = line.map_err(|source| TableError::Read { path: path.to_owned(), source });
        match row.and_then(|line| parse(path, index as u64 + 1, &line)) {
            Ok(Some(row)) => {
                rows += 1;
                note_texts(&row, &mut texts);
                Some(Ok(row))
            }
            Ok(None) => None,
            Err(error) => {
                failure = Some(error);
                Some(Err(ArrowError::ComputeError("stopped".into())))
            }
        }
    });
    let inferred = infer_json_schema_from_iterator(lines);
    if let Some(error) = failure {
        return Err(error);
    }
    let schema = inferred.map_err(|source| TableError::Arrow { path: path.to_owned(), source })?;
    if rows == 0 {
        return Err(TableError::Empty { path: path.to_owned() });
    }
    let dated = |field: &Arc<Field>| match (field.data_type(), texts.get(field.name())) {
        (DataType::Utf8, Some(kind @ (Kind::Date | Kind::Naive | Kind::Zoned))) => {
            Arc::new(field.as_ref().clone().with_data_type(kind.data_type()))
        }
        // A column that was null throughout holds text, as an empty CSV column does.
        (DataType::Null, _) => Arc::new(field.as_ref().clone().with_data_type(DataType::Utf8)),
        _ => Arc::clone(field),
    };
    Ok((Arc::new(Schema::new(schema.fields().iter().map(dated).collect::<Vec<_>>())), rows))
}

/// The rows of a text that is still being made: a batch ends where the next row would have to be waited for.
pub(crate) struct LiveBatches<R> {
    path: PathBuf,
    decoder: Decoder,
    text: BufReader<R>,
    patience: Patience,
    used: u64,
}

impl<R: Read> LiveBatches<R> {
    pub(crate) fn new(path: &Path, decoder: Decoder, text: R, patience: Patience) -> Self {
        Self { path: path.to_owned(), decoder, text: BufReader::new(text), patience, used: 0 }
    }

    fn read(&mut self) -> Result<Option<RecordBatch>, TableError> {
        let damaged = |error: ArrowError| TableError::Damaged { path: self.path.clone(), reason: error.to_string() };
        loop {
            let between_rows = !self.decoder.is_empty() && !self.decoder.has_partial_record();
            if between_rows && self.patience.would_wait(self.used) {
                return self.decoder.flush().map_err(damaged);
            }
            let bytes = self.text.fill_buf();
            let bytes = bytes.map_err(|source| TableError::Read { path: self.path.clone(), source })?;
            let available = bytes.len();
            let decoded = self.decoder.decode(bytes).map_err(damaged)?;
            self.text.consume(decoded);
            self.used += decoded as u64;
            // A decoder that takes no more has a whole batch.
            if available == 0 || decoded < available {
                return self.decoder.flush().map_err(damaged);
            }
        }
    }
}

impl<R: Read> Iterator for LiveBatches<R> {
    type Item = Result<RecordBatch, TableError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}

fn parse(path: &Path, line: u64, text: &str) -> Result<Option<Value>, TableError> {
    let text = if line == 1 { text.trim_start_matches('\u{feff}') } else { text };
    if text.trim().is_empty() {
        return Ok(None);
    }
    let wrong = |reason| TableError::Line { path: path.to_owned(), line, reason };
    match serde_json::from_str(text) {
        Ok(row @ Value::Object(_)) => Ok(Some(row)),
        Ok(_) => Err(wrong("it is no JSON object".into())),
        Err(error) => Err(wrong(format!("it is no JSON: {} (column {})", short(&error), error.column()))),
    }
}

/// What the JSON reader said, without the line number of its own.
fn short(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or_default().to_owned()
}

fn note_texts(row: &Value, texts: &mut HashMap<String, Kind>) {
    for (name, value) in row.as_object().into_iter().flatten() {
        let Value::String(text) = value else { continue };
        // Numbers in quotes are text: whoever quoted them meant it.
        let as_date = |kind: Kind| match kind.with(text) {
            kind @ (Kind::Nothing | Kind::Date | Kind::Naive | Kind::Zoned) if !text.is_empty() => kind,
            _ => Kind::Text,
        };
        match texts.get_mut(name) {
            Some(kind) => *kind = as_date(*kind),
            None => drop(texts.insert(name.clone(), as_date(Kind::Nothing))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_lines_are_named() {
        let error = |text: &str| scan(Path::new("x.ndjson"), text.as_bytes()).unwrap_err().to_string();
        assert_eq!(error("{\"a\":1}\n\n[1]\n"), "`x.ndjson`, line 3: it is no JSON object");
        assert_eq!(error("{\"a\":1}\n{\"a\":}\n"), "`x.ndjson`, line 2: it is no JSON: expected value (column 6)");
        assert_eq!(error("\n"), "`x.ndjson` is empty: it has no bytes, not even a header");
    }

    #[test]
    fn text_that_is_all_dates_is_dates() {
        let text = "{\"d\":\"2024-01-31\",\"n\":\"1\",\"m\":\"x\"}\n{\"d\":null,\"n\":\"2\",\"m\":\"2024-01-31\"}\n";
        let (schema, rows) = scan(Path::new("x.ndjson"), text.as_bytes()).unwrap();
        let types: HashMap<_, _> =
            schema.fields().iter().map(|field| (field.name().as_str(), field.data_type().clone())).collect();
        assert_eq!(rows, 2);
        assert_eq!(types["d"], DataType::Date32);
        assert_eq!(types["n"], DataType::Utf8);
        assert_eq!(types["m"], DataType::Utf8);
    }
}
