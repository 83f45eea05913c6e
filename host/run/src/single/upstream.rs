//! Waiting for the tables of other steps, in a run that is a step of a chain: its container is there, and its script has
//! not begun.

use super::{Run, interrupted};
use crate::request::Unconnected;
use longshore_model::outcome::Evidence;

impl Run<'_> {
    /// Waits for the tables, and connects them.
    ///
    /// # Errors
    /// Why the script is not started.
    pub(super) async fn connect(&mut self) -> Result<(), Evidence> {
        let connected = tokio::select! {
            connected = self.prepared.connect() => connected,
            () = self.cancel.cancelled() => Err(Unconnected::NotWritten),
        };
        connected.map_err(|unconnected| match unconnected {
            Unconnected::NotWritten => interrupted().0,
            Unconnected::Unfit(reason) => Evidence { unfit_input: Some(reason), ..Evidence::default() },
        })
    }
}
