//! Plain columns: Arrow has several layouts for the same values, and not every reader knows all of them. Each type has
//! one plain equivalent here, and an array is converted to it without changing a value. The rules for later tables of
//! an output are in `append.rs`.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowDictionaryKeyType, BinaryType, ByteArrayType, Int32Type, LargeBinaryType, LargeUtf8Type, RunEndIndexType,
    Utf8Type,
};
use arrow_array::{
    Array, ArrayRef, DictionaryArray, FixedSizeListArray, GenericByteArray, GenericListArray, MapArray,
    OffsetSizeTrait, RecordBatch, RecordBatchOptions, RunArray, StructArray, UInt32Array, UnionArray,
    downcast_dictionary_array, make_array, new_null_array,
};
use arrow_buffer::{ArrowNativeType, MutableBuffer, OffsetBuffer, ScalarBuffer};
use arrow_cast::{CastOptions, cast_with_options};
use arrow_schema::{ArrowError, DataType, Field, FieldRef, Schema, SchemaRef};
use std::collections::HashMap;
use std::sync::Arc;

/// The direction of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// To a script: a top-level column of categories stays one, with 32-bit keys.
    Input,
    /// From a script: categories are written as their values, and columns without a type as text.
    Output,
}

/// Field metadata that names an extension type.
const EXTENSION_NAME: &str = "ARROW:extension:name";

/// Further field metadata of an extension type.
const EXTENSION_METADATA: &str = "ARROW:extension:metadata";

/// The extension type of booleans with a byte each.
const BOOL8: &str = "arrow.bool8";

/// The plain schema of a table.
///
/// Views, list views and run-end encoded columns become what they show, at every depth; dictionaries their values,
/// but for text at the top level of an input; decimals of 32 and 64 bits those of 128; `arrow.bool8` booleans. Of an
/// input's metadata only extension types are kept.
#[must_use]
pub fn plain_schema(schema: &Schema, side: Side) -> SchemaRef {
    let fields: Vec<_> = schema.fields().iter().map(|field| plain_field(field, side, true)).collect();
    let metadata = if side == Side::Output { schema.metadata().clone() } else { HashMap::new() };
    Arc::new(Schema::new_with_metadata(fields, metadata))
}

fn plain_field(field: &Field, side: Side, top: bool) -> FieldRef {
    let mut metadata: HashMap<String, String> = field.metadata().clone();
    if side == Side::Input {
        metadata.retain(|key, _| matches!(key.as_str(), EXTENSION_NAME | EXTENSION_METADATA));
    }
    let is_bool8 =
        *field.data_type() == DataType::Int8 && metadata.get(EXTENSION_NAME).is_some_and(|name| name.as_str() == BOOL8);
    let data_type = if is_bool8 {
        metadata.retain(|key, _| !matches!(key.as_str(), EXTENSION_NAME | EXTENSION_METADATA));
        DataType::Boolean
    } else {
        plain_type(field.data_type(), side, top)
    };
    // A field without nulls may have some among the values of its dictionary or of its runs.
    let hidden = matches!(field.data_type(), DataType::Dictionary(..) | DataType::RunEndEncoded(..) | DataType::Null);
    Arc::new(Field::new(field.name(), data_type, field.is_nullable() || hidden).with_metadata(metadata))
}

