//! The R functions for runs that a program asks a resident host for. Every function returns a value or a
//! `longshore_failure`; none raises. A wait ends where the user interrupts R.

use crate::columns;
use crate::failure::{Failure, answer};
use crate::guard;
use crate::heard::{Heard, Next};
use crate::how::How;
use crate::parsed;
use crate::vectors;
use crate::write::Columns;
use extendr_api::prelude::*;
use longshore_caller::{Caller, Happening, Submitting, read_table, usual_socket, write_table};
use longshore_protocol::{LogSource, Software, Submission, SubmittedChain};
use longshore_segment::Segment;
use serde_json::from_str;
use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long a wait lasts before R is asked whether its user has interrupted it.
const TURN: Duration = Duration::from_millis(100);

/// A run, and the bytes of each stream that are the beginning of a character.
struct Called {
    heard: Heard,
    begun: [Vec<u8>; 2],
}

/// The socket on which this user's host listens by default, from two variables, which may be empty.
#[extendr]
fn caller_socket(named: &str, temporary: &str) -> Robj {
    let path = |text: &str| Some(PathBuf::from(text)).filter(|path| !path.as_os_str().is_empty());
    let socket = usual_socket(path(named), path(temporary)).display().to_string();
    answer(vectors::characters(1, |_| Some(socket.as_str())))
}

/// The processors that this program may use.
#[extendr]
fn caller_processors() -> f64 {
    u32::try_from(std::thread::available_parallelism().map_or(1, usize::from)).map_or(1.0, f64::from)
}

/// A table in shared memory, from columns.
#[extendr]
fn caller_table(names: Robj, columns: List, rows: f64) -> Robj {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the R side gives a length")]
    let columns = Columns::new(&names, &columns, rows as usize);
    answer(columns.and_then(|mut columns| {
        let written = write_table(&mut columns);
        match columns.failure() {
            Some(failure) => Err(failure),
            None => Ok(ExternalPtr::new(written?).into()),
        }
    }))
}

/// Starts a run: a submission as JSON, and a table for each input that has no path, by its position there.
#[extendr]
fn caller_start(socket: &str, submission: &str, positions: Robj, tables: List) -> Robj {
    answer(sendable(from_str(submission)).and_then(|submission: Submission| {
        let submitting = connected(Path::new(socket))?.submit(&submission)?;
        started(submitting, &[], positions.as_integer_slice().unwrap_or_default(), &tables)
    }))
}

/// Starts a chain: as `caller_start`, with the position of each table's step.
#[extendr]
fn caller_chain(socket: &str, chain: &str, steps: Robj, positions: Robj, tables: List) -> Robj {
    answer(sendable(from_str(chain)).and_then(|chain: SubmittedChain| {
        let submitting = connected(Path::new(socket))?.submit_chain(&chain)?;
        let steps = steps.as_integer_slice().unwrap_or_default();
        started(submitting, steps, positions.as_integer_slice().unwrap_or_default(), &tables)
    }))
}

fn sendable<T>(parsed: serde_json::Result<T>) -> Result<T, Failure> {
    parsed.map_err(|error| Failure::value(format!("the run cannot be sent: {error}")))
}

fn connected(socket: &Path) -> Result<Caller, Failure> {
    let software = Software { name: "longshore for R".into(), version: env!("CARGO_PKG_VERSION").into() };
    Ok(Caller::connect_unless(socket, software, guard::interrupted)?)
}

/// Sends tables by their positions, those of a chain also by their steps.
fn started(mut submitting: Submitting, steps: &[i32], positions: &[i32], tables: &List) -> Result<Robj, Failure> {
    let number = |number: &i32| u32::try_from(*number).unwrap_or(u32::MAX);
    for (at, (position, table)) in positions.iter().zip(tables.values()).enumerate() {
        let table: ExternalPtr<Segment> =
            table.try_into().map_err(|_| Failure::value("a table is none of this package"))?;
        if let Some(step) = steps.get(at) {
            submitting.of_step(number(step));
        }
        submitting.table(number(position), &table)?;
    }
    let heard = Heard::begin(submitting.start()?);
    let heard = heard.map_err(|error| Failure::value(format!("the run cannot be followed: {error}")))?;
    Ok(ExternalPtr::new(RefCell::new(Called { heard, begun: [Vec::new(), Vec::new()] })).into())
}

