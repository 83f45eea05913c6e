//! Admission at a real host: runs wait for memory and processors, fairly between callers, and leave when they are
//! cancelled or their callers die; a full queue refuses. The scripts write their names down as they start, and there is
//! one processor for them, so that the order in which they are admitted is that of the names.

#![allow(clippy::unwrap_used, reason = "a test may")]

#[allow(dead_code, reason = "it does more for other tests")]
#[path = "http/client.rs"]
mod client;
mod command;

use client::{Client, Form};
use command::{Resident, User};
use longshore_caller::{Caller, Happening, Run};
use longshore_protocol::{Software, Submission, SubmittedBlock};
use rustix::process::{Resource, Rlimit, Signal, getrlimit, setrlimit};
use serde_json::Value;
use std::process::{Child, Output, Stdio};
use std::time::{Duration, Instant};

/// How long something may take that takes milliseconds on a quiet machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// Waits until there is a file `go` beside it.
const HOLDS: &str = "\
import os, sys, time
open(os.path.join(sys.argv[1], 'held'), 'w').close()
while not os.path.exists(os.path.join(sys.argv[1], 'go')):
    time.sleep(0.01)
";

/// Writes its name down.
const NAMES: &str = "\
import os, sys
with open(os.path.join(sys.argv[1], 'order'), 'a') as order:
    order.write(sys.argv[2] + '\\n')
";

fn soon(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A host with room for one run, and its user.
struct Served {
    user: User,
    resident: Resident,
    client: Client,
}

impl Served {
    fn start(variables: &[(&str, &str)]) -> Self {
        let user = User::with_folder("admission-");
        user.file("holds.py", HOLDS);
        user.file("names.py", NAMES);
        let variables = [&[("LONGSHORE_ADMISSION_CPUS", "1")], variables].concat();
        let resident = Resident::start_with(&user.home, &["--http", "0", "--allow-processes"], &variables);
        let link = || resident.log().lines().map(str::trim).find(|line| line.contains("/signin/")).map(str::to_owned);
        soon("it says where it serves", || link().is_some());
        let address = link().unwrap().strip_prefix("http://").unwrap().split('/').next().unwrap().parse().unwrap();
        let token = user.command(&["server", "token", "add", "test"]).output().unwrap();
        let token = String::from_utf8(token.stdout).unwrap();
        let client = Client::new(address).with("Authorization", &format!("Bearer {}", token.trim()));
        Self { user, resident, client }
    }

    fn folder(&self) -> String {
        self.user.folder.path().display().to_string()
    }

    /// A run of this process.
    fn submit(&self, script: &str, name: &str) -> Run {
        self.submit_within(script, name, None)
    }

    fn submit_within(&self, script: &str, name: &str, limit: Option<Duration>) -> Run {
        let software = Software { name: "test".into(), version: "1".into() };
        let path = self.user.at(script).display().to_string();
        let mut submission = Submission::new(SubmittedBlock::Path(path));
        submission.engine = Some("process".into());
        submission.arguments = vec![self.folder(), name.into()];
        submission.limits.timeout_ms = limit.map(|limit| limit.as_millis().try_into().unwrap());
        Caller::connect(&self.resident.socket(), software).unwrap().submit(&submission).unwrap().start().unwrap()
    }

    /// A run of the token.
    fn post(&self, name: &str) -> client::Answer {
        let run = serde_json::json!({"engine": "process", "arguments": [self.folder(), name]});
        let form = Form::default().file("file", "it.py", NAMES).text("run", &run.to_string());
        self.client.post("/api/v1/runs", &form)
    }

    /// A run that has the machine until [`Self::go`].
    fn hold(&self) -> Run {
        let run = self.submit("holds.py", "");
        soon("it runs", || self.user.at("held").exists());
        run
    }

    fn go(&self) {
        self.user.file("go", "");
    }

    /// A figure of the host.
    fn metric(&self, name: &str) -> u64 {
        let metrics = self.client.get("/metrics").text();
        let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ').map(str::to_owned));
        line.unwrap_or_else(|| panic!("no {name}: {metrics}")).parse().unwrap()
    }

    fn until_waiting(&self, runs: u64) {
        soon(&format!("{runs} runs wait"), || self.metric("longshore_queue_runs") == runs);
    }

    fn until_idle(&self) {
        soon("all runs end", || {
            let names = ["longshore_queue_runs", "longshore_admitted_runs", "longshore_runs_running"];
            names.into_iter().all(|name| self.metric(name) == 0)
        });
    }

    fn order(&self) -> Vec<String> {
        self.user.text("order").lines().map(str::to_owned).collect()
    }

    /// A run of the command, in the background.
    fn command(&self, arguments: &[&str]) -> Child {
        let arguments = [&["run", "names.py", "--engine", "process"], arguments].concat();
        let mut command = self.user.command(&arguments);
        self.resident.of(&mut command).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }
}

/// The places that a run is told, and its record or why it was rejected.
fn hear(mut run: Run) -> (Vec<u64>, Result<Value, Vec<String>>) {
    let mut places = Vec::new();
    while let Some(happening) = run.next().unwrap() {
        match happening {
            Happening::Event(event) if event["event"] == "queued" => places.push(event["place"].as_u64().unwrap()),
            Happening::Record(record) => return (places, Ok(record)),
            Happening::Rejected(rejection) => {
                assert!(rejection.busy && !rejection.cancelled);
                return (places, Err(rejection.problems));
            }
            _ => {}
        }
    }
    panic!("no record");
}

/// A thousand runs are a thousand connections and more.
fn raise_open_files() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).unwrap();
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_neighbours_burst_is_served_in_turns() {
    let served = Served::start(&[]);
    let holding = served.hold();
    let burst: Vec<_> = (0..200).map(|number| served.submit("names.py", &format!("a{number}"))).collect();
    served.until_waiting(200);
    for number in 0..10 {
        assert_eq!(served.post(&format!("b{number}")).status, 202);
    }
    served.until_waiting(210);
    served.go();
    assert_eq!(hear(holding).1.unwrap()["outcome"], "succeeded");
    for run in burst {
        let (places, record) = hear(run);
        let record = record.unwrap();
        assert_eq!((record["outcome"].as_str(), places.last()), (Some("succeeded"), Some(&0)), "{record}");
        let (_, before) = places.split_last().unwrap();
        assert!(!before.is_empty() && before.iter().all(|place| (1..=210).contains(place)), "{places:?}");
        let timings = &record["timings_ms"];
        assert!(timings["queue"].as_f64() > timings["start"].as_f64(), "{timings}");
    }
    served.until_idle();
    let order = served.order();
    for (caller, runs) in [("a", 200), ("b", 10)] {
        let own: Vec<_> = order.iter().filter(|name| name.starts_with(caller)).cloned().collect();
        assert_eq!(own, (0..runs).map(|number| format!("{caller}{number}")).collect::<Vec<_>>());
    }
    // The burst had the machine when the others came, and then they take turns.
    let turns: String = order[..20].iter().map(|name| &name[..1]).collect();
    assert_eq!(turns, "ba".repeat(10));
}

