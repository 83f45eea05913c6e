//! One run, from its first check to its last clean-up: an engine, a container, an agent, a script, an outcome, and
//! outputs that are published only on success.

mod admitted;
mod begin;
mod blame;
mod conclude;
mod ended;
mod environment;
mod error;
mod explain;
mod hinting;
mod pooled;
mod publishing;
mod unwind;
mod upstream;
mod watch;

use crate::admission::{Admission, Place};
use crate::container::{Ending, Gone, Started, launch, missing_sdk, wait_for_agent};
use crate::facilities::Facilities;
use crate::input::Inputs;
use crate::kept::WorkdirCapture;
use crate::output::{Finished, Writers};
use crate::pool::Pool;
use crate::record::{PoolRecord, RunRecord, Timings};
use crate::removals::Removals;
use crate::request::Prepared;
use crate::session::{Acceptor, AgentSession, Logs};
use environment::{Fingerprinting, ResolvedEnvironment};
use longshore_config::settings::Settings;
use longshore_engine::run_directory::RunDirectory;
use longshore_engine::task::{Task, blocking};
use longshore_engine::{Container, Engine, EngineError, Engines, Held, Instance, RunImage, ScriptEnvironment, Shape};
use longshore_images::environment::Bounds;
use longshore_images::environment::local::LocalEnvironment;
use longshore_model::cancel::Cancel;
use longshore_model::engine_kind::EngineKind;
use longshore_model::event::{Event, Events};
use longshore_model::image_id::ImageId;
use longshore_model::note::Note;
use longshore_model::outcome::{Evidence, decide};
use longshore_protocol::{CancelLadder, Exit};
use longshore_table::budget;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use unwind::{likely, unwinding};
use watch::{Watch, Welcome};

/// Attempts to start a container if its image is removed meanwhile.
const ATTEMPTS: u32 = 3;

/// The steps of a cancellation: Python raises its exception in milliseconds; a script that cleans up gets seconds.
const LADDER: CancelLadder = CancelLadder { interrupt_ms: 3000, terminate_ms: 2000 };

/// The note about a container that the engine did not remove.
pub(crate) const LEFT_BEHIND: &str = "the container did not end and may be left behind";

/// Reports that an agent may send before its end, each of them once.
const WORDS: usize = 3;

use error::RunError;
pub use explain::{Explained, explain};
use hinting::Traces;
pub(crate) use publishing::{NotPublished, Published, publish, recovered};

/// What to do with a run's outputs on success.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OutputMode {
    /// Put them in their places.
    Publish,
    /// Return them: the run is a part of a partitioned run.
    Keep,
    /// Return them once all are known to be there: the run is a step of a chain.
    PassOn,
}

/// Runs a block once. Returns its outputs if they are not published. Its container may be among the removals then.
pub(crate) async fn run_once(
    prepared: Prepared,
    run_id: String,
    facilities: &Facilities,
    events: Events,
    cancel: &Cancel,
    outlet: OutputMode,
) -> (RunRecord, Vec<Finished>) {
    let begun = Instant::now();
    let Facilities { engines, admission, removals, pool } = facilities;
    let mut run = Run {
        prepared,
        engines,
        admission,
        settings: engines.settings(),
        events,
        cancel,
        removals,
        pool: pool.as_ref(),
        begun,
        run_id,
        timings: Timings::default(),
        bounds: Bounds::default(),
        kept: None,
        fingerprinting: None,
        no_sdk: None,
        traces: Traces::default(),
        held: None,
        pooled: None,
    };
    // A panic fails only its own run.
    let executed = unwinding(run.execute()).await;
    let (kind, image, result) =
        executed.unwrap_or_else(|broken| (likely(run.prepared.engine), None, Ok((broken, Vec::new(), None))));
    let (mut evidence, finished, exit) = match result {
        Ok(ended) => ended,
        Err(error) => (blame::evidence(&error), Vec::new(), None),
    };
    evidence.memory_bytes = run.prepared.limits.memory_bytes;
    if outlet != OutputMode::Keep && decide(&evidence).0.is_success() {
        evidence.unwritten_outputs = run.prepared.outputs.unwritten(&finished);
    }
    run.explain_end(&mut evidence);
    Box::pin(run.conclude(kind, image, &evidence, finished, exit, outlet)).await
}

struct Run<'a> {
    prepared: Prepared,
    engines: &'a Engines,
    admission: &'a Admission,
    settings: &'a Settings,
    events: Events,
    cancel: &'a Cancel,
    removals: &'a Removals,
    pool: Option<&'a Pool>,
    begun: Instant,
    run_id: String,
    timings: Timings,
    /// The bounds of its packages' versions.
    bounds: Bounds,
    /// The kept files of the working folder, if requested.
    kept: Option<Box<WorkdirCapture>>,
    /// The environment's fingerprint in progress.
    fingerprinting: Option<Fingerprinting>,
    /// The note for an image in which the script found no SDK.
    no_sdk: Option<String>,
    /// What the script left behind that explains its end.
    traces: Traces,
    /// The protections of its container.
    held: Option<Held>,
    /// How it got its interpreter.
    pooled: Option<PoolRecord>,
}