/// Waits for what happens next, for so many seconds at most: its kind and its value, or `NULL` after the end. `nothing` if
/// the time is over, `waiting` if the user has interrupted R.
#[extendr]
fn caller_next(called: ExternalPtr<RefCell<Called>>, seconds: f64, how: List) -> Robj {
    let how = How::new(&how);
    let mut called = called.borrow_mut();
    let deadline = Duration::try_from_secs_f64(seconds).ok().and_then(|time| Instant::now().checked_add(time));
    answer(loop {
        if guard::interrupted() {
            break Ok(list!("waiting").into());
        }
        let left = deadline.map_or(TURN, |deadline| deadline.saturating_duration_since(Instant::now()).min(TURN));
        match called.heard.next_within(left) {
            Ok(Next::Nothing) if deadline.is_some_and(|deadline| Instant::now() >= deadline) => {
                break Ok(list!("nothing").into());
            }
            Ok(Next::Nothing) => {}
            Ok(Next::Dropped(count)) => {
                #[allow(clippy::cast_precision_loss, reason = "a count for a person")]
                let count = count as f64;
                break Ok(list!("dropped", count).into());
            }
            Ok(Next::End) => break Ok(().into()),
            Ok(Next::Happening(happening)) => break happened(happening, &mut called.begun, &how),
            Err(error) => break Err(error.into()),
        }
    })
}

/// Whether a run has ended. What happened in it may not have been asked for yet.
#[extendr]
fn caller_done(called: ExternalPtr<RefCell<Called>>) -> Robj {
    answer(Ok(called.borrow().heard.has_ended().into()))
}

fn happened(happening: Happening, begun: &mut [Vec<u8>; 2], how: &How) -> Result<Robj, Failure> {
    Ok(match happening {
        Happening::Event(event) => list!("event", parsed::value(&event.into())?),
        Happening::Record(record) => list!("record", parsed::value(&record)?),
        Happening::Rejected(rejection) => {
            let remedy = rejection.remedy.map(|remedy| parsed::value(&remedy)).transpose()?;
            let problems = vectors::characters(rejection.problems.len(), |at| Some(rejection.problems[at].as_str()))?;
            list!("rejected", problems, remedy.unwrap_or_default())
        }
        Happening::Log(source, bytes) => {
            let is_error = source == LogSource::Stderr;
            let text = decoded(&mut begun[usize::from(is_error)], bytes);
            list!("log", is_error, vectors::characters(1, |_| Some(text.as_str()))?)
        }
        Happening::Other(returned) => {
            let (schema, batches) = read_table(&returned.table)?;
            let batches: Vec<_> = batches.into_iter().map(|decoded| decoded.batch).collect();
            let table = columns::table(&schema, &batches, how)?;
            list!("other", f64::from(returned.output), table, f64::from(returned.step))
        }
        _ => list!("unknown"),
    }
    .into())
}

/// The characters that are complete; the beginning of one waits for its rest. R's texts have no NUL.
fn decoded(begun: &mut Vec<u8>, bytes: Vec<u8>) -> String {
    begun.extend(bytes);
    let ends = match std::str::from_utf8(begun) {
        Err(error) if error.error_len().is_none() => error.valid_up_to(),
        _ => begun.len(),
    };
    let rest = begun.split_off(ends);
    String::from_utf8_lossy(&std::mem::replace(begun, rest)).replace('\0', "\u{fffd}")
}

/// Ends a run: its script is asked to end, or killed at once.
#[extendr]
fn caller_cancel(called: ExternalPtr<RefCell<Called>>, at_once: bool) -> Robj {
    let called = called.borrow();
    let canceller = called.heard.canceller();
    let cancelled = if at_once { canceller.kill() } else { canceller.cancel() };
    answer(cancelled.map(|()| ().into()).map_err(Failure::from))
}

extendr_module! {
    mod caller;
    fn caller_socket;
    fn caller_processors;
    fn caller_table;
    fn caller_start;
    fn caller_chain;
    fn caller_next;
    fn caller_done;
    fn caller_cancel;
}
