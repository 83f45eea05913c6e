//! The body of a record batch of flat columns, laid out so that it can be written in one pass: every value buffer is
//! copied exactly once, from where the source decoded it to where the reader maps it, also when a column comes in
//! many pieces. Nested and dictionary columns are not flat and take Arrow's own writer.

use arrow_array::{Array, ArrayRef};
use arrow_buffer::{BooleanBufferBuilder, Buffer, MutableBuffer};
use arrow_data::ArrayData;
use arrow_ipc::FieldNode;
use arrow_schema::{DataType, Schema};

/// Every buffer of a body starts at a multiple of this, as it then does in the map.
pub(crate) const ALIGNMENT: usize = 64;

/// Whether every column is of a flat type.
pub(crate) fn is_flat(schema: &Schema) -> bool {
    schema.fields().iter().all(|field| layout(field.data_type()).is_some())
}

/// How a flat type lies in memory, besides its validity.
#[derive(Clone, Copy)]
enum Layout {
    Nothing,
    Bits,
    Fixed(usize),
    Offsets32,
    Offsets64,
}

fn layout(data_type: &DataType) -> Option<Layout> {
    Some(match data_type {
        DataType::Null => Layout::Nothing,
        DataType::Boolean => Layout::Bits,
        DataType::Utf8 | DataType::Binary => Layout::Offsets32,
        DataType::LargeUtf8 | DataType::LargeBinary => Layout::Offsets64,
        DataType::FixedSizeBinary(width) => Layout::Fixed(usize::try_from(*width).ok()?),
        primitive => Layout::Fixed(primitive.primitive_width()?),
    })
}

/// A body under construction: what to write, and what the message says of it.
#[derive(Debug, Default)]
pub(crate) struct Body {
    parts: Vec<Buffer>,
    length: usize,
    pub(crate) buffers: Vec<arrow_ipc::Buffer>,
    pub(crate) nodes: Vec<FieldNode>,
    /// For boolean columns without nulls: the column, and where its values also stand as bytes.
    pub(crate) boolean_bytes: Vec<(usize, usize)>,
}

impl Body {
    /// Lays out columns that come in pieces. `expand_booleans` adds the values of boolean columns without nulls as
    /// bytes, which is what numpy and R work with.
    pub(crate) fn new(columns: &[Vec<ArrayRef>], expand_booleans: bool) -> Self {
        let mut body = Self::default();
        for pieces in columns {
            let pieces: Vec<ArrayData> = pieces.iter().map(|piece| piece.to_data()).collect();
            body.add_column(&pieces);
        }
        if expand_booleans {
            for (column, pieces) in columns.iter().enumerate() {
                body.add_boolean_bytes(column, pieces);
            }
        }
        body
    }

    /// Bytes of the body.
    pub(crate) fn length(&self) -> usize {
        self.length
    }

    /// The body's parts in order; their lengths sum up to its length.
    pub(crate) fn into_parts(self) -> impl Iterator<Item = Buffer> {
        self.parts.into_iter()
    }

    fn add_column(&mut self, pieces: &[ArrayData]) {
        let rows = pieces.iter().map(ArrayData::len).sum::<usize>();
        let nulls = pieces.iter().map(ArrayData::null_count).sum::<usize>();
        let Some(layout) = pieces.first().and_then(|piece| layout(piece.data_type())) else {
            return;
        };
        if let Layout::Nothing = layout {
            self.nodes.push(FieldNode::new(signed(rows), signed(rows)));
            return;
        }
        self.nodes.push(FieldNode::new(signed(rows), signed(nulls)));
        self.add_buffer(if nulls == 0 { vec![] } else { vec![validity(pieces, rows)] });
        match layout {
            Layout::Nothing => {}
            Layout::Bits => self.add_buffer(vec![bits(pieces, rows)]),
            Layout::Fixed(width) => self.add_buffer(
                pieces
                    .iter()
                    .map(|piece| piece.buffers()[0].slice_with_length(piece.offset() * width, piece.len() * width))
                    .collect(),
            ),
            Layout::Offsets32 => {
                let (offsets, values) = offsets::<i32>(pieces, rows);
                self.add_buffer(vec![offsets]);
                self.add_buffer(values);
            }
            Layout::Offsets64 => {
                let (offsets, values) = offsets::<i64>(pieces, rows);
                self.add_buffer(vec![offsets]);
                self.add_buffer(values);
            }
        }
    }

