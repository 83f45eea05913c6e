//! Where outputs go, and what of a user's is replaced: links, modes, pipes, devices, a reader that has enough, several at
//! once. The runs are those of the process engine: what becomes of outputs does not depend on it.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod command;

use command::User;
use rustix::fs::{CWD, FileType, Mode, mknodat};
use serde_json::Value;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// Writes a few rows to as many outputs as there are.
const SCRIPT: &str = "\
from longshore.api import Api
api = Api()
for number in range(2):
    api.write_output_records({'a': [1, 2, 3]}, number)
api.commit('done')
";

const ROWS: &str = "a\n1\n2\n3\n";

impl User {
    fn new() -> Self {
        let user = Self::with_folder("outputs-");
        user.file("script.py", SCRIPT);
        user
    }

    fn running(&self, arguments: &[&str]) -> Command {
        self.command(&[&["run", "script.py", "--engine", "process"], arguments].concat())
    }

    fn run(&self, arguments: &[&str]) -> (Output, String) {
        let output = self.running(arguments).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (output, said)
    }

    fn succeeds(&self, arguments: &[&str]) -> Output {
        let (output, said) = self.run(arguments);
        assert_eq!(output.status.code(), Some(0), "{said}");
        output
    }

    fn pipe(&self, name: &str) {
        mknodat(CWD, self.at(name), FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
    }

    /// All names in the folder.
    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

#[test]
fn a_private_file_stays_private_and_a_link_stays_a_link() {
    let user = User::new();
    user.file("private.csv", "old");
    std::fs::set_permissions(user.at("private.csv"), PermissionsExt::from_mode(0o600)).unwrap();
    symlink("made.csv", user.at("link.csv")).unwrap();
    user.succeeds(&["-o", "private.csv", "-o", "link.csv"]);
    assert_eq!(std::fs::metadata(user.at("private.csv")).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(std::fs::symlink_metadata(user.at("link.csv")).unwrap().is_symlink());
    assert_eq!((user.text("private.csv"), user.text("made.csv")), (ROWS.into(), ROWS.into()));
    assert_eq!(user.names(), ["link.csv", "made.csv", "private.csv", "script.py"]);
}

#[test]
fn two_names_of_one_file_are_one_output_too_many() {
    let user = User::new();
    symlink("made.csv", user.at("link.csv")).unwrap();
    let (output, said) = user.run(&["-o", "made.csv", "-o", "link.csv"]);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("outputs 0 and 1 both go to `link.csv`"), "{said}");
}

#[test]
fn pipes_and_devices_are_written_to() {
    let user = User::new();
    user.pipe("pipe.csv");
    let path = user.at("pipe.csv");
    let reader = std::thread::spawn(move || std::fs::read_to_string(path).unwrap());
    user.succeeds(&["-o", "pipe.csv", "-o", "/dev/null", "--format", "csv"]);
    assert_eq!(reader.join().unwrap(), ROWS);
    assert!(std::fs::metadata(user.at("pipe.csv")).unwrap().file_type().is_fifo());
    assert!(std::fs::metadata("/dev/null").unwrap().file_type().is_char_device());
    let printed = user.succeeds(&["-o", "/dev/stdout", "--format", "csv"]).stdout;
    assert_eq!(String::from_utf8_lossy(&printed), ROWS);
}

#[test]
fn a_full_device_is_an_error_with_its_path_and_no_file_appears() {
    let user = User::new();
    user.file("file.csv", "old");
    let (output, said) = user.run(&["-o", "file.csv", "-o", "/dev/full", "--format", "csv", "--json"]);
    assert_eq!(output.status.code(), Some(3), "{said}");
    let record: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(record["outcome"], "publish_failed");
    assert!(said.contains("cannot write output 1 to `/dev/full`: No space left on device"), "{said}");
    assert_eq!(user.text("file.csv"), "old");
    assert_eq!(user.names(), ["file.csv", "script.py"]);
}

#[test]
fn what_cannot_be_written_to_is_refused_before_anything_starts() {
    let user = User::new();
    let _socket = std::os::unix::net::UnixListener::bind(user.at("socket.csv")).unwrap();
    symlink("round.csv", user.at("round.csv")).unwrap();
    for (path, reason) in [("socket.csv", "it is a socket"), ("round.csv", "its symbolic links form a loop")] {
        let (output, said) = user.run(&["-o", path]);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(&format!("cannot write output 0 to `{path}`: {reason}")), "{said}");
        assert!(!said.contains("done"), "{said}");
    }
}

#[test]
fn who_cancels_is_heard_where_nobody_reads_a_pipe() {
    let user = User::new();
    user.pipe("pipe.csv");
    user.file("script.py", &format!("{SCRIPT}print('written', flush=True)\n"));
    let mut running =
        user.running(&["-o", "pipe.csv", "--json"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(running.stderr.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line == "written"));
    let pid = rustix::process::Pid::from_child(&running);
    // It may still be ending the script; whoever is told twice does not wait for that.
    for _ in 0..2 {
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    }
    let mut printed = String::new();
    running.stdout.take().unwrap().read_to_string(&mut printed).unwrap();
    assert_eq!(running.wait().unwrap().code(), Some(130), "{printed}");
    let record: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(record["outcome"], "interrupted", "{printed}");
    assert!(std::fs::metadata(user.at("pipe.csv")).unwrap().file_type().is_fifo());
}

#[test]
fn a_reader_that_has_enough_is_no_failure() {
    let user = User::new();
    user.file("script.py", &SCRIPT.replace("[1, 2, 3]", "list(range(500_000))"));
    let mut running =
        user.running(&["-o", "-", "--format", "csv"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = String::new();
    BufReader::new(running.stdout.take().unwrap()).read_line(&mut first).unwrap();
    let mut said = String::new();
    running.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!((first.as_str(), running.wait().unwrap().code()), ("a\n", Some(0)), "{said}");
    assert!(!said.contains('✗') && !said.contains("Broken pipe"), "{said}");
}

/// A journal of a host that was killed after it had decided: one file of two is in place.
#[test]
fn what_a_killed_host_had_decided_is_completed_by_the_next_run() {
    use std::os::unix::fs::MetadataExt;
    let user = User::new();
    user.file("first.csv", "new");
    user.file(".first.csv.killed", "old");
    user.file("second.csv", "old");
    user.file(".second.csv.killed", "new");
    std::fs::set_permissions(user.at(".second.csv.killed"), PermissionsExt::from_mode(0o600)).unwrap();
    let folder = std::fs::canonicalize(user.folder.path()).unwrap();
    let identity = |path: PathBuf| {
        let found = std::fs::metadata(path).unwrap();
        serde_json::json!({ "device": found.dev(), "number": found.ino() })
    };
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    let entry = |name: &str, new: &str| {
        serde_json::json!({
            "folder": folder.to_str().unwrap().as_bytes(),
            "folder_identity": identity(folder.clone()),
            "name": name.as_bytes(),
            "temporary": format!(".{name}.killed").as_bytes(),
            "file": identity(user.at(new)),
            "boot": boot,
        })
    };
    let entries = [entry("first.csv", "first.csv"), entry("second.csv", ".second.csv.killed")];
    let mut show = Command::new(command::path());
    let show = user.home.of(show.args(["config", "show", "--json"])).output().unwrap();
    let settings: Value = serde_json::from_slice(&show.stdout).unwrap();
    let of = |entry: &&Value| entry["key"] == "engine.state_folder";
    let state = PathBuf::from(settings.as_array().unwrap().iter().find(of).unwrap()["value"].as_str().unwrap());
    std::fs::create_dir_all(state.join("publishing")).unwrap();
    let journal = format!("{}\ncommit\n", serde_json::to_string(&entries).unwrap());
    std::fs::write(state.join("publishing/killed"), journal).unwrap();
    let (output, said) = user.run(&[]);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("second.csv` of run killed, whose host was killed while publishing"), "{said}");
    assert!(!said.contains("first.csv"), "{said}");
    assert_eq!((user.text("first.csv"), user.text("second.csv")), ("new".into(), "new".into()));
    assert_eq!(user.names(), ["first.csv", "script.py", "second.csv"]);
    assert_eq!(std::fs::read_dir(state.join("publishing")).unwrap().count(), 0);
}
