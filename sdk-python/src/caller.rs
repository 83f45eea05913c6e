//! The Python classes for runs that a program asks a resident host for. The Python side makes submissions and reads
//! records, both as JSON texts. Every call that may wait releases the interpreter.

use crate::error::raise_caller;
use crate::table::Table;
use longshore_caller::{self as rust, CallerError, Canceller, Happening, ReturnedTable};
use longshore_protocol::{LogSource, Software, Submission, SubmittedChain};
use longshore_segment::Segment;
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use pyo3_arrow::PyRecordBatchReader;
use serde_json::{Value, from_str, to_string};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// The socket on which this user's host listens by default, from `XDG_RUNTIME_DIR` and `TMPDIR`.
#[pyfunction]
#[pyo3(signature = (named, temporary))]
pub(crate) fn usual_socket(named: Option<PathBuf>, temporary: Option<PathBuf>) -> PathBuf {
    rust::usual_socket(named, temporary)
}

/// A table of the caller's in shared memory.
#[pyclass(frozen, module = "longshore._longshore")]
pub(crate) struct Given {
    segment: Segment,
}

#[pymethods]
impl Given {
    /// Copies an Arrow stream.
    #[new]
    fn new(py: Python<'_>, data: PyRecordBatchReader) -> PyResult<Self> {
        let mut reader = data.into_reader()?;
        let segment = py.detach(|| rust::write_table(reader.as_mut())).map_err(raise_caller)?;
        Ok(Self { segment })
    }
}

/// A connection to a host, until a run is submitted over it.
#[pyclass(frozen, module = "longshore._longshore")]
pub(crate) struct Caller {
    caller: Mutex<Option<rust::Caller>>,
    raised: Raised,
}

/// The exception of a signal's handler, which has ended a wait.
#[derive(Clone, Default)]
struct Raised(Arc<Mutex<Option<PyErr>>>);

impl Raised {
    /// Runs the handlers of signals that have come, such as Ctrl-C's. Returns whether one has raised.
    fn check(&self) -> bool {
        let raised = Python::attach(|py| py.check_signals().err());
        let is_raised = raised.is_some();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = raised;
        is_raised
    }

    /// The exception for an error of a wait.
    fn raise(&self, error: CallerError) -> PyErr {
        let raised = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        raised.unwrap_or_else(|| raise_caller(error))
    }
}

#[pymethods]
impl Caller {
    /// Connects to the host that listens on a socket.
    #[new]
    fn new(py: Python<'_>, socket: PathBuf) -> PyResult<Self> {
        let software = Software { name: "longshore for Python".into(), version: env!("CARGO_PKG_VERSION").into() };
        let raised = Raised::default();
        let checked = raised.clone();
        let connected = py.detach(|| rust::Caller::connect_unless(&socket, software, move || checked.check()));
        let caller = connected.map_err(|error| raised.raise(error))?;
        Ok(Self { caller: Mutex::new(Some(caller)), raised })
    }

    /// Starts a run: a submission as JSON, the block's files with whether they may be executed, and the tables by the
    /// inputs' positions.
    fn submit(
        &self,
        py: Python<'_>,
        submission: &str,
        files: Vec<(String, bool, Vec<u8>)>,
        tables: Vec<(u32, Py<Given>)>,
    ) -> PyResult<Called> {
        let submission: Submission = sendable(from_str(submission))?;
        let caller = self.take()?;
        let started = py.detach(|| {
            let mut submitting = caller.submit(&submission)?;
            for (path, executable, content) in &files {
                submitting.file(path, *executable, content.as_slice())?;
            }
            for (input, table) in &tables {
                submitting.table(*input, &table.get().segment)?;
            }
            submitting.start()
        });
        self.called(started)
    }

    /// Starts a chain: as `submit`, with the position of the step before each file and table.
    fn submit_chain(
        &self,
        py: Python<'_>,
        chain: &str,
        files: Vec<(u32, String, bool, Vec<u8>)>,
        tables: Vec<(u32, u32, Py<Given>)>,
    ) -> PyResult<Called> {
        let chain: SubmittedChain = sendable(from_str(chain))?;
        let caller = self.take()?;
        let started = py.detach(|| {
            let mut submitting = caller.submit_chain(&chain)?;
            for (step, path, executable, content) in &files {
                submitting.of_step(*step);
                submitting.file(path, *executable, content.as_slice())?;
            }
            for (step, input, table) in &tables {
                submitting.of_step(*step);
                submitting.table(*input, &table.get().segment)?;
            }
            submitting.start()
        });
        self.called(started)
    }
}