#[test]
fn a_time_limit_begins_with_the_script() {
    let served = Served::start(&[]);
    let held = served.hold();
    let limit = Duration::from_secs(2);
    let waiting = served.submit_within("names.py", "waits", Some(limit));
    served.until_waiting(1);
    // Longer than it may run.
    std::thread::sleep(limit);
    served.go();
    let record = hear(waiting).1.unwrap();
    assert_eq!(record["outcome"], "succeeded", "{record}");
    assert!(record["timings_ms"]["queue"].as_f64().unwrap() >= 2000.0, "{record}");
    assert_eq!(hear(held).1.unwrap()["outcome"], "succeeded");
}

#[test]
fn who_gives_up_or_dies_leaves_the_queue() {
    let served = Served::start(&[]);
    let holding = served.hold();
    let cancelled = served.submit("names.py", "cancelled");
    served.until_waiting(1);
    let killed = served.command(&["--", &served.folder(), "killed"]);
    served.until_waiting(2);
    let mut last = served.submit("names.py", "last");
    served.until_waiting(3);
    // Others see that it waits.
    let listed = || text(&served.user.command(&["runs", "list"]).output().unwrap().stdout);
    soon("the history has it", || listed().contains("waiting in the queue: place 1"));
    let first = loop {
        match last.next().unwrap() {
            Some(Happening::Event(event)) if event["event"] == "queued" => break event["place"].clone(),
            Some(_) => {}
            None => panic!("it ends"),
        }
    };
    assert_eq!(first, 3);
    let mut killed = killed;
    killed.kill().unwrap();
    killed.wait().unwrap();
    served.until_waiting(2);
    let _ = cancelled.canceller().cancel();
    let (places, record) = hear(cancelled);
    assert_eq!((places, record.unwrap()["outcome"].as_str()), (vec![1], Some("interrupted")));
    served.until_waiting(1);
    served.go();
    assert_eq!(hear(holding).1.unwrap()["outcome"], "succeeded");
    let (places, record) = hear(last);
    assert_eq!((places.last(), record.unwrap()["outcome"].as_str()), (Some(&0), Some("succeeded")));
    served.until_idle();
    assert_eq!(served.order(), ["last"]);
    // One that is told to end ends what waits too.
    std::fs::remove_file(served.user.at("go")).unwrap();
    std::fs::remove_file(served.user.at("held")).unwrap();
    let (holding, waiting) = (served.hold(), served.submit("names.py", "late"));
    served.until_waiting(1);
    served.resident.signal(Signal::TERM);
    served.resident.signal(Signal::TERM);
    for run in [holding, waiting] {
        assert_eq!(hear(run).1.unwrap()["outcome"], "interrupted");
    }
    served.resident.ended();
}

