//! Checks declared columns against a table whose format stores the types. For text, the declaration determines how it
//! is read, and the reader checks it.

use super::column_kind::{in_words, kind_of};
use arrow_schema::Schema;
use longshore_model::hint::did_you_mean;
use longshore_model::table::ColumnType;
use std::collections::BTreeMap;

/// The name for all columns without a declaration of their own.
pub(super) const OTHERS: &str = "*";

/// Names of columns that an error shows.
const NAMES_SHOWN: usize = 20;

/// Checks that a table has the declared columns with the declared types.
///
/// # Errors
/// Every difference from the declaration.
pub fn check_columns(schema: &Schema, declared: &BTreeMap<String, ColumnType>) -> Result<(), String> {
    let names = || schema.fields().iter().map(|field| field.name().as_str());
    let lacking = declared.keys().filter(|name| *name != OTHERS && !names().any(|known| known == *name));
    let mut wrong: Vec<String> = lacking.map(|name| not_among(name, names())).collect();
    for field in schema.fields() {
        let wanted = declared.get(field.name()).or_else(|| declared.get(OTHERS));
        if let Some(wanted) = wanted.filter(|wanted| !wanted.holds(kind_of(field.data_type()))) {
            let (name, found) = (field.name(), in_words(field.data_type()));
            wrong.push(format!("column `{name}` is {found}, expected {}", wanted.name()));
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("; ")) }
}

/// The error for an absent column, with the names of the columns.
pub(super) fn not_among<'a>(name: &str, names: impl Iterator<Item = &'a str> + Clone) -> String {
    let near = did_you_mean(name, names.clone());
    let shown: Vec<String> = names.clone().take(NAMES_SHOWN).map(|name| format!("`{name}`")).collect();
    let more = if names.count() > NAMES_SHOWN { ", …" } else { "" };
    format!("there is no column `{name}`: the table has {}{more}{near}", shown.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_schema::{DataType, Field, TimeUnit};

    /// Types of Arrow, each with the types that a column of it may be declared to have.
    fn kinds() -> Vec<(DataType, &'static [&'static str])> {
        let coded = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
        let zoned = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        vec![
            (DataType::Utf8, &["text"]),
            (DataType::LargeUtf8, &["text"]),
            (DataType::Utf8View, &["text"]),
            (coded, &["text"]),
            (DataType::Int8, &["integer", "number"]),
            (DataType::UInt64, &["integer", "number"]),
            (DataType::Float32, &["number"]),
            (DataType::Decimal128(10, 2), &["number"]),
            (DataType::Boolean, &["boolean"]),
            (DataType::Date32, &["date"]),
            (DataType::Timestamp(TimeUnit::Nanosecond, None), &["time"]),
            (zoned, &["time"]),
            (DataType::Null, &ColumnType::NAMES),
            (DataType::Time64(TimeUnit::Microsecond), &[]),
            (DataType::Binary, &[]),
            (DataType::new_list(DataType::Utf8, true), &[]),
        ]
    }

    fn declared(columns: &[(&str, &str)]) -> BTreeMap<String, ColumnType> {
        let column =
            |(name, kind): &(&str, &str)| ((*name).to_owned(), ColumnType::try_from((*kind).to_owned()).unwrap());
        columns.iter().map(column).collect()
    }

    #[test]
    fn each_type_is_of_its_kind_alone() {
        for (data_type, kinds) in kinds() {
            let schema = Schema::new(vec![Field::new("a", data_type.clone(), true)]);
            for kind in ColumnType::NAMES {
                for name in ["a", OTHERS] {
                    let checked = check_columns(&schema, &declared(&[(name, kind)]));
                    assert_eq!(checked.is_ok(), kinds.contains(&kind), "{data_type} as {kind}: {checked:?}");
                }
            }
        }
    }

    #[test]
    fn all_that_is_not_as_declared_is_told() {
        let fields = [("zip", DataType::Int64), ("price", DataType::Utf8), ("when", DataType::Date32)];
        let schema = Schema::new(fields.map(|(name, data_type)| Field::new(name, data_type, true)).to_vec());
        assert_eq!(check_columns(&schema, &declared(&[("when", "date:%d.%m.%Y"), ("zip", "number")])), Ok(()));
        assert_eq!(
            check_columns(&schema, &declared(&[("zip", "text"), ("prise", "number"), ("*", "date")])).unwrap_err(),
            "there is no column `prise`: the table has `zip`, `price`, `when`: did you mean `price`?; column `zip` is \
             integer (Int64), expected text; column `price` is text (Utf8), expected date"
        );
    }
}
