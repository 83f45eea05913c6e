//! One run, from its first check to its last clean-up: an engine, a container, an agent, a script, an outcome, and
//! outputs that are published only on success.

use crate::cancel::{Cancel, CancelLevel};
use crate::engine::{self, Container, Engine, EngineError, EngineKind, ImageId, Launch, Workplace};
use crate::event::{Event, Events};
use crate::outcome::{Evidence, Outcome, decide};
use crate::output::{Finished, Outputs, Pending, Trouble};
use crate::place::Place;
use crate::record::{OutputRecord, RunRecord, Timings};
use crate::session::{AgentEnd, AgentSession, Outgoing, ScriptEnd, ScriptSession, greet, open};
use crate::settings::Settings;
use crate::spec::Prepared;
use longshore_protocol::{
    Begin, CancelLadder, ConnectionError, Dropped, Exit, Frame, Role, RunFacts, ToAgent, ToScript,
};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::UnixListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

/// How long a container may take until its agent has connected. A cold page cache and a busy disk take seconds.
const CONNECT_DEADLINE: Duration = Duration::from_secs(60);

/// The ladder of a cancellation: Python has its exception in milliseconds; a script that tidies up gets seconds.
const LADDER: CancelLadder = CancelLadder { interrupt_ms: 3000, terminate_ms: 2000 };

/// How long an agent may take to report after the last rung of the ladder, before its container is killed.
const REPORT_DEADLINE: Duration = Duration::from_secs(5);

/// How long the script's connection may stay open after everything in the container is dead.
const DRAIN_DEADLINE: Duration = Duration::from_secs(30);

/// How long a container may take to be gone after its end.
const GONE_DEADLINE: Duration = Duration::from_secs(30);

/// Runs a block. Whatever happens is in the record; nothing of the run is left when this returns.
pub async fn run(prepared: Prepared, settings: &Settings, events: Events, cancel: &Cancel) -> RunRecord {
    let begun = Instant::now();
    let run_id = new_run_id();
    let mut run = Run { prepared, settings, events, cancel, begun, run_id, timings: Timings::default() };
    let (kind, image, result) = run.execute().await;
    let (evidence, finished, exit) = match result {
        Ok(ended) => ended,
        Err(error) => (Evidence { engine_failure: Some(chain(&error)), ..Evidence::default() }, Vec::new(), None),
    };
    run.conclude(kind, image, &evidence, finished, exit).await
}

struct Run<'a> {
    prepared: Prepared,
    settings: &'a Settings,
    events: Events,
    cancel: &'a Cancel,
    begun: Instant,
    run_id: String,
    timings: Timings,
}

type Ended = (Evidence, Vec<Finished>, Option<Exit>);

