//! Whatever the host reads, altered by rule: tables in each format, manifests, options and settings; `host/store`
//! damages the history. Each altered file is read by a command of its own with little memory and little time, which has
//! to end by itself: with what is in the file, or with an error. None ends in a panic, by a signal, or for want of
//! memory.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod bench;
mod command;

use bench::Bench;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Mutex;

/// How often each file is altered.
const TIMES: u64 = 60;

/// Files that are read at a time.
const THREADS: usize = 3;

/// The formats that the host writes, and reads.
const FORMATS: [&str; 12] = [
    "csv",
    "tsv",
    "csv.gz",
    "csv.zst",
    "ndjson",
    "ndjson.gz",
    "parquet",
    "arrow",
    "feather",
    "arrows",
    "arrows.zst",
    "xlsx",
];

/// Writes a table of a few types to as many outputs as there are formats.
const SCRIPT: &str = "\
from longshore.api import Api
api = Api()
rows = range(50)
table = {'n': [i * 1_000_003 for i in rows], 'x': [i / 8 for i in rows], 't': [f'text, \"{i}\"' for i in rows]}
for number in range(FORMATS):
    api.write_output_records(table, number)
api.commit('done')
";

/// Packs a text as others do.
const PACK: &str = "\
import bz2, zipfile
text = open('table.csv', 'rb').read()
open('packed.csv.bz2', 'wb').write(bz2.compress(text))
with zipfile.ZipFile('packed.csv.zip', 'w', zipfile.ZIP_DEFLATED) as archive:
    archive.writestr('table.csv', text)
";

const MANIFEST: &str = "\
name = \"mutated\"
language = \"python\"
script = \"s.py\"

[[inputs]]
name = \"sales\"
mandatory = true

[[options]]
name = \"rate\"
kind = \"double\"
default = 0.25

[[options]]
name = \"kind\"
kind = \"choice\"
choices = [\"a\", \"b\"]
";

/// Numbers that look random, the same in each run (Marsaglia's xorshift).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).unwrap()
    }

    fn below(&mut self, end: usize) -> usize {
        self.next() % end.max(1)
    }
}

