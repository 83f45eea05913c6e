//! One setting: its names, its slot in the settings, its documentation, and the check of its path. The list of all is
//! in `list.rs`.

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
    /// What must exist at its path.
    pub(super) leads_to: Target,
    /// The variable that overrides all files.
    pub(super) variable: &'static str,
    /// Variables of other programs, which count if nothing else sets a value; the first one that is set is used.
    pub(super) common: &'static [&'static str],
    pub(super) about: &'static str,
    /// Its default, for the documentation.
    pub(super) default: &'static str,
    /// A value, in the notation of a file.
    pub(super) example: &'static str,
}

/// The values that most settings share.
pub(super) const PLAIN: Setting = Setting {
    table: "",
    key: "",
    // Never used: every setting has its own.
    slot: Slot::Path(|settings| &mut settings.work_folder),
    leads_to: Target::Anything,
    variable: "",
    common: &[],
    about: "",
    default: "",
    example: "",
};

/// What must exist at a path that was set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    /// Nothing: it is created if missing, or is not a path.
    Anything,
    File,
    Folder,
    Socket,
}

impl Setting {
    /// The table and the key.
    pub(super) fn name(&self) -> String {
        format!("{}.{}", self.table, self.key)
    }

    /// The valid values, with an example in the notation of a file or a variable.
    pub(super) fn right(&self, in_file: bool) -> String {
        let (file, variable) = (format!("{} = {}", self.key, self.example), self.variable_example());
        format!("{}, as in `{}`", self.slot.right(), if in_file { file } else { variable })
    }

    /// The example in the notation of a variable.
    pub(super) fn variable_example(&self) -> String {
        if self.example.starts_with('{') {
            // A table is written as in a file.
            return format!("{}='{}'", self.variable, self.example);
        }
        let plain = self.example.trim_matches(['[', ']']).replace("\", \"", " ").replace('"', "");
        let scheme = if self.variable == "DOCKER_HOST" { "unix://" } else { "" };
        let value = format!("{scheme}{plain}");
        if value.contains(' ') {
            format!("{}=\"{value}\"", self.variable)
        } else {
            format!("{}={value}", self.variable)
        }
    }

    /// The problem with the path that is set, if any.
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
