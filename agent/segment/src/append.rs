//! Appending: the columns that a later table of an output must have. The first table fixes names and types; later
//! columns are matched by name and converted where nothing is lost. The host checks the outputs of runs against this,
//! the client those of dry runs.

use crate::plain::{Side, bare, plain_array, plain_schema};
use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};
use arrow_cast::{CastOptions, can_cast_types, cast_with_options};
use arrow_schema::{DECIMAL128_MAX_PRECISION, DECIMAL256_MAX_PRECISION, DataType, Field, Schema, SchemaRef};
use std::sync::Arc;

/// The columns of an output, by its first table: each plain, and with room for nulls. A column that holds nothing yet
/// is text.
#[must_use]
pub fn first_schema(schema: &Schema) -> SchemaRef {
    let plain = plain_schema(schema, Side::Output);
    // Later tables may have nulls where this one has none.
    let fields = plain.fields().iter().map(|field| Arc::new(field.as_ref().clone().with_nullable(true)));
    Arc::new(Schema::new_with_metadata(fields.collect::<Vec<_>>(), plain.metadata().clone()))
}

/// The columns of an output with decimals that hold a later table's too; `None` where they hold them already, or none
/// would.
#[must_use]
pub fn widened(output: &Schema, table: &Schema) -> Option<SchemaRef> {
    let mut wider = false;
    let fields = output.fields().iter().map(|field| {
        let later = table.field_with_name(field.name()).ok().map(|later| wide(field.data_type(), later.data_type()));
        match later.flatten() {
            Some(data_type) if data_type != *field.data_type() => {
                wider = true;
                Arc::new(field.as_ref().clone().with_data_type(data_type))
            }
            _ => Arc::clone(field),
        }
    });
    let fields: Vec<_> = fields.collect();
    wider.then(|| Arc::new(Schema::new_with_metadata(fields, output.metadata().clone())))
}

/// The decimal that holds every value of two; `None` where one of them is something else, or 76 digits are too few.
fn wide(one: &DataType, other: &DataType) -> Option<DataType> {
    let digits = |data_type: &DataType| match data_type {
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale)
        | DataType::Decimal256(precision, scale) => {
            Some((i16::from(*precision) - i16::from(*scale), i16::from(*scale)))
        }
        _ => None,
    };
    let ((before, after), (later_before, later_after)) = (digits(one)?, digits(other)?);
    let scale = after.max(later_after);
    let precision = u8::try_from(before.max(later_before) + scale).ok()?;
    let scale = i8::try_from(scale).ok()?;
    let is_wide = matches!(one, DataType::Decimal256(..)) || matches!(other, DataType::Decimal256(..));
    match precision {
        0..=DECIMAL128_MAX_PRECISION if !is_wide => Some(DataType::Decimal128(precision, scale)),
        0..=DECIMAL256_MAX_PRECISION => Some(DataType::Decimal256(precision, scale)),
        _ => None,
    }
}

/// For each column of the output, the column of a later table that it is read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matching(Vec<usize>);

impl Matching {
    /// Matches a table's columns to an output's.
    ///
    /// # Errors
    /// If columns are missing or new, with their names.
    pub fn new(output: &Schema, table: &Schema) -> Result<Self, String> {
        let same = |(a, b): (&Arc<Field>, &Arc<Field>)| a.name() == b.name();
        if output.fields().len() == table.fields().len() && output.fields().iter().zip(table.fields()).all(same) {
            return Ok(Self((0..output.fields().len()).collect()));
        }
        let missing: Vec<_> = output.fields().iter().filter(|field| table.index_of(field.name()).is_err()).collect();
        let extra: Vec<_> = table.fields().iter().filter(|field| output.index_of(field.name()).is_err()).collect();
        if missing.is_empty() && extra.is_empty() {
            let indexes = output.fields().iter().map(|field| table.index_of(field.name()));
            return indexes.collect::<Result<_, _>>().map(Self).map_err(|error| error.to_string());
        }
        let names = |fields: &[&Arc<Field>]| {
            fields.iter().map(|field| format!("`{}`", field.name())).collect::<Vec<_>>().join(", ")
        };
        let mut reason = "its columns differ from those written before:".to_owned();
        if !missing.is_empty() {
            reason.push_str(&format!(" {} missing", names(&missing)));
        }
        if !extra.is_empty() {
            let comma = if missing.is_empty() { "" } else { "," };
            reason.push_str(&format!("{comma} {} new", names(&extra)));
        }
        Err(reason)
    }

    /// Whether every batch of the table fits the output, so that applying this cannot fail.
    #[must_use]
    pub fn is_certain(&self, output: &Schema, table: &Schema) -> bool {
        let plain = plain_schema(table, Side::Output);
        self.0.iter().zip(output.fields()).all(|(index, field)| {
            plain.field(*index).data_type() == field.data_type() || *table.field(*index).data_type() == DataType::Null
        })
    }

