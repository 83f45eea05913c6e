//! What a person at a terminal does with the command: closes the terminal, types a password. The terminal is a real one,
//! which Python's `pty` has; the runs are those of the process engine.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod command;

use command::User;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

impl User {
    fn new() -> Self {
        Self::with_folder("terminal-")
    }

    /// Runs the command in a terminal, and does the steps there. What was seen, and the exit status.
    fn at_terminal(&self, steps: &Value, arguments: &[&str]) -> (String, i64) {
        let driver = command::root().join("tests/tests/terminal/terminal.py");
        let mut terminal = Command::new(python());
        // Who runs the tests may have had SIGHUP ignored.
        terminal.arg(driver).arg(steps.to_string()).args(["env", "--default-signal=HUP"]).arg(command::path());
        terminal.args(arguments).current_dir(self.folder.path()).stdin(Stdio::null());
        let output = self.home.of(&mut terminal).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        (report["seen"].as_str().unwrap().to_owned(), report["exit"].as_i64().unwrap())
    }

    /// The newest run of the history.
    fn last_run(&self) -> Value {
        let output = self.home.longshore(self.folder.path(), &["runs", "show", "last", "--json"]);
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

fn python() -> PathBuf {
    std::env::var_os("LONGSHORE_PYTHON").map_or_else(|| "python3".into(), PathBuf::from)
}

/// Tidies up when it is told to end, and would go on for a minute.
const TIDY: &str = "\
import time
from longshore.api import Api
api = Api()
try:
    print('at work', flush=True)
    time.sleep(60)
finally:
    open(api.get_option('mark'), 'w').write('tidied')
";

const TIDY_BLOCK: &str = "\
name = \"tidy\"
language = \"python\"
script = \"tidy.py\"
[[options]]
name = \"mark\"
kind = \"text\"
";

#[test]
fn a_terminal_that_is_closed_cancels_by_the_ladder() {
    let user = User::new();
    user.file("tidy.py", TIDY);
    user.file("block.toml", TIDY_BLOCK);
    user.file("out.csv", "as before\n");
    let mark = user.folder.path().join("mark");
    let option = format!("mark={}", mark.display());
    let steps = json!([{ "until": "at work" }, { "close": true }]);
    let begun = Instant::now();
    let (_, exit) =
        user.at_terminal(&steps, &["run", ".", "--engine", "process", "-o", "out.csv", "--option", &option]);
    assert_eq!(exit, 130);
    assert!(begun.elapsed() < Duration::from_secs(40), "{:?}", begun.elapsed());
    assert_eq!(std::fs::read_to_string(mark).unwrap(), "tidied");
    let run = user.last_run();
    assert_eq!((&run["state"], &run["record"]["outcome"]), (&json!("ended"), &json!("interrupted")), "{run}");
    assert_eq!(std::fs::read_to_string(user.folder.path().join("out.csv")).unwrap(), "as before\n");
}

#[test]
fn what_nohup_starts_goes_on_without_its_terminal() {
    let user = User::new();
    user.file("go_on.py", "import time\nprint('at work', flush=True)\ntime.sleep(1)\nopen(OUT, 'w').write('done')\n");
    let done = user.folder.path().join("done");
    let script = std::fs::read_to_string(user.folder.path().join("go_on.py")).unwrap();
    user.file("go_on.py", &script.replace("OUT", &format!("{:?}", done.display().to_string())));
    let driver = command::root().join("tests/tests/terminal/terminal.py");
    let steps = json!([{ "until": "at work" }, { "close": true }]);
    let mut terminal = Command::new(python());
    terminal.arg(driver).arg(steps.to_string()).args(["env", "--ignore-signal=HUP"]).arg(command::path());
    terminal.args(["run", "go_on.py", "--engine", "process"]).current_dir(user.folder.path());
    let output = user.home.of(&mut terminal).output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["exit"], 0, "{report}");
    assert_eq!(std::fs::read_to_string(done).unwrap(), "done");
}

/// Says how long its password is, prints it, and fails with it.
const TELL: &str = "\
from longshore.api import Api
api = Api()
token = api.get_option('token')
print('of', len(token), 'letters:', token, flush=True)
api.abort('cannot connect as ' + token)
";

const TELL_BLOCK: &str = "\
name = \"tell\"
language = \"python\"
script = \"tell.py\"
[[options]]
name = \"token\"
kind = \"password\"
mandatory = true
";

fn teller() -> User {
    let user = User::new();
    user.file("tell.py", TELL);
    user.file("block.toml", TELL_BLOCK);
    user
}

#[test]
fn a_password_that_is_missing_is_asked_for_and_not_shown() {
    let user = teller();
    let steps = json!([{ "until": "token: " }, { "type": "hunter2-and-more\n" }]);
    let (seen, exit) = user.at_terminal(&steps, &["run", ".", "--engine", "process"]);
    assert_eq!(exit, 1, "{seen}");
    assert!(seen.contains("of 16 letters: ***") && seen.contains("cannot connect as ***"), "{seen}");
    assert!(!seen.contains("hunter2"), "{seen}");
}

#[test]
fn a_question_that_is_cancelled_gives_the_terminal_back() {
    let user = teller();
    // The terminal shows again what is typed, which `stty` says.
    let steps = json!([{ "until": "token: " }, { "type": "\u{3}" }, { "until": "ended 130" }]);
    let command = format!("{} run . --engine process; echo ended $?; stty -a", command::path().display());
    let driver = command::root().join("tests/tests/terminal/terminal.py");
    let mut terminal = Command::new(python());
    terminal.arg(driver).arg(steps.to_string()).args(["bash", "-c", &command]).current_dir(user.folder.path());
    let output = user.home.of(&mut terminal).output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    let seen = report["seen"].as_str().unwrap();
    assert!(seen.contains(" echo ") && !seen.contains(" -echo "), "{seen}");
}

#[test]
fn nobody_is_asked_without_a_terminal() {
    let user = teller();
    let output = user.home.longshore(user.folder.path(), &["run", ".", "--engine", "process"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("option `token`: it is mandatory, and has no value"), "{said}");
}

#[test]
fn a_password_is_in_a_file_or_a_variable_and_in_no_argument() {
    use std::os::unix::fs::PermissionsExt;
    let user = teller();
    user.file("token", "hunter2-and-more\n");
    let run = |arguments: &[&str]| {
        let mut command = Command::new(command::path());
        command.args(["run", ".", "--engine", "process", "--json"]).args(arguments).env("TOKEN", "hunter2-and-more");
        let output = user.home.of(command.current_dir(user.folder.path())).output().unwrap();
        (String::from_utf8_lossy(&output.stdout).into_owned(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    for arguments in [["--option", "token=@token"], ["--option-env", "token=TOKEN"]] {
        let (record, said) = run(&arguments);
        assert!(said.contains("of 16 letters: ***"), "{said}");
        assert!(record.contains("cannot connect as ***") && !record.contains("hunter2"), "{record}");
        let note = "note: other users can read `token`, which contains the password `token`: `chmod 600` it";
        assert_eq!(said.contains(note), arguments[0] == "--option", "{said}");
    }
    std::fs::set_permissions(user.folder.path().join("token"), PermissionsExt::from_mode(0o600)).unwrap();
    assert!(!run(&["--option", "token=@token"]).1.contains("other users can read"));
    user.file("all.json", "{\"token\": \"hunter2-and-more\"}");
    let (_, said) = run(&["--options", "all.json"]);
    assert!(said.contains("note: other users can read `all.json`, which contains the password `token`"), "{said}");
    let (_, said) = run(&["--option-env", "token=NO_SUCH_TOKEN"]);
    assert!(said.contains("the variable `NO_SUCH_TOKEN` is not set"), "{said}");
}
