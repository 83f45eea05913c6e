//! Lists, structures, maps and unions: the form of their values is decided for the whole child array, which is then
//! split by row. Values under a null are ignored.

use super::Form;
use crate::atomic::Atomic;
use crate::failure::Failure;
use crate::how::How;
use crate::refusal::{Note, Refusal};
use crate::text::Text;
use crate::vectors::{attribute, characters, list};
use arrow_array::cast::AsArray;
use arrow_array::{
    Array, ArrayRef, BooleanArray, FixedSizeListArray, LargeListArray, MapArray, StructArray, UInt64Array, UnionArray,
};
use arrow_buffer::NullBuffer;
use arrow_schema::{DataType, Field, UnionFields};
use extendr_api::prelude::*;
use std::collections::BTreeMap;
use std::ops::Range;

/// The range of values in another array for each row.
struct Ranges {
    starts: Vec<usize>,
    nulls: Option<NullBuffer>,
}

impl Ranges {
    /// By offsets, counted from the first.
    fn new(offsets: impl Iterator<Item = i64>, nulls: Option<&NullBuffer>) -> Self {
        let mut offsets = offsets.map(|offset| usize::try_from(offset).unwrap_or_default()).peekable();
        let first = offsets.peek().copied().unwrap_or_default();
        Self { starts: offsets.map(|offset| offset - first).collect(), nulls: nulls.cloned() }
    }

    fn len(&self) -> usize {
        self.starts.len().saturating_sub(1)
    }

    fn get(&self, row: usize) -> Option<Range<usize>> {
        let valid = self.nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row));
        valid.then(|| self.starts[row]..self.starts[row + 1])
    }

    /// The row of a value.
    fn row_of(&self, value: usize) -> usize {
        self.starts.partition_point(|start| *start <= value).saturating_sub(1)
    }
}

/// Decides the form of a child array. Refusals and notes name rows of the parent array.
fn inner(
    field: &Field,
    array: &ArrayRef,
    row_of: impl Fn(usize) -> usize,
    how: &How,
    notes: &mut Vec<Note>,
) -> Result<Form, Refusal> {
    let before = notes.len();
    let form = Form::new(field, array, how, notes).map_err(|refusal| refusal.in_row(&row_of))?;
    notes.iter_mut().skip(before).for_each(|note| note.row = note.row.map(&row_of));
    Ok(form)
}

/// An array in which values under a null of its parent are null too.
fn masked(array: &ArrayRef, nulls: Option<&NullBuffer>) -> Result<ArrayRef, Refusal> {
    let has_none = matches!(array.data_type(), DataType::Null | DataType::Union(..) | DataType::RunEndEncoded(..));
    match nulls.filter(|nulls| nulls.null_count() > 0 && !has_none) {
        None => Ok(array.clone()),
        Some(nulls) => {
            let missing = BooleanArray::new(!nulls.inner(), None);
            arrow_select::nullif::nullif(array, &missing).map_err(|error| Refusal::whole(error.to_string()))
        }
    }
}

/// A vector or a list by row.
pub(crate) struct Lists {
    ranges: Ranges,
    child: Box<Form>,
}

impl Lists {
    pub(crate) fn new(
        element: &Field,
        array: &LargeListArray,
        how: &How,
        notes: &mut Vec<Note>,
    ) -> Result<Self, Refusal> {
        let hidden = |row: &usize| array.is_null(*row) && array.value_length(*row) > 0;
        if (0..array.len()).any(|row| hidden(&row)) {
            // Taking each row drops the values under nulls.
            let rows: UInt64Array = (0..array.len() as u64).collect();
            let taken = arrow_select::take::take(array, &rows, None);
            let taken = taken.map_err(|error| Refusal::whole(error.to_string()))?;
            return Self::cut(element, taken.as_list::<i64>(), how, notes);
        }
        Self::cut(element, array, how, notes)
    }

    fn cut(element: &Field, array: &LargeListArray, how: &How, notes: &mut Vec<Note>) -> Result<Self, Refusal> {
        let offsets = array.value_offsets();
        let at = |index: Option<&i64>| index.and_then(|offset| usize::try_from(*offset).ok()).unwrap_or_default();
        let (first, last) = (at(offsets.first()), at(offsets.last()));
        let ranges = Ranges::new(offsets.iter().copied(), array.nulls());
        let values = array.values().slice(first, last - first);
        let child = inner(element, &values, |value| ranges.row_of(value), how, notes)?;
        Ok(Self { ranges, child: Box::new(child) })
    }

    /// Lists of a fixed length.
    pub(crate) fn fixed(
        element: &Field,
        array: &FixedSizeListArray,
        size: i32,
        how: &How,
        notes: &mut Vec<Note>,
    ) -> Result<Self, Refusal> {
        let length = usize::try_from(size).unwrap_or_default();
        let ranges = Ranges::new((0..=array.len() as i64).map(|row| row * i64::from(size)), array.nulls());
        let nulls = array.nulls().filter(|_| length > 0).map(|nulls| nulls.expand(length));
        let values = masked(array.values(), nulls.as_ref())?;
        let child = inner(element, &values, |value| value / length.max(1), how, notes)?;
        Ok(Self { ranges, child: Box::new(child) })
    }

