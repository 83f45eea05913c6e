//! One run, from Hello to the exit report: an event loop over the host's socket, the script's pipes, the reaper and
//! the signals sent to the agent. It waits for events only, never for time alone, except the ladder's deadlines.
//!
//! The host's socket is written without blocking, one piece of output at a time: while the host does not read, the
//! script waits on its pipe, and a Cancel still gets through.

mod ending;
mod holding;
mod send_kept;
mod starting;

use crate::capture::{Budget, Pipe};
use crate::error::AgentError;
use crate::keep::{Keeper, Unchanged};
use crate::ladder::Ladder;
use crate::memory_kills;
use crate::reaper::Reaper;
use crate::spawn;
use longshore_protocol::{
    Begin, CancelLadder, ConnectionError, Exit, ExitStatus, Frame, FromAgent, Hello, Message, PREPARES, Payload,
    ProtocolError, Receiver, Role, Sender, Sending, SocketConnection, Software, ToAgent, Usage, VersionRange,
    send_once,
};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::signal::{SigSet, Signal as Caught};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{DumpableBehavior, Pid, set_child_subreaper, set_dumpable_behavior};
use starting::Greeted;
use std::collections::{BTreeSet, VecDeque};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::Child;
use std::time::{Duration, Instant};

/// How long pipes are read after every process that could write to them was killed.
const DRAIN: Duration = Duration::from_millis(500);

/// How long the host may take to close the connection after the exit report.
const GOODBYE: Duration = Duration::from_secs(5);

/// Runs the host's script, and reports how it ended.
pub(crate) fn run(socket: &Path) -> Result<(), AgentError> {
    let signals = prepare_process()?;
    let mut connection =
        SocketConnection::connect(socket).map_err(|source| AgentError::Connect { path: socket.to_owned(), source })?;
    say_hello(&mut connection)?;
    let first = expect(&mut connection.receiver)?.0;
    let greeted = Greeted { connection, signals, socket };
    match first {
        ToAgent::Begin(begin) => greeted.run(&begin),
        ToAgent::Prepare(prepare) => greeted.prepare(&prepare),
        other => Err(unexpected("begin or prepare", &other)),
    }
}

fn prepare_process() -> Result<SignalFd, AgentError> {
    let failed = |call| move |errno: rustix::io::Errno| AgentError::system(call)(errno.into());
    // A script may have the same user id: it must not trace the agent, nor open its descriptors through /proc.
    set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(failed("prctl(PR_SET_DUMPABLE)"))?;
    set_child_subreaper(Some(rustix::process::getpid())).map_err(failed("prctl(PR_SET_CHILD_SUBREAPER)"))?;
    let mut caught = SigSet::empty();
    caught.add(Caught::SIGTERM);
    caught.add(Caught::SIGINT);
    caught.thread_block().map_err(|errno| AgentError::system("sigprocmask")(errno.into()))?;
    SignalFd::with_flags(&caught, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)
        .map_err(|errno| AgentError::system("signalfd")(errno.into()))
}

fn say_hello(connection: &mut SocketConnection<ToAgent>) -> Result<(), AgentError> {
    let hello = Hello {
        role: Role::Agent,
        protocol: VersionRange::SUPPORTED,
        software: Software { name: "longshore-agent".into(), version: env!("CARGO_PKG_VERSION").into() },
        descriptors: connection.passes_descriptors(),
        capabilities: vec![PREPARES.into()],
    };
    connection.sender.send(&hello)?;
    match expect(&mut connection.receiver)? {
        (ToAgent::Welcome { descriptors, .. }, _) => {
            Ok(connection.agree(descriptors).map_err(ConnectionError::from)?)
        }
        (ToAgent::Refused { reason }, _) => Err(AgentError::Refused { reason }),
        (other, _) => Err(unexpected("welcome", &other)),
    }
}

