//! Interpreters that wait for runs: a run in one is the run that starts its own, nothing of a run is in one before it is
//! claimed, and whatever happens to one, nothing of it is left.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod command;
#[path = "pool/trouble.rs"]
mod trouble;

use command::{Home, Resident, User};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Output;
use std::time::{Duration, Instant};

/// How long something may take that takes milliseconds on a quiet machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// Every run waits for an interpreter that is prepared for it.
const POOLED: &[(&str, &str)] = &[("LONGSHORE_POOL_WAIT", "true")];

/// Every run starts its own.
const COLD: &[(&str, &str)] = &[("LONGSHORE_POOL_MEMBERS", "0")];

fn resident(home: &Home, variables: &[(&str, &str)]) -> Resident {
    Resident::start_with(home, &["--allow-processes"], variables)
}

/// What a run has printed, in any order, since the two streams arrive on ways of their own, and its record.
struct Ran {
    printed: Vec<String>,
    record: Value,
}

impl Ran {
    fn of(output: &Output) -> Self {
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        // The command's own line has times.
        let own = |line: &&str| !line.contains(" (script ") && !line.starts_with('✗');
        let mut printed: Vec<String> = text.lines().filter(own).map(without_folder).collect();
        printed.sort();
        let record = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {text}"));
        Self { printed, record }
    }

    /// The parts of the record that a run decides.
    fn facts(&self) -> Vec<&Value> {
        let parts =
            ["outcome", "message", "exit", "left_behind", "dropped_log_bytes", "outputs", "hints", "notes", "loosened"];
        parts.iter().map(|part| &self.record[*part]).collect()
    }

    fn result(&self) -> &str {
        self.record["pool"]["result"].as_str().unwrap_or_default()
    }

    fn why(&self) -> &str {
        self.record["pool"]["why"].as_str().unwrap_or_default()
    }

    fn preloaded(&self) -> usize {
        self.record["pool"]["preloaded"].as_array().map_or(0, Vec::len)
    }
}

/// Without the name of the working folder, which is another one for each run without a container.
fn without_folder(line: &str) -> String {
    let Some((before, after)) = line.split_once("/tmp/longshore-") else { return line.to_owned() };
    format!("{before}{}", after.find('/').map_or("", |end| &after[end..]))
}

fn run(user: &User, resident: &Resident, arguments: &[&str]) -> Ran {
    let mut command = user.command(&[&["run", "--json"], arguments].concat());
    Ran::of(&resident.of(&mut command).output().unwrap())
}

/// A script, and how it is run.
struct Case {
    name: String,
    script: &'static str,
    text: String,
    files: Vec<(&'static str, &'static str)>,
    arguments: Vec<&'static str>,
    /// Whether a waiting interpreter is good for it, and how many imports it has done.
    expected: Result<usize, &'static str>,
}

impl Case {
    fn new(script: &'static str, text: impl Into<String>, expected: Result<usize, &'static str>) -> Self {
        let text = text.into();
        Self {
            name: text.lines().take(3).collect::<Vec<_>>().join("; "),
            script,
            text,
            files: Vec::new(),
            arguments: Vec::new(),
            expected,
        }
    }

