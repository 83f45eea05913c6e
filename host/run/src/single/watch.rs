//! Watches a run from the agent's Hello until everything has ended: its agent, its script's connection, its writers,
//! its deadline, and its cancellation. Every event becomes evidence; `outcome` decides on it.
//!
//! Nothing is awaited here that a container, a script, an engine, a disk or a reader of events can delay: each of them
//! has a task of its own, which is aborted at its deadline.

use super::LADDER;
use crate::connection::{Outgoing, say};
use crate::container::missing_sdk;
use crate::hints::Printed;
use crate::input::Inputs;
use crate::kept::WorkdirCapture;
use crate::output::{Finished, OutputFailure, Writers};
use crate::session::{Acceptor, AgentEnd, AgentWord, Peer, ScriptEnd, ScriptSession, Served};
use longshore_engine::task::{Task, next};
use longshore_engine::{Container, Ended, EngineError, RunImage};
use longshore_model::cancel::{Cancel, CancelLevel};
use longshore_model::causes::chain;
use longshore_model::event::{Event, Events};
use longshore_model::note::Note;
use longshore_model::outcome::Evidence;
use longshore_model::redact::Secrets;
use longshore_protocol::{Exit, Frame, ProtocolError, Role, RunFacts, ToAgent, ToScript};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc::{self, error::TrySendError};

/// Minimum time for an agent to start the script, however short the script's limit is: it gets the block's files first.
const START_MIN: Duration = Duration::from_secs(2);

/// How long an agent may take to report after the last step of the ladder, before its container is killed.
const REPORT_DEADLINE: Duration = Duration::from_secs(1);

/// How long an engine may take to kill a container, before the run ends without it.
const KILL_DEADLINE: Duration = Duration::from_secs(10);

/// How long an agent may take to end the processes that the script left behind, and to report.
const END_DEADLINE: Duration = Duration::from_secs(10);

/// How long an agent may take to send the working folder (its own limit, 60 s), and then to report.
const KEEP_DEADLINE: Duration = Duration::from_secs(60 + 5);

/// How long connections may stay open after the container's end: their remaining data is in memory.
const DRAIN_DEADLINE: Duration = Duration::from_secs(15);

/// A run whose agent has connected.
pub(super) struct Watch<'a> {
    pub(super) events: Events,
    pub(super) cancel: &'a Cancel,
    pub(super) container: &'a dyn Container,
    pub(super) acceptor: &'a mut Acceptor,
    /// Sends the agent what to run.
    pub(super) starting: Option<Task<std::io::Result<()>>>,
    /// Listens to the agent until its end.
    pub(super) agent: Option<Task<AgentEnd>>,
    /// The agent's reports before its end.
    pub(super) words: mpsc::Receiver<AgentWord>,
    /// Tells the agent to end.
    pub(super) remote: Outgoing,
    /// For the script's one connection.
    pub(super) welcome: Option<Welcome>,
    pub(super) writers: Option<Writers>,
    pub(super) troubles: mpsc::UnboundedReceiver<OutputFailure>,
    pub(super) timeout: Option<Duration>,
    /// The image that it runs in.
    pub(super) image: Option<RunImage>,
}

/// The data for a script that connects.
pub(super) struct Welcome {
    pub(super) facts: RunFacts,
    pub(super) inputs: Arc<Inputs>,
    pub(super) secrets: Secrets,
    /// Bytes of its messages and errors that are passed on.
    pub(super) text_bytes: u64,
}

/// The result of watching.
#[derive(Default)]
pub(super) struct Watched {
    pub(super) evidence: Evidence,
    pub(super) exit: Option<Exit>,
    pub(super) finished: Vec<Finished>,
    pub(super) started_at: Option<Instant>,
    pub(super) ended_at: Option<Instant>,
    /// The kept files.
    pub(super) kept: Option<Box<WorkdirCapture>>,
    /// Whether the script printed that it could not import the SDK.
    pub(super) sdk_missing: bool,
    /// The end of the script's standard error.
    pub(super) printed: Printed,
    /// Whether the script connected, as the SDK's Api does.
    pub(super) script_connected: bool,
    /// Inputs that it read, and that have no table.
    pub(super) unconnected: BTreeSet<u32>,
    pub(super) notes: Vec<Note>,
}

