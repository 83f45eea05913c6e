//! What happens during a run, as it happens, and the queue that carries it to its reader.

mod queue;

pub use queue::{DroppedEvents, EventReceiver, Events, events};

use crate::engine_kind::EngineKind;
use crate::pull_progress::LayerProgress;
use longshore_protocol::LogSource;
use std::time::Duration;

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The run's engine is settled.
    Engine {
        /// Which one.
        engine: EngineKind,
        /// Why it is this one, where that needs saying: `auto` fell back.
        note: Option<String>,
    },
    /// The run's environment is being made.
    Building {
        /// A line of what that prints.
        line: String,
    },
    /// The run's environment is made.
    Built {
        /// Which, and how long it took.
        line: String,
    },
    /// The image is being pulled.
    Pulling {
        /// Its name.
        image: String,
        /// What happens to it.
        step: PullStep,
    },
    /// The container is there and its agent has connected.
    Connected,
    /// The script runs.
    Started,
    /// Bytes that the script printed.
    Log {
        /// Where.
        source: LogSource,
        /// What; text is not promised.
        bytes: Vec<u8>,
    },
    /// The script reads an input.
    Reading {
        /// Which, from 0.
        input: u32,
    },
    /// The script's message.
    Message(String),
    /// The script's progress.
    Progress {
        /// From 0 to 1.
        fraction: f64,
        /// What it is doing.
        text: Option<String>,
    },
    /// An error message of the script that ended nothing.
    Error(String),
    /// Something that the person who runs it should know.
    Note(String),
    /// The script is being ended.
    Ending,
    /// The script has ended, and outputs are being published.
    Publishing,
    /// The reader was too slow: what the script, or a build, printed before this was dropped in part.
    Dropped(DroppedEvents),
}

/// What happens while an image is pulled.
#[derive(Debug, Clone, PartialEq)]
pub enum PullStep {
    /// An attempt begins.
    Begun {
        /// The registry that is asked.
        registry: String,
        /// Which attempt it is, from 1.
        attempt: u32,
    },
    /// A layer is further than it was. Not all of them come where the reader is slow.
    Layer(LayerProgress),
    /// An attempt failed, and another follows.
    Failed {
        /// Which attempt it was, from 1.
        attempt: u32,
        /// In the engine's words.
        reason: String,
        /// When the next begins.
        delay: Duration,
    },
    /// It is here.
    Pulled,
}
