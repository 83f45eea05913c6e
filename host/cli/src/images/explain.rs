//! `longshore images explain`.

use super::failed;
use crate::{help, printer};
use longshore::Host;

/// Runs the command, and returns the exit status.
pub(crate) async fn explain(image: &str, json: bool, host: &Host) -> u8 {
    let explained = async { host.images().await?.explain(image).await };
    match explained.await {
        Ok(explained) if json => printer::json(&explained),
        Ok(explained) => {
            let mut text = explained.text();
            let advice = explained.remedy().as_ref().and_then(help::words);
            advice.iter().for_each(|advice| text.push(format!("help: {advice}")));
            printer::out(&text)
        }
        Err(error) => failed(&error),
    }
}