#[test]
fn a_full_queue_refuses() {
    let served = Served::start(&[("LONGSHORE_ADMISSION_QUEUE", "2")]);
    let holding = served.hold();
    let waiting = [served.submit("names.py", "a"), served.submit("names.py", "b")];
    served.until_waiting(2);
    let reason = "the host's queue is full: at most 2 runs may wait (setting `admission.queue`)";
    assert_eq!(hear(served.submit("names.py", "c")).1.unwrap_err(), [reason]);
    let refused = served.post("d");
    assert_eq!((refused.status, refused.header("retry-after")), (429, Some("5")));
    let problem = refused.json(429);
    assert_eq!((problem["title"].as_str(), problem["detail"].as_str()), (Some("too many runs wait"), Some(reason)));
    let folder = served.folder();
    let Output { status, stdout, stderr } = served.command(&["--json", "--", &folder, "e"]).wait_with_output().unwrap();
    let result: Value = serde_json::from_slice(&stdout).unwrap();
    assert_eq!((status.code(), result["outcome"].as_str()), (Some(3), Some("engine_failed")), "{}", text(&stderr));
    assert_eq!((result["message"].as_str(), text(&stderr).contains(reason)), (Some(reason), true));
    served.go();
    hear(holding).1.unwrap();
    for run in waiting {
        assert_eq!(hear(run).1.unwrap()["outcome"], "succeeded");
    }
    // There is room again.
    let Output { status, .. } = served.command(&["--", &folder, "f"]).wait_with_output().unwrap();
    assert_eq!((status.code(), served.order()), (Some(0), vec!["a".into(), "b".into(), "f".into()]));
}

#[test]
fn a_thousand_runs_wait_in_little_memory_and_all_end_in_order() {
    let served = Served::start(&[]);
    let resident = || served.metric("process_resident_memory_bytes");
    raise_open_files();
    let descriptors = || std::fs::read_dir(format!("/proc/{}/fd", served.resident.pid())).unwrap().count();
    // What one run brings with it, such as threads and libraries, is not counted.
    hear(served.submit("names.py", "0")).1.unwrap();
    let holding = served.hold();
    let before = (resident(), descriptors());
    let runs: Vec<_> = (1..=1000).map(|number| served.submit("names.py", &number.to_string())).collect();
    served.until_waiting(1000);
    let each = (resident().saturating_sub(before.0) / 1000, (descriptors() - before.1) / 1000);
    assert!(each.0 < 100 << 10 && each.1 <= 8, "bytes and descriptors of each: {each:?}");
    served.go();
    hear(holding).1.unwrap();
    for run in runs {
        assert_eq!(hear(run).1.unwrap()["outcome"], "succeeded");
    }
    served.until_idle();
    assert_eq!(served.order(), (0..=1000).map(|number| number.to_string()).collect::<Vec<_>>());
}

#[test]
fn parts_wait_like_runs_and_what_is_too_large_runs_alone() {
    let user = User::with_folder("admission-");
    user.file("table.csv", "n,t\n1,a\n2,b\n3,c\n4,d\n");
    user.file(
        "together.py",
        "import os, sys\nfrom longshore.api import Api\nfolder = sys.argv[1]\nApi().read_input_records()\n\
         name = os.path.join(folder, 'running')\nos.mkdir(name)\nos.rmdir(name)\n",
    );
    let folder = user.folder.path().display().to_string();
    let mut command = user.command(&["run", "together.py", "table.csv", "--engine", "process", "--json"]);
    command.args(["--partition-by", "t", "--jobs", "4", "--memory", "8GiB", "--", &folder]);
    command.env("LONGSHORE_ADMISSION_MEMORY", "1GiB").env("LONGSHORE_RUNS_SERVER", "none");
    let output = command.output().unwrap();
    // Two of them at a time could not both make the folder.
    let record: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(record["outcome"], "succeeded", "{record}");
    assert_eq!(record["partitions"].as_array().unwrap().len(), 4);
}
