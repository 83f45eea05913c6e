//! One setting: what it is called, where it is kept, and what the documentation says about it. The list of all is in
//! `list.rs`.

use super::slot::Slot;
use crate::settings::Settings;
use longshore_os::program::find_program;

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
                (find_program(&path, &settings.path).is_some(), "not in PATH")
            }
            Target::File => (path.is_file(), "no such file"),
            Target::Folder => (path.is_dir(), "no such folder"),
            Target::Socket => (path.exists(), "no such socket"),
        };
        if good { None } else { Some(what.into()) }
    }
}
