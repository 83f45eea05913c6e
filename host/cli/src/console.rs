//! The display of a run on standard error: the script's live output, one progress bar, and the traceback last. Output
//! and bar share one terminal, so everything is printed here.

mod bar;
mod pulling;
mod watcher;

use crate::help;
use crate::printer::{self, Log, Passed};
use bar::Bar;
use longshore::human::{count, size};
use longshore::shown::Shown;
use longshore::{EngineKind, Event, EventReceiver, KeptRecord, OutputRecord, PullStep, Remedy, RunRecord};
use pulling::Pulling;
use std::collections::HashSet;
use std::time::{Duration, Instant};
pub(crate) use watcher::Watcher;

/// The first line of a Python traceback.
const TRACEBACK: &[u8] = b"Traceback (most recent call last):";

/// How long a traceback is held back: if the script continues after it, it is not the last output. Also how long an
/// incomplete line is held back before it is shown: unbuffered programs print lines in pieces, and other output must
/// not split them.
const HOLD: Duration = Duration::from_millis(250);

/// Most bytes held back.
const HELD_MAX: usize = 64 << 10;

/// The streams of a script, by position.
const STDOUT: usize = 0;
const STDERR: usize = 1;

/// An incomplete line.
#[derive(Default)]
struct Begun {
    bytes: Vec<u8>,
    since: Option<Instant>,
}

impl Begun {
    /// Takes printed bytes, and returns the lines that they complete.
    fn take(&mut self, printed: &[u8]) -> Vec<u8> {
        let begun = self.bytes.len();
        self.bytes.extend_from_slice(printed);
        // The bytes from before contain no line end.
        let end = printed.iter().rposition(|byte| matches!(byte, b'\n' | b'\r')).map_or(0, |at| begun + at + 1);
        let end = if self.bytes.len() - end > HELD_MAX { self.bytes.len() } else { end };
        let whole: Vec<u8> = self.bytes.drain(..end).collect();
        let before = self.since.filter(|_| end == 0);
        self.since = (!self.bytes.is_empty()).then(|| before.unwrap_or_else(Instant::now));
        whole
    }
}

/// A run's console.
struct Console {
    quiet: bool,
    bar: Bar,
    /// The script's standard output and standard error.
    logs: [Log; 2],
    /// A traceback that is held back.
    held: Vec<u8>,
    /// Incomplete lines of standard output and standard error.
    begun: [Begun; 2],
    line_is_open: bool,
    noted: HashSet<String>,
    /// The image that is being pulled.
    pulling: Option<Pulling>,
}

impl Console {
    fn new(quiet: bool) -> Self {
        let terminal = printer::err_is_terminal() && !quiet;
        Self {
            quiet,
            bar: Bar::new(terminal),
            logs: [Log::to_err(), Log::to_err()],
            held: Vec::new(),
            begun: Default::default(),
            line_is_open: false,
            noted: HashSet::new(),
            pulling: None,
        }
    }

    /// Shows events until there are no more, and returns itself for [`finish`](Self::finish).
    async fn watch(mut self, mut events: EventReceiver) -> Self {
        loop {
            let since = self.begun.iter().filter_map(|begun| begun.since).min();
            let wait = match since {
                Some(since) => Some(HOLD.saturating_sub(since.elapsed())),
                None => (!self.held.is_empty()).then_some(HOLD),
            };
            let event = match wait {
                None => Some(events.recv().await),
                Some(wait) if wait.is_zero() => None,
                Some(wait) => tokio::time::timeout(wait, events.recv()).await.ok(),
            };
            match event {
                Some(Some(event)) => self.show(event),
                Some(None) => return self,
                None if since.is_some() => self.show_begun(),
                None => self.let_go(),
            }
        }
    }

    fn show(&mut self, event: Event) {
        match event {
            Event::Engine { note: Some(note), .. } => self.note(&note),
            Event::Note(note) => self.note(&help::note(&note)),
            Event::Error(text) => self.line(&format!("error: {text}")),
            Event::Log { source, bytes } => self.log(source == longshore_protocol::LogSource::Stderr, &bytes),
            Event::Message(text) => {
                self.bar.set_message(&text);
                if self.bar.is_hidden() {
                    self.line(&format!("… {text}"));
                }
            }
            Event::Progress { fraction, text } => {
                self.bar.set_fraction(fraction);
                if let Some(text) = text {
                    self.bar.set_message(&text);
                }
            }
            Event::Building { line } => {
                self.bar.tick();
                self.bar.set_message(&line);
                self.line(&format!("  {line}"));
            }
            Event::Built { line } => {
                self.bar.set_message("");
                self.line(&line);
            }
            Event::Pulling { image, step } => self.pulled(&image, step),
            Event::Ending => self.line("ending the script …"),
            Event::Dropped(dropped) => self.note(&dropped.to_string()),
            Event::Started => self.bar.tick(),
            _ => {}
        }
    }

