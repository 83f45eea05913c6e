//! Runs programs of this machine for the host. Each runs to its end, and its output is read as it arrives, within
//! bounds. It is killed with all its children when it is dropped, when its deadline is over, and when the host ends in
//! any way. The callers interpret the output.

use super::Printed;
use super::survivors::end_below;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open, pidfd_send_signal};
use std::io;
use std::os::fd::OwnedFd;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use thiserror::Error;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::pipe;
use tokio::process::{Child, ChildStdin, Command};

/// How long a finished program's output is still read if a process that it left behind holds it open.
const DRAIN_DEADLINE: Duration = Duration::from_secs(1);

/// Bytes read at a time.
const BUFFER_BYTES: usize = 16 << 10;

/// A program did not run to its end.
#[derive(Debug, Error)]
pub enum ProgramError {
    /// It cannot be started.
    #[error("cannot start the program")]
    Start(#[source] io::Error),
    /// Its output cannot be read, or its end cannot be waited for.
    #[error("cannot read the program's output, or wait for its end")]
    Follow(#[source] io::Error),
    /// It exceeded its deadline and was killed.
    #[error("the program did not end within {} s", .0.as_secs())]
    TooSlow(Duration),
}

impl From<ProgramError> for io::Error {
    fn from(error: ProgramError) -> Self {
        match error {
            ProgramError::Start(source) | ProgramError::Follow(source) => source,
            ProgramError::TooSlow(_) => io::ErrorKind::TimedOut.into(),
        }
    }
}

/// A program's output, as far as requested.
#[derive(Debug)]
pub struct Output {
    /// How it ended.
    pub status: ExitStatus,
    /// The beginning of its standard output.
    pub out: Vec<u8>,
    /// The beginning of its standard error.
    pub err: Vec<u8>,
}

/// A program that has not started yet.
#[derive(Debug)]
pub struct Program<'a> {
    command: Command,
    input: &'a [u8],
    deadline: Option<Duration>,
    is_together: bool,
    asks_people: bool,
}

impl<'a> Program<'a> {
    /// A program with these arguments and variables. It has no input, and runs in a process group of its own, so that
    /// all its processes can be killed at once, and Ctrl-C at a terminal reaches only the host.
    pub fn new(command: Command) -> Self {
        Self { command, input: &[], deadline: None, is_together: false, asks_people: false }
    }

    /// Sets its standard input. A program that does not read it may still succeed.
    pub fn input(self, input: &'a [u8]) -> Self {
        Self { input, ..self }
    }

    /// Kills it after this time.
    pub fn within(self, deadline: Duration) -> Self {
        Self { deadline: Some(deadline), ..self }
    }

    /// Redirects its standard error to its standard output, so that lines of both keep their order.
    pub fn together(self) -> Self {
        Self { is_together: true, ..self }
    }

    /// Lets it prompt the user at the terminal, which only the foreground process group may. It is then in the host's
    /// group. Its children are found by their parents if it is killed: processes that it detached stay, as do all of
    /// them if the host itself is killed.
    pub fn asks_people(self) -> Self {
        Self { asks_people: true, ..self }
    }

    /// Runs it, and returns at most the first `most` bytes of each stream.
    pub async fn output(self, most: usize) -> Result<Output, ProgramError> {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut take = |printed: Printed<'_>| {
            let (kept, bytes) = match printed {
                Printed::Out(bytes) => (&mut out, bytes),
                Printed::Err(bytes) => (&mut err, bytes),
            };
            kept.extend_from_slice(&bytes[..bytes.len().min(most - kept.len())]);
            true
        };
        let status = self.run(&mut take).await?;
        Ok(Output { status, out, err })
    }

