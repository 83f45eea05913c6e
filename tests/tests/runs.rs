//! The history of runs: what is kept of each, how they are found, and that nothing secret is in it. The runs are those of
//! the process engine: the history does not know what ran them. A run in a container stands in `docs/runs.md`, which is
//! run too.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod command;
mod page;

use command::User;
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

impl User {
    fn new() -> Self {
        Self::with_folder("runs-")
    }

    fn run(&self, script: &str, arguments: &[&str]) -> Output {
        self.command(&[&["run", script, "--engine", "process"], arguments].concat()).output().unwrap()
    }

    /// What `longshore runs` prints, with this exit status.
    fn runs(&self, arguments: &[&str], exit: i32) -> String {
        let output = self.command(&[&["runs"], arguments].concat()).output().unwrap();
        let printed = [output.stdout, output.stderr].concat();
        let printed = String::from_utf8_lossy(&printed).into_owned();
        assert_eq!(output.status.code(), Some(exit), "{arguments:?}: {printed}");
        printed
    }

    fn list(&self) -> Vec<Value> {
        serde_json::from_str(&self.runs(&["list", "--json", "-n", "1000"], 0)).unwrap()
    }

    fn state(&self) -> PathBuf {
        // Where the home has it: below the folder of its lists.
        let show = self.command(&["config", "show", "--json"]).output().unwrap();
        let settings: Value = serde_json::from_slice(&show.stdout).unwrap();
        let of = |entry: &&Value| entry["key"] == "engine.state_folder";
        PathBuf::from(settings.as_array().unwrap().iter().find(of).unwrap()["value"].as_str().unwrap())
    }
}

fn everything_below(folder: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        bytes.extend(if path.is_dir() { everything_below(&path) } else { std::fs::read(path).unwrap() });
    }
    bytes
}

const GOOD: &str = "\
from longshore.api import Api
api = Api()
print('so many:', len(api.read_input_records()))
api.error('a little wrong')
api.write_output_records({'a': [1, 2]})
api.commit('all is well')
";

const SECRET: &str = "\
from longshore.api import Api
api = Api()
print('it is', api.get_option('token'))
api.abort('not with ' + api.get_option('token'))
";

const BAD: &str = "\
from longshore.api import Api
Api()
print('before', flush=True)
raise ValueError('nothing works')
";

#[test]
fn a_run_can_be_looked_at_afterwards() {
    let user = User::new();
    assert_eq!(user.runs(&["list"], 0), "");
    user.file("good.py", GOOD);
    user.file("in.csv", "x\n1\n2\n3\n");
    let ran = user.run("good.py", &["-i", "in.csv", "-o", "out.csv", "--json"]);
    let record: Value = serde_json::from_slice(&ran.stdout).unwrap();
    let id = record["run_id"].as_str().unwrap();
    let list = user.runs(&["list"], 0);
    let line = list.lines().find(|line| line.starts_with(id)).unwrap();
    for part in ["just now", "good", "succeeded", " s  ", "all is well"] {
        assert!(line.contains(part), "{part}: {line}");
    }
    let shown = user.runs(&["show", "last"], 0);
    let folder = user.folder.path().display().to_string();
    for line in [
        format!("run        {id}\n"),
        format!("block      good, from {folder}/good.py\n"),
        "outcome    succeeded: all is well\n".into(),
        format!("input 0    {folder}/in.csv\n"),
        "output 0   2 rows, ".into(),
        "engine     process\n".into(),
        "used       ".into(),
        "log        2 lines".into(),
    ] {
        assert!(shown.contains(&line), "`{line}` is not in\n{shown}");
    }
    let log = user.runs(&["log", id], 0);
    // They come on ways of their own.
    let mut lines: Vec<&str> = log.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["error: a little wrong", "so many: 3"]);
    // What it has is what the run said of itself.
    let mut kept: Value = serde_json::from_str(&user.runs(&["show", id, "--json"], 0)).unwrap();
    assert_eq!(kept["state"], "ended");
    assert_eq!(kept["record"].take(), record);
}

