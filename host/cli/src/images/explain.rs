//! `longshore images explain`.

use super::failed;
use crate::printer;
use longshore::Settings;
use longshore::images::ImageCollection;

/// Runs the command, and gives the exit status back.
pub(crate) async fn explain(image: &str, settings: &Settings) -> u8 {
    let explained = async { ImageCollection::open(settings).await?.explain(image).await };
    match explained.await {
        Ok(explanation) => printer::out(&explanation.text()),
        Err(error) => failed(&error),
    }
}
