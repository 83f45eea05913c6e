//! A run that is being recorded: its events become what is to be written. Taking an event never waits for the disk.
//! Secrets are masked before. The build of an environment is forgotten once the script's container runs.

use crate::pending::{Part, Pending};
use longshore_model::event::Event;
use longshore_model::lines::LineSplitter;
use longshore_protocol::LogSource;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Longest line that is kept together; a longer one is taken in pieces.
const LINE_MAX: usize = 64 << 10;

/// Longest message that is kept while a run goes on, in bytes: some lines of a wide terminal. The record has all of the
/// final one.
const MESSAGE_MAX: usize = 4 << 10;

/// When an event is to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Due {
    /// With those before it, or never.
    Later,
    /// With those that follow within a short time.
    Soon,
    /// At once.
    Now,
}

/// A run that is being recorded.
#[derive(Debug)]
pub(crate) struct Live {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Of standard output and standard error: programs print a line in pieces, and the pieces of the two streams arrive
    /// interleaved.
    lines: [LineSplitter; 2],
    half: u64,
    script: Pending,
    build: Pending,
    forgets_build: bool,
    message: Option<String>,
    progress: Option<f64>,
    changed: bool,
}

/// What is to be written of a run.
#[derive(Debug)]
pub(crate) struct Changes {
    /// The parts of the build before these are removed.
    pub(crate) forgets_build: bool,
    pub(crate) build: Vec<Part>,
    pub(crate) build_bytes: u64,
    pub(crate) script: Vec<Part>,
    pub(crate) script_bytes: u64,
    pub(crate) message: Option<String>,
    pub(crate) progress: Option<f64>,
}

impl Live {
    /// A run of whose log the first and the last `half` bytes are kept.
    pub(crate) fn new(half: u64) -> Self {
        let lines = [LineSplitter::new(LINE_MAX), LineSplitter::new(LINE_MAX)];
        let (script, build) = (Pending::new(half), Pending::new(half));
        let (forgets_build, message, progress, changed) = (false, None, None, false);
        let state = State { lines, half, script, build, forgets_build, message, progress, changed };
        Self { state: Mutex::new(state) }
    }

    /// Takes an event: the script's output, in order, and the errors that it reported; before it starts, the output of
    /// the build and its place in the queue; and its messages.
    pub(crate) fn take(&self, event: &Event) -> Due {
        let mut state = self.state();
        let known = state.changed;
        state.take(event);
        match state.changed {
            true if state.script.is_large() || state.build.is_large() => Due::Now,
            true if !known => Due::Soon,
            _ => Due::Later,
        }
    }

    /// What is to be written, if there is anything.
    pub(crate) fn changes(&self) -> Option<Changes> {
        let mut state = self.state();
        std::mem::take(&mut state.changed).then(|| state.changes())
    }

    /// The rest, with incomplete lines.
    pub(crate) fn finish(&self) -> Changes {
        let mut state = self.state();
        let State { lines, script, .. } = &mut *state;
        lines.iter_mut().for_each(|lines| lines.finish(|line| script.push(line.bytes)));
        state.changed = false;
        state.changes()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No code that holds this lock can panic half way.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn take(&mut self, event: &Event) {
        let before = (self.script.taken(), self.build.taken());
        match event {
            Event::Log { source, bytes } => {
                let Self { lines, script, .. } = self;
                lines[usize::from(*source == LogSource::Stderr)].take(bytes, |line| script.push(line.bytes));
            }
            Event::Building { line } => self.build.push(format!("{line}\n").as_bytes()),
            Event::Connected => {
                self.build = Pending::new(self.half);
                self.forgets_build = true;
            }
            Event::Queued { place: 0 } => self.message = None,
            Event::Queued { place } => {
                self.message = Some(format!("waiting in the queue: place {place}"));
            }
            Event::Error(text) => self.script.push(format!("error: {text}\n").as_bytes()),
            Event::Message(text) => self.message = Some(beginning(text)),
            Event::Progress { fraction, text } => {
                self.progress = Some(*fraction);
                self.message = text.as_deref().map(beginning).or(self.message.take());
            }
            _ => return,
        }
        let is_text = matches!(event, Event::Log { .. } | Event::Building { .. } | Event::Error(_));
        self.changed |= !is_text || before != (self.script.taken(), self.build.taken());
    }

    fn changes(&mut self) -> Changes {
        Changes {
            forgets_build: std::mem::take(&mut self.forgets_build),
            build: self.build.take(),
            build_bytes: self.build.taken(),
            script: self.script.take(),
            script_bytes: self.script.taken(),
            message: self.message.clone(),
            progress: self.progress,
        }
    }
}

fn beginning(text: &str) -> String {
    text.char_indices().take_while(|(at, _)| *at < MESSAGE_MAX).map(|(_, character)| character).collect()
}
