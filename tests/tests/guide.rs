//! The guides run as they stand: `docs/scripts.md` in both languages, and `docs/omniscope.md`. What becomes of their fences
//! is in `page/mod.rs`; besides that, each script must be called by a command, runs are processes of this machine, and a
//! `console` fence that says `python` or `r` runs in that language alone.
//!
//! The page runs once for each language, in a folder of its own. In R's a command's `.py` is `.R`, and a `block.toml`
//! names R and `script.R`.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod command;
mod page;

use command::{Home, root};
use page::{Fence, fences, page};

/// Whether a fence is for this language, or for both.
fn is_for(fence: &Fence, language: &str) -> bool {
    let only = if fence.kind == "console" { fence.words.iter().find(|word| !word.contains('=')) } else { None };
    let only = only.map_or(fence.kind.as_str(), String::as_str);
    only == language || !["python", "r"].contains(&only)
}

/// Runs a page in a language; gives what the scripts that no command calls are named.
fn run(page: &str, language: &str) -> Vec<String> {
    let folder = tempfile::Builder::new().prefix("guide-").tempdir().unwrap();
    std::os::unix::fs::symlink(root().join("tests"), folder.path().join("tests")).unwrap();
    let mut uncalled: Vec<String> = Vec::new();
    let home = Home::new();
    for fence in fences(page).iter().filter(|fence| is_for(fence, language)) {
        if let Some(file) = fence.file() {
            fence.write(folder.path(), &in_language(fence, language));
            if fence.kind == language {
                // The script of a block is called by the block's folder.
                uncalled.push(file.split('/').next().unwrap().to_owned());
            }
        } else if fence.kind == "console" {
            let text = in_language(fence, language);
            uncalled.retain(|script| !text.split_whitespace().any(|word| word == script));
            fence.run(&text, |command| {
                let mut shell = page::shell(folder.path(), &on_this_machine(command));
                home.of(&mut shell);
                shell
            });
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

/// A command whose runs are processes of this machine.
fn on_this_machine(command: &str) -> String {
    ["run", "test"].iter().fold(command.to_owned(), |command, word| {
        command.replace(&format!("longshore {word} "), &format!("longshore {word} --engine process "))
    })
}

#[test]
fn the_guide_for_script_authors_runs_in_python() {
    assert_eq!(run(&page("docs/scripts.md"), "python"), Vec::<String>::new(), "no command calls these");
}

#[test]
fn the_guide_for_script_authors_runs_in_r() {
    assert_eq!(run(&page("docs/scripts.md"), "r"), Vec::<String>::new(), "no command calls these");
}

#[test]
fn the_page_on_omniscope_runs() {
    assert_eq!(run(&page("docs/omniscope.md"), "python"), Vec::<String>::new(), "no command calls these");
}

#[test]
fn the_guide_names_every_method_and_function() {
    // Programs outside of runs have a page of their own.
    let page = page("docs/scripts.md") + &page("docs/callers.md");
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
    assert!(missing.is_empty(), "docs/scripts.md and docs/callers.md do not name {missing:?}");
}
