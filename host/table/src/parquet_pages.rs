//! Checks each page of a Parquet file before the library decodes it: the claims of its header must match its column and
//! be possible for its bytes, since memory is allocated for them, and values that a page lacks would shift all that
//! follow.

use super::room::{Room, check_unpacked, set_aside};
use super::thrift::Walk;
use bytes::Bytes;
use parquet::arrow::arrow_reader::RowGroups;
use parquet::basic::{Compression, Encoding, Type};
use parquet::column::page::{Page, PageIterator, PageMetadata, PageReader};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData, RowGroupMetaData};
use parquet::file::reader::{ChunkReader, Length};
use parquet::file::serialized_reader::SerializedPageReader;
use std::fs::File;
use std::io::{BufReader, Read};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

/// Longest header of a page: it may hold a minimum and a maximum value.
const HEADER_MAX: usize = 16 << 20;

/// Bytes of a header that are read at first.
const HEADER_USUAL: usize = 4 << 10;

/// The writer of compressed version 2 pages that are marked as not compressed: Arrow's C++ library before 3.0.
const UNMARKED: &str = "parquet-cpp version 1.";

/// Bytes of memory for a byte of a page: itself, its value, and the value in a batch or a segment.
const NUMBER_FACTOR: u64 = 3;

/// The same if the page may be one text, which is also shown, compared and copied as a whole.
const TEXT_FACTOR: u64 = 5;

/// A boolean field that is true, in the low half of its first byte.
const THRIFT_TRUE: u8 = 1;

/// All row groups of a file.
pub(super) struct CheckedGroups {
    file: Arc<File>,
    metadata: Arc<ParquetMetaData>,
    rows: u64,
}

impl CheckedGroups {
    pub(super) fn new(file: File, metadata: Arc<ParquetMetaData>, rows: u64) -> Self {
        Self { file: Arc::new(file), metadata, rows }
    }
}

impl RowGroups for CheckedGroups {
    fn num_rows(&self) -> usize {
        usize::try_from(self.rows).unwrap_or(usize::MAX)
    }

    fn column_chunks(&self, column: usize) -> Result<Box<dyn PageIterator>> {
        let (file, metadata) = (Arc::clone(&self.file), Arc::clone(&self.metadata));
        Ok(Box::new(Chunks { file, metadata, column, group: 0 }))
    }

    fn row_groups(&self) -> Box<dyn Iterator<Item = &RowGroupMetaData> + '_> {
        Box::new(self.metadata.row_groups().iter())
    }

    fn metadata(&self) -> &ParquetMetaData {
        &self.metadata
    }
}

/// One column, group by group.
struct Chunks {
    file: Arc<File>,
    metadata: Arc<ParquetMetaData>,
    column: usize,
    group: usize,
}

impl Iterator for Chunks {
    type Item = Result<Box<dyn PageReader>>;

    fn next(&mut self) -> Option<Self::Item> {
        let group = self.metadata.row_groups().get(self.group)?;
        self.group += 1;
        Some(self.pages(group))
    }
}

impl Chunks {
    fn pages(&self, group: &RowGroupMetaData) -> Result<Box<dyn PageReader>> {
        let chunk = group.column(self.column);
        let found = check_chunk(&self.file, group, chunk).map_err(|reason| wrong(chunk, &reason))?;
        let by = self.metadata.file_metadata().created_by();
        let is_unmarked =
            by.is_some_and(|by| by.starts_with(UNMARKED)) && chunk.compression() != Compression::UNCOMPRESSED;
        let unmarked = if is_unmarked { found.unmarked.into() } else { Arc::default() };
        // The place of the pages, as found by their headers.
        let chunk = chunk.clone().into_builder();
        let chunk = chunk.set_dictionary_page_offset(None).set_data_page_offset(found.start);
        let chunk = chunk.set_total_compressed_size(found.length).build()?;
        let rows = usize::try_from(group.num_rows()).unwrap_or_default();
        let file = Arc::new(MarkedFile { file: Arc::clone(&self.file), unmarked });
        let inner = SerializedPageReader::new(file, &chunk, rows, None)?;
        let mut room = Room::default();
        let factor = if chunk.column_type() == Type::BYTE_ARRAY { TEXT_FACTOR } else { NUMBER_FACTOR };
        room.hold(found.largest.saturating_mul(factor)).map_err(|refused| wrong(&chunk, &String::from(refused)))?;
        Ok(Box::new(CheckedPages { inner, chunk, _room: room }))
    }
}

