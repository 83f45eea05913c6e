//! `longshore images explain`.

use super::failed;
use crate::printer;
use longshore::Host;

/// Runs the command, and returns the exit status.
pub(crate) async fn explain(image: &str, host: &Host) -> u8 {
    let explained = async { host.images().await?.explain(image).await };
    match explained.await {
        Ok(explanation) => printer::out(&explanation.text()),
        Err(error) => failed(&error),
    }
}
