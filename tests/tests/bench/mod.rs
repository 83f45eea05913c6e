//! A folder with commands in it that have little memory and little time: one that wants more is killed, which is no way for
//! it to end, whatever it reads.

#![allow(dead_code, reason = "each test takes what it needs of it")]

use std::path::PathBuf;
use std::process::{Command, Output};

/// Bytes of address space of a command: 1.5 GiB. A dozen threads of the runtime and of readers have 2 MiB of stack each, and
/// an allocator's arena takes 64 MiB of it for each thread that it serves, four of them here; no file is more than some
/// MiB, and a row of text has 64.
const SPACE: u64 = 3 << 29;

/// Seconds that a command may take: it has to read at most some hundred MiB, with an unoptimized build on a busy machine.
const SECONDS: &str = "300";

/// A folder, and the folders of a user who has nothing else.
pub(crate) struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::Builder::new().prefix("hostile-").tempdir().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    /// Calls the command within its bounds.
    pub(crate) fn longshore(&self, arguments: &[&str]) -> Output {
        let mut bounded = Command::new("sh");
        bounded.args(["-c", "ulimit -v $1 && shift && exec timeout --signal=KILL \"$@\"", "sh"]);
        bounded.args([&(SPACE >> 10).to_string(), SECONDS]).arg(super::command::path()).args(arguments);
        bounded.current_dir(self.folder.path()).env("XDG_STATE_HOME", self.path("state"));
        bounded.env("XDG_CACHE_HOME", self.path("cache")).env("XDG_CONFIG_HOME", self.path("config"));
        bounded.env("MALLOC_ARENA_MAX", "4");
        bounded.output().unwrap()
    }

    /// Calls the command, which has to refuse what it is given.
    pub(crate) fn refused(&self, arguments: &[&str], part: &str) {
        let output = self.longshore(arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}: {said}", output.status);
        assert!(said.contains(part) && !said.contains("panicked"), "{arguments:?}: `{part}` is not in {said}");
    }
}