    /// Whether a batch of the table is one of the output as it is, with every byte where it should be.
    #[must_use]
    pub fn is_same(&self, output: &Schema, table: &Schema) -> bool {
        table.fields().len() == output.fields().len()
            && self.0.iter().enumerate().all(|(place, index)| place == *index)
            && table.fields().iter().zip(output.fields()).all(|(one, other)| one.data_type() == other.data_type())
    }

    /// Brings a batch into the output's order and types.
    ///
    /// # Errors
    /// If a column does not fit, with its name and both types.
    pub fn apply(&self, output: &SchemaRef, batch: &RecordBatch) -> Result<RecordBatch, String> {
        let columns = self.0.iter().zip(output.fields()).map(|(index, field)| convert(batch.column(*index), field));
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        RecordBatch::try_new_with_options(Arc::clone(output), columns, &options).map_err(|error| error.to_string())
    }
}

fn convert(column: &ArrayRef, field: &Field) -> Result<ArrayRef, String> {
    let (from, to) = (column.data_type(), field.data_type());
    if from == to {
        return Ok(Arc::clone(column));
    }
    let named = |reason: String| format!("column `{}`: {reason}", field.name());
    let plain = plain_schema(&Schema::new(vec![Field::new("", from.clone(), true)]), Side::Output);
    let plain_type = plain.field(0).data_type();
    let column = plain_array(column, plain_type).map_err(|error| named(bare(&error)))?;
    if plain_type == to {
        return Ok(column);
    }
    if *from == DataType::Null {
        return Ok(new_null_array(to, column.len()));
    }
    let lossy = || {
        format!(
            "column `{}` is {from}, but was {to} in the tables written before, and not every value fits",
            field.name()
        )
    };
    if !can_cast_types(plain_type, to) || !can_cast_types(to, plain_type) {
        return Err(lossy());
    }
    let strict = CastOptions { safe: false, ..CastOptions::default() };
    let cast = cast_with_options(&column, to, &strict).map_err(|_| lossy())?;
    // Not every lossy cast fails: 1.5 becomes 1. Casting back must return the original values.
    let back = cast_with_options(&cast, plain_type, &strict).map_err(|_| lossy())?;
    if back == column { Ok(cast) } else { Err(lossy()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::{Float64Array, Int64Array, StringArray};

    fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
        RecordBatch::try_from_iter(columns).unwrap()
    }

    #[test]
    fn columns_are_matched_by_name_and_converted_without_loss() {
        let integers = || Arc::new(Int64Array::from(vec![1, 2])) as ArrayRef;
        let text = || Arc::new(StringArray::from(vec!["a", "b"])) as ArrayRef;
        let first = batch(vec![("n", integers()), ("t", text())]);
        let output = first_schema(&first.schema());
        let decimals = |values: Vec<f64>| Arc::new(Float64Array::from(values)) as ArrayRef;
        let second = batch(vec![("t", text()), ("n", decimals(vec![3.0, 4.0]))]);
        let matching = Matching::new(&output, &second.schema()).unwrap();
        let converted = matching.apply(&output, &second).unwrap();
        assert_eq!(converted.column(0).as_ref(), &Int64Array::from(vec![3, 4]));
        let lossy = batch(vec![("t", text()), ("n", decimals(vec![3.5, 4.0]))]);
        assert_eq!(
            matching.apply(&output, &lossy).unwrap_err(),
            "column `n` is Float64, but was Int64 in the tables written before, and not every value fits"
        );
    }

    #[test]
    fn different_columns_are_named() {
        let integers = || Arc::new(Int64Array::from(vec![1])) as ArrayRef;
        let output = first_schema(&batch(vec![("a", integers()), ("b", integers())]).schema());
        let table = batch(vec![("a", integers()), ("c", integers()), ("d", integers())]);
        assert_eq!(
            Matching::new(&output, &table.schema()).unwrap_err(),
            "its columns differ from those written before: `b` missing, `c`, `d` new"
        );
    }

    #[test]
    fn decimals_widen_to_hold_what_comes_later() {
        let schema = |data_type| Schema::new(vec![Field::new("d", data_type, true)]);
        let wide = |one, other| widened(&schema(one), &schema(other)).map(|schema| schema.field(0).data_type().clone());
        use DataType::{Decimal128, Decimal256};
        assert_eq!(wide(Decimal128(3, 2), Decimal128(7, 3)), Some(Decimal128(7, 3)));
        assert_eq!(wide(Decimal128(7, 1), Decimal128(7, 3)), Some(Decimal128(9, 3)));
        assert_eq!(wide(Decimal128(9, 3), Decimal128(2, 0)), None);
        assert_eq!(wide(Decimal128(38, 0), Decimal128(10, 10)), Some(Decimal256(48, 10)));
        assert_eq!(wide(Decimal256(76, 0), Decimal128(10, 10)), None);
        assert_eq!(wide(Decimal128(9, 3), DataType::Int64), None);
    }
}
