//! Events of a run, and the queue that carries them to a reader.

mod json;
mod queue;

pub use queue::{DroppedEvents, EventReceiver, Events, events};

use crate::engine_kind::EngineKind;
use crate::note::Note;
use crate::outcome::Outcome;
use crate::pull_progress::LayerProgress;
use crate::table::Preview;
use longshore_protocol::LogSource;
use std::time::Duration;

/// A container that waits for a program of the caller, in the place of the script.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Attended {
    /// The container's name at its engine; `None` without a container.
    pub container: Option<String>,
    /// The script's user and group; `None` for the user of the host.
    pub user: Option<(u32, u32)>,
    /// The working folder.
    pub folder: String,
    /// How the script is started there, without the folder; empty for documents and snippets.
    pub starts: String,
    /// The named pipe below the working folder that takes the exit status of the program, which ends the run. Beside it a
    /// file with `.environment` behind its name has the script's environment, in the form of a shell.
    pub end: String,
}

impl Attended {
    /// One in this folder.
    #[must_use]
    pub fn new(folder: String, end: String) -> Self {
        Self { container: None, user: None, folder, starts: String::new(), end }
    }
}

/// An event of a run.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// The run begins.
    Begun {
        /// Its id.
        run_id: String,
    },
    /// The run's engine is chosen.
    Engine {
        /// The engine.
        engine: EngineKind,
        /// The reason, if it needs one: `auto` fell back.
        note: Option<String>,
    },
    /// The run's environment is being built.
    Building {
        /// A line of the build's output.
        line: String,
    },
    /// The run's environment is ready.
    Built {
        /// The environment, and how long the build took.
        line: String,
    },
    /// The image is being pulled.
    Pulling {
        /// Its name.
        image: String,
        /// The step.
        step: PullStep,
    },
    /// The run waits for memory and processors.
    Queued {
        /// Its place among those that wait, from 1, if all take the same; 0 once it waits no more.
        place: u64,
    },
    /// The container is running and its agent has connected.
    Connected,
    /// The container waits for a program of the caller, which can start it once the script has started.
    Attended(Box<Attended>),
    /// The script has started.
    Started,
    /// A step of a chain begins or has ended.
    Step {
        /// Its name.
        step: String,
        /// The id of its own run.
        run_id: String,
        /// How it ended; `None` at its beginning.
        outcome: Option<Outcome>,
    },
    /// Bytes that the script printed.
    Log {
        /// The stream.
        source: LogSource,
        /// The bytes, which need not be text.
        bytes: Vec<u8>,
    },
    /// The script reads an input.
    Reading {
        /// The input's number, from 0.
        input: u32,
    },
    /// The script's message.
    Message(String),
    /// The script's progress.
    Progress {
        /// From 0 to 1.
        fraction: f64,
        /// What the script is doing.
        text: Option<String>,
    },
    /// An error message of the script that does not end the run.
    Error(String),
    /// A note for the user.
    Note(Note),
    /// The script is being ended.
    Ending,
    /// The run has succeeded, and the script wrote an output that nobody asked for.
    Unsaved {
        /// The output's number, from 0.
        index: u32,
        /// Its id in the manifest.
        id: Option<String>,
        /// Its rows.
        rows: u64,
        /// Its first rows.
        preview: Preview,
    },
    /// The script has ended, and its outputs are being published.
    Publishing,
    /// The reader was too slow: part of the script's or build's earlier output was dropped.
    Dropped(DroppedEvents),
}

/// A step in pulling an image.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum PullStep {
    /// An attempt starts.
    Begun {
        /// The registry.
        registry: String,
        /// The number of the attempt, from 1.
        attempt: u32,
    },
    /// The progress of a layer. Some are skipped if the reader is slow.
    Layer(LayerProgress),
    /// An attempt failed, and will be repeated.
    Failed {
        /// The number of the attempt, from 1.
        attempt: u32,
        /// The engine's message.
        reason: String,
        /// The delay before the next attempt.
        delay: Duration,
    },
    /// The image is pulled.
    Pulled,
}
