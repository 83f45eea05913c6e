//! `longshore run --watch` as a user has it: files are saved as editors save them, and the block runs again. The outputs
//! of the runs do not start others, and Ctrl-C ends it, with whatever runs.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod command;

use rustix::process::{Pid, Signal, kill_process};
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// How long a run may take to begin on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A command that watches, and what it has printed.
struct Watching {
    process: Child,
    printed: Receiver<Vec<u8>>,
    text: String,
    _home: command::Home,
}

impl Watching {
    fn begin(folder: &Path, arguments: &[&str]) -> Self {
        let home = command::Home::new();
        let mut command = Command::new(command::path());
        command.args(["run", "--watch", "--engine", "process"]).args(arguments).current_dir(folder);
        let mut process = home.of(command.stdout(Stdio::piped()).stderr(Stdio::piped())).spawn().unwrap();
        let (sender, printed) = channel();
        let (out, err) = (process.stdout.take().unwrap(), process.stderr.take().unwrap());
        let streams: [Box<dyn Read + Send>; 2] = [Box::new(out), Box::new(err)];
        for mut stream in streams {
            let sender = sender.clone();
            std::thread::spawn(move || {
                let mut buffer = [0; 4096];
                while let Ok(count @ 1..) = stream.read(&mut buffer) {
                    if sender.send(buffer[..count].to_vec()).is_err() {
                        break;
                    }
                }
            });
        }
        Self { process, printed, text: String::new(), _home: home }
    }

    /// Waits until a text has been printed so often.
    fn wait(&mut self, text: &str, times: usize) {
        let end = Instant::now() + PATIENCE;
        while self.text.matches(text).count() < times {
            match self.printed.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(bytes) => self.text.push_str(&String::from_utf8_lossy(&bytes)),
                Err(_) => panic!("`{text}` is not there {times} times:\n{}", self.text),
            }
        }
    }

    /// Checks that nothing more is printed for a while.
    fn is_quiet(&mut self, time: Duration) {
        match self.printed.recv_timeout(time) {
            Err(RecvTimeoutError::Timeout) => {}
            other => panic!("{:?}\n{}", other.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()), self.text),
        }
    }

    fn interrupt(mut self) -> (Option<i32>, String) {
        let pid = Pid::from_raw(i32::try_from(self.process.id()).unwrap()).unwrap();
        kill_process(pid, Signal::INT).unwrap();
        let status = self.process.wait().unwrap();
        while let Ok(bytes) = self.printed.recv_timeout(PATIENCE) {
            self.text.push_str(&String::from_utf8_lossy(&bytes));
        }
        (status.code(), self.text)
    }
}

/// Saves a file as editors do: under another name first.
fn save(path: &Path, text: &str) {
    let temporary = path.with_extension("new~");
    std::fs::write(&temporary, text).unwrap();
    std::fs::rename(&temporary, path).unwrap();
}

const WAITING: &str = "watching for changes";

#[test]
fn a_block_runs_again_when_its_files_or_inputs_change_and_not_because_of_its_outputs() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::create_dir_all(at("block/lib")).unwrap();
    let copy = "from longshore.api import Api\nfrom lib import word\napi = Api()\nt = api.read_input_records()\n\
                print(word.TEXT, len(t))\napi.write_output_records(t)\napi.close()\n";
    for (name, text) in [
        ("block/block.toml", "name = \"w\"\nlanguage = \"python\"\nscript = \"s.py\"\n"),
        ("block/s.py", copy),
        ("block/lib/word.py", "TEXT = 'first'\n"),
        ("in.csv", "a\n1\n"),
    ] {
        std::fs::write(at(name), text).unwrap();
    }
    let mut watching = Watching::begin(folder.path(), &["block", "-i", "in.csv", "-o", "block/out.csv"]);
    watching.wait("first 1", 1);
    watching.wait(WAITING, 1);
    watching.is_quiet(Duration::from_secs(1));
    save(&at("block/lib/word.py"), "TEXT = 'second'\n");
    watching.wait("second 1", 1);
    watching.wait(WAITING, 2);
    std::fs::write(at("in.csv"), "a\n1\n2\n").unwrap();
    watching.wait("second 2", 1);
    watching.wait(WAITING, 3);
    save(&at("block/block.toml"), "name = \"w\"\nlanguage = \"pyhton\"\nscript = \"s.py\"\n");
    watching.wait("pyhton", 1);
    watching.wait(WAITING, 4);
    std::fs::write(at("block/.s.py.swp"), "x").unwrap();
    watching.is_quiet(Duration::from_secs(1));
    assert_eq!(std::fs::read_to_string(at("block/out.csv")).unwrap(), "a\n1\n2\n");
    let (code, text) = watching.interrupt();
    assert_eq!(code, Some(130), "{text}");
}

#[test]
fn a_change_ends_the_run_in_progress_and_ctrl_c_all() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("s.py");
    let sleeps = |word: &str| format!("import time\nprint('{word}', flush=True)\ntime.sleep(300)\n");
    std::fs::write(&script, sleeps("one")).unwrap();
    let mut watching = Watching::begin(folder.path(), &["s.py"]);
    watching.wait("one", 1);
    save(&script, &sleeps("two"));
    watching.wait("two", 1);
    let (code, text) = watching.interrupt();
    assert_eq!(code, Some(130), "{text}");
    assert!(!text.contains(WAITING), "{text}");
}

#[test]
fn standard_input_cannot_be_watched() {
    let output = command::longshore(Path::new("/"), &["run", "--watch", "s.py", "-i", "-", "--format", "csv"]);
    assert_eq!(output.status.code(), Some(2));
    let printed = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(printed.contains("standard input can be read only once"), "{printed}");
}
