//! The display of a run: the script's live output on the streams where it belongs, and on standard error one status line,
//! notes, and the verdict last. All streams may share one terminal, so everything is printed here.

mod event_lines;
mod lines;
mod log_end;
mod pulling;
mod status;
mod summary;
mod traceback;
mod watcher;

use crate::help;
use crate::printer::{self, Log};
use crate::terminal::{self, Stream};
use event_lines::EventLines;
use lines::Lines;
use log_end::LogEnd;
use longshore::human::size;
use longshore::shown::Shown;
use longshore::table::Preview;
use longshore::{Cancel, CancelLevel, Event, EventReceiver, LogSource, Outcome, PullStep, RunRecord};
use pulling::Pulling;
use status::Status;
use std::collections::HashSet;
use std::io;
use std::time::{Duration, Instant};
use traceback::Traceback;
pub(crate) use watcher::Watcher;

/// How long an incomplete line, or a traceback, is held back before it is shown.
const HOLD: Duration = Duration::from_millis(250);

/// The streams of a script, by position.
const STDOUT: usize = 0;
const STDERR: usize = 1;

/// What a run shows, and where.
#[derive(Debug, Clone, Default)]
pub(crate) struct Look {
    /// Only the script's output, and failures.
    pub(crate) quiet: bool,
    /// The script's standard output goes to standard error: standard output is for data.
    pub(crate) data_on_out: bool,
    /// Events are printed on standard output.
    pub(crate) events: bool,
    /// The number of lines to return at the end.
    pub(crate) log_end: Option<usize>,
    /// Whether the run has no other result than what it prints: it ends with the reader of standard output.
    pub(crate) only_prints: bool,
}

/// A run's console.
struct Console {
    look: Look,
    cancel: Cancel,
    status: Status,
    /// The script's standard output and standard error.
    logs: [Log; 2],
    /// Their incomplete lines.
    begun: [Lines; 2],
    traceback: Traceback,
    /// Whether a line is open on standard output and on standard error.
    is_open: [bool; 2],
    /// Whether both show the same.
    is_shared: bool,
    events: Option<EventLines>,
    log_end: Option<LogEnd>,
    /// The first rows of outputs that nobody asked for, by output.
    previews: Vec<(u32, Preview)>,
    /// Standard output has no reader.
    reader_is_gone: bool,
    noted: HashSet<String>,
    /// The image that is being pulled.
    pulling: Option<Pulling>,
}

impl Console {
    fn new(look: Look, cancel: Cancel) -> Self {
        let out = if look.data_on_out { Stream::Err } else { Stream::Out };
        Self {
            status: Status::new(terminal::is_animated() && !look.quiet),
            logs: [Log::to(out), Log::to(Stream::Err)],
            begun: Default::default(),
            traceback: Traceback::default(),
            is_open: [false; 2],
            is_shared: terminal::is_shared(),
            events: look.events.then(EventLines::new),
            log_end: look.log_end.map(LogEnd::new),
            previews: Vec::new(),
            reader_is_gone: false,
            noted: HashSet::new(),
            pulling: None,
            look,
            cancel,
        }
    }

    /// Shows events until there are no more, and returns itself for [`finish`](Self::finish).
    async fn watch(mut self, mut events: EventReceiver) -> Self {
        self.status.text("starting");
        loop {
            let since = self.line_since().into_iter().chain(self.traceback.since()).min();
            let event = match since.map(|since| HOLD.saturating_sub(since.elapsed())) {
                None => Some(events.recv().await),
                Some(wait) if wait.is_zero() => None,
                Some(wait) => tokio::time::timeout(wait, events.recv()).await.ok(),
            };
            match event {
                Some(Some(event)) => self.show(event),
                Some(None) => return self,
                None => self.show_late(),
            }
        }
    }