impl PageIterator for Chunks {}

fn wrong(chunk: &ColumnChunkMetaData, reason: &str) -> ParquetError {
    ParquetError::General(format!("column `{}`: {reason}", chunk.column_path().string()))
}

/// The pages of a column, by their headers.
struct Found {
    start: i64,
    length: i64,
    /// Bytes of the largest page, compressed and uncompressed.
    largest: u64,
    /// Positions of version 2 pages that are marked as not compressed.
    unmarked: Vec<u64>,
}

/// Walks through the headers of a column's pages.
fn check_chunk(
    file: &File,
    group: &RowGroupMetaData,
    chunk: &ColumnChunkMetaData,
) -> std::result::Result<Found, String> {
    let number = |number: i64, what: &str| u64::try_from(number).map_err(|_| format!("{what} is {number}"));
    let rows = number(group.num_rows(), "its number of rows")?;
    let values = number(chunk.num_values(), "its number of values")?;
    if chunk.column_descr().max_rep_level() == 0 && values != rows {
        return Err(format!("it has {values} values for {rows} rows"));
    }
    let first = match chunk.dictionary_page_offset() {
        // Some writers write 0 if there is none.
        Some(dictionary) if dictionary > 0 && dictionary < chunk.data_page_offset() => dictionary,
        _ => chunk.data_page_offset(),
    };
    let mut at = number(first, "the offset of its first page")?;
    let length = number(chunk.compressed_size(), "its size")?;
    let end = at.checked_add(length).ok_or("its size is beyond the file")?;
    let (mut found, mut largest, mut unmarked) = (0_u64, 0, Vec::new());
    // Some old writers omitted the dictionary's header from the size, so the number of values determines the end.
    while found < values {
        let (numbers, header) = header(file, at)?;
        let of = |outer: i64, field: i64| numbers.get(&(outer, field)).copied();
        let size = |field, what: &str| {
            of(0, field).and_then(|size| u64::try_from(size).ok()).ok_or_else(|| format!("a page without {what}"))
        };
        let (unpacked, packed) = (size(2, "its size")?, size(3, "its compressed size")?);
        if unpacked > packed.saturating_mul(ratio(chunk.compression())).saturating_add(1024) {
            return Err(format!("a page of {packed} bytes that claims to hold {unpacked}"));
        }
        check_unpacked(packed, unpacked)?;
        largest = largest.max(packed + unpacked);
        if let Some(place) = of(8, 7).and_then(|place| u64::try_from(place).ok()) {
            unmarked.push(at + place);
        }
        at = at
            .checked_add(header + packed)
            .filter(|at| *at <= end.saturating_add(header))
            .ok_or_else(|| format!("a page of {packed} bytes, which is more than its column has"))?;
        let data = match of(0, 1) {
            // A data page, of either version.
            Some(0) => of(5, 1),
            Some(3) => of(8, 1),
            // A dictionary or an index has no values of rows.
            _ => Some(0),
        };
        let data =
            data.and_then(|values| u64::try_from(values).ok()).ok_or("a page with a negative number of values")?;
        found = found.saturating_add(data);
    }
    if found != values {
        return Err(format!("its pages have {found} values, but its footer claims {values}"));
    }
    let length = i64::try_from(at).map_err(|_| "its size is beyond the file")? - first;
    Ok(Found { start: first, length, largest, unmarked })
}

type Numbers = std::collections::BTreeMap<(i64, i64), i64>;

