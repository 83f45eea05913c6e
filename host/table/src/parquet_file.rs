//! A Parquet file: opened with every type at a width that holds its values, and read in batches.

use super::batches::Batches;
use super::error::TableError;
use super::parquet_pages::CheckedGroups;
use super::parquet_parts::{self, Part, Together};
use super::room::Room;
use super::{BATCH_BYTES, BATCH_ROWS, ipc, parquet_footer};
use arrow_array::{RecordBatch, RecordBatchReader};
use arrow_schema::{DataType, FieldRef, Fields, Schema, SchemaRef, TimeUnit};
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, RowGroups};
use parquet::arrow::{ARROW_SCHEMA_META_KEY, ProjectionMask, parquet_to_arrow_field_levels};
use parquet::basic::Type as PhysicalType;
use parquet::column::reader::{ColumnReader, get_column_reader};
use parquet::data_type::Int96;
use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData, RowGroupMetaData};
use parquet::schema::types::ColumnDescriptor;
use std::cell::Cell;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Days from the start of INT96's calendar to 1970.
const JULIAN_1970: i128 = 2_440_588;

/// Nanoseconds of a day.
const DAY_NANOS: i128 = 86_400_000_000_000;

/// INT96 values read at a time.
const INT96_BATCH: usize = 16_384;

/// A Parquet file that has been checked.
#[derive(Debug)]
pub(super) struct ParquetFile {
    /// The types of its columns, before those that are requested for reading.
    schema: SchemaRef,
    metadata: ArrowReaderMetadata,
    rows: u64,
    batch_rows: usize,
    _room: Room,
}

impl ParquetFile {
    /// Opens and checks a file.
    pub(super) fn open(path: &Path, mut file: File) -> Result<Self, TableError> {
        let damaged = |reason: String| TableError::Damaged { path: path.to_owned(), reason };
        let room = parquet_footer::check(&mut file)
            .map_err(|reason| TableError::Unreadable { path: path.to_owned(), reason })?;
        let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
        let bare = ArrowReaderMetadata::load(&file, options).map_err(|error| damaged(words(&error)))?;
        let metadata = Arc::clone(bare.metadata());
        let pairs = metadata.file_metadata().key_value_metadata();
        let embedded = pairs.into_iter().flatten().find(|pair| pair.key == ARROW_SCHEMA_META_KEY);
        let embedded = match embedded.and_then(|pair| pair.value.as_ref()) {
            Some(embedded) => ipc::check_embedded(embedded).map_err(|fault| fault.of(path))?,
            None => None,
        };
        let rows = check_rows(&metadata).map_err(damaged)?;
        let opened = |schema: Option<SchemaRef>| {
            let options = ArrowReaderOptions::new();
            let options = schema.map_or(options.clone(), |schema| options.with_schema(schema));
            ArrowReaderMetadata::try_new(Arc::clone(&metadata), options)
        };
        let known = opened(None).map_err(|error| damaged(words(&error)))?;
        let units = int96_units(path, &metadata, rows, file)?;
        let schema = with_zones(&with_int96(known.schema(), &units), embedded.as_ref());
        let wide = Arc::new(Schema::new_with_metadata(hints(schema.fields()), schema.metadata().clone()));
        // If a column cannot be read as views, all columns are read with their own types.
        let hinted = opened(Some(wide)).or_else(|_| opened(Some(Arc::clone(&schema))));
        let hinted = hinted.map_err(|error| damaged(words(&error)))?;
        Ok(Self { schema, metadata: hinted, rows, batch_rows: batch_rows(&metadata), _room: room })
    }

    pub(super) fn schema(&self) -> &Schema {
        &self.schema
    }

    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    /// Its batches, from its first row. They have the footer's number of rows, or the last item is an error.
    pub(super) fn batches(&self, path: &Path, file: &File) -> Result<Batches, TableError> {
        let mut parts = parquet_parts::split(self.metadata.metadata());
        if parts.len() < 2 {
            return Ok(Box::new(self.part(path, file, &parts.pop().unwrap_or_default())?));
        }
        let parts = parts.into_iter().map(|columns| {
            let batches = self.part(path, file, &columns)?;
            Ok(Part::start(path, columns, batches.reader.schema(), batches))
        });
        Ok(Box::new(Together::new(path, parts.collect::<Result<_, TableError>>()?)))
    }

    /// The batches of some of its columns.
    fn part(&self, path: &Path, file: &File, columns: &[usize]) -> Result<ParquetBatches, TableError> {
        let metadata = self.metadata.metadata();
        let descriptions = metadata.file_metadata().schema_descr();
        let mask = ProjectionMask::roots(descriptions, columns.iter().copied());
        let levels = parquet_to_arrow_field_levels(descriptions, mask, Some(self.metadata.schema().fields()));
        let file = file.try_clone().map_err(|source| TableError::Read { path: path.to_owned(), source })?;
        let groups = CheckedGroups::new(file, Arc::clone(metadata), self.rows);
        let reader = levels.and_then(|levels| {
            ParquetRecordBatchReader::try_new_with_row_groups(&levels, &groups, self.batch_rows, None)
        });
        let reader = reader.map_err(|error| TableError::Damaged { path: path.to_owned(), reason: words(&error) })?;
        Ok(ParquetBatches { path: path.to_owned(), reader, expected: self.rows, read: 0 })
    }
}

