//! The weight of a batch: the bytes of its values if each were stored separately, regardless of sharing in its layout.
//! A few bytes can represent gigabytes (a dictionary of one long text, views of one buffer, runs, columns of nulls), so
//! batches from the other side are cut by weight before they are expanded.

use arrow_array::cast::AsArray;
use arrow_array::types::{ByteArrayType, Int16Type, Int32Type, Int64Type, RunEndIndexType};
use arrow_array::{Array, GenericByteArray, RecordBatch, RunArray};
use arrow_buffer::ArrowNativeType;
use arrow_schema::{DataType, Schema};

/// Bytes that any value weighs at the least: what a number takes as text, or an offset.
const LEAST: u64 = 8;

/// A sum with an end: beyond `most` nothing is looked at any more, so that weighing takes no longer than writing.
struct Scale {
    left: u64,
}

/// The weight of a batch whose columns go into those of `output`, by name; `None` where it is more than `most`.
#[must_use]
pub fn weight(batch: &RecordBatch, output: &Schema, most: u64) -> Option<u64> {
    let mut scale = Scale { left: most };
    for (field, column) in batch.schema_ref().fields().iter().zip(batch.columns()) {
        // What has no values takes those of the column that it goes into.
        match (column.data_type(), output.field_with_name(field.name())) {
            (DataType::Null, Ok(field)) => scale.times(column.len(), null_width(field.data_type()))?,
            _ => scale.array(column.as_ref())?,
        }
    }
    Some(most - scale.left)
}

/// Cuts a batch into pieces that weigh at most `most` each, except for single rows that weigh more.
pub fn cut<'a>(batch: &'a RecordBatch, output: &'a Schema, most: u64) -> impl Iterator<Item = RecordBatch> + 'a {
    // No value weighs less, so more rows need not be looked at.
    let most_rows = usize::try_from(most / LEAST).unwrap_or(usize::MAX).max(1);
    let (mut start, mut rows) = (0, most_rows);
    std::iter::from_fn(move || {
        let left = batch.num_rows() - start;
        if left == 0 {
            return None;
        }
        rows = rows.saturating_mul(2).min(most_rows).min(left);
        let mut piece = batch.slice(start, rows);
        while rows > 1 && weight(&piece, output, most).is_none() {
            rows /= 2;
            piece = batch.slice(start, rows);
        }
        start += rows;
        Some(piece)
    })
}

/// Bytes of a missing value of a type.
fn null_width(data_type: &DataType) -> u64 {
    let own = match data_type {
        DataType::FixedSizeList(field, size) => {
            null_width(field.data_type()).saturating_mul(u64::try_from(*size).unwrap_or(0))
        }
        DataType::FixedSizeBinary(width) => u64::try_from(*width).unwrap_or(0),
        DataType::Struct(fields) => {
            fields.iter().map(|field| null_width(field.data_type())).fold(0, u64::saturating_add)
        }
        DataType::Union(fields, _) => {
            fields.iter().map(|(_, field)| null_width(field.data_type())).fold(0, u64::saturating_add)
        }
        other => other.primitive_width().unwrap_or(0) as u64,
    };
    own.saturating_add(LEAST)
}

impl Scale {
    fn add(&mut self, bytes: u64) -> Option<()> {
        self.left = self.left.checked_sub(bytes)?;
        Some(())
    }

    fn times(&mut self, values: usize, bytes: u64) -> Option<()> {
        self.add((values as u64).saturating_mul(bytes))
    }