    fn with(self, files: &[(&'static str, &'static str)], arguments: &[&'static str]) -> Self {
        Self { files: files.to_vec(), arguments: arguments.to_vec(), ..self }
    }

    fn check(&self, number: usize, user: &User, cold: &Resident, pooled: &Resident) {
        for (name, text) in &self.files {
            user.file(&format!("{number}/{name}"), text);
        }
        let script = format!("{number}/{}", self.script);
        user.file(&script, &self.text);
        let arguments = [&[script.as_str(), "--engine", "docker"], self.arguments.as_slice()].concat();
        let (before, now) = (run(user, cold, &arguments), run(user, pooled, &arguments));
        match self.expected {
            Ok(imports) => {
                assert_eq!(
                    (now.result(), now.preloaded()),
                    ("hit", imports),
                    "{}: {}\n{}",
                    self.name,
                    now.why(),
                    pooled.log()
                )
            }
            Err(why) => {
                assert!(now.result() == "miss" && now.why().contains(why), "{}: {}", self.name, now.record["pool"])
            }
        }
        let differing = |one: &Ran, other: &Ran| {
            let there: BTreeSet<&String> = other.printed.iter().collect();
            one.printed.iter().filter(|line| !there.contains(line)).cloned().collect::<Vec<_>>().join("\n")
        };
        assert_eq!(
            before.printed,
            now.printed,
            "{}:\ncold {}\npooled {}",
            self.name,
            differing(&before, &now),
            differing(&now, &before)
        );
        assert_eq!(before.facts(), now.facts(), "{}", self.name);
        assert_eq!(before.record["pool"], Value::Null);
    }
}

/// Imports that a script may begin with, each with the number of them that are done before it is known.
fn python() -> Vec<Case> {
    let state = include_str!("../pool/state.py");
    let beginnings: [(&str, Result<usize, &'static str>); 12] = [
        ("import sys\n", Ok(1)),
        ("'''About.'''\nfrom __future__ import annotations\nimport pandas as pd, sys\n", Ok(2)),
        ("import sys; import numpy\nfrom longshore.api import Api\n", Ok(3)),
        ("import os\nos.environ['OMP_NUM_THREADS'] = '1'\nimport numpy, sys\n", Ok(1)),
        ("import warnings\nwarnings.filterwarnings('error')\nimport polars, sys\n", Ok(1)),
        ("import sys\nsys.setrecursionlimit(500)\nimport pyarrow.parquet\n", Ok(1)),
        ("import logging, sys\nlogging.basicConfig(level='DEBUG')\n", Ok(2)),
        ("print('first')\nimport sys\n", Ok(0)),
        ("import sys\nfrom decimal import Decimal, getcontext\nimport asyncio, concurrent.futures\n", Ok(4)),
        ("import sys\nimport no_such_module\n", Ok(1)),
        ("import random, sys, numpy as np\nrandom.seed(1)\nprint(random.random())\n", Ok(3)),
        ("import sys\ntry:\n    import no_such_module\nexcept ImportError:\n    pass\n", Ok(1)),
    ];
    let mut cases: Vec<Case> = beginnings
        .into_iter()
        .map(|(beginning, expected)| Case::new("script.py", format!("{beginning}{state}"), expected))
        .collect();
    let plain = || format!("import sys\n{state}");
    cases.extend([
        Case::new("script.py", plain(), Ok(1))
            .with(&[], &["--env", "API_URL=x y", "--env", "EMPTY=", "--", "a", "b c", "-i"]),
        Case::new("script.py", plain(), Err("`OMP_NUM_THREADS`")).with(&[], &["--env", "OMP_NUM_THREADS=1"]),
        Case::new("script.py", plain(), Err("`PYTHONHASHSEED`")).with(&[], &["--env", "PYTHONHASHSEED=0"]),
        Case::new("script.py", format!("import sys\nimport beside\nimport pandas\n{state}"), Ok(1))
            .with(&[("beside.py", "import sys\nprint('pandas' in sys.modules)\n")], &[]),
        // A module beside the script that has the name of one that pandas imports, or would.
        Case::new("script.py", "import pandas\nimport numexpr\nprint(numexpr.__version__)\n", Err("`numexpr`"))
            .with(&[("numexpr.py", "__version__ = '2.13'\nprint('hidden')\n")], &[]),
        Case::new("script.py", "import sys\nsys.exit('why')\n", Ok(1)),
        Case::new("script.py", "import os\nos._exit(7)\n", Ok(1)),
        Case::new("script.py", "import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n", Ok(2)),
        Case::new("script.py", "def f():\n    return 1 / 0\n\nf()\n", Ok(0)),
        Case::new("script.py", "import sys\nif True\n    pass\n", Ok(1)),
        Case::new("script.py", "import sys\nprint('é', file=sys.stderr)\nprint(open(__file__).read())\n", Ok(1)),
        Case::new("script.py", "import subprocess, sys\nsubprocess.Popen(['sleep', '100'])\nprint('left')\n", Ok(2)),
    ]);
    cases
}

fn r() -> Vec<Case> {
    let state = include_str!("../pool/state.R");
    let plain = || state.to_owned();
    vec![
        Case::new("script.R", plain(), Ok(0)),
        Case::new("script.R", format!("library(longshore)\n{state}"), Ok(1)),
        Case::new(
            "script.R",
            format!("# first\nsuppressPackageStartupMessages(library(stats4)); require('splines')\n{state}"),
            Ok(2),
        ),
        Case::new("script.R", format!("options(digits = 3)\nlibrary(stats4)\n{state}"), Ok(0)),
        Case::new("script.R", format!("library(splines)\n{state}"), Ok(0))
            .with(&[], &["--env", "API_URL=x y", "--env", "EMPTY="]),
        Case::new("script.R", format!("library(splines)\n{state}"), Ok(1)).with(&[], &["--", "a", "b c", "-i"]),
        Case::new("script.R", plain(), Err("`R_LIBS_USER`")).with(&[], &["--env", "R_LIBS_USER=/x"]),
        Case::new("script.R", "f <- function() stop('why')\nf()\n", Ok(0)),
        Case::new("script.R", "cat('a\\n')\nquit(status = 5)\n", Ok(0)),
        Case::new("script.R", "x <- (\n", Ok(0)),
        Case::new("script.R", "cat(readLines('script.R'), sep = '\\n')\nmessage('é')\n", Ok(0)),
    ]
}

fn equals(cases: &[Case]) {
    let user = User::with_folder("pool-");
    let (cold, pooled) = (resident(&user.home, COLD), resident(&user.home, POOLED));
    for (number, case) in cases.iter().enumerate() {
        case.check(number, &user, &cold, &pooled);
    }
}

#[test]
fn a_python_script_sees_the_same_in_an_interpreter_that_waited() {
    equals(&python());
}

#[test]
fn an_r_script_sees_the_same_in_an_interpreter_that_waited() {
    equals(&r());
}

/// Until `holds`, which something else brings about.
fn soon(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The processes below one, with those below them.
fn below(parent: u32) -> Vec<u32> {
    let children = |parent: u32| -> Vec<u32> {
        // A child belongs to the thread that started it.
        let threads = std::fs::read_dir(format!("/proc/{parent}/task")).into_iter().flatten().flatten();
        let texts = threads.map(|thread| std::fs::read_to_string(thread.path().join("children")).unwrap_or_default());
        texts.flat_map(|text| text.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>()).collect()
    };
    let mut found = children(parent);
    let mut at = 0;
    while at < found.len() {
        found.extend(children(found[at]));
        at += 1;
    }
    found
}

/// Whether a file of a process has this text.
fn has(pid: u32, file: &str, text: &str) -> bool {
    let bytes = std::fs::read(Path::new("/proc").join(pid.to_string()).join(file)).unwrap_or_default();
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}
