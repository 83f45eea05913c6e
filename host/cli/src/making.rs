//! Commands that make something, such as `lock`, `images build` and `setup`: progress and signals; and the report of those
//! that build a block's environment.

use crate::bounds::BoundsArguments;
use crate::console::{Look, Watcher};
use crate::signals::{INTERRUPTED, Signals};
use crate::{BAD_INPUT, failure, printer};
use longshore::block::Block;
use longshore::shown::Shown;
use longshore::{Cancel, EnvironmentError, Events};
use std::path::Path;

/// Exit status for an engine or an environment that failed.
pub(crate) const FAILED: u8 = 3;

/// Builds or locks a block's environment, prints the report, and returns the exit status.
pub(crate) async fn make<Made>(
    block: &Path,
    bounds: &BoundsArguments,
    work: impl AsyncFnOnce(&Block, &Events, &Cancel) -> Result<Made, EnvironmentError>,
    report: impl FnOnce(Made) -> Shown,
) -> u8 {
    let mut block = match Block::load(block) {
        Ok(loaded) => loaded.block,
        Err(error) => return failure::print(&error, BAD_INPUT),
    };
    match bounds.constraints() {
        Ok(constraints) => block.restrict(bounds.as_of, constraints),
        Err(reason) => return failure::print_text(&reason, BAD_INPUT),
    }
    match watched(async |events, cancel| work(&block, events, cancel).await).await {
        Err(status) => status,
        Ok(Ok(made)) => printer::out(&report(made)),
        Ok(Err(EnvironmentError::Cancelled)) => INTERRUPTED,
        Ok(Err(error)) => {
            failure::print_advised(&error, error.remedy(), if error.is_bad_input() { BAD_INPUT } else { FAILED })
        }
    }
}

/// Does work whose events are shown, and which signals cancel. The error is an exit status.
pub(crate) async fn watched<Done>(work: impl AsyncFnOnce(&Events, &Cancel) -> Done) -> Result<Done, u8> {
    let cancel = Cancel::new();
    let signals = Signals::cancelling(&cancel);
    let (events, happened) = longshore::events();
    let console = Watcher::start(Look::default(), happened, &cancel).map_err(|error| failure::print(&error, FAILED))?;
    let done = work(&events, &cancel).await;
    drop(events);
    console.clear(&cancel).await;
    drop(signals);
    Ok(done)
}
