//! A user of the command: a home, and a folder to work in. Suites add what theirs do.

use super::Home;
use std::path::PathBuf;
use std::process::Command;
use tempfile::TempDir;

/// The user.
pub(crate) struct User {
    pub(crate) home: Home,
    pub(crate) folder: TempDir,
}

impl User {
    /// One whose folder's name begins so.
    pub(crate) fn with_folder(prefix: &str) -> Self {
        Self { home: Home::new(), folder: tempfile::Builder::new().prefix(prefix).tempdir().unwrap() }
    }

    /// A path in the folder.
    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file, in folders that are made where they are missing.
    pub(crate) fn file(&self, name: &str, text: &str) {
        let path = self.at(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Reads a file.
    pub(crate) fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.at(name)).unwrap()
    }

    /// The command, called in the folder.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(super::path());
        self.home.of(command.args(arguments).current_dir(self.folder.path()));
        command
    }
}
