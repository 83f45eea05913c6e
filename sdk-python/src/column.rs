//! Memory that numpy can build an array over, with the owner that keeps it alive.

use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::any::Any;

/// One-dimensional memory of one type. numpy takes it through `__array_interface__`, without copying, and may write:
/// the memory is this process's own.
#[pyclass(frozen, module = "longshore._longshore")]
pub(crate) struct Column {
    address: usize,
    length: usize,
    typestr: String,
    _owner: Box<dyn Any + Send + Sync>,
}

impl Column {
    /// Memory at `address` of `length` values of numpy's type `typestr`, alive as long as `owner`.
    pub(crate) fn new(
        address: *const u8,
        length: usize,
        typestr: impl Into<String>,
        owner: impl Any + Send + Sync,
    ) -> Self {
        Self { address: address as usize, length, typestr: typestr.into(), _owner: Box::new(owner) }
    }
}

#[pymethods]
impl Column {
    /// numpy's array interface, version 3.
    #[getter]
    fn __array_interface__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let interface = PyDict::new(py);
        interface.set_item("version", 3)?;
        interface.set_item("shape", (self.length,))?;
        interface.set_item("typestr", &self.typestr)?;
        interface.set_item("data", (self.address, false))?;
        Ok(interface)
    }
}
