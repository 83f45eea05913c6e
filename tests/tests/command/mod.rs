//! The `longshore` command under test: `LONGSHORE_BIN`, else the release build.

#![allow(dead_code, reason = "each test takes what it needs of it")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The project's folder.
pub(crate) fn root() -> PathBuf {
    // Asked at run time: a folder of builds may serve several checkouts.
    PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap()).parent().unwrap().to_owned()
}

/// Where the command is.
pub(crate) fn path() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    let home = || std::env::home_dir().map(|home| home.join(".cache/longshore/target"));
    let built = || target.or_else(home).unwrap().join("release/longshore");
    std::env::var_os("LONGSHORE_BIN").map_or_else(built, PathBuf::from)
}

/// Calls the command in a folder.
pub(crate) fn longshore(folder: &Path, arguments: &[&str]) -> Output {
    let command = path();
    let output = Command::new(&command).args(arguments).current_dir(folder).output();
    output.unwrap_or_else(|error| panic!("`{}` cannot be run: {error}", command.display()))
}
