//! What a run must not leave on the machine: containers, images, volumes, sockets, folders, shared memory, processes.

use crate::command::Home;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// How long the engine may take to forget what it was told to remove.
const SETTLE: Duration = Duration::from_secs(10);

/// How volumes that builds share begin.
const SHARED_VOLUMES: [&str; 2] = ["longshore-tools-", "longshore-packages"];

/// What could be somebody's, before the suite ran.
pub(crate) struct Leftovers(BTreeSet<String>);

impl Leftovers {
    /// Everything of ours on the machine now.
    pub(crate) fn find() -> Self {
        Self(everything())
    }

    /// What is there now and was not there before, once it has had time to go, and what is left of a home.
    pub(crate) fn after(before: &Self, home: &Home) -> Vec<String> {
        let deadline = Instant::now() + SETTLE;
        loop {
            let new = everything().difference(&before.0).cloned().collect::<Vec<_>>();
            let behind: Vec<String> = new.into_iter().chain(home.left()).collect();
            if behind.is_empty() || Instant::now() > deadline {
                return behind;
            }
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}

/// Containers of one run. A resident host has its engine remove them after the end of the command: there they have time.
pub(crate) fn containers(run_id: &str, is_through_host: bool) -> Result<Vec<String>, String> {
    let deadline = Instant::now() + SETTLE;
    loop {
        let found = labelled(&format!("longshore.run={run_id}"))?;
        if found.is_empty() || !is_through_host || Instant::now() > deadline {
            return Ok(found);
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn labelled(label: &str) -> Result<Vec<String>, String> {
    let filter = format!("label={label}");
    let listed = docker(&["ps", "--all", "--format", "{{.ID}} {{.Names}} {{.Status}}", "--filter", &filter])?;
    Ok(listed.lines().map(|line| format!("container {line}")).collect())
}

/// What the engine's own command line prints.
fn docker(arguments: &[&str]) -> Result<String, String> {
    let output =
        Command::new("docker").args(arguments).output().map_err(|error| format!("`docker` cannot run: {error}"))?;
    if !output.status.success() {
        return Err(format!("`docker {}`: {}", arguments[0], String::from_utf8_lossy(&output.stderr).trim()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn everything() -> BTreeSet<String> {
    let mut found: BTreeSet<String> =
        labelled("longshore.run").unwrap_or_else(|error| vec![error]).into_iter().collect();
    // The folder itself stays, so that nobody else makes it.
    let own = format!("longshore-{}", rustix::process::geteuid().as_raw());
    let session = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let user = PathBuf::from(format!("/run/user/{}", rustix::process::geteuid().as_raw()));
    let folders = [session, Some(user), Some(std::env::temp_dir()), Some("/tmp".into())].into_iter().flatten();
    let folders = [PathBuf::from("/run/longshore")].into_iter().chain(folders.map(|folder| folder.join(&own)));
    let runs = folders.flat_map(|folder| std::fs::read_dir(folder.join("runs")).into_iter().flatten().flatten());
    found.extend(runs.map(|entry| format!("folder {}", entry.path().display())));
    for folder in [Path::new("/dev/shm"), Path::new("/tmp"), &std::env::temp_dir()] {
        let names = std::fs::read_dir(folder).into_iter().flatten().flatten();
        // `Rtmp…` is where a session of R has its files until it ends.
        let is_ours = |path: &PathBuf| ["longshore", "/Rtmp"].iter().any(|part| path.to_string_lossy().contains(part));
        let ours = names.map(|entry| entry.path()).filter(is_ours);
        found.extend(ours.map(|path| format!("file {}", path.display())));
    }
    found.extend(agents());
    found.extend(volumes());
    found
}

/// Volumes of ours, but for those that builds share and keep: the tools, and packages that were downloaded.
fn volumes() -> Vec<String> {
    let names = match docker(&["volume", "ls", "--quiet", "--filter", "name=longshore"]) {
        Ok(names) => names,
        Err(error) => return vec![error],
    };
    let kept = |name: &str| SHARED_VOLUMES.iter().any(|start| name.starts_with(start));
    names.lines().filter(|name| !kept(name)).map(|name| format!("volume {name}")).collect()
}

/// Agents that still run, by process id.
fn agents() -> Vec<String> {
    let mut agents = Vec::new();
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let name = std::fs::read_to_string(entry.path().join("comm")).unwrap_or_default();
        // The kernel keeps 15 bytes of a name.
        if "longshore-agent".starts_with(name.trim_end()) && name.len() > 10 {
            agents.push(format!("process {} {}", entry.file_name().to_string_lossy(), name.trim_end()));
        }
    }
    agents
}
