//! The options of a block.

use longshore_model::table::ColumnType;
use serde::Serialize;
use serde_json::Value;

/// An option of a block.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct OptionSpec {
    /// The name that scripts and callers use.
    pub name: String,
    /// The kind of its values.
    #[serde(flatten)]
    pub kind: OptionKind,
    /// Its value if the caller gives none.
    pub default: Option<Value>,
    /// Whether it must have a value.
    pub mandatory: bool,
    /// A label to display.
    pub label: Option<String>,
    /// A description to display.
    pub description: Option<String>,
}

/// The kind of an option's values.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum OptionKind {
    /// Text; blank is unset.
    Text,
    /// Text that is never shown.
    Password,
    /// A whole number.
    Integer {
        /// The least value.
        min: Option<i64>,
        /// The greatest value.
        max: Option<i64>,
    },
    /// A number.
    Double {
        /// The least value.
        min: Option<f64>,
        /// The greatest value.
        max: Option<f64>,
    },
    /// Yes or no; unset is no.
    Boolean,
    /// One of several texts.
    Choice {
        /// The texts.
        choices: Vec<String>,
    },
    /// A file or folder.
    File {
        /// Whether the script may only read it.
        read_only: bool,
    },
    /// A column of an input.
    Field {
        /// The input, from 0.
        input: usize,
        /// The allowed types of the column; any if empty.
        field_types: Vec<ColumnType>,
    },
    /// Columns of an input.
    Fields {
        /// The input, from 0.
        input: usize,
        /// The allowed types of the columns; any if empty.
        field_types: Vec<ColumnType>,
    },
}

impl OptionKind {
    /// The names of the kinds in `block.toml`.
    pub const NAMES: [&'static str; 9] =
        ["text", "password", "integer", "double", "boolean", "choice", "file", "field", "fields"];

    /// The kind's name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Password => "password",
            Self::Integer { .. } => "integer",
            Self::Double { .. } => "double",
            Self::Boolean => "boolean",
            Self::Choice { .. } => "choice",
            Self::File { .. } => "file",
            Self::Field { .. } => "field",
            Self::Fields { .. } => "fields",
        }
    }

    /// The allowed values, for display; empty if all are allowed.
    #[must_use]
    pub fn allows(&self) -> String {
        match self {
            Self::Integer { min, max } => range(min.map(|min| min.to_string()), max.map(|max| max.to_string())),
            Self::Double { min, max } => range(min.map(|min| min.to_string()), max.map(|max| max.to_string())),
            Self::Choice { choices } => choices.join(", "),
            Self::Field { input, field_types } | Self::Fields { input, field_types } => match alternatives(field_types)
            {
                types if types.is_empty() => format!("of input {input}"),
                types => format!("{types}, of input {input}"),
            },
            Self::File { read_only: false } => "may be written".into(),
            Self::Text | Self::Password | Self::Boolean | Self::File { .. } => String::new(),
        }
    }
}

/// The allowed types of a column, for display.
pub(super) fn alternatives(types: &[ColumnType]) -> String {
    types.iter().map(ColumnType::name).collect::<Vec<_>>().join(" or ")
}

fn range(min: Option<String>, max: Option<String>) -> String {
    match (min, max) {
        (Some(min), Some(max)) => format!("{min} to {max}"),
        (Some(min), None) => format!("{min} or more"),
        (None, Some(max)) => format!("{max} or less"),
        (None, None) => String::new(),
    }
}
