//! Chains through the resident host: they are the chains that there are without it, on the wire and in the command, and
//! nothing is left of one that is cancelled, or whose caller is gone.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod command;
mod numbers;

use command::{Resident, User};
use longshore_caller::{Caller, CallerError, Happening, ReturnedTable, Run};
use longshore_protocol::{
    Frame, Hello, OutputName, Payload, Rejection, Sending, SocketConnection, Software, Submission, SubmittedBlock,
    SubmittedChain, SubmittedConnection, SubmittedInput, SubmittedStep, SubmittedTable, ToCaller, Version, send_once,
};
use numbers::{rows, table};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::os::unix::net::UnixStream;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// How long something may take that takes milliseconds on a quiet machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Returns its table with 1 more.
const ADD: &str = "\
from longshore.api import Api
api = Api()
table = api.read_input_records()
print('rows:', len(table))
table['n'] = table['n'] + 1
api.write_output_records(table)
api.close('added')
";

const MAKE: &str = "\
import pandas
from longshore.api import Api
api = Api()
api.write_output_records(pandas.DataFrame({'n': [1, 2, 3]}))
api.close()
";

fn resident(user: &User) -> Resident {
    Resident::start_with(&user.home, &["--allow-processes"], &[("LONGSHORE_POOL_MEMBERS", "0")])
}

