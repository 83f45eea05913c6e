//! Peers that hold the host up: agents and scripts that say nothing, half of it, too much of it, or do not listen, and
//! readers who stand still. Whatever they do, a deadline ends the run, and so does Ctrl-C, and nothing of it is left.
//!
//! Agents are tried on the `process` engine, which takes any program for one.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod command;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// What an agent or a script says on the wire.
const AGENT: &str = include_str!("peers/agent.py");

/// How long a script may run.
const TIMEOUT: &str = "2s";

/// How long the end of a run may take after its deadline, or Ctrl-C: the ladder takes 5 s, the agent's report 1 s, the
/// engine's kill a moment. The rest is for a busy machine; before there were deadlines for it, it took 10 s more, or for
/// ever.
const PATIENCE: Duration = Duration::from_secs(30);

/// Agents, and how a run ends whose deadline passes with them.
const AGENTS: [(&str, &str); 11] = [
    // They have no script yet whose deadline could pass: the host waits 10 s for a Hello.
    ("absent", "engine_failed"),
    ("silent", "engine_failed"),
    ("half a hello", "engine_failed"),
    ("slow hello", "engine_failed"),
    ("deaf from the start", "timed_out"),
    ("never starts", "timed_out"),
    ("crowd", "timed_out"),
    ("half a frame", "timed_out"),
    ("flood", "timed_out"),
    ("left to a child", "timed_out"),
    ("deaf to the end", "timed_out"),
];

/// A run that has begun.
struct Run {
    child: Child,
    folder: tempfile::TempDir,
    _home: command::Home,
    begun: Instant,
}

impl Run {
    /// Begins it, with arguments besides. Its record goes to a file.
    fn begin(script: &str, arguments: &[&str], agent: Option<&str>) -> Self {
        let folder = tempfile::Builder::new().prefix("peers-").tempdir().unwrap();
        std::fs::create_dir(folder.path().join("block")).unwrap();
        std::fs::write(folder.path().join("block/script.py"), script).unwrap();
        std::fs::write(folder.path().join("block/wire.py"), include_str!("../cases/files/wire.py")).unwrap();
        // More than a socket and its queues hold, so that an agent that does not read is noticed.
        std::fs::write(folder.path().join("block/large.bin"), vec![7; 12 << 20]).unwrap();
        let manifest = "name = \"peers\"\nlanguage = \"python\"\nscript = \"script.py\"\n";
        std::fs::write(folder.path().join("block/block.toml"), manifest).unwrap();
        let home = command::Home::new();
        let mut command = Command::new(command::path());
        command.args(["run", "block", "--engine", "process", "--json"]).args(arguments).current_dir(folder.path());
        command.stdout(std::fs::File::create(folder.path().join("record.json")).unwrap()).stderr(Stdio::piped());
        command.env("TMPDIR", folder.path());
        if let Some(agent) = agent {
            command.env("LONGSHORE_AGENT", make_agent(folder.path(), agent));
        }
        let child = home.of(&mut command).spawn().unwrap();
        Self { child, folder, _home: home, begun: Instant::now() }
    }

