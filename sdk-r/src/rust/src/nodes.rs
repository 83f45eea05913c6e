//! A column to write as a tree, prepared by the R side: vectors, and lists with the class `longshore_nested`, which
//! contain the lengths of their rows.

use crate::altrep::Strings;
use crate::leaves::Leaf;
use crate::refusal::Refusal;
use crate::vectors::{NA_INTEGER, bytes, logical_slice};
use arrow_array::builder::LargeBinaryBuilder;
use arrow_array::{ArrayRef, ListArray, MapArray, StringArray, StructArray};
use arrow_buffer::{NullBuffer, OffsetBuffer};
use arrow_schema::{DataType, Field, FieldRef, Fields};
use extendr_api::prelude::*;
use std::ops::Range;
use std::sync::Arc;

/// A column, or a part of one.
pub(crate) enum Node {
    Leaf(Leaf),
    /// A list of raw vectors, and their total number of bytes.
    Bytes(List, usize),
    List(Cuts, Box<Node>),
    /// Which rows are not missing, and the parts by their names.
    Struct(Vec<bool>, Vec<(String, Node)>),
    /// A map: keys are text, as many as the values.
    Map(Cuts, Robj, Box<Node>),
}

/// The range of values of the node below for each row; missing rows have none.
pub(crate) struct Cuts {
    starts: Vec<usize>,
    valid: Vec<bool>,
}

impl Cuts {
    /// From lengths; NA is the length of a missing row.
    fn new(lengths: &Robj) -> Self {
        let lengths = lengths.as_integer_slice().unwrap_or_default();
        let mut starts = Vec::with_capacity(lengths.len() + 1);
        let mut end = 0;
        starts.push(end);
        for length in lengths {
            end += usize::try_from(*length).unwrap_or_default();
            starts.push(end);
        }
        Self { starts, valid: lengths.iter().map(|length| *length != NA_INTEGER).collect() }
    }

    fn values(&self, rows: &Range<usize>) -> Range<usize> {
        self.starts[rows.start]..self.starts[rows.end]
    }

    fn offsets(&self, rows: &Range<usize>) -> Result<OffsetBuffer<i32>, Refusal> {
        let first = self.starts[rows.start];
        let offset = |row: usize| {
            i32::try_from(self.starts[row] - first)
                .map_err(|_| Refusal::at(row - 1, "the lists have more than 2^31-1 values in too few rows"))
        };
        let offsets = (rows.start..=rows.end).map(offset).collect::<Result<Vec<_>, _>>()?;
        Ok(OffsetBuffer::new(offsets.into()))
    }

    fn nulls(&self, rows: &Range<usize>) -> Option<NullBuffer> {
        nulls(&self.valid[rows.clone()])
    }

    /// Converts a refusal of a value to one of its row.
    fn of_row(&self, refusal: Refusal) -> Refusal {
        let row_of = |value| self.starts.partition_point(|start| *start <= value).saturating_sub(1);
        refusal.in_row(row_of)
    }

    #[allow(clippy::cast_precision_loss, reason = "an average")]
    fn values_a_row(&self) -> f64 {
        *self.starts.last().unwrap_or(&0) as f64 / self.valid.len().max(1) as f64
    }
}

impl Node {
    /// A plain vector, or a nested list of the R side with its kind and its parts.
    pub(crate) fn of(vector: &Robj) -> Result<Self, Refusal> {
        if !vector.inherits("longshore_nested") {
            return Ok(Self::Leaf(Leaf::of(vector)?));
        }
        let parts = vector.as_list().ok_or_else(|| Refusal::whole("a nested column is not a list"))?;
        let part = |index| parts.elt(index).unwrap_or_default();
        Ok(match part(0).as_str() {
            Some("list") => Self::List(Cuts::new(&part(1)), Box::new(Self::of(&part(2))?)),
            Some("map") => Self::Map(Cuts::new(&part(1)), part(2), Box::new(Self::of(&part(3))?)),
            Some("struct") => {
                let valid = logical_slice(&part(1)).iter().map(|valid| *valid == 1).collect();
                let (names, columns) = (part(2), part(3).as_list().unwrap_or_default());
                let texts = Strings::of(&names).map_err(|failure| Refusal::whole(failure.message()))?;
                let field = |(index, column): (usize, Robj)| {
                    let name = texts.get(index).map_err(|_| Refusal::whole(Refusal::not_utf8(index).why))?;
                    Ok((name.unwrap_or_default().into_owned(), Self::of(&column)?))
                };
                Self::Struct(valid, columns.values().enumerate().map(field).collect::<Result<_, Refusal>>()?)
            }
            _ => {
                let values = part(1).as_list().unwrap_or_default();
                let total = values.values().map(|value| bytes(&value).map_or(0, <[u8]>::len)).sum();
                Self::Bytes(values, total)
            }
        })
    }