    fn show(&mut self, event: Event) {
        if let Some(printed) = self.events.as_mut().map(|lines| lines.print(&event)) {
            self.check_reader(printed);
        }
        match event {
            Event::Engine { note: Some(note), .. } => self.note(&note),
            Event::Note(note) => self.note(&help::note(&note)),
            Event::Error(text) => self.always(&format!("error: {text}")),
            Event::Log { source, bytes } => self.log(source, &bytes),
            Event::Message(text) => {
                self.close_line();
                self.status.text(&text);
                if !self.status.is_animated() {
                    self.line(&format!("… {text}"));
                }
            }
            Event::Progress { fraction, text } => {
                self.close_line();
                self.status.progress(fraction);
                if let Some(text) = text {
                    self.status.text(&text);
                }
            }
            Event::Building { line } => {
                self.status.text(&line);
                self.line(&format!("  {line}"));
            }
            Event::Built { line } => {
                self.status.text("starting");
                self.line(&line);
            }
            Event::Pulling { image, step } => self.pulled(&image, step),
            Event::Queued { place } => self.queued(place),
            Event::Ending if self.reader_is_gone => {}
            Event::Ending => self.line("ending the script …"),
            Event::Dropped(dropped) => self.note(&dropped.to_string()),
            Event::Started => self.status.started(),
            Event::Unsaved { index, preview, .. } => self.previews.push((index, preview)),
            _ => {}
        }
    }

    /// Shows the run's place among those that wait.
    fn queued(&mut self, place: u64) {
        if place == 0 {
            self.status.text("starting");
            return;
        }
        let text = format!("waiting in the queue: place {place}");
        self.status.text(&text);
        if !self.status.is_animated() {
            self.line(&format!("… {text}"));
        }
    }

    /// Shows a step of an image pull.
    fn pulled(&mut self, image: &str, step: PullStep) {
        match step {
            PullStep::Begun { registry, attempt } => {
                self.status.clear();
                let again = if attempt > 1 { format!(" (attempt {attempt})") } else { String::new() };
                self.pulling = Some(Pulling::new(image, self.status.is_animated()));
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
                self.status.text("starting");
            }
            _ => {}
        }
    }

    fn end_pulling(&mut self) {
        if let Some(mut pulling) = self.pulling.take() {
            pulling.clear();
        }
    }

    /// Shows the script's output in complete lines.
    fn log(&mut self, source: LogSource, bytes: &[u8]) {
        if let Some(end) = &mut self.log_end {
            end.take(source, bytes);
        }
        let stream = usize::from(source == LogSource::Stderr);
        let mut whole = self.begun[stream].take(bytes, self.status.is_shown());
        if stream == STDERR {
            whole = self.traceback.take(whole);
        }
        self.raw(stream, &whole);
    }

    /// When an incomplete line began. Below it there is no place for the status line.
    fn line_since(&self) -> Option<Instant> {
        self.begun.iter().filter_map(Lines::since).min().filter(|_| !self.status.is_shown())
    }

    /// Shows what has been held back for long enough.
    fn show_late(&mut self) {
        let is_late = |since: Option<Instant>| since.is_some_and(|since| since.elapsed() >= HOLD);
        if is_late(self.line_since()) {
            self.show_begun();
        }
        if is_late(self.traceback.since()) {
            let held = self.traceback.rest();
            self.raw(STDERR, &held);
        }
    }

    /// Shows incomplete lines.
    fn show_begun(&mut self) {
        let rest = self.begun[STDOUT].rest();
        self.raw(STDOUT, &rest);
        let rest = self.begun[STDERR].rest();
        let rest = self.traceback.take(rest);
        self.raw(STDERR, &rest);
    }

    /// Ends the display with the run's outcome. Returns the end of the log, if it was asked for.
    fn finish(mut self, record: &RunRecord, signal: Option<&str>) -> Option<Vec<String>> {
        self.clear();
        // As for other programs: a reader such as `head` may stop early.
        if self.reader_is_gone && record.outcome == Outcome::Interrupted {
            return self.log_end.map(LogEnd::finish);
        }
        let failed = !record.outcome.is_success();
        self.look.quiet &= !failed;
        self.dropped(record);
        for output in &record.outputs {
            self.line(&summary::written(output));
        }
        self.show_unsaved(record);
        if let Some(kept) = &record.kept {
            self.line(&summary::kept(kept));
        }
        if failed {
            self.failed_parts(record);
            if let Some(words) = record.remedy.as_ref().and_then(help::words) {
                self.line(&format!("help: {words}"));
            }
            for hint in &record.hints {
                self.line(&format!("hint: {}", help::note(hint)));
            }
        } else {
            for note in &record.notes {
                self.note(&help::note(note));
            }
            if let Some(message) = &record.message {
                self.line(&format!("  {message}"));
            }
        }
        if let Some(steps) = &record.steps {
            self.lines(&summary::steps(steps));
        }
        self.line(&summary::verdict(record, signal));
        self.log_end.map(LogEnd::finish)
    }

