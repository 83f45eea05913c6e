//! Damaged files of each format: cut at every 64th byte, and with each possible length field changed. None may have
//! other rows than the good file, panic, or use more memory than its limit.

#![allow(clippy::unwrap_used, reason = "a test may")]

use arrow_array::builder::{ListBuilder, StringBuilder};
use arrow_array::{
    ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use longshore::table::{FileFormat, Sink, Source, TableError};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::properties::{WriterProperties, WriterVersion};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Most memory that reading a damaged file may take.
const MEMORY_MAX: u64 = 1 << 30;

/// Rows of the table: few, because each file is read several thousand times.
const ROWS: i64 = 90;

fn table() -> RecordBatch {
    let rows = 0..ROWS;
    let mut lists = ListBuilder::new(StringBuilder::new());
    for n in rows.clone() {
        lists.append_value((0..n % 4).map(|item| Some(format!("item {item}"))));
    }
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("n", Arc::new(rows.clone().map(|n| (n % 5 != 4).then_some(n * 1_000_003)).collect::<Int64Array>())),
        ("x", Arc::new(rows.clone().map(|n| Some(n as f64 / 8.0)).collect::<Float64Array>())),
        (
            "t",
            Arc::new(rows.clone().map(|n| (n % 9 != 0).then(|| format!("text {}", n % 40))).collect::<StringArray>()),
        ),
        ("b", Arc::new(rows.clone().map(|n| Some(n % 3 == 0)).collect::<BooleanArray>())),
        ("at", Arc::new(rows.map(|n| Some(n * 86_400_000_000)).collect::<TimestampMicrosecondArray>())),
        ("l", Arc::new(lists.finish())),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true))).unwrap()
}

/// The same table in every format, and in many of Parquet's encodings.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for suffix in ["csv.gz", "csv.zst", "ndjson.gz", "parquet", "arrow", "arrows", "arrows.zst"] {
        let path = folder.join(format!("table.{suffix}"));
        let format = FileFormat::from_path(&path).unwrap();
        let mut sink =
            Sink::create(&path, format, &table().schema(), File::create(&path).unwrap(), &std::env::temp_dir())
                .unwrap();
        sink.write(&table().slice(0, 40)).unwrap();
        sink.write(&table().slice(40, 50)).unwrap();
        sink.finish().unwrap();
        files.push(path);
    }
    let kinds = [
        ("gzip", Compression::GZIP(Default::default()), None, WriterVersion::PARQUET_1_0),
        ("zstd", Compression::ZSTD(ZstdLevel::default()), None, WriterVersion::PARQUET_2_0),
        ("lz4", Compression::LZ4_RAW, None, WriterVersion::PARQUET_1_0),
        ("plain", Compression::UNCOMPRESSED, Some(Encoding::PLAIN), WriterVersion::PARQUET_1_0),
        ("delta", Compression::UNCOMPRESSED, Some(Encoding::DELTA_BINARY_PACKED), WriterVersion::PARQUET_2_0),
    ];
    for (name, compression, encoding, version) in kinds {
        let path = folder.join(format!("{name}.parquet"));
        let mut properties = WriterProperties::builder()
            .set_compression(compression)
            .set_writer_version(version)
            .set_max_row_group_row_count(Some(40))
            .set_data_page_row_count_limit(20);
        if let Some(encoding) = encoding {
            let texts = if encoding == Encoding::PLAIN { encoding } else { Encoding::DELTA_BYTE_ARRAY };
            properties = properties.set_dictionary_enabled(false);
            for (column, encoding) in [("n", encoding), ("at", encoding), ("t", texts)] {
                properties = properties.set_column_encoding(column.into(), encoding);
            }
        }
        let file = File::create(&path).unwrap();
        let mut writer = ArrowWriter::try_new(file, table().schema(), Some(properties.build())).unwrap();
        writer.write(&table()).unwrap();
        writer.close().unwrap();
        files.push(path);
    }
    files
}

/// The result of reading a file: its rows and its numbers, which no damage may change unnoticed.
fn read(path: &Path) -> Result<(usize, Vec<Option<i64>>), TableError> {
    let source = Source::open(path, FileFormat::from_path(path).unwrap(), &std::env::temp_dir())?;
    let (mut rows, mut numbers) = (0, Vec::new());
    for batch in source.batches()? {
        let batch = batch?;
        rows += batch.num_rows();
        let column = batch.column_by_name("n").and_then(|column| column.as_any().downcast_ref::<Int64Array>());
        numbers.extend(column.into_iter().flatten());
    }
    Ok((rows, numbers))
}

fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches("kB").trim().parse::<u64>().unwrap() << 10
}

#[test]
fn files_that_are_cut_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    for path in files(folder.path()) {
        let whole = std::fs::read(&path).unwrap();
        assert_eq!(read(&path).unwrap().0, 90, "{}", path.display());
        for length in (0..whole.len()).step_by(64).chain(whole.len().saturating_sub(12)..whole.len()) {
            std::fs::write(&path, &whole[..length]).unwrap();
            let found = read(&path);
            assert!(found.is_err(), "{} cut at {length} of {}: {found:?}", path.display(), whole.len());
        }
    }
    assert!(peak_memory() <= MEMORY_MAX, "{} bytes", peak_memory());
}

#[test]
fn lengths_that_are_wrong_make_no_other_rows() {
    let folder = tempfile::tempdir().unwrap();
    let mut tried = 0;
    for path in files(folder.path()) {
        let whole = std::fs::read(&path).unwrap();
        let good = read(&path).unwrap().0;
        // Parquet's lengths are numbers of a byte or more, so each byte of its structures may be one: those before the
        // data of a page and those of the footer. Others are words.
        let is_parquet = path.extension().is_some_and(|suffix| suffix == "parquet");
        let step = if is_parquet { 3 } else { 4 };
        for at in (0..whole.len().saturating_sub(8)).step_by(step) {
            for change in changes(&whole[at..at + 8], is_parquet) {
                let mut bytes = whole.clone();
                bytes[at..at + change.len()].copy_from_slice(&change);
                std::fs::write(&path, &bytes).unwrap();
                tried += 1;
                if let Ok((rows, _)) = read(&path) {
                    assert_eq!(rows, good, "{} with {change:?} at {at}", path.display());
                }
            }
        }
    }
    assert!(tried > 2_000, "{tried}");
    assert!(peak_memory() <= MEMORY_MAX, "{} bytes", peak_memory());
}

fn changes(bytes: &[u8], is_parquet: bool) -> Vec<Vec<u8>> {
    if is_parquet {
        let byte = bytes[0];
        return vec![vec![byte ^ 0x01], vec![0xff; 5], vec![0x00]];
    }
    let small = i32::from_le_bytes(bytes[..4].try_into().unwrap());
    if small == 0 || !(-1..1 << 20).contains(&small) {
        return Vec::new();
    }
    [0, -1, i32::MAX, small + 1, small - 1].map(|value: i32| value.to_le_bytes().to_vec()).to_vec()
}
