//! `longshore fingerprint`.

use clap::Args;
use longshore::Settings;

#[derive(Debug, Args)]
pub(crate) struct FingerprintArguments {
    /// An image, or a block's folder or script; with two of them, where they differ
    #[arg(required = true, num_args = 1..=2, value_name = "IMAGE|BLOCK")]
    pub(crate) subjects: Vec<String>,
    /// Print one JSON object instead of text
    #[arg(long)]
    pub(crate) json: bool,
}

/// Runs the command, and gives the exit status back.
pub(crate) async fn fingerprint(arguments: FingerprintArguments, settings: &Settings) -> u8 {
    let _ = (arguments, settings);
    0
}
