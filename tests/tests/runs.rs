//! The history of runs: what is kept of each, how they are found, and that nothing secret is in it. The runs are those of
//! the process engine: the history does not know what ran them. A run in a container stands in `docs/runs.md`, which is
//! run too.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod command;
mod page;

use command::User;
use serde_json::Value;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

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
    // What is printed is there a moment later: a kill within that moment loses it.
    let deadline = Instant::now() + Duration::from_secs(30);
    while user.runs(&["log", "last"], 0) != "at work\n" {
        assert!(Instant::now() < deadline, "the log does not come");
    }
    running.kill().unwrap();
    running.wait().unwrap();
    assert!(user.runs(&["list", "--failed"], 0).contains("lost"));
    assert!(user.runs(&["show", "last"], 0).contains("lost: the host was killed before the run ended"));
    assert_eq!(user.runs(&["log", "last"], 0), "at work\n");
    // The next host records it.
    user.file("next.py", "");
    user.run("next.py", &[]);
    assert_eq!(user.list()[1]["state"], "lost");
    for _ in 0..2 {
        user.runs(&["remove", "last"], 0);
    }
    assert_eq!(user.list().len(), 0);
}

/// A script that works until it is ended.
const LONG: &str = "\
import time
from longshore.api import Api
api = Api()
print('at work', flush=True)
api.update_progress(0.25, 'a quarter')
for number in range(600):
    time.sleep(0.1)
";

impl User {
    /// A run of this script that has printed its first line.
    fn begun(&self, script: &str) -> Child {
        let mut command = self.command(&["run", script, "--engine", "process"]);
        let mut running = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        // The reading end stays open: a closed pipe would end the run.
        let mut byte = [0];
        running.stdout.as_mut().unwrap().read_exact(&mut byte).unwrap();
        running
    }
}

#[test]
fn a_run_is_followed_and_cancelled_from_another_terminal() {
    let user = User::new();
    user.file("long.py", LONG);
    let mut running = user.begun("long.py");
    let watch = |run: &str| {
        let mut command = user.command(&["runs", "watch", run]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let mut watching = watch("last");
    // Its messages are heard while it goes on.
    let mut heard = BufReader::new(watching.stderr.take().unwrap());
    let mut line = String::new();
    heard.read_line(&mut line).unwrap();
    assert_eq!(line, "a quarter\n");
    assert!(running.try_wait().unwrap().is_none());
    let shown = user.runs(&["show", "last"], 0);
    assert!(shown.contains("progress   25 %\n") && shown.contains("message    a quarter\n"), "{shown}");
    assert_eq!(user.runs(&["log", "last"], 0), "at work\n");

    let id = user.list()[0]["run_id"].as_str().unwrap().to_owned();
    assert_eq!(user.runs(&["cancel", &id], 0), format!("{id} interrupted\n"));
    assert_eq!(running.wait().unwrap().code(), Some(130));
    let mut printed = String::new();
    watching.stdout.take().unwrap().read_to_string(&mut printed).unwrap();
    heard.read_to_string(&mut line).unwrap();
    assert_eq!(watching.wait().unwrap().code(), Some(130), "{line}");
    assert!(printed.starts_with("at work\n"), "{printed}");
    assert!(line.contains("✗ long interrupted"), "{line}");

    // What has ended is told at once, as it ended.
    assert!(user.runs(&["cancel", "last"], 2).contains(&format!("cannot cancel the run `{id}`: it has ended")));
    user.file("bad.py", BAD);
    user.run("bad.py", &[]);
    let seen = user.runs(&["watch", "last"], 1);
    // Two pipes have no common order.
    assert!(seen.contains("before\n") && seen.ends_with("✗ bad failed: ValueError: nothing works\n"), "{seen}");
    user.run("long.py", &["--timeout", "1s"]);
    assert!(user.runs(&["watch", "last"], 124).contains("✗ long timed out: "));
}

#[test]
fn a_run_is_killed_at_once_if_that_is_asked_for() {
    let user = User::new();
    let stubborn = "import signal, time\nfor number in (2, 15):\n    signal.signal(number, signal.SIG_IGN)\n\
                    print('deaf', flush=True)\ntime.sleep(60)\n";
    user.file("deaf.py", stubborn);
    let mut running = user.begun("deaf.py");
    let begun = Instant::now();
    assert!(user.runs(&["cancel", "--now", "last"], 0).ends_with(" interrupted\n"));
    // The signals alone would take five seconds.
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    assert_eq!(running.wait().unwrap().code(), Some(130));
}

/// Whenever a host is killed, the history is readable and whole, and its run has an end.
#[test]
fn a_kill_at_any_moment_leaves_a_readable_history() {
    let user = User::new();
    user.file("prints.py", "for number in range(200_000):\n    print('line', number, 'x' * 100)\n");
    let mut seed = 11_u64;
    let mut known = 0;
    for _ in 0..16 {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let mut command = user.command(&["run", "prints.py", "--engine", "process"]);
        let mut running = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis((seed >> 33) % 250));
        running.kill().unwrap();
        running.wait().unwrap();
        let runs = user.list();
        assert!(runs.len() == known || runs.len() == known + 1, "{known} runs, then {}", runs.len());
        known = runs.len();
        assert!(runs.iter().all(|run| run["state"] != "running"), "{runs:?}");
        if known > 0 {
            let log = user.runs(&["log", "last"], 0);
            assert!(log.is_empty() || log.starts_with("line 0 x"), "{log}");
        }
    }
    assert!(known > 5, "{known}");
    let database = user.state().join("database/longshore.sqlite");
    let check =
        "import sqlite3, sys\nprint(sqlite3.connect(sys.argv[1]).execute('pragma integrity_check').fetchone()[0])";
    let checked = Command::new("python3").args(["-c", check]).arg(database).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&checked.stdout), "ok\n", "{}", String::from_utf8_lossy(&checked.stderr));
}