#[test]
fn failures_are_found() {
    let user = User::new();
    user.file("good.py", "print('well')\n");
    user.file("bad.py", BAD);
    assert_eq!(user.run("bad.py", &[]).status.code(), Some(1));
    assert_eq!(user.run("good.py", &[]).status.code(), Some(0));
    assert_eq!(user.run("bad.py", &["--timeout", "1ms"]).status.code(), Some(124));
    // Nothing was started, so there is nothing to remember.
    assert_eq!(user.run("bad.py", &["--option", "x=1"]).status.code(), Some(2));
    let failed = user.runs(&["list", "--failed"], 0);
    let outcomes: Vec<bool> = failed.lines().skip(1).map(|line| line.contains("timed out")).collect();
    assert_eq!(outcomes, [true, false], "{failed}");
    assert!(failed.contains("ValueError: nothing works"), "{failed}");
    assert_eq!(user.runs(&["list", "-n", "1"], 0).lines().count(), 2);
    let first = user.list()[2]["run_id"].as_str().unwrap().to_owned();
    let log = user.runs(&["log", &first], 0);
    assert!(log.contains("before\n") && log.contains("Traceback"), "{log}");
    assert!(log.contains("\nValueError: nothing works\n"), "{log}");
}

#[test]
fn the_log_of_a_failed_build_is_the_builds() {
    let user = User::new();
    let needs = "# /// script\n# dependencies = ['no-such-package-of-longshore']\n# ///\nprint('never printed')\n";
    user.file("needs.py", needs);
    assert_eq!(user.run("needs.py", &[]).status.code(), Some(3));
    let run = &user.list()[0];
    let (id, record) = (run["run_id"].as_str().unwrap(), &run["record"]);
    assert_eq!(record["outcome"], "environment_failed", "{run}");
    assert!(record["timings_ms"]["environment"].as_f64().unwrap() > 1.0, "{run}");
    let log = user.runs(&["log", id], 0);
    assert!(log.contains("no-such-package-of-longshore") && !log.contains("never printed"), "{log}");
}

#[test]
fn a_run_that_goes_on_stays_and_one_whose_host_was_killed_is_lost() {
    let user = User::new();
    user.file("long.py", "import time\nprint('at work', flush=True)\ntime.sleep(60)\n");
    let mut command = user.command(&["run", "long.py", "--engine", "process"]);
    let mut running = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(running.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("at work")));
    assert!(user.runs(&["list"], 0).contains("running"));
    assert!(user.runs(&["remove", "last"], 2).contains("it is still running"));
    user.runs(&["remove", "--all"], 0);
    assert_eq!(user.list()[0]["state"], "running");
    running.kill().unwrap();
    running.wait().unwrap();
    assert!(user.runs(&["list", "--failed"], 0).contains("lost"));
    assert!(user.runs(&["show", "last"], 0).contains("lost: the host was killed before the run ended"));
    assert_eq!(user.runs(&["log", "last"], 0), "");
    user.runs(&["remove", "last"], 0);
    assert_eq!(user.list().len(), 0);
}

#[test]
fn no_secret_is_in_it() {
    let user = User::new();
    let manifest = "name = \"Secret\"\nlanguage = \"python\"\nscript = \"script.py\"\n[[options]]\nname = \"token\"\nkind = \"password\"\n";
    user.file("secret/block.toml", manifest);
    user.file("secret/script.py", SECRET);
    let ran = user.run("secret", &["--option", "token=hunter-and-gatherer", "--json"]);
    let shown = String::from_utf8_lossy(&ran.stderr);
    assert!(shown.contains("it is ***\n") && shown.contains("not with ***"), "{shown}");
    let record: Value = serde_json::from_slice(&ran.stdout).unwrap();
    assert_eq!(record["message"], "not with ***");
    for seen in [&ran.stdout, &ran.stderr] {
        assert!(!seen.windows(6).any(|window| window == b"hunter"));
    }
    assert_eq!(user.runs(&["log", "last"], 0), "it is ***\n");
    let shown = user.runs(&["show", "last"], 0);
    assert!(shown.contains("option     token = \"***\"") && shown.contains("failed: not with ***\n"), "{shown}");
    let kept = everything_below(&user.state());
    assert!(!kept.is_empty() && !kept.windows(6).any(|window| window == b"hunter"));
}

