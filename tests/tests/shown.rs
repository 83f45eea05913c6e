//! What strangers wrote, on a real terminal: scripts, blocks, tables, files and agents that try to move its cursor, set its
//! title and its clipboard, turn its text around, and write lines in our name. Judged by the bytes that reach it. All
//! characters and sequences are tried beside the type, in `host/model/src/shown/tests.rs`; here it is that nothing passes it by.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod command;

use command::User;
use serde_json::Value;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// What a terminal would obey, then lines in our name. Those of the program itself are none of these.
const HOSTILE: &str = "x\u{1b}]52;c;ZXZpbA==\u{7}\u{1b}]0;title\u{1b}\\\u{1b}]8;;http://evil\u{1b}\\\u{1b}P1q\u{1b}\\\u{1b}_G\u{1b}\\\
                       \u{1b}[2J\u{1b}[77A\u{1b}[?1049h\u{1b}[>4;1m\u{1b}[6n\u{1b}c\u{9b}2J\u{9d}0;t\u{9c}\u{202e}\u{2066}\u{200b}\u{7f}\
                       \r✓ output 0: 999 rows\r\n✓ output 0: 999 rows\n\u{2028}error: forged\u{85}note: forged\u{b}";

/// A script that says so in all ways that it has, and prints colours, which stay.
const PYTHON: &str = "\
import os, sys, longshore.api
HOSTILE = __HOSTILE__
api = longshore.api.Api()
print('\\x1b[35mcolours\\x1b[0m', flush=True)
for stream in (1, 2):
    os.write(stream, HOSTILE.replace('\\r', '').replace('\\n', '').replace('\\x0b', '').encode() + b'\\xff\\x9b2J\\xc2\\n')
    os.write(stream, b'\\x1b]0;')
    os.write(stream, b'title without an end\\nthe line after\\n')
api.update_message(HOSTILE)
api.update_progress(0.5, HOSTILE)

api.error(HOSTILE)
__END__
";

const R: &str = "\
library(longshore)
hostile <- __HOSTILE__
api <- longshore.api()
cat('\\033[35mcolours\\033[0m\\n')
flat <- gsub('[\\r\\n\\v]', '', hostile)
cat(flat, '\\n')
cat(flat, '\\n', file = stderr())
update.message(api, hostile)
report.error(api, hostile)
__END__
";

fn python() -> PathBuf {
    std::env::var_os("LONGSHORE_PYTHON").map_or_else(|| "python3".into(), PathBuf::from)
}

/// Calls the command at a terminal; the bytes that reached it, and the exit status.
fn at_terminal(user: &User, arguments: &[&str], environment: &[(&str, &str)]) -> (Vec<u8>, i64) {
    let driver = command::root().join("tests/tests/terminal/terminal.py");
    let mut terminal = Command::new(python());
    terminal.arg(driver).arg("[]").arg(command::path()).args(arguments).current_dir(user.folder.path());
    terminal.envs(environment.iter().copied()).env("TERM", "xterm-256color").stdin(Stdio::null());
    let output = user.home.of(&mut terminal).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let hex = report["bytes"].as_str().unwrap();
    let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    ((0..hex.len()).step_by(2).map(byte).collect(), report["exit"].as_i64().unwrap())
}

