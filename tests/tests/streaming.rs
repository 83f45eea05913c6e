//! Streams over pipes: what only shows while a run is under way. Rows come out before the last has gone in, an endless
//! source can be interrupted, and a reader that has gone ends the run. Cases about chunks are the conformance suite's.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod command;

use command::Home;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const PYTHON: &str = "\
from longshore.api import Api
api = Api()
def work(frame):
    api.update_message(f'got {len(frame)}')
    return frame.assign(twice=frame['n'] * 2)
api.process_stream(work)
";

const R: &str = "\
library(longshore)
api <- longshore.api()
process.stream(api, function(chunk) {
  update.message(api, paste('got', nrow(chunk)))
  chunk$twice <- chunk$n * 2L
  chunk
})
";

fn block(folder: &Path, language: &str) {
    let (script, text) = if language == "r" { ("script.R", R) } else { ("script.py", PYTHON) };
    let manifest = format!("name = \"stream\"\nlanguage = \"{language}\"\nscript = \"{script}\"\nmode = \"stream\"\n");
    std::fs::write(folder.join("block.toml"), manifest).unwrap();
    std::fs::write(folder.join(script), text).unwrap();
}

fn begin(home: &Home, folder: &Path, language: &str, engine: &str, output: &str) -> Child {
    let format = ["--format", "csv"];
    begin_with(home, folder, language, &[&format[..], &["--engine", engine, "-o", output]].concat())
}

fn begin_with(home: &Home, folder: &Path, language: &str, arguments: &[&str]) -> Child {
    block(folder, language);
    let mut command = Command::new(command::path());
    command.args(["run", ".", "-i", "-"]).args(arguments).current_dir(folder);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    home.of(&mut command).spawn().unwrap()
}

fn folder() -> tempfile::TempDir {
    tempfile::Builder::new().prefix("streaming-").tempdir().unwrap()
}

/// The exit status, within a minute.
fn end(mut run: Child) -> Option<i32> {
    let begun = Instant::now();
    loop {
        if let Some(status) = run.try_wait().unwrap() {
            return status.code();
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "the run does not end");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn rows_come_out_before_the_last_has_gone_in() {
    for engine in ["process", "docker"] {
        for language in ["python", "r"] {
            let (home, folder) = (Home::new(), folder());
            let mut run = begin(&home, folder.path(), language, engine, "-");
            let mut input = run.stdin.take().unwrap();
            let mut lines = BufReader::new(run.stdout.take().unwrap()).lines().map(Result::unwrap);
            input.write_all(b"n\n1\n2\n").unwrap();
            let first: Vec<_> = lines.by_ref().take(3).collect();
            assert_eq!(first, ["n,twice", "1,2", "2,4"], "{engine} {language}");
            input.write_all(b"30\n").unwrap();
            assert_eq!(lines.next().unwrap(), "30,60", "{engine} {language}");
            drop(input);
            assert_eq!(lines.next(), None, "{engine} {language}");
            assert_eq!(end(run), Some(0), "{engine} {language}");
        }
    }
}

#[test]
fn a_log_goes_on_where_its_rows_are_wrong_or_its_fields_new() {
    for language in ["python", "r"] {
        let (home, folder) = (Home::new(), folder());
        let rules = ["--on-bad-row", "skip", "--read", "later=keep", "--json"];
        let output = ["--format", "ndjson", "--engine", "process", "-o", "out.csv"];
        let mut run = begin_with(&home, folder.path(), language, &[&output[..], &rules[..]].concat());
        let mut input = run.stdin.take().unwrap();
        let mut said = BufReader::new(run.stderr.take().unwrap()).lines().map(Result::unwrap);
        input.write_all(b"{\"n\":1}\n").unwrap();
        // The first rows have passed when the script has had them.
        assert!(said.by_ref().take(100).any(|line| line.contains("got 1")), "{language}");
        input.write_all(b"{\"n\":\"x\"}\n{\"n\":2,\"new\":[1]}\n{\"n\":\n{\"n\":3}\n").unwrap();
        drop(input);
        let said: String = said.collect::<Vec<_>>().join("\n");
        let mut record = String::new();
        run.stdout.take().unwrap().read_to_string(&mut record).unwrap();
        assert_eq!(end(run), Some(0), "{language}: {said}");
        let table = std::fs::read_to_string(folder.path().join("out.csv")).unwrap();
        assert_eq!(table, "n,later_fields,twice\n1,,2\n2,\"{\"\"new\"\":[1]}\",4\n3,,6\n", "{language}");
        for note in
            ["2 rows were wrong and left out, the first in line 2", "1 row has fields", "the first `new` in line 3"]
        {
            assert!(said.contains(note) && record.contains(note), "{language}: {note}: {said}");
        }
    }
}

/// Feeds a run for ever, until it takes no more.
fn feed(run: &mut Child) -> std::thread::JoinHandle<()> {
    let mut input = run.stdin.take().unwrap();
    std::thread::spawn(move || {
        let rows = "7\n".repeat(10_000);
        let mut written = input.write_all(b"n\n");
        while written.is_ok() {
            written = input.write_all(rows.as_bytes());
        }
    })
}

#[test]
fn an_endless_source_runs_until_it_is_interrupted() {
    for engine in ["process", "docker"] {
        let (home, folder) = (Home::new(), folder());
        let mut run = begin(&home, folder.path(), "python", engine, "out.csv");
        let feeder = feed(&mut run);
        let said = BufReader::new(run.stderr.take().unwrap()).lines().map(Result::unwrap);
        assert!(said.take_while(|line| !line.contains("got ")).count() < 100, "the script says how it gets on");
        let process = rustix::process::Pid::from_child(&run);
        rustix::process::kill_process(process, rustix::process::Signal::INT).unwrap();
        assert_eq!(end(run), Some(130), "{engine}");
        assert!(!folder.path().join("out.csv").exists(), "{engine}: nothing is published");
        feeder.join().unwrap();
    }
}

#[test]
fn a_reader_that_has_gone_ends_the_run() {
    let (home, folder) = (Home::new(), folder());
    let mut run = begin(&home, folder.path(), "python", "process", "-");
    let feeder = feed(&mut run);
    let mut output = BufReader::new(run.stdout.take().unwrap());
    let mut header = String::new();
    output.read_line(&mut header).unwrap();
    assert_eq!(header, "n,twice\n");
    drop(output);
    assert_eq!(end(run), Some(130));
    feeder.join().unwrap();
}