/// An iterator over batches.
pub(super) struct ParquetBatches {
    path: PathBuf,
    reader: ParquetRecordBatchReader,
    expected: u64,
    read: u64,
}

impl Iterator for ParquetBatches {
    type Item = Result<RecordBatch, TableError>;

    fn next(&mut self) -> Option<Self::Item> {
        let damaged = |reason: String| Some(Err(TableError::Damaged { path: self.path.clone(), reason }));
        match self.reader.next() {
            Some(Ok(batch)) => {
                self.read += batch.num_rows() as u64;
                Some(Ok(batch))
            }
            Some(Err(error)) => damaged(longshore_segment::bare(&error)),
            None if self.read != self.expected => {
                let (read, expected) = (self.read, self.expected);
                // Only once: nothing follows an error.
                self.read = self.expected;
                damaged(format!("it has {read} rows, but its footer says {expected}"))
            }
            None => None,
        }
    }
}

/// The number of rows, which a footer contains twice.
fn check_rows(metadata: &ParquetMetaData) -> Result<u64, String> {
    let whole = metadata.file_metadata().num_rows();
    let mut sum: i64 = 0;
    for group in metadata.row_groups() {
        let rows = group.num_rows();
        sum = sum.checked_add(rows).filter(|_| rows >= 0).ok_or("a row group has a negative number of rows")?;
    }
    if whole != sum {
        return Err(format!("its footer claims {whole} rows, but its row groups have {sum}"));
    }
    u64::try_from(whole).map_err(|error| error.to_string())
}

/// Rows that take about [`BATCH_BYTES`]. A run of one value takes a few bytes in the file, but the bytes of all its
/// rows in memory.
fn batch_rows(metadata: &ParquetMetaData) -> usize {
    let width = |column: &ColumnDescriptor| match column.physical_type() {
        PhysicalType::FIXED_LEN_BYTE_ARRAY => i64::from(column.type_length()),
        _ => 8,
    };
    let read = |chunk: &ColumnChunkMetaData| chunk.num_values().saturating_mul(width(chunk.column_descr()));
    let bytes_of_row = |group: &RowGroupMetaData| {
        let read = group.columns().iter().map(read).fold(0, i64::saturating_add);
        let (bytes, rows) = (group.total_byte_size().max(read).max(1), group.num_rows().max(1));
        bytes.div_euclid(rows).max(1)
    };
    let most = metadata.row_groups().iter().map(bytes_of_row).max().unwrap_or(1);
    let rows = BATCH_BYTES / usize::try_from(most).unwrap_or(usize::MAX);
    rows.clamp(1, BATCH_ROWS)
}

/// The types requested for columns: text as views, which share a dictionary's texts instead of repeating them, so that
/// no batch is too large; categories with keys that are wide enough for every dictionary.
fn hints(fields: &Fields) -> Fields {
    fields.iter().map(hint).collect()
}

fn hint(field: &FieldRef) -> FieldRef {
    let hinted = match field.data_type() {
        DataType::Utf8 | DataType::LargeUtf8 => DataType::Utf8View,
        DataType::Binary | DataType::LargeBinary => DataType::BinaryView,
        DataType::Dictionary(_, values) => match values.as_ref() {
            text @ (DataType::Utf8 | DataType::LargeUtf8) => {
                DataType::Dictionary(Box::new(DataType::Int32), Box::new(text.clone()))
            }
            _ => return Arc::clone(field),
        },
        nested => map_nested(nested, hint),
    };
    Arc::new(field.as_ref().clone().with_data_type(hinted))
}

fn map_nested(data_type: &DataType, map: impl Fn(&FieldRef) -> FieldRef) -> DataType {
    match data_type {
        DataType::List(field) => DataType::List(map(field)),
        DataType::LargeList(field) => DataType::LargeList(map(field)),
        DataType::FixedSizeList(field, size) => DataType::FixedSizeList(map(field), *size),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(map).collect()),
        DataType::Map(field, sorted) => DataType::Map(map(field), *sorted),
        other => other.clone(),
    }
}

