//! Tables on a full disk: an error with the file and the cause, in every format, and never a panic.

#![allow(clippy::unwrap_used, reason = "a test may")]

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use longshore::table::{FileFormat, Sink, TableError};
use std::error::Error;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

/// Rows that do not compress: each format has written some of them before the end.
fn batch() -> RecordBatch {
    let numbers = std::iter::successors(Some(1_i64), |before| {
        Some(before.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407))
    });
    let numbers: Vec<i64> = numbers.take(10_000).collect();
    let texts: Vec<String> = numbers.iter().map(|number| format!("{:x}", number.rotate_left(17))).collect();
    let columns: [(&str, ArrayRef); 2] =
        [("number", Arc::new(Int64Array::from(numbers))), ("text", Arc::new(StringArray::from(texts)))];
    RecordBatch::try_from_iter(columns).unwrap()
}

fn written(path: &Path, batches: usize) -> Result<u64, TableError> {
    let batch = batch();
    // The kernel's device for this.
    let full = File::options().write(true).open("/dev/full").unwrap();
    let mut sink = Sink::create(path, FileFormat::from_path(path)?, &batch.schema(), full, &std::env::temp_dir())?;
    for _ in 0..batches {
        sink.write(&batch)?;
    }
    sink.finish()
}

#[test]
fn every_format_says_that_the_disk_is_full() {
    let formats = [
        "csv",
        "tsv",
        "ndjson",
        "parquet",
        "arrow",
        "feather",
        "arrows",
        "xlsx",
        "csv.gz",
        "tsv.zst",
        "ndjson.gz",
        "ndjson.zst",
    ];
    for suffix in formats {
        // While rows arrive, and at the end, when buffered rows are written.
        for batches in [1, 8] {
            let path = Path::new("/full").join(format!("out.{suffix}"));
            let error = written(&path, batches).unwrap_err();
            assert!(!matches!(error, TableError::WriterGaveUp { .. }), "{suffix}: {error}");
            let (mut told, mut cause) = (error.to_string(), error.source());
            while let Some(source) = cause {
                told.push_str(&format!(": {source}"));
                cause = source.source();
            }
            assert!(told.contains("No space left on device"), "{suffix}, {batches}: {told}");
            assert!(error.to_string().contains(&path.display().to_string()), "{suffix}, {batches}: {error}");
        }
    }
}
