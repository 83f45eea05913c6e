//! What a person sees at a terminal: the screens of runs, lists and errors at 80 and at 40 columns, as a terminal emulator
//! has them. The runs are those of the process engine.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod command;

use command::User;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Rows of the terminals.
const ROWS: u16 = 200;

/// What reached a terminal.
struct Seen {
    bytes: Vec<u8>,
    marks: Vec<usize>,
    exit: i64,
}

/// A screen.
struct Screen {
    lines: Vec<String>,
    /// Whether the terminal had to break a line.
    is_broken: bool,
}

impl Screen {
    fn of(bytes: &[u8], columns: u16) -> Self {
        Self::resized(&[(bytes, columns)])
    }

    /// The screen after several pieces, each with the columns that the terminal then had.
    fn resized(pieces: &[(&[u8], u16)]) -> Self {
        let mut parser = vt100::Parser::new(ROWS, pieces[0].1, 0);
        for (bytes, columns) in pieces {
            parser.screen_mut().set_size(ROWS, *columns);
            parser.process(bytes);
        }
        let screen = parser.screen();
        let rows = screen.rows(0, pieces[pieces.len() - 1].1);
        let mut lines: Vec<String> = rows.map(|row| row.trim_end().to_owned()).collect();
        while lines.last().is_some_and(String::is_empty) {
            lines.pop();
        }
        Self { lines, is_broken: (0..ROWS).any(|row| screen.row_wrapped(row)) }
    }

    /// The lines with `…` in place of times, where a line of Longshore goes on below joined.
    fn joined(&self) -> Vec<String> {
        let mut joined: Vec<String> = Vec::new();
        for line in &self.lines {
            match joined.last_mut() {
                Some(last)
                    if line.starts_with("  ")
                        && ["✓", "✗", "error:", "note:"].iter().any(|mark| last.starts_with(mark)) =>
                {
                    *last = format!("{last} {}", line.trim_start());
                }
                _ => joined.push(line.clone()),
            }
        }
        joined.iter().map(|line| timeless(line)).collect()
    }
}

fn timeless(line: &str) -> String {
    let words = line.split(' ').map(|word| {
        let number = word.trim_start_matches('(');
        let is_time = number.contains('.') && number.parse::<f64>().is_ok();
        if is_time { word.replace(number, "…") } else { word.to_owned() }
    });
    words.collect::<Vec<_>>().join(" ")
}

fn at_terminal(user: &User, columns: u16, steps: &[Value], variables: &[(&str, &str)], arguments: &[&str]) -> Seen {
    let driver = command::root().join("tests/tests/terminal/terminal.py");
    let all: Vec<Value> = std::iter::once(json!({"size": [ROWS, columns]})).chain(steps.iter().cloned()).collect();
    let mut terminal = Command::new(python());
    terminal.arg(driver).arg(Value::from(all).to_string()).arg(command::path()).args(arguments);
    terminal.current_dir(user.folder.path()).env("TERM", "xterm-256color").env_remove("NO_COLOR").stdin(Stdio::null());
    terminal.envs(variables.iter().copied());
    let output = user.home.of(&mut terminal).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let hex = report["bytes"].as_str().unwrap();
    let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    let marks = report["marks"].as_array().unwrap().iter().map(|mark| mark.as_u64().unwrap().try_into().unwrap());
    Seen {
        bytes: (0..hex.len()).step_by(2).map(byte).collect(),
        marks: marks.collect(),
        exit: report["exit"].as_i64().unwrap(),
    }
}

fn python() -> PathBuf {
    std::env::var_os("LONGSHORE_PYTHON").map_or_else(|| "python3".into(), PathBuf::from)
}

/// Prints lines in pieces while a bar is shown.
const SLOW: &str = "\
import sys, time
from longshore.api import Api
api = Api()
api.update_progress(0.5, 'fold 1 of 2, with a rather long description that no terminal has room for')
print('line', 0)
sys.stdout.write('a line ')
time.sleep(0.6)
print('in pieces')
print('warned', file=sys.stderr)
print('10%\\r20%\\rall', flush=True)
print('at work')
time.sleep(1.2)
api.close('all done')
";

const PRINTED: [&str; 5] = ["line 0", "a line in pieces", "warned", "all", "at work"];

const VERDICT: &str = "✓ slow ran as a process of this machine, without isolation in … s (script … s)";

