//! What a run must not leave on the machine: containers, sockets, folders, shared memory, processes.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// How long the engine may take to forget what it was told to remove.
const SETTLE: Duration = Duration::from_secs(10);

/// What could be somebody's, before the suite ran.
pub(crate) struct Leftovers(BTreeSet<String>);

impl Leftovers {
    /// Everything of ours on the machine now.
    pub(crate) fn find() -> Self {
        Self(everything())
    }

    /// What is there now and was not there before, once it has had time to go.
    pub(crate) fn after(before: &Self) -> Vec<String> {
        let deadline = Instant::now() + SETTLE;
        loop {
            let behind: Vec<String> = everything().difference(&before.0).cloned().collect();
            if behind.is_empty() || Instant::now() > deadline {
                return behind;
            }
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}

/// Containers of one run.
pub(crate) fn containers(run_id: &str) -> Result<Vec<String>, String> {
    labelled(&format!("longshore.run={run_id}"))
}

fn labelled(label: &str) -> Result<Vec<String>, String> {
    let filter = format!("label={label}");
    let output = Command::new("docker")
        .args(["ps", "--all", "--format", "{{.ID}} {{.Names}} {{.Status}}", "--filter", &filter])
        .output()
        .map_err(|error| format!("`docker ps` cannot run: {error}"))?;
    if !output.status.success() {
        return Err(format!("`docker ps`: {}", String::from_utf8_lossy(&output.stderr).trim()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).lines().map(|line| format!("container {line}")).collect())
}

fn everything() -> BTreeSet<String> {
    let mut found: BTreeSet<String> =
        labelled("longshore.run").unwrap_or_else(|error| vec![error]).into_iter().collect();
    found.extend(Path::new("/run/longshore").exists().then(|| "folder /run/longshore".to_owned()));
    for folder in [Path::new("/dev/shm"), Path::new("/tmp"), &std::env::temp_dir()] {
        let names = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let ours = names.map(|entry| entry.path()).filter(|path| path.to_string_lossy().contains("longshore"));
        found.extend(ours.map(|path| format!("file {}", path.display())));
    }
    found.extend(agents());
    found
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
