//! Images that are not made of ours: scripts run in them under this machine's agent, and what they lack is said. All of
//! them are made here, on top of Debian's own with its Python.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod command;
mod engine;
mod registry;

use registry::Image;
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use tempfile::TempDir;

/// Debian with its Python, and nothing of ours. What is made on top of it takes its layers.
const PYTHON: &str = "FROM debian:bookworm-slim\n\
    RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends python3-minimal >/dev/null\n";

/// An agent that says Hello in an older protocol, and waits for the answer.
const OLD_AGENT: &str = r#"#!/usr/bin/python3
import socket, struct
link = socket.socket(socket.AF_UNIX)
link.connect("/run/longshore/host.sock")
text = b"""{"type": "hello", "role": "agent", "protocol": {"oldest": OLDEST, "newest": NEWEST},
    "software": {"name": "longshore-agent", "version": "0.0.1"}, "descriptors": true}"""
link.sendall(b"LSF1" + bytes(4) + struct.pack("<IQ", len(text), 0) + text)
link.recv(9999)
"#;

/// The image of [`PYTHON`]: made by the first test that needs it, and gone with the last.
static BASE: Mutex<Weak<Image>> = Mutex::new(Weak::new());

/// A folder with a script, and for an image's files.
struct Bench {
    folder: TempDir,
    base: Arc<Image>,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("custom-images-").tempdir().unwrap();
        std::fs::create_dir(folder.path().join("context")).unwrap();
        let mut base = BASE.lock().unwrap_or_else(PoisonError::into_inner);
        let made = base.upgrade().unwrap_or_else(|| {
            let name = format!("custom-images-{}/base:1", std::process::id());
            Arc::new(Image::build(&name, &folder.path().join("context"), PYTHON))
        });
        *base = Arc::downgrade(&made);
        Self { folder, base: made }
    }

    /// Builds an image. Its name is this test's alone.
    fn image(&self, name: &str, dockerfile: &str) -> Image {
        let name = format!("custom-images-{}/{name}:1", std::process::id());
        Image::build(&name, &self.folder.path().join("context"), dockerfile)
    }

    fn file(&self, name: &str, content: &str) {
        std::fs::write(self.folder.path().join("context").join(name), content).unwrap();
    }

    fn command(&self, image: &str, script: &str) -> Command {
        std::fs::write(self.folder.path().join("script.py"), script).unwrap();
        let mut command = Command::new(command::path());
        command
            .args(["run", "script.py", "--json", "--engine", "docker", "--image", image])
            .current_dir(self.folder.path())
            .env("XDG_STATE_HOME", self.folder.path().join("state"))
            .env("XDG_CACHE_HOME", self.folder.path().join("cache"));
        command
    }

    /// Runs a script. Gives the record and what was said.
    fn run(&self, image: &str, script: &str) -> (Value, String) {
        ended(&mut self.command(image, script))
    }
}

fn ended(command: &mut Command) -> (Value, String) {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {said}")), said)
}

fn succeeds(ran: &(Value, String)) {
    assert_eq!(ran.0["outcome"], "succeeded", "{}", ran.1);
}

#[test]
fn a_script_runs_in_an_image_that_knows_nothing_of_us() {
    let bench = Bench::new();
    let image = &bench.base;
    let ran = bench.run(
        &image.0,
        "import os, sys
print('I am', os.getgid(), os.getcwd(), os.environ['HOME'], os.environ['USER'])
open('/tmp/file', 'w').write('x'); open('file', 'w').write('x')
assert 43560 <= os.getuid() <= 43815, os.getuid()
assert open('/proc/1/comm').read().strip() == 'longshore-agent'
for place in ['/root/x', '/usr/x', '/run/longshore-agent']:
    try: open(place, 'a')
    except OSError as error: print(place, error.errno)
    else: sys.exit('it can be written')
",
    );
    succeeds(&ran);
    assert!(ran.1.contains("I am 4357 /work /work longshore\n"), "{}", ran.1);

    // The SDK is not there: Python's own words, and what to do.
    let (record, said) = bench.run(&image.0, "print('first')\nfrom longshore.api import Api\n");
    assert_eq!((record["outcome"].as_str(), record["exit"]["code"].as_i64()), (Some("failed"), Some(1)), "{said}");
    assert!(said.contains("ModuleNotFoundError: No module named 'longshore'"), "{said}");
    let note = format!("the image `{}` does not have the SDK: `install_api = true` in `block.toml`", image.0);
    assert!(said.contains(&format!("note: {note}")), "{said}");
    assert!(record["notes"].as_array().unwrap().iter().any(|said| said.as_str().unwrap().starts_with(&note)));
    // Whoever does without it is told nothing.
    let ran = bench.run(&image.0, "try: import longshore\nexcept ImportError as error: print(error)\n");
    succeeds(&ran);
    assert!(!ran.1.contains("install_api"), "{}", ran.1);
    // Nor whoever fails for another reason.
    let (_, said) = bench.run(&image.0, "raise ValueError('No module')\n");
    assert!(said.contains("ValueError") && !said.contains("install_api"), "{said}");
}

