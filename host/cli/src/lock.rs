//! `longshore lock`.

use crate::bounds::BoundsArguments;
use crate::making::make;
use clap::Args;
use longshore::Host;
use longshore::environment::Locked;
use longshore::human::count;
use longshore::shown::Shown;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct LockArguments {
    /// The block's folder, or a script
    pub(crate) block: PathBuf,
    #[command(flatten)]
    pub(crate) bounds: BoundsArguments,
}

/// Writes the lock of a block, and returns the exit status.
pub(crate) async fn lock(arguments: LockArguments, host: &Host) -> u8 {
    let work = async |block: &_, events: &_, cancel: &_| host.lock(block, events, cancel).await;
    let report = |locked: Locked| {
        let packages = count(locked.packages as u64, "package");
        Shown::line(format!("{}: {packages}", locked.path.display()))
    };
    make(&arguments.block, &arguments.bounds, work, report).await
}
