//! The guides run as they stand: `docs/scripts.md` in both languages, and `docs/omniscope.md`.
//!
//! The first words after a fence's three backticks say what becomes of it:
//!
//! - `csv`, `json`, `toml`, `text`, `python` or `r` and a name: the file of that name, for the commands that follow.
//!   Each script must be called by one of them.
//! - `console`: lines that start with `$ ` are run by bash in the folder of these files, as a process of this machine
//!   where they start a run. Each other line must be printed, in any order; `…` in it stands for anything. Each command
//!   must end with exit status 0, the last with N where `exit=N` says so. `python` or `r` is the only language in which
//!   it runs.
//! - Anything else is only to be read.
//!
//! The page runs once for each language, in a folder of its own. In R's a command's `.py` is `.R`, and a `block.toml`
//! names R and `script.R`.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod command;

use command::{Home, path, root};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A fenced block of a page.
struct Fence {
    line: usize,
    kind: String,
    words: Vec<String>,
    text: String,
}

impl Fence {
    /// The path that it has as a file.
    fn file(&self) -> Option<&str> {
        let named = ["csv", "json", "toml", "python", "r", "text"].contains(&self.kind.as_str());
        self.words.first().filter(|_| named).map(String::as_str)
    }

    /// Whether it is for this language, or for both.
    fn is_for(&self, language: &str) -> bool {
        let only = if self.kind == "console" { self.words.iter().find(|word| !word.contains('=')) } else { None };
        let only = only.map_or(self.kind.as_str(), String::as_str);
        only == language || !["python", "r"].contains(&only)
    }

    fn exit(&self) -> i32 {
        self.words.iter().find_map(|word| word.strip_prefix("exit=")).map_or(0, |status| status.parse().unwrap())
    }
}

fn page(name: &str) -> String {
    std::fs::read_to_string(root().join("docs").join(name)).unwrap()
}

fn fences(page: &str) -> Vec<Fence> {
    let mut fences: Vec<Fence> = Vec::new();
    let mut open = false;
    for (number, line) in page.lines().enumerate() {
        if let Some(info) = line.strip_prefix("```") {
            open = !open;
            if open {
                let mut words = info.split_whitespace().map(str::to_owned);
                let kind = words.next().unwrap_or_default();
                fences.push(Fence { line: number + 1, kind, words: words.collect(), text: String::new() });
            }
        } else if open {
            let text = &mut fences.last_mut().unwrap().text;
            text.push_str(line);
            text.push('\n');
        }
    }
    assert!(!open, "a fence stays open");
    fences
}

/// Whether a printed line is as the page shows it.
fn is_as_shown(printed: &str, shown: &str) -> bool {
    let mut pieces = shown.split('…');
    let Some(mut rest) = printed.strip_prefix(pieces.next().unwrap_or_default()) else { return false };
    let mut last = None;
    for piece in pieces {
        let Some(at) = rest.find(piece) else { return false };
        rest = &rest[at + piece.len()..];
        last = Some(piece);
    }
    last.map_or(rest.is_empty(), |last| rest.is_empty() || last.is_empty() || printed.ends_with(last))
}

/// Runs a page in a language; gives what the scripts that no command calls are named.
fn run(page: &str, language: &str) -> Vec<String> {
    let folder = tempfile::Builder::new().prefix("guide-").tempdir().unwrap();
    std::os::unix::fs::symlink(root().join("tests"), folder.path().join("tests")).unwrap();
    let mut uncalled: Vec<String> = Vec::new();
    let home = Home::new();
    for fence in fences(page).iter().filter(|fence| fence.is_for(language)) {
        if let Some(file) = fence.file() {
            let path = folder.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, in_language(fence, language)).unwrap();
            if fence.kind == language {
                // The script of a block is called by the block's folder.
                uncalled.push(file.split('/').next().unwrap().to_owned());
            }
        } else if fence.kind == "console" {
            let text = in_language(fence, language);
            uncalled.retain(|script| !text.split_whitespace().any(|word| word == script));
            run_console(&text, fence, folder.path(), &home);
        } else {
            assert!(fence.kind != language, "line {}: the script has no name", fence.line);
        }
    }
    uncalled
}

/// A fence's text as it is in a language.
fn in_language(fence: &Fence, language: &str) -> String {
    match (language, fence.kind.as_str()) {
        ("r", "toml") => fence.text.replace("\"python\"", "\"r\"").replace("script.py", "script.R"),
        ("r", "console") => fence.text.replace(".py", ".R"),
        _ => fence.text.clone(),
    }
}