fn plain_type(data_type: &DataType, side: Side, top: bool) -> DataType {
    let inner = |field: &FieldRef| plain_field(field, side, false);
    match data_type {
        DataType::Utf8View => DataType::Utf8,
        DataType::BinaryView => DataType::Binary,
        DataType::Decimal32(precision, scale) | DataType::Decimal64(precision, scale) => {
            DataType::Decimal128(*precision, *scale)
        }
        DataType::Dictionary(_, values) => match plain_type(values, side, false) {
            values @ (DataType::Utf8 | DataType::LargeUtf8) if top && side == Side::Input => {
                DataType::Dictionary(Box::new(DataType::Int32), Box::new(values))
            }
            values => values,
        },
        DataType::RunEndEncoded(_, values) => plain_field(values, side, top).data_type().clone(),
        DataType::Null if side == Side::Output => DataType::Utf8,
        DataType::List(field) | DataType::ListView(field) => DataType::List(inner(field)),
        DataType::LargeList(field) | DataType::LargeListView(field) => DataType::LargeList(inner(field)),
        DataType::FixedSizeList(field, size) => DataType::FixedSizeList(inner(field), *size),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(inner).collect()),
        DataType::Map(field, sorted) => DataType::Map(inner(field), *sorted),
        DataType::Union(fields, mode) => {
            DataType::Union(fields.iter().map(|(id, field)| (id, inner(field))).collect(), *mode)
        }
        other => other.clone(),
    }
}

/// A batch with the columns of its plain schema.
///
/// # Errors
/// If a column's values exceed its plain type, such as 2 GiB of text in one batch; the error names
/// the column.
pub fn plain_batch(schema: &SchemaRef, batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let columns = batch.columns().iter().zip(schema.fields()).map(|(column, field)| {
        plain_array(column, field.data_type())
            .map_err(|error| ArrowError::CastError(format!("column `{}`: {}", field.name(), bare(&error))))
    });
    let columns = columns.collect::<Result<Vec<_>, _>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)
}

/// An error's text without the kind that Arrow puts before it.
#[must_use]
pub fn bare(error: &ArrowError) -> String {
    let text = error.to_string();
    match text.split_once(": ") {
        Some((kind, rest)) if kind.ends_with(" error") => rest.to_owned(),
        _ => text,
    }
}

/// An array as its plain type, which `to` must be. No value changes.
///
/// # Errors
/// As [`plain_batch`].
pub fn plain_array(array: &ArrayRef, to: &DataType) -> Result<ArrayRef, ArrowError> {
    convert_leaves(array, to, &plain_leaf)
}

fn plain_leaf(array: &ArrayRef, to: &DataType) -> Result<ArrayRef, ArrowError> {
    match (array.data_type(), to) {
        (DataType::Null, _) => Ok(new_null_array(to, array.len())),
        (DataType::Utf8View, DataType::Utf8) => texts::<Utf8Type>(array),
        (DataType::Utf8View, DataType::LargeUtf8) => texts::<LargeUtf8Type>(array),
        (DataType::BinaryView, DataType::Binary) => bytes::<BinaryType>(array),
        (DataType::BinaryView, DataType::LargeBinary) => bytes::<LargeBinaryType>(array),
        (DataType::Dictionary(..), _) => dictionary(array, to),
        (DataType::RunEndEncoded(ends, _), _) => match ends.data_type() {
            DataType::Int16 => runs::<arrow_array::types::Int16Type>(array, to),
            DataType::Int32 => runs::<Int32Type>(array, to),
            _ => runs::<arrow_array::types::Int64Type>(array, to),
        },
        (DataType::ListView(field), DataType::List(_)) => {
            plain_array(&exact_cast(array, &DataType::List(Arc::clone(field)))?, to)
        }
        (DataType::LargeListView(field), DataType::LargeList(_)) => {
            plain_array(&exact_cast(array, &DataType::LargeList(Arc::clone(field)))?, to)
        }
        // Int8 of `arrow.bool8`, and small decimals.
        _ => exact_cast(array, to),
    }
}

