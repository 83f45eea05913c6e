//! Recording a run in the history: its beginning, its events as they are passed on, and its record.

use crate::record::RunRecord;
use crate::request::Prepared;
use longshore_config::settings::Settings;
use longshore_model::cancel::Cancel;
use longshore_model::event::{self, Events};
use longshore_store::{HistoryError, NewRun, Recorder, RunRecording};
use std::time::SystemTime;
use tokio::task::{JoinHandle, spawn_blocking};

/// A run that is being recorded.
#[derive(Debug)]
pub(crate) struct RecordedRun {
    /// Passes events on, until the last one.
    listening: JoinHandle<RunRecording>,
    recorder: Recorder,
    keep: u64,
}

impl RecordedRun {
    /// Begins to record a run and its events; the returned ones replace those that are passed on. `None` without a
    /// recorder, or if the settings or the run exclude it from the history.
    pub(crate) async fn begin(
        run_id: &str,
        prepared: &Prepared,
        settings: &Settings,
        recorder: Option<&Recorder>,
        events: &Events,
        cancel: &Cancel,
    ) -> Result<Option<(Self, Events)>, HistoryError> {
        let keep = settings.runs.keep;
        let Some(recorder) = recorder.filter(|_| keep > 0 && prepared.recorded) else { return Ok(None) };
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let run = NewRun {
            run_id: run_id.to_owned(),
            block: prepared.block.name.clone(),
            source: prepared.source.clone(),
            inputs: prepared.input_paths.clone(),
            started_ms: u64::try_from(now.as_millis()).unwrap_or(u64::MAX),
            log_bytes: settings.runs.log_bytes,
        };
        let (recorder, beginning, cancel) = (recorder.clone(), recorder.clone(), cancel.clone());
        let begun = spawn_blocking(move || beginning.begin(run, &cancel));
        let recording = begun.await.unwrap_or_else(|_| Err(recorder.ended_early()))?;
        let (sender, mut told) = event::events();
        let events = events.clone();
        let listening = tokio::spawn(async move {
            while let Some(event) = told.recv().await {
                recording.take(&event);
                events.tell(event);
            }
            recording
        });
        Ok(Some((Self { listening, recorder, keep }, sender)))
    }

    /// Waits until all events are passed on, and writes the record. Removes older runs beyond the number that is kept.
    pub(crate) async fn end(self, record: &RunRecord) -> Result<(), HistoryError> {
        let recording = self.listening.await.map_err(|_| self.recorder.ended_early())?;
        let (outcome, text, keep) = (record.outcome, serde_json::to_string(record), self.keep);
        let writing = spawn_blocking(move || recording.end(outcome, text, keep));
        writing.await.unwrap_or_else(|_| Err(self.recorder.ended_early()))
    }
}
