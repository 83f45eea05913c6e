//! Every process below the agent: what must be gone before a run is over. As PID 1 that is every process of the
//! namespace; otherwise the agent is a subreaper, so whatever a script detaches comes back as a child of the agent.

use rustix::process::{Pid, Signal, getpid, kill_process};
use std::collections::HashMap;

/// Kills all descendants that are alive now, and says which. A process that is born meanwhile is found by the next
/// call: the caller goes on until there is none.
pub(crate) fn kill_all() -> Vec<Pid> {
    let mut killed = alive();
    // One that has ended meanwhile needs no signal.
    killed.retain(|pid| kill_process(*pid, Signal::KILL).is_ok());
    killed
}

fn alive() -> Vec<Pid> {
    let parents = parents();
    let agent = getpid().as_raw_nonzero().get();
    let below = |mut pid: i32| {
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
    parents
        .iter()
        .filter(|(pid, (_, zombie))| !zombie && below(**pid))
        .filter_map(|(pid, _)| Pid::from_raw(*pid))
        .collect()
}

/// The parent of every process that can be seen, and whether it is a zombie.
fn parents() -> HashMap<i32, (i32, bool)> {
    let Ok(entries) = std::fs::read_dir("/proc") else {
        return HashMap::new();
    };
    let process = |entry: std::fs::DirEntry| {
        let pid: i32 = entry.file_name().to_str()?.parse().ok()?;
        let (parent, zombie) = parse_stat(&std::fs::read_to_string(entry.path().join("stat")).ok()?)?;
        Some((pid, (parent, zombie)))
    };
    entries.filter_map(Result::ok).filter_map(process).collect()
}

/// Parent and state of a process from its `stat` line, whose second field is a name with any characters in it.
fn parse_stat(stat: &str) -> Option<(i32, bool)> {
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
    let state = fields.next()?;
    Some((fields.next()?.parse().ok()?, state == "Z" || state == "X"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_does_not_mislead() {
        assert_eq!(parse_stat("12 (a) b) R 7 12 12 0 -1"), Some((7, false)));
        assert_eq!(parse_stat("12 (a) Z 1 12 12 0 -1"), Some((1, true)));
    }

    #[test]
    fn children_are_found() {
        let mut child = std::process::Command::new("sleep").arg("1000").spawn().unwrap();
        let pid = i32::try_from(child.id()).unwrap();
        assert!(alive().iter().any(|found| found.as_raw_nonzero().get() == pid));
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