/// Holds what reached a terminal, or a file, to text, colours, and what bars of ours move; and its lines to ours.
fn harmless(bytes: &[u8], what: &str) -> String {
    let text = std::str::from_utf8(bytes).unwrap_or_else(|error| panic!("{what}: {error}: {bytes:?}"));
    let mut plain = String::new();
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        if character == '\u{1b}' {
            let sequence = rest.strip_prefix("\u{1b}[").unwrap_or_else(|| panic!("{what}: no CSI: {text:?}"));
            let end = sequence.find(|one: char| !one.is_ascii_digit() && one != ';').unwrap();
            // Bars clear their lines and move up by few.
            let moves = end <= 1 && ["A", "B", "K", "G"].iter().any(|last| sequence[end..].starts_with(last));
            assert!(sequence[end..].starts_with('m') || moves, "{what}: {:?} in {text:?}", &rest[..end + 3]);
            rest = &sequence[end + 1..];
            continue;
        }
        plain.push(character);
        rest = &rest[character.len_utf8()..];
    }
    let odd = |one: char| {
        one.is_control() && !['\n', '\r', '\t'].contains(&one)
            || matches!(one, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    assert!(!plain.contains(odd), "{what}: {:?} in {text:?}", plain.chars().find(|one| odd(*one)));
    let mut lines = plain.split(['\n', '\r']);
    let forged =
        lines.find(|line| ["✓ output 0: 999", "error: forged", "note: forged"].iter().any(|our| line.starts_with(our)));
    assert!(forged.is_none(), "{what}: {forged:?} in {text:?}");
    plain
}

/// A string literal of Python and R, which both read what JSON escapes; R has no surrogates here either.
fn literal(text: &str) -> String {
    let character = |one: char| {
        if (' '..='~').contains(&one) && one != '\\' && one != '"' {
            one.to_string()
        } else {
            format!("\\u{:04x}", u32::from(one))
        }
    };
    format!("\"{}\"", text.chars().map(character).collect::<String>())
}

fn script(text: &str, end: &str) -> String {
    text.replace("__END__", end).replace("__HOSTILE__", &literal(HOSTILE))
}

const ENDS: [(&str, &str, &str); 6] = [
    ("script.py", PYTHON, "api.commit(HOSTILE)"),
    ("script.py", PYTHON, "api.abort(HOSTILE)"),
    ("script.py", PYTHON, "raise ValueError(HOSTILE)"),
    ("script.R", R, "commit(api, hostile)"),
    ("script.R", R, "abort(api, hostile)"),
    ("script.R", R, "stop(hostile)"),
];

#[test]
fn scripts_write_no_lines_in_our_name() {
    for (name, text, end) in ENDS {
        let user = User::with_folder("shown-");
        user.file(name, &script(text, end));
        let (seen, _) = at_terminal(&user, &["run", name, "--engine", "process"], &[]);
        // An exception's text is printed by Python and R themselves, which is the script's log.
        let is_log = end.starts_with("raise") || end.starts_with("stop");
        let lines = String::from_utf8(seen).unwrap();
        let seen = if is_log {
            lines
                .replace("\n✓ output 0: 999", "\nlog")
                .replace("\r✓ output 0: 999", "\rlog")
                .replace("\u{1b}[2K✓ output 0: 999", "\u{1b}[2Klog")
                .replace("\rerror: f", "log")
        } else {
            lines
        };
        let shown = harmless(seen.as_bytes(), end);
        assert!(seen.contains("\u{1b}[35mcolours\u{1b}[0m"), "{end}: {seen:?}");
        assert!(
            shown.contains("error: x") && shown.contains("the line after") == (name == "script.py"),
            "{end}: {shown}"
        );
        for arguments in [["runs", "list"], ["runs", "show"], ["runs", "log"]] {
            let last = if arguments[1] == "list" { &[][..] } else { &["last"] };
            let (seen, _) = at_terminal(&user, &[&arguments[..], last].concat(), &[]);
            assert!(!seen.is_empty());
            if arguments[1] != "log" {
                harmless(&seen, &format!("{arguments:?} after {end}"));
            } else {
                // Whose lines these are is known.
                let seen =
                    String::from_utf8_lossy(&seen).replace("✓ output 0: 999", "log").replace("error: forged", "log");
                harmless(seen.as_bytes(), &format!("{arguments:?} after {end}"));
            }
        }
    }
}

#[test]
fn a_file_gets_our_lines_alone_and_a_log_as_it_is() {
    let user = User::with_folder("shown-");
    user.file("script.py", &script(PYTHON, "api.abort(HOSTILE)"));
    let output = user.command(&["run", "script.py", "--engine", "process"]).output().unwrap();
    // The log is every byte that was printed.
    let log = b"\xff\x9b2J\xc2\n";
    assert!(
        output.stderr.windows(log.len()).any(|window| window == log),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let ours = String::from_utf8_lossy(&output.stderr).into_owned();
    let ours: String = ours
        .lines()
        .filter(|line| ["error: ", "… ", "✗ ", "  "].iter().any(|our| line.starts_with(our)))
        .map(|line| format!("{line}\n"))
        .collect();
    assert!(ours.contains("error: x") && ours.contains("… x") && ours.contains("✗ script failed"), "{ours}");
    harmless(ours.as_bytes(), "a file");
    let logged = user.command(&["runs", "log", "last"]).output().unwrap().stdout;
    assert!(logged.windows(log.len()).any(|window| window == log));
}

#[test]
fn blocks_are_described_and_refused_in_our_lines() {
    let hostile = literal(HOSTILE);
    let fields = [
        format!("name = {hostile}\nlanguage = \"python\"\nscript = \"script.py\"\n"),
        format!("name = \"b\"\ndescription = {hostile}\nlanguage = \"python\"\nscript = \"script.py\"\n"),
        format!("name = \"b\"\nlanguage = {hostile}\nscript = \"script.py\"\n"),
        format!("name = \"b\"\nlanguage = \"python\"\nscript = {hostile}\n"),
        format!("name = \"b\"\nlanguage = \"python\"\nscript = \"script.py\"\n{hostile} = 1\n"),
        format!("name = \"b\"\nlanguage = \"python\"\nscript = \"script.py\"\ndependencies = [{hostile}]\n"),
        format!("name = \"b\"\nlanguage = \"python\"\nscript = \"script.py\"\nsystem_packages = [{hostile}]\n"),
        format!("name = \"b\"\nlanguage = \"python\"\nscript = \"script.py\"\nimage = {hostile}\n"),
        format!("name = \"b\"\nlanguage = \"python\"\nscript = \"script.py\"\n[[outputs]]\nid = {hostile}\n"),
        format!(
            "name = \"b\"\nlanguage = \"python\"\nscript = \"script.py\"\n[[inputs]]\nname = {hostile}\ncolumns = {{ {hostile} = \"text\" }}\n"
        ),
        format!(
            "name = \"b\"\nlanguage = \"python\"\nscript = \"script.py\"\n[[inputs]]\nname = \"i\"\ncolumns = {{ {hostile} = \"text\" }}\n"
        ),
        format!(
            "name = \"b\"\nlanguage = \"python\"\nscript = \"script.py\"\n[[options]]\nname = {hostile}\nkind = \"text\"\n"
        ),
        format!(
            "name = \"b\"\nlanguage = \"python\"\nscript = \"script.py\"\n[[options]]\nname = \"o\"\nlabel = {hostile}\nkind = \"choice\"\nchoices = [{hostile}]\ndefault = {hostile}\n"
        ),
        format!(
            "name = \"b\"\nlanguage = \"python\"\nscript = \"script.py\"\n[[options]]\nname = \"o\"\nkind = {hostile}\n"
        ),
        HOSTILE.into(),
    ];
    let user = User::with_folder("shown-");
    user.file("block/script.py", "pass\n");
    for field in fields {
        user.file("block/block.toml", &field);
        for arguments in
            [&["check", "block"][..], &["check", "block", "--json"], &["run", "block", "--engine", "process"]]
        {
            let (seen, _) = at_terminal(&user, arguments, &[]);
            assert!(!seen.is_empty(), "{arguments:?} of {field:?}");
            harmless(&seen, &format!("{arguments:?} of {field:?}"));
        }
    }
    std::fs::remove_file(user.at("block/block.toml")).unwrap();
    user.file(
        "block/manifest.json",
        &format!("{{\"name\": {hostile}, \"description\": {hostile}, \"language\": \"PYTHON\", {hostile}: 1}}"),
    );
    harmless(&at_terminal(&user, &["check", "block"], &[]).0, "manifest.json");
}

#[test]
fn tables_and_their_files_are_shown_in_our_lines() {
    let user = User::with_folder("shown-");
    user.file("script.py", "pass\n");
    user.file("block.toml", "name = \"b\"\nlanguage = \"python\"\nscript = \"script.py\"\n[[inputs]]\nname = \"i\"\ncolumns = { c = \"text\" }\n");
    let cell = HOSTILE.replace('"', "");
    user.file("names.csv", &format!("\"{cell}\",b\n1,2\n"));
    user.file("cells.csv", &format!("a,b\n\"{cell}\",2\n\"✓ output 0: 999 rows\",3\n"));
    user.file("ragged.csv", &format!("a,b\n\"{cell}\",2\n1,2,3,4\n"));
    let named = format!("{}.csv", HOSTILE.replace('/', ""));
    std::fs::write(user.at(&named), "a,b\n1,2\n1,2,3\n").unwrap();
    for name in ["names.csv", "cells.csv", "ragged.csv", named.as_str()] {
        for arguments in [
            &["peek", name][..],
            &["peek", name, "--json"],
            &["check", ".", "-i", name],
            &["run", "script.py", "--engine", "process", "-i", name],
            &["run", ".", "--engine", "process", "-i", name],
        ] {
            let (seen, _) = at_terminal(&user, arguments, &[]);
            assert!(!seen.is_empty(), "{arguments:?}");
            harmless(&seen, &format!("{arguments:?}"));
        }
    }
    // A table whose place is the terminal is shown there too.
    user.file("clone.py", "from longshore.api import Api\napi = Api()\napi.write_output_records(api.read_input_records())\napi.commit()\n");
    let (seen, exit) = at_terminal(
        &user,
        &["run", "clone.py", "--engine", "process", "-i", "names.csv", "-o", "-", "--format", "csv", "--quiet"],
        &[],
    );
    let text = String::from_utf8_lossy(&seen).replace("✓ output 0: 999", "cell").replace("error: forged", "cell");
    assert_eq!(exit, 0, "{text}");
    harmless(text.as_bytes(), "a table");
}

#[test]
fn arguments_are_repeated_in_our_lines() {
    let user = User::with_folder("shown-");
    user.file("script.py", "pass\n");
    let hostile = HOSTILE;
    let option = format!("--{hostile}");
    let assigned = format!("{hostile}={hostile}");
    for arguments in [
        &["run", "script.py", &option][..],
        &[hostile],
        &["run", "script.py", "--engine", hostile],
        &["run", "script.py", "--timeout", hostile],
        &["run", "script.py", "--engine", "process", "--option", &assigned],
        &["run", "script.py", "--engine", "process", "--read", hostile],
        &["run", hostile],
        &["runs", "show", hostile],
        &["fingerprint", hostile],
        &["test", hostile, hostile],
        &["images", "import", hostile],
    ] {
        let (seen, exit) = at_terminal(&user, arguments, &[]);
        assert!(exit == 2 || exit == 3, "{arguments:?}: {}", String::from_utf8_lossy(&seen));
        harmless(&seen, &format!("{arguments:?}"));
    }
}

#[test]
fn cases_show_differences_in_our_lines() {
    let user = User::with_folder("shown-");
    let text = "from longshore.api import Api\napi = Api()\napi.write_output_records([{'a': __HOSTILE__}])\nprint('✓ output 0: 999 rows')\napi.abort(__HOSTILE__)\n";
    user.file("block/script.py", &script(text, ""));
    user.file(
        "block/block.toml",
        "name = \"b\"\nlanguage = \"python\"\nscript = \"script.py\"\n[[outputs]]\nid = \"o\"\n",
    );
    user.file("block/cases/one.toml", "[[outputs]]\noutput = \"o\"\nfile = \"one.csv\"\n");
    user.file("block/cases/one.csv", "a\nx\n");
    let (seen, exit) = at_terminal(&user, &["test", "block", "--engine", "process"], &[]);
    assert_eq!(exit, 1, "{}", String::from_utf8_lossy(&seen));
    harmless(&seen, "a case that fails");
    let committed = script(text, "").replace("api.abort", "api.commit");
    user.file("block/script.py", &committed);
    let (seen, exit) = at_terminal(&user, &["test", "block", "--engine", "process"], &[]);
    let shown = harmless(&seen, "a case that differs");
    assert!(exit == 1 && shown.contains("1 row differs"), "{shown}");
}

#[test]
fn agents_give_their_reasons_in_our_lines() {
    let user = User::with_folder("shown-");
    user.file("script.py", "pass\n");
    let hello = "{\"type\": \"hello\", \"role\": \"agent\", \"protocol\": {\"oldest\": 1, \"newest\": 1}, \"software\": {\"name\": H, \"version\": H}, \"descriptors\": True}";
    for last in [
        "{\"type\": \"failed\", \"reason\": H}",
        "{\"type\": H}",
        "{\"type\": \"kept\", \"path\": H, \"executable\": False, \"last\": True}",
    ] {
        let agent = format!(
            "#!{}\nimport json, socket, struct, sys\nH = {}\nlink = socket.socket(socket.AF_UNIX)\nlink.connect(sys.argv[1])\n\
             def send(message):\n    text = json.dumps(message).encode()\n    link.sendall(b'LSF1' + bytes(4) + struct.pack('<IQ', len(text), 0) + text)\n\
             send({hello})\nlink.recv(65536)\nsend({last})\nwhile link.recv(65536): pass\n",
            which_python(),
            literal(HOSTILE)
        );
        user.file("agent", &agent);
        std::fs::set_permissions(user.at("agent"), PermissionsExt::from_mode(0o755)).unwrap();
        let path = user.at("agent").display().to_string();
        let (seen, exit) =
            at_terminal(&user, &["run", "script.py", "--engine", "process"], &[("LONGSHORE_AGENT", &path)]);
        let shown = harmless(&seen, last);
        assert!(exit != 0 && shown.contains("✗ script"), "{last}: {shown}");
        for arguments in [&["runs", "list"][..], &["runs", "show", "last"]] {
            harmless(&at_terminal(&user, arguments, &[]).0, &format!("{arguments:?} after {last}"));
        }
    }
}

fn which_python() -> String {
    let found = Command::new("sh").args(["-c", "command -v python3"]).output().unwrap();
    String::from_utf8(found.stdout).unwrap().trim().to_owned()
}

#[test]
fn archives_are_refused_in_our_lines() {
    let user = User::with_folder("shown-");
    let manifest = |config: &str, layer: &str, tag: &str| {
        serde_json::json!([{ "Config": config, "RepoTags": [tag], "Layers": [layer] }]).to_string()
    };
    let archives: [(&str, Vec<(String, String)>); 3] = [
        ("name", vec![(format!("{HOSTILE}/manifest.json"), "[]".into())]),
        ("config", vec![("manifest.json".into(), manifest(HOSTILE, HOSTILE, HOSTILE))]),
        ("json", vec![("manifest.json".into(), HOSTILE.into())]),
    ];
    for (name, entries) in archives {
        let mut archive = tar::Builder::new(std::fs::File::create(user.at("a.tar")).unwrap());
        for (path, content) in entries {
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            header.set_mode(0o644);
            archive.append_data(&mut header, path.replace("//", "/"), content.as_bytes()).unwrap();
        }
        archive.finish().unwrap();
        let (seen, exit) = at_terminal(&user, &["images", "import", "a.tar"], &[]);
        assert!(exit != 0, "{name}: {}", String::from_utf8_lossy(&seen));
        harmless(&seen, name);
    }
}
