//! Copies an Arrow file of flat columns straight into a segment: each buffer from its place in the file to its final
//! place, checked on the way. Only a fully valid file takes this path; for any other the decoder reports the error.

use super::file::{IpcFile, Place};
use super::layout::{self, Piece};
use super::message::{parse, ranges};
use arrow_buffer::{BooleanBuffer, BooleanBufferBuilder, Buffer};
use arrow_ipc::FieldNode;
use arrow_schema::{DataType, Field, SchemaRef};
use longshore_segment::{Extent, Part, Segment, is_flat, write_flat};
use std::fs::File;
use std::io::{Error, Result, Write};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

/// Bytes copied at a time: few enough to stay in the processor's cache.
const WINDOW: usize = 256 << 10;

/// Bytes of texts that 32-bit offsets can address.
const TEXTS_32_MAX: u64 = i32::MAX as u64;

/// A buffer's place in the file.
type Stretch = Range<u64>;

/// One batch of the file.
struct Piecewise {
    rows: usize,
    columns: Vec<ColumnPiece>,
}

/// A column in one batch of the file.
struct ColumnPiece {
    nulls: usize,
    buffers: Vec<Stretch>,
    /// The place of its rows' texts in the file, and the offset of the first text.
    texts: Stretch,
    first: u64,
}

impl IpcFile {
    /// The whole table as a segment of the plain schema; `None` if it must be decoded: because of its types, its
    /// compression, more bytes than fit, or an error in it.
    pub(crate) fn segment(&mut self, plain: &SchemaRef, fits: &mut dyn FnMut(u64) -> bool) -> Option<Segment> {
        let schema = self.schema();
        let types: Vec<_> = schema.fields().iter().map(|field| field.data_type().clone()).collect();
        let is_plain = plain.fields().iter().map(|field| field.data_type()).eq(&types);
        if !is_plain || !is_flat(plain) || !self.dictionaries.is_empty() {
            return None;
        }
        let places = self.batches.clone();
        let batches = places.into_iter().map(|place| self.piecewise(place, &types)).collect::<Option<Vec<_>>>()?;
        let mut copy = Copy { file: &self.file, types: &types, window: vec![0; WINDOW], written: Vec::new() };
        let extents = copy.extents(&batches, fits)?;
        let nullable = |(field, extent): (&Arc<Field>, &Extent)| extent.nulls == 0 || field.is_nullable();
        if !plain.fields().iter().zip(&extents).all(nullable) {
            return None;
        }
        let rows = batches.iter().map(|batch| batch.rows).sum();
        let fill = |column, part, target: &mut dyn Write| copy.part(&batches, column, part, target);
        write_flat(plain, rows, &extents, fill).ok()
    }

    /// The places of a batch's buffers; `None` if it is invalid or compressed.
    fn piecewise(&mut self, place: Place, types: &[DataType]) -> Option<Piecewise> {
        let metadata = self.metadata(place).ok()?;
        let message = parse(&metadata).ok()?;
        let batch = message.header_as_record_batch().filter(|batch| batch.compression().is_none())?;
        if message.custom_metadata().is_some_and(|pairs| !pairs.is_empty()) {
            return None;
        }
        let rows = usize::try_from(batch.length()).ok()?;
        let ranges = ranges(&batch, place.body).ok()?;
        let pieces: Vec<_> =
            ranges.iter().map(|range| Piece { length: range.end - range.start, bytes: None }).collect();
        layout::check(types.iter(), &batch, &pieces, message.version()).ok()?;
        let body = place.offset + place.metadata;
        let mut ranges = ranges.into_iter().map(|range| body + range.start..body + range.end);
        let column = |(data_type, node): (&DataType, &FieldNode)| {
            let buffers: Vec<Stretch> = ranges.by_ref().take(buffers(data_type)).collect();
            let (mut texts, mut first) = (0..0, 0);
            if let (Some(width), [_, offsets, own]) = (offset_width(data_type), buffers.as_slice())
                && rows > 0
            {
                first = offset(&self.file, offsets.start, width)?;
                let last = offset(&self.file, offsets.start + (rows * width) as u64, width)?;
                texts = own.start.checked_add(first)?..own.start.checked_add(last)?;
                if first > last || texts.end > own.end {
                    return None;
                }
            }
            let nulls = usize::try_from(node.null_count()).ok()?;
            let counts = *data_type != DataType::Null || nulls == rows;
            counts.then_some(ColumnPiece { nulls, buffers, texts, first })
        };
        let columns = types.iter().zip(batch.nodes().into_iter().flatten()).map(column).collect::<Option<Vec<_>>>()?;
        Some(Piecewise { rows, columns })
    }
}