#[test]
fn the_newest_stay_as_many_as_the_settings_say() {
    let user = User::new();
    user.file("script.py", "print('x' * 100_000)\n");
    for _ in 0..4 {
        user.command(&["run", "script.py", "--engine", "process"]).env("LONGSHORE_RUNS_KEEP", "2").output().unwrap();
    }
    let runs = user.list();
    assert_eq!(runs.len(), 2);
    assert!(runs[0]["started_ms"].as_u64() > runs[1]["started_ms"].as_u64());
    let mut none = user.command(&["run", "script.py", "--engine", "process"]);
    none.env("LONGSHORE_RUNS_KEEP", "0").output().unwrap();
    assert_eq!(user.list().len(), 2);
    let mut short = user.command(&["run", "script.py", "--engine", "process"]);
    short.env("LONGSHORE_RUNS_LOG_BYTES", "1kB").output().unwrap();
    let log = user.runs(&["log", "last"], 0);
    assert!(log.len() < 1100 && log.contains("99001 bytes are left out here …\nxxx"), "{log}");
    let wrong = user.command(&["runs", "list"]).env("LONGSHORE_RUNS_KEEP", "many").output().unwrap();
    let said = String::from_utf8_lossy(&wrong.stderr).into_owned();
    assert!(wrong.status.code() == Some(2) && said.contains("it must be a whole number"), "{said}");
}

#[test]
fn a_history_that_cannot_be_kept_keeps_nobody_from_running() {
    let user = User::new();
    user.file("good.py", "print('it ran')\n");
    user.file("state", "this is no folder\n");
    let mut command = user.command(&["run", "good.py", "--engine", "process"]);
    let ran = command.env("LONGSHORE_STATE_FOLDER", user.folder.path().join("state")).output().unwrap();
    let said = String::from_utf8_lossy(&[ran.stdout, ran.stderr].concat()).into_owned();
    assert_eq!(ran.status.code(), Some(0), "{said}");
    assert!(
        said.contains("it ran") && said.contains("note: the run is not recorded: cannot write the run history in"),
        "{said}"
    );
}

#[test]
fn a_run_with_partitions_is_one() {
    let user = User::new();
    user.file("part.py", GOOD);
    user.file("in.csv", "k,x\na,1\nb,2\na,3\n");
    user.run("part.py", &["-i", "in.csv", "--partition-by", "k"]);
    assert_eq!(user.list().len(), 1);
    let shown = user.runs(&["show", "last"], 0);
    assert!(shown.contains("partition  `a` succeeded: all is well\npartition  `b` succeeded"), "{shown}");
    let log = user.runs(&["log", "last"], 0);
    assert!(log.contains("so many: 2\n") && log.contains("so many: 1\n"), "{log}");
}

#[test]
fn a_run_that_is_not_there_is_named() {
    let user = User::new();
    assert!(user.runs(&["show", "last"], 2).contains("there is no run `last` in the history"));
    assert!(user.runs(&["log", "64a1"], 2).contains("help: `longshore runs list` lists the runs"));
    user.file("script.py", "");
    for _ in 0..2 {
        user.run("script.py", &[]);
    }
    let id = user.list()[0]["run_id"].as_str().unwrap().to_owned();
    assert!(user.runs(&["show", &id[..2]], 2).contains("give more characters of the id"));
    let end = id.split_once('-').unwrap().1;
    assert!(user.runs(&["show", end], 0).contains(&id));
    // All or none.
    user.runs(&["remove", &id, "nothing"], 2);
    assert_eq!(user.list().len(), 2);
    user.runs(&["remove", "--all"], 0);
    assert_eq!(user.list().len(), 0);
}

#[test]
fn the_page_on_runs_runs() {
    let user = User::new();
    for fence in page::fences(&page::page("docs/runs.md")) {
        if fence.file().is_some() {
            fence.write(user.folder.path(), &fence.text);
        } else if fence.kind == "console" {
            fence.run(&fence.text, |command| {
                let mut shell = page::shell(user.folder.path(), command);
                user.home.of(&mut shell);
                shell
            });
        }
    }
}
