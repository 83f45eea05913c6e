//! `longshore images list`.

use longshore::Settings;

/// Runs the command, and gives the exit status back.
pub(crate) async fn list(json: bool, settings: &Settings) -> u8 {
    let _ = (json, settings);
    0
}
