//! Parts of the history: the runs that a filter selects, by cursor, and how many there are of each end since a time. Ids
//! begin with the time, so that the newest runs have the greatest ids.

use crate::database::{Database, signed};
use crate::error::{HistoryError, StoreFailure};
use crate::history::{COLUMNS, HistoryEntry, RunHistory, RunState, entry};
use rusqlite::{ToSql, params, params_from_iter};
use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};

/// The runs that are selected.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Those with such an end.
    pub end: Option<End>,
    /// Those of blocks with this name.
    pub block: Option<String>,
    /// Those that began at this time or later, in milliseconds since 1970.
    pub since_ms: Option<u64>,
    /// Those that began before this time.
    pub until_ms: Option<u64>,
    /// Those that are older than this run.
    pub before: Option<String>,
}

/// The end of a run, as lists distinguish it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// None yet.
    Running,
    /// With success.
    Succeeded,
    /// Without success; not cancelled, and not lost.
    Failed,
    /// Cancelled, by its script or from outside.
    Cancelled,
    /// Its host was killed.
    Lost,
}

/// How many runs have which end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ends {
    /// Those that run.
    pub running: u64,
    /// Those that succeeded.
    pub succeeded: u64,
    /// Those that failed.
    pub failed: u64,
    /// Those that were cancelled.
    pub cancelled: u64,
    /// Those that are lost.
    pub lost: u64,
}

impl End {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Running, Self::Succeeded, Self::Failed, Self::Cancelled, Self::Lost];

    /// The end of a run with such a state and outcome.
    #[must_use]
    pub fn of(state: RunState, outcome: Option<&str>) -> Self {
        match (state, outcome) {
            (RunState::Running, _) => Self::Running,
            (RunState::Lost, _) => Self::Lost,
            (RunState::Ended, Some("succeeded")) => Self::Succeeded,
            (RunState::Ended, Some("cancelled" | "interrupted" | "stopped")) => Self::Cancelled,
            (RunState::Ended, _) => Self::Failed,
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Lost => "lost",
        }
    }

    /// What rows of it have at least: a running run whose host is gone is lost, which the database does not know yet.
    fn condition(self) -> &'static str {
        match self {
            Self::Running => "state = 'running'",
            Self::Succeeded => "state = 'ended' AND outcome = 'succeeded'",
            Self::Failed => "state = 'ended' AND outcome NOT IN ('succeeded', 'cancelled', 'interrupted', 'stopped')",
            Self::Cancelled => "state = 'ended' AND outcome IN ('cancelled', 'interrupted', 'stopped')",
            Self::Lost => "state IN ('lost', 'running')",
        }
    }
}

impl HistoryEntry {
    /// Its end.
    #[must_use]
    pub fn end(&self) -> End {
        End::of(self.state, self.outcome())
    }
}

impl RunHistory {
    /// The newest of the selected runs, the newest first.
    ///
    /// # Errors
    /// [`HistoryError::Store`].
    pub fn select(&self, most: usize, selection: &Selection) -> Result<Vec<HistoryEntry>, HistoryError> {
        self.read(Vec::new(), |database| database.selected(most, selection))
    }

    /// A number that differs once one of the newest runs has changed.
    ///
    /// # Errors
    /// [`HistoryError::Store`].
    pub fn mark(&self, most: usize) -> Result<u64, HistoryError> {
        self.read(0, |database| database.mark(most))
    }

    /// How many runs that began at a time or later have which end.
    ///
    /// # Errors
    /// [`HistoryError::Store`].
    pub fn ends_since(&self, since_ms: u64) -> Result<Ends, HistoryError> {
        self.read(Ends::default(), |database| database.ends_since(since_ms))
    }

    /// The names of the blocks of the newest runs, by name.
    ///
    /// # Errors
    /// [`HistoryError::Store`].
    pub fn blocks(&self, most: usize) -> Result<BTreeSet<String>, HistoryError> {
        self.read(BTreeSet::new(), |database| {
            let blocks = "SELECT block FROM runs ORDER BY run_id DESC LIMIT ?1";
            let mut blocks = database.connection.prepare(blocks)?;
            let blocks = blocks.query_map([i64::try_from(most).unwrap_or(i64::MAX)], |row| row.get(0))?;
            Ok(blocks.collect::<Result<_, _>>()?)
        })
    }
}

