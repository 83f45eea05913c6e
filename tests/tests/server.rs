//! The resident host: runs through it are the runs that there are without it, callers that misbehave harm nobody, and
//! nothing is left of runs whose caller, or whose host, is gone.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod command;
mod numbers;
mod page;

use command::{Home, Resident, User};
use longshore_caller::{Caller, CallerError, Happening, Run};
use longshore_protocol::{
    Frame, FromCaller, Hello, Payload, Role, Sending, SocketConnection, Software, Submission, SubmittedBlock,
    SubmittedInput, SubmittedOutput, SubmittedTable, ToCaller, VersionRange,
};
use longshore_segment::Segment;
use numbers::{rows, table};
use rustix::process::Signal;
use serde_json::Value;
use std::fmt::Write as _;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long something may take that takes milliseconds on a quiet machine.
const PATIENCE: Duration = Duration::from_secs(60);

fn resident(user: &User) -> Resident {
    Resident::start(&user.home, &["--allow-processes"])
}

/// One in which no interpreter waits, where processes are counted by the script's name.
fn without_pool(user: &User) -> Resident {
    Resident::start_with(&user.home, &["--allow-processes"], &[("LONGSHORE_POOL_MEMBERS", "0")])
}

fn soon(what: &str, holds: impl Fn() -> bool) {
    becomes(what, &true, holds);
}

