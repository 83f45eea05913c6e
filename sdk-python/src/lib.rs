//! `longshore._longshore`: the Python binding of the Longshore client, and of the part for callers. Bindings parse, call and convert; the Python
//! side builds pandas and polars frames over the memory that they return.

mod caller;
mod client;
mod column;
mod error;
mod interval;
mod table;

use pyo3::prelude::*;

/// The compiled part of the package `longshore`.
#[pymodule]
fn _longshore(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_class::<client::Client>()?;
    module.add_class::<caller::Caller>()?;
    module.add_class::<caller::Called>()?;
    module.add_class::<caller::Given>()?;
    module.add_function(wrap_pyfunction!(caller::usual_socket, module)?)?;
    module.add_class::<table::Table>()?;
    module.add_class::<table::Batches>()?;
    module.add_class::<table::Chunks>()?;
    module.add_class::<column::Column>()?;
    error::add_to(module)
}
