//! Commands that build environments, `lock` and `images build`: progress, signals and the report.

use crate::bounds::BoundsArguments;
use crate::console::{Look, Watcher};
use crate::signals::{INTERRUPTED, Signals};
use crate::{BAD_INPUT, failure, printer};
use longshore::block::Block;
use longshore::shown::Shown;
use longshore::{Cancel, EnvironmentError, Events};
use std::path::Path;

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
    let cancel = Cancel::new();
    let signals = Signals::cancelling(&cancel);
    let (events, happened) = longshore::events();
    let console = match Watcher::start(Look::default(), happened, &cancel) {
        Ok(console) => console,
        Err(error) => return failure::print(&error, 3),
    };
    let made = work(&block, &events, &cancel).await;
    drop(events);
    console.clear(&cancel).await;
    drop(signals);
    match made {
        Ok(made) => printer::out(&report(made)),
        Err(EnvironmentError::Cancelled) => INTERRUPTED,
        Err(error) => failure::print_advised(&error, error.remedy(), if error.is_bad_input() { BAD_INPUT } else { 3 }),
    }
}