/// An array as another type of the same nesting: `leaf` converts what is not nested, or nested differently, and is not
/// asked where the types are the same.
///
/// # Errors
/// Those of `leaf`.
pub fn convert_leaves(
    array: &ArrayRef,
    to: &DataType,
    leaf: &dyn Fn(&ArrayRef, &DataType) -> Result<ArrayRef, ArrowError>,
) -> Result<ArrayRef, ArrowError> {
    let from = array.data_type();
    if from == to {
        return Ok(Arc::clone(array));
    }
    let inner = |array: &ArrayRef, to: &DataType| convert_leaves(array, to, leaf);
    match (from, to) {
        (DataType::List(_), DataType::List(field)) => list::<i32>(array, field, &inner),
        (DataType::LargeList(_), DataType::LargeList(field)) => list::<i64>(array, field, &inner),
        (DataType::FixedSizeList(_, from), DataType::FixedSizeList(field, size)) if from == size => {
            let lists = array.as_fixed_size_list();
            let values = inner(lists.values(), field.data_type())?;
            let (field, nulls) = (Arc::clone(field), lists.nulls().cloned());
            Ok(Arc::new(FixedSizeListArray::try_new_with_length(field, *size, values, nulls, lists.len())?))
        }
        (DataType::Struct(from), DataType::Struct(fields)) if from.len() == fields.len() && !fields.is_empty() => {
            let structs = array.as_struct();
            let parts = structs.columns().iter().zip(fields).map(|(part, field)| inner(part, field.data_type()));
            let parts = parts.collect::<Result<Vec<_>, _>>()?;
            let nulls = structs.nulls().cloned();
            Ok(Arc::new(StructArray::try_new_with_length(fields.clone(), parts, nulls, structs.len())?))
        }
        (DataType::Map(..), DataType::Map(field, sorted)) => {
            let maps = array.as_map();
            // As of lists: only the entries of a slice.
            let (first, last) = (maps.offsets()[0].as_usize(), maps.offsets()[maps.len()].as_usize());
            let entries = Arc::new(maps.entries().slice(first, last - first)) as ArrayRef;
            let (entries, nulls) = (inner(&entries, field.data_type())?, maps.nulls().cloned());
            let offsets: Vec<i32> = maps.offsets().iter().map(|offset| *offset - maps.offsets()[0]).collect();
            let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
            Ok(Arc::new(MapArray::try_new(Arc::clone(field), offsets, entries.as_struct().clone(), nulls, *sorted)?))
        }
        (DataType::Union(from, _), DataType::Union(fields, _)) if from.len() == fields.len() => {
            let unions = array.as_union();
            let children = fields.iter().map(|(id, field)| inner(unions.child(id), field.data_type()));
            let children = children.collect::<Result<Vec<_>, _>>()?;
            let (ids, offsets) = (unions.type_ids().clone(), unions.offsets().cloned());
            Ok(Arc::new(UnionArray::try_new(fields.clone(), ids, offsets, children)?))
        }
        _ => leaf(array, to),
    }
}

fn exact_cast(array: &ArrayRef, to: &DataType) -> Result<ArrayRef, ArrowError> {
    cast_with_options(array, to, &CastOptions { safe: false, ..CastOptions::default() })
}

fn texts<T: ByteArrayType>(array: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let views = array.as_string_view();
    gather::<T>((0..views.len()).map(|row| if views.is_valid(row) { views.value(row).as_bytes() } else { &[] }), array)
}

fn bytes<T: ByteArrayType>(array: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let views = array.as_binary_view();
    gather::<T>((0..views.len()).map(|row| if views.is_valid(row) { views.value(row) } else { &[] }), array)
}

/// Texts or bytes side by side.
fn gather<'a, T: ByteArrayType>(
    values: impl Iterator<Item = &'a [u8]> + Clone,
    array: &ArrayRef,
) -> Result<ArrayRef, ArrowError> {
    let total: usize = values.clone().map(<[u8]>::len).sum();
    if T::Offset::from_usize(total).is_none() {
        return Err(ArrowError::CastError(format!("{total} bytes of text are too many for one batch")));
    }
    let mut offsets = Vec::with_capacity(array.len() + 1);
    let mut bytes = MutableBuffer::with_capacity(total);
    offsets.push(T::Offset::usize_as(0));
    for value in values {
        bytes.extend_from_slice(value);
        offsets.push(T::Offset::usize_as(bytes.len()));
    }
    let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
    Ok(Arc::new(GenericByteArray::<T>::try_new(offsets, bytes.into(), array.nulls().cloned())?))
}

