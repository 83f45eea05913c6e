//! A chain across Python and R in containers: every kind of column arrives as it does through files, with the resident
//! host and without it, and the history has one run with all steps. Nothing is left of one that ends early.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod command;

use command::{Home, Resident};
use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// Makes a table with columns of all kinds, with and without missing values.
const MAKE: &str = r#"
import datetime
import decimal
import pyarrow
from longshore.api import Api

ROWS = 1000
START = datetime.datetime(2024, 1, 1)


def column(value, kind):
    return pyarrow.array([None if row % 7 == 3 else value(row) for row in range(ROWS)], kind)


def after(row):
    return START + datetime.timedelta(seconds=row)


table = pyarrow.table(
    {
        "int8": column(lambda row: row % 100, pyarrow.int8()),
        "int32": column(lambda row: row, pyarrow.int32()),
        "int64": column(lambda row: row, pyarrow.int64()),
        "uint32": column(lambda row: row, pyarrow.uint32()),
        "float": column(lambda row: row / 4, pyarrow.float32()),
        "double": column(lambda row: row / 3, pyarrow.float64()),
        "text": column(lambda row: "x" * (row % 50) + "ä", pyarrow.string()),
        "boolean": column(lambda row: row % 2 == 0, pyarrow.bool_()),
        "date": column(lambda row: after(row * 86400).date(), pyarrow.date32()),
        "time": column(after, pyarrow.timestamp("us")),
        "zoned": column(lambda row: after(row).replace(tzinfo=datetime.timezone.utc), pyarrow.timestamp("us", "UTC")),
        "list": column(lambda row: [row, None, row + 1], pyarrow.list_(pyarrow.int64())),
        "category": column(lambda row: f"c{row % 3}", pyarrow.string()).dictionary_encode(),
        "whole": pyarrow.array(range(ROWS), pyarrow.int64()),
        "whole text": pyarrow.array([f"t{row}" for row in range(ROWS)]),
        "whole boolean": pyarrow.array([row % 3 == 0 for row in range(ROWS)]),
    }
)
api = Api()
api.write_output_records(table)
api.close("made")
"#;

/// Returns its table.
const PASS_R: &str =
    "library(longshore)\napi <- longshore.api()\nwrite.output.records(api, read.input.records(api))\nclose(api)\n";

/// Returns its table.
const PASS: &str =
    "from longshore.api import Api\napi = Api()\napi.write_output_records(api.read_input_records())\napi.close()\n";

fn succeeded(output: &Output) {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn run(home: &Home, folder: &Path, arguments: &[&str]) {
    succeeded(&home.longshore(folder, &[&["run", "--engine", "docker"], arguments].concat()));
}

#[test]
fn nothing_is_left_in_the_engine_of_a_chain_that_is_cancelled_or_whose_caller_is_gone() {
    let (home, folder) = (Home::new(), tempfile::tempdir().unwrap());
    let folder = folder.path();
    let waits = "import time\nprint('it waits', flush=True)\ntime.sleep(600)\n";
    for (name, script) in [("make.py", MAKE), ("through.R", PASS_R), ("waits.py", waits)] {
        std::fs::write(folder.join(name), script).unwrap();
    }
    let resident = Resident::start_with(&home, &[], &[("LONGSHORE_POOL_MEMBERS", "0")]);
    for signal in [Signal::INT, Signal::KILL] {
        let mut command = Command::new(command::path());
        let steps = ["make.py", "through.R", "waits.py", "-o", "out.csv"];
        command.args(["run", "--engine", "docker"]).args(steps).current_dir(folder).stdout(Stdio::piped());
        let mut child = resident.of(home.of(&mut command)).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap().contains("it waits")), "{}", resident.log());
        kill_process(Pid::from_child(&child), signal).unwrap();
        let ended = child.wait().unwrap();
        assert_eq!(ended.code(), (signal == Signal::INT).then_some(130), "{}", resident.log());
        let deadline = Instant::now() + Duration::from_secs(60);
        while home.left().iter().any(|left| left.starts_with("container")) {
            assert!(Instant::now() < deadline, "{:?}", home.left());
            std::thread::sleep(Duration::from_millis(50));
        }
        assert!(!folder.join("out.csv").exists());
    }
}

#[test]
fn a_chain_passes_every_kind_of_column_as_files_do() {
    let (home, folder) = (Home::new(), tempfile::tempdir().unwrap());
    let folder = folder.path();
    for (name, script) in [("make.py", MAKE), ("through.R", PASS_R), ("back.py", PASS)] {
        std::fs::write(folder.join(name), script).unwrap();
    }
    run(&home, folder, &["make.py", "through.R", "back.py", "-o", "chain.ndjson"]);
    let resident = Resident::start(&home, &[]);
    let mut command = Command::new(command::path());
    let steps = ["make.py", "through.R", "back.py", "-o", "resident.ndjson"];
    command.args(["run", "--engine", "docker"]).args(steps).current_dir(folder);
    succeeded(&resident.of(home.of(&mut command)).output().unwrap());
    assert_eq!(resident.log().matches("run begun").count(), 1, "{}", resident.log());
    run(&home, folder, &["make.py", "-o", "a.arrow"]);
    run(&home, folder, &["through.R", "-i", "a.arrow", "-o", "b.arrow"]);
    run(&home, folder, &["back.py", "-i", "b.arrow", "-o", "files.ndjson"]);
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    let (chain, files) = (read("chain.ndjson"), read("files.ndjson"));
    assert_eq!(chain.lines().count(), 1000);
    for (one, other) in chain.lines().zip(files.lines()) {
        assert_eq!(one, other);
    }
    assert_eq!(chain, files);
    assert_eq!(read("resident.ndjson"), files);
    let listed = home.longshore(folder, &["runs", "list", "--json"]);
    succeeded(&listed);
    let listed: serde_json::Value = serde_json::from_slice(&listed.stdout).unwrap();
    let runs = listed.as_array().unwrap();
    assert_eq!(runs.len(), 5, "{listed}");
    let steps = runs.iter().filter(|run| run["block"] == "make, through, back");
    let steps: Vec<_> = steps.filter_map(|run| run["record"]["steps"].as_array()).collect();
    assert_eq!(steps.iter().map(|steps| steps.len()).collect::<Vec<_>>(), [3, 3], "{listed}");
}