impl Database {
    fn selected(&self, most: usize, selection: &Selection) -> Result<Vec<HistoryEntry>, StoreFailure> {
        let mut conditions: Vec<(&str, Option<Box<dyn ToSql>>)> = vec![("TRUE", None)];
        conditions.extend(selection.end.map(|end| (end.condition(), None)));
        let mut with = |condition, value: Option<Box<dyn ToSql>>| {
            conditions.extend(value.map(|value| (condition, Some(value))));
        };
        let text = |text: &Option<String>| text.clone().map(|text| Box::new(text) as Box<dyn ToSql>);
        let time = |time: Option<u64>| time.map(|time| Box::new(signed(time)) as Box<dyn ToSql>);
        with("block = ?", text(&selection.block));
        with("started_ms >= ?", time(selection.since_ms));
        // What is older need not be looked at.
        with("run_id > ?", text(&selection.since_ms.map(|since| self.newest_before(since)).transpose()?.flatten()));
        with("started_ms < ?", time(selection.until_ms));
        with("run_id < ?", text(&selection.before));
        let (conditions, values): (Vec<_>, Vec<_>) = conditions.into_iter().unzip();
        let values = values.into_iter().flatten();
        // There are few of them.
        let index = if selection.end == Some(End::Running) { "INDEXED BY running" } else { "" };
        let conditions = conditions.join(" AND ");
        let query = format!("SELECT {COLUMNS} FROM runs {index} WHERE {conditions} ORDER BY run_id DESC");
        let mut query = self.connection.prepare(&query)?;
        let mut rows = query.query(params_from_iter(values))?;
        let mut runs = Vec::new();
        while runs.len() < most
            && let Some(row) = rows.next()?
        {
            let settled = self.settled(entry(row)?)?;
            runs.extend(settled.filter(|run| selection.end.is_none_or(|end| run.end() == end)));
        }
        Ok(runs)
    }

    /// The newest run that began before a time; a clock that was set back by less than a second is tolerated.
    fn newest_before(&self, time_ms: u64) -> Result<Option<String>, StoreFailure> {
        let newest = "SELECT run_id FROM runs WHERE started_ms < ?1 ORDER BY run_id DESC LIMIT 1";
        let mut newest = self.connection.prepare(newest)?;
        let mut rows = newest.query([signed(time_ms.saturating_sub(1000))])?;
        Ok(rows.next()?.map(|row| row.get(0)).transpose()?)
    }

    fn mark(&self, most: usize) -> Result<u64, StoreFailure> {
        let newest = "SELECT run_id, state, host, outcome, message, progress FROM runs ORDER BY run_id DESC LIMIT ?1";
        let mut newest = self.connection.prepare(newest)?;
        let mut rows = newest.query([i64::try_from(most).unwrap_or(i64::MAX)])?;
        let mut mark = DefaultHasher::new();
        while let Some(row) = rows.next()? {
            let text = |column| row.get::<_, Option<String>>(column);
            let host = text("host")?;
            let lives = text("state")?.as_deref() == Some("running") && self.is_hosted(host.as_deref());
            (text("run_id")?, text("state")?, lives, text("outcome")?, text("message")?).hash(&mut mark);
            row.get::<_, Option<f64>>("progress")?.map(f64::to_bits).hash(&mut mark);
        }
        Ok(mark.finish())
    }

    fn ends_since(&self, since_ms: u64) -> Result<Ends, StoreFailure> {
        let mut ends = Ends::default();
        let counts = "SELECT state, host, outcome, count(*) AS runs FROM runs \
                      WHERE run_id > ?1 AND started_ms >= ?2 GROUP BY state, host, outcome";
        let mut counts = self.connection.prepare(counts)?;
        let older = self.newest_before(since_ms)?.unwrap_or_default();
        let mut rows = counts.query(params![older, signed(since_ms)])?;
        while let Some(row) = rows.next()? {
            let state = match crate::history::state(row)? {
                RunState::Running if !self.is_hosted(row.get::<_, Option<String>>("host")?.as_deref()) => {
                    RunState::Lost
                }
                state => state,
            };
            let count = match End::of(state, row.get::<_, Option<String>>("outcome")?.as_deref()) {
                End::Running => &mut ends.running,
                End::Succeeded => &mut ends.succeeded,
                End::Failed => &mut ends.failed,
                End::Cancelled => &mut ends.cancelled,
                End::Lost => &mut ends.lost,
            };
            *count += u64::try_from(row.get::<_, i64>("runs")?).unwrap_or_default();
        }
        Ok(ends)
    }
}
