//! The process that listens on a host's socket, as far as the machine tells: errors name it.

/// A process that listens on a host's socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Process {
    /// Its id.
    pub id: u32,
    /// Whether a signal has stopped it.
    pub is_stopped: bool,
}

impl Process {
    pub(crate) fn of(id: u32) -> Self {
        let state = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        // Its name, which may contain anything, is in parentheses before the state.
        let state = state.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
        Self { id, is_stopped: matches!(state, Some('T' | 't')) }
    }
}

/// The process that made a connection's other end, unless it is the machine's manager of services, which listens for
/// hosts that are not yet started, or one that this namespace of processes does not have, whose id is 0.
pub(crate) fn listening(id: i32) -> Option<u32> {
    let id = u32::try_from(id).ok().filter(|id| *id > 0)?;
    let name = std::fs::read_to_string(format!("/proc/{id}/comm")).unwrap_or_default();
    (name.trim_end() != "systemd").then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    #[test]
    fn a_process_that_is_stopped_is_told_apart() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        assert_eq!(Process::of(child.id()), Process { id: child.id(), is_stopped: false });
        let pid = rustix::process::Pid::from_child(&child);
        rustix::process::kill_process(pid, rustix::process::Signal::STOP).unwrap();
        let deadline = Instant::now() + Duration::from_secs(10);
        while !Process::of(child.id()).is_stopped {
            assert!(Instant::now() < deadline);
        }
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!Process::of(child.id()).is_stopped && listening(pid.as_raw_nonzero().get()) == Some(child.id()));
    }
}
