//! The agent itself, under a host of this test's: as PID 1 of a PID namespace, as it is in containers, and as an
//! ordinary process, as it is without. Every case runs both ways.

#![allow(clippy::unwrap_used, reason = "a test may")]

#[path = "agent_pid1/prepared.rs"]
mod prepared;

use longshore_protocol::{
    Begin, CancelLadder, Exit, ExitStatus, FromAgent, Hello, KeepLimits, LeftOut, LogSource, Payload, SocketConnection,
    ToAgent, User, Version,
};
use std::collections::BTreeMap;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// No wait of these tests takes longer on any machine that is alive.
const DEADLINE: Duration = Duration::from_secs(30);

/// Rungs that no slow machine climbs before the script has done what it was asked.
const PATIENT: CancelLadder = CancelLadder { interrupt_ms: 20_000, terminate_ms: 20_000 };

/// Rungs for a script that does nothing of the kind.
const QUICK: CancelLadder = CancelLadder { interrupt_ms: 100, terminate_ms: 100 };

const WAYS: [Way; 2] = [Way::Pid1, Way::Process];

#[derive(Debug, Clone, Copy, PartialEq)]
enum Way {
    Pid1,
    Process,
}

/// An agent, and the host's end of its connection.
struct Agent {
    process: Child,
    connection: SocketConnection<FromAgent>,
    folder: TempDir,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

impl Agent {
    fn start(way: Way) -> Self {
        let folder = tempfile::Builder::new().prefix("agent-").tempdir().unwrap();
        let socket = folder.path().join("host.sock");
        let listener = UnixListener::bind(&socket).unwrap();
        let mut command = match way {
            Way::Process => Command::new(binary()),
            Way::Pid1 => {
                let mut command = Command::new("unshare");
                // Whoever is not root is that in a namespace of users alone.
                command.args((!is_root()).then_some("--map-root-user"));
                command.args(["--pid", "--fork", "--mount-proc", "--kill-child"]).arg(binary());
                command
            }
        };
        let process = command.arg(&socket).stdin(Stdio::null()).spawn().unwrap();
        let (stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        let mut connection = SocketConnection::<Hello>::new(stream);
        let (hello, _) = connection.receiver.receive().unwrap().unwrap();
        assert!(hello.descriptors);
        let connection = connection.greeted();
        let mut agent = Self { process, connection, folder, stdout: Vec::new(), stderr: Vec::new() };
        agent.tell(&ToAgent::Welcome { protocol: Version::V1, descriptors: true });
        agent
    }

    fn run(way: Way, program: &[&str]) -> Self {
        Self::run_with(way, program, PATIENT)
    }

    fn run_with(way: Way, program: &[&str], ladder: CancelLadder) -> Self {
        let mut agent = Self::start(way);
        let begin = Begin { ladder, ..agent.begin(program) };
        agent.tell(&ToAgent::Begin(begin));
        agent.tell(&ToAgent::Start);
        assert!(matches!(agent.hear(), FromAgent::Started { .. }));
        agent
    }

    fn begin(&self, program: &[&str]) -> Begin {
        let work = self.folder.path().join("work");
        std::fs::create_dir(&work).unwrap();
        Begin {
            program: program.iter().map(|word| (*word).to_owned()).collect(),
            environment: BTreeMap::from([("PATH".into(), "/usr/bin:/bin".into())]),
            folder: work.to_str().unwrap().into(),
            user: None,
            log_bytes: 1 << 20,
            open_files: Some(256),
            ladder: PATIENT,
            keep: None,
            tell_end: false,
        }
    }

    fn tell(&mut self, message: &ToAgent) {
        self.connection.sender.send(message).unwrap();
    }

    /// The next message that is no log; logs are kept.
    fn hear(&mut self) -> FromAgent {
        loop {
            let read = self.connection.receiver.receive().unwrap();
            let (message, payload) = read.expect("the agent says its last word first");
            match message {
                FromAgent::Log { source } => {
                    let bytes = payload.into_bytes();
                    if source == LogSource::Stdout { self.stdout.extend(bytes) } else { self.stderr.extend(bytes) }
                }
                other => return other,
            }
        }
    }

    fn exit(&mut self) -> Exit {
        match self.hear() {
            FromAgent::Exited(exit) => exit,
            other => panic!("an exit was expected, not {other:?}"),
        }
    }

    /// Waits until something was printed.
    fn wait_for(&mut self, text: &str) {
        while !String::from_utf8_lossy(&self.stdout).contains(text) {
            let (message, payload) = self.connection.receiver.receive().unwrap().unwrap();
            assert!(matches!(message, FromAgent::Log { .. }));
            self.stdout.extend(payload.into_bytes());
        }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Hangs up, and waits until the agent has ended.
    fn end(self) -> i32 {
        let Self { mut process, connection, .. } = self;
        drop(connection);
        let until = Instant::now() + DEADLINE;
        loop {
            if let Some(status) = process.try_wait().unwrap() {
                return status.code().unwrap_or(-1);
            }
            assert!(Instant::now() < until, "the agent does not end");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// The agent as this test run built it. Where it is not cargo that runs the tests, it was built with them.
fn binary() -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let binary = own.parent().unwrap().parent().unwrap().join("longshore-agent");
    static BUILD: std::sync::Once = std::sync::Once::new();
    BUILD.call_once(|| {
        if let Some(cargo) = std::env::var_os("CARGO") {
            let built =
                Command::new(cargo).args(["build", "--locked", "-q", "-p", "longshore-agent"]).status().unwrap();
            assert!(built.success(), "the agent builds");
        }
    });
    assert!(binary.exists(), "{} is there", binary.display());
    binary
}

fn shell(way: Way, script: &str) -> Agent {
    Agent::run(way, &["sh", "-c", script])
}

#[test]
fn output_and_exit_code_are_reported() {
    for way in WAYS {
        let mut agent = shell(way, "echo one; echo two; echo three >&2; exit 7");
        let exit = agent.exit();
        assert_eq!(exit.status, ExitStatus::Code(7), "{way:?}");
        assert_eq!((agent.text().as_str(), agent.stderr.as_slice()), ("one\ntwo\n", &b"three\n"[..]));
        assert!(exit.usage.peak_memory_bytes > 0 && exit.usage.wall_seconds > 0.0);
        assert_eq!((exit.left_behind, exit.out_of_memory), (0, false));
        assert_eq!(agent.end(), 0);
    }
}

#[test]
fn the_environment_is_the_hosts_and_no_more() {
    for way in WAYS {
        let mut agent = Agent::run(way, &["env"]);
        agent.exit();
        let text = agent.text();
        let mut names: Vec<&str> = text.lines().filter_map(|line| line.split('=').next()).collect();
        names.sort_unstable();
        assert_eq!(names, ["HOME", "LOGNAME", "LONGSHORE_SOCKET", "PATH", "USER"], "{way:?}");
        agent.end();
    }
}

#[test]
fn signals_are_as_they_should_be_and_a_signals_death_is_told() {
    for way in WAYS {
        let mut agent = shell(way, "grep -E 'SigBlk|SigIgn' /proc/self/status; kill -SEGV $$");
        assert_eq!(agent.exit().status, ExitStatus::Signal(11), "{way:?}");
        for line in agent.text().lines() {
            let (name, mask) = line.split_once(":\t").unwrap();
            let mask = u64::from_str_radix(mask, 16).unwrap();
            // 32 and 33 are the C library's own.
            assert_eq!(mask & 0x7fff_ffff, 0, "{way:?}: {name} {mask:x}");
        }
        agent.end();
    }
}

#[test]
fn what_is_beyond_the_budget_is_dropped_and_counted() {
    for way in WAYS {
        let mut agent = shell(way, "head -c 3000000 /dev/zero");
        let exit = agent.exit();
        assert_eq!((agent.stdout.len() as u64, exit.dropped.stdout), (1 << 20, 3_000_000 - (1 << 20)), "{way:?}");
        agent.end();
    }
}

#[test]
fn a_host_that_does_not_read_makes_the_script_wait() {
    for way in WAYS {
        let mut agent = Agent::start(way);
        let begin =
            Begin { log_bytes: 64 << 20, ..agent.begin(&["sh", "-c", "head -c 16000000 /dev/zero; echo > done"]) };
        agent.tell(&ToAgent::Begin(begin));
        agent.tell(&ToAgent::Start);
        let done = agent.folder.path().join("work/done");
        // It has half a second for what it must not do. Pipe, socket and the agent between them hold far less than 8 MB.
        for _ in 0..50 {
            assert!(!done.exists(), "{way:?}: it does not wait before anything is read");
            std::thread::sleep(Duration::from_millis(10));
        }
        assert!(matches!(agent.hear(), FromAgent::Started { .. }));
        while agent.stdout.len() < 8_000_000 {
            let (message, payload) = agent.connection.receiver.receive().unwrap().unwrap();
            assert_eq!(message, FromAgent::Log { source: LogSource::Stdout });
            agent.stdout.extend(payload.into_bytes());
            assert!(
                !done.exists(),
                "{way:?}: it does not wait, {} bytes from its end",
                16_000_000 - agent.stdout.len()
            );
        }
        let exit = agent.exit();
        assert!(done.exists(), "{way:?}");
        assert_eq!((agent.stdout.len(), exit.dropped.stdout), (16_000_000, 0), "{way:?}");
        agent.end();
    }
}

#[test]
fn daemons_are_ended_and_counted() {
    for way in WAYS {
        let daemon = "setsid sleep 1000 & setsid sleep 1000 & touch ready; sleep 1000";
        let script = format!("setsid sh -c '{daemon}' >/dev/null 2>&1 & until [ -e ready ]; do sleep 0.02; done");
        let mut agent = shell(way, &script);
        let exit = agent.exit();
        assert_eq!(exit.status, ExitStatus::Code(0), "{way:?}");
        assert!(exit.left_behind >= 3, "{way:?}: {} processes", exit.left_behind);
        agent.end();
    }
}

#[test]
fn hundreds_of_orphans_are_reaped_meanwhile() {
    for way in WAYS {
        // They wait for the end of a pipe, so that all are there at once, and the agent's own.
        let script = "mkfifo end; i=0; while [ $i -lt 300 ]; do (cat end >/dev/null &); i=$((i+1)); done; \
                      children() { ps -o stat= --ppid $PPID; }; exec 3<>end; \
                      until [ $(children | wc -l) -gt 300 ]; do sleep 0.02; done; exec 3>&-; \
                      until [ $(children | grep -vc Z) -eq 1 ]; do sleep 0.02; done; \
                      until [ $(children | wc -l) -eq 1 ]; do sleep 0.02; done; echo reaped";
        let mut agent = shell(way, script);
        let exit = agent.exit();
        assert_eq!((exit.status, agent.text().trim()), (ExitStatus::Code(0), "reaped"), "{way:?}");
        assert_eq!(agent.end(), 0);
    }
}

#[test]
fn the_ladder_climbs() {
    for way in WAYS {
        let mut agent = shell(way, "trap 'echo interrupted; exit 3' INT; echo ready; while :; do sleep 0.02; done");
        agent.wait_for("ready");
        agent.tell(&ToAgent::Cancel);
        assert_eq!(agent.exit().status, ExitStatus::Code(3), "{way:?}");
        assert!(agent.text().contains("interrupted"));
        agent.end();

        let mut agent =
            Agent::run_with(way, &["sh", "-c", "trap '' INT TERM; echo ready; while :; do sleep 0.02; done"], QUICK);
        agent.wait_for("ready");
        agent.tell(&ToAgent::Cancel);
        assert_eq!(agent.exit().status, ExitStatus::Signal(9), "{way:?}");
        agent.end();
    }
}

#[test]
fn cancelling_gets_through_a_flood() {
    for way in WAYS {
        let mut agent = shell(way, "trap '' INT TERM; exec yes");
        agent.wait_for("y");
        agent.tell(&ToAgent::Kill);
        assert_eq!(agent.exit().status, ExitStatus::Signal(9), "{way:?}");
        agent.end();
    }
}

#[test]
fn everything_ends_when_the_host_is_gone() {
    for way in WAYS {
        let mut agent = shell(way, "trap '' INT TERM; setsid sleep 1000 & echo ready; sleep 1000");
        agent.wait_for("ready");
        assert_eq!(agent.end(), 3, "{way:?}");
    }
}

#[test]
fn files_are_unpacked_and_paths_checked() {
    for way in WAYS {
        let mut agent = Agent::start(way);
        let begin = agent.begin(&["sh", "deep/er/run.sh"]);
        agent.tell(&ToAgent::Begin(begin));
        for (part, last) in [("echo un", false), ("packed", true)] {
            let file = ToAgent::File { path: "deep/er/run.sh".into(), executable: true, last };
            agent.connection.sender.send_with(&file, Payload::Inline(part.into())).unwrap();
        }
        agent.tell(&ToAgent::Start);
        assert!(matches!(agent.hear(), FromAgent::Started { .. }));
        agent.exit();
        assert_eq!(agent.text(), "unpacked\n", "{way:?}");
        agent.end();

        let mut agent = Agent::start(way);
        let begin = agent.begin(&["true"]);
        agent.tell(&ToAgent::Begin(begin));
        agent.tell(&ToAgent::File { path: "../escape".into(), executable: false, last: true });
        agent.tell(&ToAgent::Start);
        let FromAgent::Failed { reason } = agent.hear() else { panic!("a failure was expected") };
        assert_eq!(
            reason,
            "the file path `../escape` is not allowed: it must be relative, without `..`, and at most 4096 bytes long"
        );
        agent.end();
    }
}

#[test]
fn what_the_script_left_is_sent_when_it_has_ended() {
    for way in WAYS {
        let mut agent = Agent::start(way);
        let program = "echo new > new; echo more >> changed; ln -s /etc/passwd link; mkfifo pipe; mkdir -p a/b; \
                       head -c 600000 /dev/zero > a/b/large; head -c 2000000 /dev/zero > 'too large'";
        let keep = Some(KeepLimits { files: 3, bytes: 1_000_000 });
        let begin = Begin { keep, ..agent.begin(&["sh", "-c", program]) };
        agent.tell(&ToAgent::Begin(begin));
        for path in ["changed", "same"] {
            let file = ToAgent::File { path: path.into(), executable: false, last: true };
            agent.connection.sender.send_with(&file, Payload::Inline(b"one\n".to_vec())).unwrap();
        }
        agent.tell(&ToAgent::Start);
        let mut files: BTreeMap<String, Vec<u8>> = BTreeMap::new();
        let exit = loop {
            match agent.connection.receiver.receive().unwrap().unwrap() {
                (FromAgent::Kept { path, .. }, payload) => {
                    files.entry(path).or_default().extend(payload.into_bytes());
                }
                (FromAgent::Exited(exit), _) => break exit,
                _ => {}
            }
        };
        assert_eq!(files.keys().collect::<Vec<_>>(), ["a/b/large", "changed", "new"], "{way:?}");
        assert_eq!((files["a/b/large"].len(), &files["changed"][..]), (600_000, &b"one\nmore\n"[..]));
        assert_eq!(exit.left_out, Some(LeftOut { special: 2, unreadable: 0, beyond: 1 }), "{way:?}");
        assert_eq!(agent.end(), 0);
    }
}

#[test]
fn whoever_starts_an_image_by_hand_is_told_how() {
    for arguments in [&["python3", "-c", "print(1)"][..], &["/nowhere/host.sock"], &["bash"]] {
        let output = Command::new(binary()).args(arguments).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(4), "{said}");
        assert!(said.contains(&format!("cannot connect to the host at `{}`", arguments[0])), "{said}");
        assert!(said.contains("use `docker run --entrypoint PROGRAM IMAGE`"), "{said}");
    }
}

#[test]
fn a_program_that_is_missing_is_named() {
    for way in WAYS {
        let mut agent = Agent::start(way);
        let begin = agent.begin(&["no-such-interpreter"]);
        agent.tell(&ToAgent::Begin(begin));
        agent.tell(&ToAgent::Start);
        let FromAgent::Failed { reason } = agent.hear() else { panic!("a failure was expected") };
        assert_eq!(reason, "cannot start `no-such-interpreter`: No such file or directory (os error 2)", "{way:?}");
        assert_eq!(agent.end(), 0);
    }
}

/// Whether this process has `CAP_SYS_RESOURCE`, which not every root has.
fn may_raise_resources() -> bool {
    let capabilities = rustix::thread::capabilities(None).unwrap().effective;
    capabilities.contains(rustix::thread::CapabilitySet::SYS_RESOURCE)
}

/// Begins for a script of another user than the agent, who may write where a container lets everybody.
fn begin_apart(agent: &Agent, program: &[&str]) -> Begin {
    let begin = agent.begin(program);
    for folder in [agent.folder.path(), &agent.folder.path().join("work")] {
        std::fs::set_permissions(folder, std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
    }
    Begin { user: Some(User { uid: 43_561, gid: 4357 }), ..begin }
}

/// Runs a script as another user than the agent; only root can.
fn run_apart(way: Way, program: &[&str]) -> Option<Agent> {
    let mut agent = Agent::start(way);
    let begin = begin_apart(&agent, program);
    agent.tell(&ToAgent::Begin(begin));
    agent.tell(&ToAgent::File { path: "folder/file".into(), executable: false, last: true });
    agent.tell(&ToAgent::Start);
    if is_root() {
        assert!(matches!(agent.hear(), FromAgent::Started { .. }));
        return Some(agent);
    }
    // Who has no rights to give away cannot become somebody else, and the script does not run as him.
    let Ok(Some((message, _))) = agent.connection.receiver.receive() else {
        assert_eq!(agent.end(), 4, "{way:?}");
        return None;
    };
    let FromAgent::Failed { reason } = message else { panic!("a failure was expected: {message:?}") };
    assert!(reason.contains("user 43561: ") || reason.contains("not as 43561 or root"), "{way:?}: {reason}");
    assert_eq!(agent.end(), 0);
    None
}

#[test]
fn root_gives_its_rights_away() {
    for way in WAYS {
        let program = "id; stat -c '%u:%g %a' folder folder/file; grep -E '^(Cap|Groups|NoNewPrivs)' /proc/self/status; \
                       nice; cat /proc/self/oom_score_adj; ulimit -Hn; echo 999 > /proc/self/oom_score_adj || echo refused";
        let Some(mut agent) = run_apart(way, &["sh", "-c", program]) else { continue };
        assert_eq!(agent.exit().status, ExitStatus::Code(0), "{way:?}");
        // Only who may raise resources has a lower bound to set.
        let bounded = if may_raise_resources() { "refused\n" } else { "" };
        let expected = "uid=43561 gid=4357 groups=4357
43561:4357 755
43561:4357 644
Groups:\t 
CapInh:\t0000000000000000
CapPrm:\t0000000000000000
CapEff:\t0000000000000000
CapBnd:\t0000000000000000
CapAmb:\t0000000000000000
NoNewPrivs:\t1
19
1000
256
";
        assert_eq!(agent.text(), format!("{expected}{bounded}"), "{way:?}");
        agent.end();
    }
}

#[test]
fn the_agent_is_another_user_who_can_only_end_processes() {
    for way in WAYS {
        let program = "until grep -q '^Uid:.4355' /proc/$PPID/status; do sleep 0.02; done; \
                       grep -E '^(Uid|Gid|Groups|Cap|NoNewPrivs)' /proc/$PPID/status";
        let Some(mut agent) = run_apart(way, &["sh", "-c", program]) else { continue };
        assert_eq!(agent.exit().status, ExitStatus::Code(0), "{way:?}");
        // Files it touches as the script does.
        let expected = "Uid:\t4355\t4355\t4355\t43561
Gid:\t4355\t4355\t4355\t4357
Groups:\t 
CapInh:\t0000000000000000
CapPrm:\t0000000000000020
CapEff:\t0000000000000020
CapBnd:\t0000000000000000
CapAmb:\t0000000000000000
NoNewPrivs:\t1
";
        assert_eq!(agent.text(), expected, "{way:?}");
        agent.end();
    }
}

#[test]
fn a_script_cannot_limit_signal_slow_or_look_into_the_agent() {
    for way in WAYS {
        let program = r#"
import ctypes, os, resource, signal
agent = os.getppid()
while open(f"/proc/{agent}/status").read().split("Uid:\t")[1][:4] != "4355": pass
libc = ctypes.CDLL(None, use_errno=True)
def refused(what, call):
    try: call()
    except PermissionError: return
    print("allowed:", what)
def system(number, *arguments):
    if libc.syscall(number, *arguments) < 0: raise OSError(ctypes.get_errno(), "")
for name in [name for name in dir(resource) if name.startswith("RLIMIT_")]:
    limit = getattr(resource, name)
    refused(name, lambda: resource.prlimit(agent, limit, resource.prlimit(os.getpid(), limit)))
for number in list(signal.Signals): refused(number, lambda: os.kill(agent, number))
refused("setpriority", lambda: os.setpriority(os.PRIO_PROCESS, agent, 19))
refused("affinity", lambda: os.sched_setaffinity(agent, {0}))
refused("scheduler", lambda: os.sched_setscheduler(agent, os.SCHED_IDLE, os.sched_param(0)))
refused("ioprio_set", lambda: system(251, 1, agent, 3 << 13))
refused("ptrace", lambda: system(101, 0x4206, agent, 0, 0))
for name in ["mem", "environ", "maps", "fd", "cwd", "root", "exe", "stack", "io"]:
    path = f"/proc/{agent}/{name}"
    refused(path, lambda: os.listdir(path) if name == "fd" else os.open(path, os.O_RDONLY))
refused("oom_score_adj", lambda: os.open(f"/proc/{agent}/oom_score_adj", os.O_WRONLY))
print("done")
"#;
        let Some(mut agent) = run_apart(way, &["python3", "-c", program]) else { continue };
        let exit = agent.exit();
        let said = String::from_utf8_lossy(&agent.stderr).into_owned();
        assert_eq!((agent.text().as_str(), exit.status), ("done\n", ExitStatus::Code(0)), "{way:?}: {said}");
        agent.end();
    }
}

/// Leaves a daemon whose first thread has ended, which others see as a zombie, while a second thread goes on.
const HEADLESS: &str = r#"
import ctypes, os, threading, time
import signal
for ignored in (signal.SIGINT, signal.SIGTERM): signal.signal(ignored, signal.SIG_IGN)
def end_first_thread(): ctypes.CDLL(None).syscall(60, 0)
def live(): threading.Thread(target=time.sleep, args=(1000,)).start()
"#;

#[test]
fn a_daemon_whose_first_thread_has_ended_is_ended() {
    for way in WAYS {
        let program = format!(
            "{HEADLESS}
child = os.fork()
if child == 0:
    os.setsid(); live(); end_first_thread()
while open(f'/proc/{{child}}/stat').read().rsplit(')', 1)[1].split()[0] != 'Z': time.sleep(0.01)
"
        );
        let mut agent = Agent::run(way, &["python3", "-c", &program]);
        let exit = agent.exit();
        assert_eq!((exit.status, exit.left_behind), (ExitStatus::Code(0), 1), "{way:?}");
        assert_eq!(agent.end(), 0);
    }
}

#[test]
fn a_script_whose_first_thread_has_ended_is_ended() {
    for way in WAYS {
        let program = format!("{HEADLESS}print('ready', flush=True); live(); end_first_thread()\n");
        let mut agent = Agent::run_with(way, &["python3", "-c", &program], QUICK);
        agent.wait_for("ready");
        agent.tell(&ToAgent::Cancel);
        assert_eq!(agent.exit().status, ExitStatus::Signal(9), "{way:?}");
        assert_eq!(agent.end(), 0);
    }
}

#[test]
fn processes_that_replace_each_other_are_ended() {
    // Each forks the next one and ends, in a session of its own, as fast as it can: who looks for them comes too late.
    let program = "
import os
if os.fork() == 0:
    os.setsid()
    while True:
        if os.fork(): os._exit(0)
";
    let mut agent = Agent::run(Way::Pid1, &["python3", "-c", program]);
    assert_eq!(agent.exit().status, ExitStatus::Code(0));
    assert_eq!(agent.end(), 0);
}

#[test]
fn the_scripts_end_is_told_where_the_host_asks_for_it() {
    for way in WAYS {
        let mut agent = Agent::start(way);
        let begin = Begin { tell_end: true, ..agent.begin(&["sh", "-c", "setsid sleep 1000 & exit 5"]) };
        agent.tell(&ToAgent::Begin(begin));
        agent.tell(&ToAgent::Start);
        assert!(matches!(agent.hear(), FromAgent::Started { .. }));
        assert_eq!(agent.hear(), FromAgent::Ended { status: ExitStatus::Code(5) }, "{way:?}");
        assert_eq!(agent.exit().status, ExitStatus::Code(5), "{way:?}");
        assert_eq!(agent.end(), 0);
    }
}