    /// Shows a step of an image pull.
    fn pulled(&mut self, image: &str, step: PullStep) {
        match step {
            PullStep::Begun { registry, attempt } => {
                let again = if attempt > 1 { format!(" (attempt {attempt})") } else { String::new() };
                self.pulling = Some(Pulling::new(image, !self.bar.is_hidden()));
                self.line(&format!("pulling {image} from {registry}{again} …"));
            }
            PullStep::Layer(layer) => {
                let line = self.pulling.as_mut().filter(|pulling| pulling.image() == image);
                if let Some(line) = line.and_then(|pulling| pulling.layer(layer)) {
                    self.line(&line);
                }
            }
            PullStep::Failed { attempt, reason, delay } => {
                self.line(&format!("attempt {attempt} failed: {reason}; retrying in {:.1} s", delay.as_secs_f64()));
                self.end_pulling();
            }
            PullStep::Pulled => {
                self.line(&format!("✓ pulled {image}"));
                self.end_pulling();
            }
            _ => {}
        }
    }

    fn end_pulling(&mut self) {
        if let Some(mut pulling) = self.pulling.take() {
            pulling.clear();
        }
    }

    /// Shows the script's output in complete lines. A traceback is held back for a moment, so that it can be last.
    fn log(&mut self, stderr: bool, bytes: &[u8]) {
        let whole = self.begun[usize::from(stderr)].take(bytes);
        if stderr {
            self.stderr(&whole);
        } else {
            self.raw(STDOUT, &whole);
        }
    }

    /// Shows incomplete lines.
    fn show_begun(&mut self) {
        let [stdout, stderr] = std::mem::take(&mut self.begun);
        self.raw(STDOUT, &stdout.bytes);
        self.stderr(&stderr.bytes);
    }

    fn stderr(&mut self, bytes: &[u8]) {
        if self.held.is_empty() {
            let at_line = |at: usize| at == 0 && !self.line_is_open || at > 0 && bytes[at - 1] == b'\n';
            let start = bytes.windows(TRACEBACK.len()).position(|window| window == TRACEBACK).filter(|at| at_line(*at));
            let Some(start) = start else {
                self.raw(STDERR, bytes);
                return;
            };
            self.raw(STDERR, &bytes[..start]);
            self.held.extend_from_slice(&bytes[start..]);
        } else {
            self.held.extend_from_slice(bytes);
        }
        if self.held.len() > HELD_MAX {
            self.let_go();
        }
    }

    fn let_go(&mut self) {
        let held = std::mem::take(&mut self.held);
        self.raw(STDERR, &held);
    }

    /// Ends the display with the run's outcome, and the traceback last.
    fn finish(mut self, record: &RunRecord) {
        self.show_begun();
        self.bar.clear();
        self.end_pulling();
        if record.outcome.is_success() {
            self.let_go();
            self.dropped(record);
            for output in &record.outputs {
                self.line(&written(output));
            }
            if let Some(kept) = &record.kept {
                self.line(&brought_back(kept));
            }
            for note in &record.notes {
                self.note(&help::note(note));
            }
            if let Some(message) = &record.message {
                self.line(&format!("  {message}"));
            }
            self.line(&ran(record));
            return;
        }
        self.quiet = false;
        let name = serde_json::to_value(record.outcome).ok();
        let name = name.as_ref().and_then(|name| name.as_str()).unwrap_or_default().replace('_', " ");
        let message = record.message.as_deref().map(|message| format!(": {message}")).unwrap_or_default();
        for output in &record.outputs {
            self.line(&written(output));
        }
        let failed = record.partitions.iter().flatten().filter(|part| !part.outcome.is_success());
        // A single failed part is named in the message.
        for part in failed.clone().filter(|_| failed.clone().count() > 1) {
            let reason = part.message.as_deref().unwrap_or_default();
            self.line(&format!("✗ partition `{}`: {reason}", part.value.as_deref().unwrap_or("(null)")));
            self.advice(part.remedy.as_ref().filter(|remedy| record.remedy.as_ref() != Some(remedy)));
        }
        self.line(&format!("✗ {} {name} after {}{message}", record.block, seconds(record.timings_ms.total)));
        self.advice(record.remedy.as_ref());
        if let Some(kept) = &record.kept {
            self.line(&brought_back(kept));
        }
        self.dropped(record);
        self.let_go();
        for hint in &record.hints {
            self.line(&format!("hint: {}", help::note(hint)));
        }
    }

