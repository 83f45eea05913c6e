//! Programs that ask a resident host for runs, in R. Those in Python are `sdk-python/tests`; the wire is `server.rs`.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod command;

use command::{Home, Resident};
use std::os::unix::net::UnixListener;
use std::process::Command;

#[test]
fn programs_in_r_run_blocks() {
    let home = Home::new();
    let resident = Resident::start(&home, &["--allow-processes"]);
    let folder = tempfile::Builder::new().prefix("callers-").tempdir().unwrap();
    // A host that accepts and says nothing.
    let silent = folder.path().join("silent.sock");
    let _listening = UnixListener::bind(&silent).unwrap();
    let library = std::env::var_os("LONGSHORE_R_LIBRARY").unwrap_or_default();
    let mut command = Command::new("Rscript");
    command.arg("--vanilla").arg(command::root().join("tests/callers/callers.R")).arg(folder.path());
    command.arg(command::root().join("tests/vectors/v1/from_caller.toml")).arg(&silent);
    let output = resident.of(command.env("R_LIBS", library)).output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && printed.ends_with("done\n"), "{printed}{errors}{}", resident.log());
}