/// The run while it is watched.
struct Watching<'a> {
    run: Watch<'a>,
    seen: Watched,
    script: Option<Task<ScriptEnd>>,
    finishing: Option<Task<Vec<Finished>>>,
    container_ends: Option<Task<Ended>>,
    killing: Option<Task<Result<(), EngineError>>>,
    /// Sends a message to an agent whose queue was full.
    telling: Option<Task<()>>,
    level: CancelLevel,
    /// The script's.
    deadline: Option<Instant>,
    /// When the engine kills the container.
    kill_at: Option<Instant>,
    /// Whether the agent is ending the processes that the script left behind.
    cleaning: bool,
    /// When waiting ends.
    give_up_at: Option<Instant>,
}

impl Watch<'_> {
    /// Watches until everything has ended, or was abandoned.
    pub(super) async fn watch(self) -> Watched {
        let container_ends = Some(Task::spawn(self.container.wait()));
        // An agent may take as long to start the script as the script may run; the limit counts anew from its start.
        let deadline = self.timeout.map(|timeout| Instant::now() + timeout.max(START_MIN));
        let mut watching = Watching {
            run: self,
            seen: Watched::default(),
            script: None,
            finishing: None,
            container_ends,
            killing: None,
            telling: None,
            level: CancelLevel::None,
            deadline,
            kill_at: None,
            cleaning: false,
            give_up_at: None,
        };
        while !watching.is_over() {
            watching.step().await;
        }
        while let Ok(trouble) = watching.run.troubles.try_recv() {
            trouble.note(&mut watching.seen.evidence);
        }
        watching.seen
    }
}

