//! The library as a program embeds it: concurrent runs in one process with settings made by hand, unread events, a
//! dropped future, and errors for invalid requests.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod home;

use home::Home;
use longshore::archive::Form;
use longshore::block::Block;
use longshore::collection::ImagesError;
use longshore::images::How;
use longshore::transfer::{ExportError, ImportError, Source, Target, Trust};
use longshore::{Cancel, CancelLevel, EnvironmentError, Event, Host, InputSpec, Outcome, OutputSpec, RunError};
use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// How long a dropped run may take to be gone.
const PATIENCE: Duration = Duration::from_secs(60);

/// Files and folders below a folder, sockets among them.
fn below(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.flat_map(|path| std::iter::once(path.clone()).chain(below(&path))).collect()
}

/// Processes that work below a folder.
fn processes(folder: &Path) -> usize {
    let all = std::fs::read_dir("/proc").unwrap().flatten();
    all.filter(|process| std::fs::read_link(process.path().join("cwd")).is_ok_and(|cwd| cwd.starts_with(folder)))
        .count()
}

async fn soon(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_runs_at_once_need_nobody_to_read_their_events() {
    let home = Home::new();
    let script = home.write(
        "double.py",
        "from longshore.api import Api\napi = Api()\ntable = api.read_input_records(0)\nfor line in range(20000):\n    \
         print(line, flush=False)\ntable['n'] = table['n'] * 2\napi.write_output_records(table)\napi.close()\n",
    );
    let mut runs = Vec::new();
    for number in 1..=2 {
        let input = home.write(&format!("in{number}.csv"), &format!("n\n{number}\n{}\n", number + 10));
        let mut spec = home.request(&script);
        spec.inputs.push(InputSpec::path(input));
        spec.outputs.push(OutputSpec::path(home.path(&format!("out{number}.csv"))));
        let prepared = tokio::task::spawn_blocking(|| spec.prepare()).await.unwrap().unwrap();
        let settings = home.settings();
        runs.push(tokio::spawn(async move {
            let (events, unread) = longshore::events();
            let record = Host::new(settings).run_prepared(prepared, events, &Cancel::new()).await;
            drop(unread);
            record
        }));
    }
    for (number, run) in (1..).zip(runs) {
        let record = run.await.unwrap();
        assert!(record.outcome.is_success(), "{:?} {:?}", record.outcome, record.message);
        let written = std::fs::read_to_string(home.path(&format!("out{number}.csv"))).unwrap();
        assert_eq!(written, format!("n\n{}\n{}\n", number * 2, (number + 10) * 2));
    }
    assert_eq!(processes(&home.path("work")), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_dropped_half_way_takes_its_script_with_it() {
    let home = Home::new();
    let script = home.write("wait.py", "import time\nopen('ready', 'w').close()\ntime.sleep(600)\n");
    let (host, work) = (Host::new(home.settings()), home.path("work"));
    let run = host.run(home.request(&script));
    soon("the script runs", || below(&work).iter().any(|path| path.ends_with("ready"))).await;
    assert!(processes(&work) > 0);
    drop(run);
    soon("the script is gone", || processes(&work) == 0).await;
    // Leftovers of a dropped run are removed by the next run, or by the thread that waits for its agent.
    let script = home.write("next.py", "print('next')\n");
    let (events, unread) = longshore::events();
    let record =
        Host::new(home.settings()).run_prepared(home.request(&script).prepare().unwrap(), events, &Cancel::new()).await;
    drop(unread);
    assert!(record.outcome.is_success(), "{:?} {:?}", record.outcome, record.message);
    soon("its folder is gone", || !below(&work).iter().any(|path| path.ends_with("ready"))).await;
}

#[test]
fn the_example_gets_its_batches_back() {
    let home = Home::new();
    let script = home.write(
        "double.py",
        "from longshore.api import Api\napi = Api()\napi.write_output_records(api.read_input_records(0) * 2)\napi.close()\n",
    );
    let (agent, python) = (home.settings().agent, home.settings().python);
    if let Some(cargo) = std::env::var_os("CARGO") {
        // Built by itself, so that its dependencies are those of these tests, which are compiled already.
        let built =
            Command::new(cargo).args(["build", "--locked", "-q", "-p", "longshore", "--example", "embed"]).status();
        assert!(built.unwrap().success(), "the example builds");
    }
    let example = agent.with_file_name("examples").join("embed");
    let ran = Command::new(example).args([&script, &agent, &python, &home.path("")]).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    assert_eq!(String::from_utf8_lossy(&ran.stdout), "PrimitiveArray<Int64>\n[\n  2,\n  4,\n  6,\n]\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_shuts_down_ends_all_its_runs_and_starts_none() {
    let home = Home::new();
    let work = home.path("work");
    let script = home.write("wait.py", "import time\nopen('ready', 'w').close()\ntime.sleep(600)\n");
    let host = Host::new(home.settings());
    let mut first = host.run(home.request(&script));
    let (mut events, second) = (first.events().unwrap(), host.clone().run(home.request(&script)));
    let ready = || below(&work).iter().filter(|path| path.ends_with("ready")).count();
    soon("both scripts run", || ready() == 2).await;
    host.shutdown().await;
    assert_eq!((processes(&work), below(&work), below(&home.path("runtime/runs"))), (0, Vec::new(), Vec::new()));
    for run in [first, second] {
        assert_eq!(run.await.unwrap().outcome, Outcome::Interrupted);
    }
    let mut all = Vec::new();
    while let Some(event) = events.recv().await {
        all.push(event);
    }
    assert!(all.contains(&Event::Started), "{all:?}");
    assert!(matches!(host.run(home.request(&script)).await, Err(RunError::ShuttingDown)));
    let prepared = home.request(&script).prepare().unwrap();
    let record = host.run_prepared(prepared, longshore::events().0, &Cancel::new()).await;
    assert_eq!((record.outcome, processes(&work)), (Outcome::Interrupted, 0));
    // Cancelling one of several runs ends only that one.
    let host = Host::new(home.settings());
    let run = host.run(home.request(&script));
    run.cancellation().cancel(CancelLevel::AtOnce);
    assert_eq!(run.await.unwrap().outcome, Outcome::Interrupted);
    assert!(matches!(host.run(home.request(&home.path("none.py"))).await, Err(RunError::Request(_))));
}

/// The containers that have a lease of this host, running or not.
fn containers(home: &Home) -> Vec<String> {
    let leases = std::fs::read_dir(home.path("state/leases")).into_iter().flatten().flatten();
    let of_lease = |lease: std::fs::DirEntry| {
        let filter = format!("label=longshore.lease={}", lease.file_name().to_str().unwrap());
        let listed = Command::new("docker").args(["ps", "--all", "--quiet", "--filter", &filter]).output().unwrap();
        assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
        String::from_utf8(listed.stdout).unwrap().lines().map(str::to_owned).collect::<Vec<_>>()
    };
    leases.flat_map(of_lease).collect()
}

/// This machine's address as containers see it: the one from which it sends to them.
fn address() -> IpAddr {
    // The gateway itself is named only by an engine that was started before.
    let format = "{{(index .IPAM.Config 0).Subnet}}";
    let asked = Command::new("docker").args(["network", "inspect", "bridge", "--format", format]).output().unwrap();
    let subnet = String::from_utf8(asked.stdout).unwrap();
    let start: Ipv4Addr = subnet.split('/').next().unwrap().trim().parse().expect("the engine has a bridge");
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
    // It only chooses a route: nothing is sent.
    socket.connect((Ipv4Addr::from(u32::from(start) | 2), 9)).unwrap();
    socket.local_addr().unwrap().ip()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_shuts_down_ends_its_builds_and_waits_for_imports() {
    let home = Home::new();
    let mut settings = home.settings();
    // An index that accepts connections and never answers: the build lasts until it is ended.
    let index = std::net::TcpListener::bind((address(), 0)).unwrap();
    settings.packages.index_url = Some(format!("http://{}/simple", index.local_addr().unwrap()));
    let host = Host::new(settings);
    home.write("script.py", "");
    let manifest = "name = \"block\"\nlanguage = \"python\"\nscript = \"script.py\"\ndependencies = [\"no-such\"]\n";
    home.write("block.toml", manifest);
    let block = Block::load(&home.path("")).unwrap().block;
    let building = tokio::spawn({
        let (host, block) = (host.clone(), block.clone());
        async move { host.build(&block, None, &longshore::events().0, &Cancel::new()).await }
    });
    soon("the build container runs", || containers(&home).len() == 1).await;
    // An archive whose reader waits without an end does not hold up the host.
    let (reader, _writer) = std::io::pipe().unwrap();
    let source = Source::Reader { reader: Box::new(reader), name: "a pipe".into() };
    let importing = tokio::spawn({
        let host = host.clone();
        async move { host.import(source, Trust::None).await }
    });
    host.shutdown().await;
    assert_eq!(containers(&home), Vec::<String>::new());
    // Nothing is left of the build; its task may have its last steps before it.
    let built = tokio::time::timeout(Duration::from_secs(10), building).await.expect("the build ends").unwrap();
    assert!(matches!(built, Err(EnvironmentError::Cancelled)));
    assert!(matches!(importing.await.unwrap(), Err(ImportError::ShuttingDown(_))));
    let events = longshore::events().0;
    let refused = host.build(&block, None, &events, &Cancel::new()).await.unwrap_err();
    assert_eq!(refused.to_string(), "cannot begin: the host is shutting down");
    assert!(matches!(refused, EnvironmentError::ShuttingDown(_)));
    let locked = host.lock(&block, &events, &Cancel::new()).await;
    assert!(matches!(locked, Err(EnvironmentError::ShuttingDown(_))));
    let images = host.images().await.unwrap();
    assert!(matches!(images.prune(How::OnDemand).await, Err(ImagesError::ShuttingDown(_))));
    let exported = host.export("none", Target::File(home.path("x.tar")), Form::Docker).await;
    assert!(matches!(exported, Err(ExportError::ShuttingDown(_))));
}

#[tokio::test]
async fn what_is_wrong_is_an_error_and_no_panic() {
    let home = Home::new();
    assert!(home.request(&home.path("none.py")).prepare().unwrap_err().to_string().contains("none.py"));
    let script = home.write("s.py", "");
    for (name, text) in
        [("x.arrow", "ARROW1\0\0\u{7f}"), ("x.parquet", "PAR1PAR1"), ("x.csv", "a\n\"1\n"), ("x.xlsx", "PK")]
    {
        let mut spec = home.request(&script);
        spec.inputs.push(InputSpec::path(home.write(name, text)));
        assert!(spec.prepare().unwrap_err().to_string().contains(name), "{name}");
    }
}
