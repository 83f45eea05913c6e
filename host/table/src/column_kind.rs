//! The kinds of Arrow's types, readable names of column types, and schemas whose columns may have no type.

use arrow_schema::{DataType, Field, Schema, SchemaRef};
use longshore_model::table::{Column, ColumnKind};
use std::sync::Arc;

/// The kind of a type.
pub fn kind_of(data_type: &DataType) -> ColumnKind {
    match data_type {
        DataType::Dictionary(_, values) => kind_of(values),
        DataType::RunEndEncoded(_, values) => kind_of(values.data_type()),
        DataType::Null => ColumnKind::Nothing,
        DataType::Boolean => ColumnKind::Boolean,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => ColumnKind::Text,
        DataType::Date32 | DataType::Date64 => ColumnKind::Date,
        DataType::Timestamp(_, None) => ColumnKind::Naive,
        DataType::Timestamp(_, Some(_)) => ColumnKind::Zoned,
        DataType::Time32(_) | DataType::Time64(_) => ColumnKind::TimeOfDay,
        DataType::Duration(_) | DataType::Interval(_) => ColumnKind::Span,
        DataType::Struct(_) | DataType::Map(..) => ColumnKind::Structure,
        other if other.is_integer() => ColumnKind::Integer,
        other if other.is_floating() || other.is_decimal() => ColumnKind::Decimal,
        other if other.is_nested() => ColumnKind::List,
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
            ColumnKind::Binary
        }
        _ => ColumnKind::Other,
    }
}

/// A schema in which columns without a value have no type: they are read as text, but may be of any type.
pub(super) fn without_type(schema: &Schema, has_none: impl Fn(usize) -> bool) -> SchemaRef {
    let fields = schema.fields().iter().enumerate().map(|(index, field)| match has_none(index) {
        true => Arc::new(field.as_ref().clone().with_data_type(DataType::Null)),
        false => Arc::clone(field),
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// A readable name of a type, and Arrow's name.
pub fn in_words(data_type: &DataType) -> String {
    format!("{} ({data_type})", kind_of(data_type))
}

/// The columns of a schema.
#[must_use]
pub fn columns(schema: &Schema) -> Vec<Column> {
    let column = |field: &Arc<Field>| Column {
        name: field.name().clone(),
        kind: kind_of(field.data_type()),
        type_in_words: in_words(field.data_type()),
    };
    schema.fields().iter().map(column).collect()
}
