//! Runs through the user's resident host. What is shown is what it would be without: the host sends events and the record,
//! and this file makes them the values that the console knows.

use crate::signals::Signals;
use longshore::config::SettingsDigests;
use longshore::submission::{Along, NotSubmitted, submitted, submitted_chain};
use longshore::table::Glance;
use longshore::{
    Cancel, CancelLevel, ChainRequest, EngineChoice, Event, Events, Remedy, RunRecord, RunRequest, ServerChoice,
    Settings,
};
use longshore_caller::{Caller, CallerError, Canceller, Happening, Process, Run, Submitting};
use longshore_protocol::{Rejection, Software};
use serde_json::Value;
use std::time::Duration;
use tokio::sync::oneshot;

/// How long a host may take for a run that was ended at once: 10 s for the engine to kill a container, and as much again
/// on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// How a run through a host ended.
pub(crate) enum Ended {
    Record(Box<RunRecord>),
    Rejected(Refused),
    /// Too many runs wait for the host's machine.
    Busy(String),
    /// Its caller cancelled it before it began.
    Cancelled,
    /// The host, or the connection to it, ended before, or the host does not answer.
    Lost(String),
}

/// Why a run cannot be made.
pub(crate) struct Refused {
    pub(crate) problems: Vec<String>,
    pub(crate) remedy: Option<Remedy>,
    pub(crate) glances: Vec<(usize, Glance)>,
    pub(crate) is_about_inputs: bool,
}

/// What a host is asked for.
#[derive(Clone, Copy)]
pub(crate) enum Request<'a> {
    Run(&'a RunRequest),
    Chain(&'a ChainRequest),
}

/// Whether, and why not, a run goes through a host.
pub(crate) enum Found {
    /// It was started there.
    Host(Box<Run>),
    /// The command runs the block itself; with the reason, if the user would expect otherwise.
    Nobody(Option<String>),
    /// The user has cancelled it meanwhile.
    Cancelled,
}

/// The settings name a host that cannot be asked for the run.
pub(crate) struct Missing {
    pub(crate) reason: String,
    pub(crate) help: Option<String>,
}

/// This program, as it names itself to hosts and callers.
pub(crate) fn software() -> Software {
    Software { name: "longshore".into(), version: env!("CARGO_PKG_VERSION").into() }
}

/// Finds the host for a run, and starts it there. Blocks for as long as a host takes to answer, for some seconds at most.
///
/// # Errors
/// The settings name a host that is not there, or that does not answer.
pub(crate) fn find(request: Request<'_>, settings: &Settings, cancel: &Cancel) -> Result<Found, Missing> {
    let (path, named) = match &settings.server {
        ServerChoice::None => return Ok(Found::Nobody(None)),
        ServerChoice::Auto => (settings.server_socket(), false),
        ServerChoice::Path(path) => (path.clone(), true),
    };
    let cancelled = cancel.clone();
    let connected = Caller::connect_unless(&path, software(), move || cancelled.is_cancelled());
    match connected.and_then(|caller| start(caller, request, settings)) {
        Ok(found) => Ok(found),
        Err(CallerError::Stopped) => Ok(Found::Cancelled),
        Err(CallerError::NotThere { .. }) if !named => Ok(Found::Nobody(None)),
        Err(error) if named => Err(Missing { help: help(&error), reason: longshore::causes::chain(&error) }),
        Err(error) => Ok(Found::Nobody(Some(longshore::causes::chain(&error)))),
    }
}

/// What to do about a host that the settings name.
fn help(error: &CallerError) -> Option<String> {
    let by_itself = "`LONGSHORE_RUNS_SERVER=none` runs without it";
    match error {
        CallerError::NotThere { .. } => Some(format!("start it with `longshore serve`; {by_itself}")),
        CallerError::Hanging { process: Some(Process { id, is_stopped: true }), .. } => {
            Some(format!("let it go on with `kill -CONT {id}`; {by_itself}"))
        }
        CallerError::Hanging { process: Some(Process { id, .. }), .. } => {
            Some(format!("end it with `kill -KILL {id}`, and start another one; {by_itself}"))
        }
        CallerError::Hanging { .. } | CallerError::Refused { .. } => Some(by_itself.into()),
        _ => None,
    }
}

/// Starts a run at a host, if it would be the same run there.
fn start(caller: Caller, request: Request<'_>, settings: &Settings) -> Result<Found, CallerError> {
    let (own, other) = (software(), caller.software());
    if own != *other {
        let (own, other) = (&own.version, &other.version);
        return Ok(Found::Nobody(Some(format!("the resident host has version {other}, and this command {own}"))));
    }
    let digests = SettingsDigests::of(settings);
    if digests.common != caller.settings() {
        return Ok(Found::Nobody(Some("the resident host was started with other settings".into())));
    }
    for engine in request.engines() {
        match engine {
            EngineChoice::Process if caller.processes().is_none() => return Ok(Found::Nobody(None)),
            EngineChoice::Process | EngineChoice::Auto
                if caller.processes().is_some_and(|of| of != digests.of_processes) =>
            {
                return Ok(Found::Nobody(Some("the resident host was started with other interpreters".into())));
            }
            _ => {}
        }
    }
    if matches!(request, Request::Chain(_)) && !caller.runs_chains() {
        return Ok(Found::Nobody(Some("the resident host runs no chains: it is older than this command".into())));
    }
    let nobody = |error: NotSubmitted| Ok(Found::Nobody(Some(error.to_string())));
    let (mut submitting, steps) = match request {
        Request::Run(request) => match submitted(request) {
            Ok((submission, along)) => (caller.submit(&submission)?, vec![along]),
            Err(error) => return nobody(error),
        },
        Request::Chain(request) => match submitted_chain(request) {
            Ok((chain, along)) => (caller.submit_chain(&chain)?, along),
            Err(error) => return nobody(error),
        },
    };
    for (along, step) in steps.into_iter().zip(0..) {
        submitting.of_step(step);
        send_along(&mut submitting, along)?;
    }
    Ok(Found::Host(Box::new(submitting.start()?)))
}

/// Sends what belongs to a step.
fn send_along(submitting: &mut Submitting, along: Along) -> Result<(), CallerError> {
    for (input, file) in along.sources {
        submitting.source(input, file.into())?;
    }
    for (input, table) in along.tables {
        submitting.table(input, &table)?;
    }
    for (output, file) in along.sinks {
        submitting.sink(output, file.into())?;
    }
    Ok(())
}

impl Request<'_> {
    /// The engines of its runs.
    fn engines(self) -> Vec<EngineChoice> {
        match self {
            Self::Run(request) => vec![request.engine],
            Self::Chain(chain) => chain.steps.iter().map(|step| step.request.engine).collect(),
        }
    }
}