fn becomes<T: PartialEq + std::fmt::Debug>(what: &str, expected: &T, now: impl Fn() -> T) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let now = now();
        if now == *expected {
            return;
        }
        assert!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}: {now:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn software() -> Software {
    Software { name: "test".into(), version: "1".into() }
}

fn caller(resident: &Resident) -> Caller {
    Caller::connect(&resident.socket(), software()).unwrap()
}

fn submission(script: &Path) -> Submission {
    let mut submission = Submission::new(SubmittedBlock::Path(script.display().to_string()));
    submission.engine = Some("process".into());
    submission
}

fn in_memory(name: &str) -> SubmittedTable {
    SubmittedTable::Memory(name.into())
}

/// What happens in a run until its end.
struct Heard {
    kinds: Vec<String>,
    log: Vec<u8>,
    tables: Vec<(u32, Segment)>,
    record: Option<Value>,
    rejected: Vec<String>,
}

fn hear(mut run: Run) -> Result<Heard, CallerError> {
    let mut heard =
        Heard { kinds: Vec::new(), log: Vec::new(), tables: Vec::new(), record: None, rejected: Vec::new() };
    while let Some(happening) = run.next()? {
        match happening {
            Happening::Event(event) => heard.kinds.push(event["event"].as_str().unwrap().to_owned()),
            Happening::Log(_, bytes) => heard.log.extend(bytes),
            Happening::Table(returned) => heard.tables.push((returned.output, returned.table)),
            Happening::Rejected(rejection) => heard.rejected = rejection.problems,
            Happening::Record(record) => heard.record = Some(record),
            other => panic!("{other:?}"),
        }
    }
    Ok(heard)
}

const DOUBLE: &str = "\
from longshore.api import Api
api = Api()
table = api.read_input_records()
print('rows:', len(table))
table['n'] = table['n'] * 2
api.write_output_records(table)
";

/// What differs from one run to the next.
fn without_times(text: &str) -> String {
    let mut record: Value = match serde_json::from_str(text) {
        Ok(record) => record,
        Err(_) => {
            // Times in the verdict, and the working folder of the `process` engine.
            let number = |word: &str| word.trim_matches(['(', ')', ',']).parse::<f64>().is_ok();
            let words = text.split([' ', '/']).map(|word| match word {
                word if number(word) => "N",
                word if word.starts_with("longshore-") => "RUN",
                word => word,
            });
            return words.collect::<Vec<_>>().join(" ");
        }
    };
    // Only a host that stays has interpreters that wait.
    record.as_object_mut().map(|record| record.shift_remove("pool"));
    for key in ["run_id", "timings_ms", "usage"] {
        if let Some(value) = record.get_mut(key) {
            *value = Value::Null;
        }
    }
    record.to_string()
}

#[test]
fn a_run_through_the_host_is_the_run_without_it() {
    let user = User::with_folder("server-");
    let resident = resident(&user);
    user.file("table.csv", "n,t\n1,a\n2,b\n3,a\n");
    user.file("broken.csv", "n\n\"1\n");
    user.file("double.py", DOUBLE);
    user.file("fails.py", "import sys\nprint('before')\nraise ValueError('no such thing')\n");
    user.file(
        "ends.py",
        "import sys\nprint('a', sys.argv[1:])\nprint('b', file=sys.stderr)\nsys.exit(int(sys.argv[1]))\n",
    );
    user.file("dies.py", "import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n");
    user.file("tells.py", "import os\nfrom longshore.api import Api\napi = Api()\napi.log('here')\napi.error('there')\nprint(os.environ.get('TOLD'))\napi.cancel('enough')\n");
    user.file("asks/block.toml", "name = \"asks\"\nlanguage = \"python\"\nscript = \"a.py\"\n[[options]]\nname = \"k\"\nkind = \"integer\"\nmandatory = true\n");
    user.file("asks/a.py", "from longshore.api import Api\nprint(Api().get_option('k'))\n");
    user.file("binary.py", "import sys\nsys.stdout.buffer.write(bytes(range(256)))\n");
    let commands: &[&[&str]] = &[
        &["double.py", "table.csv"],
        &["double.py", "-i", "table.csv", "-o", "out.csv"],
        &["double.py", "-i", "table.csv", "-o", "-", "--format", "csv"],
        &["double.py", "-", "--format", "csv", "-o", "out.parquet", "--json"],
        &["double.py", "broken.csv"],
        &["double.py", "none.csv", "--json"],
        &["double.py"],
        &["double.py", "table.csv", "-o", "out.csv", "--partition-by", "t", "--jobs", "1"],
        &["double.py", "table.csv", "-o", "out.unknown"],
        &["fails.py"],
        &["fails.py", "--json"],
        &["double.py", "table.csv", "--json", "--log-end", "3"],
        &["fails.py", "-q"],
        &["ends.py", "--", "0", "x y"],
        &["ends.py", "--", "7"],
        &["dies.py"],
        &["tells.py", "--env", "TOLD=it"],
        &["tells.py", "--env", "PATH=it"],
        &["asks"],
        &["asks", "--option", "k=3"],
        &["asks", "--option", "k=three"],
        &["binary.py"],
        &["binary.py", "--keep", "kept"],
        &["double.py", "table.csv", "--memory", "1"],
        &["none.py"],
    ];
    let run = |arguments: &[&str], server: Option<&Resident>| {
        for name in ["out.csv", "out.parquet"] {
            let _ = std::fs::remove_file(user.at(name));
        }
        let _ = std::fs::remove_dir_all(user.at("kept"));
        let mut command = user.command(&[&["run", "--engine", "process"], arguments].concat());
        match server {
            Some(resident) => resident.of(&mut command),
            None => command.env("LONGSHORE_RUNS_SERVER", "none"),
        };
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // A command that does not read it closes it.
        let _ = child.stdin.take().unwrap().write_all(b"n,t\n5,x\n");
        let output = child.wait_with_output().unwrap();
        let out = std::fs::read(user.at("out.csv")).ok();
        let text = |bytes: &[u8]| without_times(&String::from_utf8_lossy(bytes));
        (output.status.code(), text(&output.stdout), text(&output.stderr), out)
    };
    for arguments in commands {
        let (with, without) = (run(arguments, Some(&resident)), run(arguments, None));
        assert_eq!(with, without, "{arguments:?}");
    }
    let listed = user.command(&["runs", "list", "--json", "-n", "1000"]).output().unwrap();
    let listed: Vec<Value> = serde_json::from_slice(&listed.stdout).unwrap();
    assert!(listed.len().is_multiple_of(2) && listed.len() > 20, "each is recorded both ways: {}", listed.len());
}

#[test]
fn events_come_as_they_happen_and_are_those_without_the_host() {
    let user = User::with_folder("server-");
    let resident = resident(&user);
    user.file("a.py", "import time\nprint('x', flush=True)\ntime.sleep(1)\nprint('y')\n");
    let lines = |server: Option<&Resident>| {
        let mut command = user.command(&["run", "a.py", "--engine", "process", "--events"]);
        match server {
            Some(resident) => resident.of(&mut command),
            None => command.env("LONGSHORE_RUNS_SERVER", "none"),
        };
        let output = command.output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let kinds = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["event"].clone());
        kinds.collect::<Vec<_>>()
    };
    let with = lines(Some(&resident));
    assert_eq!(with, lines(None));
    assert_eq!((with.first().unwrap(), with.last().unwrap()), (&"begun".into(), &"record".into()));
}

