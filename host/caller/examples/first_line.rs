//! Asks a resident host for runs of a script, one after the other: `first_line SOCKET SCRIPT RUNS PAUSE_MS`. The script
//! prints the time of the monotonic clock, in nanoseconds, at its first line. Prints a line for each run: the nanoseconds
//! from the call to that line, and whether the run was in a container that waited, as its record has it.

use longshore_caller::{Caller, Happening};
use longshore_protocol::{Software, Submission, SubmittedBlock};
use rustix::time::{ClockId, clock_gettime};
use std::error::Error;
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

/// The script's clock.
fn now() -> i64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec * 1_000_000_000 + now.tv_nsec
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().ok_or("give it SOCKET SCRIPT RUNS PAUSE_MS");
    let (socket, script) = (PathBuf::from(next()?), next()?);
    let (runs, pause) = (next()?.parse::<usize>()?, Duration::from_millis(next()?.parse()?));
    for _ in 0..runs {
        let software = Software { name: "first_line".into(), version: env!("CARGO_PKG_VERSION").into() };
        let mut submission = Submission::new(SubmittedBlock::Path(script.clone()));
        submission.engine = Some("docker".into());
        let before = now();
        let mut run = Caller::connect(&socket, software)?.submit(&submission)?.start()?;
        let (mut printed, mut pool) = (Vec::new(), String::new());
        while let Some(happening) = run.next()? {
            match happening {
                Happening::Log(_, bytes) => printed.extend(bytes),
                Happening::Record(record) => pool = record["pool"].to_string(),
                Happening::Rejected(rejection) => return Err(format!("{rejection:?}").into()),
                _ => {}
            }
        }
        let first = String::from_utf8(printed)?.trim().parse::<i64>()?;
        writeln!(std::io::stdout(), "{} {pool}", first - before)?;
        std::thread::sleep(pause);
    }
    Ok(())
}