impl Caller {
    fn take(&self) -> PyResult<rust::Caller> {
        let caller = self.caller.lock().unwrap_or_else(PoisonError::into_inner).take();
        caller.ok_or_else(|| PyRuntimeError::new_err("a run was submitted over this connection"))
    }

    fn called(&self, started: Result<rust::Run, CallerError>) -> PyResult<Called> {
        let run = started.map_err(|error| self.raised.raise(error))?;
        Ok(Called { canceller: run.canceller(), run: Mutex::new(run) })
    }
}

fn sendable<T>(parsed: serde_json::Result<T>) -> PyResult<T> {
    parsed.map_err(|error| PyValueError::new_err(error.to_string()))
}

/// A run that was submitted.
#[pyclass(frozen, module = "longshore._longshore")]
pub(crate) struct Called {
    run: Mutex<rust::Run>,
    canceller: Canceller,
}

#[pymethods]
impl Called {
    /// Waits for what happens next: its kind and its value, `None` after the end. An `event`, the `record` and a
    /// rejection (`rejected`) are JSON; a `log` is a stream's name and bytes; a `table` is a step, an output's position in
    /// its submission and a table, and `other` a step, an output's number and a table.
    fn next<'py>(&self, py: Python<'py>) -> PyResult<Option<(&'static str, Bound<'py, PyAny>)>> {
        let next = py.detach(|| {
            let happening = self.run.lock().unwrap_or_else(PoisonError::into_inner).next()?;
            happening.map(Next::of).transpose()
        });
        next.map_err(raise_caller)?.map(|next| next.value(py)).transpose()
    }

    /// Asks the script to end.
    fn cancel(&self, py: Python<'_>) -> PyResult<()> {
        py.detach(|| self.canceller.cancel()).map_err(raise_caller)
    }

    /// Kills the script.
    fn kill(&self, py: Python<'_>) -> PyResult<()> {
        py.detach(|| self.canceller.kill()).map_err(raise_caller)
    }
}

/// What happened, before it is a Python object.
enum Next {
    Json(&'static str, String),
    Log(LogSource, Vec<u8>),
    Table(&'static str, u32, u32, Table),
}

impl Next {
    fn of(happening: Happening) -> Result<Self, CallerError> {
        let table = |kind, returned: &ReturnedTable| {
            let (schema, batches) = rust::read_table(&returned.table)?;
            Ok(Self::Table(kind, returned.step, returned.output, Table::of_parts(schema, batches)))
        };
        match happening {
            Happening::Log(source, bytes) => Ok(Self::Log(source, bytes)),
            Happening::Table(returned) => table("table", &returned),
            Happening::Other(returned) => table("other", &returned),
            Happening::Rejected(rejection) => Self::json("rejected", to_string(&rejection)),
            Happening::Record(record) => Self::json("record", to_string(&record)),
            Happening::Event(event) => Self::json("event", to_string(&Value::Object(event))),
            // One that this version does not know.
            _ => Self::json("event", Ok("{}".into())),
        }
    }

    fn json(kind: &'static str, text: serde_json::Result<String>) -> Result<Self, CallerError> {
        text.map(|text| Self::Json(kind, text)).map_err(CallerError::Record)
    }

    fn value<'py>(self, py: Python<'py>) -> PyResult<(&'static str, Bound<'py, PyAny>)> {
        Ok(match self {
            Self::Json(kind, text) => (kind, text.into_pyobject(py)?.into_any()),
            Self::Log(source, bytes) => {
                let source = if source == LogSource::Stderr { "stderr" } else { "stdout" };
                ("log", (source, PyBytes::new(py, &bytes)).into_pyobject(py)?.into_any())
            }
            Self::Table(kind, step, number, table) => (kind, (step, number, table).into_pyobject(py)?.into_any()),
        })
    }
}