    fn array(&mut self, array: &dyn Array) -> Option<()> {
        let rows = array.len();
        match array.data_type() {
            DataType::Utf8 => self.texts(array.as_string::<i32>()),
            DataType::LargeUtf8 => self.texts(array.as_string::<i64>()),
            DataType::Binary => self.texts(array.as_binary::<i32>()),
            DataType::LargeBinary => self.texts(array.as_binary::<i64>()),
            DataType::Utf8View => self.views(array.as_string_view().views()),
            DataType::BinaryView => self.views(array.as_binary_view().views()),
            DataType::FixedSizeBinary(width) => self.times(rows, LEAST + u64::try_from(*width).unwrap_or(0)),
            DataType::Dictionary(..) => self.dictionary(array),
            DataType::RunEndEncoded(ends, _) => match ends.data_type() {
                DataType::Int16 => self.runs(array.as_any().downcast_ref::<RunArray<Int16Type>>()),
                DataType::Int32 => self.runs(array.as_any().downcast_ref::<RunArray<Int32Type>>()),
                _ => self.runs(array.as_any().downcast_ref::<RunArray<Int64Type>>()),
            },
            DataType::List(_) => {
                let lists = array.as_list::<i32>();
                self.list(lists.values(), lists.offsets().first()?.as_usize(), lists.offsets().last()?.as_usize(), rows)
            }
            DataType::LargeList(_) => {
                let lists = array.as_list::<i64>();
                self.list(lists.values(), lists.offsets().first()?.as_usize(), lists.offsets().last()?.as_usize(), rows)
            }
            DataType::Map(..) => {
                let maps = array.as_map();
                self.list(maps.entries(), maps.offsets().first()?.as_usize(), maps.offsets().last()?.as_usize(), rows)
            }
            DataType::ListView(_) => {
                let lists = array.as_list_view::<i32>();
                self.list_views(lists.values(), lists.offsets(), lists.sizes())
            }
            DataType::LargeListView(_) => {
                let lists = array.as_list_view::<i64>();
                self.list_views(lists.values(), lists.offsets(), lists.sizes())
            }
            DataType::FixedSizeList(..) => {
                self.times(rows, LEAST)?;
                self.array(array.as_fixed_size_list().values().as_ref())
            }
            DataType::Struct(_) => {
                self.times(rows, LEAST)?;
                array.as_struct().columns().iter().try_for_each(|part| self.array(part.as_ref()))
            }
            DataType::Union(fields, _) => {
                self.times(rows, LEAST)?;
                let unions = array.as_union();
                // Of a slice the children stay whole.
                fields.iter().try_for_each(|(id, _)| self.array(unions.child(id).as_ref()))
            }
            other => self.times(rows, LEAST.max(other.primitive_width().unwrap_or(0) as u64)),
        }
    }

    fn texts<T: ByteArrayType>(&mut self, texts: &GenericByteArray<T>) -> Option<()> {
        let (first, last) = (texts.value_offsets().first()?.as_usize(), texts.value_offsets().last()?.as_usize());
        self.times(texts.len(), LEAST)?;
        self.add((last - first) as u64)
    }

    fn views(&mut self, views: &[u128]) -> Option<()> {
        // A view's first 32 bits are its length.
        let length = |view: &u128| u64::try_from(view & u128::from(u32::MAX)).unwrap_or_default();
        views.iter().try_for_each(|view| self.add(2 * LEAST + length(view)))
    }

    fn list(&mut self, values: &dyn Array, first: usize, last: usize, rows: usize) -> Option<()> {
        self.times(rows, LEAST)?;
        self.array(values.slice(first, last - first).as_ref())
    }

    fn list_views<O: ArrowNativeType>(&mut self, values: &dyn Array, offsets: &[O], sizes: &[O]) -> Option<()> {
        offsets.iter().zip(sizes).try_for_each(|(offset, size)| {
            self.add(LEAST)?;
            self.array(values.slice(offset.as_usize(), size.as_usize()).as_ref())
        })
    }

    fn dictionary(&mut self, array: &dyn Array) -> Option<()> {
        let categories = array.as_any_dictionary_opt()?;
        let values = categories.values();
        if let Some(width) = values.data_type().primitive_width() {
            return self.times(array.len(), LEAST.max(width as u64));
        }
        if values.is_empty() {
            return self.times(array.len(), LEAST);
        }
        // Each is weighed once, whatever number of rows has it.
        let mut known: Vec<Option<u64>> = Vec::new();
        known.try_reserve_exact(values.len().min(array.len())).ok()?;
        if (array.len() as u64).saturating_mul(LEAST) > self.left {
            return None;
        }
        let few = values.len() <= array.len();
        if few {
            known.resize(values.len(), None);
        }
        let keys = categories.normalized_keys();
        for (row, key) in keys.into_iter().enumerate() {
            if array.is_null(row) {
                self.add(LEAST)?;
                continue;
            }
            let before = self.left;
            match known.get(key).copied().flatten() {
                Some(weight) => self.add(weight)?,
                None => self.array(values.slice(key, 1).as_ref())?,
            }
            if few {
                known[key] = Some(before - self.left);
            }
        }
        Some(())
    }