    fn add_boolean_bytes(&mut self, column: usize, pieces: &[ArrayRef]) {
        let is_boolean = pieces.first().is_some_and(|piece| *piece.data_type() == DataType::Boolean);
        if !is_boolean || pieces.iter().any(|piece| piece.null_count() > 0) {
            return;
        }
        let mut bytes = Vec::with_capacity(pieces.iter().map(|piece| piece.len()).sum());
        for piece in pieces {
            let piece = piece.to_data();
            let values = arrow_buffer::BooleanBuffer::new(piece.buffers()[0].clone(), piece.offset(), piece.len());
            bytes.extend(values.iter().map(u8::from));
        }
        self.boolean_bytes.push((column, self.length));
        self.add_parts(vec![Buffer::from_vec(bytes)]);
    }

    fn add_buffer(&mut self, parts: Vec<Buffer>) {
        let offset = self.length;
        let length = parts.iter().map(Buffer::len).sum::<usize>();
        self.add_parts(parts);
        self.buffers.push(arrow_ipc::Buffer::new(signed(offset), signed(length)));
    }

    fn add_parts(&mut self, parts: Vec<Buffer>) {
        for part in parts {
            self.length += part.len();
            self.parts.push(part);
        }
        let padding = self.length.next_multiple_of(ALIGNMENT) - self.length;
        if padding > 0 {
            self.parts.push(Buffer::from(&[0; ALIGNMENT][..padding]));
            self.length += padding;
        }
    }
}

fn signed(length: usize) -> i64 {
    i64::try_from(length).expect("no allocation is longer than i64::MAX")
}

fn validity(pieces: &[ArrayData], rows: usize) -> Buffer {
    let mut builder = BooleanBufferBuilder::new(rows);
    for piece in pieces {
        match piece.nulls() {
            None => builder.append_n(piece.len(), true),
            Some(nulls) => builder.append_buffer(nulls.inner()),
        }
    }
    builder.finish().into_inner()
}

fn bits(pieces: &[ArrayData], rows: usize) -> Buffer {
    let mut builder = BooleanBufferBuilder::new(rows);
    for piece in pieces {
        let values = arrow_buffer::BooleanBuffer::new(piece.buffers()[0].clone(), piece.offset(), piece.len());
        builder.append_buffer(&values);
    }
    builder.finish().into_inner()
}

/// One run of offsets from 0 for all pieces, and the values they point to.
fn offsets<O>(pieces: &[ArrayData], rows: usize) -> (Buffer, Vec<Buffer>)
where
    O: arrow_buffer::ArrowNativeType + std::ops::Add<Output = O> + std::ops::Sub<Output = O>,
{
    let mut all = MutableBuffer::with_capacity((rows + 1) * size_of::<O>());
    let mut values = Vec::with_capacity(pieces.len());
    let mut end = O::default();
    all.push(end);
    for piece in pieces {
        if piece.is_empty() {
            continue;
        }
        let own: &[O] = &piece.buffers()[0].typed_data::<O>()[piece.offset()..=piece.offset() + piece.len()];
        let (first, last) = (own[0], own[piece.len()]);
        if first == end {
            all.extend_from_slice(&own[1..]);
        } else {
            all.extend(own[1..].iter().map(|offset| *offset - first + end));
        }
        end = end + (last - first);
        values.push(piece.buffers()[1].slice_with_length(first.as_usize(), (last - first).as_usize()));
    }
    (all.into(), values)
}
