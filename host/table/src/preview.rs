//! Takes the first rows of a table as short texts. Long values are formatted up to their limit only.

use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_schema::{DataType, Schema};
use longshore_model::table::Preview;
use std::fmt::{self, Write};

/// A preview of a table with these columns, without rows.
#[must_use]
pub fn preview_of(schema: &Schema) -> Preview {
    let mut preview = Preview::default();
    preview.columns = schema.fields().iter().take(Preview::COLUMNS).map(|field| short(field.name())).collect();
    preview.more_columns = schema.fields().len() - preview.columns.len();
    preview
}

/// Adds the first rows of a batch, as far as the preview has room, if it has the columns of the previewed table in their
/// order.
pub fn add_rows(preview: &mut Preview, table: &Schema, batch: &RecordBatch) {
    let room = Preview::ROWS.saturating_sub(preview.rows.len());
    if room == 0 || !have_same_names(table, &batch.schema()) {
        return;
    }
    for row in 0..batch.num_rows().min(room) {
        let cells = batch.columns().iter().take(Preview::COLUMNS).map(|column| text_of(column, row));
        preview.rows.push(cells.collect());
    }
}

fn have_same_names(one: &Schema, other: &Schema) -> bool {
    one.fields().iter().map(|field| field.name()).eq(other.fields().iter().map(|field| field.name()))
}

fn text_of(column: &ArrayRef, row: usize) -> Option<String> {
    if column.is_null(row) || *column.data_type() == DataType::Null {
        return None;
    }
    let options = FormatOptions::default().with_display_error(true);
    let formatter = ArrayFormatter::try_new(column.as_ref(), &options).ok()?;
    Some(short(formatter.value(row)))
}

/// The beginning of a text, marked if it is cut.
fn short(value: impl fmt::Display) -> String {
    let mut short = Short { text: String::new(), is_cut: false };
    // The error is the end of its room.
    let _ = write!(short, "{value}");
    if short.is_cut {
        short.text.push('…');
    }
    short.text
}

struct Short {
    text: String,
    is_cut: bool,
}

impl Write for Short {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = Preview::CELL_BYTES - self.text.len();
        if text.len() <= room {
            self.text.push_str(text);
            return Ok(());
        }
        let end = (0..=room).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
        self.text.push_str(&text[..end]);
        self.is_cut = true;
        Err(fmt::Error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::{Int64Array, ListArray, StringArray, types::Int64Type};
    use std::sync::Arc;

    #[test]
    fn a_preview_is_small_however_large_the_table() {
        let wide: Vec<(String, ArrayRef)> = (0..100)
            .map(|number| (format!("c{number}"), Arc::new(Int64Array::from(vec![number; 50])) as ArrayRef))
            .collect();
        let batch = RecordBatch::try_from_iter(wide).unwrap();
        let mut preview = preview_of(&batch.schema());
        let schema = batch.schema();
        add_rows(&mut preview, &schema, &batch.slice(0, 2));
        let reversed = batch.project(&(0..100).rev().collect::<Vec<_>>()).unwrap();
        add_rows(&mut preview, &schema, &reversed);
        assert_eq!(preview.rows.len(), 2);
        add_rows(&mut preview, &batch.schema(), &batch);
        assert_eq!((preview.columns.len(), preview.more_columns, preview.rows.len()), (40, 60, 5));
        assert!(preview.rows.iter().all(|row| row.len() == 40 && row[39].as_deref() == Some("39")));
    }

    #[test]
    fn long_values_are_cut_between_characters_and_missing_ones_have_no_text() {
        let text: ArrayRef = Arc::new(StringArray::from(vec![Some("ü".repeat(1 << 20)), None, Some(String::new())]));
        let lists: ArrayRef = Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>(vec![
            Some(vec![Some(1); 1 << 20]),
            Some(vec![Some(1), None]),
            None,
        ]));
        let batch = RecordBatch::try_from_iter([("x".repeat(500), text), ("lists".into(), lists)]).unwrap();
        let mut preview = preview_of(&batch.schema());
        add_rows(&mut preview, &batch.schema(), &batch);
        assert_eq!(preview.columns[0], format!("{}…", "x".repeat(120)));
        assert_eq!(preview.rows[0][0], Some(format!("{}…", "ü".repeat(60))));
        assert!(preview.rows[0][1].as_deref().is_some_and(|list| list.starts_with("[1, 1") && list.len() <= 123));
        assert_eq!(preview.rows[1], [None, Some("[1, ]".into())]);
        assert_eq!(preview.rows[2], [Some(String::new()), None]);
    }
}
