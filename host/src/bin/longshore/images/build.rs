//! `longshore images build`.

use longshore::Settings;
use std::path::Path;

/// Runs the command, and gives the exit status back.
pub(crate) async fn build(block: &Path, image: Option<String>, settings: &Settings) -> u8 {
    let _ = (block, image, settings);
    0
}
