//! `longshore images prune`.

use longshore::Settings;

/// Runs the command, and gives the exit status back.
pub(crate) async fn prune(dry_run: bool, all: bool, settings: &Settings) -> u8 {
    let _ = (dry_run, all, settings);
    0
}