/// The bytes, altered by the rule of a number.
fn altered(bytes: &[u8], number: u64) -> Vec<u8> {
    let mut numbers = Numbers((number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let mut bytes = bytes.to_vec();
    let at = numbers.below(bytes.len());
    let end = bytes.len().min(at + 1 + numbers.below(64));
    match number % 8 {
        0 => (0..=numbers.below(8)).for_each(|_| {
            let at = numbers.below(bytes.len());
            bytes[at] ^= 1 << numbers.below(8);
        }),
        // What may be a length becomes a huge one, or one below zero.
        1 | 2 => {
            let huge = [&i64::MAX.to_le_bytes()[..], &u64::MAX.to_le_bytes(), &(1_u64 << 40).to_le_bytes(), &[0x7f; 4]];
            let huge = huge[numbers.below(huge.len())];
            let at = numbers.below(bytes.len().saturating_sub(8)) & !3;
            let end = bytes.len().min(at + huge.len());
            bytes[at..end].copy_from_slice(&huge[..end - at]);
        }
        3 => bytes.truncate(at),
        4 => drop(bytes.drain(at..end)),
        5 => {
            let piece = bytes[at..end].to_vec();
            bytes.splice(at..at, piece.repeat(1 + numbers.below(2000)));
        }
        // What opens, nests, quotes or separates, very often.
        6 => {
            let token = ["[", "{\"a\":", "\"", ",", "(", "\n", "[[", "=", "\u{feff}", "\0"][numbers.below(10)];
            bytes.splice(at..at, token.repeat(100_000).into_bytes());
        }
        _ => bytes[at..end].fill(b"\0\xff9-"[numbers.below(4)]),
    }
    bytes
}

/// A file that is altered, and the commands that read it there.
struct Subject {
    name: &'static str,
    bytes: Vec<u8>,
    commands: &'static [&'static [&'static str]],
}

/// Reads each subject as it is, and then as it is altered.
fn read_altered(subjects: Vec<Subject>) {
    let work = subjects.iter().flat_map(|subject| (0..=TIMES).map(move |number| (subject, number)));
    let work = Mutex::new(work);
    let failed = Mutex::new(Vec::new());
    std::thread::scope(|threads| {
        for _ in 0..THREADS {
            threads.spawn(|| {
                loop {
                    let Some((subject, number)) = work.lock().unwrap().next() else { return };
                    failed.lock().unwrap().extend(read(subject, number));
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "{} did not end as they should:\n{}", failed.len(), failed.join("\n"));
}

/// Says what did not end as it should. With the number 0 nothing is altered, and all has to be well.
fn read(subject: &Subject, number: u64) -> Vec<String> {
    let bench = Bench::new();
    bench.write("s.py", "print(1)\n");
    bench.write("block/s.py", "print(1)\n");
    bench.write("block/block.toml", MANIFEST);
    bench.write("block/t.csv", "a\n1\n");
    bench.write("omniscope/script.py", "print(1)\n");
    let bytes = if number == 0 { subject.bytes.clone() } else { altered(&subject.bytes, number) };
    bench.write(subject.name, bytes);
    let mut failed = Vec::new();
    for arguments in subject.commands {
        let output = bench.longshore(arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        let well = match (output.status.code(), number) {
            (Some(0), _) => true,
            (Some(2), 1..) => !said.trim().is_empty(),
            _ => false,
        };
        if !well || said.contains("panicked") {
            let start: String = said.chars().take(300).collect();
            failed.push(format!("{} altered by {number}, {arguments:?}: {}: {start}", subject.name, output.status));
        }
    }
    failed
}

#[test]
fn altered_tables_end_no_command() {
    let bench = Bench::new();
    bench.write("s.py", SCRIPT.replace("FORMATS", &FORMATS.len().to_string()));
    let mut run = vec!["run".to_owned(), "s.py".into(), "--engine".into(), "process".into()];
    run.extend(FORMATS.iter().flat_map(|format| ["-o".to_owned(), format!("table.{format}")]));
    let ran = Command::new(command::path()).args(&run).current_dir(bench.path("")).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let python = std::env::var_os("LONGSHORE_PYTHON").map_or_else(|| PathBuf::from("python3"), PathBuf::from);
    let packed = Command::new(python).args(["-c", PACK]).current_dir(bench.path("")).status().unwrap();
    assert!(packed.success());
    let mut subjects = Vec::new();
    for entry in std::fs::read_dir(bench.path("")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if name.starts_with("table.") || name.starts_with("packed.") {
            let name: &'static str = name.leak();
            let commands: &'static [&'static [&'static str]] =
                vec![vec!["peek", name, "--rows", "3"].leak() as &[&str], vec!["check", "s.py", "-i", name].leak()]
                    .leak();
            subjects.push(Subject { name, bytes: std::fs::read(path).unwrap(), commands });
        }
    }
    assert_eq!(subjects.len(), FORMATS.len() + 2);
    read_altered(subjects);
}

#[test]
fn altered_documents_end_no_command() {
    let omniscope = std::fs::read(command::root().join("tests/blocks/orders_join/manifest.json")).unwrap();
    let options = "{\"rate\": 0.5, \"kind\": \"b\"}";
    let settings = "[runs]\nkeep = 100\n\n[build]\nmemory = \"2g\"\n";
    read_altered(vec![
        Subject { name: "block/block.toml", bytes: MANIFEST.into(), commands: &[&["check", "block"]] },
        Subject { name: "omniscope/manifest.json", bytes: omniscope, commands: &[&["check", "omniscope"]] },
        Subject {
            name: "options.json",
            bytes: options.into(),
            commands: &[&[
                "run",
                "block",
                "--engine",
                "process",
                "--explain",
                "--options",
                "options.json",
                "-i",
                "block/t.csv",
            ]],
        },
        Subject { name: "config/longshore/longshore.toml", bytes: settings.into(), commands: &[&["config", "show"]] },
    ]);
}
