//! What becomes of rows that are wrong, and of fields that only later rows have, where the user says it.

use serde::{Deserialize, Serialize};

/// What becomes of rows that are wrong: cut short, no JSON, with a value that their column does not take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BadRows {
    /// The first is an error.
    #[default]
    Fail,
    /// They are left out, and counted.
    Skip,
    /// They are kept as text in a column of their own, where the others are missing, and counted.
    Keep,
}

/// What becomes of fields that the first rows of a stream do not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LaterFields {
    /// A row that has one is wrong.
    #[default]
    Fail,
    /// They are left out, and counted.
    Ignore,
    /// They are kept as JSON in a column of their own.
    Keep,
}

impl BadRows {
    /// The choice of a name.
    ///
    /// # Errors
    /// Which there are.
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
    /// The choice of a name.
    ///
    /// # Errors
    /// Which there are.
    pub fn named(name: &str) -> Result<Self, String> {
        match name {
            "fail" => Ok(Self::Fail),
            "ignore" => Ok(Self::Ignore),
            "keep" => Ok(Self::Keep),
            _ => Err(format!("`{name}` is not one of fail, ignore and keep")),
        }
    }
}
