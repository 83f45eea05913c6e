//! `longshore._longshore`: the Python binding of the Longshore client. Bindings are parse, call, convert; pandas and
//! polars are the Python side's, which builds frames over the memory that is handed out here.

mod client;
mod column;
mod error;
mod interval;
mod table;

use pyo3::prelude::*;

/// The compiled part of the package `longshore`.
#[pymodule]
fn _longshore(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<client::Client>()?;
    module.add_class::<table::Table>()?;
    module.add_class::<table::Batches>()?;
    module.add_class::<table::Chunks>()?;
    module.add_class::<column::Column>()?;
    error::add_to(module)
}
