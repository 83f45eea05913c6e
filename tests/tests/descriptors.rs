//! A command that may have few files open: parts of a run need no more of them than run at a time.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod command;

use command::Home;
use std::process::Command;

/// Files that the command may have open: a run of one part needs some 30, and there are as many parts again.
const OPEN_FILES: usize = 45;

/// Parts, each with two outputs.
const PARTS: usize = 30;

const SCRIPT: &str = "\
from longshore.api import Api
api = Api()
for number in range(2):
    api.write_output_records({'a': [1]}, number)
api.commit()
";

#[test]
fn a_run_has_more_parts_than_it_may_have_files_open() {
    let (home, folder) = (Home::new(), tempfile::tempdir().unwrap());
    std::fs::write(folder.path().join("script.py"), SCRIPT).unwrap();
    let rows: String = (0..PARTS).map(|part| format!("v{part}\n")).collect();
    std::fs::write(folder.path().join("in.csv"), format!("g\n{rows}")).unwrap();
    let mut run = Command::new("sh");
    run.args(["-c", &format!("ulimit -n {OPEN_FILES}; exec \"$0\" \"$@\"")]).arg(command::path());
    run.args(["run", "script.py", "--engine", "process", "--input", "in.csv", "--partition-by", "g", "--jobs", "1"]);
    run.args(["--output", "one.csv", "--output", "two.csv"]);
    home.of(run.current_dir(folder.path()));
    let done = run.output().unwrap();
    let stderr = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{stderr}");
    let expected: String = (0..PARTS).map(|part| format!("v{part},1\n")).collect();
    for output in ["one.csv", "two.csv"] {
        let written = std::fs::read_to_string(folder.path().join(output)).unwrap();
        assert_eq!(written, format!("g,a\n{expected}"), "{stderr}");
    }
}