#[test]
fn records_of_former_versions_stay_in_the_history() {
    let user = User::new();
    let folder = user.state().join("runs");
    for (id, record) in [("64a1-00ff", r#"{"outcome": "failed", "message": "it was so"}"#), ("64a2-00ee", "null")] {
        std::fs::create_dir_all(folder.join(id)).unwrap();
        let entry = format!(
            r#"{{"run_id": "{id}", "block": "old", "source": "/old.py", "inputs": ["/in.csv"], "started_ms": 1, "record": {record}}}"#
        );
        std::fs::write(folder.join(id).join("run.json"), entry).unwrap();
        std::fs::write(folder.join(id).join("log"), "as it was\n").unwrap();
    }
    std::fs::create_dir_all(folder.join("64a3-00dd")).unwrap();
    user.file("new.py", "");
    user.run("new.py", &[]);
    let list = user.runs(&["list"], 0);
    assert!(list.contains("64a3-00dd` stays there: `run.json`: "), "{list}");
    let lines: Vec<&str> = list.lines().filter(|line| line.starts_with("64a")).collect();
    assert!(lines.len() == 2 && lines[0].contains("lost") && lines[1].contains("it was so"), "{list}");
    assert!(user.runs(&["log", "64a1"], 0).starts_with("as it was\n"));
    assert_eq!(std::fs::read_dir(folder).unwrap().count(), 1);
}

#[test]
fn a_database_that_cannot_be_used_is_named_and_runs_go_on() {
    let user = User::new();
    user.file("good.py", "print('it ran')\n");
    user.run("good.py", &[]);
    let database = user.state().join("database/longshore.sqlite");
    let newer =
        "import sqlite3, sys\nsqlite3.connect(sys.argv[1], isolation_level=None).execute('pragma user_version = 9')";
    assert!(Command::new("python3").args(["-c", newer]).arg(&database).status().unwrap().success());
    for (cause, help) in [
        ("a newer version of Longshore wrote it (format 9; ", "use that version of Longshore"),
        ("`longshore.sqlite` is damaged, or a file of another program", "keep the damaged one, with `mv /"),
    ] {
        let ran = user.run("good.py", &[]);
        let said = String::from_utf8_lossy(&ran.stderr).into_owned();
        assert_eq!((ran.status.code(), ran.stdout.as_slice()), (Some(0), &b"it ran\n"[..]), "{said}");
        assert_eq!(said.matches("not recorded").count(), 1, "{said}");
        let listed = user.runs(&["list"], 3);
        for text in [cause, help] {
            assert!(said.contains(text) && listed.contains(text), "{text}: {said}{listed}");
        }
        for name in ["longshore.sqlite-wal", "longshore.sqlite-shm"] {
            let _ = std::fs::remove_file(database.with_file_name(name));
        }
        std::fs::write(&database, "text ".repeat(1000)).unwrap();
    }
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