#[test]
fn what_the_author_of_an_image_set_holds_as_far_as_it_is_safe() {
    let bench = Bench::new();
    bench.file("tool", "#!/bin/sh\necho the tool\n");
    let dockerfile = format!(
        "{PYTHON}COPY tool /opt/tools/tool\nRUN chmod 755 /opt/tools/tool && mkdir /data && echo kept >/data/file && chmod 777 \
         /data\nENV PATH=/opt/tools:/usr/bin:/bin HOME=/root LONGSHORE_SOCKET=/nowhere MODEL=/models/one\nVOLUME /data /work\n\
         USER root\nWORKDIR /opt\nHEALTHCHECK --interval=1s CMD [\"/bin/touch\", \"/tmp/checked\"]\nENTRYPOINT [\"/bin/false\"]\n\
         CMD [\"--never\"]\n"
    );
    let image = bench.image("author", &dockerfile);
    let volumes = || engine::docker(&["volume", "ls", "--quiet"]);
    let before = volumes();
    let ran = bench.run(
        &image.0,
        "import os, subprocess, time
assert subprocess.check_output(['tool'], text=True) == 'the tool\\n'
assert os.environ['MODEL'] == '/models/one' and os.environ['HOME'] == '/work'
assert os.environ['LONGSHORE_SOCKET'] == '/run/longshore/host.sock'
assert os.getcwd() == '/work'
assert os.listdir('/data') == []
open('/data/new', 'w').close()
assert '/data tmpfs' in open('/proc/mounts').read()
open('/work/new', 'w').close()
time.sleep(1.5)
assert not os.path.exists('/tmp/checked')
",
    );
    succeeds(&ran);
    let note = format!("note: `/data` of the image `{}` is a volume: in a run it is empty and in memory", image.0);
    assert!(ran.1.contains(&note), "{}", ran.1);
    assert_eq!(volumes(), before);
}

/// Prints who it is.
const WHO: &str = "import os; print('user', os.getuid(), os.getgid())";

#[test]
fn who_relies_on_one_user_for_all_runs_has_it() {
    let bench = Bench::new();
    let fixed = bench.image("fixed-user", &format!("{PYTHON}LABEL longshore.users=4356\n"));
    let (record, said) = bench.run(&fixed.0, WHO);
    assert!(said.contains("user 4356 4357"), "{said}");
    assert_eq!((&record["held"]["script"]["uid"], &record["held"]["agent"]["uid"]), (&4356.into(), &0.into()));
    // What a script writes into a folder of this machine belongs to the same user after every run.
    let shared = bench.folder.path().join("shared");
    std::fs::create_dir(&shared).unwrap();
    std::fs::set_permissions(&shared, std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
    let mut command = bench.command(&bench.base.0, &format!("{WHO}; open('{}/x', 'w').close()", shared.display()));
    let (_, said) = ended(command.arg("--mount").arg(format!("{}:rw", shared.display())));
    assert!(said.contains("user 4356 4357"), "{said}");
    let owner = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(shared.join("x")).unwrap());
    // An engine with a user namespace has others for them.
    assert!(owner == 4356 || record["held"]["user_namespace"] == true, "{owner}");
}

#[test]
fn an_image_whose_agent_is_of_before_runs_with_one_user() {
    let bench = Bench::new();
    let agent = "COPY agent /usr/local/bin/longshore-agent\nRUN chmod 755 /usr/local/bin/longshore-agent\nLABEL longshore.agent=0.1.0\n";
    bench.file("agent", &OLD_AGENT.replace("OLDEST", "0").replace("NEWEST", "0"));
    let image = bench.image("before", &format!("{PYTHON}{agent}"));
    let (record, said) = bench.run(&image.0, "print('never')");
    assert_eq!(
        (&record["held"]["agent"]["uid"], &record["held"]["script"]["uid"]),
        (&4356.into(), &4356.into()),
        "{said}"
    );
    assert_eq!(record["held"]["agent"]["capabilities"], Value::Array(Vec::new()));
    let note = format!("note: the agent of the image `{}` is too old: it and the script are one user", image.0);
    assert!(said.contains(&note), "{said}");
}

/// Takes all that the kernel gives one user of what it counts for each, and waits.
const GREEDY: &str = r#"
import ctypes, os, signal, time
libc = ctypes.CDLL(None, use_errno=True)
taken = 0
while libc.inotify_init1(0) >= 0: taken += 1
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGRTMIN])
while libc.sigqueue(os.getpid(), signal.SIGRTMIN, ctypes.c_void_p(0)) == 0: pass
queues = 0
while libc.mq_open(b"/q%d" % queues, os.O_CREAT | os.O_RDWR, 0o600, None) >= 0: queues += 1
print("greedy", os.getuid(), taken, queues, flush=True)
time.sleep(1000)
"#;

