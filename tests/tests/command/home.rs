//! A home of a test's own: folders for state and cache, and a store of images, so that a test neither finds nor leaves
//! anything in the user's. Mirrors and certificates of the machine's settings hold in it all the same. It goes with the
//! images that were made in it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};
use tempfile::TempDir;

/// Homes that this process has made.
static NUMBER: AtomicU32 = AtomicU32::new(0);

/// The home.
pub(crate) struct Home {
    folder: TempDir,
    store: String,
}

impl Home {
    /// A fresh one.
    pub(crate) fn new() -> Self {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        Self {
            folder: tempfile::Builder::new().prefix("home-").tempdir().unwrap(),
            store: format!("test-{}-{number}", std::process::id()),
        }
    }

    /// Where it keeps its state.
    pub(crate) fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    /// Has a command use this home.
    pub(crate) fn of<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command
            .env("XDG_STATE_HOME", self.state())
            .env("XDG_CACHE_HOME", self.folder.path().join("cache"))
            .env("LONGSHORE_IMAGES_STORE", &self.store)
    }

    /// Calls the command in a folder.
    pub(crate) fn longshore(&self, folder: &Path, arguments: &[&str]) -> Output {
        let mut command = Command::new(super::path());
        let output = self.of(command.args(arguments).current_dir(folder)).output();
        output.unwrap_or_else(|error| panic!("`{}` cannot be run: {error}", super::path().display()))
    }

    /// Removes the images that were made in it, as a user would.
    pub(crate) fn prune(&self) -> Result<(), String> {
        if self.left().is_empty() {
            return Ok(());
        }
        let pruned = self.longshore(self.folder.path(), &["images", "prune", "--all"]);
        let said = String::from_utf8_lossy(&pruned.stderr).into_owned();
        pruned.status.success().then_some(()).ok_or(said)
    }

    /// What the engine has of this home: images, those between them, and containers, running or not. An engine that does
    /// not answer has nobody knows what.
    pub(crate) fn left(&self) -> Vec<String> {
        let label = format!("label=longshore.store={}", self.store);
        let image = ["images", "--format", "image {{.ID}} {{.Repository}}:{{.Tag}}", "--filter", &label];
        let container = ["ps", "--all", "--format", "container {{.ID}} {{.Names}} {{.Status}}", "--filter", &label];
        let listed = [&image[..], &container].map(|arguments| Command::new("docker").args(arguments).output());
        let found = listed.into_iter().flat_map(|listed| match listed {
            Ok(output) if output.status.success() => lines(&output.stdout),
            Ok(output) => lines(&output.stderr),
            Err(error) => vec![format!("tests need the command `docker`: {error}")],
        });
        found.collect()
    }
}

fn lines(text: &[u8]) -> Vec<String> {
    String::from_utf8_lossy(text).lines().map(str::to_owned).collect()
}

impl Drop for Home {
    fn drop(&mut self) {
        let pruned = self.prune();
        // A test that fails already says what it found.
        if let (Err(said), false) = (pruned, std::thread::panicking()) {
            panic!("images of `{}` stay: {said}", self.store);
        }
    }
}