    pub(crate) fn len(&self) -> usize {
        self.ranges.len()
    }

    pub(crate) fn child(&self) -> &Form {
        &self.child
    }

    pub(crate) fn value(&self, row: usize) -> Result<Robj, Failure> {
        self.ranges.get(row).map_or(Ok(().into()), |values| self.child.vector(values))
    }
}

/// A named list by row.
pub(crate) struct Structs {
    nulls: Option<NullBuffer>,
    length: usize,
    names: Vec<String>,
    parts: Vec<Form>,
}

impl Structs {
    pub(crate) fn new(array: &StructArray, how: &How, notes: &mut Vec<Note>) -> Result<Self, Refusal> {
        let names: Vec<String> = array.fields().iter().map(|field| field.name().clone()).collect();
        if let Some(name) = names.iter().find(|name| name.contains('\0')) {
            return Err(Refusal::whole(format!("the field name {name:?} has a NUL, which R's strings cannot hold")));
        }
        let mut parts = Vec::with_capacity(names.len());
        for (field, part) in array.fields().iter().zip(array.columns()) {
            parts.push(Form::new(field, &masked(part, array.nulls())?, how, notes)?);
        }
        Ok(Self { nulls: array.nulls().cloned(), length: array.len(), names, parts })
    }

    pub(crate) fn len(&self) -> usize {
        self.length
    }

    pub(crate) fn value(&self, row: usize) -> Result<Robj, Failure> {
        if self.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
            return Ok(().into());
        }
        self.named(&self.parts.iter().map(|part| part.value(row)).collect::<Result<Vec<_>, _>>()?)
    }

    /// The shapes of its parts, by their names.
    pub(crate) fn shapes(&self) -> Result<Option<Robj>, Failure> {
        let shapes = self.parts.iter().map(Form::shape).collect::<Result<Option<Vec<_>>, _>>()?;
        shapes.map(|shapes| self.named(&shapes)).transpose()
    }

    fn named(&self, parts: &[Robj]) -> Result<Robj, Failure> {
        let names: Vec<&str> = self.names.iter().map(String::as_str).collect();
        attribute(list(parts)?, "names", &names)
    }
}

/// A vector or a list with names by row, for maps whose keys are text.
pub(crate) struct Maps {
    ranges: Ranges,
    keys: Text,
    values: Box<Form>,
}

impl Maps {
    /// The form of a map: a list of keys and values if the keys are not text.
    pub(crate) fn form(array: &MapArray, how: &How, notes: &mut Vec<Note>) -> Result<Form, Refusal> {
        let offsets = array.value_offsets();
        let at = |index: Option<&i32>| index.and_then(|offset| usize::try_from(*offset).ok()).unwrap_or_default();
        let (first, last) = (at(offsets.first()), at(offsets.last()));
        let ranges = Ranges::new(offsets.iter().map(|offset| i64::from(*offset)), array.nulls());
        let entries = array.entries().slice(first, last - first);
        let row_of = |value| ranges.row_of(value);
        let keys = inner(&entries.fields()[0], entries.column(0), row_of, how, notes)?;
        let values = Box::new(inner(&entries.fields()[1], entries.column(1), row_of, how, notes)?);
        Ok(match keys {
            Form::Atomic(Atomic::Text(keys)) => Form::Map(Self { ranges, keys, values }),
            keys => {
                let names = vec!["key".into(), "value".into()];
                let structs = Structs { nulls: None, length: entries.len(), names, parts: vec![keys, *values] };
                Form::List(Lists { ranges, child: Box::new(Form::Struct(structs)) })
            }
        })
    }

    pub(crate) fn len(&self) -> usize {
        self.ranges.len()
    }

    pub(crate) fn values(&self) -> &Form {
        &self.values
    }

    pub(crate) fn value(&self, row: usize) -> Result<Robj, Failure> {
        let Some(range) = self.ranges.get(row) else { return Ok(().into()) };
        let names = characters(range.len(), |index| self.keys.get(range.start + index))?;
        let mut vector = self.values.vector(range)?;
        vector.set_attrib("names", names).map_err(|error| Failure::data(error.to_string()))?;
        Ok(vector)
    }
}

/// A value of one of several types by row.
pub(crate) struct Unions {
    kinds: BTreeMap<i8, Form>,
    places: Vec<(i8, usize)>,
}

impl Unions {
    pub(crate) fn new(
        fields: &UnionFields,
        array: &UnionArray,
        how: &How,
        notes: &mut Vec<Note>,
    ) -> Result<Self, Refusal> {
        let places: Vec<_> = (0..array.len()).map(|row| (array.type_id(row), array.value_offset(row))).collect();
        let mut kinds = BTreeMap::new();
        for (kind, field) in fields.iter() {
            let row_of = |value| places.iter().position(|place| *place == (kind, value)).unwrap_or_default();
            kinds.insert(kind, inner(field, array.child(kind), row_of, how, notes)?);
        }
        Ok(Self { kinds, places })
    }

    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    pub(crate) fn value(&self, row: usize) -> Result<Robj, Failure> {
        let (kind, place) = self.places[row];
        self.kinds.get(&kind).map_or(Ok(().into()), |form| form.value(place))
    }
}
