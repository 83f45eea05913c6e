//! Notes for a user: what is worth knowing about a run that does not decide its outcome.

use crate::remedy::Remedy;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A note, and what the caller can do. Serialized as a text, or as an object with the text and the remedy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Written", into = "Written")]
#[non_exhaustive]
pub struct Note {
    /// What there is to know.
    pub text: String,
    /// What the caller can do.
    pub remedy: Option<Remedy>,
}

impl Note {
    /// A note with what the caller can do, if anything.
    pub fn new(text: impl Into<String>, remedy: Option<Remedy>) -> Self {
        Self { text: text.into(), remedy }
    }
}

impl From<String> for Note {
    fn from(text: String) -> Self {
        Self { text, remedy: None }
    }
}

impl From<&str> for Note {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A note in a record.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    Text(String),
    Helped { text: String, remedy: Remedy },
}

impl From<Note> for Written {
    fn from(Note { text, remedy }: Note) -> Self {
        match remedy {
            None => Self::Text(text),
            Some(remedy) => Self::Helped { text, remedy },
        }
    }
}

impl From<Written> for Note {
    fn from(written: Written) -> Self {
        match written {
            Written::Text(text) => text.into(),
            Written::Helped { text, remedy } => Self::new(text, Some(remedy)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_note_without_a_remedy_is_written_as_its_text() {
        let written = |note: Note| serde_json::to_value(note).unwrap();
        assert_eq!(written("slow".into()), json!("slow"));
        let helped = Note::new("no network", Some(Remedy::AddNetwork));
        assert_eq!(written(helped.clone()), json!({"text": "no network", "remedy": {"kind": "add_network"}}));
        for note in [helped, "slow".into()] {
            assert_eq!(serde_json::from_value::<Note>(written(note.clone())).unwrap(), note);
        }
    }
}
