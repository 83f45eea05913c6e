//! The `longshore` command under test: `LONGSHORE_BIN`, else the release build, in a home of the test's own.

#![allow(dead_code, unused_imports, reason = "each test takes what it needs of it")]

mod home;
mod resident;
mod user;

pub(crate) use home::Home;
pub(crate) use resident::Resident;
use std::path::{Path, PathBuf};
use std::process::Output;
pub(crate) use user::User;

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

/// Calls the command in a folder, once, in a home that goes with it.
pub(crate) fn longshore(folder: &Path, arguments: &[&str]) -> Output {
    Home::new().longshore(folder, arguments)
}
