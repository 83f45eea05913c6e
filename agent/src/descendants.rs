//! Every process below the agent: all of them must have ended before a run is over. As PID 1 the agent kills every
//! process of its namespace with one call. Otherwise it is a subreaper: a process that a script detaches becomes a
//! child of the agent again, and the agent searches `/proc` for its descendants.

use rustix::process::{Pid, Signal, getpid, kill_process, kill_process_group};
use std::collections::HashMap;

/// Kills all current descendants. New ones are found by the next call: the caller repeats it until none is left.
/// Returns those that were alive, where it searched for them: a parent may reap its child before it is killed itself,
/// and then the child is counted nowhere else. The single call of PID 1 leaves no time for that.
pub(crate) fn kill_all() -> Vec<Pid> {
    if getpid() == Pid::INIT {
        // Every process but this one; the call fails where there is none.
        let _ = kill_process_group(Pid::INIT, Signal::KILL);
        return Vec::new();
    }
    // A process that has ended since needs no signal.
    let kill = |(pid, alive)| kill_process(pid, Signal::KILL).is_ok().then_some((pid, alive));
    below().into_iter().filter_map(kill).filter(|(_, alive)| *alive).map(|(pid, _)| pid).collect()
}

/// All descendants, and whether their first threads are alive. Zombies are included: their other threads may be alive.
fn below() -> Vec<(Pid, bool)> {
    let parents = parents();
    let agent = getpid().as_raw_nonzero().get();
    let is_below = |mut pid: i32| {
        // No chain of parents is longer than there are processes.
        for _ in 0..parents.len() {
            match parents.get(&pid) {
                Some((parent, _)) if *parent == agent => return true,
                Some((parent, _)) => pid = *parent,
                None => return false,
            }
        }
        false
    };
    let found = parents.iter().filter(|(pid, _)| is_below(**pid));
    found.filter_map(|(pid, (_, alive))| Some((Pid::from_raw(*pid)?, *alive))).collect()
}

/// The parent of every visible process, and whether it is alive.
fn parents() -> HashMap<i32, (i32, bool)> {
    let Ok(entries) = std::fs::read_dir("/proc") else {
        return HashMap::new();
    };
    let process = |entry: std::fs::DirEntry| {
        let pid: i32 = entry.file_name().to_str()?.parse().ok()?;
        Some((pid, parent(&std::fs::read_to_string(entry.path().join("stat")).ok()?)?))
    };
    entries.filter_map(Result::ok).filter_map(process).collect()
}

/// The parent of a process and whether it is alive, from its `stat` line, whose second field is a name with any
/// characters in it.
fn parent(stat: &str) -> Option<(i32, bool)> {
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
    let alive = !matches!(fields.next()?, "Z" | "X");
    Some((fields.next()?.parse().ok()?, alive))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_does_not_mislead() {
        assert_eq!(parent("12 (a) b) R 7 12 12 0 -1"), Some((7, true)));
        assert_eq!(parent("12 (a) Z 1 12 12 0 -1"), Some((1, false)));
    }

    #[test]
    fn children_are_found() {
        let mut child = std::process::Command::new("sleep").arg("1000").spawn().unwrap();
        let pid = i32::try_from(child.id()).unwrap();
        assert!(below().iter().any(|(found, _)| found.as_raw_nonzero().get() == pid));
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