impl Run<'_> {
    async fn execute(&mut self) -> (EngineKind, Option<ImageId>, Result<Ended, EngineError>) {
        let (engine, note) = match engine::choose(self.prepared.engine, self.settings).await {
            Ok(chosen) => chosen,
            Err(error) => {
                let kind = match self.prepared.engine {
                    engine::EngineChoice::Process => EngineKind::Process,
                    _ => EngineKind::Docker,
                };
                return (kind, None, Err(error));
            }
        };
        let kind = engine.kind();
        self.tell(Event::Engine { engine: kind, note }).await;
        for note in self.prepared.notes.clone() {
            self.tell(Event::Note(note)).await;
        }
        let image = self.prepared.image.as_ref().unwrap_or(&self.settings.python_image);
        let image = match engine.resolve(image).await {
            Ok(image) => image,
            Err(error) => return (kind, None, Err(error)),
        };
        self.timings.environment = milliseconds(self.begun.elapsed());
        let ended = self.in_container(engine.as_ref(), image.as_ref()).await;
        (kind, image, ended)
    }

    async fn in_container(&mut self, engine: &dyn Engine, image: Option<&ImageId>) -> Result<Ended, EngineError> {
        let starting = Instant::now();
        let place = Place::create(&self.settings.runtime_folder, &self.run_id)?;
        let listener = place.listen()?;
        let launch = Launch {
            run_id: &self.run_id,
            image,
            place: &place,
            limits: &self.prepared.limits,
            network: &self.prepared.network,
            mounts: &self.prepared.mounts,
        };
        let mut container = engine.launch(launch).await?;
        let mut evidence = Evidence::default();
        let connected = self.wait_for_agent(&listener, container.as_mut()).await;
        let (finished, exit) = match connected {
            Ok(agent) => {
                self.timings.start = milliseconds(starting.elapsed());
                self.tell(Event::Connected).await;
                let workplace = container.workplace();
                self.supervise(agent, &listener, &workplace, engine.kind(), container.as_mut(), &mut evidence).await
            }
            Err(missing) => {
                missing.note(&mut evidence);
                (Vec::new(), None)
            }
        };
        // Closed before the container is waited for: an agent that still runs ends when its host is gone.
        drop(listener);
        self.end_container(container.as_mut(), &mut evidence).await;
        Ok((evidence, finished, exit))
    }

    async fn end_container(&self, container: &mut dyn Container, evidence: &mut Evidence) {
        if let Ok(gone) = tokio::time::timeout(GONE_DEADLINE, container.gone()).await {
            if let (Ok(how), Some(failure)) = (gone, &mut evidence.engine_failure) {
                failure.push_str(&format!(" ({how})"));
            }
            return;
        }
        let killed = container.kill().await.is_ok();
        let gone = killed && tokio::time::timeout(GONE_DEADLINE, container.gone()).await.is_ok();
        if !gone {
            self.tell(Event::Note("the container did not end and may be left behind".into())).await;
        }
    }

    async fn wait_for_agent(
        &self,
        listener: &UnixListener,
        container: &mut dyn Container,
    ) -> Result<AgentSession, NoAgent> {
        let connect = async {
            let (socket, _) = listener.accept().await.map_err(|error| NoAgent::Failed(error.to_string()))?;
            let (mut incoming, outgoing) = open(socket);
            match greet(&mut incoming).await {
                Ok((hello, version)) if hello.role == Role::Agent => {
                    Ok(AgentSession::welcome(incoming, outgoing, version).await)
                }
                Ok(_) => Err(NoAgent::Failed("something other than its agent connected first".into())),
                Err(ConnectionError::Protocol(error)) => {
                    let reason = error.to_string();
                    let _ = outgoing.send(Frame::new(&ToAgent::Refused { reason: reason.clone() })).await;
                    Err(NoAgent::Failed(reason))
                }
                Err(error) => Err(NoAgent::Failed(chain(&error))),
            }
        };
        tokio::select! {
            connected = connect => connected,
            gone = container.gone() => {
                let how = gone.unwrap_or_else(|error| chain(&error));
                Err(NoAgent::Failed(format!("the container ended before its agent connected: {how}")))
            }
            _ = self.cancel.beyond(CancelLevel::None) => Err(NoAgent::Cancelled),
            () = tokio::time::sleep(CONNECT_DEADLINE) => {
                Err(NoAgent::Failed(format!("its agent did not connect within {} s", CONNECT_DEADLINE.as_secs())))
            }
        }
    }

    async fn supervise(
        &mut self,
        agent: AgentSession,
        listener: &UnixListener,
        workplace: &Workplace,
        kind: EngineKind,
        container: &mut dyn Container,
        evidence: &mut Evidence,
    ) -> (Vec<Finished>, Option<Exit>) {
        let remote = agent.remote();
        if let Err(error) = agent.start(self.begin(workplace, kind), &self.prepared.files).await {
            evidence.engine_failure = Some(format!("cannot read the block's files: {error}"));
            return (Vec::new(), None);
        }
        let (trouble, troubles) = mpsc::unbounded_channel();
        let limits = &self.prepared.limits;
        let outputs = Outputs::new(self.prepared.outputs.clone(), &self.run_id, limits.output_bytes, trouble);
        let inputs = std::mem::replace(&mut self.prepared.inputs, crate::input::Inputs::new(Vec::new()));
        let (started, starts) = oneshot::channel();
        let mut watch = Watch {
            events: self.events.clone(),
            facts: self.facts(kind),
            inputs: Arc::new(inputs),
            outputs: Some(outputs),
            script: None,
            troubles,
            remote,
            level: CancelLevel::None,
            deadline: None,
            kill_at: None,
            timeout: limits.timeout,
            started_at: None,
            finished: Vec::new(),
        };
        watch.inputs.decode_ahead();
        let listening = tokio::spawn(agent.listen(self.events.clone(), started));
        let exit = watch.until_exit(listening, starts, listener, self.cancel, container, evidence).await;
        if let Some(started_at) = watch.started_at {
            self.timings.first_line = milliseconds(started_at - self.begun);
            self.timings.run = milliseconds(started_at.elapsed());
        }
        let finished = watch.drain(evidence).await;
        (finished, exit)
    }

    fn begin(&self, workplace: &Workplace, kind: EngineKind) -> Begin {
        let block = &self.prepared.block;
        let script = format!("{}/{}", workplace.folder, block.script);
        let mut environment = BTreeMap::from([
            ("PATH", workplace.path.as_str()),
            ("LANG", "C.UTF-8"),
            ("PYTHONUTF8", "1"),
            ("PYTHONUNBUFFERED", "1"),
            ("PYTHONDONTWRITEBYTECODE", "1"),
        ]);
        if kind == EngineKind::Process {
            // Libraries that keep caches below HOME find the run's own folder there instead.
            environment.insert("TMPDIR", &workplace.folder);
        }
        Begin {
            program: vec![workplace.python.clone(), script],
            environment: environment.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect(),
            folder: workplace.folder.clone(),
            user: workplace.user,
            log_bytes: self.prepared.limits.log_bytes,
            open_files: Some(self.prepared.limits.open_files),
            ladder: LADDER,
        }
    }

    fn facts(&self, kind: EngineKind) -> RunFacts {
        let block = &self.prepared.block;
        RunFacts {
            run_id: self.run_id.clone(),
            block_name: block.name.clone(),
            file_name: block.file_name().to_owned(),
            container: kind == EngineKind::Docker,
            streaming: false,
            options: self.prepared.options.values().clone(),
            outputs: block.output_ids().unwrap_or_default(),
        }
    }

    async fn conclude(
        mut self,
        kind: EngineKind,
        image: Option<ImageId>,
        evidence: &Evidence,
        finished: Vec<Finished>,
        exit: Option<Exit>,
    ) -> RunRecord {
        let (mut outcome, mut message) = decide(evidence);
        let mut notes = std::mem::take(&mut self.prepared.notes);
        let mut outputs = Vec::new();
        if outcome.is_success() {
            let publishing = Instant::now();
            self.tell(Event::Publishing).await;
            notes.extend(self.unwritten(&finished));
            if evidence.verdict.is_none() {
                notes.push("the script ended without a word: let it end with `commit()` or `close()`".into());
            }
            match self.publish(finished).await {
                Ok(published) => outputs = published,
                Err(error) => (outcome, message) = (Outcome::PublishFailed, Some(error)),
            }
            self.timings.publish = milliseconds(publishing.elapsed());
        }
        self.timings.total = milliseconds(self.begun.elapsed());
        let mounts = self.prepared.mounts.iter();
        RunRecord {
            run_id: self.run_id,
            block: self.prepared.block.name,
            outcome,
            message,
            outputs,
            timings_ms: self.timings,
            engine: kind,
            image: image.map(|image| image.0),
            fresh_container: kind == EngineKind::Docker,
            exit: exit.as_ref().map(|exit| exit.status),
            usage: exit.as_ref().map(|exit| exit.usage),
            dropped_log_bytes: exit.as_ref().map_or_else(Dropped::default, |exit| exit.dropped),
            left_behind: exit.as_ref().map_or(0, |exit| exit.left_behind),
            limits: self.prepared.limits,
            network: if kind == EngineKind::Docker { self.prepared.network.to_string() } else { "host".into() },
            mounts: mounts
                .map(|mount| format!("{}:{}", mount.path.display(), if mount.writable { "rw" } else { "ro" }))
                .collect(),
            options: self.prepared.options.for_record(),
            notes,
        }
    }

    fn unwritten(&self, finished: &[Finished]) -> Vec<String> {
        let targets = self.prepared.outputs.targets.iter().enumerate();
        let written =
            |number: usize| finished.iter().any(|output| output.index as usize == number && output.file.is_some());
        targets
            .filter(|(number, target)| target.is_some() && !written(*number))
            .map(|(number, _)| format!("output {number} was not written by the script"))
            .collect()
    }

    /// Puts the outputs in place. Syncing and renaming block, so they have a thread of their own.
    async fn publish(&self, finished: Vec<Finished>) -> Result<Vec<OutputRecord>, String> {
        let ids = self.prepared.outputs.ids.clone().unwrap_or_default();
        let targets = self.prepared.outputs.targets.clone();
        let publish = move || {
            let mut records = Vec::new();
            for output in finished {
                let slot = output.index as usize;
                let (Some(file), Some(Some(target))) = (output.file, targets.get(slot)) else { continue };
                let path = target.path.clone();
                let failed = |error: std::io::Error| {
                    let done: Vec<_> =
                        records.iter().map(|record: &OutputRecord| record.path.display().to_string()).collect();
                    let done = if done.is_empty() { "none".to_owned() } else { done.join(", ") };
                    format!(
                        "output {} cannot be written to `{}`: {error} (published before it: {done})",
                        output.index,
                        path.display()
                    )
                };
                put(file).map_err(failed)?;
                let id = ids.get(slot).cloned();
                records.push(OutputRecord { index: output.index, id, path, rows: output.rows, bytes: output.bytes });
            }
            Ok(records)
        };
        tokio::task::spawn_blocking(publish).await.unwrap_or_else(|_| Err("publishing broke".into()))
    }

    async fn tell(&self, event: Event) {
        // A run goes on without anyone who watches.
        let _ = self.events.send(event).await;
    }
}