    fn runs<R: RunEndIndexType>(&mut self, runs: Option<&RunArray<R>>) -> Option<()> {
        let runs = runs?;
        if runs.is_empty() {
            return Some(());
        }
        let ends = runs.run_ends();
        let (start, end) = (ends.offset(), ends.offset() + ends.len());
        let mut at = start;
        for physical in ends.get_start_physical_index()..=ends.get_end_physical_index() {
            let until = ends.values()[physical].as_usize().min(end);
            let before = self.left;
            self.array(runs.values().slice(physical, 1).as_ref())?;
            self.times((until - at).saturating_sub(1), before - self.left)?;
            at = until;
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::types::Int8Type;
    use arrow_array::{
        ArrayRef, DictionaryArray, Int8Array, Int32Array, ListViewArray, NullArray, StringArray, StringViewArray,
    };
    use arrow_buffer::ScalarBuffer;
    use arrow_schema::Field;
    use std::sync::Arc;

    fn batch(column: ArrayRef) -> RecordBatch {
        RecordBatch::try_from_iter_with_nullable([("x", column, true)]).unwrap()
    }

    /// Columns that represent 1,000 texts of 1,000 bytes in a few bytes.
    fn small_columns() -> Vec<ArrayRef> {
        let long = "x".repeat(1000);
        let texts = || Arc::new(StringArray::from(vec![long.as_str()])) as ArrayRef;
        let field = Arc::new(Field::new("item", DataType::Utf8, true));
        vec![
            Arc::new(DictionaryArray::<Int8Type>::try_new(Int8Array::from(vec![0; 1000]), texts()).unwrap()),
            Arc::new(RunArray::<Int32Type>::try_new(&Int32Array::from(vec![1000]), &texts()).unwrap()),
            Arc::new(
                StringViewArray::try_new(
                    vec![StringViewArray::from(vec![long.as_str()]).views()[0]; 1000].into(),
                    StringViewArray::from(vec![long.as_str()]).data_buffers().to_vec(),
                    None,
                )
                .unwrap(),
            ),
            Arc::new(
                ListViewArray::try_new(
                    field,
                    ScalarBuffer::from(vec![0; 1000]),
                    ScalarBuffer::from(vec![1; 1000]),
                    texts(),
                    None,
                )
                .unwrap(),
            ),
        ]
    }

    #[test]
    fn what_shares_its_bytes_weighs_as_if_it_did_not() {
        for column in small_columns() {
            let batch = batch(column);
            let schema = batch.schema();
            let whole = weight(&batch, &schema, u64::MAX).unwrap();
            assert!((1_000_000..1_100_000).contains(&whole), "{whole} for {}", schema.field(0).data_type());
            assert_eq!(weight(&batch, &schema, whole), Some(whole));
            assert_eq!(weight(&batch, &schema, whole - 1), None);
            // A slice weighs its part.
            let part = weight(&batch.slice(500, 10), &schema, u64::MAX).unwrap();
            assert!((10_000..11_000).contains(&part), "{part} for {}", schema.field(0).data_type());
        }
    }

    #[test]
    fn batches_are_cut_into_pieces_of_at_most_so_much_and_no_row_is_lost() {
        for column in small_columns() {
            let batch = batch(column);
            let schema = batch.schema();
            let pieces: Vec<RecordBatch> = cut(&batch, &schema, 50_000).collect();
            assert!(pieces.iter().all(|piece| weight(piece, &schema, 50_000).is_some()));
            assert_eq!(pieces.iter().map(RecordBatch::num_rows).sum::<usize>(), 1000);
            // Rows that weigh more stand alone.
            assert_eq!(cut(&batch, &schema, 10).count(), 1000);
            assert_eq!(cut(&batch, &schema, u64::MAX).count(), 1);
            assert_eq!(cut(&batch.slice(0, 0), &schema, 10).count(), 0);
        }
    }

    #[test]
    fn columns_of_nothing_weigh_what_they_become() {
        let batch = batch(Arc::new(NullArray::new(1 << 31)));
        let item = Arc::new(Field::new("item", DataType::Int64, true));
        let lists = Schema::new(vec![Field::new("x", DataType::FixedSizeList(item, 1 << 20), true)]);
        assert_eq!(weight(&batch.slice(5, 2), &lists, u64::MAX), Some(2 * ((16 << 20) + 8)));
        let texts = Schema::new(vec![Field::new("x", DataType::Utf8, true)]);
        assert_eq!(weight(&batch, &texts, u64::MAX), Some(8 << 31));
        let first = cut(&batch, &texts, 8 << 20).next().unwrap();
        assert_eq!(first.num_rows(), 1 << 20);
    }
}