/// Sorts lines of both streams, which may come in any order.
fn sorted(lines: &[String]) -> Vec<&str> {
    let mut sorted: Vec<&str> = lines.iter().map(String::as_str).collect();
    sorted.sort_unstable();
    sorted
}

#[test]
fn printed_lines_stay_whole_above_one_bar_that_fits() {
    let user = User::with_folder("screens-");
    user.file("slow.py", SLOW);
    let mut printed = PRINTED;
    printed.sort_unstable();
    for columns in [80, 40] {
        let steps = [json!({"until": "at work"}), json!({"read": 0.5}), json!({"mark": true})];
        let seen = at_terminal(&user, columns, &steps, &[], &["run", "slow.py", "--engine", "process"]);
        let during = Screen::of(&seen.bytes[..seen.marks[0]], columns);
        let (bar, above) = during.lines.split_last().unwrap();
        assert_eq!(sorted(above), printed, "{:#?}", during.lines);
        let meter = bar.chars().filter(|one| "█░".contains(*one)).count();
        assert_eq!(meter, usize::from(columns / 3).min(30), "{bar}");
        assert!(bar.contains("  50% fold 1") && bar.chars().count() <= columns.into(), "{bar}");
        assert!(!during.is_broken, "{:#?}", during.lines);
        let after = Screen::of(&seen.bytes, columns);
        assert!(!after.is_broken, "{:#?}", after.lines);
        let lines = after.joined();
        assert_eq!(sorted(&lines[..5]), printed, "{lines:#?}");
        assert_eq!(lines[5..], ["  all done", VERDICT], "{lines:#?}");
        assert_eq!(seen.exit, 0);
    }
}

#[test]
fn a_terminal_that_becomes_narrower_keeps_one_bar() {
    let user = User::with_folder("screens-");
    user.file("slow.py", SLOW);
    let steps = [
        json!({"until": "line 0"}),
        json!({"size": [ROWS, 40]}),
        json!({"mark": true}),
        json!({"until": "at work"}),
        json!({"read": 0.5}),
        json!({"mark": true}),
    ];
    let seen = at_terminal(&user, 80, &steps, &[], &["run", "slow.py", "--engine", "process"]);
    let (wide, narrow) = (&seen.bytes[..seen.marks[0]], &seen.bytes[seen.marks[0]..]);
    let during = Screen::resized(&[(wide, 80), (&seen.bytes[seen.marks[0]..seen.marks[1]], 40)]);
    assert_eq!(during.lines.iter().filter(|line| line.contains('█')).count(), 1, "{:#?}", during.lines);
    let lines = Screen::resized(&[(wide, 80), (narrow, 40)]).joined();
    for line in PRINTED.into_iter().chain(["  all done", VERDICT]) {
        assert!(lines.iter().any(|shown| shown == line), "{line}: {lines:#?}");
    }
    assert!(!lines.iter().any(|line| line.contains('█')), "{lines:#?}");
}

#[test]
fn nothing_moves_where_nothing_reports_progress() {
    let user = User::with_folder("screens-");
    user.file("quick.py", "print(1)\nprint('two', 'words')\n");
    for columns in [80, 40] {
        let seen = at_terminal(&user, columns, &[], &[], &["run", "quick.py", "--engine", "process"]);
        let text = String::from_utf8(seen.bytes.clone()).unwrap();
        assert!(!text.contains(['█', '░', '%']), "{text:?}");
        let lines = Screen::of(&seen.bytes, columns).joined();
        let verdict = "✓ quick ran as a process of this machine, without isolation in … s (script … s)";
        assert_eq!(lines, ["1", "two words", verdict]);
    }
}

#[test]
fn colours_and_movement_can_be_turned_off() {
    let user = User::with_folder("screens-");
    user.file("slow.py", SLOW);
    let run = ["run", "slow.py", "--engine", "process"];
    let seen = at_terminal(&user, 80, &[], &[("NO_COLOR", "1")], &run);
    let text = String::from_utf8(seen.bytes).unwrap();
    assert!(!text.contains("\u{1b}[3") && !text.contains("\u{1b}[1;") && text.contains('█'), "{text:?}");
    let seen = at_terminal(&user, 80, &[], &[("TERM", "dumb")], &run);
    let text = String::from_utf8(seen.bytes).unwrap();
    assert!(!text.contains('\u{1b}') && !text.contains('█') && text.contains("✓ slow ran"), "{text:?}");
    let colours = |arguments: &[&str]| String::from_utf8(at_terminal(&user, 80, &[], &[], arguments).bytes).unwrap();
    assert!(colours(&run).contains("\u{1b}[32m✓\u{1b}[0m slow ran"));
    for arguments in [&["run", "slow.py", "nothing.csv"][..], &["run", "slow.py", "--nothing"], &["slow.py"]] {
        let text = colours(arguments);
        assert!(
            text.starts_with("\u{1b}[1;31merror:\u{1b}[0m ") && text.contains("\u{1b}[36mhelp:\u{1b}[0m"),
            "{text:?}"
        );
    }
}

