//! Tables that are too large to stand in a case, or that need a format with types: made once, kept in a cache folder
//! while the suite runs, and removed with it.

use crate::case::Generate;
use arrow_array::builder::{Int64Builder, StringBuilder};
use arrow_array::{
    ArrayRef, BooleanArray, Date32Array, Float64Array, RecordBatch, TimestampMicrosecondArray,
    TimestampMillisecondArray,
};
use arrow_schema::{DataType, Field, Schema};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// Rows of one batch of `counted`.
const BATCH_ROWS: usize = 1 << 20;

/// The generated files.
pub(crate) struct Cache {
    folder: PathBuf,
    made: Mutex<BTreeMap<String, Result<PathBuf, String>>>,
}

impl Cache {
    /// An empty cache of this process.
    pub(crate) fn new() -> Self {
        let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
        let cache = cache.or_else(|| std::env::home_dir().map(|home| home.join(".cache")));
        let folder = cache.unwrap_or_else(std::env::temp_dir);
        let folder = folder.join("longshore").join(format!("conformance-{}", std::process::id()));
        Self { folder, made: Mutex::new(BTreeMap::new()) }
    }

    /// The file of a table, made by whoever asks first.
    pub(crate) fn file(&self, table: &Generate, name: &str) -> Result<PathBuf, String> {
        let mut made = self.made.lock().unwrap();
        let file = format!("{}-{}-{}-{name}", table.table, table.rows, table.columns);
        made.entry(file.clone()).or_insert_with(|| self.make(table, &file).map_err(|error| error.to_string())).clone()
    }

    /// Removes all of it.
    pub(crate) fn remove(&self) {
        if let Err(error) = std::fs::remove_dir_all(&self.folder)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            println!("the cache {} stays: {error}", self.folder.display());
        }
    }

    fn make(&self, table: &Generate, file: &str) -> Result<PathBuf, Box<dyn std::error::Error>> {
        std::fs::create_dir_all(&self.folder)?;
        let path = self.folder.join(file);
        match table.table.as_str() {
            "counted" => write(&path, &counted(table.rows, table.columns)?)?,
            "kinds" => write(&path, &[kinds(table.rows)?])?,
            other => return Err(format!("no generated table is called `{other}`").into()),
        }
        Ok(path)
    }
}

/// Float columns `c0`, `c1`, …: in each batch of 2^20 rows the batch's number, then 0.5 in every row.
fn counted(rows: usize, columns: usize) -> Result<Vec<RecordBatch>, Box<dyn std::error::Error>> {
    let fields: Vec<Field> =
        (0..columns).map(|column| Field::new(format!("c{column}"), DataType::Float64, true)).collect();
    let schema = Arc::new(Schema::new(fields));
    let mut batches = Vec::new();
    for (number, start) in (0..rows.max(1)).step_by(BATCH_ROWS).enumerate() {
        let length = BATCH_ROWS.min(rows - start);
        let mut values = vec![0.5; length];
        if let Some(first) = values.first_mut() {
            *first = f64::from(u32::try_from(number)?);
        }
        let column: ArrayRef = Arc::new(Float64Array::from(values));
        batches.push(RecordBatch::try_new(Arc::clone(&schema), vec![column; columns])?);
    }
    Ok(batches)
}

/// One column of every type of the block contract, and some that only Arrow has; every third value is null.
fn kinds(rows: usize) -> Result<RecordBatch, Box<dyn std::error::Error>> {
    let there = |row: usize| row % 3 != 2;
    let whole = |row: usize| i64::try_from(row).expect("few rows");
    let mut integer = Int64Builder::new();
    let mut text = StringBuilder::new();
    for row in 0..rows {
        integer.append_option(there(row).then(|| whole(row)));
        text.append_option(there(row).then(|| format!("zeile {row} „ü“")));
    }
    let decimal: Float64Array = (0..rows).map(|row| there(row).then(|| whole(row) as f64 / 4.0)).collect();
    let boolean: BooleanArray = (0..rows).map(|row| there(row).then_some(row % 2 == 0)).collect();
    let date: Date32Array =
        (0..rows).map(|row| there(row).then(|| 19_000 + i32::try_from(row).expect("few"))).collect();
    let naive: TimestampMicrosecondArray =
        (0..rows).map(|row| there(row).then(|| 1_700_000_000_000_000 + whole(row) * 1_000_001)).collect();
    let zoned: TimestampMillisecondArray =
        (0..rows).map(|row| there(row).then(|| 1_700_000_000_000 + whole(row) * 3_600_000)).collect();
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("integer", Arc::new(integer.finish())),
        ("decimal", Arc::new(decimal)),
        ("text", Arc::new(text.finish())),
        ("boolean", Arc::new(boolean)),
        ("date", Arc::new(date)),
        ("naive", Arc::new(naive)),
        ("zoned", Arc::new(zoned.with_timezone("Europe/Vienna"))),
    ];
    Ok(RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true)))?)
}

fn write(path: &Path, batches: &[RecordBatch]) -> Result<(), Box<dyn std::error::Error>> {
    let file = BufWriter::new(File::create(path)?);
    let schema = batches[0].schema();
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("arrow" | "feather") => {
            let mut writer = arrow_ipc::writer::FileWriter::try_new(file, &schema)?;
            batches.iter().try_for_each(|batch| writer.write(batch))?;
            writer.finish()?;
        }
        Some("arrows") => {
            let mut writer = arrow_ipc::writer::StreamWriter::try_new(file, &schema)?;
            batches.iter().try_for_each(|batch| writer.write(batch))?;
            writer.finish()?;
        }
        Some("parquet") => {
            let mut writer = parquet::arrow::ArrowWriter::try_new(file, schema, None)?;
            batches.iter().try_for_each(|batch| writer.write(batch))?;
            writer.close()?;
        }
        Some("csv") => {
            let mut writer = arrow_csv::Writer::new(file);
            batches.iter().try_for_each(|batch| writer.write(batch))?;
        }
        Some("ndjson") => {
            let mut writer = arrow_json::LineDelimitedWriter::new(file);
            batches.iter().try_for_each(|batch| writer.write(batch))?;
            writer.finish()?;
        }
        other => return Err(format!("no generated table has the suffix {other:?}").into()),
    }
    Ok(())
}
