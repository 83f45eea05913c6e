//! Runs through the user's resident host. What is shown is what it would be without: the host sends events and the record,
//! and this file makes them the values that the console knows.

use longshore::config::SettingsDigests;
use longshore::submission::{Along, submitted};
use longshore::table::Glance;
use longshore::{
    Cancel, CancelLevel, EngineChoice, Event, Events, Remedy, RunRecord, RunRequest, ServerChoice, Settings,
};
use longshore_caller::{Caller, CallerError, Canceller, Happening, Run};
use longshore_protocol::{Rejection, Software, Submission};
use serde_json::Value;
use std::time::Duration;
use tokio::sync::oneshot;

/// How long a host may take for a run that was ended at once.
const PATIENCE: Duration = Duration::from_secs(20);

/// A run that a host is asked for.
pub(crate) struct Asked {
    caller: Caller,
    submission: Submission,
    along: Along,
}

/// How a run through a host ended.
pub(crate) enum Ended {
    Record(Box<RunRecord>),
    Rejected(Refused),
    /// The host, or the connection to it, ended before.
    Lost(String),
}

/// Why a run cannot be made.
pub(crate) struct Refused {
    pub(crate) problems: Vec<String>,
    pub(crate) remedy: Option<Remedy>,
    pub(crate) glances: Vec<(usize, Glance)>,
    pub(crate) is_about_inputs: bool,
}

/// Whether, and why not, a run goes through a host.
pub(crate) enum Found {
    Host(Box<Asked>),
    /// The command runs the block itself; with the reason, if the user would expect otherwise.
    Nobody(Option<String>),
}

/// This program, as it names itself to hosts and callers.
pub(crate) fn software() -> Software {
    Software { name: "longshore".into(), version: env!("CARGO_PKG_VERSION").into() }
}

/// Finds the host for a run. Blocks for as long as a host takes to answer.
///
/// # Errors
/// The settings name a host that is not there.
pub(crate) fn find(request: &RunRequest, settings: &Settings) -> Result<Found, String> {
    let (path, named) = match &settings.server {
        ServerChoice::None => return Ok(Found::Nobody(None)),
        ServerChoice::Auto => (settings.server_socket(), false),
        ServerChoice::Path(path) => (path.clone(), true),
    };
    let caller = match Caller::connect(&path, software()) {
        Ok(caller) => caller,
        Err(CallerError::NotThere { .. }) if !named => return Ok(Found::Nobody(None)),
        Err(error) if named => return Err(longshore::causes::chain(&error)),
        Err(error) => return Ok(Found::Nobody(Some(longshore::causes::chain(&error)))),
    };
    let (own, other) = (software(), caller.software());
    if own != *other {
        let (own, other) = (&own.version, &other.version);
        return Ok(Found::Nobody(Some(format!("the resident host has version {other}, and this command {own}"))));
    }
    let digests = SettingsDigests::of(settings);
    if digests.common != caller.settings() {
        return Ok(Found::Nobody(Some("the resident host was started with other settings".into())));
    }
    match request.engine {
        EngineChoice::Process if caller.processes().is_none() => return Ok(Found::Nobody(None)),
        EngineChoice::Process | EngineChoice::Auto
            if caller.processes().is_some_and(|of| of != digests.of_processes) =>
        {
            return Ok(Found::Nobody(Some("the resident host was started with other interpreters".into())));
        }
        _ => {}
    }
    Ok(match submitted(request) {
        Ok((submission, along)) => Found::Host(Box::new(Asked { caller, submission, along })),
        Err(error) => Found::Nobody(Some(error.to_string())),
    })
}

/// Runs the block, to its end. A cancel goes to the host.
pub(crate) async fn run(asked: Asked, events: Events, cancel: &Cancel) -> Ended {
    let (ended, mut end) = oneshot::channel();
    let (canceller, mut cancelling) = oneshot::channel();
    // Not joined: it ends with the run, or with the program.
    let started = std::thread::Builder::new().name("caller".into()).spawn(move || {
        let result = follow(asked, &events, canceller);
        drop(events);
        // The receiver may have stopped waiting.
        let _ = ended.send(result);
    });
    if let Err(error) = started {
        return Ended::Lost(format!("cannot start a thread: {error}"));
    }
    let lost = |reason: &str| Ended::Lost(reason.to_owned());
    let canceller = tokio::select! {
        canceller = &mut cancelling => canceller,
        // The host may wait for an open file; its connection ends with this program.
        () = cancel.cancelled() => return lost("cancelled before the start"),
    };
    let result = match canceller {
        Err(_) => end.await,
        Ok(canceller) => {
            let passing_on = pass_on(cancel, &canceller);
            tokio::pin!(passing_on);
            tokio::select! {
                result = &mut end => result,
                () = &mut passing_on => match tokio::time::timeout(PATIENCE, end).await {
                    Ok(result) => result,
                    Err(_) => return lost("the resident host does not answer: the end of the run is unknown"),
                },
            }
        }
    };
    match result {
        Ok(Ok(ended)) => ended,
        Ok(Err(error)) => Ended::Lost(longshore::causes::chain(&error)),
        Err(_) => lost("the thread of the run ended early"),
    }
}

/// Passes a cancel on, level by level. Ends with the most urgent one.
async fn pass_on(cancel: &Cancel, canceller: &Canceller) {
    cancel.cancelled().await;
    // An error means that the host is gone: the end of the run says so.
    let _ = if cancel.level() == CancelLevel::Gently { canceller.cancel() } else { canceller.kill() };
    if cancel.level() == CancelLevel::Gently {
        cancel.beyond(CancelLevel::Gently).await;
        let _ = canceller.kill();
    }
}

/// Sends everything, and hears what happens. Blocks.
fn follow(asked: Asked, events: &Events, started: oneshot::Sender<Canceller>) -> Result<Ended, CallerError> {
    let Asked { caller, submission, along } = asked;
    let mut submitting = caller.submit(&submission)?;
    for (input, file) in along.sources {
        submitting.source(input, file.into())?;
    }
    for (input, table) in along.tables {
        submitting.table(input, &table)?;
    }
    for (output, file) in along.sinks {
        submitting.sink(output, file.into())?;
    }
    let mut run = submitting.start()?;
    let _ = started.send(run.canceller());
    hear(&mut run, events)
}

fn hear(run: &mut Run, events: &Events) -> Result<Ended, CallerError> {
    while let Some(happening) = run.next()? {
        match happening {
            Happening::Event(event) => {
                // One that this version does not know is not shown.
                if let Ok(event) = serde_json::from_value(Value::Object(event)) {
                    events.tell(event);
                }
            }
            Happening::Log(source, bytes) => events.tell(Event::Log { source, bytes }),
            Happening::Rejected(rejection) => return Ok(Ended::Rejected(rejection.into())),
            Happening::Record(record) => {
                let record = serde_json::from_value(record).map_err(CallerError::Record)?;
                return Ok(Ended::Record(Box::new(record)));
            }
            _ => {}
        }
    }
    Err(CallerError::Lost)
}

impl From<Rejection> for Refused {
    fn from(rejection: Rejection) -> Self {
        let glance = |glimpse: longshore_protocol::Glimpse| {
            let glance = Glance { format: glimpse.format, options: glimpse.options, rows: glimpse.rows };
            (usize::try_from(glimpse.input).unwrap_or(usize::MAX), glance)
        };
        Self {
            problems: rejection.problems,
            remedy: rejection.remedy.and_then(|remedy| serde_json::from_value(remedy).ok()),
            glances: rejection.glances.into_iter().map(glance).collect(),
            is_about_inputs: rejection.about_inputs,
        }
    }
}
