//! Recording a run. Its folder is locked while it runs, so that other processes can distinguish it from a run whose
//! host was killed.

use super::HistoryError;
use super::entry::{Entry, LOG};
use super::log::Log;
use super::runs::RunHistory;
use crate::record::RunRecord;
use crate::request::Prepared;
use longshore_config::settings::Settings;
use longshore_engine::task::blocking;
use longshore_model::event::{self, Events};
use longshore_os::locked_folder::LockedFolder;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::SystemTime;
use tokio::task::JoinHandle;

/// A run that is being recorded.
#[derive(Debug)]
pub(crate) struct RunRecorder {
    folder: LockedFolder,
    history: RunHistory,
    entry: Entry,
    keep: usize,
    log_bytes: u64,
    listening: Option<JoinHandle<Log>>,
}

impl RunRecorder {
    /// Begins, unless the settings or the run exclude it from the history.
    pub(crate) async fn begin(
        run_id: &str,
        prepared: &Prepared,
        settings: &Settings,
    ) -> Result<Option<Self>, HistoryError> {
        let keep = usize::try_from(settings.runs.keep).unwrap_or(usize::MAX);
        if keep == 0 || !prepared.recorded {
            return Ok(None);
        }
        let history = RunHistory::new(settings);
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let entry = Entry {
            run_id: run_id.to_owned(),
            block: prepared.block.name.clone(),
            source: prepared.source.clone(),
            inputs: prepared.input_paths.clone(),
            started_ms: u64::try_from(now.as_millis()).unwrap_or(u64::MAX),
            record: None,
        };
        let (state, runs, written) = (settings.state_folder.clone(), history.folder().to_owned(), entry.clone());
        let writing = blocking(move || {
            std::fs::create_dir_all(&state)?;
            let mut folder = LockedFolder::create(&runs, &written.run_id, 0o700)?;
            written.write(folder.path())?;
            // From now on the run is listed, even if it is dropped.
            folder.stay();
            Ok(folder)
        });
        let folder = writing.await.map_err(|source| history.failed("write", source))?;
        let log_bytes = settings.runs.log_bytes;
        Ok(Some(Self { folder, history, entry, keep, log_bytes, listening: None }))
    }

    /// Records events, and passes them on.
    pub(crate) fn listen(&mut self, events: Events) -> Events {
        let (sender, mut told) = event::events();
        let mut log = Log::new(self.log_bytes);
        self.listening = Some(tokio::spawn(async move {
            while let Some(event) = told.recv().await {
                log.take(&event);
                events.tell(event);
            }
            log
        }));
        sender
    }

    /// Waits until all events are passed on, and writes log and record. Removes older runs beyond the number that is
    /// kept.
    pub(crate) async fn end(mut self, record: &RunRecord) -> Result<(), HistoryError> {
        let log = match self.listening.take() {
            Some(listening) => listening.await.ok(),
            None => None,
        };
        let history = self.history.clone();
        let failed = |source| history.failed("write", source);
        self.entry.record = Some(serde_json::to_value(record).map_err(|error| failed(error.into()))?);
        blocking(move || self.write(log)).await.map_err(failed)
    }

    fn write(self, log: Option<Log>) -> io::Result<()> {
        let text = log.map(Log::finish).unwrap_or_default();
        if !text.is_empty() {
            private(&self.folder.path().join(LOG))?.write_all(&text)?;
        }
        self.entry.write(self.folder.path())?;
        drop(self.folder);
        self.history.remove_beyond(self.keep)
    }
}

/// A file that only this user can read.
fn private(path: &Path) -> io::Result<std::fs::File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}