#[test]
fn tables_go_in_and_come_back_in_memory() {
    let user = User::with_folder("server-");
    let resident = resident(&user);
    user.file("double.py", DOUBLE);
    let mut submission = submission(&user.at("double.py"));
    submission.inputs = vec![input(in_memory("numbers"))];
    submission.outputs = vec![output(in_memory("doubled"))];
    let expected: Vec<i64> = (0..100_000).map(|n| n * 2).collect();
    // As descriptors, and inline.
    let inline = || {
        let socket = UnixStream::connect(resident.socket()).unwrap();
        Caller::greet(SocketConnection::without_descriptors(socket), software()).unwrap()
    };
    for caller in [caller(&resident), inline()] {
        let mut submitting = caller.submit(&submission).unwrap();
        submitting.table(0, &table(100_000)).unwrap();
        let heard = hear(submitting.start().unwrap()).unwrap();
        let record = heard.record.unwrap();
        assert_eq!(record["outcome"], "succeeded", "{record}");
        assert_eq!((record["inputs"][0]["path"].as_str(), heard.log), (Some("numbers"), b"rows: 100000\n".to_vec()));
        assert_eq!(heard.kinds.first().map(String::as_str), Some("begun"));
        let [(0, table)] = &heard.tables[..] else { panic!("{:?}", heard.tables) };
        assert_eq!(rows(table), expected);
    }
}

fn input(table: SubmittedTable) -> SubmittedInput {
    SubmittedInput { to: None, table, format: None, read: serde_json::Map::new() }
}

fn output(table: SubmittedTable) -> SubmittedOutput {
    SubmittedOutput { of: None, table, format: None, write: serde_json::Map::new() }
}

#[test]
fn a_block_is_sent_along_with_its_files() {
    let user = User::with_folder("server-");
    let resident = resident(&user);
    let mut submission = Submission::new(SubmittedBlock::Files { name: "sent".into(), script: None });
    submission.engine = Some("process".into());
    let asked = submission.clone();
    let files = |caller: Caller, files: &[(&str, &[u8])]| {
        let mut submitting = caller.submit(&asked).unwrap();
        for (path, content) in files {
            submitting.file(path, false, *content).unwrap();
        }
        hear(submitting.start().unwrap())
    };
    let large = vec![b'#'; 600_000];
    let good: &[(&str, &[u8])] = &[
        ("block.toml", b"name = \"b\"\nlanguage = \"python\"\nscript = \"run me.py\"\n"),
        ("run me.py", b"import helper\nprint(helper.NAME, len(open('data/large').read()))\n"),
        ("helper.py", b"NAME = 'ada'\n"),
        ("data/large", &large),
        ("data/empty", b""),
    ];
    let heard = files(caller(&resident), good).unwrap();
    let log = String::from_utf8(heard.log).unwrap();
    assert!(log.starts_with("ada 600000"), "{log} {:?} {:?}", heard.record, heard.rejected);
    for path in ["../out.py", "/etc/out.py", "a/../../b", "", ".", "a//b", "a/./b", "a\0b", "x/".repeat(3000).as_str()]
    {
        let heard = files(caller(&resident), &[("run me.py", b""), (path, b"x")]).unwrap();
        assert!(
            heard.rejected[0].ends_with("it is not a path below the block's folder"),
            "{path}: {:?}",
            heard.rejected
        );
    }
    let twice = files(caller(&resident), &[("run me.py", b""), ("run me.py", b"")]).unwrap();
    assert!(twice.rejected[0].ends_with("it was sent twice"), "{:?}", twice.rejected);
    submission.block = SubmittedBlock::Files { name: "sent".into(), script: Some("run me.py".into()) };
    let missing = hear({
        let mut submitting = caller(&resident).submit(&submission).unwrap();
        submitting.file("other.py", false, &b""[..]).unwrap();
        submitting.start().unwrap()
    })
    .unwrap();
    assert!(missing.rejected[0].contains("run me.py"), "{:?}", missing.rejected);
    let temporary = || std::fs::read_dir(std::env::temp_dir()).unwrap().flatten();
    soon("folders of blocks are gone", || !temporary().any(|entry| entry.path().join("sent").exists()));
}

