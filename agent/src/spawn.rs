//! Starts the interpreter: its user, group, folder, environment, limits. The agent's only unsafe code runs between fork
//! and exec: signals, limits, rights, and the request that the script dies with the agent.
#![allow(unsafe_code, reason = "what a script may do must be set by the child itself, between fork and exec")]

use crate::error::StartError;
use crate::rights::Apart;
use crate::similar;
use longshore_protocol::{Begin, Prepare, User};
use nix::sys::signal::{SigHandler, SigSet, Signal as Caught, signal};
use rustix::process::{Pid, Resource, Rlimit, Signal, geteuid, getrlimit, set_parent_process_death_signal, setrlimit};
use std::collections::BTreeMap;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// The user name of scripts; the images have it, other machines need not.
const USER: &str = "longshore";

/// How an interpreter is started.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Interpreter<'a> {
    program: &'a [String],
    environment: &'a BTreeMap<String, String>,
    pub(crate) folder: &'a str,
    pub(crate) user: Option<User>,
    open_files: Option<u64>,
}

impl<'a> From<&'a Begin> for Interpreter<'a> {
    fn from(begin: &'a Begin) -> Self {
        let Begin { program, environment, folder, user, open_files, .. } = begin;
        Self { program, environment, folder, user: *user, open_files: *open_files }
    }
}

impl<'a> From<&'a Prepare> for Interpreter<'a> {
    fn from(prepare: &'a Prepare) -> Self {
        let Prepare { program, environment, folder, user, open_files, .. } = prepare;
        Self { program, environment, folder, user: *user, open_files: *open_files }
    }
}

/// Starts an interpreter, as another user where `apart` names one.
pub(crate) fn spawn(begin: Interpreter<'_>, socket: &Path, apart: Option<Apart>) -> Result<Child, StartError> {
    let (program, arguments) = begin.program.split_first().ok_or(StartError::NoProgram)?;
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env_clear()
        .env("USER", USER)
        .env("LOGNAME", USER)
        .env("HOME", begin.folder)
        .envs(begin.environment)
        .env("LONGSHORE_SOCKET", socket)
        .current_dir(begin.folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    if apart.is_none() {
        command.process_group(0);
    }
    let failed = |source: std::io::Error| {
        let is_missing = source.kind() == std::io::ErrorKind::NotFound;
        let path = begin.environment.get("PATH").filter(|_| is_missing);
        let found = path.map_or_else(Vec::new, |path| similar::programs(program, path));
        StartError::Spawn { program: program.clone(), source, found }
    };
    let own = geteuid();
    if let Some(user) = begin.user.filter(|user| apart.is_none() && own.as_raw() != user.uid) {
        let reason = format!("the agent runs as user {own}, not as {} or root", user.uid);
        return Err(failed(std::io::Error::other(reason)));
    }
    // Only root may exceed the agent's own limit.
    let most = getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX);
    let open_files = begin.open_files.map(|files| files.min(most));
    let open_files = open_files.map(|files| Rlimit { current: Some(files), maximum: Some(files) });
    let prepare = move || {
        // The agent blocks its signals and reads them from a descriptor, and a host that was started in the background
        // ignores some. The script starts with the default for every signal.
        for caught in Caught::iterator() {
            // SAFETY: the default action runs no code of this process. Those of SIGKILL and SIGSTOP cannot be set.
            let _ = unsafe { signal(caught, SigHandler::SigDfl) };
        }
        SigSet::empty().thread_set_mask()?;
        if let Some(limit) = open_files {
            setrlimit(Resource::Nofile, limit)?;
        }
        if let Some(apart) = apart {
            apart.become_script()?;
        }
        // Last, since the kernel resets it when the user changes.
        Ok(set_parent_process_death_signal(Some(Signal::KILL))?)
    };
    // SAFETY: the closure runs in the forked child and makes only system calls, which are async-signal-safe; it
    // allocates nothing and touches no lock.
    unsafe { command.pre_exec(prepare) };
    command.spawn().map_err(failed)
}

/// The child's process id, as the system calls take it.
pub(crate) fn pid(child: &Child) -> Option<Pid> {
    Pid::from_raw(i32::try_from(child.id()).ok()?)
}
