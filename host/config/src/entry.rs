//! A setting for display: its key, its value without passwords, and the source of the value.

use longshore_model::size::format_size;
use serde::{Serialize, Serializer};
use std::fmt;
use std::path::PathBuf;

/// A setting, for `longshore config show`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Entry {
    /// The table and the key, such as `images.disk_budget`.
    pub key: String,
    /// The value, without passwords.
    pub value: Value,
    /// The source of the value.
    pub source: Source,
    /// Why whatever needs the setting will fail.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// The value of a setting.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Value {
    /// No value.
    Nothing,
    /// A text, a path, an address or a word.
    Text(String),
    /// A list.
    Texts(Vec<String>),
    /// Bytes.
    Size(u64),
    /// A share of a whole.
    Share(f64),
    /// A number of things.
    Count(u64),
    /// Yes or no.
    Switch(bool),
}

/// The source of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source {
    /// The built-in default.
    Default,
    /// A file.
    File(PathBuf),
    /// An environment variable.
    Variable(&'static str),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("-"),
            Self::Text(text) => f.write_str(text),
            Self::Texts(texts) if texts.is_empty() => f.write_str("-"),
            Self::Texts(texts) => f.write_str(&texts.join(" ")),
            Self::Size(bytes) => f.write_str(&format_size(*bytes)),
            Self::Share(share) => write!(f, "{share}"),
            Self::Count(count) => write!(f, "{count}"),
            Self::Switch(switch) => write!(f, "{switch}"),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Variable(name) => f.write_str(name),
        }
    }
}

impl Serialize for Source {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
