//! The treatment of invalid rows, and of fields that only later rows have, as chosen by the user.

use serde::{Deserialize, Serialize};

/// The treatment of invalid rows: truncated, invalid JSON, or with a value that does not fit its column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BadRows {
    /// The first one is an error.
    #[default]
    Fail,
    /// They are left out and counted.
    Skip,
    /// They are kept as text in a separate column, where other rows have no value, and counted.
    Keep,
}

/// The treatment of fields that the first rows of a stream lack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LaterFields {
    /// A row with such a field is invalid.
    #[default]
    Fail,
    /// They are left out and counted.
    Ignore,
    /// They are kept as JSON in a separate column.
    Keep,
}

impl BadRows {
    /// Parses a name.
    ///
    /// # Errors
    /// The valid names.
    pub fn named(name: &str) -> Result<Self, String> {
        match name {
            "fail" => Ok(Self::Fail),
            "skip" => Ok(Self::Skip),
            "keep" => Ok(Self::Keep),
            _ => Err(format!("`{name}` is not one of fail, skip and keep")),
        }
    }
}

impl LaterFields {
    /// Parses a name.
    ///
    /// # Errors
    /// The valid names.
    pub fn named(name: &str) -> Result<Self, String> {
        match name {
            "fail" => Ok(Self::Fail),
            "ignore" => Ok(Self::Ignore),
            "keep" => Ok(Self::Keep),
            _ => Err(format!("`{name}` is not one of fail, ignore and keep")),
        }
    }
}
