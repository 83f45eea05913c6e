//! An output of a dry run: a Parquet file that is written beside its target, and renamed after the script's verdict.

use arrow_array::{RecordBatch, new_null_array};
use arrow_schema::{DataType, Schema, SchemaRef};
use longshore_protocol::OutputName;
use longshore_segment::{Matching, first_schema};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Longest id of an output in bytes: a file name has 255, of which prefix and suffix need a few.
const ID_MAX: usize = 200;

/// An output being written. Dropping it removes the file.
pub(crate) struct DryOutput {
    target: PathBuf,
    beside: PathBuf,
    schema: SchemaRef,
    writer: Option<ArrowWriter<File>>,
    rows: usize,
}

/// The name of an output's file: `output-` and its number, from 0, or its id.
pub(crate) fn file_name(output: &OutputName) -> Result<String, String> {
    match output {
        OutputName::Number(number) => Ok(format!("output-{number}.parquet")),
        OutputName::Id(id) if id.is_empty() || id.len() > ID_MAX || id.contains(['/', '\0']) => {
            Err(format!("in a dry run its id names a file: 1 to {ID_MAX} bytes without `/`"))
        }
        OutputName::Id(id) => Ok(format!("output-{id}.parquet")),
    }
}

/// An output under the id that the block declares for it. `declared` are all ids, in order; `None` if the block is not
/// known, which allows any output.
pub(crate) fn declared(output: &OutputName, declared: Option<&[String]>) -> Result<OutputName, String> {
    let Some(declared) = declared else { return Ok(output.clone()) };
    let known = || if declared.is_empty() { "none".into() } else { declared.join(", ") };
    match output {
        OutputName::Id(id) if declared.contains(id) => Ok(output.clone()),
        OutputName::Id(_) => Err(format!("the block has no output with this id (it has: {})", known())),
        OutputName::Number(_) if declared.is_empty() => Ok(output.clone()),
        OutputName::Number(number) => {
            let id = usize::try_from(*number).ok().and_then(|number| declared.get(number));
            let last = declared.len() - 1;
            let id = id.ok_or_else(|| format!("the block's outputs are numbered 0 to {last} ({})", known()))?;
            Ok(OutputName::Id(id.clone()))
        }
    }
}

impl DryOutput {
    /// Starts the file of an output. Its first table fixes the columns.
    pub(crate) fn create(target: &Path, table: &Schema) -> Result<Self, String> {
        let schema = first_schema(table);
        check_types(&schema)?;
        let name = target.file_name().unwrap_or_default().to_string_lossy();
        let beside = target.with_file_name(format!(".{name}.partial"));
        let failed = |error: &dyn std::fmt::Display| format!("`{}`: {error}", beside.display());
        let file = File::create(&beside).map_err(|error| failed(&error))?;
        let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
        let writer = ArrowWriter::try_new(file, Arc::clone(&schema), Some(properties));
        let writer = writer.map_err(|error| failed(&error))?;
        Ok(Self { target: target.to_owned(), beside, schema, writer: Some(writer), rows: 0 })
    }

    /// Appends a table, or nothing if it does not fit.
    pub(crate) fn append(&mut self, table: &Schema, batches: &[RecordBatch]) -> Result<(), String> {
        let matching = Matching::new(&self.schema, table)?;
        let fitting = batches.iter().map(|batch| matching.apply(&self.schema, batch)).collect::<Result<Vec<_>, _>>()?;
        for batch in fitting.iter().filter(|batch| batch.num_rows() > 0) {
            if let Some(writer) = &mut self.writer {
                writer.write(batch).map_err(|error| format!("`{}`: {error}", self.beside.display()))?;
            }
            self.rows += batch.num_rows();
        }
        Ok(())
    }

    /// Its number of rows.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// Completes the file and renames it to its target.
    pub(crate) fn publish(mut self) -> Result<(), String> {
        if let Some(writer) = self.writer.take() {
            writer.close().map_err(|error| error.to_string())?;
        }
        std::fs::rename(&self.beside, &self.target).map_err(|error| error.to_string())
    }
}

impl Drop for DryOutput {
    fn drop(&mut self) {
        // A published file does not exist under this name any more.
        let _ = std::fs::remove_file(&self.beside);
    }
}

/// Writes a null of each type that may be unsupported, as a run does before it accepts a table.
fn check_types(schema: &Schema) -> Result<(), String> {
    for field in schema.fields() {
        let doubtful = field.data_type().is_nested()
            || matches!(field.data_type(), DataType::Interval(_) | DataType::Duration(_) | DataType::Dictionary(..));
        if !doubtful {
            continue;
        }
        let alone = Arc::new(Schema::new(vec![field.as_ref().clone().with_nullable(true)]));
        let null = RecordBatch::try_new(Arc::clone(&alone), vec![new_null_array(field.data_type(), 1)]);
        let written = null.is_ok_and(|batch| {
            let writer = ArrowWriter::try_new(Vec::new(), alone, None);
            writer.is_ok_and(|mut writer| writer.write(&batch).is_ok() && writer.close().is_ok())
        });
        if !written {
            let (name, data_type) = (field.name(), field.data_type());
            return Err(format!("column `{name}` is {data_type}, which Parquet cannot hold: convert it first"));
        }
    }
    Ok(())
}