/// A container whose agent did not come.
enum NoAgent {
    Failed(String),
    Cancelled,
}

impl NoAgent {
    fn note(self, evidence: &mut Evidence) {
        match self {
            Self::Failed(reason) => evidence.engine_failure = Some(reason),
            Self::Cancelled => evidence.interrupted = true,
        }
    }
}

/// What is watched while the script runs.
struct Watch {
    events: Events,
    facts: RunFacts,
    inputs: Arc<crate::input::Inputs>,
    outputs: Option<Outputs>,
    script: Option<JoinHandle<(ScriptEnd, Outputs)>>,
    troubles: mpsc::UnboundedReceiver<Trouble>,
    remote: Outgoing,
    level: CancelLevel,
    deadline: Option<Instant>,
    kill_at: Option<Instant>,
    timeout: Option<Duration>,
    started_at: Option<Instant>,
    finished: Vec<Finished>,
}

impl Watch {
    /// Watches until the agent has reported, or is gone.
    async fn until_exit(
        &mut self,
        mut listening: JoinHandle<AgentEnd>,
        starts: oneshot::Receiver<()>,
        listener: &UnixListener,
        cancel: &Cancel,
        container: &mut dyn Container,
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
                    let _ = self.events.send(Event::Started).await;
                }
                accepted = listener.accept() => match accepted {
                    Ok((socket, _)) => self.connected(socket, evidence).await,
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

    async fn connected(&mut self, socket: tokio::net::UnixStream, evidence: &mut Evidence) {
        let (mut incoming, outgoing) = open(socket);
        match greet(&mut incoming).await {
            Ok((hello, version)) if hello.role == Role::Script => match self.outputs.take() {
                Some(outputs) => {
                    let (facts, inputs, events) = (self.facts.clone(), Arc::clone(&self.inputs), self.events.clone());
                    let session = ScriptSession::welcome(incoming, outgoing, version, facts, inputs, outputs, events);
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
            Err(ConnectionError::Protocol(longshore_protocol::ProtocolError::Version(mismatch))) => {
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

    async fn script_ended(&mut self, ended: Option<(ScriptEnd, Outputs)>, evidence: &mut Evidence) {
        let Some((end, outputs)) = ended else {
            self.stop_at_once(evidence, |evidence| evidence.engine_failure = Some("the script's session broke".into()))
                .await;
            return;
        };
        evidence.verdict = end.verdict;
        evidence.uncaught = end.uncaught;
        for output in outputs.finish().await {
            if let Some(spoiled) = &output.spoiled {
                evidence.spoiled_output.get_or_insert_with(|| spoiled.clone());
            }
            self.finished.push(output);
        }
        if let Some(violation) = end.violation {
            self.stop_at_once(evidence, |evidence| evidence.violation = Some(violation)).await;
        }
    }

    /// After the agent's last word: everything in the container is dead, so what the script sent is all there will be.
    async fn drain(mut self, evidence: &mut Evidence) -> Vec<Finished> {
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
        let _ = self.events.send(Event::Ending).await;
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
            AgentEnd::Exited(exit) => {
                evidence.status = Some(exit.status);
                evidence.out_of_memory = exit.out_of_memory;
                Some(exit)
            }
            AgentEnd::Failed(reason) => {
                evidence.engine_failure = Some(reason);
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
        Trouble::Write(reason) => evidence.engine_failure = Some(reason),
    }
}

fn put(file: Pending) -> std::io::Result<()> {
    match file {
        Pending::File(file) => file.publish(),
        Pending::Stdout(mut file) => {
            std::io::Seek::rewind(&mut file)?;
            std::io::copy(&mut file, &mut std::io::stdout().lock()).map(drop)
        }
    }
}

async fn sleep_until(at: Option<Instant>) {
    if let Some(at) = at {
        tokio::time::sleep_until(at.into()).await;
    }
}

fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

/// An error with its causes, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}

/// A name that no other run has, and that sorts by time: microseconds and 32 random bits.
fn new_run_id() -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let mut random = [0; 4];
    let filled = rustix::rand::getrandom(&mut random[..], rustix::rand::GetRandomFlags::empty());
    let random = if filled.is_ok() { u32::from_le_bytes(random) } else { std::process::id() };
    format!("{:x}-{random:08x}", now.as_micros())
}