fn soon(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn software() -> Software {
    Software { name: "test".into(), version: "1".into() }
}

/// A step for a script of the user's, called like it.
fn step(user: &User, script: &str) -> SubmittedStep {
    let mut run = Submission::new(SubmittedBlock::Path(user.at(script).display().to_string()));
    run.engine = Some("process".into());
    run.others = true;
    SubmittedStep { name: None, run }
}

fn connection(from: &str, to: &str) -> SubmittedConnection {
    let first = OutputName::Number(0);
    let step = |name: &str| OutputName::Id(name.into());
    SubmittedConnection { from: step(from), output: first.clone(), to: step(to), input: first }
}

/// What came of a chain.
struct Heard {
    tables: Vec<ReturnedTable>,
    ended: Result<Value, Rejection>,
}

fn hear(mut run: Run) -> Heard {
    let mut tables = Vec::new();
    loop {
        match run.next().unwrap().unwrap() {
            Happening::Other(table) => tables.push(table),
            Happening::Rejected(rejection) => return Heard { tables, ended: Err(rejection) },
            Happening::Record(record) => return Heard { tables, ended: Ok(record) },
            _ => {}
        }
    }
}

#[test]
fn tables_of_steps_go_in_and_come_back_in_memory() {
    let user = User::with_folder("chains-");
    let resident = resident(&user);
    user.file("add.py", ADD);
    let input = || SubmittedInput {
        to: None,
        table: SubmittedTable::Memory("numbers".into()),
        format: None,
        read: serde_json::Map::new(),
    };
    // The table is the second step's, and one of its outputs passes to the first.
    let mut steps = vec![step(&user, "add.py"), step(&user, "add.py"), step(&user, "add.py")];
    steps[1].run.inputs = vec![input()];
    let chain = SubmittedChain { steps, connections: vec![connection("add-2", "add"), connection("add-2", "add-3")] };
    let expected: Vec<i64> = (0..100_000).map(|n| n + 2).collect();
    let inline = || {
        let socket = UnixStream::connect(resident.socket()).unwrap();
        Caller::greet(SocketConnection::without_descriptors(socket), software()).unwrap()
    };
    for caller in [Caller::connect(&resident.socket(), software()).unwrap(), inline()] {
        let mut submitting = caller.submit_chain(&chain).unwrap();
        submitting.of_step(1);
        submitting.table(0, &table(100_000)).unwrap();
        let heard = hear(submitting.start().unwrap());
        let record = heard.ended.unwrap();
        assert_eq!(record["outcome"], "succeeded", "{record}");
        let found: Vec<_> = heard.tables.iter().map(|table| (table.step, table.output, rows(&table.table))).collect();
        assert_eq!(found, [(0, 0, expected.clone()), (2, 0, expected.clone())]);
    }
}

#[test]
fn what_is_wrong_with_a_chain_is_said_before_anything_starts() {
    let user = User::with_folder("chains-");
    let resident = resident(&user);
    user.file("add.py", ADD);
    user.file("make.py", MAKE);
    let refused = |steps: &[&str], connections: &[(&str, &str)]| {
        let caller = Caller::connect(&resident.socket(), software()).unwrap();
        let connections = connections.iter().map(|(from, to)| connection(from, to)).collect();
        let steps = steps.iter().map(|script| step(&user, script)).collect();
        let submitting = caller.submit_chain(&SubmittedChain { steps, connections }).unwrap();
        hear(submitting.start().unwrap()).ended.unwrap_err().problems.join("; ")
    };
    let cycle = refused(&["add.py", "make.py"], &[("make", "add"), ("add", "make")]);
    assert_eq!(cycle, "the steps `add`, `make` wait for each other: a chain has no cycles");
    let apart = refused(&["make.py", "add.py", "add.py"], &[("make", "add")]);
    assert_eq!(apart, "step `add-2` is connected to no other: connect it, or run it by itself");
    let unknown = refused(&["make.py", "add.py"], &[("make", "ad")]);
    assert_eq!(unknown, "`connections`: there is no step `ad`: the steps are make, add");
    let missing = refused(&["make.py", "none.py"], &[("make", "none")]);
    assert!(missing.starts_with("step `none`: "), "{missing}");
    let many = refused(&["make.py"; 65], &[]);
    assert_eq!(many, "a chain has at most 64 steps, and this one has 65");
    assert_eq!(refused(&[], &[]), "a chain needs a step");
}

#[test]
fn hosts_that_run_no_chains_are_told_apart() {
    let (here, there) = UnixStream::pair().unwrap();
    let host = std::thread::spawn(move || {
        let welcome = ToCaller::Welcome {
            protocol: Version::V1,
            descriptors: false,
            software: Software { name: "longshore".into(), version: "0.0.1".into() },
            settings: "x".into(),
            processes: None,
            capabilities: Vec::new(),
        };
        let mut connection = SocketConnection::<Hello>::new(there);
        let hello = connection.receiver.receive().unwrap();
        let mut sending = Sending::new(Frame::with(&welcome, Payload::None)).unwrap();
        send_once(&connection.sender, &mut sending).unwrap();
        (hello.is_some(), connection.receiver.receive().unwrap().is_none())
    });
    let caller = Caller::greet(SocketConnection::new(here), software()).unwrap();
    assert!(!caller.runs_chains());
    let error = caller.submit_chain(&SubmittedChain { steps: Vec::new(), connections: Vec::new() }).unwrap_err();
    assert!(matches!(&error, CallerError::NoChains { host } if host == "longshore 0.0.1"), "{error}");
    // Nothing was sent.
    assert_eq!(host.join().unwrap(), (true, true));
}

#[test]
fn what_belongs_to_no_step_is_refused() {
    let user = User::with_folder("chains-");
    let resident = resident(&user);
    user.file("make.py", MAKE);
    let caller = Caller::connect(&resident.socket(), software()).unwrap();
    let mut submitting =
        caller.submit_chain(&SubmittedChain { steps: vec![step(&user, "make.py")], connections: Vec::new() }).unwrap();
    submitting.of_step(1);
    submitting.source(0, std::fs::File::open("/dev/null").unwrap().into()).unwrap();
    let problems = hear(submitting.start().unwrap()).ended.unwrap_err().problems;
    assert_eq!(problems, ["something was sent along for step 1, and there are 1"]);
}

#[test]
fn nothing_is_left_of_a_chain_that_was_not_sent_to_its_end() {
    let user = User::with_folder("chains-");
    let resident = resident(&user);
    let sent_along = |name: &str| {
        let block = SubmittedBlock::Files { name: name.into(), script: Some("s.py".into()) };
        SubmittedStep { name: None, run: Submission::new(block) }
    };
    let names = ["sent-half-first", "sent-half-second"];
    let steps = names.map(sent_along).to_vec();
    let caller = Caller::connect(&resident.socket(), software()).unwrap();
    let mut submitting = caller.submit_chain(&SubmittedChain { steps, connections: Vec::new() }).unwrap();
    for step in 0..2 {
        submitting.of_step(step);
        submitting.file("s.py", false, &b"print()\n"[..]).unwrap();
    }
    let kept = |name: &str| {
        let temporary = std::fs::read_dir(std::env::temp_dir()).unwrap().flatten();
        temporary.filter(|entry| entry.path().join(name).exists()).count()
    };
    soon("the files are kept", || names.iter().all(|name| kept(name) == 1));
    drop(submitting);
    soon("the files are gone", || names.iter().all(|name| kept(name) == 0));
}

/// What differs from one run to the next.
fn without_times(text: &str) -> String {
    let Ok(mut record) = serde_json::from_str::<Value>(text) else {
        // Times in the verdict, and the working folder of the `process` engine.
        let is_number = |word: &str| word.trim_matches(['(', ')', ',']).parse::<f64>().is_ok();
        let words = text.split([' ', '/', '\n']).map(|word| match word {
            word if is_number(word) => "N",
            word if word.starts_with("longshore-") => "RUN",
            word => word,
        });
        return words.collect::<Vec<_>>().join(" ");
    };
    forget(&mut record);
    record.to_string()
}

fn forget(value: &mut Value) {
    if let Value::Object(keys) = value {
        keys.retain(|key, _| !["run_id", "timings_ms", "usage", "pool"].contains(&key.as_str()));
    }
    match value {
        Value::Object(keys) => keys.values_mut().for_each(forget),
        Value::Array(values) => values.iter_mut().for_each(forget),
        _ => {}
    }
}

#[test]
fn a_chain_through_the_host_is_the_chain_without_it() {
    let user = User::with_folder("chains-");
    let resident = resident(&user);
    user.file("make.py", MAKE);
    user.file("add.py", ADD);
    user.file("more.py", ADD);
    user.file("fails.py", "raise ValueError('no such thing')\n");
    user.file("table.csv", "n\n1\n2\n");
    let commands: &[&[&str]] = &[
        &["make.py", "add.py", "-o", "out.csv"],
        &["make.py", "add.py"],
        &["add.py", "more.py", "-", "--format", "csv", "-o", "-"],
        &["add.py", "more.py", "table.csv", "-o", "out.csv", "--json"],
        &["add.py", "more.py", "-i", "more:1=table.csv"],
        &["make.py", "fails.py", "--json"],
        &["make.py", "add.py", "--connect", "make=add", "--connect", "add=make"],
        &["make.py", "none.py"],
        &["make.py", "add.py", "more.py", "--connect", "make=add"],
        &["make.py", "add.py", "-o", "make:0=out.csv"],
        &["add.py", "more.py", "none.csv", "--json"],
    ];
    let run = |arguments: &[&str], server: Option<&Resident>| {
        let _ = std::fs::remove_file(user.at("out.csv"));
        let mut command = user.command(&[&["run", "--engine", "process"], arguments].concat());
        match server {
            Some(resident) => resident.of(&mut command),
            None => command.env("LONGSHORE_RUNS_SERVER", "none"),
        };
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // A command that does not read it closes it.
        let _ = std::io::Write::write_all(&mut child.stdin.take().unwrap(), b"n\n5\n");
        let output = child.wait_with_output().unwrap();
        let out = std::fs::read(user.at("out.csv")).ok();
        let text = |bytes: &[u8]| without_times(&String::from_utf8_lossy(bytes));
        (output.status.code(), text(&output.stdout), text(&output.stderr), out)
    };
    for arguments in commands {
        let (with, without) = (run(arguments, Some(&resident)), run(arguments, None));
        assert_eq!(with, without, "{arguments:?}");
        assert!(!with.2.contains("without the resident host"), "{with:?}");
    }
    // Those that began are the host's.
    let begun = resident.log().matches("run begun").count();
    assert_eq!(begun, 6, "{}", resident.log());
}

#[test]
fn events_of_a_chain_are_those_without_the_host() {
    let user = User::with_folder("chains-");
    let resident = resident(&user);
    user.file("make.py", MAKE);
    user.file("add.py", ADD);
    let lines = |server: Option<&Resident>| {
        let mut command = user.command(&["run", "make.py", "add.py", "--engine", "process", "--events"]);
        match server {
            Some(resident) => resident.of(&mut command),
            None => command.env("LONGSHORE_RUNS_SERVER", "none"),
        };
        let output = command.output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let events = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        // Events of steps that go on at the same time have no order.
        let told = events.map(|event| format!("{} {}", event["event"], event["step"]));
        let mut told: Vec<String> = told.collect();
        told.sort();
        told
    };
    let with = lines(Some(&resident));
    assert_eq!(with, lines(None));
    assert_eq!(with.iter().filter(|event| event.starts_with("\"step\"")).count(), 4, "{with:?}");
}

/// Starts a chain whose second step, called so, waits; and waits until it does.
fn waiting(user: &User, resident: &Resident, name: &str) -> Child {
    let waits = "import pathlib, time\npathlib.Path('BEGUN').touch()\ntime.sleep(600)\n";
    user.file("make.py", MAKE);
    user.file(name, &waits.replace("BEGUN", &user.at("begun").display().to_string()));
    let mut command = user.command(&["run", "make.py", name, "--engine", "process", "-o", "out.csv"]);
    let child = resident.of(&mut command).stderr(Stdio::piped()).spawn().unwrap();
    soon("the step waits", || user.at("begun").exists());
    child
}

/// Whether a script of this name goes on.
fn goes_on(name: &str) -> bool {
    let lines = std::fs::read_dir("/proc").unwrap().flatten().map(|entry| std::fs::read(entry.path().join("cmdline")));
    lines.flatten().any(|line| String::from_utf8_lossy(&line).contains(name))
}

fn last_run(user: &User) -> Value {
    let listed = user.command(&["runs", "list", "--json"]).output().unwrap();
    let listed: Value = serde_json::from_slice(&listed.stdout).unwrap();
    listed[0].clone()
}

#[test]
fn a_cancelled_chain_leaves_nothing() {
    let user = User::with_folder("chains-");
    let resident = resident(&user);
    let child = waiting(&user, &resident, "waits-cancelled.py");
    assert!(goes_on("waits-cancelled.py"));
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(130), "{said}");
    assert!(!goes_on("waits-cancelled.py") && !user.at("out.csv").exists());
    let run = last_run(&user);
    assert_eq!(run["record"]["outcome"], "interrupted", "{run}");
    assert_eq!(run["record"]["steps"].as_array().map(Vec::len), Some(2), "{run}");
}

