//! Starting the interpreter: its user, group, folder, environment, limits. The only unsafe code of the agent is what
//! must happen between fork and exec: resetting signals, and asking that the script dies with the agent.
#![allow(unsafe_code, reason = "signals and PR_SET_PDEATHSIG must be set by the child itself, between fork and exec")]

use crate::error::StartError;
use crate::similar;
use longshore_protocol::Begin;
use nix::sys::signal::{SigHandler, SigSet, Signal as Caught, signal};
use rustix::process::{Pid, Resource, Rlimit, Signal, geteuid, prlimit, set_parent_process_death_signal};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// The user name of scripts; the images know it, other machines need not.
const USER: &str = "longshore";

/// Starts the script's interpreter.
pub(crate) fn spawn(begin: &Begin, socket: &Path) -> Result<Child, StartError> {
    let (program, arguments) = begin.program.split_first().ok_or(StartError::NoProgram)?;
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env_clear()
        .env("USER", USER)
        .env("LOGNAME", USER)
        .env("HOME", &begin.folder)
        .envs(&begin.environment)
        .env("LONGSHORE_SOCKET", socket)
        .current_dir(&begin.folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0);
    let failed = |source: std::io::Error| {
        let is_missing = source.kind() == std::io::ErrorKind::NotFound;
        let path = begin.environment.get("PATH").filter(|_| is_missing);
        let found = path.map_or_else(Vec::new, |path| similar::programs(program, path));
        StartError::Spawn { program: program.clone(), source, found }
    };
    if let Some(user) = begin.user {
        if geteuid().is_root() {
            command.gid(user.gid).uid(user.uid);
        } else if geteuid().as_raw() != user.uid {
            let reason = format!("the agent runs as user {}, not as {} or root", geteuid().as_raw(), user.uid);
            return Err(failed(std::io::Error::other(reason)));
        }
    }
    let prepare = || {
        // The agent takes its signals through a descriptor, and blocks them; and a host that was started in the
        // background ignores some. The script starts with every signal as it should be.
        for caught in Caught::iterator() {
            // SAFETY: the default action is no handler of ours. Those of SIGKILL and SIGSTOP cannot be set.
            let _ = unsafe { signal(caught, SigHandler::SigDfl) };
        }
        SigSet::empty().thread_set_mask()?;
        Ok(set_parent_process_death_signal(Some(Signal::KILL))?)
    };
    // SAFETY: the closure runs in the forked child and makes only system calls, which are async-signal-safe; it
    // allocates nothing and touches no lock.
    unsafe { command.pre_exec(prepare) };
    let child = command.spawn().map_err(failed)?;
    if let (Some(open_files), Some(pid)) = (begin.open_files, pid(&child)) {
        let limit = Rlimit { current: Some(open_files), maximum: Some(open_files) };
        // A process that has ended already has no limits to set.
        let _ = prlimit(Some(pid), Resource::Nofile, limit);
    }
    // Where the kernel must kill something of this container, it is the script, not the agent. A process may always
    // raise its own children's score.
    let _ = std::fs::write(format!("/proc/{}/oom_score_adj", child.id()), "1000");
    Ok(child)
}

/// The child's process id, as the system calls take it.
pub(crate) fn pid(child: &Child) -> Option<Pid> {
    Pid::from_raw(i32::try_from(child.id()).ok()?)
}