/// The header of the page at a position, and its length.
fn header(file: &File, at: u64) -> std::result::Result<(Numbers, u64), String> {
    let mut size = HEADER_USUAL;
    loop {
        let mut bytes = vec![0; size];
        let mut filled = 0;
        while filled < size {
            match file.read_at(&mut bytes[filled..], at + filled as u64) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) => return Err(error.to_string()),
            }
        }
        let mut walk = Walk::new(&bytes[..filled]);
        if let Some(numbers) = walk.numbers() {
            return Ok((numbers, walk.at() as u64));
        }
        if filled < size || size >= HEADER_MAX {
            return Err("it has fewer pages than values, or the header of one is damaged".into());
        }
        size *= 8;
    }
}

/// Maximum decompressed bytes for each byte of a compression.
fn ratio(compression: Compression) -> u64 {
    match compression {
        Compression::UNCOMPRESSED => 1,
        // A copy of 64 bytes takes three.
        Compression::SNAPPY => 64,
        Compression::LZ4 | Compression::LZ4_RAW => 256,
        Compression::GZIP(_) => 1_100,
        // Zstandard makes a block of 128 KiB from four bytes; Brotli has no known bound.
        _ => 32 << 10,
    }
}

/// A file whose compressed pages are all marked as compressed.
struct MarkedFile {
    file: Arc<File>,
    unmarked: Arc<[u64]>,
}

impl MarkedFile {
    fn mark(&self, start: u64, bytes: &mut [u8]) {
        for place in self.unmarked.iter().filter_map(|place| place.checked_sub(start)) {
            let byte = usize::try_from(place).ok().and_then(|place| bytes.get_mut(place));
            if let Some(byte) = byte {
                *byte = *byte & 0xf0 | THRIFT_TRUE;
            }
        }
    }
}

impl Length for MarkedFile {
    fn len(&self) -> u64 {
        Length::len(&*self.file)
    }
}

impl ChunkReader for MarkedFile {
    type T = BufReader<MarkedRead>;

    fn get_read(&self, start: u64) -> Result<Self::T> {
        let marked = Self { file: Arc::clone(&self.file), unmarked: Arc::clone(&self.unmarked) };
        Ok(BufReader::new(MarkedRead { file: marked, at: start }))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        let mut bytes = set_aside(length as u64).map_err(|refused| ParquetError::General(refused.into()))?;
        bytes.resize(length, 0);
        self.file.read_exact_at(&mut bytes, start)?;
        self.mark(start, &mut bytes);
        Ok(bytes.into())
    }
}

struct MarkedRead {
    file: MarkedFile,
    at: u64,
}

impl Read for MarkedRead {
    fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
        let read = self.file.file.read_at(bytes, self.at)?;
        self.file.mark(self.at, &mut bytes[..read]);
        self.at += read as u64;
        Ok(read)
    }
}

/// Pages that are checked as they arrive.
struct CheckedPages {
    inner: SerializedPageReader<MarkedFile>,
    chunk: ColumnChunkMetaData,
    /// The memory of its largest page.
    _room: Room,
}

