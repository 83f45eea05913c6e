//! The client's errors as Python exceptions.

use longshore_caller::CallerError;
use longshore_client::{ClientError, chain};
use pyo3::create_exception;
use pyo3::exceptions::{PyException, PyKeyboardInterrupt, PyValueError};
use pyo3::prelude::*;

create_exception!(longshore, LongshoreError, PyException, "A call of the script to its run failed.");
create_exception!(longshore, ServerError, LongshoreError, "No resident host answers, or it has ended.");
create_exception!(longshore, NotInRunError, LongshoreError, "The script was not started by longshore.");
create_exception!(longshore, InputError, LongshoreError, "An input cannot be read.");
create_exception!(longshore, OutputError, LongshoreError, "An output cannot be written.");
create_exception!(longshore, EndedError, LongshoreError, "The run has ended with commit() or close().");
create_exception!(longshore, ModeError, LongshoreError, "The call is not available in the block's mode.");

pub(crate) fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    module.add("LongshoreError", py.get_type::<LongshoreError>())?;
    module.add("ServerError", py.get_type::<ServerError>())?;
    module.add("NotInRunError", py.get_type::<NotInRunError>())?;
    module.add("InputError", py.get_type::<InputError>())?;
    module.add("OutputError", py.get_type::<OutputError>())?;
    module.add("EndedError", py.get_type::<EndedError>())?;
    module.add("ModeError", py.get_type::<ModeError>())
}

/// The exception for an error of a caller.
pub(crate) fn raise_caller(error: CallerError) -> PyErr {
    let text = chain(&error);
    match error {
        CallerError::NotThere { .. } => ServerError::new_err(format!("{text}: start one with `longshore serve`")),
        CallerError::Hanging { .. } => {
            ServerError::new_err(format!("{text}: let it go on, or end it and start another"))
        }
        CallerError::Table(_) | CallerError::Segment(_) => PyValueError::new_err(text),
        _ => ServerError::new_err(text),
    }
}

/// The exception for an error, with its causes in its text.
pub(crate) fn raise(error: ClientError) -> PyErr {
    let text = chain(&error);
    match error {
        ClientError::NotInRun => NotInRunError::new_err(text),
        ClientError::Input { .. } | ClientError::UnknownInput(_) => InputError::new_err(text),
        ClientError::Output { .. } | ClientError::Data(_) => OutputError::new_err(text),
        ClientError::Ended { .. } => EndedError::new_err(text),
        ClientError::Streaming { .. } | ClientError::NotStreaming | ClientError::Streamed => ModeError::new_err(text),
        ClientError::Progress { .. } => PyValueError::new_err(text),
        ClientError::Interrupted => PyKeyboardInterrupt::new_err(()),
        ClientError::Connect { .. }
        | ClientError::Refused { .. }
        | ClientError::DryRun { .. }
        | ClientError::Connection(_)
        | ClientError::Segment(_) => LongshoreError::new_err(text),
    }
}
