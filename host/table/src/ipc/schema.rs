//! Checks that every column in the schema of an Arrow file or stream has a type that Arrow's reader knows. The reader
//! would panic otherwise, without naming the column.

use super::fault::Fault;
use arrow_ipc::convert::fb_to_schema;
use arrow_ipc::{Endianness, Field, KeyValue, Precision, Type};
use arrow_schema::{Schema, SchemaRef};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::sync::Arc;

/// Bytes of texts that several columns may share in one place: libraries write separate texts for each column.
const SHARED_MAX: usize = 64 << 20;

/// Maximum number of columns of a schema, including nested ones: each takes about 200 bytes in memory, so that all take
/// 200 MiB.
const FIELDS_MAX: usize = 1_000_000;

/// Checks a schema and converts it.
///
/// # Errors
/// The invalid column, and the cause.
pub(super) fn checked(schema: arrow_ipc::Schema<'_>) -> Result<SchemaRef, Fault> {
    if schema.endianness() != Endianness::Little {
        let reason = "its big-endian byte order is not supported: write it again on a little-endian machine, or as \
                      Parquet";
        return Err(Fault::Unreadable(reason.into()));
    }
    let fields = schema.fields().ok_or("its schema has no fields")?;
    let mut left = (schema._tab.buf().len() + SHARED_MAX, FIELDS_MAX);
    let mut takes = pairs(schema.custom_metadata(), &mut left).is_some();
    takes = takes && fields.iter().all(|field| texts(field, &mut left).is_some());
    if !takes {
        return Err("its schema has more columns, or longer texts, than it has bytes".into());
    }
    for field in fields {
        check(field, field.name().unwrap_or_default())?;
    }
    Ok(Arc::new(fb_to_schema(schema)))
}

/// Checks the schema that a Parquet file's writer left in its metadata, which Arrow's reader trusts.
///
/// # Errors
/// As [`checked`].
pub(crate) fn check_embedded(encoded: &str) -> Result<Option<Schema>, Fault> {
    let Ok(bytes) = STANDARD.decode(encoded.trim()) else { return Ok(None) };
    let message = match bytes.get(..4) {
        Some([0xff, 0xff, 0xff, 0xff]) => bytes.get(8..),
        _ => bytes.get(4..),
    };
    let Some(Ok(message)) = message.map(arrow_ipc::root_as_message) else { return Ok(None) };
    let Some(schema) = message.header_as_schema() else { return Ok(None) };
    checked(schema).map(|schema| Some(schema.as_ref().clone()))
}

/// Subtracts a column, its texts and those of its nested columns from the columns and bytes left. A schema may refer to
/// one place many times, and each reference becomes a text or a column of its own.
fn texts(field: Field<'_>, left: &mut (usize, usize)) -> Option<()> {
    left.1 = left.1.checked_sub(1)?;
    let zone = field.type_as_timestamp().and_then(|time| time.timezone()).map_or(0, str::len);
    left.0 = left.0.checked_sub(field.name().map_or(0, str::len) + zone)?;
    pairs(field.custom_metadata(), left)?;
    field.children().into_iter().flatten().try_for_each(|child| texts(child, left))
}

type Pairs<'a> = flatbuffers::Vector<'a, flatbuffers::ForwardsUOffset<KeyValue<'a>>>;

fn pairs(pairs: Option<Pairs<'_>>, left: &mut (usize, usize)) -> Option<()> {
    for pair in pairs.into_iter().flatten() {
        let length = pair.key().map_or(0, str::len) + pair.value().map_or(0, str::len);
        left.0 = left.0.checked_sub(length)?;
    }
    Some(())
}

fn check(field: Field<'_>, path: &str) -> Result<(), Fault> {
    let refused = |what: String| {
        let reason =
            format!("column `{path}` is {what}, which is not supported: convert it first, to text or to a decimal");
        Err(Fault::Unreadable(reason))
    };
    let broken = |what: &str| Err(Fault::Damaged(format!("column `{path}` is {what}, but its schema is incomplete")));
    let children = field.children().map_or(0, |children| children.len());
    let needs = |count: usize, what: &str| if children == count { Ok(()) } else { broken(what) };
    match field.type_type() {
        Type::Int => match field.type_as_int() {
            Some(int) if matches!(int.bitWidth(), 8 | 16 | 32 | 64) => {}
            Some(int) => return refused(format!("an integer of {} bits", int.bitWidth())),
            None => return broken("an integer"),
        },
        Type::FloatingPoint => match field.type_as_floating_point() {
            Some(float) if matches!(float.precision(), Precision::HALF | Precision::SINGLE | Precision::DOUBLE) => {}
            _ => return broken("a floating-point number"),
        },
        Type::Decimal => match field.type_as_decimal() {
            Some(decimal) if matches!(decimal.bitWidth(), 32 | 64 | 128 | 256) => {
                let digits = decimal.precision();
                let most = match decimal.bitWidth() {
                    32 => 9,
                    64 => 18,
                    128 => 38,
                    _ => 76,
                };
                if !(1..=most).contains(&digits) || decimal.scale().unsigned_abs() > 76 {
                    return broken(&format!("a decimal of {digits} digits"));
                }
            }
            Some(decimal) => return refused(format!("a decimal of {} bits", decimal.bitWidth())),
            None => return broken("a decimal"),
        },
        Type::FixedSizeBinary => {
            if field.type_as_fixed_size_binary().is_none_or(|binary| binary.byteWidth() < 0) {
                return broken("bytes of a fixed size");
            }
        }
        Type::FixedSizeList => {
            needs(1, "a list of a fixed size")?;
            if field.type_as_fixed_size_list().is_none_or(|list| list.listSize() < 0) {
                return broken("a list of a fixed size");
            }
        }
        Type::Time => match field.type_as_time() {
            Some(time) if matches!((time.bitWidth(), time.unit().0), (32, 0 | 1) | (64, 2 | 3)) => {}
            _ => return broken("a time of day"),
        },
        Type::List | Type::LargeList | Type::ListView | Type::LargeListView => needs(1, "a list")?,
        Type::Map => {
            needs(1, "a map")?;
            let pairs = field.children().map(|children| children.get(0));
            let parts = pairs.and_then(|pairs| pairs.children()).map_or(0, |parts| parts.len());
            if parts != 2 || pairs.is_none_or(|pairs| pairs.type_type() != Type::Struct_) {
                return broken("a map");
            }
        }
        Type::RunEndEncoded => needs(2, "run-end encoded")?,
        Type::Union => {
            let ids = field.type_as_union().and_then(|union| union.typeIds());
            let wrong = ids.is_some_and(|ids| ids.len() != children || ids.iter().any(|id| !(0..=127).contains(&id)));
            if children > 128 || wrong || field.type_as_union().is_none() {
                return broken("a union");
            }
        }
        Type::Null
        | Type::Bool
        | Type::Binary
        | Type::LargeBinary
        | Type::BinaryView
        | Type::Utf8
        | Type::LargeUtf8
        | Type::Utf8View
        | Type::Date
        | Type::Timestamp
        | Type::Duration
        | Type::Interval
        | Type::Struct_ => {}
        other => return refused(format!("of the type {other:?}")),
    }
    if let Some(keys) = field.dictionary().and_then(|dictionary| dictionary.indexType())
        && !matches!(keys.bitWidth(), 8 | 16 | 32 | 64)
    {
        return refused(format!("a dictionary with keys of {} bits", keys.bitWidth()));
    }
    for child in field.children().into_iter().flatten() {
        check(child, &format!("{path}.{}", child.name().unwrap_or_default()))?;
    }
    Ok(())
}