fn expect(receiver: &mut Receiver<ToAgent>) -> Result<(ToAgent, Payload), AgentError> {
    receiver.receive()?.ok_or(AgentError::HostGone)
}

fn unexpected(expected: &'static str, received: &ToAgent) -> AgentError {
    let received = String::from_utf8_lossy(&received.to_json()).into_owned();
    ConnectionError::from(ProtocolError::Unexpected { expected, received }).into()
}

/// Waits for the host to close the connection, after it has read everything.
fn goodbye(connection: &SocketConnection<ToAgent>) -> Result<(), AgentError> {
    let until = Instant::now() + GOODBYE;
    loop {
        let mut polled = [PollFd::new(&connection.receiver, PollFlags::RDHUP)];
        let left = until.saturating_duration_since(Instant::now());
        match poll(&mut polled, Some(&timespec(left))) {
            Err(rustix::io::Errno::INTR) => {}
            Err(errno) => return Err(AgentError::system("poll")(errno.into())),
            Ok(_) => return Ok(()),
        }
    }
}

/// A running script, or processes that it left behind.
struct Running {
    sender: Sender,
    receiver: Receiver<ToAgent>,
    signals: SignalFd,
    reaper: Reaper,
    pipes: Vec<Pipe>,
    script: Option<Pid>,
    ladder: Ladder,
    budget: Budget,
    outgoing: VecDeque<Sending>,
    status: Option<ExitStatus>,
    /// The host wants to know when the script has ended.
    tell_end: bool,
    /// Processes that outlived the script, and were killed.
    left_behind: BTreeSet<i32>,
    /// When all processes are killed again, after the last rung or the script's end.
    kill_again: Option<Instant>,
    all_gone: bool,
    started: Instant,
    /// The pipe that lets a prepared interpreter go on; it stays open until the end.
    go: Option<OwnedFd>,
    /// Processor time that the interpreter had used before, in seconds.
    used: f64,
    memory_kills: u64,
    /// Reads the files that the script left in its folder, where the host wants them.
    keeper: Option<Keeper>,
    /// The host has asked for an end.
    told_to_end: bool,
}

impl Running {
    fn new(connection: SocketConnection<ToAgent>, signals: SignalFd, mut child: Child) -> Result<Self, AgentError> {
        let SocketConnection { sender, receiver } = connection;
        let stdout = child.stdout.take().map(Pipe::Stdout);
        let stderr = child.stderr.take().map(Pipe::Stderr);
        let running = Self {
            sender,
            receiver,
            signals,
            reaper: Reaper::start()?,
            pipes: stdout.into_iter().chain(stderr).collect(),
            script: spawn::pid(&child),
            ladder: Ladder::new(CancelLadder { interrupt_ms: 0, terminate_ms: 0 }),
            budget: Budget::new(0),
            outgoing: VecDeque::new(),
            status: None,
            tell_end: false,
            left_behind: BTreeSet::new(),
            kill_again: None,
            all_gone: false,
            started: Instant::now(),
            go: None,
            used: 0.0,
            memory_kills: memory_kills::count(),
            keeper: None,
            told_to_end: false,
        };
        running.block_on_host(false)?;
        Ok(running)
    }

    /// Begins a run, whose interpreter has used this much processor time before, in seconds.
    fn begin(&mut self, begin: &Begin, unchanged: Unchanged, used: f64) -> Result<(), AgentError> {
        (self.started, self.used, self.memory_kills) = (Instant::now(), used, memory_kills::count());
        self.ladder = Ladder::new(begin.ladder);
        self.budget = Budget::new(begin.log_bytes);
        self.tell_end = begin.tell_end;
        self.keeper = begin.keep.map(|limits| Keeper::new(&begin.folder, limits, unchanged));
        let pid = self.script.map_or(0, |script| script.as_raw_nonzero().get().unsigned_abs());
        self.queue(Frame::new(&FromAgent::Started { pid }))
    }

