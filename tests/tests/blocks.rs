//! Every block of `tests/blocks`, scripts as others write them, passes its own cases on both engines.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod command;

use command::{Home, root};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn blocks() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root().join("tests/blocks")).unwrap().map(|entry| entry.unwrap().path());
    let mut blocks: Vec<PathBuf> = entries.filter(|path| path.join("manifest.json").is_file()).collect();
    blocks.sort();
    blocks
}

/// Tests every block on an engine, and says which failed.
fn pass_on(engine: &str) {
    let mut failed = String::new();
    let home = Home::new();
    for block in blocks() {
        let output =
            home.longshore(Path::new("."), &["test", block.to_str().unwrap(), "--engine", engine, "--jobs", "2"]);
        if !output.status.success() {
            let name = block.file_name().unwrap().to_string_lossy().into_owned();
            failed.push_str(&format!("{name} on {engine}:\n{}\n", String::from_utf8_lossy(&output.stderr)));
        }
    }
    assert!(failed.is_empty(), "{failed}");
}

#[test]
fn blocks_pass_in_containers() {
    pass_on("docker");
}

#[test]
fn blocks_pass_as_processes() {
    pass_on("process");
}

#[test]
fn blocks_are_of_both_languages_and_all_modes_and_have_options_of_all_kinds() {
    let manifest = |block: &PathBuf| std::fs::read_to_string(block.join("manifest.json")).unwrap();
    let manifests: Vec<Value> = blocks()
        .iter()
        .map(|block| serde_json::from_str(manifest(block).trim_start_matches('\u{feff}')).unwrap())
        .collect();
    let of = |language: &str| {
        let languages = manifests.iter().map(|manifest| manifest["language"].as_str().unwrap());
        languages.filter(|found| found.eq_ignore_ascii_case(language)).count()
    };
    assert!(of("python") >= 17 && of("r") >= 11);
    let with = |key: &str, value: &str| manifests.iter().filter(|manifest| manifest[key] == value).count();
    assert!(with("apiMode", "STREAM_TRANSFORM") >= 2 && with("schemaType", "HEADLESS") >= 2);
    let options = manifests.iter().filter_map(|manifest| manifest["options"].as_array()).flatten();
    let kinds: BTreeSet<&str> = options.map(|option| option["@visokiotype"].as_str().unwrap()).collect();
    assert_eq!(kinds.len(), 9, "{kinds:?}");
}