type Seen = (Evidence, Vec<Finished>, Option<Exit>);

impl Run<'_> {
    async fn execute(&mut self) -> (EngineKind, Option<ImageId>, Result<Seen, RunError>) {
        let likely = likely(self.prepared.engine);
        if let Some(Err(full)) = self.prepared.seat {
            return (likely, None, Err(full.into()));
        }
        let chosen = tokio::select! {
            chosen = self.engines.choose(self.prepared.engine) => chosen,
            // An engine may accept connections without answering: a cancel ends this wait.
            () = self.cancel.cancelled() => return (likely, None, Ok(interrupted())),
        };
        let (engine, note) = match chosen {
            Ok(chosen) => chosen,
            Err(error) => return (likely, None, Err(error.into())),
        };
        let kind = engine.kind();
        self.tell(Event::Engine { engine: kind, note });
        for note in self.prepared.notes.clone() {
            self.tell(Event::Note(note));
        }
        let mut image = None;
        for attempt in 1.. {
            // Boxed, as all that is not in use while it waits for its place: many may wait.
            let provided = Box::pin(self.provide(engine.as_ref())).await;
            self.timings.environment = milliseconds(self.begun.elapsed());
            let provided = match provided {
                Ok(Some(provided)) => provided,
                Ok(None) => return (kind, image, Ok(interrupted())),
                Err(error) => return (kind, image, Err(error)),
            };
            image = provided.image().map(|image| image.id.clone());
            self.note_volumes(&provided).await;
            match self.in_container(&engine, provided).await {
                // The script has not started, so the environment can be made again.
                Err(EngineError::ImageGone) if attempt < ATTEMPTS => {}
                ended => return (kind, image, ended.map_err(RunError::from)),
            }
        }
        (kind, image, Err(EngineError::ImageGone.into()))
    }

    async fn in_container(
        &mut self,
        engine: &Arc<dyn Engine>,
        mut provided: ResolvedEnvironment,
    ) -> Result<Seen, EngineError> {
        let shape = shape(&self.prepared, provided.image().cloned(), provided.local());
        let Some(place) = self.admitted().await else { return Ok(interrupted()) };
        let begun = Instant::now();
        let started = match Box::pin(self.claimed(engine, &shape, &mut provided)).await {
            Some(Some(started)) => Some(started),
            Some(None) => Box::pin(self.started(engine.as_ref(), &shape, &mut provided)).await?,
            None => None,
        };
        let Some(started) = started else {
            return Ok(interrupted());
        };
        if started.agent.is_ok() {
            self.timings.start = milliseconds(begun.elapsed());
        }
        Ok(Box::pin(self.run_in(started, place, shape.image.as_ref(), engine.kind())).await)
    }

    /// Starts a container and waits for its agent's connection. `None` if the run was cancelled before the engine had
    /// made the container.
    async fn started(
        &mut self,
        engine: &dyn Engine,
        shape: &Shape,
        provided: &mut ResolvedEnvironment,
    ) -> Result<Option<Started>, EngineError> {
        let image = shape.image.as_ref();
        let directory = RunDirectory::create(&self.settings.runtime_folder, &self.run_id).await?;
        let user = engine.script_user(image, self.prepared.writes());
        if let Some(note) = user.as_ref().and_then(|user| user.note.clone()).map(Note::from) {
            self.tell(Event::Note(note.clone()));
            self.prepared.notes.push(note);
        }
        let listener = directory.listen(engine.peers(user.as_ref()))?;
        let instance = Instance { name: &self.run_id, directory: &directory, user: user.as_ref() };
        let Some(container) = launch(engine, shape, instance, self.cancel).await? else {
            return Ok(None);
        };
        self.held = container.held();
        provided.let_go_of_image();
        self.begin_fingerprint(engine, image, &container.script_environment());
        let mut acceptor = Acceptor::new(listener);
        let timeout = self.prepared.limits.timeout.limit();
        let agent = wait_for_agent(&mut acceptor, container.as_ref(), image, timeout, self.cancel).await;
        Ok(Some(Started { directory, acceptor, container, agent, user }))
    }

    /// Runs the script in a started container, until its end is known. The engine may still remove it.
    async fn run_in(&mut self, started: Started, place: Place, image: Option<&RunImage>, kind: EngineKind) -> Seen {
        let Started { directory, mut acceptor, container, agent, user } = started;
        let (mut evidence, finished, exit) = match agent {
            Ok(agent) => {
                self.tell(Event::Connected);
                let script_environment = container.script_environment();
                let site = Supervised { image, script_environment: &script_environment, kind };
                match self.connect().await {
                    Ok(()) => self.supervise(agent, site, container.as_ref(), &mut acceptor).await,
                    Err(evidence) => (evidence, Vec::new(), None),
                }
            }
            Err(missing) => (missing.evidence(), Vec::new(), None),
        };
        self.prepared.notes.extend(acceptor.notes().map(Note::from));
        // Closed before waiting for the container: an agent that still runs ends when its connection is closed.
        drop(acceptor);
        let ending = Ending { container, directory, cancel: self.cancel.clone(), _held: (user, Some(place)) };
        if exit.is_some() && evidence.engine_failure.is_none() {
            // The agent has reported all that an engine could report of it.
            self.removals.add(async { ending.end().await != Gone::Left }).await;
        } else {
            self.note_end(ending.end().await, kind, &mut evidence);
        }
        (evidence, finished, exit)
    }

    async fn supervise(
        &mut self,
        agent: AgentSession,
        site: Supervised<'_>,
        container: &dyn Container,
        acceptor: &mut Acceptor,
    ) -> Seen {
        let Supervised { image, script_environment, kind } = site;
        let keeping = match self.capture().await {
            Ok(keeping) => keeping,
            Err(error) => {
                let failure = Some(format!("cannot create the file for kept files: {error}"));
                return (Evidence { write_failure: failure, ..Evidence::default() }, Vec::new(), None);
            }
        };
        let (trouble, troubles) = mpsc::unbounded_channel();
        let limits = &self.prepared.limits;
        let streaming = self.prepared.chunk_rows.is_some();
        let memory = budget::of_run(limits.memory_bytes);
        let declared = self.prepared.outputs.clone();
        let writers = Writers::new(declared, &self.run_id, streaming, memory, limits.output_bytes, trouble);
        // Both list the inputs.
        let (begin, facts) = (self.begin(script_environment, kind), self.facts(kind));
        if self.prepared.attended {
            self.tell(Event::Attended(Box::new(self.attended(&begin, container.name()))));
        }
        let inputs = Arc::new(std::mem::replace(&mut self.prepared.inputs, Inputs::new(Vec::new(), None)));
        inputs.decode_ahead();
        let files = std::mem::take(&mut self.prepared.files);
        let (told, words) = mpsc::channel(WORDS);
        let secrets = self.prepared.secrets();
        let logs = Logs::new(self.events.clone(), &secrets, limits.log_bytes);
        let watch = Watch {
            events: self.events.clone(),
            cancel: self.cancel,
            container,
            acceptor,
            remote: agent.remote(),
            starting: Some(Task::spawn(agent.start(begin, files))),
            agent: Some(Task::spawn(agent.listen(logs, told, keeping))),
            words,
            welcome: Some(Welcome { facts, inputs, secrets, text_bytes: limits.log_bytes }),
            writers: Some(writers),
            troubles,
            timeout: limits.timeout.limit(),
            image: image.cloned(),
        };
        let seen = watch.watch().await;
        if let Some(started_at) = seen.started_at {
            self.timings.first_line = milliseconds(started_at - self.begun);
            self.timings.run = milliseconds(seen.ended_at.unwrap_or_else(Instant::now) - started_at);
        }
        self.kept = seen.kept;
        self.traces = Traces {
            // As what the SDK reports: what follows from it, advice too, has no secrets then.
            printed: self.prepared.secrets().masked(&seen.printed.text()),
            script_connected: seen.script_connected,
            unconnected: seen.unconnected,
            work_folder: script_environment.folder.clone(),
        };
        self.no_sdk = image.filter(|_| seen.sdk_missing).map(missing_sdk::no_sdk);
        self.prepared.notes.extend(seen.notes);
        (seen.evidence, seen.finished, seen.exit)
    }

    /// Begins to keep the working folder, if requested.
    async fn capture(&self) -> std::io::Result<Option<Box<WorkdirCapture>>> {
        let Some(target) = self.prepared.keep.clone() else { return Ok(None) };
        let run_id = self.run_id.clone();
        blocking(move || WorkdirCapture::begin(target, &run_id)).await.map(|keeping| Some(Box::new(keeping)))
    }

    fn tell(&self, event: Event) {
        self.events.tell(event);
    }
}

/// The result of a run that was cancelled before it began.
fn interrupted() -> Seen {
    (Evidence { interrupted: true, ..Evidence::default() }, Vec::new(), None)
}

/// The shape of a run's container.
fn shape(prepared: &Prepared, image: Option<RunImage>, local: Option<&LocalEnvironment>) -> Shape {
    Shape {
        image,
        resources: (&prepared.limits).into(),
        network: prepared.network.clone(),
        mounts: prepared.mounts.clone(),
        python: local.and_then(|local| local.python.clone()),
        r_libraries: local.map(|local| local.r_libraries.clone()).unwrap_or_default(),
    }
}

/// The container in which a script is supervised.
struct Supervised<'a> {
    image: Option<&'a RunImage>,
    script_environment: &'a ScriptEnvironment,
    kind: EngineKind,
}

pub(crate) fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}
