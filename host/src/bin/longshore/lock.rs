//! `longshore lock`.

use clap::Args;
use longshore::Settings;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct LockArguments {
    /// The block's folder, or a script
    pub(crate) block: PathBuf,
}

/// Runs the command, and gives the exit status back.
pub(crate) async fn lock(arguments: LockArguments, settings: &Settings) -> u8 {
    let _ = (arguments, settings);
    0
}