/// Takes one of each.
const MODEST: &str = r#"
import ctypes, os, signal
libc = ctypes.CDLL(None, use_errno=True)
assert libc.inotify_init1(0) >= 0, os.strerror(ctypes.get_errno())
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGRTMIN])
for _ in range(100): assert libc.sigqueue(os.getpid(), signal.SIGRTMIN, ctypes.c_void_p(0)) == 0
import fcntl
pipe = os.pipe()
assert fcntl.fcntl(pipe[0], 1031, 1 << 20) == 1 << 20
print("modest", os.getuid())
"#;

#[test]
fn runs_at_the_same_time_are_different_users_and_take_nothing_from_each_other() {
    let bench = Bench::new();
    let image = engine::needed(concat!("longshore/python:", env!("CARGO_PKG_VERSION"))).to_owned();
    let mut greedy = bench.command(&image, GREEDY).stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let mut said = BufReader::new(greedy.stderr.take().unwrap()).lines().map(Result::unwrap);
    let first = said.find(|line| line.starts_with("greedy ")).expect("it says what it took");
    let (record, words) = bench.run(&image, MODEST);
    assert_eq!(record["outcome"], "succeeded", "{first}: {words}");
    let user = |words: &str, who: &str| {
        let rest = words.split_once(who).unwrap().1;
        rest.split_whitespace().next().unwrap().parse::<u32>().unwrap()
    };
    assert_ne!(user(&first, "greedy "), user(&words, "modest "));
    rustix::process::kill_process(rustix::process::Pid::from_child(&greedy), rustix::process::Signal::INT).unwrap();
    let _ = said.by_ref().count();
    assert_eq!(greedy.wait().unwrap().code(), Some(130));
}

#[test]
fn an_image_without_an_interpreter_is_told_from_a_failing_script() {
    let bench = Bench::new();
    let (record, said) = bench.run(engine::needed("debian:bookworm-slim"), "print('never')");
    assert_eq!(record["outcome"], "image_failed", "{said}");
    let expected = "the image `debian:bookworm-slim` has no `python3`, which runs the block's script: install it in the \
                    image, or name an image that has it";
    assert!(said.contains(expected), "{said}");
    let other = bench.image("other-python", &format!("{PYTHON}RUN rm /usr/bin/python3\n"));
    let (_, said) = bench.run(&other.0, "print('never')");
    assert!(said.contains("has no `python3` (found `python3.11`)"), "{said}");
}

#[test]
fn an_agent_of_another_age_is_told_with_its_image() {
    let bench = Bench::new();
    let dockerfile = format!(
        "{PYTHON}COPY agent /usr/local/bin/longshore-agent\nRUN chmod 755 /usr/local/bin/longshore-agent\n\
         LABEL longshore.agent=0.0.1\n"
    );
    let cases = [
        (
            "0",
            "longshore-agent 0.0.1 speaks protocol 0, which is too old for this host (1): rebuild the image on one of this \
             version, such as `longshore/base:",
        ),
        (
            "7",
            "longshore-agent 0.0.1 speaks protocol 7, which is too new for this host (1): update longshore on the host",
        ),
    ];
    for (version, expected) in cases {
        bench.file("agent", &OLD_AGENT.replace("OLDEST", version).replace("NEWEST", version));
        let image = bench.image("old-agent", &dockerfile);
        let (record, said) = bench.run(&image.0, "print('never')");
        assert_eq!(record["outcome"], "image_failed", "{said}");
        let expected = format!("the image `{}` is not compatible with this host: {expected}", image.0);
        assert!(said.contains(&expected), "{said}\nexpected: {expected}");
    }
}

#[test]
fn an_agent_that_is_missing_is_told_on_which_side() {
    let bench = Bench::new();
    let labelled = bench.image("labelled", "FROM debian:bookworm-slim\nLABEL longshore.agent=0.1.0\n");
    let (record, said) = bench.run(&labelled.0, "print('never')");
    assert_eq!(record["outcome"], "image_failed", "{said}");
    let expected = format!(
        "the image `{}` declares a Longshore agent (label `longshore.agent`, or its entry point), but has no \
         `/usr/local/bin/longshore-agent`",
        labelled.0
    );
    assert!(said.contains(&expected), "{said}");
    let mut command = bench.command("debian:bookworm-slim", "print('never')");
    let (record, said) = ended(command.env("LONGSHORE_AGENT", "/no/such/agent"));
    assert_eq!(record["outcome"], "engine_failed", "{said}");
    let expected = "cannot find an agent: the image `debian:bookworm-slim` has none, and the agent of this machine is \
                    missing at `/no/such/agent`";
    assert!(said.contains(expected) && said.contains("help: install Longshore again, or name the agent"), "{said}");
}
