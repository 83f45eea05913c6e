//! The thread that writes what a host records: what its runs printed, in batches; their beginnings and ends at once. It
//! looks once a second for requests to cancel them.

use crate::database::{Database, Place, signed};
use crate::error::StoreFailure;
use crate::hosts::{Hosts, LivingHost};
use crate::live::{Changes, Live};
use crate::log::{LogSource, add_part};
use crate::new_run::NewRun;
use crate::takeover::take_over;
use longshore_model::cancel::{Cancel, CancelLevel};
use longshore_model::outcome::Outcome;
use rusqlite::{Connection, TransactionBehavior, params};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

/// How long what a run printed waits for more.
const BATCH: Duration = Duration::from_millis(100);

/// How often requests to cancel are looked for.
const LOOK: Duration = Duration::from_secs(1);

/// A command to the thread.
#[derive(Debug)]
pub(crate) enum Command {
    /// A run begins; the reply is its number.
    Begin { run: NewRun, live: Arc<Live>, cancel: Cancel, reply: Sender<Result<i64, StoreFailure>> },
    /// A run has something to be written.
    Soon,
    /// A run has much to be written.
    Now,
    /// A run has ended.
    End { number: i64, ended: Ended, reply: Sender<Result<(), StoreFailure>> },
}

/// The end of a run.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) outcome: Outcome,
    pub(crate) record: String,
    pub(crate) keep: u64,
}

/// The thread's state.
#[derive(Debug)]
pub(crate) struct Writer {
    place: Place,
    database: Option<Database>,
    /// While runs go on.
    host: Option<LivingHost>,
    live: HashMap<i64, (Arc<Live>, Cancel)>,
}

impl Writer {
    pub(crate) fn new(place: Place) -> Self {
        Self { place, database: None, host: None, live: HashMap::new() }
    }