    fn failed_parts(&mut self, record: &RunRecord) {
        let failed = record.partitions.iter().flatten().filter(|part| !part.outcome.is_success());
        // A single failed part is named in the message.
        for part in failed.clone().filter(|_| failed.clone().count() > 1) {
            let reason = part.message.as_deref().unwrap_or_default();
            self.line(&format!("✗ partition `{}`: {reason}", part.value.as_deref().unwrap_or("(null)")));
            let remedy = part.remedy.as_ref().filter(|remedy| record.remedy.as_ref() != Some(remedy));
            if let Some(words) = remedy.and_then(help::words) {
                self.line(&format!("  help: {words}"));
            }
        }
    }

    /// Shows the outputs that nobody asked for: on a terminal with their first rows.
    fn show_unsaved(&mut self, record: &RunRecord) {
        let previews = std::mem::take(&mut self.previews);
        for output in &record.unsaved {
            let mut text = Shown::line(summary::unsaved(output));
            let preview = previews.iter().find(|(known, _)| *known == output.index);
            if let (Some((_, preview)), Some(columns)) = (preview, Stream::Err.columns()) {
                text += summary::first_rows(output.rows, preview, columns);
            }
            self.lines(&text);
        }
    }

    /// Removes what is not a line yet, and shows what is left.
    fn clear(&mut self) {
        self.status.clear();
        self.end_pulling();
        self.show_begun();
        let held = self.traceback.rest();
        self.raw(STDERR, &held);
        if let Some(printed) = self.events.as_mut().map(EventLines::finish) {
            self.check_reader(printed);
        }
    }

    fn dropped(&mut self, record: &RunRecord) {
        let dropped = record.dropped_log_bytes.stdout + record.dropped_log_bytes.stderr;
        if dropped > 0 {
            self.line(&format!("note: dropped {} of the script's output beyond the limit", size(dropped)));
        }
    }

    /// Shows a note, once.
    fn note(&mut self, note: &str) {
        if self.noted.insert(note.to_owned()) {
            self.line(&format!("note: {note}"));
        }
    }

    fn line(&mut self, text: &str) {
        self.lines(&Shown::line(text));
    }

    fn lines(&mut self, text: &Shown) {
        if !self.look.quiet {
            self.close_line();
            self.print(|| printer::err(text));
        }
    }

    /// Shows a line even if this program is to be quiet.
    fn always(&mut self, text: &str) {
        self.close_line();
        self.print(|| printer::err(&Shown::line(text)));
    }

    /// Ends a line of the script, so that a line of ours can follow.
    fn close_line(&mut self) {
        if std::mem::take(&mut self.is_open[screen(self.is_shared, Stream::Err)]) {
            self.print(|| printer::end_line(Stream::Err));
        }
    }

    /// Shows bytes that the script printed.
    fn raw(&mut self, stream: usize, bytes: &[u8]) {
        let passed = self.logs[stream].pass(bytes);
        let target = self.logs[stream].stream();
        if passed.is_empty() || self.reader_is_gone && target == Stream::Out {
            return;
        }
        self.is_open[screen(self.is_shared, target)] = !passed.ends_a_line();
        let mut printed = Ok(());
        self.print(|| printed = passed.write());
        if target == Stream::Out {
            self.check_reader(printed);
        }
    }

    /// Ends a run that has nothing more to give if the reader of standard output is gone.
    fn check_reader(&mut self, printed: io::Result<()>) {
        if printed.is_err_and(|error| error.kind() == io::ErrorKind::BrokenPipe) {
            self.reader_is_gone = true;
            if self.look.only_prints {
                self.cancel.cancel(CancelLevel::AtOnce);
            }
        }
    }

    fn print(&self, print: impl FnOnce()) {
        match &self.pulling {
            Some(pulling) => pulling.suspend(print),
            None => self.status.suspend(print),
        }
    }
}

/// The position of a stream among the places where lines are open.
fn screen(is_shared: bool, stream: Stream) -> usize {
    usize::from(is_shared || stream == Stream::Err)
}
