//! Every process below the agent: what must be gone before a run is over. As PID 1 that is every process of the
//! namespace, which one call ends, whatever they do. Otherwise the agent is a subreaper, so that whatever a script detaches
//! comes back as a child of the agent, and what is there is looked for.

use rustix::process::{Pid, Signal, getpid, kill_process, kill_process_group};
use std::collections::HashMap;

/// Kills all descendants that are there now. What is born meanwhile is found by the next call: the caller goes on until
/// there is none.
pub(crate) fn kill_all() {
    if getpid() == Pid::INIT {
        // Everything but this one. Where there is nothing, there is nothing to do.
        let _ = kill_process_group(Pid::INIT, Signal::KILL);
        return;
    }
    for pid in below() {
        // One that has ended meanwhile needs no signal.
        let _ = kill_process(pid, Signal::KILL);
    }
}

/// All descendants. A zombie is one of them: its first thread has ended, and others of it may live.
fn below() -> Vec<Pid> {
    let parents = parents();
    let agent = getpid().as_raw_nonzero().get();
    let is_below = |mut pid: i32| {
        // No chain of parents is longer than there are processes.
        for _ in 0..parents.len() {
            match parents.get(&pid) {
                Some(parent) if *parent == agent => return true,
                Some(parent) => pid = *parent,
                None => return false,
            }
        }
        false
    };
    parents.keys().filter(|pid| is_below(**pid)).filter_map(|pid| Pid::from_raw(*pid)).collect()
}

/// The parent of every process that can be seen.
fn parents() -> HashMap<i32, i32> {
    let Ok(entries) = std::fs::read_dir("/proc") else {
        return HashMap::new();
    };
    let process = |entry: std::fs::DirEntry| {
        let pid: i32 = entry.file_name().to_str()?.parse().ok()?;
        Some((pid, parent(&std::fs::read_to_string(entry.path().join("stat")).ok()?)?))
    };
    entries.filter_map(Result::ok).filter_map(process).collect()
}

/// The parent of a process, from its `stat` line, whose second field is a name with any characters in it.
fn parent(stat: &str) -> Option<i32> {
    stat.rsplit_once(')')?.1.split_ascii_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_does_not_mislead() {
        assert_eq!(parent("12 (a) b) R 7 12 12 0 -1"), Some(7));
        assert_eq!(parent("12 (a) Z 1 12 12 0 -1"), Some(1));
    }

    #[test]
    fn children_are_found() {
        let mut child = std::process::Command::new("sleep").arg("1000").spawn().unwrap();
        let pid = i32::try_from(child.id()).unwrap();
        assert!(below().iter().any(|found| found.as_raw_nonzero().get() == pid));
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
