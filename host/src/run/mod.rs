//! One run, from its first check to its last clean-up: an engine, a container, an agent, a script, an outcome, and
//! outputs that are published only on success.

mod blame;
mod conclude;
mod connect;
mod environment;
mod lacking;
mod publishing;
mod watch;

use crate::block::{Form, Language};
use crate::budget;
use crate::cancel::{Cancel, CancelLevel};
use crate::engine::{self, Container, Ended, Engine, EngineError, EngineKind, ImageId, Launch, RunImage, Workplace};
use crate::event::{Event, Events};
use crate::hashes::Hashing;
use crate::history::{HistoryError, Recording};
use crate::input::Inputs;
use crate::kept::Keeping;
use crate::outcome::Evidence;
use crate::output::{Finished, Writers};
use crate::partition;
use crate::place::Place;
use crate::record::{RunRecord, Timings};
use crate::session::{AgentSession, Listener};
use crate::settings::Settings;
use crate::spec::Prepared;
use environment::{Fingerprinting, Provided};
use longshore_protocol::{Begin, CancelLadder, Exit, RunFacts};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};
use watch::Watch;

/// Attempts at starting a container of an image that something else removes.
const ATTEMPTS: u32 = 3;

/// The ladder of a cancellation: Python has its exception in milliseconds; a script that tidies up gets seconds.
const LADDER: CancelLadder = CancelLadder { interrupt_ms: 3000, terminate_ms: 2000 };

/// How long a container may take to be gone after its end.
const GONE_DEADLINE: Duration = Duration::from_secs(30);

use publishing::recovered;
pub(crate) use publishing::{NotPublished, Published, publish};

/// What becomes of a run's outputs on success.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outlet {
    /// They are put where they should go.
    Publish,
    /// They are handed back: the run is a part of a whole.
    Keep,
}

/// Runs a block. Whatever happens is in the record; nothing of the run is left when this returns.
pub async fn run(mut prepared: Prepared, settings: &Settings, events: Events, cancel: &Cancel) -> RunRecord {
    let begun = Instant::now();
    let run_id = new_run_id();
    prepared.notes.extend(recovered(settings).await);
    let recording = Recording::begin(&run_id, &prepared, settings);
    let mut recording = recording.unwrap_or_else(|error| {
        prepared.notes.push(unrecorded(&error));
        None
    });
    let events = match &mut recording {
        Some(recording) => recording.listen(events),
        None => events,
    };
    let hashing = prepared.hashes.then(|| Hashing::begin(&prepared));
    let mut record = match prepared.partition.take() {
        Some(cut) => partition::run(prepared, run_id, cut, settings, events, cancel).await,
        None => run_once(prepared, run_id, settings, events, cancel, Outlet::Publish).await.0,
    };
    if let Some(hashing) = hashing {
        hashing.end(&mut record).await;
        record.timings_ms.total = milliseconds(begun.elapsed());
    }
    if let Some(recording) = recording
        && let Err(error) = recording.end(&record).await
    {
        record.notes.push(unrecorded(&error));
    }
    record
}

fn unrecorded(error: &HistoryError) -> String {
    format!("the run is not recorded: {}", chain(error))
}

/// Runs a block once. Hands back its outputs where they are not published.
pub(crate) async fn run_once(
    prepared: Prepared,
    run_id: String,
    settings: &Settings,
    events: Events,
    cancel: &Cancel,
    outlet: Outlet,
) -> (RunRecord, Vec<Finished>) {
    let begun = Instant::now();
    let mut run = Run {
        prepared,
        settings,
        events,
        cancel,
        begun,
        run_id,
        timings: Timings::default(),
        kept: None,
        fingerprinting: None,
        no_sdk: None,
    };
    let (kind, image, result) = run.execute().await;
    let (evidence, finished, exit) = match result {
        Ok(ended) => ended,
        Err(error) => (blame::evidence(&error), Vec::new(), None),
    };
    run.conclude(kind, image, &evidence, finished, exit, outlet).await
}

struct Run<'a> {
    prepared: Prepared,
    settings: &'a Settings,
    events: Events,
    cancel: &'a Cancel,
    begun: Instant,
    run_id: String,
    timings: Timings,
    /// What the script left in its working folder, where it is to be kept.
    kept: Option<Box<Keeping>>,
    /// What is found out of the environment meanwhile.
    fingerprinting: Option<Fingerprinting>,
    /// What to know of an image that the script found no SDK in.
    no_sdk: Option<String>,
}

type Seen = (Evidence, Vec<Finished>, Option<Exit>);

