//! Programs that ask a resident host for runs, in R. Those in Python are `sdk-python/tests`; the wire is `server.rs`.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod command;

use command::{Home, Resident};
use std::ffi::OsStr;
use std::os::unix::net::UnixListener;
use std::process::Command;

#[test]
fn programs_in_r_run_blocks() {
    // A host that accepts and says nothing.
    let folder = tempfile::tempdir().unwrap();
    let silent = folder.path().join("silent.sock");
    let _listening = UnixListener::bind(&silent).unwrap();
    let vectors = command::root().join("tests/vectors/v1/from_caller.toml");
    program("callers.R", &[vectors.as_os_str(), silent.as_os_str()]);
}

#[test]
fn programs_in_r_run_chains() {
    program("chains.R", &[]);
}

/// Runs a program in R, which gets a folder and these arguments.
fn program(name: &str, arguments: &[&OsStr]) {
    let home = Home::new();
    let resident = Resident::start(&home, &["--allow-processes"]);
    let folder = tempfile::Builder::new().prefix("callers-").tempdir().unwrap();
    let library = std::env::var_os("LONGSHORE_R_LIBRARY").unwrap_or_default();
    let mut command = Command::new("Rscript");
    command.arg("--vanilla").arg(command::root().join("tests/callers").join(name)).arg(folder.path()).args(arguments);
    let output = resident.of(command.env("R_LIBS", library)).output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && printed.ends_with("done\n"), "{printed}{errors}{}", resident.log());
}
