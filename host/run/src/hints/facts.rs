//! What the host knows about a run, for hints.

use longshore_block::{Language, Undeclared};
use longshore_model::remedy::PackageList;
use longshore_os::shared_file::SharedFile;
use std::collections::BTreeSet;
use std::path::PathBuf;

/// The facts about a run that failed.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    /// The script's language.
    pub(crate) language: Language,
    /// Whether it ran in a container.
    pub(crate) isolated: bool,
    /// Whether it had a network.
    pub(crate) networked: bool,
    /// The script's working folder, as the script saw it.
    pub(crate) work_folder: String,
    /// Files and folders of this machine that it saw.
    pub(crate) mounts: Vec<SharedFile>,
    /// Folders of this machine that a relative path in the script may be meant for.
    pub(crate) folders: Vec<PathBuf>,
    /// Python modules among the block's own files, at its top level.
    pub(crate) modules: BTreeSet<String>,
    /// Numbers of inputs that it read, and that had no table.
    pub(crate) unconnected: BTreeSet<u32>,
    /// Whether any input had a table.
    pub(crate) connected: bool,
    /// Modules that the block imports and that nothing declares, with their packages.
    pub(crate) undeclared: Vec<Undeclared>,
    /// Where the block declares packages.
    pub(crate) packages: PackageList,
    /// The limit of memory.
    pub(crate) memory_bytes: u64,
    /// The limit of processes and threads.
    pub(crate) pids: u32,
}

#[cfg(test)]
impl Facts {
    /// A script in a container that was given nothing.
    pub(crate) fn of_nothing(language: Language) -> Self {
        Self {
            language,
            isolated: true,
            networked: false,
            work_folder: "/work".into(),
            mounts: Vec::new(),
            folders: Vec::new(),
            modules: BTreeSet::new(),
            unconnected: BTreeSet::new(),
            connected: false,
            undeclared: Vec::new(),
            packages: PackageList::BlockToml,
            memory_bytes: 2 << 30,
            pids: 256,
        }
    }
}
