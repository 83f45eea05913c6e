//! How a control message becomes JSON and back. Messages are one flat JSON object whose `type` names them; unknown
//! keys are ignored, so that a newer peer may say more, and unknown types are an error.

use crate::error::ProtocolError;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A control message of one direction.
pub trait Message: Serialize + DeserializeOwned {
    /// Names the direction in errors, such as `from the script`.
    const DIRECTION: &'static str;
    /// Every `type` that the direction has.
    const NAMES: &'static [&'static str];

    /// The message as JSON.
    fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("messages are plain data: no map has a key that is not text")
    }

    /// Reads a message.
    ///
    /// # Errors
    /// [`ProtocolError::UnknownMessage`] for a type that this direction does not have,
    /// [`ProtocolError::BadMessage`] for everything else.
    fn from_json(json: &[u8]) -> Result<Self, ProtocolError> {
        serde_json::from_slice(json).map_err(|error| match message_type(json) {
            Some(name) if !Self::NAMES.contains(&name.as_str()) => {
                ProtocolError::UnknownMessage { name, direction: Self::DIRECTION }
            }
            _ => ProtocolError::BadMessage { reason: error.to_string() },
        })
    }
}

pub(crate) fn message_type(json: &[u8]) -> Option<String> {
    let value: serde_json::Value = serde_json::from_slice(json).ok()?;
    Some(value.get("type")?.as_str()?.to_owned())
}