/// The number of buffers of a flat column.
fn buffers(data_type: &DataType) -> usize {
    match data_type {
        DataType::Null => 0,
        data_type if offset_width(data_type).is_some() => 3,
        _ => 2,
    }
}

fn offset_width(data_type: &DataType) -> Option<usize> {
    match data_type {
        DataType::Utf8 | DataType::Binary => Some(size_of::<i32>()),
        DataType::LargeUtf8 | DataType::LargeBinary => Some(size_of::<i64>()),
        _ => None,
    }
}

fn offset(file: &File, at: u64, width: usize) -> Option<u64> {
    let mut bytes = [0; size_of::<i64>()];
    file.read_exact_at(&mut bytes[..width], at).ok()?;
    number(&bytes[..width])
}

/// An offset of 4 or 8 bytes; `None` if it is negative.
fn number(bytes: &[u8]) -> Option<u64> {
    match bytes.first_chunk::<8>() {
        Some(wide) => i64::from_le_bytes(*wide).try_into().ok(),
        None => i32::from_le_bytes(*bytes.first_chunk::<4>()?).try_into().ok(),
    }
}

/// Stops the copying: the decoder will find and report the error.
fn irregular() -> Error {
    Error::other("unexpected layout")
}

/// The state of the copying. The checked bytes are those that are written, because the file may change meanwhile.
struct Copy<'a> {
    file: &'a File,
    types: &'a [DataType],
    window: Vec<u8>,
    /// The offsets of the column being written.
    written: Vec<u64>,
}