    /// Ends the display without a record.
    fn clear(mut self) {
        self.show_begun();
        self.let_go();
        self.bar.clear();
    }

    fn dropped(&mut self, record: &RunRecord) {
        let dropped = record.dropped_log_bytes.stdout + record.dropped_log_bytes.stderr;
        if dropped > 0 {
            self.line(&format!("note: dropped {dropped} bytes of the script's output beyond the limit"));
        }
    }

    fn advice(&mut self, remedy: Option<&Remedy>) {
        if let Some(words) = remedy.and_then(help::words) {
            self.line(&format!("  help: {words}"));
        }
    }

    /// Shows a note, once.
    fn note(&mut self, note: &str) {
        if self.noted.insert(note.to_owned()) {
            self.line(&format!("note: {note}"));
        }
    }

    fn line(&mut self, text: &str) {
        if self.quiet {
            return;
        }
        let mut shown = Shown::default();
        if std::mem::take(&mut self.line_is_open) {
            shown.push("");
        }
        shown.push(text);
        self.print(|| printer::err(&shown));
    }

    /// Shows bytes that the script printed.
    fn raw(&mut self, stream: usize, bytes: &[u8]) {
        let passed = if self.quiet { Passed::default() } else { self.logs[stream].pass(bytes) };
        if passed.is_empty() {
            return;
        }
        self.line_is_open = !passed.ends_a_line();
        self.print(|| passed.err());
    }

    fn print(&self, print: impl FnOnce()) {
        match &self.pulling {
            Some(pulling) => pulling.suspend(print),
            None => self.bar.suspend(print),
        }
    }
}

fn written(output: &OutputRecord) -> String {
    let id = output.id.as_ref().map(|id| format!(" ({id})")).unwrap_or_default();
    let (rows, bytes) = (count(output.rows, "row"), size(output.bytes));
    format!("✓ output {}{id}: {rows}, {bytes}, in {}", output.index, output.path.display())
}

fn brought_back(kept: &KeptRecord) -> String {
    let (files, folder) = (count(kept.files, "file"), kept.folder.display());
    let counted = |count: u64, what: &str| (count > 0).then(|| format!("{count} {what}"));
    let left_out = [
        counted(kept.special, "links or special files"),
        counted(kept.unreadable, "that cannot be read"),
        counted(kept.beyond, "beyond the limit"),
    ];
    let left_out = left_out.into_iter().flatten().collect::<Vec<_>>().join(", ");
    let left_out = if left_out.is_empty() { left_out } else { format!("; left out: {left_out}") };
    format!("✓ kept: {files}, {}, in {folder}{left_out}", size(kept.bytes))
}

fn ran(record: &RunRecord) -> String {
    let place = match (record.engine, &record.image) {
        (EngineKind::Docker, Some(image)) => {
            format!("in a fresh container of image {}", image.trim_start_matches("sha256:").get(..12).unwrap_or(image))
        }
        (EngineKind::Docker, None) => "in a fresh container".into(),
        (EngineKind::Process, _) => "as a process of this machine, without isolation".into(),
    };
    let timings = record.timings_ms;
    if let Some(partitions) = &record.partitions {
        let (count, name) = (partitions.len(), &record.block);
        let place = place
            .replace("in a fresh container", "each in a fresh container")
            .replace("as a process", "each as a process");
        return format!("✓ {count} partitions of {name} ran {place} in {}", seconds(timings.total));
    }
    format!("✓ {} ran {place} in {} (script {})", record.block, seconds(timings.total), seconds(timings.run))
}

fn seconds(milliseconds: f64) -> String {
    format!("{:.2} s", milliseconds / 1000.0)
}
