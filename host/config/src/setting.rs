//! One setting: what it is called, where it is kept, and what the documentation says about it. The list of all is in
//! `list.rs`.

use super::list::SETTINGS;
use super::slot::{Slot, find};
use crate::settings::Settings;
use longshore_model::hint::did_you_mean;
use std::collections::BTreeSet;

/// A setting.
#[derive(Debug)]
pub(super) struct Setting {
    /// The table in a file.
    pub(super) table: &'static str,
    /// The key in the table.
    pub(super) key: &'static str,
    pub(super) slot: Slot,
    /// What must be where its path leads.
    pub(super) leads_to: Target,
    /// The variable that comes above all files.
    pub(super) variable: &'static str,
    /// Variables of other programs, which count where nothing else says anything; the first that is there.
    pub(super) common: &'static [&'static str],
    pub(super) about: &'static str,
    /// Its default, in the documentation's words.
    pub(super) default: &'static str,
    /// A value, as a file has it.
    pub(super) example: &'static str,
}

/// What must be where a path leads, once somebody has set it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    /// Nothing: it is made where it is missing, or is no path.
    Anything,
    File,
    Folder,
    Socket,
}

impl Setting {
    /// The key behind its table's name.
    pub(super) fn name(&self) -> String {
        format!("{}.{}", self.table, self.key)
    }

    /// What is right, with an example as a file or a variable has it.
    pub(super) fn right(&self, in_file: bool) -> String {
        let (file, variable) = (format!("{} = {}", self.key, self.example), self.variable_example());
        format!("{}, as in `{}`", self.slot.right(), if in_file { file } else { variable })
    }

    /// The example as a variable has it.
    pub(super) fn variable_example(&self) -> String {
        let plain = self.example.trim_matches(['[', ']']).replace("\", \"", " ").replace('"', "");
        let scheme = if self.variable == "DOCKER_HOST" { "unix://" } else { "" };
        let value = format!("{scheme}{plain}");
        if value.contains(' ') {
            format!("{}=\"{value}\"", self.variable)
        } else {
            format!("{}={value}", self.variable)
        }
    }

    /// What is wrong with the path that is set, if anything.
    pub(super) fn problem(&self, settings: &mut Settings) -> Option<String> {
        let path = self.slot.path(settings)?;
        let (good, what) = match self.leads_to {
            Target::Anything => return None,
            Target::File if matches!(self.slot, Slot::Program(_)) && path.components().count() == 1 => {
                (find(&path, &settings.path).is_some(), "not in PATH")
            }
            Target::File => (path.is_file(), "no such file"),
            Target::Folder => (path.is_dir(), "no such folder"),
            Target::Socket => (path.exists(), "no such socket"),
        };
        if good { None } else { Some(what.into()) }
    }
}

/// The index of a setting.
pub(super) fn index(table: &str, key: &str) -> Option<usize> {
    SETTINGS.iter().position(|setting| setting.table == table && setting.key == key)
}

/// The tables.
pub(super) fn tables() -> BTreeSet<&'static str> {
    SETTINGS.iter().map(|setting| setting.table).collect()
}

/// A hint at the table that somebody may have meant.
pub(super) fn table_hint(table: &str) -> String {
    let hint = did_you_mean(table, tables());
    let known = || tables().iter().map(|table| format!("`[{table}]`")).collect::<Vec<_>>().join(", ");
    if hint.is_empty() { format!(": known are {}", known()) } else { hint }
}

/// A hint at the key that somebody may have meant in a table, or outside of all tables.
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

/// A hint at the variable that somebody may have meant.
pub(super) fn variable_hint(variable: &str) -> String {
    let by_rule =
        |setting: &&Setting| variable == format!("LONGSHORE_{}_{}", setting.table, setting.key).to_uppercase();
    if let Some(setting) = SETTINGS.iter().find(by_rule) {
        return format!(": did you mean `{}`?", setting.variable);
    }
    // What all have in common would make all of them alike.
    let distinct = |name: &'static str| name.strip_prefix("LONGSHORE_");
    let known: Vec<&str> = SETTINGS.iter().filter_map(|setting| distinct(setting.variable)).collect();
    let hint = did_you_mean(variable.trim_start_matches("LONGSHORE_"), known);
    if hint.is_empty() { "; docs/settings.md lists them".into() } else { hint.replacen('`', "`LONGSHORE_", 1) }
}
