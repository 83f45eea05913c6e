//! Who asks for runs: those that wait are admitted fairly between them. Over HTTP it is a token, on the socket a session of
//! processes, such as a terminal with all that is started there.

use longshore::history::Admitted;
use nix::unistd::{Pid, getsid};

/// Who asks for runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Who(pub(crate) String);

impl Who {
    /// The session of a process; the process itself where its session is not known, such as one that has ended. The kernel
    /// tells 0 for both where they began in another namespace of processes.
    pub(crate) fn of_process(id: Option<i32>) -> Self {
        let Some(process) = id.filter(|id| *id > 0) else { return Self("unknown process".into()) };
        match getsid(Some(Pid::from_raw(process))).map(Pid::as_raw) {
            Ok(0) => Self("session elsewhere".into()),
            Ok(session) => Self(format!("session {session}")),
            Err(_) => Self(format!("process {process}")),
        }
    }
}

/// A token, with the browser sessions that began with it; or all browser sessions that began with links.
impl From<Admitted> for Who {
    fn from(admitted: Admitted) -> Self {
        Self(admitted.token.map_or_else(|| "pages".into(), |name| format!("token {name}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::CommandExt;
    use std::process::Command;

    #[test]
    fn processes_of_a_session_are_one_caller() {
        let id = |child: &std::process::Child| i32::try_from(child.id()).ok();
        let mut first = Command::new("sleep").arg("60").spawn().unwrap();
        let mut second = Command::new("sleep").arg("60").process_group(0).spawn().unwrap();
        let own = Who::of_process(i32::try_from(std::process::id()).ok());
        assert_eq!((Who::of_process(id(&first)), Who::of_process(id(&second))), (own.clone(), own.clone()));
        let mut other = Command::new("setsid").args(["sleep", "60"]).spawn().unwrap();
        // It makes its session before it becomes the program.
        while Who::of_process(id(&other)) == own {
            std::thread::yield_now();
        }
        assert_eq!(Who::of_process(id(&other)), Who(format!("session {}", other.id())));
        for child in [&mut first, &mut second, &mut other] {
            child.kill().unwrap();
            child.wait().unwrap();
        }
        assert_eq!(Who::of_process(id(&first)), Who(format!("process {}", first.id())));
        for unknown in [None, Some(0), Some(-1)] {
            assert_eq!(Who::of_process(unknown), Who("unknown process".into()));
        }
    }
}
