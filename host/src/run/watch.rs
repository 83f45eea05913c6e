//! What is watched while a script runs: its agent, its connection, its deadline, whoever cancels it, and trouble with
//! its outputs. Whatever happens becomes evidence; what to make of it is the outcome's.

use super::{LADDER, chain, lacking};
use crate::cancel::{Cancel, CancelLevel};
use crate::engine::{Container, RunImage};
use crate::event::{Event, Events};
use crate::input::Inputs;
use crate::kept::Keeping;
use crate::outcome::Evidence;
use crate::output::{Finished, OutputsHandle, Trouble, Writers};
use crate::secrets::Secrets;
use crate::session::{AgentEnd, Listener, Outgoing, ScriptEnd, ScriptSession, greet, open};
use longshore_protocol::{ConnectionError, Exit, Frame, ProtocolError, Role, RunFacts, ToAgent, ToScript};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::UnixStream;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

/// How long an agent may take to report after the last rung of the ladder, before its container is killed.
const REPORT_DEADLINE: Duration = Duration::from_secs(5);

/// How long an agent may take to bring back the working folder, as long as it gives itself, and then to report.
const KEEP_DEADLINE: Duration = Duration::from_secs(60 + 5);

/// How long the script's connection may stay open after everything in the container is dead.
const DRAIN_DEADLINE: Duration = Duration::from_secs(30);

/// What is watched while the script runs.
pub(super) struct Watch {
    pub(super) events: Events,
    pub(super) facts: RunFacts,
    pub(super) secrets: Secrets,
    pub(super) inputs: Arc<Inputs>,
    /// For the script's one connection.
    pub(super) outputs: Option<OutputsHandle>,
    pub(super) writers: Option<Writers>,
    pub(super) script: Option<JoinHandle<ScriptEnd>>,
    pub(super) troubles: mpsc::UnboundedReceiver<Trouble>,
    pub(super) remote: Outgoing,
    pub(super) level: CancelLevel,
    pub(super) deadline: Option<Instant>,
    pub(super) kill_at: Option<Instant>,
    pub(super) timeout: Option<Duration>,
    pub(super) started_at: Option<Instant>,
    pub(super) ended_at: Option<Instant>,
    pub(super) finished: Vec<Finished>,
    /// Hears when the script has ended and what it left comes.
    pub(super) keeps: Option<oneshot::Receiver<()>>,
    /// What the script left.
    pub(super) kept: Option<Box<Keeping>>,
    /// The image that it runs in.
    pub(super) image: Option<RunImage>,
    /// Whether the script printed that it could not import the SDK.
    pub(super) sdk_missing: bool,
}

impl Watch {
    /// Watches until the agent has reported, or is gone.
    pub(super) async fn until_exit(
        &mut self,
        mut listening: JoinHandle<AgentEnd>,
        starts: oneshot::Receiver<()>,
        listener: &Listener,
        cancel: &Cancel,
        container: &dyn Container,
        evidence: &mut Evidence,
    ) -> Option<Exit> {
        let mut starts = Some(starts);
        loop {
            let timer = [self.deadline, self.kill_at].into_iter().flatten().min();
            tokio::select! {
                end = &mut listening => return self.agent_ended(end.unwrap_or(AgentEnd::Lost), evidence),
                _ = async { starts.as_mut().expect("guarded by the condition").await }, if starts.is_some() => {
                    starts = None;
                    let now = Instant::now();
                    self.started_at = Some(now);
                    self.deadline = self.timeout.map(|timeout| now + timeout);
                    self.events.tell(Event::Started);
                }
                keeps = async { self.keeps.as_mut().expect("guarded by the condition").await }, if self.keeps.is_some() => {
                    self.keeps = None;
                    if keeps.is_ok() {
                        // The script's deadline is kept, and what comes now has one of its own.
                        let now = Instant::now();
                        self.ended_at = Some(now);
                        self.deadline = None;
                        self.kill_at = Some(now + KEEP_DEADLINE);
                    }
                }
                accepted = listener.accept() => match accepted {
                    Ok(socket) => self.connected(socket, evidence).await,
                    Err(error) => self.stop_at_once(evidence, |evidence| evidence.engine_failure = Some(error.to_string())).await,
                },
                ended = async { self.script.as_mut().expect("guarded by the condition").await }, if self.script.is_some() => {
                    self.script = None;
                    self.script_ended(ended.ok(), evidence).await;
                }
                Some(trouble) = self.troubles.recv() => self.in_trouble(trouble, evidence).await,
                level = cancel.beyond(self.level) => {
                    evidence.interrupted = true;
                    self.escalate(level).await;
                }
                () = sleep_until(timer), if timer.is_some() => {
                    let now = Instant::now();
                    if self.kill_at.is_some_and(|at| now >= at) {
                        // The agent did not end it, so the engine does; its connection then ends too.
                        self.kill_at = None;
                        let _ = container.kill().await;
                    }
                    if self.deadline.is_some_and(|at| now >= at) {
                        self.deadline = None;
                        evidence.deadline_ms = self.timeout.map(|timeout| timeout.as_millis());
                        self.escalate(CancelLevel::Gently).await;
                    }
                }
            }
        }
    }

