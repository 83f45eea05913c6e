//! Runs of the history: listing, finding, reading, cancelling and removing them.

use crate::database::{Database, Place};
use crate::error::{HistoryError, StoreFailure};
use crate::log::{LogPiece, LogSource};
use crate::takeover::{LeftFolder, may_be_needed, take_over};
use longshore_model::cancel::CancelLevel;
use rusqlite::{Row, params};
use serde::Serialize;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// The reference to the newest run.
const LAST: &str = "last";

/// The columns of a run.
pub(crate) const COLUMNS: &str =
    "number, run_id, block, source, inputs, started_ms, state, host, message, progress, outcome, record";

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
    #[serde(skip)]
    number: i64,
    #[serde(skip)]
    host: Option<String>,
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
    /// The last message of a script that is running, or was running when its host was killed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Its progress, from 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub progress: Option<f64>,
    /// The record as JSON; `null` until the run has ended.
    pub record: Option<Value>,
}

/// Which runs are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// All of them.
    All,
    /// Those that ended without success, and lost ones.
    Failed,
}

/// All recorded runs of this user. Used by one thread at a time; others open their own.
#[derive(Debug)]
pub struct RunHistory {
    place: Place,
    /// `None` if nothing was recorded yet.
    database: Option<Database>,
    left: Vec<LeftFolder>,
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
    /// Opens the history in a state folder, which need not exist. Records of former versions are taken over.
    ///
    /// # Errors
    /// [`HistoryError::Store`].
    pub fn open(state_folder: &Path) -> Result<Self, HistoryError> {
        let place = Place::new(state_folder);
        let (database, left) = if may_be_needed(state_folder) {
            let taken = place.open().and_then(|mut database| {
                let left = take_over(&mut database, state_folder)?;
                Ok((Some(database), left))
            });
            taken.map_err(place.failed("write"))?
        } else {
            (place.open_existing().map_err(place.failed("read"))?, Vec::new())
        };
        Ok(Self { place, database, left })
    }

    /// Whether there was a database when this was opened. One that was opened before the first run knows no run.
    #[must_use]
    pub fn is_there(&self) -> bool {
        self.database.is_some()
    }

    /// Whether there is a run with this whole id.
    ///
    /// # Errors
    /// [`HistoryError::Store`].
    pub fn has(&self, run_id: &str) -> Result<bool, HistoryError> {
        let Some(database) = &self.database else { return Ok(false) };
        database.has(run_id).map_err(self.place.failed("read"))
    }

    /// Folders of former versions that could not be taken over.
    #[must_use]
    pub fn left(&self) -> &[LeftFolder] {
        &self.left
    }

    /// The newest runs, the newest first.
    ///
    /// # Errors
    /// [`HistoryError::Store`].
    pub fn list(&self, most: usize, which: Which) -> Result<Vec<HistoryEntry>, HistoryError> {
        let Some(database) = &self.database else { return Ok(Vec::new()) };
        database.newest(most, which).map_err(self.place.failed("read"))
    }

    /// The run whose id, or the part of it after the dash, begins with this; `last` is the newest.
    ///
    /// # Errors
    /// [`HistoryError`].
    pub fn find(&self, reference: &str) -> Result<HistoryEntry, HistoryError> {
        let unknown = || HistoryError::Unknown { reference: reference.to_owned() };
        let database = self.database.as_ref().ok_or_else(unknown)?;
        let failed = self.place.failed("read");
        let found = database.ids(reference).map_err(&failed)?;
        let whole = found.iter().find(|(_, id)| id == reference);
        let number = match (whole, found.as_slice()) {
            (Some((number, _)), _) | (None, [(number, _)]) => *number,
            (None, []) => return Err(unknown()),
            (None, several) => {
                let runs = several.iter().map(|(_, id)| format!("`{id}`")).collect();
                return Err(HistoryError::Ambiguous { reference: reference.to_owned(), runs });
            }
        };
        database.run(number).map_err(&failed)?.ok_or_else(unknown)
    }

    /// The run as it is now.
    ///
    /// # Errors
    /// [`HistoryError::Unknown`] if it was removed, or [`HistoryError::Store`].
    pub fn again(&self, run: &HistoryEntry) -> Result<HistoryEntry, HistoryError> {
        let found = self.database.as_ref().map_or(Ok(None), |database| database.run(run.number));
        let found = found.map_err(self.place.failed("read"))?.filter(|found| found.run_id == run.run_id);
        found.ok_or_else(|| HistoryError::Unknown { reference: run.run_id.clone() })
    }

