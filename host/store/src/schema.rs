//! The tables, and how those of former versions become them. A format that was released never changes: a new one is one
//! more step.

use crate::error::StoreFailure;
use rusqlite::{Connection, Transaction, TransactionBehavior};

/// The file's mark, `Long` in ASCII.
const APPLICATION: i64 = 0x4c6f_6e67;

/// Each step makes the next format of the one before.
const STEPS: [&str; 2] = [RUNS, TOKENS];

const RUNS: &str = "
CREATE TABLE runs (
    number INTEGER PRIMARY KEY,
    run_id TEXT NOT NULL UNIQUE,
    block TEXT NOT NULL,
    source TEXT NOT NULL,
    -- A JSON array of paths; null where nothing was connected.
    inputs TEXT NOT NULL,
    started_ms INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('running', 'ended', 'lost')),
    -- The byte that the run's host keeps locked, in hexadecimal digits.
    host TEXT,
    -- The level of the cancellation that was requested: 0 for none, 1 gently, 2 at once.
    cancel INTEGER NOT NULL DEFAULT 0,
    -- From the script, while it runs.
    message TEXT,
    progress REAL,
    -- The first and the last so many bytes of each log are kept.
    log_half INTEGER NOT NULL,
    -- The bytes of each log, with those that are not kept.
    build_bytes INTEGER NOT NULL DEFAULT 0,
    script_bytes INTEGER NOT NULL DEFAULT 0,
    outcome TEXT,
    record TEXT
) STRICT;
CREATE INDEX running ON runs (host) WHERE state = 'running';
CREATE TABLE log (
    number INTEGER PRIMARY KEY,
    run INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
    -- 0 for the build of the environment, 1 for the script.
    source INTEGER NOT NULL,
    -- The position of the first byte, and of the byte after the last one.
    start INTEGER NOT NULL,
    finish INTEGER NOT NULL,
    bytes BLOB NOT NULL
) STRICT;
CREATE INDEX log_of_run ON log (run, source, start, finish);
";

const TOKENS: &str = "
CREATE TABLE tokens (
    number INTEGER PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('token', 'session', 'link')),
    -- Of tokens alone.
    name TEXT,
    -- SHA-256 of the secret, in hexadecimal digits.
    hash TEXT NOT NULL UNIQUE,
    -- The token with which a session was begun.
    parent INTEGER REFERENCES tokens ON DELETE CASCADE,
    made_ms INTEGER NOT NULL,
    ends_ms INTEGER,
    used_ms INTEGER
) STRICT;
CREATE UNIQUE INDEX name_of_token ON tokens (name) WHERE kind = 'token';
CREATE INDEX sessions_of_token ON tokens (parent);
";

/// The newest format.
pub(crate) const KNOWN: i64 = STEPS.len() as i64;

/// Brings the tables to the newest format. Several processes may do so at the same time.
pub(crate) fn migrate(connection: &mut Connection) -> Result<(), StoreFailure> {
    // In a transaction: another process may migrate between two reads.
    if version(&connection.transaction()?)? == KNOWN {
        return Ok(());
    }
    // Counts only before the first table exists.
    connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Exclusive)?;
    let done = version(&transaction)?;
    for step in STEPS.iter().skip(usize::try_from(done).unwrap_or_default()) {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    transaction.pragma_update(None, "user_version", KNOWN)?;
    Ok(transaction.commit()?)
}

/// The format of the file; 0 for an empty one.
fn version(connection: &Transaction<'_>) -> Result<i64, StoreFailure> {
    let number = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let (application, version) = (number("application_id")?, number("user_version")?);
    let is_empty = || connection.query_row("SELECT count(*) = 0 FROM sqlite_schema", [], |row| row.get::<_, bool>(0));
    match version {
        _ if application != APPLICATION && !is_empty()? => Err(StoreFailure::Damaged),
        found if found > KNOWN => Err(StoreFailure::Newer { found, known: KNOWN }),
        found if found < 0 => Err(StoreFailure::Damaged),
        found => Ok(found),
    }
}
