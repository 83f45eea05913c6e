//! Recording a run in the history: its beginning, its events as they are passed on, and its record.

use crate::record::RunRecord;
use crate::request::Prepared;
use longshore_config::settings::Settings;
use longshore_model::cancel::Cancel;
use longshore_model::causes::chain;
use longshore_model::event::{self, Event, EventReceiver, Events};
use longshore_model::note::Note;
use longshore_store::{HistoryError, NewRun, Recorder, RunRecording};
use std::path::PathBuf;
use std::time::SystemTime;
use tokio::task::{JoinHandle, spawn_blocking};

/// What a run is recorded as.
#[derive(Debug)]
pub(crate) struct RecordedAs {
    pub(crate) run_id: String,
    /// The block's name.
    pub(crate) block: String,
    /// The absolute path of the block's folder or script.
    pub(crate) source: PathBuf,
    /// The files of the inputs.
    pub(crate) inputs: Vec<Option<PathBuf>>,
    /// Whether it is recorded at all.
    pub(crate) recorded: bool,
}

impl RecordedAs {
    /// A run of a block.
    pub(crate) fn of(prepared: &Prepared, run_id: &str) -> Self {
        Self {
            run_id: run_id.to_owned(),
            block: prepared.block.name.clone(),
            source: prepared.source.clone(),
            inputs: prepared.input_paths.clone(),
            recorded: prepared.recorded,
        }
    }
}

/// A run that is being recorded.
#[derive(Debug)]
pub(crate) struct RecordedRun {
    /// Passes events on, until the last one.
    listening: JoinHandle<Result<RunRecording, HistoryError>>,
    recorder: Recorder,
    keep: u64,
}

impl RecordedRun {
    /// Begins to record a run and its events; the returned ones replace those that are passed on. The run does not wait
    /// for the disk: only its events do, of which the first tells that it is in the history. `None` without a recorder, or
    /// if the settings or the run exclude it from the history; that it has begun is told then too.
    pub(crate) fn begin(
        run: RecordedAs,
        settings: &Settings,
        recorder: Option<&Recorder>,
        events: &Events,
        cancel: &Cancel,
    ) -> (Option<Self>, Events) {
        let keep = settings.runs.keep;
        let Some(recorder) = recorder.filter(|_| keep > 0 && run.recorded).cloned() else {
            events.tell(Event::Begun { run_id: run.run_id });
            return (None, events.clone());
        };
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let run = NewRun {
            run_id: run.run_id,
            block: run.block,
            source: run.source,
            inputs: run.inputs,
            started_ms: u64::try_from(now.as_millis()).unwrap_or(u64::MAX),
            log_bytes: settings.runs.log_bytes,
        };
        let (sender, told) = event::events();
        let listening = tokio::spawn(record(recorder.clone(), run, told, events.clone(), cancel.clone()));
        (Some(Self { listening, recorder, keep }), sender)
    }

    /// Waits until all events are passed on, and writes the record. Removes older runs beyond the number that is kept.
    async fn end(self, record: &RunRecord) -> Result<(), HistoryError> {
        let recording = self.listening.await.unwrap_or_else(|_| Err(self.recorder.ended_early()))?;
        let (outcome, text, keep) = (record.outcome, serde_json::to_string(record), self.keep);
        let writing = spawn_blocking(move || recording.end(outcome, text, keep));
        writing.await.unwrap_or_else(|_| Err(self.recorder.ended_early()))
    }
}

/// Adds to a record what was dropped of the events that went to their reader, and writes it, if it is recorded.
pub(crate) async fn conclude(recorded: Option<RecordedRun>, record: &mut RunRecord, reader: &Events) {
    let dropped = Some(reader.dropped()).filter(|dropped| dropped.events > 0);
    record.notes.extend(dropped.map(|dropped| Note::from(dropped.to_string())));
    if let Some(recorded) = recorded
        && let Err(error) = recorded.end(record).await
    {
        record.notes.push(unrecorded(&error));
    }
}

/// Begins to record a run, tells that it has begun, and passes its events on to their end.
async fn record(
    recorder: Recorder,
    run: NewRun,
    mut told: EventReceiver,
    events: Events,
    cancel: Cancel,
) -> Result<RunRecording, HistoryError> {
    let (run_id, beginning) = (run.run_id.clone(), recorder.clone());
    let begun = spawn_blocking(move || beginning.begin(run, &cancel)).await;
    let recording = begun.unwrap_or_else(|_| Err(recorder.ended_early()));
    // It is in the history from here on.
    events.tell(Event::Begun { run_id });
    if let Err(error) = &recording {
        events.tell(Event::Note(unrecorded(error)));
    }
    while let Some(event) = told.recv().await {
        if let Ok(recording) = &recording {
            recording.take(&event);
        }
        events.tell(event);
    }
    recording
}

/// The note of a run that cannot be recorded.
fn unrecorded(error: &HistoryError) -> Note {
    Note::new(format!("the run is not recorded: {}", chain(error)), error.remedy())
}