    /// The output of the script so far, or the beginning and the end of a long one. Before the script starts, and if it
    /// never did, the output of the build of its environment.
    ///
    /// # Errors
    /// [`HistoryError::Store`].
    pub fn log(&self, run: &HistoryEntry) -> Result<Vec<u8>, HistoryError> {
        let text = self.database.as_ref().map_or(Ok(Vec::new()), |database| database.log(run.number));
        text.map_err(self.place.failed("read"))
    }

    /// What was added to the script's output after a position, which is 0 at its beginning.
    ///
    /// # Errors
    /// [`HistoryError::Store`].
    pub fn log_after(&self, run: &HistoryEntry, position: u64) -> Result<LogPiece, HistoryError> {
        self.added(run, LogSource::Script, position)
    }

    /// What was added to the output of the build of its environment, as [`Self::log_after`]. It is removed when the
    /// script starts.
    ///
    /// # Errors
    /// [`HistoryError::Store`].
    pub fn build_log_after(&self, run: &HistoryEntry, position: u64) -> Result<LogPiece, HistoryError> {
        self.added(run, LogSource::Build, position)
    }

    fn added(&self, run: &HistoryEntry, source: LogSource, position: u64) -> Result<LogPiece, HistoryError> {
        let nothing = LogPiece { left_out: 0, bytes: Vec::new(), position };
        self.read(nothing, |database| database.added_log(run.number, source, position))
    }

    /// Reads from the database; without one the answer is `nothing`.
    pub(crate) fn read<T>(
        &self,
        nothing: T,
        read: impl FnOnce(&Database) -> Result<T, StoreFailure>,
    ) -> Result<T, HistoryError> {
        self.database.as_ref().map_or(Ok(nothing), read).map_err(self.place.failed("read"))
    }

    /// Requests that a running run is cancelled. Its host does so within about a second; the run then takes as long to
    /// end as with any other cancellation.
    ///
    /// # Errors
    /// [`HistoryError::NotRunning`], or [`HistoryError::Store`].
    pub fn cancel(&self, run: &HistoryEntry, level: CancelLevel) -> Result<(), HistoryError> {
        let now = self.again(run)?;
        let is_running = now.state == RunState::Running;
        let requested = match &self.database {
            Some(database) if is_running => database.cancel(run.number, level),
            _ => Ok(false),
        };
        match requested.map_err(self.place.failed("write"))? {
            true => Ok(()),
            false => Err(HistoryError::NotRunning { run: run.run_id.clone(), lost: now.state == RunState::Lost }),
        }
    }

    /// Removes a run from the history.
    ///
    /// # Errors
    /// [`HistoryError::Running`], or [`HistoryError::Store`].
    pub fn remove(&self, run: &HistoryEntry) -> Result<(), HistoryError> {
        let Some(database) = &self.database else { return Ok(()) };
        let failed = self.place.failed("remove");
        match database.run(run.number).map_err(&failed)?.filter(|now| now.run_id == run.run_id) {
            None => Ok(()),
            Some(now) if now.state == RunState::Running => Err(HistoryError::Running { run: now.run_id }),
            Some(_) => database.remove(run.number).map_err(failed),
        }
    }
}

impl Database {
    fn newest(&self, most: usize, which: Which) -> Result<Vec<HistoryEntry>, StoreFailure> {
        let mut runs = Vec::new();
        {
            let all = format!("SELECT {COLUMNS} FROM runs ORDER BY run_id DESC");
            let mut all = self.connection.prepare(&all)?;
            let mut rows = all.query([])?;
            while runs.len() < most
                && let Some(row) = rows.next()?
            {
                if which == Which::All || self.has_failed(row)? {
                    runs.push(entry(row)?);
                }
            }
        }
        let runs: Result<Vec<_>, _> = runs.into_iter().map(|run| self.settled(run)).collect();
        Ok(runs?.into_iter().flatten().collect())
    }

    fn has_failed(&self, row: &Row<'_>) -> Result<bool, StoreFailure> {
        Ok(match state(row)? {
            RunState::Lost => true,
            RunState::Running => !self.is_hosted(row.get::<_, Option<String>>("host")?.as_deref()),
            RunState::Ended => row.get::<_, Option<String>>("outcome")?.as_deref() != Some("succeeded"),
        })
    }

