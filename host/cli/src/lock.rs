//! `longshore lock`.

use crate::console::Watcher;
use crate::signals::{INTERRUPTED, Signals};
use crate::{BAD_INPUT, failure, printer};
use clap::Args;
use longshore::block::Block;
use longshore::shown::Shown;
use longshore::{Cancel, EnvironmentError, Host};
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct LockArguments {
    /// The block's folder
    pub(crate) block: PathBuf,
}

/// Writes the lock of a block, and gives the exit status back.
pub(crate) async fn lock(arguments: LockArguments, host: &Host) -> u8 {
    let block = match Block::load(&arguments.block) {
        Ok(loaded) => loaded.block,
        Err(error) => return failure::print(&error, BAD_INPUT),
    };
    let cancel = Cancel::new();
    let signals = Signals::cancelling(&cancel);
    let (events, happened) = longshore::events();
    let console = match Watcher::start(false, happened) {
        Ok(console) => console,
        Err(error) => return failure::print(&error, 3),
    };
    let locked = host.lock(&block, &events, &cancel).await;
    drop(events);
    console.clear(&cancel).await;
    drop(signals);
    match locked {
        Ok(locked) => {
            let packages = if locked.packages == 1 { "package" } else { "packages" };
            printer::out(&Shown::line(format!("{}: {} {packages}", locked.path.display(), locked.packages)))
        }
        Err(EnvironmentError::Cancelled) => INTERRUPTED,
        Err(error) => failure::print(&error, if error.is_bad_input() { BAD_INPUT } else { 3 }),
    }
}