/// What a run of this user has running.
fn processes(of: &str) -> usize {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    entries.filter(|entry| std::fs::read(entry.path().join("cmdline")).is_ok_and(|line| find(&line, of))).count()
}

fn find(line: &[u8], text: &str) -> bool {
    line.windows(text.len()).any(|part| part == text.as_bytes())
}

/// Starts a run that goes on for minutes, and waits until its script runs.
fn long_run(user: &User, resident: &Resident, name: &str) -> Child {
    let mark = user.at(&format!("{name}.began"));
    user.file(&format!("{name}.py"), &format!("import time\nopen({mark:?}, 'w').close()\ntime.sleep(600)\n"));
    let mut command = user.command(&["run", &format!("{name}.py"), "--engine", "process"]);
    resident.of(&mut command).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    soon("the script runs", || mark.exists());
    child
}

fn outcomes(user: &User) -> Vec<String> {
    let listed = user.command(&["runs", "list", "--json", "-n", "1000"]).output().unwrap();
    let listed: Vec<Value> = serde_json::from_slice(&listed.stdout).unwrap();
    listed.iter().map(|run| run["record"]["outcome"].as_str().unwrap_or("none").to_owned()).collect()
}

#[test]
fn a_run_ends_with_its_caller_and_a_signal_reaches_it() {
    let user = User::with_folder("server-");
    let resident = without_pool(&user);
    let unique = format!("vanishes{}", std::process::id());
    let mut child = long_run(&user, &resident, &unique);
    child.kill().unwrap();
    child.wait().unwrap();
    soon("the script is gone", || processes(&format!("{unique}.py")) == 0);
    becomes("the run is recorded", &vec!["interrupted".to_owned()], || outcomes(&user));
    let unique = format!("signalled{}", std::process::id());
    let child = long_run(&user, &resident, &unique);
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(130), "{said}");
    assert!(said.contains("stopped by Ctrl-C"), "{said}");
    assert_eq!(processes(&format!("{unique}.py")), 0);
}