    /// Waits until it has ended, and gives its record and exit status. Nobody reads what it prints.
    fn ended(&mut self, within: Duration) -> (serde_json::Value, Option<i32>) {
        let since = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            if since.elapsed() > within {
                self.child.kill().unwrap();
                self.child.wait().unwrap();
                panic!("it goes on after {} s", self.begun.elapsed().as_secs());
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        let record = std::fs::read_to_string(self.folder.path().join("record.json")).unwrap();
        (serde_json::from_str(&record).unwrap_or_default(), status.code())
    }

    fn interrupt(&self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    }

    /// Processes that name this run's folder.
    fn left(&self) -> Vec<String> {
        let folder = self.folder.path().to_str().unwrap();
        let entries = std::fs::read_dir("/proc").unwrap().flatten();
        let command = |entry: std::fs::DirEntry| {
            let bytes = std::fs::read(entry.path().join("cmdline")).ok()?;
            Some(String::from_utf8_lossy(&bytes).replace('\0', " "))
        };
        entries.filter_map(command).filter(|command| command.contains(folder)).collect()
    }

    /// What its container left is gone soon after it.
    fn assert_gone(&self, what: &str) {
        let since = Instant::now();
        while !self.left().is_empty() {
            assert!(since.elapsed() < PATIENCE, "{what}: {:?} is left", self.left());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// An agent of this kind, as a program.
fn make_agent(folder: &Path, kind: &str) -> PathBuf {
    let found = Command::new("sh").args(["-c", "command -v python3"]).output().unwrap();
    let python = String::from_utf8(found.stdout).unwrap();
    let path = folder.join(format!("{kind}.agent"));
    std::fs::write(&path, format!("#!{}\n{AGENT}", python.trim())).unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
    path
}

/// Does it for each, side by side: what each of them does is wait.
fn each<T: Copy + Send + 'static>(all: &[T], work: fn(T)) {
    let threads: Vec<_> = all
        .iter()
        .map(|one| {
            (
                *one,
                std::thread::spawn({
                    let one = *one;
                    move || work(one)
                }),
            )
        })
        .collect();
    let failed = threads.into_iter().filter_map(|(_, thread)| thread.join().err()).count();
    assert_eq!(failed, 0, "{failed} of {} failed, see above", all.len());
}

#[test]
fn a_deadline_ends_a_run_whatever_its_agent_does() {
    each(&AGENTS, |(agent, outcome)| {
        let mut run = Run::begin("", &["--timeout", TIMEOUT], Some(agent));
        let (record, _) = run.ended(Duration::from_secs(2) + PATIENCE);
        assert_eq!(record["outcome"], outcome, "{agent}: {record}");
        run.assert_gone(agent);
    });
}

#[test]
fn a_second_interrupt_ends_a_run_whatever_its_agent_does() {
    each(&AGENTS, |(agent, _)| {
        let mut run = Run::begin("", &[], Some(agent));
        // Whatever the agent is at by then.
        std::thread::sleep(Duration::from_secs(3));
        run.interrupt();
        std::thread::sleep(Duration::from_millis(500));
        run.interrupt();
        let (record, status) = run.ended(PATIENCE);
        assert_eq!((&record["outcome"], status), (&"interrupted".into(), Some(130)), "{agent}: {record}");
        run.assert_gone(agent);
    });
}

#[test]
fn an_agent_that_stays_after_its_last_word_keeps_nobody() {
    let mut run = Run::begin("", &[], Some("stays"));
    let (record, status) = run.ended(PATIENCE);
    assert_eq!((&record["outcome"], status), (&"succeeded".into(), Some(0)), "{record}");
    run.assert_gone("stays");
}

/// What scripts do to the run's socket, beside their one connection or before it.
const SCRIPTS: [(&str, &str); 4] = [
    ("silent connections", "links = [wire.Wire(greet=False) for _ in range(20)]"),
    (
        "half a hello each",
        "links = [wire.Wire(greet=False) for _ in range(20)]\nfor link in links:\n    link.send_bytes(b'LSF1')",
    ),
    (
        "connections in turn",
        "for _ in range(3000):\n    link = wire.Wire(greet=False)\n    link.send_bytes(b'LS')\n    link.socket.close()",
    ),
    ("half a frame after the welcome", "link = wire.Wire()\nlink.send_bytes(b'LSF1')"),
];

#[test]
fn a_deadline_ends_a_run_whatever_its_script_does() {
    each(&SCRIPTS, |(what, script)| {
        let script = format!("import time, wire\n{script}\ntime.sleep(60)\n");
        let mut run = Run::begin(&script, &["--timeout", TIMEOUT], None);
        let (record, status) = run.ended(Duration::from_secs(2) + PATIENCE);
        assert_eq!((&record["outcome"], status), (&"timed_out".into(), Some(124)), "{what}: {record}");
        run.assert_gone(what);
    });
}

#[test]
fn a_deadline_ends_a_run_whose_output_nobody_reads() {
    // Much more than a pipe holds, and less than the limit of the log.
    let script = "import time\nfor _ in range(200_000):\n    print('x' * 99)\ntime.sleep(60)\n";
    let mut run = Run::begin(script, &["--timeout", "5s"], None);
    let (record, _) = run.ended(Duration::from_secs(5) + PATIENCE);
    // The record itself goes elsewhere.
    assert_eq!(record["outcome"], "timed_out", "{record}");
    run.assert_gone("a pipe that nobody reads");
}

#[test]
fn messages_without_an_end_are_bounded_as_the_log_is() {
    let script = "import wire\nlink = wire.Wire()\ntext = 'x' * 15_000\nfor _ in range(8000):\n    link.send({'type': \
                  'message', 'text': text})\nlink.send({'type': 'verdict', 'word': 'commit', 'message': None})\n";
    let mut run = Run::begin(script, &[], None);
    let mut printed = run.child.stderr.take().unwrap();
    let length = std::thread::spawn(move || std::io::copy(&mut printed, &mut std::io::sink()).unwrap());
    let (record, _) = run.ended(PATIENCE * 4);
    assert_eq!(record["outcome"], "succeeded", "{record}");
    let (length, limit) = (length.join().unwrap(), record["limits"]["log_bytes"].as_u64().unwrap());
    assert!(length > limit / 2 && length < limit + (1 << 20), "{length} bytes of messages, with a limit of {limit}");
    let note = record["notes"].to_string();
    assert!(note.contains("messages of the script beyond the log limit"), "{note}");
}