fn list<O: OffsetSizeTrait>(
    array: &ArrayRef,
    field: &FieldRef,
    inner: &dyn Fn(&ArrayRef, &DataType) -> Result<ArrayRef, ArrowError>,
) -> Result<ArrayRef, ArrowError> {
    let lists = array.as_list::<O>();
    // Only the values of the slice, not those of the whole array.
    let (first, last) = (lists.offsets()[0].as_usize(), lists.offsets()[lists.len()].as_usize());
    let values = inner(&lists.values().slice(first, last - first), field.data_type())?;
    let offsets: Vec<O> = lists.offsets().iter().map(|offset| *offset - lists.offsets()[0]).collect();
    let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
    Ok(Arc::new(GenericListArray::<O>::try_new(Arc::clone(field), offsets, values, lists.nulls().cloned())?))
}

fn dictionary(array: &ArrayRef, to: &DataType) -> Result<ArrayRef, ArrowError> {
    downcast_dictionary_array! {
        array => match to {
            DataType::Dictionary(_, wanted) => categories(array, wanted),
            // The fewer are converted.
            _ if array.values().len() <= array.len() => {
                arrow_select::take::take(&plain_array(array.values(), to)?, array.keys(), None)
            }
            _ => plain_array(&arrow_select::take::take(array.values(), array.keys(), None)?, to),
        },
        _ => exact_cast(array, to)
    }
}

/// Categories with 32-bit keys, and without nulls among their values.
fn categories<K: ArrowDictionaryKeyType>(
    array: &DictionaryArray<K>,
    wanted: &DataType,
) -> Result<ArrayRef, ArrowError> {
    let values = plain_array(array.values(), wanted)?;
    let present: Option<Vec<Option<i32>>> = values.nulls().filter(|nulls| nulls.null_count() > 0).map(|nulls| {
        let mut next = -1;
        nulls
            .iter()
            .map(|valid| {
                valid.then(|| {
                    next += 1;
                    next
                })
            })
            .collect()
    });
    let Some(present) = present else {
        let keys =
            cast_with_options(array.keys(), &DataType::Int32, &CastOptions { safe: false, ..CastOptions::default() })?;
        let keys = keys.as_primitive::<Int32Type>().clone();
        return Ok(Arc::new(DictionaryArray::<Int32Type>::try_new(keys, values)?));
    };
    let kept = arrow_array::BooleanArray::from_iter(present.iter().map(|key| Some(key.is_some())));
    let values = arrow_select::filter::filter(&values, &kept)?;
    let key = |key: Option<usize>| key.and_then(|key| present.get(key).copied().flatten());
    let keys: arrow_array::Int32Array = (0..array.len()).map(|row| key(array.key(row))).collect();
    Ok(Arc::new(DictionaryArray::<Int32Type>::try_new(keys, values)?))
}

fn runs<R: RunEndIndexType>(array: &ArrayRef, to: &DataType) -> Result<ArrayRef, ArrowError> {
    let runs = array.as_any().downcast_ref::<RunArray<R>>();
    let runs = runs.ok_or_else(|| ArrowError::CastError("runs of another kind".into()))?;
    let rows: Vec<u32> =
        (0..u32::try_from(runs.len()).map_err(|_| ArrowError::CastError("too many rows".into()))?).collect();
    let physical = runs.get_physical_indices(&rows)?;
    let physical: UInt32Array = physical.into_iter().map(|index| u32::try_from(index).ok()).collect();
    let values = arrow_select::take::take(runs.values(), &physical, None)?;
    plain_array(&values, to)
}