    /// Whether reading from the host waits for it.
    fn block_on_host(&self, blocks: bool) -> Result<(), AgentError> {
        rustix::io::ioctl_fionbio(&self.receiver, !blocks).map_err(|errno| AgentError::system("ioctl")(errno.into()))
    }

    /// Watches a run whose beginning had this outcome to its end.
    fn run(mut self, begun: Result<(), AgentError>) -> Result<(), AgentError> {
        let outcome =
            begun.and_then(|()| self.watch_script()).and_then(|()| self.send_kept()).and_then(|()| self.report());
        if outcome.is_err() {
            self.end_everything()?;
        }
        outcome
    }

    /// Ends everything, and reports why there is no run.
    fn fail(mut self, reason: String) -> Result<(), AgentError> {
        self.end_everything()?;
        self.queue(Frame::new(&FromAgent::Failed { reason }))?;
        self.wait_for_goodbye()
    }

    fn watch_script(&mut self) -> Result<(), AgentError> {
        let mut drain_until = None;
        loop {
            let now = Instant::now();
            if let Some(rung) = self.ladder.due(now) {
                self.climb(rung);
            }
            self.kill_if_due(now);
            if self.all_gone {
                let until = *drain_until.get_or_insert(now + DRAIN);
                if self.pipes.is_empty() || now >= until {
                    return Ok(());
                }
            }
            let deadlines = [self.ladder.deadline(), self.kill_again, drain_until];
            let timeout = deadlines.into_iter().flatten().min().map(|at| timespec(at.saturating_duration_since(now)));
            self.wait_and_handle(timeout.as_ref())?;
        }
    }

    fn wait_and_handle(&mut self, timeout: Option<&Timespec>) -> Result<(), AgentError> {
        let socket_events = if self.outgoing.is_empty() { PollFlags::IN } else { PollFlags::IN | PollFlags::OUT };
        let reaper_events = if self.all_gone { PollFlags::empty() } else { PollFlags::IN };
        let mut polled = vec![
            PollFd::new(&self.receiver, socket_events),
            PollFd::new(&self.signals, PollFlags::IN),
            PollFd::new(&self.reaper, reaper_events),
        ];
        if self.outgoing.is_empty() {
            polled.extend(self.pipes.iter().map(|pipe| PollFd::new(pipe, PollFlags::IN)));
        }
        match poll(&mut polled, timeout) {
            Err(rustix::io::Errno::INTR) => return Ok(()),
            other => other.map_err(|errno| AgentError::system("poll")(errno.into()))?,
        };
        let ready: Vec<PollFlags> = polled.iter().map(PollFd::revents).collect();
        drop(polled);
        if ready[0].contains(PollFlags::OUT) {
            self.flush()?;
        }
        if ready[0].intersects(PollFlags::IN | PollFlags::HUP | PollFlags::ERR) {
            self.hear_host()?;
        }
        if ready[1].contains(PollFlags::IN) {
            while let Ok(Some(_)) = self.signals.read_signal() {}
            self.ladder.start(Instant::now());
        }
        if !self.all_gone && ready[2].intersects(PollFlags::IN | PollFlags::HUP) {
            self.take_reaped()?;
        }
        // Back to front, so that removing a pipe does not move those still to be read.
        for index in (0..ready.len().saturating_sub(3)).rev() {
            if !ready[index + 3].is_empty() {
                self.read_pipe(index)?;
            }
        }
        Ok(())
    }

    fn hear_host(&mut self) -> Result<(), AgentError> {
        loop {
            match self.receiver.receive() {
                Ok(None) => return Err(AgentError::HostGone),
                Err(ConnectionError::Io { source, .. }) if source.kind() == std::io::ErrorKind::WouldBlock => {
                    return Ok(());
                }
                Err(ConnectionError::Io { .. } | ConnectionError::Truncated) => return Err(AgentError::HostGone),
                Err(error) => return Err(error.into()),
                Ok(Some((ToAgent::Cancel, _))) => {
                    self.told_to_end = true;
                    self.ladder.start(Instant::now());
                }
                Ok(Some((ToAgent::Kill, _))) => {
                    self.told_to_end = true;
                    self.ladder.skip_to_kill(Instant::now());
                }
                Ok(Some((other, _))) => return Err(unexpected("cancel or kill", &other)),
            }
        }
    }

