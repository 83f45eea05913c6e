//! `longshore images explain`.

use longshore::Settings;

/// Runs the command, and gives the exit status back.
pub(crate) async fn explain(image: &str, settings: &Settings) -> u8 {
    let _ = (image, settings);
    0
}
