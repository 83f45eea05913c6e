//! `longshore runs list`.

use super::outcome;
use crate::{help, printer};
use longshore::history::{HistoryEntry, HistoryError, RunHistory, Which};
use longshore::human::{ago, aligned};
use longshore::shown::Word;
use serde_json::Value;

/// Width of the block column.
const BLOCK_WIDTH: usize = 28;

/// Width of the message column: the rest of a terminal of 120.
const MESSAGE_WIDTH: usize = 36;

/// Lists the newest runs.
pub(super) fn list(history: &RunHistory, last: usize, which: Which, json: bool) -> Result<u8, HistoryError> {
    let runs = history.list(last, which)?;
    if json {
        return Ok(printer::json(&runs.iter().map(as_json).collect::<Vec<_>>()));
    }
    let heads = ["RUN", "STARTED", "BLOCK", "OUTCOME", "TIME", "MESSAGE"].map(str::to_owned);
    let rows: Vec<[String; 6]> = std::iter::once(heads).chain(runs.iter().map(row)).collect();
    Ok(printer::out(&aligned(&rows, &[4])))
}

fn row(run: &HistoryEntry) -> [String; 6] {
    let record = run.record.as_ref();
    let took = record.and_then(|record| record.pointer("/timings_ms/total")?.as_f64());
    let message = record.and_then(|record| record.get("message")?.as_str());
    let message = message.or(run.message.as_deref()).unwrap_or_default();
    [
        run.run_id.clone(),
        ago(run.age()),
        Word::cut(&run.block, BLOCK_WIDTH).into(),
        outcome(run),
        took.map_or_else(|| "-".into(), |took| format!("{:.2} s", took / 1000.0)),
        Word::message(message, MESSAGE_WIDTH).into(),
    ]
}

/// A run as JSON, with advice in words.
pub(super) fn as_json(run: &HistoryEntry) -> Value {
    let mut run = serde_json::to_value(run).unwrap_or_default();
    let record = run["record"].take();
    run["record"] = help::in_record(record);
    run
}
