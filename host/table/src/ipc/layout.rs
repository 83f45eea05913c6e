//! Checks that the buffers of a batch have the lengths that its columns need and the missing values that its columns
//! claim. Arrow's reader accepts less, and then returns other values.

use arrow_buffer::bit_util::ceil;
use arrow_buffer::{BooleanBuffer, Buffer};
use arrow_ipc::{FieldNode, MetadataVersion, RecordBatch};
use arrow_schema::{DataType, UnionMode};

/// One buffer of a batch.
#[derive(Debug, Clone, Copy)]
pub(super) struct Piece<'a> {
    /// Its length in bytes after decompression.
    pub(super) length: u64,
    /// Its bytes, if they are not compressed.
    pub(super) bytes: Option<&'a [u8]>,
}

/// Checks a batch of columns.
///
/// # Errors
/// If the batch is invalid.
pub(super) fn check<'a>(
    types: impl Iterator<Item = &'a DataType>,
    batch: &RecordBatch<'_>,
    pieces: &[Piece<'_>],
    version: MetadataVersion,
) -> Result<(), String> {
    let nodes: Vec<FieldNode> = batch.nodes().into_iter().flatten().copied().collect();
    let views: Vec<i64> = batch.variadicBufferCounts().into_iter().flatten().collect();
    let mut walk = Walk { nodes: nodes.iter(), pieces: pieces.iter(), views: views.iter(), version };
    for data_type in types {
        let length = walk.column(data_type)?;
        if i64::try_from(length) != Ok(batch.length()) {
            return Err(format!("a batch of {} rows has a column of {length}", batch.length()));
        }
    }
    if walk.nodes.next().is_some() || walk.pieces.next().is_some() {
        return Err("a batch has more columns than the schema".into());
    }
    Ok(())
}

struct Walk<'a, 'b> {
    nodes: std::slice::Iter<'a, FieldNode>,
    pieces: std::slice::Iter<'a, Piece<'b>>,
    views: std::slice::Iter<'a, i64>,
    version: MetadataVersion,
}

impl<'b> Walk<'_, 'b> {
    /// Checks a column and returns its length.
    fn column(&mut self, data_type: &DataType) -> Result<u64, String> {
        let node = self.nodes.next().ok_or("a batch has fewer columns than the schema")?;
        let lengths = (u64::try_from(node.length()), u64::try_from(node.null_count()));
        let (Ok(length), Ok(nulls)) = lengths else { return Err("a column of a negative length".into()) };
        match data_type {
            DataType::Null | DataType::RunEndEncoded(..) => {}
            // Since version 5 of the metadata a union has no missing values of its own.
            DataType::Union(..) if self.version >= MetadataVersion::V5 => {}
            _ => self.validity(length, nulls)?,
        }
        let offsets = |width: u64| if length == 0 { 0 } else { (length + 1).saturating_mul(width) };
        match data_type {
            DataType::Null => {}
            DataType::Boolean => self.buffer(length.div_ceil(8), "values")?,
            DataType::Utf8 | DataType::Binary => {
                self.buffer(offsets(4), "offsets")?;
                self.buffer(0, "texts")?;
            }
            DataType::LargeUtf8 | DataType::LargeBinary => {
                self.buffer(offsets(8), "offsets")?;
                self.buffer(0, "texts")?;
            }
            DataType::Utf8View | DataType::BinaryView => {
                self.buffer(length.saturating_mul(16), "views")?;
                let count = self.views.next().ok_or("a column of views lacks its number of buffers")?;
                for _ in 0..*count {
                    self.buffer(0, "texts")?;
                }
            }
            DataType::FixedSizeBinary(width) => {
                self.buffer(length.saturating_mul(u64::try_from(*width).unwrap_or_default()), "values")?;
            }
            DataType::Dictionary(keys, _) => {
                self.buffer(length.saturating_mul(keys.primitive_width().unwrap_or(1) as u64), "keys")?;
            }
            DataType::List(field) | DataType::Map(field, _) => {
                self.buffer(offsets(4), "offsets")?;
                self.column(field.data_type())?;
            }
            DataType::LargeList(field) => {
                self.buffer(offsets(8), "offsets")?;
                self.column(field.data_type())?;
            }
            DataType::ListView(field) => {
                self.buffer(length.saturating_mul(4), "offsets")?;
                self.buffer(length.saturating_mul(4), "sizes")?;
                self.column(field.data_type())?;
            }
            DataType::LargeListView(field) => {
                self.buffer(length.saturating_mul(8), "offsets")?;
                self.buffer(length.saturating_mul(8), "sizes")?;
                self.column(field.data_type())?;
            }
            DataType::FixedSizeList(field, size) => {
                let inner = self.column(field.data_type())?;
                if inner != length.saturating_mul(u64::try_from(*size).unwrap_or_default()) {
                    return Err(format!("{length} lists of {size} values have {inner} values"));
                }
            }
            DataType::Struct(fields) => {
                for field in fields {
                    let inner = self.column(field.data_type())?;
                    if inner != length {
                        return Err(format!("a structure of {length} rows has a field of {inner} rows"));
                    }
                }
            }
            DataType::Union(fields, mode) => {
                self.buffer(length, "types")?;
                if *mode == UnionMode::Dense {
                    self.buffer(length.saturating_mul(4), "offsets")?;
                }
                for (_, field) in fields.iter() {
                    self.column(field.data_type())?;
                }
            }
            DataType::RunEndEncoded(ends, values) => {
                let runs = self.column(ends.data_type())?;
                let inner = self.column(values.data_type())?;
                if runs != inner {
                    return Err(format!("{runs} runs have {inner} values"));
                }
            }
            primitive => {
                let width = primitive.primitive_width().unwrap_or(1) as u64;
                self.buffer(length.saturating_mul(width), "values")?;
            }
        }
        Ok(length)
    }

    /// Checks the validity bits.
    fn validity(&mut self, length: u64, nulls: u64) -> Result<(), String> {
        let piece = self.next()?;
        let needed = if nulls == 0 { 0 } else { length.div_ceil(8) };
        if piece.length < needed {
            return Err(short("missing values", piece.length, needed));
        }
        let Some(bytes) = piece.bytes.filter(|bytes| !bytes.is_empty()) else { return Ok(()) };
        let rows = usize::try_from(length).map_err(|error| error.to_string())?;
        if bytes.len() < ceil(rows, 8) {
            return Err(short("missing values", bytes.len() as u64, length.div_ceil(8)));
        }
        let valid = BooleanBuffer::new(Buffer::from(bytes), 0, rows).count_set_bits() as u64;
        if length - valid != nulls {
            return Err(format!("a column claims {nulls} missing values, but has {}", length - valid));
        }
        Ok(())
    }

    fn buffer(&mut self, needed: u64, what: &str) -> Result<(), String> {
        let piece = self.next()?;
        if piece.length < needed { Err(short(what, piece.length, needed)) } else { Ok(()) }
    }

    fn next(&mut self) -> Result<Piece<'b>, String> {
        self.pieces.next().copied().ok_or_else(|| "a batch has fewer buffers than its columns need".into())
    }
}

fn short(what: &str, length: u64, needed: u64) -> String {
    format!("a column's {what} have {length} bytes, but need {needed}")
}