    pub(crate) fn data_type(&self) -> DataType {
        match self {
            Self::Leaf(leaf) => leaf.data_type(),
            Self::Bytes(..) => DataType::LargeBinary,
            Self::List(_, child) => DataType::List(item(child)),
            Self::Struct(_, parts) => DataType::Struct(fields(parts)),
            Self::Map(_, _, child) => DataType::Map(entries(child), false),
        }
    }

    /// A range of rows, in the data type above.
    pub(crate) fn array(&self, rows: Range<usize>) -> Result<ArrayRef, Refusal> {
        Ok(match self {
            Self::Leaf(leaf) => leaf.array(rows)?,
            Self::Bytes(values, _) => {
                let mut array = LargeBinaryBuilder::new();
                for row in rows {
                    array.append_option(values.elt(row).ok().as_ref().and_then(bytes));
                }
                Arc::new(array.finish())
            }
            Self::List(cuts, child) => {
                let values = child.array(cuts.values(&rows)).map_err(|refusal| cuts.of_row(refusal))?;
                Arc::new(
                    ListArray::try_new(item(child), cuts.offsets(&rows)?, values, cuts.nulls(&rows)).map_err(broken)?,
                )
            }
            Self::Struct(valid, parts) => {
                let arrays = parts.iter().map(|(_, part)| part.array(rows.clone())).collect::<Result<Vec<_>, _>>()?;
                let nulls = nulls(&valid[rows.clone()]);
                let array = StructArray::try_new_with_length(fields(parts), arrays, nulls, rows.len());
                Arc::new(array.map_err(broken)?)
            }
            Self::Map(cuts, keys, child) => {
                let values = cuts.values(&rows);
                let texts = Strings::of(keys).map_err(|failure| Refusal::whole(failure.message()))?;
                let key = |row| match texts.get(row) {
                    Ok(key) => Ok(Some(key.unwrap_or_default())),
                    Err(_) => Err(cuts.of_row(Refusal::not_utf8(row))),
                };
                let keys = values.clone().map(key).collect::<Result<StringArray, Refusal>>()?;
                let values = child.array(values).map_err(|refusal| cuts.of_row(refusal))?;
                let pairs = StructArray::try_new(entry_fields(child), vec![Arc::new(keys), values], None);
                let array = MapArray::try_new(
                    entries(child),
                    cuts.offsets(&rows)?,
                    pairs.map_err(broken)?,
                    cuts.nulls(&rows),
                    false,
                );
                Arc::new(array.map_err(broken)?)
            }
        })
    }

    /// The average number of values of about 8 bytes in a row.
    #[allow(clippy::cast_precision_loss, reason = "an average")]
    pub(crate) fn values_a_row(&self) -> f64 {
        match self {
            Self::Leaf(_) => 1.0,
            Self::Bytes(values, total) => 1.0 + *total as f64 / 8.0 / values.len().max(1) as f64,
            Self::List(cuts, child) => 1.0 + cuts.values_a_row() * child.values_a_row(),
            Self::Struct(_, parts) => parts.iter().map(|(_, part)| part.values_a_row()).sum::<f64>().max(1.0),
            Self::Map(cuts, _, child) => 1.0 + cuts.values_a_row() * (2.0 + child.values_a_row()),
        }
    }
}

fn item(child: &Node) -> FieldRef {
    Arc::new(Field::new("item", child.data_type(), true))
}

fn fields(parts: &[(String, Node)]) -> Fields {
    parts.iter().map(|(name, part)| Field::new(name, part.data_type(), true)).collect()
}

fn entries(child: &Node) -> FieldRef {
    Arc::new(Field::new("entries", DataType::Struct(entry_fields(child)), false))
}

fn entry_fields(child: &Node) -> Fields {
    vec![Field::new("key", DataType::Utf8, false), Field::new("value", child.data_type(), true)].into()
}

fn nulls(valid: &[bool]) -> Option<NullBuffer> {
    (!valid.iter().all(|valid| *valid)).then(|| valid.to_vec().into())
}

fn broken(error: arrow_schema::ArrowError) -> Refusal {
    Refusal::whole(error.to_string())
}
