//! Pages of the documentation, as tests read them: fences that are files, and fences that are commands with what they
//! print. How a command is run is for the test that has the page.
//!
//! The first words after a fence's three backticks say what becomes of it:
//!
//! - `csv`, `dockerfile`, `json`, `toml`, `text`, `python` or `r` and a name: the file of that name, for the commands that
//!   follow.
//! - `console`: lines that start with `$ ` are run by bash in the folder of these files. Each other line must be printed,
//!   in any order; `…` in it stands for anything, and so do twelve and more digits of a hash; columns may be wider or
//!   narrower. Each command must end with exit status 0, the last with N where `exit=N` says so.
//! - Anything else is only to be read.

#![allow(dead_code, reason = "each test takes what it needs of it")]

use crate::command::{path, root};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Digits that are taken for a hash: those of a short id.
const HASH_MIN: usize = 12;

/// The kinds of fences that may be files.
const FILES: [&str; 7] = ["csv", "dockerfile", "json", "toml", "python", "r", "text"];

/// A fenced block of a page.
pub(crate) struct Fence {
    pub(crate) line: usize,
    pub(crate) kind: String,
    pub(crate) words: Vec<String>,
    pub(crate) text: String,
}

impl Fence {
    /// The path that it has as a file.
    pub(crate) fn file(&self) -> Option<&str> {
        self.words.first().filter(|_| FILES.contains(&self.kind.as_str())).map(String::as_str)
    }

    /// Writes it as the file that it is, with a text that may not be quite its own.
    pub(crate) fn write(&self, folder: &Path, text: &str) {
        let path = folder.join(self.file().unwrap());
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Runs its commands, in a text that may not be quite its own, and holds what they print against the page.
    pub(crate) fn run(&self, text: &str, shell: impl Fn(&str) -> Command) {
        let (commands, shown): (Vec<&str>, Vec<&str>) = text.lines().partition(|line| line.starts_with("$ "));
        let mut printed = String::new();
        let mut exits = Vec::new();
        for command in commands {
            let output = shell(&command[2..]).output().unwrap();
            printed.push_str(&String::from_utf8_lossy(&[output.stdout, output.stderr].concat()));
            exits.push(output.status.code().unwrap_or(-1));
        }
        let line = self.line;
        let last = exits.pop();
        assert_eq!(last, Some(self.exit()), "line {line}: {text}\nprinted\n{printed}");
        assert!(exits.iter().all(|exit| *exit == 0), "line {line}: {exits:?}: {text}\nprinted\n{printed}");
        for shown in shown.into_iter().filter(|shown| !shown.is_empty()) {
            let wanted = in_one_width(&without_hashes(shown));
            let found = printed.lines().any(|printed| is_as_shown(&in_one_width(printed), &wanted));
            assert!(found, "line {line}: nothing printed is as `{shown}`:\n{printed}");
        }
    }

    fn exit(&self) -> i32 {
        self.words.iter().find_map(|word| word.strip_prefix("exit=")).map_or(0, |status| status.parse().unwrap())
    }
}

/// The text of a page.
pub(crate) fn page(name: &str) -> String {
    std::fs::read_to_string(root().join(name)).unwrap()
}

/// The fences of a page.
pub(crate) fn fences(page: &str) -> Vec<Fence> {
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

/// A shell in a folder, which finds the command under test and the interpreters of the process engine.
pub(crate) fn shell(folder: &Path, command: &str) -> Command {
    let mut shell = Command::new("bash");
    shell.args(["-o", "pipefail", "-c", command]).current_dir(folder);
    shell.env("PATH", search_path()).env("R_LIBS", std::env::var_os("LONGSHORE_R_LIBRARY").unwrap_or_default());
    shell
}

fn search_path() -> OsString {
    let folder = |path: PathBuf| path.parent().map(Path::to_owned);
    let mut folders: Vec<PathBuf> = folder(path()).into_iter().collect();
    for interpreter in ["LONGSHORE_PYTHON", "LONGSHORE_RSCRIPT"] {
        folders.extend(std::env::var_os(interpreter).map(PathBuf::from).and_then(folder));
    }
    folders.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
    std::env::join_paths(folders).unwrap()
}

/// A shown line with `…` in place of the digits of hashes, which are others on each machine.
fn without_hashes(shown: &str) -> String {
    let mut text = String::new();
    let mut digits = String::new();
    let in_hash = |character: char| character.is_ascii_digit() || ('a'..='f').contains(&character);
    for character in shown.chars().map(Some).chain([None]) {
        if let Some(digit) = character.filter(|character| in_hash(*character)) {
            digits.push(digit);
            continue;
        }
        text.push_str(if digits.len() < HASH_MIN { &digits } else { "…" });
        digits.clear();
        text.extend(character);
    }
    text
}

/// A line whose columns have one blank between them. How far it is indented stays.
fn in_one_width(line: &str) -> String {
    let words = line.trim_start();
    let indent = &line[..line.len() - words.len()];
    indent.to_owned() + &words.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
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
