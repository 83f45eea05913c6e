//! The output of a build's script, line by line: it is shown, its end is kept for errors, and marked lines are
//! interpreted. All of it is bounded, since packages print there too.

use super::steps::{CHANGE, FETCH, Finish, LACKING, LOCKED, NOTE};
use longshore_engine::Printed;
use longshore_model::event::{Event, Events};
use longshore_model::lines::{Line, LineSplitter};
use longshore_model::redact::Secrets;
use std::collections::VecDeque;
use std::time::Duration;

/// Lines of the output that are kept: a resolver's explanation has a dozen.
const TAIL: usize = 60;

/// Bytes of a line that are kept. The longest have the hashes of a package's files: 500 files of 80 bytes each are 40
/// kB.
const LINE_MAX: usize = 64 << 10;

/// Characters of a line that are shown.
const SHOWN_MAX: usize = 500;

/// Maximum notes passed on: a script has two.
const NOTES_MAX: usize = 10;

/// Bytes of a lock that are kept: 1,000 packages with 100 files of 80 bytes each are 8 MB.
const LOCKED_MAX: usize = 16 << 20;

/// Maximum changes that are kept: the largest environments have 5,000 packages, each added and removed.
const CHANGES_MAX: usize = 10_000;

/// Maximum lifetime of an environment that lacks packages: a day, as in the scripts.
const LIFETIME_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// How lines begin that dpkg prints of each package beside the one that says that the package is set up. They are kept for
/// errors, and not shown.
const STEPS_OF_DPKG: [&str; 5] = [
    "Selecting previously unselected package ",
    "(Reading database ...",
    "Preparing to unpack ",
    "Unpacking ",
    "debconf: delaying package configuration",
];

/// The output of a script so far.
pub(super) struct Lines<'a> {
    /// Of standard output and standard error.
    splitters: [LineSplitter; 2],
    meaning: Meaning<'a>,
}

/// The interpreted content of the lines.
struct Meaning<'a> {
    tail: VecDeque<String>,
    finish: Finish,
    locked: usize,
    secrets: Secrets,
    events: &'a Events,
}

impl<'a> Lines<'a> {
    pub(super) fn new(secrets: Secrets, events: &'a Events) -> Self {
        let meaning = Meaning { tail: VecDeque::new(), finish: Finish::default(), locked: 0, secrets, events };
        Self { splitters: [LineSplitter::new(LINE_MAX), LineSplitter::new(LINE_MAX)], meaning }
    }

    pub(super) fn take(&mut self, printed: Printed<'_>) {
        let (stream, bytes) = match printed {
            Printed::Out(bytes) => (0, bytes),
            Printed::Err(bytes) => (1, bytes),
        };
        self.splitters[stream].take(bytes, |line| self.meaning.take(line));
    }

    /// The result of the script.
    pub(super) fn end(mut self, status: i64) -> Finish {
        for splitter in &mut self.splitters {
            splitter.finish(|line| self.meaning.take(line));
        }
        let Meaning { tail, finish, locked, .. } = self.meaning;
        Finish { status, tail: tail.into(), lock_is_cut: locked > LOCKED_MAX, ..finish }
    }
}

impl Meaning<'_> {
    /// The rest of a line that is too long is dropped.
    fn take(&mut self, line: Line<'_>) {
        // A line that ends in a lone `\r` is a state of a progress bar, and is replaced by the next one.
        if !line.begins || line.bytes.ends_with(b"\r") {
            return;
        }
        let line: String = line.text().chars().filter(|character| !character.is_control()).collect();
        let line = self.secrets.masked_line(&line);
        if line.is_empty() {
            return;
        }
        if let Some(package) = line.strip_prefix(LOCKED.trim_end()).map(str::trim_start) {
            self.locked += package.len();
            if self.locked <= LOCKED_MAX {
                self.finish.locked.push(package.to_owned());
            }
            return;
        }
        let line: String = line.chars().take(SHOWN_MAX).collect();
        if let Some(note) = line.strip_prefix(NOTE) {
            if self.finish.notes.len() < NOTES_MAX {
                self.finish.notes.push(note.to_owned());
            }
            return;
        }
        if let Some(change) = line.strip_prefix(CHANGE) {
            if self.finish.changes.len() < CHANGES_MAX {
                self.finish.changes.push(change.to_owned());
            }
            return;
        }
        if line.starts_with(FETCH) {
            self.finish.fetches = true;
            return;
        }
        if let Some(seconds) = line.strip_prefix(LACKING) {
            let lifetime = seconds.parse().map_or(LIFETIME_MAX, Duration::from_secs).min(LIFETIME_MAX);
            self.finish.lifetime = Some(self.finish.lifetime.map_or(lifetime, |shorter| shorter.min(lifetime)));
            return;
        }
        // A slow watcher misses lines of a build, but not its result.
        if !STEPS_OF_DPKG.iter().any(|step| line.starts_with(step)) {
            self.events.tell(Event::Building { line: line.clone() });
        }
        if self.tail.len() == TAIL {
            self.tail.pop_front();
        }
        self.tail.push_back(line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use longshore_model::event::events;

    #[test]
    fn steps_of_installers_are_not_shown() {
        let (events, mut told) = events();
        let mut lines = Lines::new(Secrets::default(), &events);
        lines.take(Printed::Out(
            b"(Reading database ... 5%\r(Reading database ... 10%\r10%\rSelecting previously unselected package a.\n",
        ));
        lines.take(Printed::Out(b"Preparing to unpack .../a_1.deb ...\nUnpacking a (1) ...\r\nSetting up a (1) ...\n"));
        lines.take(Printed::Out(format!("{LOCKED}\n{LOCKED}a = 1\n").as_bytes()));
        let finish = lines.end(0);
        assert_eq!(finish.locked, ["", "a = 1"]);
        assert_eq!(finish.tail.len(), 4, "{:?}", finish.tail);
        let shown: Vec<Event> = std::iter::from_fn(|| told.try_recv()).collect();
        assert!(matches!(&shown[..], [Event::Building { line }] if line == "Setting up a (1) ..."), "{shown:?}");
    }

    #[test]
    fn what_packages_print_has_bounds() {
        let (events, _told) = events();
        let mut lines = Lines::new(Secrets::default(), &events);
        for number in 0..1000 {
            lines.take(Printed::Out(format!("{NOTE}note {number}\n{LACKING}18446744073709551615\n").as_bytes()));
            lines.take(Printed::Err(format!("line {number} {}\n", "x".repeat(100_000)).as_bytes()));
        }
        let package = format!("{LOCKED}a==1 {}\n", "h".repeat(60_000));
        for _ in 0..1000 {
            lines.take(Printed::Out(package.as_bytes()));
        }
        let finish = lines.end(3);
        assert_eq!((finish.status, finish.notes.len(), finish.tail.len()), (3, NOTES_MAX, TAIL));
        assert!(finish.tail.iter().all(|line| line.len() == SHOWN_MAX) && finish.tail[59].starts_with("line 999 "));
        assert!(finish.lock_is_cut && finish.locked.iter().map(String::len).sum::<usize>() <= LOCKED_MAX);
        assert_eq!(finish.lifetime, Some(LIFETIME_MAX));
    }
}