    /// Works until nobody can command it any more.
    pub(crate) fn work(mut self, commands: &Receiver<Command>) {
        let (mut write_at, mut look_at) = (None, Instant::now() + LOOK);
        loop {
            let command = if self.live.is_empty() {
                commands.recv().map_err(|_| RecvTimeoutError::Disconnected)
            } else {
                let next = write_at.map_or(look_at, |at: Instant| at.min(look_at));
                commands.recv_timeout(next.saturating_duration_since(Instant::now()))
            };
            // Who asked may have gone.
            match command {
                Ok(Command::Begin { run, live, cancel, reply }) => {
                    let _ = reply.send(self.begin(run, live, cancel));
                }
                Ok(Command::End { number, ended, reply }) => {
                    let _ = reply.send(self.end(number, &ended));
                }
                Ok(Command::Soon) => {
                    write_at.get_or_insert_with(|| Instant::now() + BATCH);
                }
                Ok(Command::Now) => write_at = Some(Instant::now()),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            let now = Instant::now();
            if write_at.is_some_and(|at| at <= now) || look_at <= now {
                // What cannot be written is a gap in the log. The end of the run reports a disk that stays full.
                let _ = self.write_all();
                write_at = None;
            }
            if look_at <= now {
                // Asked again in a second.
                let _ = self.cancel_requested();
                look_at = Instant::now() + LOOK;
            }
        }
    }

    fn begin(&mut self, run: NewRun, live: Arc<Live>, cancel: Cancel) -> Result<i64, StoreFailure> {
        if self.live.is_empty() && !self.place.exists() {
            // It was removed meanwhile, or never made.
            self.database = None;
        }
        let mut database = match self.database.take() {
            Some(database) => database,
            None => {
                let mut database = self.place.open()?;
                // Readers name the folders that stay. If it fails, whoever opens the database next tries again.
                let _ = take_over(&mut database, self.place.state_folder());
                database
            }
        };
        let number = self.insert(&mut database, &run);
        self.database = Some(database);
        let number = number.inspect_err(|_| self.rest())?;
        self.live.insert(number, (live, cancel));
        Ok(number)
    }

    fn insert(&mut self, database: &mut Database, run: &NewRun) -> Result<i64, StoreFailure> {
        let host = match &self.host {
            Some(host) => host,
            None => {
                database.mark_lost()?;
                self.host.insert(database.hosts.enter()?)
            }
        };
        run.insert(&database.connection, "running", Some(host.name()))
    }

    fn end(&mut self, number: i64, ended: &Ended) -> Result<(), StoreFailure> {
        let Some((live, _)) = self.live.remove(&number) else { return Err(StoreFailure::Ended) };
        let written = match &mut self.database {
            Some(database) => write_end(database, number, &live.finish(), ended),
            None => Err(StoreFailure::Ended),
        };
        if written.is_err()
            && let Some(database) = &self.database
        {
            // Without its record it has no outcome. If this fails too, the host's end has the same effect.
            let _ = mark_lost(&database.connection, number);
        }
        self.rest();
        written
    }

    /// Writes what waits, of all runs, and the ends of those whose recording was dropped.
    fn write_all(&mut self) -> Result<(), StoreFailure> {
        let Some(database) = &mut self.database else { return Ok(()) };
        let dropped = |(live, _): &(Arc<Live>, Cancel)| Arc::strong_count(live) == 1;
        let lost: Vec<i64> = self.live.iter().filter(|(_, run)| dropped(run)).map(|(number, _)| *number).collect();
        let changed = |(number, (live, _)): (&i64, &(Arc<Live>, Cancel))| {
            let changes = if lost.contains(number) { Some(live.finish()) } else { live.changes() };
            changes.map(|changes| (*number, changes))
        };
        let changes: Vec<_> = self.live.iter().filter_map(changed).collect();
        self.live.retain(|number, _| !lost.contains(number));
        let written = if changes.is_empty() { Ok(()) } else { write_changes(database, &changes, &lost) };
        if !lost.is_empty() {
            self.rest();
        }
        written
    }

    fn cancel_requested(&self) -> Result<(), StoreFailure> {
        let (Some(database), Some(host)) = (&self.database, &self.host) else { return Ok(()) };
        let requests = "SELECT number, cancel FROM runs WHERE host = ?1 AND state = 'running' AND cancel > 0";
        let mut requests = database.connection.prepare(requests)?;
        let mut requests = requests.query([host.name()])?;
        while let Some(request) = requests.next()? {
            let level = if request.get::<_, i64>(1)? > 1 { CancelLevel::AtOnce } else { CancelLevel::Gently };
            if let Some((_, cancel)) = self.live.get(&request.get(0)?) {
                cancel.cancel(level);
            }
        }
        Ok(())
    }

    /// Without runs there is nothing by which others need to recognize this host: its process may end.
    fn rest(&mut self) {
        if self.live.is_empty() {
            self.host = None;
        }
    }
}

fn write_changes(database: &mut Database, all: &[(i64, Changes)], lost: &[i64]) -> Result<(), StoreFailure> {
    let transaction = database.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for (number, changes) in all {
        write(&transaction, *number, changes)?;
    }
    for number in lost {
        mark_lost(&transaction, *number)?;
    }
    Ok(transaction.commit()?)
}

fn mark_lost(connection: &Connection, number: i64) -> Result<(), StoreFailure> {
    let lost = "UPDATE runs SET state = 'lost' WHERE number = ?1 AND state = 'running'";
    connection.prepare(lost)?.execute([number])?;
    Ok(())
}

/// Writes the end of a run, and removes older runs beyond the number that is kept.
fn write_end(database: &mut Database, number: i64, rest: &Changes, ended: &Ended) -> Result<(), StoreFailure> {
    let Database { connection, hosts } = database;
    let outcome = serde_json::to_value(ended.outcome)?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    write(&transaction, number, rest)?;
    let end = "UPDATE runs SET state = 'ended', outcome = ?2, record = ?3 WHERE number = ?1";
    transaction.prepare(end)?.execute(params![number, outcome.as_str(), ended.record])?;
    remove_beyond(&transaction, hosts, ended.keep)?;
    Ok(transaction.commit()?)
}

/// Removes all but the newest runs and those that are running.
fn remove_beyond(connection: &Connection, hosts: &Hosts, keep: u64) -> Result<(), StoreFailure> {
    // Numbers grow by one at most: where there are fewer, no run need be looked at.
    let span = "SELECT (SELECT max(number) FROM runs) - (SELECT min(number) FROM runs)";
    let span: Option<i64> = connection.query_row(span, [], |row| row.get(0))?;
    if span.unwrap_or_default() < signed(keep) {
        return Ok(());
    }
    let beyond = "SELECT number, state, host FROM runs ORDER BY run_id DESC LIMIT -1 OFFSET ?1";
    let mut beyond = connection.prepare(beyond)?;
    let mut beyond = beyond.query([signed(keep)])?;
    while let Some(run) = beyond.next()? {
        let (number, state): (i64, String) = (run.get(0)?, run.get(1)?);
        let host: Option<String> = run.get(2)?;
        if state != "running" || !host.is_some_and(|host| hosts.lives(&host)) {
            connection.prepare("DELETE FROM runs WHERE number = ?1")?.execute([number])?;
        }
    }
    Ok(())
}

/// Writes what waited of a run, and removes what is no longer kept of its log.
fn write(connection: &Connection, number: i64, changes: &Changes) -> Result<(), StoreFailure> {
    if changes.forgets_build {
        let forget = "DELETE FROM log WHERE run = ?1 AND source = ?2";
        connection.prepare(forget)?.execute(params![number, LogSource::Build as i64])?;
    }
    let (build_bytes, script_bytes) = (signed(changes.build_bytes), signed(changes.script_bytes));
    let update = "UPDATE runs SET message = ?2, progress = ?3, build_bytes = ?4, script_bytes = ?5 WHERE number = ?1";
    let values = params![number, changes.message, changes.progress, build_bytes, script_bytes];
    connection.prepare(update)?.execute(values)?;
    let logs = [(LogSource::Build, &changes.build, build_bytes), (LogSource::Script, &changes.script, script_bytes)];
    for (source, parts, bytes) in logs.into_iter().filter(|(_, parts, _)| !parts.is_empty()) {
        for part in parts {
            add_part(connection, number, source, part)?;
        }
        let beyond = "DELETE FROM log WHERE run = ?1 AND source = ?2 \
                      AND start >= (SELECT log_half FROM runs WHERE number = ?1) \
                      AND finish <= ?3 - (SELECT log_half FROM runs WHERE number = ?1)";
        connection.prepare(beyond)?.execute(params![number, source as i64, bytes])?;
    }
    Ok(())
}
