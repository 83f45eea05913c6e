//! Finds settings by name, and gives hints for wrong names.

use super::list::SETTINGS;
use super::setting::Setting;
use longshore_model::hint::did_you_mean;
use std::collections::BTreeSet;

/// The index of a setting.
pub(super) fn index(table: &str, key: &str) -> Option<usize> {
    SETTINGS.iter().position(|setting| setting.table == table && setting.key == key)
}

/// The tables.
pub(super) fn tables() -> BTreeSet<&'static str> {
    SETTINGS.iter().map(|setting| setting.table).collect()
}

/// A hint at the table that was probably meant.
pub(super) fn table_hint(table: &str) -> String {
    let hint = did_you_mean(table, tables());
    let known = || tables().iter().map(|table| format!("`[{table}]`")).collect::<Vec<_>>().join(", ");
    if hint.is_empty() { format!(": known are {}", known()) } else { hint }
}

/// A hint at the key that was probably meant in a table, or outside of all tables.
pub(super) fn key_hint(table: Option<&str>, key: &str) -> String {
    let here = |setting: &&Setting| table.is_none_or(|table| setting.table == table);
    if let Some(elsewhere) = SETTINGS.iter().find(|setting| setting.key == key) {
        return format!(": it belongs in the table `[{}]`", elsewhere.table);
    }
    let known = || SETTINGS.iter().filter(here).map(|setting| setting.key);
    let hint = did_you_mean(key, known());
    match (hint.is_empty(), table) {
        (false, _) => hint,
        (true, Some(_)) => format!(": known are {}", known().collect::<Vec<_>>().join(", ")),
        (true, None) => table_hint(key),
    }
}

/// A hint at the variable that was probably meant instead of one that is not a setting's, among the settings' and
/// others; empty if no name is similar.
#[must_use]
pub fn similar(variable: &str, others: &[&str]) -> String {
    // The common prefix would make all names similar.
    let distinct = |name: &str| name.trim_start_matches("LONGSHORE_").to_owned();
    let known: Vec<String> =
        SETTINGS.iter().map(|setting| setting.variable).chain(others.iter().copied()).map(distinct).collect();
    did_you_mean(&distinct(variable), known.iter().map(String::as_str)).replacen('`', "`LONGSHORE_", 1)
}

/// A hint at the variable that was probably meant.
pub(super) fn variable_hint(variable: &str) -> String {
    let by_rule =
        |setting: &&Setting| variable == format!("LONGSHORE_{}_{}", setting.table, setting.key).to_uppercase();
    if let Some(setting) = SETTINGS.iter().find(by_rule) {
        return format!(": did you mean `{}`?", setting.variable);
    }
    let hint = similar(variable, &[]);
    if hint.is_empty() { "; docs/settings.md lists them".into() } else { hint }
}