#[test]
fn callers_that_break_rules_are_told_and_harm_nobody() {
    let user = User::with_folder("server-");
    let resident = resident(&user);
    user.file("double.py", DOUBLE);
    let connect = || UnixStream::connect(resident.socket()).unwrap();
    let hello = |role, range| Hello {
        role,
        protocol: range,
        software: software(),
        descriptors: true,
        capabilities: Vec::new(),
    };
    let bytes = |frame: Frame| Sending::new(frame).unwrap().parts().concat();
    let greeting = bytes(Frame::new(&hello(Role::Caller, VersionRange::SUPPORTED)));
    // Bytes that are no frame, a greeting of others, a message before the greeting, half a frame, a far future version.
    let future = VersionRange { oldest: longshore_protocol::Version(90), newest: longshore_protocol::Version(91) };
    let broken: Vec<(&str, Vec<u8>)> = vec![
        ("no frame", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec()),
        ("an agent", bytes(Frame::new(&hello(Role::Agent, VersionRange::SUPPORTED)))),
        ("start first", bytes(Frame::new(&FromCaller::Start))),
        ("half", greeting[..15].to_vec()),
        ("future", bytes(Frame::new(&hello(Role::Caller, future)))),
        ("start without a run", [greeting.clone(), bytes(Frame::new(&FromCaller::Start))].concat()),
        ("a run of nonsense", {
            let mut frame = Frame::new(&FromCaller::Start);
            frame.message = br#"{"type":"submit","block":{"path":7}}"#.to_vec();
            [greeting.clone(), bytes(frame)].concat()
        }),
        ("deep nonsense", {
            let mut frame = Frame::new(&FromCaller::Start);
            let deep = "[".repeat(100_000);
            frame.message = format!(r#"{{"type":"submit","block":{{"path":"/x"}},"options":{deep}"#).into_bytes();
            [greeting.clone(), bytes(frame)].concat()
        }),
    ];
    for (what, bytes) in broken {
        let mut socket = connect();
        socket.write_all(&bytes).unwrap();
        socket.shutdown(std::net::Shutdown::Write).unwrap();
        let mut said = Vec::new();
        socket.read_to_end(&mut said).unwrap_or_else(|error| panic!("{what}: {error}"));
        if what == "future" {
            assert!(find(&said, "refused") && find(&said, "protocol 90 to 91"), "{}", String::from_utf8_lossy(&said));
        }
    }
    // Tables that are not what is said of them.
    let mut submission = submission(&user.at("double.py"));
    submission.inputs = vec![input(in_memory("numbers"))];
    let file = || std::fs::File::open(user.at("double.py")).unwrap();
    let lies: Vec<(&str, Payload)> = vec![
        ("it is not shared memory", Payload::Descriptor { descriptor: file().into(), length: 5 }),
        ("announced", {
            let table = table(3);
            Payload::Descriptor { descriptor: table.share().unwrap(), length: table.length() + (1 << 30) }
        }),
        ("damaged", Payload::Inline(vec![b'x'; 1000])),
        ("damaged", {
            let table = table(1000);
            Payload::Inline(table.copy_out(0, 5000).unwrap())
        }),
    ];
    for (expected, payload) in lies {
        let mut connection = SocketConnection::<ToCaller>::new(connect());
        connection.sender.send(&hello(Role::Caller, VersionRange::SUPPORTED)).unwrap();
        connection.sender.send(&FromCaller::Submit(Box::new(submission.clone()))).unwrap();
        connection.sender.send_with(&FromCaller::Table { step: 0, input: 0, last: true }, payload).unwrap();
        // The host may have refused it already.
        let _ = connection.sender.send(&FromCaller::Start);
        let mut said = String::new();
        while let Ok(Some((message, _))) = connection.receiver.receive() {
            let _ = write!(said, "{message:?}");
        }
        assert!(said.contains("Rejected") && said.contains(expected), "{expected}: {said}");
    }
    // What was announced and not sent, and what is below no folder of this machine.
    for (change, expected) in [
        (None, "the table of input 0 was announced and not sent along"),
        (Some("relative.py"), "it is not an absolute path, and the caller names no current folder"),
    ] {
        let mut asked = submission.clone();
        if let Some(path) = change {
            asked.block = SubmittedBlock::Path(path.into());
        }
        let heard = hear(caller(&resident).submit(&asked).unwrap().start().unwrap()).unwrap();
        assert!(heard.rejected[0].contains(expected), "{:?}", heard.rejected);
    }
    // A script whose output nobody reads, and then a run as if nothing had been.
    user.file("loud.py", "for _ in range(3000):\n    print('x' * 65536)\n");
    let unread = caller(&resident).submit(&self::submission(&user.at("loud.py"))).unwrap().start().unwrap();
    becomes("the loud run ends", &vec!["succeeded".to_owned()], || outcomes(&user));
    let memory = std::fs::read_to_string(format!("/proc/{}/status", resident.pid())).unwrap();
    let resident_kib: u64 = memory
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .unwrap()
        .trim()
        .trim_end_matches(" kB")
        .parse()
        .unwrap();
    assert!(resident_kib < 400 << 10, "{resident_kib} KiB wait for a caller that does not read");
    drop(unread);
    submission.outputs = vec![output(in_memory("doubled"))];
    let mut submitting = caller(&resident).submit(&submission).unwrap();
    submitting.table(0, &table(3)).unwrap();
    let heard = hear(submitting.start().unwrap()).unwrap();
    assert_eq!(rows(&heard.tables[0].1), [0, 2, 4]);
}

#[test]
fn a_host_that_is_told_to_stop_lets_its_runs_end() {
    let user = User::with_folder("server-");
    let resident = Resident::start(&user.home, &["--allow-processes", "--drain", "60s"]);
    let mark = user.at("began");
    user.file("short.py", &format!("import time\nopen({mark:?}, 'w').close()\ntime.sleep(2)\nprint('done')\n"));
    let mut command = user.command(&["run", "short.py", "--engine", "process"]);
    let child = resident.of(&mut command).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    soon("the script runs", || mark.exists());
    resident.signal(Signal::TERM);
    soon("nobody listens", || UnixStream::connect(resident.socket()).is_err());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stdout), (Some(0), b"done\n".to_vec()));
    assert_eq!(resident.ended().code(), Some(0), "{}", resident.log());
    assert!(!resident.socket().exists());
}