    fn read_pipe(&mut self, index: usize) -> Result<(), AgentError> {
        let mut bytes = Vec::new();
        let pipe = &mut self.pipes[index];
        let source = pipe.source();
        match pipe.read(&mut bytes) {
            Ok(None) | Err(_) => drop(self.pipes.remove(index)),
            Ok(Some(length)) => {
                bytes.truncate(self.budget.spend(source, length));
                if !bytes.is_empty() {
                    self.queue(Frame::with(&FromAgent::Log { source }, Payload::Inline(bytes)))?;
                }
            }
        }
        Ok(())
    }

    fn queue(&mut self, frame: Frame) -> Result<(), AgentError> {
        self.outgoing.push_back(Sending::new(frame).map_err(ConnectionError::from)?);
        self.flush()
    }

    fn flush(&mut self) -> Result<(), AgentError> {
        while let Some(first) = self.outgoing.front_mut() {
            match send_once(&self.sender, first) {
                Ok(()) if first.is_done() => drop(self.outgoing.pop_front()),
                Ok(()) => {}
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return Ok(()),
                Err(_) => return Err(AgentError::HostGone),
            }
        }
        Ok(())
    }

    fn report(&mut self) -> Result<(), AgentError> {
        let usage = getrusage(UsageWho::RUSAGE_CHILDREN).map_err(|e| AgentError::system("getrusage")(e.into()))?;
        let seconds = |time: nix::sys::time::TimeVal| {
            Duration::from_micros(u64::try_from(time.tv_sec() * 1_000_000 + time.tv_usec()).unwrap_or(0)).as_secs_f64()
        };
        let exit = Exit {
            status: self.status.unwrap_or(ExitStatus::Signal(9)),
            out_of_memory: memory_kills::count() > self.memory_kills,
            usage: Usage {
                cpu_seconds: (seconds(usage.user_time()) + seconds(usage.system_time()) - self.used).max(0.0),
                wall_seconds: self.started.elapsed().as_secs_f64(),
                peak_memory_bytes: u64::try_from(usage.max_rss()).unwrap_or(0) * 1024,
            },
            dropped: self.budget.dropped(),
            left_behind: u32::try_from(self.left_behind.len()).unwrap_or(u32::MAX),
            left_out: self.keeper.as_ref().map(Keeper::left_out),
        };
        self.queue(Frame::new(&FromAgent::Exited(exit)))?;
        self.wait_for_goodbye()
    }

    /// Sends the rest, and waits for the host to close the connection.
    fn wait_for_goodbye(&mut self) -> Result<(), AgentError> {
        let until = Instant::now() + GOODBYE;
        loop {
            let events = if self.outgoing.is_empty() { PollFlags::RDHUP } else { PollFlags::RDHUP | PollFlags::OUT };
            let mut polled = [PollFd::new(&self.receiver, events)];
            match poll(&mut polled, Some(&timespec(until.saturating_duration_since(Instant::now())))) {
                Err(rustix::io::Errno::INTR) => continue,
                Err(errno) => return Err(AgentError::system("poll")(errno.into())),
                Ok(0) => return Ok(()),
                Ok(_) => {}
            }
            let ready = polled[0].revents();
            if ready.intersects(PollFlags::RDHUP | PollFlags::HUP | PollFlags::ERR) {
                return Ok(());
            }
            self.flush()?;
        }
    }
}

fn timespec(duration: Duration) -> Timespec {
    Timespec { tv_sec: i64::try_from(duration.as_secs()).unwrap_or(i64::MAX), tv_nsec: duration.subsec_nanos().into() }
}
