//! One settings file: read up to a limit, and parsed into values with their lines.

use super::error::ConfigError;
use super::given::Given;
use super::names::{index, key_hint, table_hint, tables};
use longshore_model::hint::{place, reword};
use longshore_os::small_file;
use std::path::Path;
use toml::de::{DeTable, DeValue};

/// A value in a file.
#[derive(Debug)]
pub(super) struct Assignment {
    /// The setting's index in the list.
    pub(super) setting: usize,
    /// The line, from 1.
    pub(super) line: usize,
    pub(super) given: Given,
}

/// Reads a file.
pub(super) fn read(path: &Path) -> Result<Vec<Assignment>, ConfigError> {
    let failed = |source| ConfigError::Read { path: path.to_owned(), source };
    let text = small_file::read_text(path, small_file::WRITTEN_MAX).map_err(failed)?;
    parse(path, &text)
}

/// Parses the text of the file at `path`.
fn parse(path: &Path, text: &str) -> Result<Vec<Assignment>, ConfigError> {
    let path = || path.to_owned();
    let line = |offset| place(text, offset).0;
    let root = DeTable::parse(text).map_err(|error| {
        let (line, column) = place(text, error.span().map_or(0, |span| span.start));
        ConfigError::Syntax { path: path(), line, column, reason: reword(error.message()) }
    })?;
    let mut found = Vec::new();
    for (table, keys) in root.get_ref() {
        let (table, line_of_table) = (table.get_ref().as_ref(), line(table.span().start));
        let is_known = tables().contains(table);
        let DeValue::Table(keys) = keys.get_ref() else {
            return Err(if is_known {
                let found = kind(keys.get_ref()).to_owned();
                ConfigError::NoTable { path: path(), line: line_of_table, table: table.into(), found }
            } else {
                let hint = key_hint(None, table);
                ConfigError::UnknownKey { path: path(), line: line_of_table, key: table.into(), hint }
            });
        };
        if !is_known {
            let hint = table_hint(table);
            return Err(ConfigError::UnknownTable { path: path(), line: line_of_table, table: table.into(), hint });
        }
        for (key, value) in keys {
            let (key, line) = (key.get_ref().as_ref(), line(key.span().start));
            let setting = index(table, key).ok_or_else(|| ConfigError::UnknownKey {
                path: path(),
                line,
                key: format!("{table}.{key}"),
                hint: key_hint(Some(table), key),
            })?;
            found.push(Assignment { setting, line, given: given(value.get_ref()) });
        }
    }
    Ok(found)
}

fn given(value: &DeValue<'_>) -> Given {
    match value {
        DeValue::String(text) => Given::Text(text.to_string()),
        DeValue::Integer(number) => {
            let read = u64::from_str_radix(number.as_str(), number.radix());
            read.map_or(Given::Other("an integer below 0 or beyond 64 bits"), Given::Integer)
        }
        DeValue::Float(number) => number.as_str().parse().map_or(Given::Other("a number"), Given::Number),
        DeValue::Boolean(switch) => Given::Switch(*switch),
        DeValue::Array(items) => {
            let texts = items.iter().map(|item| item.get_ref().as_str().map(str::to_owned)).collect();
            Option::map_or(texts, Given::Other("a list that contains values other than texts"), Given::Texts)
        }
        DeValue::Table(lists) => {
            let list = |(name, list): (&toml::Spanned<_>, &toml::Spanned<DeValue<'_>>)| match given(list.get_ref()) {
                Given::Texts(texts) => Some((std::borrow::Cow::to_string(name.get_ref()), texts)),
                _ => None,
            };
            Option::map_or(lists.iter().map(list).collect(), Given::Other("a table"), Given::Lists)
        }
        DeValue::Datetime(_) => Given::Other(kind(value)),
    }
}

/// The type of a value, for display.
fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "`true` or `false`",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