impl Run<'_> {
    async fn execute(&mut self) -> (EngineKind, Option<ImageId>, Result<Seen, EngineError>) {
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
        self.tell(Event::Engine { engine: kind, note });
        for note in self.prepared.notes.clone() {
            self.tell(Event::Note(note));
        }
        let mut image = None;
        for attempt in 1.. {
            let provided = match self.provide(engine.as_ref()).await {
                Ok(Some(provided)) => provided,
                Ok(None) => {
                    let interrupted = Evidence { interrupted: true, ..Evidence::default() };
                    return (kind, image, Ok((interrupted, Vec::new(), None)));
                }
                Err(error) => return (kind, image, Err(error)),
            };
            self.timings.environment = milliseconds(self.begun.elapsed());
            image = provided.image().map(|image| image.id.clone());
            self.note_volumes(&provided).await;
            match self.in_container(engine.as_ref(), provided).await {
                // Nothing has happened yet, and the environment can be made again.
                Err(EngineError::ImageGone) if attempt < ATTEMPTS => {}
                ended => return (kind, image, ended),
            }
        }
        (kind, image, Err(EngineError::ImageGone))
    }

    async fn in_container(&mut self, engine: &dyn Engine, mut provided: Provided) -> Result<Seen, EngineError> {
        let starting = Instant::now();
        let place = Place::create(&self.settings.runtime_folder, &self.run_id).await?;
        let listener = place.listen(engine.peers())?;
        let launch = Launch {
            run_id: &self.run_id,
            image: provided.image(),
            place: &place,
            limits: &self.prepared.limits,
            network: &self.prepared.network,
            mounts: &self.prepared.mounts,
            python: provided.local().and_then(|local| local.python.as_deref()),
            r_library: provided.local().and_then(|local| local.r_library.as_deref()),
        };
        let container = engine.launch(launch).await?;
        provided.let_go_of_image();
        self.begin_fingerprint(provided.image(), &container.workplace());
        let mut evidence = Evidence::default();
        let connected = self.wait_for_agent(&listener, container.as_ref(), provided.image()).await;
        let (finished, exit) = match connected {
            Ok(agent) => {
                self.timings.start = milliseconds(starting.elapsed());
                self.tell(Event::Connected);
                let (workplace, image) = (container.workplace(), provided.image());
                let site = Supervised { image, workplace: &workplace, kind: engine.kind(), listener: &listener };
                self.supervise(agent, site, container.as_ref(), &mut evidence).await
            }
            Err(missing) => {
                missing.note(&mut evidence);
                (Vec::new(), None)
            }
        };
        // Closed before the container is waited for: an agent that still runs ends when its host is gone.
        if let Some(note) = listener.refused() {
            self.tell(Event::Note(note));
        }
        drop(listener);
        self.end_container(container.as_ref(), &mut evidence).await;
        place.close().await;
        Ok((evidence, finished, exit))
    }

    async fn end_container(&self, container: &dyn Container, evidence: &mut Evidence) {
        if let Ok(ended) = tokio::time::timeout(GONE_DEADLINE, container.wait()).await {
            evidence.out_of_memory |= ended == Ended::OutOfMemory;
            // An agent that ended well has said itself what failed.
            if let (Some(failure), true) = (&mut evidence.engine_failure, ended != Ended::Exited(0)) {
                failure.push_str(&format!(" ({ended})"));
            }
            return;
        }
        let killed = container.kill().await.is_ok();
        let gone = killed && tokio::time::timeout(GONE_DEADLINE, container.wait()).await.is_ok();
        if !gone {
            self.tell(Event::Note("the container did not end and may be left behind".into()));
        }
    }

    async fn supervise(
        &mut self,
        agent: AgentSession,
        place: Supervised<'_>,
        container: &dyn Container,
        evidence: &mut Evidence,
    ) -> (Vec<Finished>, Option<Exit>) {
        let Supervised { image, workplace, kind, listener } = place;
        let remote = agent.remote();
        let keeping = self.prepared.keep.as_ref().map(|target| Keeping::create(target, &self.run_id)).transpose();
        let keeping = match keeping {
            Ok(keeping) => keeping.map(Box::new),
            Err(error) => {
                evidence.write_failure = Some(format!("cannot make a folder to keep files in: {error}"));
                return (Vec::new(), None);
            }
        };
        if let Err(error) = agent.start(self.begin(workplace, kind), &self.prepared.files).await {
            evidence.engine_failure = Some(format!("cannot read the block's files: {error}"));
            return (Vec::new(), None);
        }
        let (trouble, troubles) = mpsc::unbounded_channel();
        let limits = &self.prepared.limits;
        let streaming = self.prepared.chunk_rows.is_some();
        let memory = budget::of_run(limits.memory_bytes);
        let declared = self.prepared.outputs.clone();
        let writers = Writers::new(declared, &self.run_id, streaming, memory, limits.output_bytes, trouble);
        let inputs = std::mem::replace(&mut self.prepared.inputs, Inputs::new(Vec::new(), None));
        let (started, starts) = oneshot::channel();
        let (keeping_starts, keeps) = oneshot::channel();
        let mut watch = Watch {
            events: self.events.clone(),
            facts: self.facts(kind),
            secrets: self.prepared.secrets(),
            inputs: Arc::new(inputs),
            outputs: Some(writers.handle()),
            writers: Some(writers),
            script: None,
            troubles,
            remote,
            level: CancelLevel::None,
            deadline: None,
            kill_at: None,
            timeout: limits.timeout,
            started_at: None,
            ended_at: None,
            finished: Vec::new(),
            keeps: Some(keeps),
            kept: None,
            image: image.cloned(),
            sdk_missing: false,
        };
        watch.inputs.decode_ahead();
        let (events, secrets) = (self.events.clone(), self.prepared.secrets());
        let listening =
            tokio::spawn(async move { agent.listen(events, &secrets, started, keeping, keeping_starts).await });
        let exit = watch.until_exit(listening, starts, listener, self.cancel, container, evidence).await;
        if let Some(started_at) = watch.started_at {
            self.timings.first_line = milliseconds(started_at - self.begun);
            self.timings.run = milliseconds(watch.ended_at.unwrap_or_else(Instant::now) - started_at);
        }
        self.kept = watch.kept.take();
        self.no_sdk = image.filter(|_| watch.sdk_missing).map(lacking::no_sdk);
        let finished = watch.drain(evidence).await;
        (finished, exit)
    }

    fn begin(&self, workplace: &Workplace, kind: EngineKind) -> Begin {
        let block = &self.prepared.block;
        let script = format!("{}/{}", workplace.folder, block.script);
        let author = workplace.environment.iter().map(|(key, value)| (key.as_str(), value.as_str()));
        let mut environment: BTreeMap<&str, &str> = author.collect();
        environment.extend([("PATH", workplace.path.as_str()), ("LANG", "C.UTF-8")]);
        let mut program = match block.language {
            Language::Python => {
                environment.extend([("PYTHONUTF8", "1"), ("PYTHONUNBUFFERED", "1"), ("PYTHONDONTWRITEBYTECODE", "1")]);
                vec![workplace.python.clone()]
            }
            // Without profile, environment and workspace files. What R prints it writes out at once.
            Language::R => {
                environment.extend(workplace.r_library.as_deref().map(|library| ("R_LIBS", library)));
                vec![workplace.rscript.clone(), "--vanilla".into()]
            }
        };
        program.extend(self.program(script));
        if kind == EngineKind::Process {
            // Libraries that keep caches below HOME find the run's own folder there instead.
            environment.insert("TMPDIR", &workplace.folder);
        }
        Begin {
            program,
            environment: environment.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect(),
            folder: workplace.folder.clone(),
            user: workplace.user,
            log_bytes: self.prepared.limits.log_bytes,
            open_files: Some(self.prepared.limits.open_files),
            ladder: LADDER,
            keep: self.prepared.keep.as_ref().map(|_| Keeping::LIMITS),
        }
    }

    /// What the interpreter runs: the script, or what gives a snippet its tables and takes its results.
    fn program(&self, script: String) -> Vec<String> {
        let driver = match (self.prepared.block.form, self.prepared.block.language) {
            (Form::Script, _) => return vec![script],
            (Form::Snippet, Language::Python) => ["-m", "longshore.snippet"],
            (Form::Snippet, Language::R) => ["-e", "longshore::run.snippet()"],
        };
        let connected = self.prepared.inputs.connected().map(|number| number.to_string());
        driver.map(str::to_owned).into_iter().chain([script]).chain(connected).collect()
    }

    fn facts(&self, kind: EngineKind) -> RunFacts {
        let block = &self.prepared.block;
        RunFacts {
            run_id: self.run_id.clone(),
            block_name: block.name.clone(),
            file_name: block.file_name().to_owned(),
            container: kind == EngineKind::Docker,
            streaming: self.prepared.chunk_rows.is_some(),
            chunk_rows: self.prepared.chunk_rows,
            options: self.prepared.options.values().clone(),
            outputs: block.output_ids().unwrap_or_default(),
            inputs: Some(block.input_names().map(str::to_owned).collect()),
        }
    }

    fn tell(&self, event: Event) {
        self.events.tell(event);
    }
}

/// Where a script is supervised.
struct Supervised<'a> {
    image: Option<&'a RunImage>,
    workplace: &'a Workplace,
    kind: EngineKind,
    listener: &'a Listener,
}

pub(crate) fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

/// An error with its causes, in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}

/// A name that no other run has, and that sorts by time: microseconds and 32 random bits.
pub(crate) fn new_run_id() -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let mut random = [0; 4];
    let filled = rustix::rand::getrandom(&mut random[..], rustix::rand::GetRandomFlags::empty());
    let random = if filled.is_ok() { u32::from_le_bytes(random) } else { std::process::id() };
    format!("{:x}-{random:08x}", now.as_micros())
}