/// Bytes that an array's values take once they are plain, or an upper bound of it.
#[must_use]
pub fn plain_bytes(array: &dyn Array) -> u64 {
    let length = array.len() as u64;
    match array.data_type() {
        DataType::Utf8View => views(array.as_string_view().views()),
        DataType::BinaryView => views(array.as_binary_view().views()),
        DataType::Dictionary(..) => array
            .as_any_dictionary_opt()
            .map_or(0, |categories| length.saturating_mul(4 + widest(categories.values().as_ref()))),
        DataType::RunEndEncoded(_, _) => {
            let data = array.to_data();
            let values = data.child_data().get(1).map(|values| make_array(values.clone()));
            values.map_or(0, |values| length.saturating_mul(widest(values.as_ref())))
        }
        DataType::List(_) => spanned(array.as_list::<i32>()),
        DataType::LargeList(_) => spanned(array.as_list::<i64>()),
        DataType::ListView(_) | DataType::LargeListView(_) => {
            let sum = |values: &ArrayRef, places: &mut dyn Iterator<Item = (usize, usize)>| {
                places.map(|(at, size)| 8 + plain_bytes(values.slice(at, size).as_ref())).sum()
            };
            if let Some(lists) = array.as_list_view_opt::<i32>() {
                let places = lists.offsets().iter().zip(lists.sizes());
                sum(lists.values(), &mut places.map(|(at, size)| (index(*at), index(*size))))
            } else {
                let lists = array.as_list_view::<i64>();
                let places = lists.offsets().iter().zip(lists.sizes());
                sum(lists.values(), &mut places.map(|(at, size)| (index(*at), index(*size))))
            }
        }
        DataType::FixedSizeList(..) => plain_bytes(array.as_fixed_size_list().values().as_ref()),
        DataType::Struct(_) => array.as_struct().columns().iter().map(|part| plain_bytes(part.as_ref())).sum(),
        DataType::Map(..) => {
            let maps = array.as_map();
            let (first, last) = (index(maps.offsets()[0]), index(maps.offsets()[maps.len()]));
            plain_bytes(&maps.entries().slice(first, last - first)) + 4 * length
        }
        _ => array.to_data().get_slice_memory_size().unwrap_or(usize::MAX) as u64,
    }
}

fn index(offset: impl TryInto<usize>) -> usize {
    offset.try_into().unwrap_or_default()
}

fn views(views: &[u128]) -> u64 {
    // A view's first 32 bits are its length.
    views.iter().map(|view| 4 + u64::try_from(view & u128::from(u32::MAX)).unwrap_or_default()).sum()
}

fn spanned<O: OffsetSizeTrait>(lists: &GenericListArray<O>) -> u64 {
    let (first, last) = (lists.offsets()[0].as_usize(), lists.offsets()[lists.len()].as_usize());
    plain_bytes(lists.values().slice(first, last - first).as_ref()) + 8 * lists.len() as u64
}