    pub(crate) fn is_hosted(&self, host: Option<&str>) -> bool {
        host.is_some_and(|host| self.hosts.lives(host))
    }

    fn run(&self, number: i64) -> Result<Option<HistoryEntry>, StoreFailure> {
        Ok(self.row(number)?.map(|run| self.settled(run)).transpose()?.flatten())
    }

    /// A run as the database has it.
    fn row(&self, number: i64) -> Result<Option<HistoryEntry>, StoreFailure> {
        let one = format!("SELECT {COLUMNS} FROM runs WHERE number = ?1");
        let mut one = self.connection.prepare(&one)?;
        let mut rows = one.query([number])?;
        rows.next()?.map(entry).transpose()
    }

    /// A running run whose host is gone is lost, unless it ended between the look at the database and at the host.
    pub(crate) fn settled(&self, run: HistoryEntry) -> Result<Option<HistoryEntry>, StoreFailure> {
        if run.state != RunState::Running || self.is_hosted(run.host.as_deref()) {
            return Ok(Some(run));
        }
        let again = self.row(run.number)?;
        Ok(again.map(|run| match run.state {
            RunState::Running => HistoryEntry { state: RunState::Lost, ..run },
            RunState::Ended | RunState::Lost => run,
        }))
    }

    /// Numbers and ids of the runs that a reference matches, the newest first.
    fn ids(&self, reference: &str) -> Result<Vec<(i64, String)>, StoreFailure> {
        let ids = match reference {
            "" => return Ok(Vec::new()),
            LAST => "SELECT number, run_id FROM runs ORDER BY run_id DESC LIMIT length(?1) > 0",
            _ => {
                "SELECT number, run_id FROM runs WHERE substr(run_id, 1, length(?1)) = ?1 \
                 OR instr(run_id, '-') > 0 AND substr(run_id, instr(run_id, '-') + 1, length(?1)) = ?1 \
                 ORDER BY run_id DESC"
            }
        };
        let mut ids = self.connection.prepare(ids)?;
        let ids = ids.query_map([reference], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(ids.collect::<Result<_, _>>()?)
    }

    fn has(&self, run_id: &str) -> Result<bool, StoreFailure> {
        let mut known = self.connection.prepare("SELECT 1 FROM runs WHERE run_id = ?1")?;
        Ok(known.exists([run_id])?)
    }

    fn cancel(&self, number: i64, level: CancelLevel) -> Result<bool, StoreFailure> {
        let level = match level {
            CancelLevel::None => 0,
            CancelLevel::Gently => 1,
            CancelLevel::AtOnce => 2,
        };
        let request = "UPDATE runs SET cancel = max(cancel, ?2) WHERE number = ?1 AND state = 'running'";
        Ok(self.connection.prepare(request)?.execute(params![number, level])? > 0)
    }

    fn remove(&self, number: i64) -> Result<(), StoreFailure> {
        self.connection.prepare("DELETE FROM runs WHERE number = ?1")?.execute([number])?;
        // Gives the space back, a page with each step.
        let mut vacuum = self.connection.prepare("PRAGMA incremental_vacuum")?;
        let mut pages = vacuum.query([])?;
        while pages.next()?.is_some() {}
        Ok(())
    }
}

/// A run as the database has it; a damaged one has less.
pub(crate) fn entry(row: &Row<'_>) -> Result<HistoryEntry, StoreFailure> {
    let text = |name: &str| row.get::<_, String>(name);
    let record: Option<String> = row.get("record")?;
    let state = state(row)?;
    let is_open = state != RunState::Ended;
    Ok(HistoryEntry {
        number: row.get("number")?,
        host: row.get("host")?,
        run_id: text("run_id")?,
        block: text("block")?,
        source: text("source")?.into(),
        inputs: serde_json::from_str(&text("inputs")?).unwrap_or_default(),
        started_ms: u64::try_from(row.get::<_, i64>("started_ms")?).unwrap_or_default(),
        state,
        message: row.get::<_, Option<String>>("message")?.filter(|_| is_open),
        progress: row.get::<_, Option<f64>>("progress")?.filter(|_| is_open),
        record: record.and_then(|record| serde_json::from_str(&record).ok()),
    })
}

pub(crate) fn state(row: &Row<'_>) -> Result<RunState, StoreFailure> {
    Ok(match row.get::<_, String>("state")?.as_str() {
        "running" => RunState::Running,
        "ended" => RunState::Ended,
        _ => RunState::Lost,
    })
}