impl Watching<'_> {
    fn is_over(&self) -> bool {
        self.run.agent.is_none() && self.script.is_none() && self.run.writers.is_none() && self.finishing.is_none()
    }

    /// Waits for the next event, and handles it. No arm awaits anything more.
    async fn step(&mut self) {
        let timer = [self.deadline, self.kill_at, self.give_up_at].into_iter().flatten().min();
        tokio::select! {
            end = next(&mut self.run.agent) => self.agent_ended(end.unwrap_or_else(AgentEnd::lost)),
            started = next(&mut self.run.starting) => self.was_started(started),
            Some(word) = self.run.words.recv() => self.heard(word),
            peer = self.run.acceptor.next() => self.connected(peer),
            end = next(&mut self.script) => self.script_ended(end),
            finished = next(&mut self.finishing) => self.written(finished),
            Some(trouble) = self.run.troubles.recv() => {
                trouble.note(&mut self.seen.evidence);
                self.escalate(CancelLevel::AtOnce);
            }
            level = self.run.cancel.beyond(self.level) => {
                self.seen.evidence.interrupted = true;
                self.escalate(level);
            }
            _ = next(&mut self.container_ends) => {
                // Its connections may still carry data; after that nothing can have them open.
                self.kill_by(Instant::now() + DRAIN_DEADLINE);
            }
            killed = next(&mut self.killing) => {
                let failed = killed.and_then(Result::err);
                self.seen.notes.extend(failed.map(|error| Note::new(chain(&error), error.remedy())));
            }
            _ = next(&mut self.telling) => {}
            () = sleep_until(timer), if timer.is_some() => self.time_is_over(Instant::now()),
        }
    }

    fn was_started(&mut self, started: Option<std::io::Result<()>>) {
        let reason = match started {
            Some(Ok(())) => return,
            Some(Err(error)) => error.to_string(),
            None => "reading ended early".into(),
        };
        self.broke(format!("cannot read the block's files: {reason}"));
    }

    fn heard(&mut self, word: AgentWord) {
        let now = Instant::now();
        // A script that has ended met its deadline; the later phases have deadlines of their own.
        match word {
            AgentWord::Started => {
                self.seen.started_at = Some(now);
                self.seen.evidence.started = true;
                if !self.is_ending() {
                    self.deadline = self.run.timeout.map(|timeout| now + timeout);
                }
                self.run.events.tell(Event::Started);
            }
            AgentWord::Ended(status) => {
                (self.cleaning, self.deadline) = (true, None);
                self.seen.ended_at = Some(now);
                self.seen.evidence.status = Some(status);
                self.kill_by(now + END_DEADLINE);
            }
            AgentWord::Keeps => {
                (self.cleaning, self.deadline) = (false, None);
                self.seen.ended_at.get_or_insert(now);
                self.kill_at = Some(now + KEEP_DEADLINE);
            }
        }
    }

    fn connected(&mut self, peer: Peer) {
        match peer {
            Peer::Greeted { role: Role::Script, protocol, incoming, outgoing, .. } => {
                let Some((welcome, writers)) = self.run.welcome.take().zip(self.run.writers.as_ref()) else {
                    let reason =
                        "this run has its one connection already: make one Api, in one process, and pass it on";
                    say(&outgoing, &ToScript::Refused { reason: reason.into() });
                    return;
                };
                let Welcome { facts, inputs, secrets, text_bytes } = welcome;
                let (outputs, events) = (writers.handle(), self.run.events.clone());
                let served = Served { inputs, outputs, events, secrets, text_bytes };
                let session = ScriptSession::welcome(incoming, outgoing, protocol, facts, served);
                self.script = Some(Task::spawn(session.serve()));
                self.seen.script_connected = true;
            }
            Peer::Greeted { .. } => self.violated("expected a script, received a second agent".into()),
            Peer::Strange { error: ProtocolError::Version(mismatch), outgoing } => {
                say(&outgoing, &ToScript::Refused { reason: mismatch.to_string() });
            }
            Peer::Strange { error, .. } => self.violated(error.to_string()),
            Peer::Broken(error) => self.broke(format!("cannot accept connections to the run: {error}")),
        }
    }

    fn broke(&mut self, reason: String) {
        self.seen.evidence.engine_failure = Some(reason);
        self.escalate(CancelLevel::AtOnce);
    }

    fn violated(&mut self, reason: String) {
        self.seen.evidence.violation = Some(reason);
        self.escalate(CancelLevel::AtOnce);
    }

    /// The script's connection has ended: its outputs can be finished.
    fn script_ended(&mut self, ended: Option<ScriptEnd>) {
        self.finish_outputs();
        let Some(end) = ended else {
            return self.broke("the script's session ended early".into());
        };
        self.seen.evidence.verdict = end.verdict;
        self.seen.evidence.uncaught = end.uncaught;
        self.seen.unconnected = end.unconnected;
        self.seen.notes.extend(end.notes.into_iter().map(Note::from));
        if let Some(violation) = end.violation {
            self.violated(violation);
        }
        end.unwritable.into_iter().for_each(|reason| self.broke(reason));
    }

    fn finish_outputs(&mut self) {
        // A run that is being ended publishes nothing: its writers stop when they are dropped.
        if let Some(writers) = self.run.writers.take().filter(|_| !self.is_ending()) {
            self.finishing = Some(Task::spawn(writers.finish()));
        }
    }

    fn written(&mut self, finished: Option<Vec<Finished>>) {
        let Some(finished) = finished else {
            self.seen.evidence.write_failure = Some("the outputs' writers ended early".into());
            return;
        };
        for output in &finished {
            if let Some(spoiled) = &output.spoiled {
                self.seen.evidence.spoiled_output.get_or_insert_with(|| spoiled.clone());
            }
        }
        self.seen.finished = finished;
    }

    fn agent_ended(&mut self, end: AgentEnd) {
        // Everything in the container is dead, or about to be: there is nothing more to send.
        (self.run.starting, self.telling, self.kill_at) = (None, None, None);
        self.seen.ended_at.get_or_insert_with(Instant::now);
        let evidence = &mut self.seen.evidence;
        match end {
            AgentEnd::Exited { exit, kept, sdk_missing, printed } => {
                (self.seen.kept, self.seen.sdk_missing, self.seen.printed) = (kept, sdk_missing, printed);
                evidence.status = Some(exit.status);
                evidence.out_of_memory = exit.out_of_memory;
                self.seen.exit = Some(exit);
            }
            AgentEnd::Failed(reason) => missing_sdk::not_started(self.run.image.as_ref(), reason, evidence),
            AgentEnd::Lost(reason) => {
                evidence.agent_lost = true;
                evidence.engine_failure.get_or_insert(reason);
            }
            AgentEnd::Violation(error) => evidence.violation = Some(chain(&error)),
        }
        self.give_up_by(Instant::now() + if self.is_ending() { REPORT_DEADLINE } else { DRAIN_DEADLINE });
        if self.script.is_none() {
            self.finish_outputs();
        }
    }

    fn escalate(&mut self, level: CancelLevel) {
        if level <= self.level {
            return;
        }
        self.level = level;
        self.run.events.tell(Event::Ending);
        let now = Instant::now();
        if self.run.agent.is_none() {
            // The agent has ended already: only the script's last data is waited for.
            self.give_up_by(now + REPORT_DEADLINE);
            return;
        }
        let (message, patience) = match level {
            CancelLevel::AtOnce => (ToAgent::Kill, Duration::ZERO),
            CancelLevel::Gently | CancelLevel::None => {
                let ladder = u64::from(LADDER.interrupt_ms) + u64::from(LADDER.terminate_ms);
                (ToAgent::Cancel, Duration::from_millis(ladder))
            }
        };
        self.kill_at = Some(now + patience + REPORT_DEADLINE);
        self.run.starting = None;
        if let Err(TrySendError::Full(frame)) = self.run.remote.try_send(Frame::new(&message)) {
            let remote = self.run.remote.clone();
            // The reader notices a closed connection.
            self.telling = Some(Task::spawn(async move { drop(remote.send(frame).await) }));
        }
    }

    fn time_is_over(&mut self, now: Instant) {
        let passed = |at: &mut Option<Instant>| at.take_if(|at| now >= *at).is_some();
        if passed(&mut self.deadline) {
            self.seen.evidence.deadline_ms = self.run.timeout.map(|timeout| timeout.as_millis());
            self.escalate(CancelLevel::Gently);
        }
        if passed(&mut self.kill_at) {
            if self.cleaning && !self.is_ending() {
                let reason = format!("processes of the script did not end within {} s", END_DEADLINE.as_secs());
                self.seen.evidence.limit.get_or_insert(reason);
            }
            // The agent did not end the container, so the engine kills it; its connections then end too.
            self.killing = Some(Task::spawn(self.run.container.kill()));
            self.give_up_by(now + KILL_DEADLINE);
        }
        if passed(&mut self.give_up_at) {
            self.give_up();
        }
    }

    fn kill_by(&mut self, at: Instant) {
        self.kill_at = Some(self.kill_at.map_or(at, |known| known.min(at)));
    }

    fn give_up_by(&mut self, at: Instant) {
        self.give_up_at = Some(self.give_up_at.map_or(at, |known| known.min(at)));
    }

    /// Ends the remaining connections, and also the writers if the run is being ended. Otherwise a slow disk may take
    /// its time.
    fn give_up(&mut self) {
        if self.run.agent.take().is_some() {
            self.agent_ended(AgentEnd::lost());
        }
        if self.script.take().is_some() {
            self.script_ended(None);
        }
        if self.is_ending() {
            // Writers that hang are left behind and reported.
            (self.run.writers, self.finishing) = (None, None);
        }
        self.give_up_at = None;
    }

    /// Whether the run was told to end.
    fn is_ending(&self) -> bool {
        self.level > CancelLevel::None
    }
}

async fn sleep_until(at: Option<Instant>) {
    if let Some(at) = at {
        tokio::time::sleep_until(at.into()).await;
    }
}
