//! Hosts that record runs: each has a locked folder while it does, by which other processes, also those of other process
//! namespaces and machines, recognize that it lives.

use longshore_model::run_id::new_run_id;
use longshore_os::locked_folder::{LockedFolder, is_locked, remove_abandoned};
use std::io;
use std::path::{Path, PathBuf};

/// Their folders, beside the database.
const FOLDER: &str = "hosts";

/// The hosts of a database.
#[derive(Debug, Clone)]
pub(crate) struct Hosts {
    folder: PathBuf,
}

/// A host that lives, until this is dropped.
#[derive(Debug)]
pub(crate) struct LivingHost {
    folder: LockedFolder,
}

impl Hosts {
    pub(crate) fn new(database_folder: &Path) -> Self {
        Self { folder: database_folder.join(FOLDER) }
    }

    /// One more.
    pub(crate) fn enter(&self) -> io::Result<LivingHost> {
        Ok(LivingHost { folder: LockedFolder::create(&self.folder, &new_run_id(), 0o700)? })
    }

    pub(crate) fn lives(&self, name: &str) -> bool {
        // Somebody else may have written the name.
        !name.is_empty() && !name.contains(['/', '\0']) && is_locked(&self.folder.join(name))
    }

    /// Removes the folders of killed hosts.
    pub(crate) fn sweep(&self) {
        remove_abandoned(&self.folder, "");
    }
}

impl LivingHost {
    pub(crate) fn name(&self) -> &str {
        self.folder.path().file_name().and_then(|name| name.to_str()).unwrap_or_default()
    }
}
