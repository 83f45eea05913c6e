//! How a control message becomes JSON and back. Messages are one flat JSON object whose `type` names them; unknown keys
//! are ignored, so that a newer peer may add keys, and unknown types are an error.

use crate::error::ProtocolError;
use crate::payload::Carries;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A control message of one direction.
pub trait Message: Serialize + DeserializeOwned {
    /// Names the direction in errors, such as `from the script`.
    const DIRECTION: &'static str;
    /// Every `type` that the direction has.
    const NAMES: &'static [&'static str];

    /// What a frame with this message must carry.
    fn carries(&self) -> Carries {
        Carries::Nothing
    }

    /// Its `type`.
    fn name(&self) -> String {
        message_type(&self.to_json()).unwrap_or_default()
    }

    /// The message as JSON.
    fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("messages are plain data: no map has a key that is not text")
    }
}

/// Reads a message: [`ProtocolError::UnknownMessage`] for a type that this direction does not have,
/// [`ProtocolError::BadMessage`] for everything else.
pub(crate) fn from_json<M: Message>(json: &[u8]) -> Result<M, ProtocolError> {
    let unknown = |name: String| ProtocolError::UnknownMessage { name, direction: M::DIRECTION };
    let foreign = || message_type(json).filter(|name| !M::NAMES.contains(&name.as_str()));
    // Hello is a struct, not an enum: serde does not check its `type`.
    if let [_] = M::NAMES
        && let Some(name) = foreign()
    {
        return Err(unknown(name));
    }
    serde_json::from_slice(json).map_err(|error| match foreign() {
        Some(name) => unknown(name),
        None => ProtocolError::BadMessage { reason: error.to_string() },
    })
}

/// The `type` of a message that has been read.
pub(crate) fn name<M: Message>(json: &[u8]) -> &'static str {
    let name = message_type(json);
    M::NAMES.iter().copied().find(|known| name.as_deref() == Some(known)).unwrap_or("")
}

fn message_type(json: &[u8]) -> Option<String> {
    let value: serde_json::Value = serde_json::from_slice(json).ok()?;
    Some(value.get("type")?.as_str()?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FromAgent, FromCaller, FromScript, ToAgent, ToCaller, ToScript};

    /// The types that serde expects, as listed in its error about an unknown one.
    fn known<M: Message>() -> Vec<String> {
        let error = serde_json::from_str::<M>(r#"{"type":""}"#).map(drop).unwrap_err().to_string();
        error.split('`').skip(3).step_by(2).map(str::to_owned).collect()
    }

    #[test]
    fn numbers_arrive_as_they_were_sent() {
        let mut bits = 1_u64;
        let mut changed = Vec::new();
        for _ in 0..20_000 {
            bits = bits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let fraction = f64::from_bits(bits);
            if !fraction.is_finite() {
                continue;
            }
            let message = FromScript::Progress { fraction, text: None };
            match from_json(&message.to_json()).unwrap() {
                FromScript::Progress { fraction: read, .. } if read.to_bits() == fraction.to_bits() => {}
                read => changed.push(format!("{fraction:e}: {read:?}")),
            }
        }
        assert!(changed.is_empty(), "{} numbers, such as {}", changed.len(), changed[0]);
    }

    #[test]
    fn every_message_is_named() {
        assert_eq!(known::<ToAgent>(), ToAgent::NAMES);
        assert_eq!(known::<FromAgent>(), FromAgent::NAMES);
        assert_eq!(known::<ToScript>(), ToScript::NAMES);
        assert_eq!(known::<FromScript>(), FromScript::NAMES);
        assert_eq!(known::<ToCaller>(), ToCaller::NAMES);
        assert_eq!(known::<FromCaller>(), FromCaller::NAMES);
    }
}
