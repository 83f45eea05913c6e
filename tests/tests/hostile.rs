//! Files that are made to hold the host up or to take its memory, given to the commands that read them. Each command has
//! little memory and little time: one that wants more is killed, and that is no way for it to end.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod command;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Bytes of address space of a command: 3 GiB. A dozen threads of the runtime and of readers have 2 MiB of stack each, and
/// an allocator's arena takes 64 MiB of it for each thread that it serves; no file here is more than some MiB.
const SPACE: u64 = 3 << 30;

/// Seconds that a command may take: it has to read at most some hundred MiB, with an unoptimized build on a busy machine.
const SECONDS: &str = "300";

/// A folder, and the folders of a user who has nothing else.
struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        Self { folder: tempfile::Builder::new().prefix("hostile-").tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    /// Calls the command within its bounds.
    fn longshore(&self, arguments: &[&str]) -> Output {
        let mut bounded = Command::new("sh");
        bounded.args(["-c", "ulimit -v $1 && shift && exec timeout --signal=KILL \"$@\"", "sh"]);
        bounded.args([&(SPACE >> 10).to_string(), SECONDS]).arg(command::path()).args(arguments);
        bounded.current_dir(self.folder.path()).env("XDG_STATE_HOME", self.path("state"));
        bounded.env("XDG_CACHE_HOME", self.path("cache")).env("XDG_CONFIG_HOME", self.path("config"));
        bounded.output().unwrap()
    }

    /// Calls the command, which has to refuse what it is given.
    fn refused(&self, arguments: &[&str], part: &str) {
        let output = self.longshore(arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}: {said}", output.status);
        assert!(said.contains(part) && !said.contains("panicked"), "{arguments:?}: `{part}` is not in {said}");
    }
}

/// What may stand where a small file belongs, and what is said of it.
const NO_FILES: [(&str, &str); 3] =
    [("pipe", "it is a pipe, not a file"), ("device", "it is a device, not a file"), ("endless", "it is longer than")];

/// Puts it there.
fn put(what: &str, path: &Path) {
    match what {
        "pipe" => assert!(Command::new("mkfifo").arg(path).status().unwrap().success()),
        "device" => std::os::unix::fs::symlink("/dev/zero", path).unwrap(),
        _ => std::fs::File::create(path).unwrap().set_len(1 << 40).unwrap(),
    }
}

#[test]
fn what_is_no_small_file_is_refused_at_once() {
    for (what, said) in NO_FILES {
        for manifest in ["block.toml", "manifest.json"] {
            let bench = Bench::new();
            bench.write("block/s.py", "");
            put(what, &bench.path("block").join(manifest));
            bench.refused(&["check", "block"], said);
            bench.refused(&["run", "block", "--engine", "process"], said);
            bench.refused(&["test", "block"], said);
        }
        let bench = Bench::new();
        bench.write("s.py", "");
        put(what, &bench.path("options.json"));
        bench.refused(&["run", "s.py", "--engine", "process", "--options", "options.json"], said);
        bench.write("block/s.py", "");
        bench.write("block/block.toml", "name = \"x\"\nlanguage = \"python\"\nscript = \"s.py\"\n");
        std::fs::create_dir_all(bench.path("block/cases")).unwrap();
        put(what, &bench.path("block/cases/case.toml"));
        bench.refused(&["test", "block", "--engine", "process"], said);
        std::fs::create_dir_all(bench.path("config/longshore")).unwrap();
        put(what, &bench.path("config/longshore/longshore.toml"));
        bench.refused(&["check", "s.py"], said);
    }
}