    async fn connected(&mut self, socket: UnixStream, evidence: &mut Evidence) {
        let (mut incoming, outgoing) = open(socket);
        match greet(&mut incoming).await {
            Ok((hello, version)) if hello.role == Role::Script => match self.outputs.take() {
                Some(outputs) => {
                    let (facts, inputs, events) = (self.facts.clone(), Arc::clone(&self.inputs), self.events.clone());
                    let secrets = self.secrets.clone();
                    let session =
                        ScriptSession::welcome(incoming, outgoing, version, facts, inputs, outputs, events, secrets);
                    self.script = Some(tokio::spawn(session.await.serve()));
                }
                None => {
                    let reason =
                        "this run has its one connection already: make one Api, in one process, and pass it on".into();
                    let _ = outgoing.send(Frame::new(&ToScript::Refused { reason })).await;
                }
            },
            Ok(_) => {
                let reason = "expected a script, received a second agent";
                self.stop_at_once(evidence, |evidence| evidence.violation = Some(reason.into())).await;
            }
            Err(ConnectionError::Protocol(ProtocolError::Version(mismatch))) => {
                let reason = mismatch.to_string();
                let _ = outgoing.send(Frame::new(&ToScript::Refused { reason })).await;
            }
            Err(ConnectionError::Protocol(error)) => {
                self.stop_at_once(evidence, |evidence| evidence.violation = Some(error.to_string())).await;
            }
            // Whoever connects and goes away does no harm.
            Err(_) => {}
        }
    }

    async fn script_ended(&mut self, ended: Option<ScriptEnd>, evidence: &mut Evidence) {
        let Some(end) = ended else {
            self.stop_at_once(evidence, |evidence| evidence.engine_failure = Some("the script's session broke".into()))
                .await;
            return;
        };
        evidence.verdict = end.verdict;
        evidence.uncaught = end.uncaught;
        // Of a run that is being ended nothing is published: its writers stop when they are dropped.
        if let Some(writers) = self.writers.take().filter(|_| self.level == CancelLevel::None) {
            for output in writers.finish().await {
                if let Some(spoiled) = &output.spoiled {
                    evidence.spoiled_output.get_or_insert_with(|| spoiled.clone());
                }
                self.finished.push(output);
            }
        }
        if let Some(violation) = end.violation {
            self.stop_at_once(evidence, |evidence| evidence.violation = Some(violation)).await;
        }
    }

    /// After the agent's last word: everything in the container is dead, so what the script sent is all there will be.
    pub(super) async fn drain(mut self, evidence: &mut Evidence) -> Vec<Finished> {
        if let Some(script) = self.script.take() {
            let ended = tokio::time::timeout(DRAIN_DEADLINE, script).await;
            self.script_ended(ended.ok().and_then(Result::ok), evidence).await;
        }
        while let Ok(trouble) = self.troubles.try_recv() {
            note_trouble(trouble, evidence);
        }
        self.finished
    }

    async fn in_trouble(&mut self, trouble: Trouble, evidence: &mut Evidence) {
        self.stop_at_once(evidence, |evidence| note_trouble(trouble, evidence)).await;
    }

    async fn stop_at_once(&mut self, evidence: &mut Evidence, note: impl FnOnce(&mut Evidence)) {
        note(evidence);
        self.escalate(CancelLevel::AtOnce).await;
    }

    async fn escalate(&mut self, level: CancelLevel) {
        if level <= self.level {
            return;
        }
        self.level = level;
        self.events.tell(Event::Ending);
        let (message, patience) = match level {
            CancelLevel::AtOnce => (ToAgent::Kill, Duration::ZERO),
            CancelLevel::Gently | CancelLevel::None => {
                let ladder = u64::from(LADDER.interrupt_ms) + u64::from(LADDER.terminate_ms);
                (ToAgent::Cancel, Duration::from_millis(ladder))
            }
        };
        self.kill_at = Some(Instant::now() + patience + REPORT_DEADLINE);
        // An agent that is gone is seen by its reader.
        let _ = self.remote.send(Frame::new(&message)).await;
    }

    fn agent_ended(&mut self, end: AgentEnd, evidence: &mut Evidence) -> Option<Exit> {
        match end {
            AgentEnd::Exited { exit, kept, sdk_missing } => {
                self.kept = kept;
                self.sdk_missing = sdk_missing;
                evidence.status = Some(exit.status);
                evidence.out_of_memory = exit.out_of_memory;
                Some(exit)
            }
            AgentEnd::Failed(reason) => {
                lacking::not_started(self.image.as_ref(), reason, evidence);
                None
            }
            AgentEnd::Lost => {
                evidence.engine_failure.get_or_insert_with(|| "the agent is gone without a report".into());
                None
            }
            AgentEnd::Violation(error) => {
                evidence.violation = Some(chain(&error));
                None
            }
        }
    }
}

fn note_trouble(trouble: Trouble, evidence: &mut Evidence) {
    match trouble {
        Trouble::Violation(reason) => evidence.violation = Some(reason),
        Trouble::Limit(reason) => evidence.limit = Some(reason),
        Trouble::Write(reason) => evidence.write_failure = Some(reason),
        Trouble::ReaderGone => evidence.reader_gone = true,
    }
}

async fn sleep_until(at: Option<Instant>) {
    if let Some(at) = at {
        tokio::time::sleep_until(at.into()).await;
    }
}
