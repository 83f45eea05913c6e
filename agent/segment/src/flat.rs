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

/// Whether every column is of a flat type: none is nested or has a dictionary.
#[must_use]
pub fn is_flat(schema: &Schema) -> bool {
    schema.fields().iter().all(|field| layout(field.data_type()).is_some())
}

/// The memory layout of a flat type, besides its validity.
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

/// The description of a body in its message.
#[derive(Debug, Default)]
pub(crate) struct Shape {
    length: usize,
    pub(crate) buffers: Vec<arrow_ipc::Buffer>,
    pub(crate) nodes: Vec<FieldNode>,
    /// For boolean columns without nulls: the column, and where its values also stand as bytes.
    pub(crate) boolean_bytes: Vec<(usize, usize)>,
}

impl Shape {
    /// Bytes of the body.
    pub(crate) fn length(&self) -> usize {
        self.length
    }

    /// Adds bytes, and returns the padding after them.
    fn add(&mut self, length: usize) -> usize {
        let end = self.length + length;
        self.length = end.next_multiple_of(ALIGNMENT);
        self.length - end
    }

    /// Adds a buffer of the message, and returns the padding after it.
    fn add_buffer(&mut self, length: usize) -> usize {
        self.buffers.push(arrow_ipc::Buffer::new(signed(self.length), signed(length)));
        self.add(length)
    }

    fn add_node(&mut self, rows: usize, nulls: usize) {
        self.nodes.push(FieldNode::new(signed(rows), signed(nulls)));
    }
}

/// The extent of a flat column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// Missing values.
    pub nulls: usize,
    /// Bytes of all texts; 0 in columns of other types.
    pub text_bytes: usize,
}

/// What is in a buffer of a flat column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// A bit for each row: whether it has a value.
    Validity,
    /// The values: a bit each of booleans, else as many bytes as the type has.
    Values,
    /// Where each text begins, from 0, and where the last ends.
    Offsets,
    /// The texts side by side.
    Texts,
    /// Booleans, a byte each.
    BooleanBytes,
}

/// A buffer to be written.
#[derive(Debug)]
pub(crate) struct Planned {
    pub(crate) column: usize,
    pub(crate) part: Part,
    pub(crate) length: usize,
    pub(crate) padding: usize,
}

/// Lays out a table of flat columns by their extents alone: its buffers follow each other as they stand here.
pub(crate) fn plan(schema: &Schema, rows: usize, extents: &[Extent]) -> (Shape, Vec<Planned>) {
    let (mut shape, mut planned) = (Shape::default(), Vec::new());
    for (column, (field, extent)) in schema.fields().iter().zip(extents).enumerate() {
        let Some(layout) = layout(field.data_type()) else { continue };
        if let Layout::Nothing = layout {
            shape.add_node(rows, rows);
            continue;
        }
        shape.add_node(rows, extent.nulls);
        let mut add = |part, length| {
            let padding = shape.add_buffer(length);
            planned.push(Planned { column, part, length, padding });
        };
        add(Part::Validity, if extent.nulls == 0 { 0 } else { rows.div_ceil(8) });
        match layout {
            Layout::Nothing => {}
            Layout::Bits => add(Part::Values, rows.div_ceil(8)),
            Layout::Fixed(width) => add(Part::Values, rows * width),
            Layout::Offsets32 => {
                add(Part::Offsets, (rows + 1) * size_of::<i32>());
                add(Part::Texts, extent.text_bytes);
            }
            Layout::Offsets64 => {
                add(Part::Offsets, (rows + 1) * size_of::<i64>());
                add(Part::Texts, extent.text_bytes);
            }
        }
    }
    for (column, (field, extent)) in schema.fields().iter().zip(extents).enumerate() {
        if *field.data_type() == DataType::Boolean && extent.nulls == 0 {
            shape.boolean_bytes.push((column, shape.length));
            let padding = shape.add(rows);
            planned.push(Planned { column, part: Part::BooleanBytes, length: rows, padding });
        }
    }
    (shape, planned)
}

/// A body under construction: its parts, and its description in the message.
#[derive(Debug, Default)]
pub(crate) struct Body {
    pub(crate) shape: Shape,
    parts: Vec<Buffer>,
}

impl Body {
    /// Lays out columns in pieces. `expand_booleans` adds the values of boolean columns without nulls as
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
            self.shape.add_node(rows, rows);
            return;
        }
        self.shape.add_node(rows, nulls);
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
        self.shape.boolean_bytes.push((column, self.shape.length));
        let padding = self.shape.add(bytes.len());
        self.add_parts(vec![Buffer::from_vec(bytes)], padding);
    }

    fn add_buffer(&mut self, parts: Vec<Buffer>) {
        let padding = self.shape.add_buffer(parts.iter().map(Buffer::len).sum());
        self.add_parts(parts, padding);
    }

    fn add_parts(&mut self, parts: Vec<Buffer>, padding: usize) {
        self.parts.extend(parts);
        if padding > 0 {
            self.parts.push(Buffer::from(&[0; ALIGNMENT][..padding]));
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
