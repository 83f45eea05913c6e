//! Runs of the history: listing, finding, reading and removing them.

use super::HistoryError;
use super::entry::{Entry, LOG};
use longshore_config::settings::Settings;
use longshore_os::presence::if_there;
use longshore_os::small_file;
use serde::Serialize;
use serde_json::Value;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// The folder of runs in the state folder.
const FOLDER: &str = "runs";

/// Most bytes of a log that is read: the default settings keep 1 MB; a log of more than a thousand times that is read
/// from its file.
const LOG_MAX: u64 = 1 << 30;

/// The reference to the newest run.
const LAST: &str = "last";

/// The state of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// It is running.
    Running,
    /// It has ended, and has a record.
    Ended,
    /// Its host was killed before the run ended.
    Lost,
}

/// A run of the history.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct HistoryEntry {
    /// The run's id.
    pub run_id: String,
    /// The block's name.
    pub block: String,
    /// The block's folder or script, as it was then.
    pub source: PathBuf,
    /// The files of its inputs, by number; `null` where nothing was connected.
    pub inputs: Vec<Option<PathBuf>>,
    /// When it began, in milliseconds since 1970.
    pub started_ms: u64,
    /// Its state.
    pub state: RunState,
    /// The record as JSON; `null` until the run has ended.
    pub record: Option<Value>,
}

/// All recorded runs of this user.
#[derive(Debug, Clone)]
pub struct RunHistory {
    folder: PathBuf,
}

impl HistoryEntry {
    /// How it ended, in the record's words; `None` without one.
    #[must_use]
    pub fn outcome(&self) -> Option<&str> {
        self.record.as_ref()?.get("outcome")?.as_str()
    }

    /// How long ago it began.
    #[must_use]
    pub fn age(&self) -> Duration {
        let started = SystemTime::UNIX_EPOCH + Duration::from_millis(self.started_ms);
        SystemTime::now().duration_since(started).unwrap_or_default()
    }
}