impl Copy<'_> {
    /// The size of each column; `None` if all together are larger than fits.
    fn extents(&self, batches: &[Piecewise], fits: &mut dyn FnMut(u64) -> bool) -> Option<Vec<Extent>> {
        let mut total = 0_u64;
        let mut extents: Vec<Extent> = Vec::new();
        for (column, data_type) in self.types.iter().enumerate() {
            let (mut nulls, mut text_bytes) = (0, 0);
            for batch in batches {
                let piece = &batch.columns[column];
                nulls += piece.nulls;
                text_bytes += piece.texts.end - piece.texts.start;
                total = piece.buffers.iter().fold(total, |total, part| total.saturating_add(part.end - part.start));
            }
            let narrow = offset_width(data_type) == Some(size_of::<i32>());
            if narrow && text_bytes > TEXTS_32_MAX {
                return None;
            }
            extents.push(Extent { nulls, text_bytes: usize::try_from(text_bytes).ok()? });
        }
        if !fits(total) {
            return None;
        }
        // Validity bits that are not needed are checked too.
        for column in (0..extents.len()).filter(|column| extents[*column].nulls == 0) {
            self.validity(batches, column).ok()?;
        }
        Some(extents)
    }

    /// Writes one buffer of a column, for all batches one after the other.
    fn part(&mut self, batches: &[Piecewise], column: usize, part: Part, target: &mut dyn Write) -> Result<()> {
        match part {
            Part::Validity => target.write_all(self.validity(batches, column)?.as_slice()),
            Part::Values => match &self.types[column] {
                DataType::Boolean => target.write_all(self.bits(batches, column)?.as_slice()),
                data_type => {
                    let width = match data_type {
                        DataType::FixedSizeBinary(width) => usize::try_from(*width).ok(),
                        primitive => primitive.primitive_width(),
                    };
                    let width = width.ok_or_else(irregular)?;
                    batches.iter().try_for_each(|batch| {
                        let start = batch.columns[column].buffers[1].start;
                        self.stretch(start..start + (batch.rows * width) as u64, target)
                    })
                }
            },
            Part::Offsets => match offset_width(&self.types[column]) {
                Some(4) => self.offsets::<4>(batches, column, target),
                _ => self.offsets::<8>(batches, column, target),
            },
            Part::Texts => self.texts(batches, column, target),
            Part::BooleanBytes => {
                let bits = self.bits(batches, column)?.finish();
                let bytes: Vec<u8> = bits.iter().map(u8::from).collect();
                target.write_all(&bytes)
            }
        }
    }

    /// The validity bits, checked against the number of missing values that each batch claims.
    fn validity(&self, batches: &[Piecewise], column: usize) -> Result<BooleanBufferBuilder> {
        let mut all = BooleanBufferBuilder::new(0);
        for batch in batches {
            let piece = &batch.columns[column];
            let Some(bits) = piece.buffers.first().filter(|bits| bits.start < bits.end) else {
                all.append_n(batch.rows, true);
                continue;
            };
            let bits = self.bits_at(bits.start, batch.rows)?;
            if batch.rows - bits.count_set_bits() != piece.nulls {
                return Err(irregular());
            }
            all.append_buffer(&bits);
        }
        Ok(all)
    }

    /// The values of a boolean column.
    fn bits(&self, batches: &[Piecewise], column: usize) -> Result<BooleanBufferBuilder> {
        let mut all = BooleanBufferBuilder::new(0);
        for batch in batches {
            all.append_buffer(&self.bits_at(batch.columns[column].buffers[1].start, batch.rows)?);
        }
        Ok(all)
    }

    fn bits_at(&self, start: u64, rows: usize) -> Result<BooleanBuffer> {
        let mut bytes = vec![0; rows.div_ceil(8)];
        self.file.read_exact_at(&mut bytes, start)?;
        Ok(BooleanBuffer::new(Buffer::from_vec(bytes), 0, rows))
    }

    /// Copies a stretch of the file.
    fn stretch(&mut self, stretch: Stretch, target: &mut dyn Write) -> Result<()> {
        let mut at = stretch.start;
        while at < stretch.end {
            let length = usize::try_from(stretch.end - at).map_or(WINDOW, |left| left.min(WINDOW));
            self.file.read_exact_at(&mut self.window[..length], at)?;
            target.write_all(&self.window[..length])?;
            at += length as u64;
        }
        Ok(())
    }

    /// Writes the offsets of all batches as one sequence from 0, checked to be ascending and within their texts.
    fn offsets<const WIDTH: usize>(
        &mut self,
        batches: &[Piecewise],
        column: usize,
        target: &mut dyn Write,
    ) -> Result<()> {
        let rows = batches.iter().map(|batch| batch.rows).sum::<usize>();
        self.written = Vec::with_capacity(rows + 1);
        self.written.push(0);
        target.write_all(&[0; WIDTH])?;
        let mut last = 0;
        for batch in batches.iter().filter(|batch| batch.rows > 0) {
            let piece = &batch.columns[column];
            let (base, end) = (last, last + (piece.texts.end - piece.texts.start));
            let offsets = piece.buffers[1].start..piece.buffers[1].start + (batch.rows * WIDTH) as u64;
            let mut at = offsets.start + WIDTH as u64;
            while at <= offsets.end {
                let length = usize::try_from(offsets.end - at).map_or(WINDOW, |left| (left + WIDTH).min(WINDOW));
                let run = &mut self.window[..length];
                self.file.read_exact_at(run, at)?;
                at += length as u64;
                for place in run.as_chunks_mut::<WIDTH>().0 {
                    let own = number(place).and_then(|own| own.checked_sub(piece.first)).ok_or_else(irregular)?;
                    let offset = own + base;
                    if offset < last || offset > end {
                        return Err(irregular());
                    }
                    last = offset;
                    self.written.push(offset);
                    place.copy_from_slice(&offset.to_le_bytes()[..WIDTH]);
                }
                target.write_all(run)?;
            }
            if last != end {
                return Err(irregular());
            }
        }
        Ok(())
    }

    /// Writes the texts of all batches one after the other, checked to be UTF-8 if the type requires it.
    fn texts(&mut self, batches: &[Piecewise], column: usize, target: &mut dyn Write) -> Result<()> {
        let is_text = matches!(self.types[column], DataType::Utf8 | DataType::LargeUtf8);
        let mut row = 0;
        for batch in batches.iter().filter(|batch| batch.rows > 0) {
            let place = &batch.columns[column].texts;
            let (base, end) = (self.written[row], row + batch.rows);
            while row < end {
                // As many rows as fit in the window, or one row of any length.
                let start = self.written[row];
                let fits = self.written[row..=end].partition_point(|offset| offset - start <= WINDOW as u64);
                let next = row + fits.saturating_sub(1).max(1);
                let length = usize::try_from(self.written[next] - start).map_err(Error::other)?;
                if self.window.len() < length {
                    self.window.resize(length, 0);
                }
                let texts = &mut self.window[..length];
                self.file.read_exact_at(texts, place.start + (start - base))?;
                if is_text && !texts.is_ascii() {
                    let texts = std::str::from_utf8(texts).map_err(|_| irregular())?;
                    let mut starts = self.written[row..next].iter().map(|offset| offset - start);
                    if !starts.all(|at| usize::try_from(at).is_ok_and(|at| texts.is_char_boundary(at))) {
                        return Err(irregular());
                    }
                }
                target.write_all(&self.window[..length])?;
                row = next;
            }
        }
        self.window.truncate(WINDOW);
        self.window.shrink_to_fit();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::cast_possible_truncation,
        clippy::cast_possible_wrap,
        clippy::cast_precision_loss,
        reason = "rows are few"
    )]

    use super::*;
    use arrow_array::{
        Array, ArrayRef, BinaryArray, BooleanArray, Decimal128Array, FixedSizeBinaryArray, Float64Array, Int16Array,
        LargeStringArray, NullArray, RecordBatch, StringArray, StringViewArray, TimestampNanosecondArray,
    };
    use arrow_ipc::CompressionType;
    use arrow_ipc::writer::{FileWriter, IpcWriteOptions};
    use longshore_segment::{Budget, Mapping, Side, TableDecoder, plain_batch, plain_schema};
    use std::io::Seek;

    fn some<T>(rows: Range<usize>, one_in: usize, value: impl Fn(usize) -> T) -> impl Iterator<Item = Option<T>> {
        rows.map(move |row| (row % one_in != 0).then(|| value(row)))
    }

    fn batch(rows: Range<usize>) -> RecordBatch {
        let columns: [(&str, ArrayRef); 11] = [
            ("whole", Arc::new(Float64Array::from_iter_values(rows.clone().map(|row| row as f64)))),
            ("small", Arc::new(some(rows.clone(), 5, |row| row as i16).collect::<Int16Array>())),
            ("flags", Arc::new(BooleanArray::from_iter(rows.clone().map(|row| Some(row % 3 == 0))))),
            ("maybe", Arc::new(BooleanArray::from_iter(some(rows.clone(), 4, |row| row % 3 == 0)))),
            ("text", Arc::new(StringArray::from_iter(some(rows.clone(), 6, |row| format!("é{row}ß"))))),
            ("long", Arc::new(LargeStringArray::from_iter(some(rows.clone(), 7, |row| "日".repeat(row % 4))))),
            ("bytes", Arc::new(BinaryArray::from_iter(some(rows.clone(), 3, |row| vec![0xff; row % 5])))),
            (
                "fixed",
                Arc::new(
                    FixedSizeBinaryArray::try_from_sparse_iter_with_size(
                        some(rows.clone(), 3, |row| [row as u8; 3]),
                        3,
                    )
                    .unwrap(),
                ),
            ),
            ("digits", Arc::new(some(rows.clone(), 9, |row| row as i128 - 5).collect::<Decimal128Array>())),
            ("times", Arc::new(some(rows.clone(), 8, |row| row as i64).collect::<TimestampNanosecondArray>())),
            ("nothing", Arc::new(NullArray::new(rows.len()))),
        ];
        RecordBatch::try_from_iter_with_nullable(columns.map(|(name, column)| (name, column, name != "whole"))).unwrap()
    }

    fn written(batches: &[RecordBatch], compression: Option<CompressionType>) -> Vec<u8> {
        let options = IpcWriteOptions::default().try_with_compression(compression).unwrap();
        let mut writer = FileWriter::try_new_with_options(Vec::new(), &batches[0].schema(), options).unwrap();
        batches.iter().for_each(|batch| writer.write(batch).unwrap());
        writer.finish().unwrap();
        writer.into_inner().unwrap()
    }

    fn opened(bytes: &[u8]) -> Option<IpcFile> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file.rewind().unwrap();
        IpcFile::open(file).ok()
    }

    fn direct(bytes: &[u8], limit: u64) -> Option<RecordBatch> {
        // Arrow's library may panic on a schema, in both ways of reading.
        let segment = crate::guarded(|| {
            let mut file = opened(bytes)?;
            file.segment(&plain_schema(&file.schema(), Side::Input), &mut |bytes| bytes <= limit)
        });
        let segment = segment.ok().flatten()?;
        let mut decoder = TableDecoder::untrusting(&Budget::unlimited());
        let decoded = decoder.next(&mut Mapping::private(&segment).unwrap().into_buffer()).unwrap();
        let batch = decoded.expect("a batch").batch;
        batch.columns().iter().for_each(|column| column.to_data().validate_full().unwrap());
        Some(batch)
    }

    fn decoded(bytes: &[u8]) -> std::result::Result<RecordBatch, String> {
        let mut file = opened(bytes).ok_or("it is no file")?;
        let schema = plain_schema(&file.schema(), Side::Input);
        let mut batches = Vec::new();
        while let Some(batch) = file.next().map_err(|fault| fault.to_string())? {
            batches.push(plain_batch(&schema, &batch).map_err(|error| error.to_string())?);
        }
        arrow_select::concat::concat_batches(&schema, &batches).map_err(|error| error.to_string())
    }

    #[test]
    fn what_goes_straight_is_what_is_decoded() {
        let batches = [batch(0..1000), batch(0..0), batch(13..30), batch(1000..3003).slice(3, 2000)];
        for batches in [&batches[..], &batches[1..2], &batches[2..3], &batches[..1]] {
            let bytes = written(batches, None);
            assert_eq!(direct(&bytes, u64::MAX), decoded(&bytes).ok());
            assert!(direct(&bytes, u64::MAX).is_some());
            assert_eq!(direct(&bytes, 100).is_some(), batches[0].num_rows() == 0 && batches.len() == 1);
        }
        let long = StringArray::from(vec!["ü".repeat(WINDOW), String::new(), "a".repeat(3 * WINDOW), "ö".into()]);
        let bytes = written(&[RecordBatch::try_from_iter([("t", Arc::new(long) as ArrayRef)]).unwrap()], None);
        assert_eq!(direct(&bytes, u64::MAX).unwrap(), decoded(&bytes).unwrap());
    }

    #[test]
    fn what_has_to_be_decoded_is_left_to_the_decoder() {
        assert_eq!(direct(&written(&[batch(0..100)], Some(CompressionType::ZSTD)), u64::MAX), None);
        let views =
            RecordBatch::try_from_iter([("v", Arc::new(StringViewArray::from(vec!["a"])) as ArrayRef)]).unwrap();
        assert_eq!(direct(&written(&[views], None), u64::MAX), None);
    }

    /// Each byte of a file is changed in turn: a direct copy equals what the decoder reads, and a file that the decoder
    /// rejects is not copied.
    #[test]
    fn nothing_goes_straight_that_is_refused() {
        let whole = written(&[batch(0..20), batch(7..24)], None);
        let mut went = 0;
        for at in 0..whole.len() {
            let value = [1, 0x80, 0xff][at % 3];
            let mut bytes = whole.clone();
            bytes[at] ^= value;
            if let Some(direct) = direct(&bytes, 1 << 20) {
                went += 1;
                // Arrow's reader panics if a buffer has a few bytes more than its values, which is not a rejection.
                if let Ok(decoded) = crate::guarded(|| decoded(&bytes)) {
                    assert_eq!(decoded, Ok(direct), "{value:#x} at {at} is not what is decoded");
                }
            }
        }
        assert!(went > whole.len() / 3, "{went} of {} went straight", whole.len());
    }
}
