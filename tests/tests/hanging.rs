//! Resident hosts that are stopped or hang: they are in nobody's way. Before a run has begun they have seconds to answer,
//! and Ctrl-C ends the wait; afterwards Ctrl-C still does. `server.rs` has those that answer.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod command;

use command::{Resident, User};
use longshore_caller::{Caller, CallerError, Happening, Process};
use longshore_protocol::{Software, Submission, SubmittedBlock};
use rustix::process::{Pid, Signal, kill_process};
use std::io::Write;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// How long something may take that takes milliseconds on a quiet machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long a host has to answer, and as much again for a machine with other work.
const ANSWER: Duration = Duration::from_secs(15);

fn soon(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn stopped(user: &User) -> Resident {
    let resident = Resident::start(&user.home, &["--allow-processes"]);
    stop(&resident);
    resident
}

/// Stops a host, and waits until all its threads have stopped.
fn stop(resident: &Resident) {
    resident.signal(Signal::STOP);
    let threads = format!("/proc/{}/task", resident.pid());
    let is_stopped = |thread: std::fs::DirEntry| {
        std::fs::read_to_string(thread.path().join("stat")).is_ok_and(|stat| stat.contains(") T "))
    };
    soon("it is stopped", || std::fs::read_dir(&threads).unwrap().flatten().all(is_stopped));
}

/// The command, which asks the host on this socket.
fn command(user: &User, arguments: &[&str], socket: &Path) -> Command {
    let mut command = user.command(&[&["run", "--engine", "process"], arguments].concat());
    command.env("LONGSHORE_RUNS_SERVER", socket).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn signal(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn software() -> Software {
    Software { name: "test".into(), version: "1".into() }
}

fn submission(script: &Path) -> Submission {
    let mut submission = Submission::new(SubmittedBlock::Path(script.display().to_string()));
    submission.engine = Some("process".into());
    submission
}

/// How many runs of the user's are in the history.
fn recorded(user: &User) -> usize {
    let listed = user.command(&["runs", "list", "--json"]).output().unwrap();
    serde_json::from_slice::<Vec<serde_json::Value>>(&listed.stdout).unwrap().len()
}

#[test]
fn a_host_that_does_not_answer_is_an_error_with_what_to_do() {
    let user = User::with_folder("hanging-");
    user.file("a.py", "print('here')\n");
    let resident = stopped(&user);
    // One that accepts and says nothing, and one for which too many others wait.
    let silent = UnixListener::bind(user.at("silent.sock")).unwrap();
    let full = full(&user.at("full.sock"));
    let pid = resident.pid();
    let cases = [
        (resident.socket(), format!("its process {pid} is stopped\n  help: let it go on with `kill -CONT {pid}`")),
        (user.at("silent.sock"), format!("its process {} has been silent for 5 s", std::process::id())),
        (user.at("full.sock"), "it has been silent for 5 s\n  help: `LONGSHORE_RUNS_SERVER=none`".into()),
    ];
    let begun = Instant::now();
    let children = cases.map(|(socket, expected)| (command(&user, &["a.py"], &socket).spawn().unwrap(), expected));
    for (child, expected) in children {
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), output.stdout.len()), (Some(3), 0), "{}", said(&output));
        let expected = format!("error: the host does not answer: {expected}");
        assert!(said(&output).starts_with(&expected), "{}", said(&output));
    }
    assert!(begun.elapsed() < ANSWER, "{:?}", begun.elapsed());
    resident.signal(Signal::CONT);
    let output = command(&user, &["a.py"], &resident.socket()).output().unwrap();
    assert_eq!((output.status.code(), output.stdout), (Some(0), b"here\n".to_vec()));
    assert_eq!(recorded(&user), 1, "what gave up left no run behind");
    drop((silent, full));
}

/// A socket for which as many connections wait as may.
fn full(path: &Path) -> (rustix::fd::OwnedFd, Vec<UnixStream>) {
    use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, connect, listen, socket_with};
    let address = SocketAddrUnix::new(path).unwrap();
    let socket = |flags| socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None).unwrap();
    let listener = socket(SocketFlags::CLOEXEC);
    bind(&listener, &address).unwrap();
    listen(&listener, 0).unwrap();
    let mut waiting = Vec::new();
    loop {
        let next = socket(SocketFlags::CLOEXEC | SocketFlags::NONBLOCK);
        match connect(&next, &address) {
            Ok(()) => waiting.push(UnixStream::from(next)),
            Err(errno) => {
                assert_eq!(errno, rustix::io::Errno::AGAIN);
                return (listener, waiting);
            }
        }
    }
}

#[test]
fn the_wait_for_a_host_ends_with_ctrl_c() {
    let user = User::with_folder("hanging-");
    user.file("a.py", "print('here')\n");
    let resident = stopped(&user);
    for arguments in [&["a.py"][..], &["a.py", "--json"]] {
        let child = command(&user, arguments, &resident.socket()).spawn().unwrap();
        soon("it handles signals", || handles_interrupts(&child));
        std::thread::sleep(Duration::from_millis(500));
        let begun = Instant::now();
        signal(&child, Signal::INT);
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(130), "{}", said(&output));
        assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(printed.contains("cancelled before the start"), arguments.len() == 2, "{printed}");
    }
}

