//! The Python class for the connection. Every call that may wait releases the interpreter.

use crate::error::raise;
use crate::table::{Batches, Chunks, Table};
use longshore_client::{self as rust, ConnectSettings, InputName, OutputName, Software, Word};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3_arrow::PyRecordBatchReader;
use std::path::PathBuf;

/// A script's connection to its host.
#[pyclass(frozen, module = "longshore._longshore")]
pub(crate) struct Client {
    client: rust::Client,
}

#[pymethods]
impl Client {
    /// Connects to the host's socket; without one, to the folder of a dry run.
    #[new]
    #[pyo3(signature = (socket, dry_run=None))]
    fn new(py: Python<'_>, socket: Option<PathBuf>, dry_run: Option<PathBuf>) -> PyResult<Self> {
        let settings = ConnectSettings {
            socket,
            dry_run,
            software: Software { name: "longshore for Python".into(), version: env!("CARGO_PKG_VERSION").into() },
            interrupted: Box::new(|| Python::attach(|py| py.check_signals().is_err())),
        };
        let client = py.detach(|| rust::Client::connect(settings)).map_err(raise)?;
        Ok(Self { client })
    }

    /// The run's id.
    #[getter]
    fn run_id(&self) -> &str {
        &self.client.facts().run_id
    }

    /// The block's name.
    #[getter]
    fn block_name(&self) -> &str {
        &self.client.facts().block_name
    }

    /// The script's file name.
    #[getter]
    fn file_name(&self) -> &str {
        &self.client.facts().file_name
    }

    /// Whether the run is in a container.
    #[getter]
    fn container(&self) -> bool {
        self.client.facts().container
    }

    /// The options, as JSON text.
    fn options(&self) -> PyResult<String> {
        serde_json::to_string(&self.client.facts().options).map_err(|error| PyValueError::new_err(error.to_string()))
    }

    /// Whether the script has given its verdict.
    #[getter]
    fn concluded(&self) -> bool {
        self.client.has_concluded()
    }

    /// A whole input, or `None`.
    fn read_input(&self, py: Python<'_>, key: InputKey) -> PyResult<Option<Table>> {
        let table = py.detach(|| self.client.read_input(&key.into())).map_err(raise)?;
        Ok(table.map(Table::new))
    }

    /// An input batch by batch, or `None`.
    fn read_batches(&self, py: Python<'_>, key: InputKey) -> PyResult<Option<Batches>> {
        let batches = py.detach(|| self.client.read_batches(&key.into())).map_err(raise)?;
        Ok(batches.map(Batches::new))
    }

    /// The stream that the script transforms, chunk by chunk.
    fn chunks(&self, py: Python<'_>) -> PyResult<Chunks> {
        let chunks = py.detach(|| self.client.chunks()).map_err(raise)?;
        Ok(Chunks::new(chunks))
    }

    /// Appends the result of a chunk.
    fn write_chunk(&self, py: Python<'_>, data: PyRecordBatchReader) -> PyResult<()> {
        let mut reader = data.into_reader()?;
        py.detach(|| self.client.write_chunk(reader.as_mut())).map_err(raise)
    }

    /// Appends to an output, by number or id.
    fn write_output(&self, py: Python<'_>, output: OutputKey, data: PyRecordBatchReader) -> PyResult<()> {
        let mut reader = data.into_reader()?;
        let output = match output {
            OutputKey::Number(number) => OutputName::Number(number),
            OutputKey::Id(id) => OutputName::Id(id),
        };
        py.detach(|| self.client.write_output(&output, reader.as_mut())).map_err(raise)
    }

    /// Shows a message.
    fn update_message(&self, py: Python<'_>, text: &str) -> PyResult<()> {
        if self.client.replace_message(text) {
            return Ok(());
        }
        py.detach(|| self.client.update_message(text)).map_err(raise)
    }

    /// Shows progress.
    #[pyo3(signature = (fraction, text=None))]
    fn update_progress(&self, py: Python<'_>, fraction: f64, text: Option<&str>) -> PyResult<()> {
        if self.client.replace_progress(fraction, text) {
            return Ok(());
        }
        py.detach(|| self.client.update_progress(fraction, text)).map_err(raise)
    }

    /// Shows and logs an error message.
    fn error(&self, py: Python<'_>, text: &str) -> PyResult<()> {
        py.detach(|| self.client.error(text)).map_err(raise)
    }

    /// Reports an uncaught exception that ends the script.
    fn uncaught(&self, py: Python<'_>, summary: &str) -> PyResult<()> {
        py.detach(|| self.client.uncaught(summary)).map_err(raise)
    }

    /// Gives the verdict: `commit`, `close`, `cancel` or `abort`.
    #[pyo3(signature = (word, message=None))]
    fn conclude(&self, py: Python<'_>, word: &str, message: Option<&str>) -> PyResult<bool> {
        let word = match word {
            "commit" => Word::Commit,
            "close" => Word::Close,
            "cancel" => Word::Cancel,
            "abort" => Word::Abort,
            _ => return Err(PyValueError::new_err("unknown verdict")),
        };
        py.detach(|| self.client.conclude(word, message)).map_err(raise)
    }

    /// Ends a dry run in favour of a new one; `False` in a run.
    fn replace_dry_run(&self) -> bool {
        self.client.replace_dry_run()
    }

    /// Reports that the script ends.
    fn end(&self, py: Python<'_>) -> PyResult<()> {
        py.detach(|| self.client.end()).map_err(raise)
    }
}

#[derive(FromPyObject)]
enum InputKey {
    Number(u32),
    Name(String),
}

impl From<InputKey> for InputName {
    fn from(key: InputKey) -> Self {
        match key {
            InputKey::Number(number) => Self::Number(number),
            InputKey::Name(name) => Self::Name(name),
        }
    }
}

#[derive(FromPyObject)]
enum OutputKey {
    Number(u32),
    Id(String),
}