impl RunHistory {
    /// The history in the state folder of the settings. The folder need not exist.
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        Self { folder: settings.state_folder.join(FOLDER) }
    }

    /// The folder, with a folder for each run.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn failed(&self, what: &'static str, source: io::Error) -> HistoryError {
        HistoryError::Folder { path: self.folder.clone(), what, source }
    }

    /// All runs, the newest first.
    ///
    /// # Errors
    /// [`HistoryError::Folder`].
    pub fn list(&self) -> Result<Vec<HistoryEntry>, HistoryError> {
        let names = self.names().map_err(|source| self.failed("read", source))?;
        Ok(names.iter().filter_map(|name| self.read(name)).collect())
    }

    /// The run whose id, or the part of it after the dash, begins with this; `last` is the newest.
    ///
    /// # Errors
    /// [`HistoryError`].
    pub fn find(&self, reference: &str) -> Result<HistoryEntry, HistoryError> {
        let unknown = || HistoryError::Unknown { reference: reference.to_owned() };
        let names = self.names().map_err(|source| self.failed("read", source))?;
        let after_dash = |name: &String| name.split_once('-').is_some_and(|(_, end)| end.starts_with(reference));
        let is_meant = |name: &&String| name.starts_with(reference) || after_dash(name);
        let found: Vec<&String> = match reference {
            "" => Vec::new(),
            LAST => names.iter().take(1).collect(),
            _ => names.iter().filter(is_meant).collect(),
        };
        let whole = found.iter().find(|name| **name == reference);
        match (whole, found.as_slice()) {
            (Some(name), _) | (None, [name]) => self.read(name).ok_or_else(unknown),
            (None, []) => Err(unknown()),
            (None, several) => {
                let runs = several.iter().map(|name| format!("`{name}`")).collect();
                Err(HistoryError::Ambiguous { reference: reference.to_owned(), runs })
            }
        }
    }

    /// The script's output, or the beginning and the end of a long one; empty while the run is running.
    ///
    /// # Errors
    /// [`HistoryError::Folder`].
    pub fn log(&self, run: &HistoryEntry) -> Result<Vec<u8>, HistoryError> {
        let read = if_there(small_file::read(&self.folder.join(&run.run_id).join(LOG), LOG_MAX));
        read.map(Option::unwrap_or_default).map_err(|source| self.failed("read", source))
    }

    /// Removes a run from the history.
    ///
    /// # Errors
    /// [`HistoryError::Running`], or [`HistoryError::Folder`].
    pub fn remove(&self, run: &HistoryEntry) -> Result<(), HistoryError> {
        match longshore_os::locked_folder::remove_unlocked(&self.folder.join(&run.run_id)) {
            Ok(true) => Ok(()),
            Ok(false) => Err(HistoryError::Running { run: run.run_id.clone() }),
            Err(source) => Err(self.failed("remove", source)),
        }
    }

    /// Removes all but the newest and the running runs.
    pub(super) fn remove_beyond(&self, keep: usize) -> io::Result<()> {
        for name in self.names()?.iter().skip(keep) {
            longshore_os::locked_folder::remove_unlocked(&self.folder.join(name))?;
        }
        Ok(())
    }

    /// The names of the runs' folders, which sort by time, the newest first.
    fn names(&self) -> io::Result<Vec<String>> {
        let entries = if_there(std::fs::read_dir(&self.folder))?.into_iter().flatten();
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                names.extend(entry.file_name().into_string().ok());
            }
        }
        names.sort_unstable_by(|one, other| other.cmp(one));
        Ok(names)
    }

    /// A run, unless its entry is not written yet, or was removed meanwhile.
    fn read(&self, name: &str) -> Option<HistoryEntry> {
        let folder = self.folder.join(name);
        // The lock is checked first: a run that ends in between has its record then.
        let locked = longshore_os::locked_folder::is_locked(&folder);
        let Entry { run_id, block, source, inputs, started_ms, record } = Entry::read(&folder).ok()?;
        let state = match (&record, locked) {
            (Some(_), _) => RunState::Ended,
            (None, true) => RunState::Running,
            (None, false) => RunState::Lost,
        };
        Some(HistoryEntry { run_id, block, source, inputs, started_ms, state, record })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use longshore_os::locked_folder::LockedFolder;

    /// A history with these runs, each `(name, has a record)`.
    fn history(runs: &[(&str, bool)]) -> (tempfile::TempDir, RunHistory) {
        let parent = tempfile::tempdir().unwrap();
        let history = RunHistory { folder: parent.path().join(FOLDER) };
        for (name, ended) in runs {
            let folder = history.folder.join(name);
            std::fs::create_dir_all(&folder).unwrap();
            let entry = Entry {
                run_id: (*name).to_owned(),
                block: "b".into(),
                source: "/b".into(),
                inputs: Vec::new(),
                started_ms: 0,
                record: ended.then(|| serde_json::json!({"outcome": "failed"})),
            };
            entry.write(&folder).unwrap();
        }
        (parent, history)
    }

    #[test]
    fn runs_are_found_by_their_id_and_by_parts_of_it() {
        let (_parent, history) = history(&[("64a1-00ff", true), ("64a2-00ee", true), ("64b3-11dd", true)]);
        let find = |reference: &str| history.find(reference).map(|run| run.run_id).map_err(|error| error.to_string());
        for (reference, run) in
            [("64a2-00ee", "64a2-00ee"), ("64b", "64b3-11dd"), ("00e", "64a2-00ee"), ("last", "64b3-11dd")]
        {
            assert_eq!(find(reference), Ok(run.to_owned()), "{reference}");
        }
        assert_eq!(
            find("64a").unwrap_err(),
            "`64a` matches several runs, `64a2-00ee`, `64a1-00ff`: give more characters of the id"
        );
        for reference in ["", "nothing", "../runs"] {
            assert!(find(reference).unwrap_err().contains("there is no run"), "{reference}");
        }
        assert!(RunHistory { folder: "/nowhere".into() }.list().unwrap().is_empty());
    }

    #[test]
    fn a_run_goes_on_has_ended_or_is_lost() {
        let (_parent, history) = history(&[("1-a", true), ("2-b", false)]);
        let running = LockedFolder::create(&history.folder, "3-c", 0o700).unwrap();
        // Its entry is not written yet.
        assert_eq!(history.list().unwrap().len(), 2);
        std::fs::copy(history.folder.join("2-b/run.json"), running.path().join("run.json")).unwrap();
        let states: Vec<_> = history.list().unwrap().iter().map(|run| run.state).collect();
        assert_eq!(states, [RunState::Running, RunState::Lost, RunState::Ended]);
        let mut run = history.find("3-c").unwrap();
        run.run_id = "3-c".into();
        assert!(matches!(history.remove(&run), Err(HistoryError::Running { .. })));
    }

    #[test]
    fn the_oldest_go_but_for_those_that_go_on() {
        let (_parent, history) = history(&[("2-b", true), ("3-c", true), ("4-d", false), ("5-e", true)]);
        let running = LockedFolder::create(&history.folder, "1-a", 0o700).unwrap();
        history.remove_beyond(2).unwrap();
        assert_eq!(history.names().unwrap(), ["5-e", "4-d", "1-a"]);
        drop(running);
    }
}