impl PageReader for CheckedPages {
    fn get_next_page(&mut self) -> Result<Option<Page>> {
        let page = self.inner.get_next_page()?;
        if let Some(page) = &page {
            check_page(page, &self.chunk).ok_or_else(|| wrong(&self.chunk, "a page of it is damaged"))?;
        }
        Ok(page)
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>> {
        self.inner.peek_next_page()
    }

    fn skip_next_page(&mut self) -> Result<()> {
        self.inner.skip_next_page()
    }

    fn at_record_boundary(&mut self) -> Result<bool> {
        self.inner.at_record_boundary()
    }
}

impl Iterator for CheckedPages {
    type Item = Result<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}

/// Checks that a page can have as many values as it claims. `None` if it cannot.
fn check_page(page: &Page, chunk: &ColumnChunkMetaData) -> Option<()> {
    let column = chunk.column_descr();
    match page {
        Page::DictionaryPage { buf, num_values, .. } => {
            let width = match column.physical_type() {
                Type::INT64 | Type::DOUBLE => 8,
                Type::INT96 => 12,
                Type::FIXED_LEN_BYTE_ARRAY => usize::try_from(column.type_length()).ok()?,
                // The length of a text.
                Type::INT32 | Type::FLOAT | Type::BYTE_ARRAY => 4,
                Type::BOOLEAN => 0,
            };
            (usize::try_from(*num_values).ok()?.checked_mul(width)? <= buf.len()).then_some(())
        }
        Page::DataPage { buf, num_values, encoding, .. } => {
            let mut values = Walk::new(buf);
            // Levels, each preceded by its length.
            for level in [column.max_rep_level(), column.max_def_level()] {
                if level > 0 && deltas(*encoding) > 0 {
                    let length = [values.byte()?, values.byte()?, values.byte()?, values.byte()?];
                    values.skip(usize::try_from(u32::from_le_bytes(length)).ok()?)?;
                }
            }
            check_deltas(values, *encoding, *num_values)
        }
        Page::DataPageV2 { buf, num_values, encoding, def_levels_byte_len, rep_levels_byte_len, .. } => {
            let mut values = Walk::new(buf);
            let levels = rep_levels_byte_len.checked_add(*def_levels_byte_len)?;
            values.skip(usize::try_from(levels).ok()?)?;
            check_deltas(values, *encoding, *num_values)
        }
    }
}

/// The number of sequences of differences with which the values of an encoding begin.
fn deltas(encoding: Encoding) -> usize {
    match encoding {
        Encoding::DELTA_BINARY_PACKED | Encoding::DELTA_LENGTH_BYTE_ARRAY => 1,
        Encoding::DELTA_BYTE_ARRAY => 2,
        _ => 0,
    }
}

/// Checks a sequence of differences: memory is allocated for as many values as it claims.
fn check_deltas(mut values: Walk<'_>, encoding: Encoding, most: u32) -> Option<()> {
    for sequence in 0..deltas(encoding) {
        let block = values.number()?;
        let parts = values.number()?;
        let count = values.number()?;
        values.number()?;
        if count > u64::from(most) {
            return None;
        }
        if sequence + 1 == deltas(encoding) {
            return Some(());
        }
        // The next begins after this one's blocks, whose parts have different widths.
        let of_part =
            block.checked_div(parts).filter(|values| *values > 0 && values % 32 == 0 && *values <= 1 << 20)?;
        let mut left = count.saturating_sub(1);
        while left > 0 {
            values.number()?;
            let widths: Option<Vec<u8>> = (0..parts.min(1 << 16)).map(|_| values.byte()).collect();
            for width in widths? {
                if left > 0 {
                    let bytes = of_part.checked_mul(u64::from(width))? / 8;
                    values.skip(usize::try_from(bytes).ok()?)?;
                }
                left = left.saturating_sub(of_part);
            }
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::super::parquet_file::ParquetFile;
    use super::*;
    use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
    use parquet::arrow::ArrowWriter;
    use parquet::arrow::arrow_reader::ArrowReaderMetadata;
    use parquet::file::metadata::{ColumnChunkMetaDataBuilder, ParquetMetaDataWriter};
    use parquet::file::properties::{WriterProperties, WriterVersion};
    use std::io::{Seek, Write};
    use std::path::Path;

    fn table() -> RecordBatch {
        let texts: ArrayRef = Arc::new((0..1000).map(|row| Some(format!("kind {}", row % 7))).collect::<StringArray>());
        let numbers: ArrayRef = Arc::new((0..1000).map(|row| (row % 5 > 0).then_some(row)).collect::<Int64Array>());
        RecordBatch::try_from_iter_with_nullable([("t", texts, true), ("n", numbers, true)]).unwrap()
    }

    fn written(properties: WriterProperties) -> Vec<u8> {
        let mut writer = ArrowWriter::try_new(Vec::new(), table().schema(), Some(properties)).unwrap();
        writer.write(&table()).unwrap();
        writer.into_inner().unwrap()
    }

    fn file(bytes: &[u8]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file.rewind().unwrap();
        file
    }

    fn read(bytes: &[u8]) -> Vec<RecordBatch> {
        let path = Path::new("file.parquet");
        let opened = ParquetFile::open(path, file(bytes)).unwrap();
        opened.batches(path, &file(bytes)).unwrap().collect::<std::result::Result<_, _>>().unwrap()
    }

    fn metadata(bytes: &[u8]) -> Arc<ParquetMetaData> {
        Arc::clone(ArrowReaderMetadata::load(&file(bytes), Default::default()).unwrap().metadata())
    }

    /// The same file with another description of its columns in the footer.
    fn with_columns(
        bytes: &[u8],
        change: impl Fn(ColumnChunkMetaDataBuilder, &ColumnChunkMetaData) -> ColumnChunkMetaDataBuilder,
    ) -> Vec<u8> {
        let known = metadata(bytes);
        let footer = u32::from_le_bytes(*bytes[bytes.len() - 8..].first_chunk().unwrap()) as usize;
        let mut all = bytes[..bytes.len() - 8 - footer].to_vec();
        let column = |column: &ColumnChunkMetaData| change(column.clone().into_builder(), column).build().unwrap();
        let groups = known.row_groups().iter().map(|group| {
            let columns = group.columns().iter().map(column).collect();
            group.clone().into_builder().set_column_metadata(columns).build().unwrap()
        });
        let changed = (*known).clone().into_builder().set_row_groups(groups.collect()).build();
        ParquetMetaDataWriter::new(&mut all, &changed).finish().unwrap();
        all
    }

    fn plain() -> Vec<u8> {
        written(WriterProperties::builder().set_offset_index_disabled(true).build())
    }

    #[test]
    fn a_dictionary_may_be_where_the_pages_begin_alone() {
        let good = read(&plain());
        let start = |column: &ColumnChunkMetaData| column.dictionary_page_offset().unwrap();
        for said in [Some(0), None] {
            let bytes = with_columns(&plain(), |builder, column| {
                builder.set_dictionary_page_offset(said).set_data_page_offset(start(column))
            });
            assert_eq!(metadata(&bytes).row_group(0).column(0).dictionary_page_offset(), said);
            assert_eq!(read(&bytes), good, "{said:?}");
        }
    }

    #[test]
    fn the_header_of_a_dictionary_may_be_left_out_of_the_size() {
        let bytes = with_columns(&plain(), |builder, column| {
            let dictionary = column.dictionary_page_offset().unwrap();
            let (_, header) = header(&file(&plain()), u64::try_from(dictionary).unwrap()).unwrap();
            builder.set_total_compressed_size(column.compressed_size() - i64::try_from(header).unwrap())
        });
        assert_eq!(read(&bytes), read(&plain()));
    }

    #[test]
    fn pages_that_do_not_say_that_they_are_compressed_are_read_where_their_writer_forgot_to() {
        let properties = |by: &str| {
            WriterProperties::builder()
                .set_writer_version(WriterVersion::PARQUET_2_0)
                .set_compression(Compression::SNAPPY)
                .set_created_by(by.to_owned())
                .build()
        };
        let old = format!("{UNMARKED}5.1-SNAPSHOT");
        let mut bytes = written(properties(&old));
        let known = metadata(&bytes);
        for column in known.row_group(0).columns() {
            let at = column.data_page_offset();
            let place = usize::try_from(at).unwrap();
            // The byte of the header that marks the page as not compressed.
            let says = |byte: &usize| {
                let mut bytes = bytes.clone();
                bytes[*byte] = bytes[*byte] & 0xf0 | 2;
                let (numbers, _) = header(&file(&bytes), place as u64).unwrap();
                numbers.get(&(8, 7)) == Some(&i64::try_from(*byte - place).unwrap())
            };
            let byte = (place..place + 40).filter(|byte| bytes[*byte] & 0x0f == THRIFT_TRUE).find(says).unwrap();
            bytes[byte] = bytes[byte] & 0xf0 | 2;
        }
        assert_eq!(read(&bytes), read(&written(properties("another"))));
    }
}