#[test]
fn a_host_that_ends_waits_until_the_engine_has_removed_its_containers() {
    let user = User::with_folder("server-");
    user.file("quick.py", "print('quick')\n");
    for stop in [true, false, true, false] {
        let resident = resident(&user);
        let mut command = user.command(&["run", "quick.py", "--engine", "docker", "--json"]);
        let output = resident.of(&mut command).output().unwrap();
        let record: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((&record["outcome"], &record["exit"]["code"]), (&"succeeded".into(), &0.into()), "{record}");
        let label = format!("label=longshore.run={}", record["run_id"].as_str().unwrap());
        let listed = || {
            let listing = Command::new("docker").args(["ps", "--all", "--quiet", "--filter", &label]).output().unwrap();
            assert!(listing.status.success());
            String::from_utf8(listing.stdout).unwrap()
        };
        if stop {
            resident.signal(Signal::TERM);
            assert_eq!(resident.ended().code(), Some(0), "{}", resident.log());
            assert_eq!(listed(), "");
        } else {
            // Of a killed one the engine goes on by itself.
            resident.signal(Signal::KILL);
            soon("the container is gone", || listed().is_empty());
        }
    }
}

#[test]
fn runs_beyond_the_deadline_are_ended() {
    let user = User::with_folder("server-");
    let resident = Resident::start(&user.home, &["--allow-processes", "--drain", "1s"]);
    let unique = format!("late{}", std::process::id());
    let child = long_run(&user, &resident, &unique);
    resident.signal(Signal::TERM);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!((resident.ended().code(), processes(&format!("{unique}.py"))), (Some(3), 0));
    assert!(resident.log().contains("1 run went on beyond the deadline"), "{}", resident.log());
}

#[test]
fn a_host_without_work_ends_where_it_may() {
    let user = User::with_folder("server-");
    let resident = Resident::start(&user.home, &["--allow-processes", "--idle", "1s"]);
    user.file("a.py", "import time\ntime.sleep(3)\n");
    let run = resident.of(&mut user.command(&["run", "a.py", "--engine", "process"])).output().unwrap();
    assert_eq!(run.status.code(), Some(0), "it stays while a run goes on: {}", String::from_utf8_lossy(&run.stderr));
    assert_eq!(resident.ended().code(), Some(0));
    assert!(resident.log().contains("nothing to do"), "{}", resident.log());
}

#[test]
fn after_a_kill_the_next_host_begins_with_nothing_left() {
    let user = User::with_folder("server-");
    let resident = without_pool(&user);
    let unique = format!("killed{}", std::process::id());
    let child = long_run(&user, &resident, &unique);
    let mark = user.at("sent.began");
    let mut sent = Submission::new(SubmittedBlock::Files { name: unique.clone(), script: Some("a.py".into()) });
    sent.engine = Some("process".into());
    let mut submitting = caller(&resident).submit(&sent).unwrap();
    let script = format!("import time\nopen({mark:?}, 'w').close()\ntime.sleep(600)\n");
    submitting.file("a.py", false, script.as_bytes()).unwrap();
    let run = submitting.start().unwrap();
    soon("the script that was sent runs", || mark.exists());
    let temporary = || std::fs::read_dir(std::env::temp_dir()).unwrap().flatten();
    let folders = || temporary().filter(|entry| entry.path().join(&unique).exists()).count();
    assert_eq!(folders(), 1, "files that were sent along have a folder");
    let resident = resident.again(&user.home, &["--allow-processes"]);
    assert!(matches!(hear(run), Err(CallerError::Lost | CallerError::Connection(_))));
    soon("the folder is gone", || folders() == 0);
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("its outcome is unknown") || said.contains("connection"), "{said}");
    soon("the script is gone", || processes(&format!("{unique}.py")) == 0);
    user.file("a.py", "print('again')\n");
    let run = resident.of(&mut user.command(&["run", "a.py", "--engine", "process"])).output().unwrap();
    assert_eq!((run.status.code(), run.stdout), (Some(0), b"again\n".to_vec()));
}