fn run_console(text: &str, fence: &Fence, folder: &Path, home: &Home) {
    let (commands, shown): (Vec<&str>, Vec<&str>) = text.lines().partition(|line| line.starts_with("$ "));
    let mut printed = String::new();
    let mut exits = Vec::new();
    for command in commands {
        let command = &command[2..];
        let engine = ["run", "test"].iter().fold(command.to_owned(), |command, word| {
            command.replace(&format!("longshore {word} "), &format!("longshore {word} --engine process "))
        });
        let mut shell = Command::new("bash");
        shell
            .args(["-o", "pipefail", "-c", &engine])
            .current_dir(folder)
            .env("PATH", search_path())
            .env("R_LIBS", std::env::var_os("LONGSHORE_R_LIBRARY").unwrap_or_default());
        let output = home.of(&mut shell).output().unwrap();
        printed.push_str(&String::from_utf8_lossy(&[output.stdout, output.stderr].concat()));
        exits.push(output.status.code().unwrap_or(-1));
    }
    let line = fence.line;
    let last = exits.pop();
    assert_eq!(last, Some(fence.exit()), "line {line}: {text}\nprinted\n{printed}");
    assert!(exits.iter().all(|exit| *exit == 0), "line {line}: {exits:?}: {text}\nprinted\n{printed}");
    for shown in shown.into_iter().filter(|shown| !shown.is_empty()) {
        let found = printed.lines().any(|printed| is_as_shown(printed.trim_end(), shown));
        assert!(found, "line {line}: nothing printed is as `{shown}`:\n{printed}");
    }
}

/// Where a shell finds the command and the interpreters of the process engine.
fn search_path() -> OsString {
    let folder = |path: PathBuf| path.parent().map(Path::to_owned);
    let mut folders: Vec<PathBuf> = folder(path()).into_iter().collect();
    for interpreter in ["LONGSHORE_PYTHON", "LONGSHORE_RSCRIPT"] {
        folders.extend(std::env::var_os(interpreter).map(PathBuf::from).and_then(folder));
    }
    folders.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
    std::env::join_paths(folders).unwrap()
}

#[test]
fn the_guide_for_script_authors_runs_in_python() {
    assert_eq!(run(&page("scripts.md"), "python"), Vec::<String>::new(), "no command calls these");
}

#[test]
fn the_guide_for_script_authors_runs_in_r() {
    assert_eq!(run(&page("scripts.md"), "r"), Vec::<String>::new(), "no command calls these");
}

#[test]
fn the_page_on_omniscope_runs() {
    assert_eq!(run(&page("omniscope.md"), "python"), Vec::<String>::new(), "no command calls these");
}

#[test]
fn the_guide_names_every_method_and_function() {
    let page = page("scripts.md");
    let api = std::fs::read_to_string(root().join("sdk-python/python/longshore/api.py")).unwrap();
    // After the class come functions, with functions inside.
    let class = api.split_once("class Api:").unwrap().1.split("\ndef ").next().unwrap();
    let methods = class.lines().filter_map(|line| line.strip_prefix("    def ")?.split('(').next());
    let methods: Vec<String> =
        methods.filter(|name| !name.starts_with('_')).map(|name| format!("api.{name}")).collect();
    let namespace = std::fs::read_to_string(root().join("sdk-r/NAMESPACE")).unwrap();
    let functions = namespace.lines().filter_map(|line| line.strip_prefix("export(")?.strip_suffix(')'));
    let functions: Vec<String> = functions.map(|name| format!("{name}(")).collect();
    assert!(methods.len() > 15 && functions.len() > 15, "{methods:?} {functions:?}");
    let in_name =
        |character: Option<char>| character.is_some_and(|found| found.is_alphanumeric() || "._".contains(found));
    let is_named = |name: &String| {
        page.match_indices(name.as_str()).any(|(at, _)| {
            let after = page[at + name.len()..].chars().next();
            !in_name(page[..at].chars().next_back()) && (name.ends_with('(') || !in_name(after))
        })
    };
    let missing: Vec<&String> = methods.iter().chain(&functions).filter(|name| !is_named(name)).collect();
    assert!(missing.is_empty(), "docs/scripts.md does not name {missing:?}");
}
