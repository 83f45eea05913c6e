//! The library as a program embeds it: runs beside each other in one process with settings made by hand, events that
//! nobody reads, a future that is dropped half way, and errors for what is wrong.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod home;

use home::Home;
use longshore::{Cancel, Host, InputSpec, OutputSpec};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long what was given up may take to be gone.
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
            let record = Host::new(settings).run(prepared, events, &Cancel::never()).await;
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
    let prepared = home.request(&script).prepare().unwrap();
    let (settings, work) = (home.settings(), home.path("work"));
    let run = tokio::spawn(async move {
        let (events, unread) = longshore::events();
        let record = Host::new(settings).run(prepared, events, &Cancel::never()).await;
        drop(unread);
        record
    });
    soon("the script runs", || below(&work).iter().any(|path| path.ends_with("ready"))).await;
    assert!(processes(&work) > 0);
    run.abort();
    assert!(run.await.unwrap_err().is_cancelled());
    soon("the script is gone", || processes(&work) == 0).await;
    // What a dropped one had no time for, the next run removes, or who waits for its agent still does.
    let script = home.write("next.py", "print('next')\n");
    let (events, unread) = longshore::events();
    let record =
        Host::new(home.settings()).run(home.request(&script).prepare().unwrap(), events, &Cancel::never()).await;
    drop(unread);
    assert!(record.outcome.is_success(), "{:?} {:?}", record.outcome, record.message);
    soon("its folder is gone", || !below(&work).iter().any(|path| path.ends_with("ready"))).await;
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
