//! A resident host in a home of a test's own, as `longshore serve` starts it.

use super::Home;
use rustix::process::{Pid, Signal, kill_process};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long it may take to start, or to end.
const PATIENCE: Duration = Duration::from_secs(60);

/// The host, which is killed when this is dropped.
pub(crate) struct Resident {
    process: Mutex<Child>,
    folder: TempDir,
}

impl Resident {
    /// Starts it, and waits until it listens.
    pub(crate) fn start(home: &Home, arguments: &[&str]) -> Self {
        Self::start_with(home, arguments, &[])
    }

    /// Starts it with further environment variables.
    pub(crate) fn start_with(home: &Home, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let folder = tempfile::Builder::new().prefix("resident-").tempdir().unwrap();
        Self::start_in(home, arguments, variables, folder)
    }

    /// Starts another one where one was killed.
    pub(crate) fn again(mut self, home: &Home, arguments: &[&str]) -> Self {
        self.signal(Signal::KILL);
        self.process.lock().unwrap().wait().unwrap();
        let folder = std::mem::replace(&mut self.folder, tempfile::tempdir().unwrap());
        Self::start_in(home, arguments, &[], folder)
    }

    fn start_in(home: &Home, arguments: &[&str], variables: &[(&str, &str)], folder: TempDir) -> Self {
        let mut command = Command::new(super::path());
        command.arg("serve").arg("--socket").arg(folder.path().join("server.sock")).args(arguments);
        let log = std::fs::OpenOptions::new().create(true).append(true).open(folder.path().join("log")).unwrap();
        home.of(&mut command).envs(variables.iter().copied()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let process = command.spawn().unwrap();
        let resident = Self { process: Mutex::new(process), folder };
        let deadline = Instant::now() + PATIENCE;
        while UnixStream::connect(resident.socket()).is_err() {
            let ended = resident.process.lock().unwrap().try_wait().unwrap();
            assert!(ended.is_none() && Instant::now() < deadline, "it does not listen: {ended:?} {}", resident.log());
            std::thread::sleep(Duration::from_millis(20));
        }
        resident
    }

    /// Its socket.
    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.path().join("server.sock")
    }

    /// What it has written.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Has a command use it.
    pub(crate) fn of<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.env("LONGSHORE_RUNS_SERVER", self.socket())
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.process.lock().unwrap().id()
    }

    /// Its folder, below which it has its socket.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Signals it.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.process.lock().unwrap()), signal).unwrap();
    }

    /// Waits for its end.
    pub(crate) fn ended(&self) -> ExitStatus {
        self.wait_for_end().unwrap_or_else(|late| panic!("{late}"))
    }

    /// Waits for its end; the error is what it has written.
    pub(crate) fn wait_for_end(&self) -> Result<ExitStatus, String> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.process.lock().unwrap().try_wait().unwrap() {
                return Ok(status);
            }
            if Instant::now() > deadline {
                return Err(format!("the resident host does not end: {}", self.log()));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Resident {
    fn drop(&mut self) {
        // It has ended already, or is of no use any more.
        let mut process = self.process.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = process.kill();
        let _ = process.wait();
    }
}
