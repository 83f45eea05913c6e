//! Folders of a program that embeds the library, and settings that name them.

#![allow(clippy::unwrap_used, dead_code, reason = "a test may, and not every one needs all of it")]

use longshore::{EngineChoice, RunRequest, Settings};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A program's folders.
pub(crate) struct Home {
    folder: tempfile::TempDir,
}

impl Home {
    pub(crate) fn new() -> Self {
        let home = Self { folder: tempfile::Builder::new().prefix("embedding-").tempdir().unwrap() };
        for name in ["runtime", "work", "temporary", "state", "cache"] {
            std::fs::create_dir(home.path(name)).unwrap();
        }
        home
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        std::fs::write(self.path(name), text).unwrap();
        self.path(name)
    }

    pub(crate) fn settings(&self) -> Settings {
        let python = std::env::var_os("LONGSHORE_PYTHON").expect("LONGSHORE_PYTHON names a Python with the SDK");
        let mut settings = Settings::default();
        settings.agent = agent();
        settings.python = python.into();
        settings.runtime_folder = self.path("runtime");
        settings.work_folder = self.path("work");
        settings.temporary_folder = self.path("temporary");
        settings.state_folder = self.path("state");
        settings.cache_folder = self.path("cache");
        settings
    }

    pub(crate) fn request(&self, script: &Path) -> RunRequest {
        RunRequest::new(script).engine(EngineChoice::Process)
    }
}

/// The agent of this build.
pub(crate) fn agent() -> PathBuf {
    static BUILD: std::sync::Once = std::sync::Once::new();
    BUILD.call_once(|| {
        if let Some(cargo) = std::env::var_os("CARGO") {
            let built =
                Command::new(cargo).args(["build", "--locked", "-q", "-p", "longshore-agent"]).status().unwrap();
            assert!(built.success(), "the agent builds");
        }
    });
    let own = std::env::current_exe().unwrap();
    let agent = own.parent().unwrap().parent().unwrap().join("longshore-agent");
    assert!(agent.exists(), "{} is there", agent.display());
    agent
}
