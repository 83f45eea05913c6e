//! Recording runs, as a host sees it. The thread that writes is started with the first run.

use crate::database::Place;
use crate::error::{HistoryError, StoreFailure};
use crate::live::{Due, Live};
use crate::new_run::NewRun;
use crate::writer::{Command, Ended, Writer};
use longshore_model::cancel::Cancel;
use longshore_model::event::Event;
use longshore_model::outcome::Outcome;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// Commands that wait for the thread: beginnings and ends of runs, whose callers wait too.
const COMMANDS_MAX: usize = 64;

/// Records the runs of a host. Clones share their thread.
#[derive(Debug, Clone)]
pub struct Recorder {
    place: Place,
    commands: Arc<Mutex<Option<SyncSender<Command>>>>,
}

/// A run that is being recorded. If this is dropped without an end, the run is lost.
#[derive(Debug)]
pub struct RunRecording {
    place: Place,
    number: i64,
    live: Arc<Live>,
    pub(crate) commands: SyncSender<Command>,
}

impl Recorder {
    /// A recorder of the database in a state folder, which is created with the first run.
    #[must_use]
    pub fn new(state_folder: &Path) -> Self {
        Self { place: Place::new(state_folder), commands: Arc::default() }
    }

    /// Records that a run begins: from now on other processes can see it, and can have it cancelled through `cancel`.
    /// Blocks.
    ///
    /// # Errors
    /// [`HistoryError::Store`].
    pub fn begin(&self, run: NewRun, cancel: &Cancel) -> Result<RunRecording, HistoryError> {
        let failed = self.place.failed("write");
        let commands = self.commands().map_err(|error| failed(error.into()))?;
        let live = Arc::new(Live::new(run.log_bytes / 2));
        let (reply, replied) = channel();
        let command = Command::Begin { run, live: Arc::clone(&live), cancel: cancel.clone(), reply };
        let number = asked(&commands, command, &replied).map_err(failed)?;
        Ok(RunRecording { place: self.place.clone(), number, live, commands })
    }

    /// The error of a recording whose caller's thread or task ended early.
    #[must_use]
    pub fn ended_early(&self) -> HistoryError {
        self.place.failed("write")(StoreFailure::Ended)
    }

    /// The way to the thread, which is started if there is none.
    fn commands(&self) -> std::io::Result<SyncSender<Command>> {
        let mut commands = self.commands.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(commands) = &*commands {
            return Ok(commands.clone());
        }
        let (sender, received) = sync_channel(COMMANDS_MAX);
        let place = self.place.clone();
        // Not joined: it ends with the last sender, and a run that has ended left nothing for it to do.
        thread::Builder::new().name("record".into()).spawn(move || Writer::new(place).work(&received))?;
        Ok(commands.insert(sender).clone())
    }
}

impl RunRecording {
    /// Records an event of the run. Never waits for the disk.
    pub fn take(&self, event: &Event) {
        let wake = match self.live.take(event) {
            Due::Later => return,
            Due::Soon => Command::Soon,
            Due::Now => Command::Now,
        };
        // If many commands wait, the thread is awake, and looks at all runs after them.
        let _ = self.commands.try_send(wake);
    }

    /// Records that the run has ended, with its record as JSON. Removes the oldest runs, and keeps as many of the newest
    /// runs as `keep`. Blocks.
    ///
    /// # Errors
    /// [`HistoryError::Store`].
    pub fn end(self, outcome: Outcome, record: serde_json::Result<String>, keep: u64) -> Result<(), HistoryError> {
        let failed = self.place.failed("write");
        let record = record.map_err(|error| failed(error.into()))?;
        let (reply, replied) = channel();
        let ended = Ended { outcome, record, keep };
        let command = Command::End { number: self.number, ended, reply };
        asked(&self.commands, command, &replied).map_err(failed)
    }
}

impl Drop for RunRecording {
    fn drop(&mut self) {
        // The thread sees that this end is gone, at the latest when it looks at all runs.
        let _ = self.commands.try_send(Command::Soon);
    }
}

fn asked<T>(
    commands: &SyncSender<Command>,
    command: Command,
    replied: &Receiver<Result<T, StoreFailure>>,
) -> Result<T, StoreFailure> {
    commands.send(command).map_err(|_| StoreFailure::Ended)?;
    replied.recv().map_err(|_| StoreFailure::Ended)?
}
