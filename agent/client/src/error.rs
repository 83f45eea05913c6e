//! Errors for scripts: one variant for each case that a script or its author can handle.

use crate::names::{InputName, UnknownInput};
use arrow_schema::ArrowError;
use longshore_protocol::{ConnectionError, OutputName};
use longshore_segment::SegmentError;
use std::path::PathBuf;
use thiserror::Error;

/// A call failed.
#[derive(Debug, Error)]
pub enum ClientError {
    /// There is no host: the script was started by hand.
    #[error(
        "this script is not running in longshore: start it with `longshore run SCRIPT`, or `longshore run FOLDER` \
         for a block; or name a folder of inputs in LONGSHORE_DRY_RUN"
    )]
    NotInRun,
    /// The folder of a dry run, or a file in it, cannot be used.
    #[error("the dry run cannot use `{path}`: {reason}")]
    DryRun {
        /// The folder or file.
        path: PathBuf,
        /// Why, and what to do.
        reason: String,
    },
    /// The host cannot be reached.
    #[error("cannot reach the host at `{socket}`")]
    Connect {
        /// Its socket.
        socket: PathBuf,
        /// The cause.
        #[source]
        source: ConnectionError,
    },
    /// The host refused the connection.
    #[error("{reason}")]
    Refused {
        /// Why.
        reason: String,
    },
    /// The connection to the host failed.
    #[error("the connection to the host failed")]
    Connection(#[from] ConnectionError),
    /// The block has no input of this name.
    #[error(transparent)]
    UnknownInput(#[from] UnknownInput),
    /// An input could not be read.
    #[error("input {input} cannot be read: {reason}")]
    Input {
        /// The input, as the script named it.
        input: InputName,
        /// Why.
        reason: String,
    },
    /// An output could not be written.
    #[error("output {} cannot be written: {reason}", name(output))]
    Output {
        /// The output.
        output: OutputName,
        /// Why.
        reason: String,
    },
    /// The script has given its verdict already.
    #[error("the run has ended: `{call}` cannot be used after commit() or close()")]
    Ended {
        /// The function that was called.
        call: &'static str,
    },
    /// A call of batch mode in a run that transforms a stream.
    #[error("`{call}` cannot be used in the mode `stream`: the function given to process_stream gets each chunk")]
    Streaming {
        /// The function that was called.
        call: &'static str,
    },
    /// A stream was requested in batch mode.
    #[error("process_stream needs `mode = \"stream\"` in the block's manifest: this block runs in the mode `batch`")]
    NotStreaming,
    /// A stream was requested again.
    #[error("process_stream has been called already: a stream can be read only once")]
    Streamed,
    /// A progress that is not a fraction.
    #[error("progress must be a number from 0 to 1, not `{fraction}`")]
    Progress {
        /// The given value.
        fraction: f64,
    },
    /// The data to write could not be read.
    #[error("the data to write cannot be read")]
    Data(#[from] ArrowError),
    /// Shared memory failed, or its contents are invalid.
    #[error(transparent)]
    Segment(#[from] SegmentError),
    /// A wait was interrupted.
    #[error("interrupted")]
    Interrupted,
}

fn name(output: &OutputName) -> String {
    match output {
        OutputName::Number(number) => number.to_string(),
        OutputName::Id(id) => format!("`{id}`"),
    }
}