/// The library's message without the kind of the error.
fn words(error: &ParquetError) -> String {
    match error {
        ParquetError::General(text)
        | ParquetError::NYI(text)
        | ParquetError::EOF(text)
        | ParquetError::ArrowError(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The schema with INT96 columns in the units that hold their values; `units` has one for each leaf column.
fn with_int96(schema: &SchemaRef, units: &[Option<TimeUnit>]) -> SchemaRef {
    fn replaced(field: &FieldRef, units: &[Option<TimeUnit>], leaf: &Cell<usize>) -> FieldRef {
        let nested = matches!(
            field.data_type(),
            DataType::List(_)
                | DataType::LargeList(_)
                | DataType::FixedSizeList(..)
                | DataType::Struct(_)
                | DataType::Map(..)
        );
        if nested {
            let data_type = map_nested(field.data_type(), |field| replaced(field, units, leaf));
            return Arc::new(field.as_ref().clone().with_data_type(data_type));
        }
        match units.get(leaf.replace(leaf.get() + 1)) {
            Some(Some(unit)) => Arc::new(field.as_ref().clone().with_data_type(DataType::Timestamp(*unit, None))),
            _ => Arc::clone(field),
        }
    }
    if units.iter().all(Option::is_none) {
        return Arc::clone(schema);
    }
    let leaf = Cell::new(0);
    let fields: Vec<FieldRef> = schema.fields().iter().map(|field| replaced(field, units, &leaf)).collect();
    Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()))
}

/// The schema with the zones that its writer recorded; times whose unit Parquet lacks are UTC in a unit that it has.
fn with_zones(schema: &SchemaRef, embedded: Option<&Schema>) -> SchemaRef {
    let zoned = |field: &FieldRef| {
        let known = embedded.and_then(|embedded| embedded.field_with_name(field.name()).ok());
        match (field.data_type(), known.map(|known| known.data_type())) {
            (DataType::Timestamp(unit, Some(_)), Some(DataType::Timestamp(_, zone @ Some(_)))) => {
                let data_type = DataType::Timestamp(*unit, zone.clone());
                Arc::new(field.as_ref().clone().with_data_type(data_type))
            }
            _ => Arc::clone(field),
        }
    };
    let fields: Vec<FieldRef> = schema.fields().iter().map(zoned).collect();
    Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()))
}

/// For each leaf column of INT96, the unit that holds its times: INT96 counts days and nanoseconds of a day, so that
/// neither microseconds nor nanoseconds hold all of them.
fn int96_units(
    path: &Path,
    metadata: &Arc<ParquetMetaData>,
    rows: u64,
    file: File,
) -> Result<Vec<Option<TimeUnit>>, TableError> {
    let columns = metadata.file_metadata().schema_descr();
    let is_int96 = |leaf: &usize| columns.column(*leaf).physical_type() == PhysicalType::INT96;
    let leaves: Vec<usize> = (0..columns.num_columns()).filter(is_int96).collect();
    let mut units = vec![None; columns.num_columns()];
    if leaves.is_empty() {
        return Ok(units);
    }
    let damaged = |error: ParquetError| TableError::Damaged { path: path.to_owned(), reason: words(&error) };
    let groups = CheckedGroups::new(file, Arc::clone(metadata), rows);
    for leaf in leaves {
        let mut range = Int96Range::default();
        for pages in groups.column_chunks(leaf).map_err(damaged)? {
            let column = pages.map(|pages| get_column_reader(columns.column(leaf), pages)).map_err(damaged)?;
            range.read(column).map_err(damaged)?;
        }
        let unit = range.unit().ok_or_else(|| TableError::Unreadable {
            path: path.to_owned(),
            reason: format!(
                "column `{}` has times with fractions of a microsecond beside times before 1677 or after 2262, or times \
                 that are too far away: no unit holds all of them, so write it as INT64 or as text",
                columns.column(leaf).path().string()
            ),
        })?;
        units[leaf] = Some(unit);
    }
    Ok(units)
}

/// The properties of an INT96 column's times that determine their unit.
#[derive(Debug, Default)]
struct Int96Range {
    needs_nanos: bool,
    beyond_nanos: bool,
    beyond_micros: bool,
}

impl Int96Range {
    fn read(&mut self, column: ColumnReader) -> Result<(), ParquetError> {
        let ColumnReader::Int96ColumnReader(mut reader) = column else { return Ok(()) };
        let (mut values, mut definitions, mut repetitions) = (Vec::new(), Vec::new(), Vec::new());
        loop {
            values.clear();
            definitions.clear();
            repetitions.clear();
            let levels = (Some(&mut definitions), Some(&mut repetitions));
            let (records, _, _) = reader.read_records(INT96_BATCH, levels.0, levels.1, &mut values)?;
            values.iter().for_each(|value| self.add(value));
            if records == 0 {
                return Ok(());
            }
        }
    }

    fn add(&mut self, value: &Int96) {
        let [low, high, day] = *value.data() else { return };
        let of_day = i128::from(u64::from(high) << 32 | u64::from(low));
        let nanos = (i128::from(day.cast_signed()) - JULIAN_1970) * DAY_NANOS + of_day;
        self.needs_nanos |= nanos % 1_000 != 0;
        self.beyond_nanos |= i64::try_from(nanos).is_err();
        self.beyond_micros |= i64::try_from(nanos.div_euclid(1_000)).is_err();
    }

    fn unit(&self) -> Option<TimeUnit> {
        match (self.needs_nanos, self.beyond_nanos, self.beyond_micros) {
            (true, false, _) => Some(TimeUnit::Nanosecond),
            (false, _, false) => Some(TimeUnit::Microsecond),
            _ => None,
        }
    }
}