#[test]
fn a_failure_ends_with_its_verdict_below_the_traceback() {
    let user = User::with_folder("screens-");
    user.file(
        "wrong.py",
        "from longshore.api import Api\napi = Api()\nprint('before')\nraise ValueError('no price')\n",
    );
    for columns in [80, 40] {
        let seen = at_terminal(&user, columns, &[], &[], &["run", "wrong.py", "--engine", "process"]);
        let lines = Screen::of(&seen.bytes, columns).joined();
        let end = ["ValueError: no price", "✗ wrong failed after … s: ValueError: no price"];
        assert_eq!(lines[lines.len() - 2..], end, "{lines:#?}");
        assert!(lines.contains(&"before".to_owned()) && lines.iter().any(|line| line.starts_with("Traceback")));
        assert_eq!(seen.exit, 1);
    }
}

#[test]
fn an_output_that_nobody_asked_for_is_shown() {
    let user = User::with_folder("screens-");
    let script = "\
from longshore.api import Api
api = Api()
names = ['region', 'amount', 'a_longer_name', 'note']
rows = [('north', 1.5, None, 'x' * 99)] + [('south', 2.5, 'y', 'z')] * 9
api.write_output_records([dict(zip(names, row)) for row in rows])
api.close()
";
    user.file("table.py", script);
    let wide = [
        "output 0: 10 rows, not saved: -o FILE",
        "  region  amount  a_longer_name  note",
        "  north   1.5     (missing)      xxxxxxxxxxxxxxxxxxxxxxx…",
        "  south   2.5     y              z",
        "  south   2.5     y              z",
        "  south   2.5     y              z",
        "  south   2.5     y              z",
        "  … and 5 rows more",
    ];
    let narrow = [
        "output 0: 10 rows, not saved: -o FILE",
        "  region  amount  a_longer_name",
        "  north   1.5     (missing)",
        "  south   2.5     y",
        "  south   2.5     y",
        "  south   2.5     y",
        "  south   2.5     y",
        "  … and 5 rows and 1 column more",
    ];
    for (columns, expected) in [(80, wide), (40, narrow)] {
        let seen = at_terminal(&user, columns, &[], &[], &["run", "table.py", "--engine", "process"]);
        let screen = Screen::of(&seen.bytes, columns);
        assert_eq!(screen.lines[..expected.len()], expected, "{:#?}", screen.lines);
        assert!(!screen.is_broken);
    }
}

#[test]
fn lists_and_errors_break_between_words() {
    let user = User::with_folder("screens-");
    user.file("a_script_with_a_name.py", "raise SystemExit('it ends with rather many words about nothing at all')\n");
    at_terminal(&user, 80, &[], &[], &["run", "a_script_with_a_name.py", "--engine", "process"]);
    for arguments in [
        &["runs", "list"][..],
        &["runs", "show", "last"],
        &["doctor"],
        &["run", "a_script_with_a_name.py", "--nothing"],
        &["run", "a_script_with_a_name.py", "nothing.csv"],
        &["a_script_with_a_name.py"],
    ] {
        let wide = Screen::of(&at_terminal(&user, 400, &[], &[], arguments).bytes, 400);
        let narrow = Screen::of(&at_terminal(&user, 40, &[], &[], arguments).bytes, 40);
        // A word that is longer than a line, such as a path, has to be broken by the terminal.
        let words = |screen: &Screen| -> Vec<String> {
            let lines = screen.lines.iter().flat_map(|line| line.split_whitespace());
            lines.filter(|word| word.chars().count() < 12).map(str::to_owned).collect()
        };
        let (wide, narrow) = (words(&wide), words(&narrow));
        assert!(!wide.is_empty(), "{arguments:?}");
        for word in &wide {
            assert!(narrow.contains(word), "{arguments:?}: `{word}` is broken: {narrow:?}");
        }
    }
}
