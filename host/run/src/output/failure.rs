//! Why a worker does not accept a piece of an output: the script is told, or the run ends.

use super::finished::OutputFailure;
use super::means::{Means, over_memory};
use longshore_segment::{OverBudget, SegmentError, Taken};
use longshore_table::{Sink, TableError};

/// Why a piece was not accepted.
pub(super) enum Failure {
    /// The script gets an error, and may continue.
    Refused(String),
    /// The run ends.
    Fatal(OutputFailure),
    /// The run has ended; the output is not needed.
    Stopped,
}

impl From<SegmentError> for Failure {
    fn from(error: SegmentError) -> Self {
        if let Some(reason) = Means::too_large(&error) {
            return Self::Fatal(OutputFailure::Limit(reason));
        }
        let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
        Self::Fatal(OutputFailure::Violation(format!(
            "an output is {}{cause}",
            error.to_string().trim_start_matches("the ")
        )))
    }
}

impl From<OverBudget> for Failure {
    fn from(over: OverBudget) -> Self {
        Self::Fatal(OutputFailure::Limit(over_memory(&over)))
    }
}

impl From<OutputFailure> for Failure {
    fn from(failure: OutputFailure) -> Self {
        Self::Fatal(failure)
    }
}

/// An error in the data, such as a type that the format lacks, is reported to the script, without paths of the host;
/// any other error, such as a full disk, ends the run.
pub(super) fn refusal(error: TableError, means: &Means) -> Failure {
    if error.is_about_data() && !means.allowance.is_exceeded() {
        Failure::Refused(error.without_path())
    } else {
        Failure::Fatal(unwritten(&error, means))
    }
}

/// The failure for a table that is too large, that cannot be written, or whose reader is gone.
pub(super) fn unwritten(error: &TableError, means: &Means) -> OutputFailure {
    if means.allowance.is_exceeded() {
        return OutputFailure::Limit("the script's outputs are larger than its limit of output bytes".into());
    }
    let mut causes = std::iter::successors(std::error::Error::source(error), |cause| cause.source());
    let is_closed = |cause: &std::io::Error| cause.kind() == std::io::ErrorKind::BrokenPipe;
    if causes.any(|cause| cause.downcast_ref().is_some_and(is_closed)) {
        OutputFailure::ReaderGone
    } else {
        OutputFailure::Write(error.to_string())
    }
}

/// Reserves memory for the rows that a file buffers; if the budget is used up, they are written.
pub(super) fn hold(sink: &mut Sink, held: &mut Option<Taken>, means: &Means) -> Result<(), Failure> {
    let held = match held {
        Some(held) => held,
        None => held.insert(means.of_file()?),
    };
    if held.resize(sink.kept_back()).is_err() {
        sink.end_group().map_err(|error| refusal(error, means))?;
        held.resize(sink.kept_back())?;
    }
    Ok(())
}