#[test]
fn a_command_runs_by_itself_where_the_host_is_not_its_own() {
    let user = User::with_folder("server-");
    user.file("a.py", "print('here')\n");
    let run = |variables: &[(&str, &str)], server: &Path| {
        let mut command = user.command(&["run", "a.py", "--engine", "process"]);
        command.envs(variables.iter().copied()).env("LONGSHORE_RUNS_SERVER", server);
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let missing = user.at("none.sock");
    let (status, said) = run(&[], &missing);
    assert_eq!(status, Some(3));
    assert!(said.starts_with("error: no Longshore host listens on `"), "{said}");
    let resident = resident(&user);
    let (status, said) = run(&[("LONGSHORE_RUNS_KEEP", "7")], &resident.socket());
    assert_eq!(status, Some(0), "{said}");
    assert!(
        said.contains("note: running without the resident host: the resident host was started with other settings")
    );
    let (status, said) = run(&[], &resident.socket());
    assert_eq!((status, said.contains("note:")), (Some(0), false), "{said}");
    // One that makes no runs without containers.
    let strict = Resident::start(&Home::new(), &[]);
    assert!(!strict.socket().as_os_str().is_empty());
    let heard = hear(caller(&strict).submit(&submission(&user.at("a.py"))).unwrap().start().unwrap()).unwrap();
    assert_eq!(heard.rejected, ["this host runs scripts in containers alone"]);
}

#[test]
fn one_caller_too_many_is_told_so() {
    let user = User::with_folder("server-");
    let resident = Resident::start_with(&user.home, &["--allow-processes"], &[("LONGSHORE_ADMISSION_QUEUE", "0")]);
    // Each has a place for the time in which it may greet.
    let waiting: Vec<_> = (0..512).map(|_| UnixStream::connect(resident.socket()).unwrap()).collect();
    let connected = || Caller::connect(&resident.socket(), software());
    soon("the next one is refused", || {
        connected()
            .err()
            .is_some_and(|error| error.to_string() == "the host refuses the connection: it serves 512 callers already")
    });
    drop(waiting);
    soon("there is room again", || connected().is_ok());
}

#[test]
fn another_users_host_is_refused_both_ways() {
    let user = User::with_folder("server-");
    let resident = resident(&user);
    let mode = |path: &Path| std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(path).unwrap()) & 0o777;
    assert_eq!(mode(&resident.socket()), 0o600, "others cannot connect");
    // Only root can act as another user.
    if !rustix::process::geteuid().is_root() {
        return;
    }
    // Root enters every folder: the host itself has to look at who calls.
    for folder in [resident.folder(), resident.folder().parent().unwrap()] {
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        if folder.starts_with(std::env::temp_dir()) && folder != std::env::temp_dir() {
            std::fs::set_permissions(folder, mode).unwrap();
        }
    }
    std::fs::set_permissions(resident.socket(), std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
    // Interpreters of this user may be in its home, which no other may enter.
    let ask = "socket(S, PF_UNIX, SOCK_STREAM, 0); connect(S, sockaddr_un($ARGV[0])); sysread(S, $b, 4096); print $b";
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "perl", "-MSocket", "-e", ask]);
    command.arg(resident.socket());
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("this host serves the user 0, and the caller is the user 65534"), "{said} {output:?}");
}

#[test]
fn the_page_runs() {
    run_page("docs/server.md");
}

#[test]
fn the_page_on_http_runs() {
    run_page("docs/http.md");
}

fn run_page(name: &str) {
    let user = User::with_folder("server-");
    let socket = user.at("server.sock");
    for fence in page::fences(&page::page(name)) {
        if fence.file().is_some() {
            fence.write(user.folder.path(), &fence.text);
        } else if fence.kind == "console" {
            // The usual place is this user's, whose other runs would go through this host too.
            let text =
                fence.text.replace("longshore serve ", &format!("longshore serve --socket {} ", socket.display()));
            fence.run(&text, |command| {
                let mut shell = page::shell(user.folder.path(), command);
                user.home.of(&mut shell).env("LONGSHORE_RUNS_SERVER", &socket);
                shell
            });
        }
    }
    let listed = Command::new("pgrep").args(["-f", &format!("serve --socket {}", socket.display())]).output().unwrap();
    for pid in String::from_utf8(listed.stdout).unwrap().lines() {
        let pid = rustix::process::Pid::from_raw(pid.parse().unwrap()).unwrap();
        rustix::process::kill_process(pid, Signal::TERM).unwrap();
    }
    soon("it ends", || !socket.exists());
}
