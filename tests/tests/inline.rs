//! A Python script whose connection passes no descriptors: through a relay over TCP it reads and writes the same values as
//! over the host's socket.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod command;

use command::Home;
use std::path::Path;

/// A script that reads its input, adds a column, and writes it.
const SCRIPT: &str = "\
from longshore.api import Api
api = Api()
table = api.read_input_records()
assert len(table) == 200_000, len(table)
table['twice'] = table['x'] * 2
api.write_output_records(table)
api.commit('done')
";

/// Runs the script that it has under the name `SCRIPT`, behind a relay.
const RELAY: &str = include_str!("inline/relay.py");

/// Runs the script `name` in the folder, and returns what it wrote.
fn written(home: &Home, folder: &Path, name: &str) -> String {
    let output = format!("{name}.csv");
    let arguments = ["run", name, "--engine", "process", "--input", "in.csv", "--output", &output];
    let done = home.longshore(folder, &arguments);
    let stderr = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{name}: {stderr}");
    assert!(stderr.contains("done"), "{name}: {stderr}");
    std::fs::read_to_string(folder.join(output)).unwrap()
}

#[test]
fn a_script_behind_a_relay_that_passes_bytes_only_sees_the_same_values() {
    let (home, folder) = (Home::new(), tempfile::tempdir().unwrap());
    let rows: String =
        (0..200_000).map(|row| format!("{row},{},name {row},{}\n", f64::from(row) / 8.0, row % 3 == 0)).collect();
    std::fs::write(folder.path().join("in.csv"), format!("n,x,t,is\n{rows}")).unwrap();
    std::fs::write(folder.path().join("plain.py"), SCRIPT).unwrap();
    // Rust's quotes are Python's.
    std::fs::write(folder.path().join("relayed.py"), format!("SCRIPT = {SCRIPT:?}\n{RELAY}")).unwrap();
    let plain = written(&home, folder.path(), "plain.py");
    assert_eq!(plain.lines().count(), 200_001);
    assert!(plain.starts_with("n,x,t,is,twice\n0,0"), "{}", plain.lines().next().unwrap());
    assert!(written(&home, folder.path(), "relayed.py") == plain);
}