#[test]
fn a_chain_ends_with_its_caller() {
    let user = User::with_folder("chains-");
    let resident = resident(&user);
    let mut child = waiting(&user, &resident, "waits-alone.py");
    child.kill().unwrap();
    child.wait().unwrap();
    soon("its script ends", || !goes_on("waits-alone.py"));
    soon("it is recorded", || last_run(&user)["record"]["outcome"] == "interrupted");
    assert!(!user.at("out.csv").exists());
    // The host serves others.
    user.file("add.py", ADD);
    let mut command = user.command(&["run", "make.py", "add.py", "--engine", "process", "-o", "after.csv"]);
    assert!(resident.of(&mut command).output().unwrap().status.success());
    assert_eq!(user.text("after.csv"), "n\n2\n3\n4\n");
}

/// Choices that repeat for a seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % sides
    }
}

/// A step of a generated graph: its inputs are outputs of earlier steps.
type Inputs = Vec<(usize, usize)>;

/// A script that adds up its inputs, and has two outputs.
fn script(number: usize, inputs: &Inputs) -> String {
    let start = format!("table = pandas.DataFrame({{'n': [{number} + 1, 2, 3]}})\n");
    let sum: String = (0..inputs.len())
        .map(|input| format!("table['n'] += (2 + {input}) * api.read_input_records({input})['n']\n"))
        .collect();
    format!(
        "import pandas\nfrom longshore.api import Api\napi = Api()\n{start}{sum}table['n'] %= 1000003\n\
         api.write_output_records(table, 0)\ntable['n'] += 1\napi.write_output_records(table, 1)\napi.close()\n"
    )
}

