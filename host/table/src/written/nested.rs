//! Lists, structures and maps as JSON. A map whose keys are text is an object, else a list of its pairs.

use super::{Form, Reason, Written, WrittenColumn, quoted};
use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, GenericListArray, OffsetSizeTrait};
use arrow_buffer::OffsetBuffer;
use arrow_schema::DataType;
use std::collections::HashSet;

/// How the values of a column are written.
pub(super) fn written<'a>(array: &'a ArrayRef) -> Result<Box<dyn Written + 'a>, Reason> {
    Ok(match array.data_type() {
        DataType::List(field) => Box::new(lists(array.as_list::<i32>(), field)?),
        DataType::LargeList(field) => Box::new(lists(array.as_list::<i64>(), field)?),
        DataType::FixedSizeList(field, size) => {
            let lists = array.as_fixed_size_list();
            let items = WrittenColumn::new(lists.values(), field, Form::Json)?;
            let size = usize::try_from(*size).unwrap_or_default();
            Box::new(Lists { items, range: move |row| (row * size, (row + 1) * size) })
        }
        DataType::Struct(fields) => {
            let structs = array.as_struct();
            let part = |(part, field): (&'a ArrayRef, &arrow_schema::FieldRef)| {
                let mut name = Vec::new();
                quoted(field.name(), &mut name);
                name.push(b':');
                WrittenColumn::new(part, field, Form::Json).map(|part| (name, part))
            };
            let names: HashSet<&str> = fields.iter().map(|field| field.name().as_str()).collect();
            if names.len() < fields.len() {
                return Err("it has a structure with two fields of one name, of which JSON keeps one".into());
            }
            Box::new(Structs(structs.columns().iter().zip(fields).map(part).collect::<Result<_, _>>()?))
        }
        DataType::Map(entries, _) => {
            let maps = array.as_map();
            let DataType::Struct(fields) = entries.data_type() else { return Err("it is a map without pairs".into()) };
            let keys = WrittenColumn::new(maps.keys(), &fields[0], Form::Json)?;
            let values = WrittenColumn::new(maps.values(), &fields[1], Form::Json)?;
            let are_text = matches!(maps.keys().data_type(), DataType::Utf8 | DataType::LargeUtf8);
            Box::new(Maps { keys, values, are_text, offsets: maps.offsets() })
        }
        other => return Err(format!("it is {other}, which is not nested")),
    })
}

fn lists<'a, O: OffsetSizeTrait>(
    lists: &'a GenericListArray<O>,
    field: &arrow_schema::FieldRef,
) -> Result<impl Written + use<'a, O>, Reason> {
    let offsets = lists.offsets();
    let items = WrittenColumn::new(lists.values(), field, Form::Json)?;
    Ok(Lists { items, range: move |row: usize| (offsets[row].as_usize(), offsets[row + 1].as_usize()) })
}

struct Lists<'a, F> {
    items: WrittenColumn<'a>,
    range: F,
}

impl<F: Fn(usize) -> (usize, usize)> Written for Lists<'_, F> {
    fn write(&self, row: usize, out: &mut Vec<u8>) -> Result<(), Reason> {
        let (start, end) = (self.range)(row);
        out.push(b'[');
        for at in start..end {
            if at > start {
                out.push(b',');
            }
            self.items.write_json(at, out)?;
        }
        out.push(b']');
        Ok(())
    }
}

struct Structs<'a>(Vec<(Vec<u8>, WrittenColumn<'a>)>);

impl Written for Structs<'_> {
    fn write(&self, row: usize, out: &mut Vec<u8>) -> Result<(), Reason> {
        out.push(b'{');
        for (number, (name, part)) in self.0.iter().enumerate() {
            if number > 0 {
                out.push(b',');
            }
            out.extend_from_slice(name);
            part.write_json(row, out)?;
        }
        out.push(b'}');
        Ok(())
    }
}

struct Maps<'a> {
    keys: WrittenColumn<'a>,
    values: WrittenColumn<'a>,
    are_text: bool,
    offsets: &'a OffsetBuffer<i32>,
}

impl Written for Maps<'_> {
    fn write(&self, row: usize, out: &mut Vec<u8>) -> Result<(), Reason> {
        let place = |offset: i32| usize::try_from(offset).unwrap_or_default();
        let (start, end) = (place(self.offsets[row]), place(self.offsets[row + 1]));
        let mut seen = HashSet::new();
        out.push(if self.are_text { b'{' } else { b'[' });
        for at in start..end {
            if at > start {
                out.push(b',');
            }
            if self.are_text {
                let name = out.len();
                self.keys.write_json(at, out)?;
                if !seen.insert(out[name..].to_vec()) {
                    let key = String::from_utf8_lossy(&out[name..]).into_owned();
                    return Err(format!("its map has the key {key} twice, of which JSON keeps one"));
                }
                out.push(b':');
                self.values.write_json(at, out)?;
            } else {
                out.extend_from_slice(b"{\"key\":");
                self.keys.write_json(at, out)?;
                out.extend_from_slice(b",\"value\":");
                self.values.write_json(at, out)?;
                out.push(b'}');
            }
        }
        out.push(if self.are_text { b'}' } else { b']' });
        Ok(())
    }
}