/// Bytes of the largest value.
fn widest(values: &dyn Array) -> u64 {
    let each = |row| plain_bytes(values.slice(row, 1).as_ref());
    match values.data_type().primitive_width() {
        Some(width) => width as u64,
        None => (0..values.len()).map(each).max().unwrap_or(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::{
        BinaryViewArray, BooleanArray, Int8Array, Int32Array, ListViewArray, NullArray, StringArray, StringViewArray,
        UInt64Array,
    };

    fn of(array: ArrayRef, side: Side) -> ArrayRef {
        let batch = RecordBatch::try_from_iter_with_nullable([("x", array, true)]).unwrap();
        let schema = plain_schema(&batch.schema(), side);
        plain_batch(&schema, &batch).unwrap().column(0).clone()
    }

    #[test]
    fn every_layout_shows_the_same_values() {
        let long = "a text of more than twelve bytes";
        let text = StringArray::from(vec![Some("x"), None, Some(long), Some("")]);
        let views: ArrayRef = Arc::new(StringViewArray::from(vec![Some("x"), None, Some(long), Some("")]));
        assert_eq!(of(Arc::clone(&views), Side::Input).as_string::<i32>(), &text);
        assert_eq!(of(views.slice(2, 2), Side::Input).as_string::<i32>(), &text.slice(2, 2));
        let bytes: ArrayRef = Arc::new(BinaryViewArray::from(vec![Some(long.as_bytes()), None]));
        assert_eq!(of(bytes, Side::Input).as_binary::<i32>().value(0), long.as_bytes());
        let runs =
            RunArray::<Int32Type>::try_new(&Int32Array::from(vec![2, 3]), &StringArray::from(vec![Some("r"), None]));
        let runs: ArrayRef = Arc::new(runs.unwrap());
        assert_eq!(of(runs.slice(1, 2), Side::Input).as_string::<i32>(), &StringArray::from(vec![Some("r"), None]));
        let nothing: ArrayRef = Arc::new(NullArray::new(2));
        assert_eq!(of(Arc::clone(&nothing), Side::Input).data_type(), &DataType::Null);
        assert_eq!(of(nothing, Side::Output).as_string::<i32>(), &StringArray::from(vec![None::<&str>, None]));
    }

    #[test]
    fn categories_are_kept_for_inputs_and_written_as_values() {
        let keys = UInt64Array::from(vec![Some(2), Some(1), None, Some(0)]);
        let values: ArrayRef = Arc::new(StringViewArray::from(vec![Some("low"), None, Some("high")]));
        let array: ArrayRef = Arc::new(DictionaryArray::try_new(keys, values).unwrap());
        let shown = StringArray::from(vec![Some("high"), None, None, Some("low")]);
        let input = of(Arc::clone(&array), Side::Input);
        let categories = input.as_dictionary::<Int32Type>();
        assert_eq!(categories.values().as_string::<i32>(), &StringArray::from(vec!["low", "high"]));
        assert_eq!(categories.keys(), &Int32Array::from(vec![Some(1), None, None, Some(0)]));
        assert_eq!(of(array, Side::Output).as_string::<i32>(), &shown);
    }

    #[test]
    fn types_inside_types_are_plain_too() {
        let child = Arc::new(StringViewArray::from(vec!["a", "b", "c"]));
        let field = Arc::new(Field::new("item", DataType::Utf8View, true));
        let lists = ListViewArray::try_new(
            field,
            ScalarBuffer::from(vec![1, 0, 2]),
            ScalarBuffer::from(vec![2, 1, 0]),
            child,
            Some(arrow_buffer::NullBuffer::from(vec![true, true, false])),
        );
        let lists: ArrayRef = Arc::new(lists.unwrap());
        assert_eq!(plain_bytes(lists.as_ref()), 3 * 8 + 5 + 5 + 5);
        let plain = of(lists, Side::Input);
        let plain = plain.as_list::<i32>();
        assert_eq!(plain.value(0).as_string::<i32>(), &StringArray::from(vec!["b", "c"]));
        assert_eq!(plain.value(1).as_string::<i32>(), &StringArray::from(vec!["a"]));
        assert!(plain.is_null(2));
    }

    #[test]
    fn an_extension_of_booleans_is_booleans() {
        let metadata = HashMap::from([(EXTENSION_NAME.to_owned(), BOOL8.to_owned())]);
        let field = Field::new("x", DataType::Int8, true).with_metadata(metadata);
        let column: ArrayRef = Arc::new(Int8Array::from(vec![Some(0), Some(-3), None]));
        let batch = RecordBatch::try_new(Arc::new(Schema::new(vec![field])), vec![column]).unwrap();
        let schema = plain_schema(&batch.schema(), Side::Input);
        assert!(schema.field(0).metadata().is_empty());
        let plain = plain_batch(&schema, &batch).unwrap();
        assert_eq!(plain.column(0).as_boolean(), &BooleanArray::from(vec![Some(false), Some(true), None]));
    }
}