#[test]
fn generated_graphs_are_their_steps_one_after_another() {
    let user = User::with_folder("chains-");
    let resident = resident(&user);
    let run = |arguments: &[String]| {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let mut command = user.command(&[&["run", "--engine", "process", "--quiet"], &arguments[..]].concat());
        let output = resident.of(&mut command).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    };
    for seed in 1..=5 {
        let mut dice = Dice(seed);
        let count = 2 + dice.roll(5);
        let graph: Vec<Inputs> = (0..count)
            .map(|step| match step {
                0 => Vec::new(),
                _ => (0..1 + dice.roll(3)).map(|_| (dice.roll(step), dice.roll(2))).collect(),
            })
            .collect();
        let mut order: Vec<usize> = (0..count).collect();
        (1..count).for_each(|at| order.swap(at, dice.roll(at + 1)));
        let mut chain: Vec<String> = order.iter().map(|step| format!("s{step}.py")).collect();
        for (step, inputs) in graph.iter().enumerate() {
            user.file(&format!("s{step}.py"), &script(step, inputs));
            for (input, (from, output)) in inputs.iter().enumerate() {
                chain.extend(["--connect".into(), format!("s{from}:{output}=s{step}:{input}")]);
            }
        }
        let passed = |step: usize, output: usize| graph.iter().flatten().any(|place| *place == (step, output));
        let targets: Vec<(usize, usize)> = (0..count)
            .flat_map(|step| [(step, 0), (step, 1)])
            .filter(|(step, output)| !passed(*step, *output))
            .collect();
        for (step, output) in &targets {
            chain.extend(["-o".into(), format!("s{step}:{output}=chain-{step}-{output}.csv")]);
        }
        run(&chain);
        for (step, inputs) in graph.iter().enumerate() {
            let mut single = vec![format!("s{step}.py")];
            for (from, output) in inputs {
                single.extend(["-i".into(), format!("single-{from}-{output}.csv")]);
            }
            single.extend((0..2).flat_map(|output| ["-o".into(), format!("{output}=single-{step}-{output}.csv")]));
            run(&single);
        }
        for (step, output) in targets {
            let name = |kind: &str| user.text(&format!("{kind}-{step}-{output}.csv"));
            assert_eq!(name("chain"), name("single"), "seed {seed}, output {output} of step {step}: {graph:?}");
        }
    }
}