    /// Runs it, and passes its output to `take` as it arrives. It is killed when `take` returns false.
    pub async fn run(self, take: &mut (dyn FnMut(Printed<'_>) -> bool + Send)) -> Result<ExitStatus, ProgramError> {
        let deadline = self.deadline;
        let mut running = self.start()?;
        let ended = running.follow(take);
        let ended = match deadline {
            Some(deadline) => {
                tokio::time::timeout(deadline, ended).await.map_err(|_| ProgramError::TooSlow(deadline))?
            }
            None => ended.await,
        };
        ended.map_err(ProgramError::Follow)
    }

    fn start(self) -> Result<Running<'a>, ProgramError> {
        let Self { mut command, input, is_together, asks_people, .. } = self;
        let (out, out_writer) = io::pipe().map_err(ProgramError::Follow)?;
        let (err, err_writer) = if is_together {
            (None, out_writer.try_clone().map_err(ProgramError::Follow)?)
        } else {
            let (err, writer) = io::pipe().map_err(ProgramError::Follow)?;
            (Some(err), writer)
        };
        command.stdin(if input.is_empty() { Stdio::null() } else { Stdio::piped() });
        command.stdout(out_writer).stderr(err_writer).kill_on_drop(true);
        if !asks_people {
            command.process_group(0);
        }
        let started = command.spawn();
        // Dropping it closes its ends of the pipes, so that the readers see the end.
        drop(command);
        let mut child = started.map_err(ProgramError::Start)?;
        let processes = if asks_people {
            Family::of(&child).map(Processes::Family)
        } else {
            Group::of(&child).map(Processes::Group)
        };
        let processes = processes.map_err(ProgramError::Follow)?;
        let receiver = |reader: io::PipeReader| pipe::Receiver::from_owned_fd(reader.into());
        let out = receiver(out).map_err(ProgramError::Follow)?;
        let err = err.map(receiver).transpose().map_err(ProgramError::Follow)?;
        let stdin = child.stdin.take();
        Ok(Running { processes: Some(processes), child, input: (stdin, input), printed: Streams { out, err } })
    }
}

/// A running program, which is killed when this is dropped.
struct Running<'a> {
    /// Until they are killed.
    processes: Option<Processes>,
    child: Child,
    input: (Option<ChildStdin>, &'a [u8]),
    printed: Streams,
}

impl Running<'_> {
    async fn follow(&mut self, take: &mut (dyn FnMut(Printed<'_>) -> bool + Send)) -> io::Result<ExitStatus> {
        let Self { processes, child, input: (stdin, input), printed } = self;
        let ended = async {
            let wants_more = tokio::select! {
                status = child.wait() => {
                    // A process that it left behind may hold the pipe open: its own output is complete.
                    let rest = tokio::time::timeout(DRAIN_DEADLINE, printed.read(take)).await;
                    rest.map_or(Ok(true), |read| read)?;
                    return status;
                }
                read = printed.read(take) => read?,
            };
            if !wants_more {
                drop(processes.take());
                child.start_kill()?;
            }
            child.wait().await
        };
        tokio::try_join!(feed(stdin.take(), input), ended).map(|((), status)| status)
    }
}

async fn feed(stdin: Option<ChildStdin>, input: &[u8]) -> io::Result<()> {
    let Some(mut stdin) = stdin else { return Ok(()) };
    match stdin.write_all(input).await {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
        _ => Ok(()),
    }
}

/// A program's output.
struct Streams {
    out: pipe::Receiver,
    err: Option<pipe::Receiver>,
}

impl Streams {
    /// Reads to the end; returns whether it was reached. Cancel safe; may be called again.
    async fn read(&mut self, take: &mut (dyn FnMut(Printed<'_>) -> bool + Send)) -> io::Result<bool> {
        let (mut out, mut err) = (vec![0; BUFFER_BYTES], vec![0; BUFFER_BYTES]);
        let (mut out_is_open, mut err_is_open) = (true, self.err.is_some());
        while out_is_open || err_is_open {
            let printed = tokio::select! {
                read = self.out.read(&mut out), if out_is_open => {
                    let read = read?;
                    out_is_open = read > 0;
                    Printed::Out(&out[..read])
                }
                read = read(self.err.as_mut(), &mut err), if err_is_open => {
                    let read = read?;
                    err_is_open = read > 0;
                    Printed::Err(&err[..read])
                }
            };
            if !take(printed) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

async fn read(from: Option<&mut pipe::Receiver>, buffer: &mut [u8]) -> io::Result<usize> {
    match from {
        Some(from) => from.read(buffer).await,
        None => Ok(0),
    }
}

/// The processes of a program, which are killed when this is dropped.
#[derive(Debug)]
#[allow(dead_code, reason = "they are only dropped")]
enum Processes {
    /// All in a process group of their own.
    Group(Group),
    /// The program and its descendants, in the host's process group.
    Family(Family),
}

/// The program of a group's guard: it waits for the end of its input, whose other end only the host has, so the input
/// ends when the host does; then it kills the group.
const GUARD: &str = "read -r _; kill -KILL 0";

/// A process group that is killed when this is dropped, or when the host is killed.
#[derive(Debug)]
struct Group {
    id: Option<Pid>,
    /// A process of the group, so that no other group gets its number. Killed when it is dropped.
    _guard: Child,
}

impl Group {
    fn of(leader: &Child) -> io::Result<Self> {
        let id = leader.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        let guard = Command::new("/bin/sh")
            .args(["-c", GUARD])
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(id.map_or(0, Pid::as_raw_pid))
            .kill_on_drop(true)
            .spawn()?;
        Ok(Self { id, _guard: guard })
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.id {
            // The group may have ended already.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

/// A program and its descendants. If it has ended by itself nothing is killed: a key ring that it started for the user
/// stays.
#[derive(Debug)]
struct Family {
    id: Pid,
    program: OwnedFd,
}

impl Family {
    fn of(program: &Child) -> io::Result<Self> {
        let id = program.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        let id = id.ok_or(io::ErrorKind::NotFound)?;
        Ok(Self { id, program: pidfd_open(id, PidfdFlags::empty())? })
    }
}

impl Drop for Family {
    fn drop(&mut self) {
        // Stopped first, so that its children keep it as their parent. All of this takes milliseconds.
        if pidfd_send_signal(&self.program, Signal::STOP).is_ok() {
            end_below(self.id);
            // It may have ended already.
            let _ = pidfd_send_signal(&self.program, Signal::KILL);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Program<'static> {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        Program::new(command)
    }

    /// Whether a process ends; its new parent has reaped it or will.
    async fn gone(id: &[u8]) -> bool {
        let path = format!("/proc/{}/stat", String::from_utf8_lossy(id).trim());
        for _ in 0..1000 {
            let state = std::fs::read_to_string(&path).unwrap_or_default();
            if state.is_empty() || state.contains(") Z ") {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        false
    }

    #[tokio::test]
    async fn a_program_reads_its_input_and_its_output_is_bounded() {
        let output = shell("cat; echo said >&2; exit 3").input(b"longer").output(4).await.unwrap();
        assert_eq!((output.status.code(), &*output.out, &*output.err), (Some(3), &b"long"[..], &b"said"[..]));
        // More than a pipe holds, without a reader.
        let output = shell("exit 0").input(&[b'x'; 1 << 20]).output(4).await.unwrap();
        assert!(output.status.success() && output.out.is_empty());
        let output = shell("head -c 1000000 /dev/zero; cat").output(4).await.unwrap();
        assert_eq!(output.out, [0; 4]);
    }

    #[tokio::test]
    async fn streams_that_come_together_keep_their_order() {
        let output = shell("for i in 1 2 3; do echo o; echo e >&2; done").together().output(99).await.unwrap();
        assert_eq!((&*output.out, &*output.err), (&b"o\ne\no\ne\no\ne\n"[..], &b""[..]));
    }

    #[tokio::test]
    async fn a_program_that_takes_too_long_is_ended_with_its_children() {
        for program in [|program| program, Program::asks_people] {
            takes_too_long(program).await;
        }
    }

    async fn takes_too_long(program: fn(Program<'static>) -> Program<'static>) {
        let mut printed = Vec::new();
        let mut take = |bytes: Printed<'_>| {
            let (Printed::Out(bytes) | Printed::Err(bytes)) = bytes;
            printed.extend_from_slice(bytes);
            true
        };
        let second = Duration::from_secs(1);
        let error = program(shell("sleep 600 & echo $!; wait")).within(second).run(&mut take).await.unwrap_err();
        assert!(matches!(error, ProgramError::TooSlow(deadline) if deadline == second), "{error:?}");
        assert_eq!(io::Error::from(error).kind(), io::ErrorKind::TimedOut);
        assert!(gone(&printed).await);
    }

    #[tokio::test]
    async fn what_a_program_leaves_behind_is_ended() {
        let output = shell("sleep 600 & echo $!").output(99).await.unwrap();
        assert!(output.status.success() && gone(&output.out).await);
    }

    #[tokio::test]
    async fn a_program_that_prints_more_than_is_wanted_is_ended() {
        let mut taken = 0;
        let mut take = |printed: Printed<'_>| {
            let (Printed::Out(bytes) | Printed::Err(bytes)) = printed;
            taken += bytes.len();
            taken < 100_000
        };
        let status = shell("yes").run(&mut take).await.unwrap();
        assert!(!status.success() && (100_000..200_000).contains(&taken), "{status} {taken}");
    }

    #[tokio::test]
    async fn a_program_that_is_not_there_is_not_started() {
        let error = Program::new(Command::new("/no/such")).output(9).await.unwrap_err();
        assert!(matches!(&error, ProgramError::Start(source) if source.kind() == io::ErrorKind::NotFound), "{error:?}");
    }

    #[tokio::test]
    async fn only_a_program_that_asks_people_stays_in_the_hosts_group() {
        let group = "ps -o pgid= -p $$";
        let own = std::process::id();
        let host = std::process::Command::new("ps").args(["-o", "pgid=", "-p", &own.to_string()]).output().unwrap();
        let asks = shell(group).asks_people().output(99).await.unwrap();
        assert_eq!(asks.out, host.stdout);
        assert_ne!(shell(group).output(99).await.unwrap().out, host.stdout);
    }
}