/// Whether a process has a handler for Ctrl-C.
fn handles_interrupts(child: &Child) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    caught.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 2 == 2)
}

#[test]
fn a_host_that_hangs_while_it_is_asked_makes_no_run() {
    let user = User::with_folder("hanging-");
    user.file("a.py", "print('here')\n");
    let resident = Resident::start(&user.home, &["--allow-processes"]);
    let connected = || Caller::connect(&resident.socket(), software()).unwrap();
    let (early, late) = (connected(), connected());
    stop(&resident);
    let process = Some(Process { id: resident.pid(), is_stopped: true });
    let starting = std::thread::spawn(move || early.submit(&submission(Path::new("/x.py"))).unwrap().start().map(drop));
    // More than waits in a socket: the host has to read on.
    let mut sent = Submission::new(SubmittedBlock::Files { name: "sent".into(), script: Some("a.py".into()) });
    sent.engine = Some("process".into());
    let mut submitting = late.submit(&sent).unwrap();
    let error = submitting.file("a.py", false, &vec![b'#'; 8 << 20][..]).unwrap_err();
    for error in [error, starting.join().unwrap().unwrap_err()] {
        let CallerError::Hanging { process: found, .. } = error else { panic!("{error}") };
        assert_eq!(found, process);
    }
    drop(submitting);
    resident.signal(Signal::CONT);
    let output = command(&user, &["a.py"], &resident.socket()).output().unwrap();
    assert_eq!((output.status.code(), output.stdout), (Some(0), b"here\n".to_vec()));
    assert_eq!(recorded(&user), 1);
}

#[test]
fn a_run_whose_host_hangs_is_left_with_the_third_interrupt() {
    let user = User::with_folder("hanging-");
    let resident = Resident::start(&user.home, &["--allow-processes"]);
    let unique = format!("hangs{}.py", std::process::id());
    let mark = user.at("began");
    user.file(&unique, &format!("import time\nopen({mark:?}, 'w').close()\ntime.sleep(600)\n"));
    let mut child = command(&user, &[&unique], &resident.socket()).spawn().unwrap();
    soon("the script runs", || mark.exists());
    stop(&resident);
    for _ in 0..2 {
        signal(&child, Signal::INT);
        std::thread::sleep(Duration::from_millis(500));
        assert!(child.try_wait().unwrap().is_none(), "the host may answer yet");
    }
    let begun = Instant::now();
    signal(&child, Signal::INT);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", said(&output));
    let expected = "error: the resident host does not answer: the outcome of the run is unknown";
    assert!(said(&output).contains(expected), "{}", said(&output));
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    resident.signal(Signal::CONT);
    soon("the run has ended", || {
        let shown = user.command(&["runs", "show", "last", "--json"]).output().unwrap();
        String::from_utf8_lossy(&shown.stdout).contains("\"interrupted\"")
    });
}

#[test]
fn a_run_that_is_cancelled_before_it_begins_ends_as_without_the_host() {
    let user = User::with_folder("hanging-");
    user.file("double.py", "from longshore.api import Api\napi = Api()\napi.write_output(api.read_input())\n");
    let resident = Resident::start(&user.home, &["--allow-processes"]);
    let none = Path::new("none");
    for arguments in [&["double.py", "-", "--format", "csv"][..], &["double.py", "-", "--format", "csv", "--json"]] {
        let ends = [none, &resident.socket()].map(|socket| {
            // The check waits for the table's first bytes.
            let mut child = command(&user, arguments, socket).spawn().unwrap();
            let input = child.stdin.take();
            soon("it handles signals", || handles_interrupts(&child));
            std::thread::sleep(Duration::from_millis(700));
            assert!(child.try_wait().unwrap().is_none());
            signal(&child, Signal::INT);
            let output = child.wait_with_output().unwrap();
            drop(input);
            (output.status.code(), output.stdout.clone(), said(&output))
        });
        assert_eq!(ends[0], ends[1]);
        assert_eq!(ends[0].0, Some(130));
    }
    assert_eq!(recorded(&user), 0);
    // Its caller is told so.
    let (reader, mut writer) = std::io::pipe().unwrap();
    let mut asked = submission(&user.at("double.py"));
    asked.inputs = vec![serde_json::from_str(r#"{"table": {"open": {"called": "-"}}, "format": "csv"}"#).unwrap()];
    let mut submitting = Caller::connect(&resident.socket(), software()).unwrap().submit(&asked).unwrap();
    submitting.source(0, reader.into()).unwrap();
    let mut run = submitting.start().unwrap();
    run.canceller().cancel().unwrap();
    let Happening::Rejected(rejection) = run.next().unwrap().unwrap() else { panic!("it is not rejected") };
    assert_eq!((rejection.cancelled, &*rejection.problems), (true, &["cancelled before the start".to_owned()][..]));
    assert!(run.next().unwrap().is_none());
    let _ = writer.write_all(b"n\n1\n");
}
