//! The file `run.json` of a dry run's folder: reading it, and asking the program `longshore` to write it where the
//! folder has a table in a format that only the host reads, or the script has a manifest.

use super::{print, source};
use crate::error::ClientError;
use longshore_protocol::DryRunFile;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::SystemTime;

/// The program that sets a folder up.
const PROGRAM: &str = "longshore";

/// The manifests of a block.
const MANIFESTS: [&str; 2] = ["block.toml", "manifest.json"];

/// Most bytes of a script that are searched for its own metadata, which is at its start.
const SCRIPT_MAX: u64 = 64 << 10;

/// What the host knows about the block; `None` for a script without a manifest whose tables need no conversion, and
/// where the program is not installed.
pub(crate) fn load(folder: &Path, script: Option<&Path>) -> Result<Option<DryRunFile>, ClientError> {
    let path = folder.join(DryRunFile::NAME);
    let file = read(&path).map_err(|reason| ClientError::DryRun { path: path.clone(), reason })?;
    let needed = match &file {
        Some(file) => is_stale(&path, file),
        None => script.is_some_and(has_manifest) || has_foreign(folder),
    };
    match (&file, script) {
        (Some(file), _) if needed && !file.from_folder => {
            print("note: a table or the manifest has changed since `longshore dry-run`: run it again");
        }
        (_, Some(script)) if needed && prepare(folder, script)? => {
            return read(&path).map_err(|reason| ClientError::DryRun { path, reason });
        }
        _ => {}
    }
    Ok(file)
}

fn read(path: &Path) -> Result<Option<DryRunFile>, String> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file.map_err(|error| error.to_string())?,
    };
    let parsed = serde_json::from_reader(io::BufReader::new(file.take(DryRunFile::BYTES_MAX)));
    parsed.map(Some).map_err(|error| format!("{error}: set the folder up again with `longshore dry-run`"))
}

/// Has the program set the folder up. `false` if it is not installed.
fn prepare(folder: &Path, script: &Path) -> Result<bool, ClientError> {
    let mut command = Command::new(PROGRAM);
    command.arg("dry-run").arg(script).arg("--folder").arg(folder).stdin(Stdio::null());
    let output = match command.output() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        output => output.map_err(|error| refused(folder, format!("cannot start `{PROGRAM}`: {error}")))?,
    };
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    match output.status.success() {
        true if said.is_empty() => Ok(true),
        true => {
            print(&said);
            Ok(true)
        }
        false => {
            let cause = said.trim_start_matches("error: ").to_owned();
            Err(refused(folder, cause))
        }
    }
}

fn refused(folder: &Path, reason: String) -> ClientError {
    ClientError::DryRun { path: folder.to_owned(), reason }
}

/// Whether something that the file was made from is newer.
fn is_stale(path: &Path, file: &DryRunFile) -> bool {
    let Some(made) = changed(path) else { return false };
    let folder = path.parent().unwrap_or(path);
    let options = file.from_folder.then(|| folder.join(DryRunFile::OPTIONS));
    let is_newer = |path: &PathBuf| changed(path).is_some_and(|changed| changed > made);
    file.sources.iter().chain(&options).any(is_newer) || file.from_folder && has_new(folder, file, made)
}

/// Whether a table was put into the folder later.
fn has_new(folder: &Path, file: &DryRunFile, made: SystemTime) -> bool {
    let is_known = |path: &PathBuf| file.sources.iter().any(|source| source.file_name() == path.file_name());
    foreign(folder).any(|path| !is_known(&path) && changed(&path).is_some_and(|changed| changed > made))
}

fn changed(path: &Path) -> Option<SystemTime> {
    std::fs::metadata(path).and_then(|metadata| metadata.modified()).ok()
}

/// Whether the script has a manifest beside it, or carries one.
fn has_manifest(script: &Path) -> bool {
    let folder = script.parent().unwrap_or(Path::new(""));
    let mut start = Vec::new();
    let read = File::open(script).and_then(|file| file.take(SCRIPT_MAX).read_to_end(&mut start));
    let carries =
        || read.is_ok() && String::from_utf8_lossy(&start).lines().any(|line| line.starts_with("# [tool.longshore"));
    MANIFESTS.iter().any(|name| folder.join(name).is_file()) || carries()
}

fn has_foreign(folder: &Path) -> bool {
    foreign(folder).next().is_some()
}

/// The files under the number of an input that only the host can read.
fn foreign(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| {
        let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
        let is_numbered = name.split('.').next().is_some_and(|number| number.parse::<u32>().is_ok());
        is_numbered && !source::is_table(path)
    })
}