/// Follows a run to its end. A cancel goes to the host; a host that does nothing about it is left with the third signal.
pub(crate) async fn run(mut run: Run, events: Events, cancel: &Cancel, signals: &Signals) -> Ended {
    let (ended, mut end) = oneshot::channel();
    let canceller = run.canceller();
    // Not joined: it ends with the run, or with the program.
    let started = std::thread::Builder::new().name("caller".into()).spawn(move || {
        let result = hear(&mut run, &events);
        drop(events);
        // The receiver may have stopped waiting.
        let _ = ended.send(result);
    });
    if let Err(error) = started {
        return Ended::Lost(format!("cannot start a thread: {error}"));
    }
    let silent = || Ended::Lost("the resident host does not answer: the outcome of the run is unknown".into());
    let cancelling = async {
        pass_on(cancel, canceller).await;
        tokio::time::sleep(PATIENCE).await;
    };
    let result = tokio::select! {
        result = &mut end => result,
        () = cancelling => return silent(),
        () = signals.thrice() => return silent(),
    };
    match result {
        Ok(Ok(ended)) => ended,
        Ok(Err(error)) => Ended::Lost(longshore::causes::chain(&error)),
        Err(_) => Ended::Lost("the thread of the run ended early".into()),
    }
}

/// Passes a cancel on, level by level. Ends with the most urgent one.
async fn pass_on(cancel: &Cancel, canceller: Canceller) {
    let mut level = CancelLevel::None;
    while level < CancelLevel::AtOnce {
        level = cancel.beyond(level).await;
        let (canceller, gently) = (canceller.clone(), level == CancelLevel::Gently);
        // An error means that the host is gone, which the end of the run says, or that it does not read.
        let _ = tokio::task::spawn_blocking(move || if gently { canceller.cancel() } else { canceller.kill() }).await;
    }
}

/// Hears what happens. Blocks.
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
            Happening::Rejected(rejection) if rejection.cancelled => return Ok(Ended::Cancelled),
            Happening::Rejected(rejection) if rejection.busy => return Ok(Ended::Busy(rejection.problems.join("; "))),
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;

    #[test]
    fn a_host_of_the_usual_place_that_hangs_is_a_note() {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = Settings::default();
        folder.path().clone_into(&mut settings.runtime_folder);
        let _silent = UnixListener::bind(settings.server_socket()).unwrap();
        let (request, cancel) = (RunRequest::new("a.py"), Cancel::new());
        let request = Request::Run(&request);
        let Ok(Found::Nobody(Some(reason))) = find(request, &settings, &cancel) else { panic!("it is used") };
        let expected = format!("the host does not answer: its process {} has been silent for 5 s", std::process::id());
        assert_eq!(reason, expected);
        cancel.cancel(CancelLevel::Gently);
        assert!(matches!(find(request, &settings, &cancel), Ok(Found::Cancelled)));
        settings.server = ServerChoice::None;
        assert!(matches!(find(request, &settings, &cancel), Ok(Found::Nobody(None))));
    }
}
