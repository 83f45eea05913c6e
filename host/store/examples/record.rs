//! Measures the record of runs in a folder: `record FOLDER`. Prints a JSON object for the benchmarks: milliseconds of a
//! record as a command makes it, which opens the database, and as a host makes it, which has it open; megabytes of log a
//! second, as much as the settings keep and all of it; milliseconds of the first page of 10,000 runs. Of milliseconds it
//! prints the median and the ninth of ten.

use longshore_model::cancel::Cancel;
use longshore_model::event::Event;
use longshore_model::outcome::Outcome;
use longshore_protocol::LogSource;
use longshore_store::{HistoryError, NewRun, Recorder, RunHistory, Which};
use serde_json::json;
use std::error::Error;
use std::io::Write;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

/// Runs in the history.
const RUNS: usize = 10_000;

/// Records of each kind that are measured.
const ROUNDS: usize = 500;

/// Runs on a page of the list.
const PAGE: usize = 50;

/// Bytes of a piece of a log, as the pipe of a script has them.
const PIECE: usize = 64 << 10;

/// Pieces that are printed as fast as they are taken: half a gigabyte.
const AT_FULL_SPEED: usize = 8000;

/// Pieces that are printed at a rate: three seconds of it.
const AT_A_RATE: usize = 4600;

/// Bytes a second.
const RATE: f64 = 1e8;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).ok_or("a folder is needed")?;
    let folder = Path::new(&folder);
    let host = Recorder::new(folder);
    let mut id = 0;
    let mut record = |recorder: &Recorder, log_bytes, printed: &[u8], pieces, rate| {
        id += 1;
        one(recorder, &format!("{id:013x}-00000000"), log_bytes, printed, pieces, rate)
    };
    let text = b"a line of a script's output\n".repeat(20);
    for _ in 0..RUNS {
        record(&host, 1_000_000, &text, 1, None)?;
    }
    let of_host = spread(|| record(&host, 1_000_000, &text, 1, None))?;
    let of_command = spread(|| record(&Recorder::new(folder), 1_000_000, &text, 1, None))?;
    let text = b"a line of seventeen\n".repeat(PIECE / 20);
    let begun = Instant::now();
    record(&host, 1_000_000, &text, AT_FULL_SPEED, None)?;
    let part = (text.len() * AT_FULL_SPEED) as f64 / 1e6 / begun.elapsed().as_secs_f64();
    let begun = Instant::now();
    record(&host, 4 << 30, &text, AT_A_RATE, Some(RATE))?;
    let all = (text.len() * AT_A_RATE) as f64 / 1e6 / begun.elapsed().as_secs_f64();
    let history = RunHistory::open(folder)?;
    let left_out = text.len() * AT_A_RATE - history.log(&history.find("last")?)?.len();
    let first_page = spread(|| RunHistory::open(folder)?.list(PAGE, Which::All).map(drop))?;
    let figures = json!({
        "host_ms": of_host, "command_ms": of_command, "part_mb_s": part, "log_mb_s": all, "left_out": left_out,
        "first_page_ms": first_page,
    });
    Ok(writeln!(std::io::stdout(), "{figures}")?)
}

/// Records a run that prints a text several times, at most so many bytes a second.
fn one(
    recorder: &Recorder,
    id: &str,
    log_bytes: u64,
    text: &[u8],
    pieces: usize,
    rate: Option<f64>,
) -> Result<(), HistoryError> {
    let (run_id, block, source) = (id.to_owned(), "total".to_owned(), "/home/user/total.py".into());
    let run =
        NewRun { run_id, block, source, inputs: vec![Some("/home/user/in.csv".into())], started_ms: 0, log_bytes };
    let recording = recorder.begin(run, &Cancel::new())?;
    let begun = Instant::now();
    for piece in 0..pieces {
        let due = rate.map(|rate| Duration::from_secs_f64((piece * text.len()) as f64 / rate));
        due.and_then(|due| due.checked_sub(begun.elapsed())).into_iter().for_each(thread::sleep);
        recording.take(&Event::Log { source: LogSource::Stdout, bytes: text.to_vec() });
    }
    let record =
        json!({"run_id": id, "outcome": "succeeded", "message": "done", "options": {}, "like": "x".repeat(1500)});
    recording.end(Outcome::Succeeded, Ok(record.to_string()), u64::MAX)
}

/// Milliseconds of the median, and those that nine of ten stay below.
fn spread(mut action: impl FnMut() -> Result<(), HistoryError>) -> Result<[f64; 2], HistoryError> {
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        action()?;
        times.push(begun.elapsed().as_secs_f64() * 1000.0);
    }
    times.sort_by(f64::total_cmp);
    Ok([times[ROUNDS / 2], times[ROUNDS * 9 / 10]])
}
