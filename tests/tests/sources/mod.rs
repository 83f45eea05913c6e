//! The project's folder and its sources, for tests that read them.

#![allow(dead_code, reason = "each test takes what it needs of it")]

use std::path::PathBuf;

/// The code folders whose sources the file rules hold for.
const CODE: &[&str] = &["agent", "host", "sdk-python", "sdk-r", "tests"];

/// Scripts that stand for those that others have written.
const OTHERS: &str = "tests/blocks";

/// The project's folder.
pub(crate) fn root() -> PathBuf {
    // Asked at run time: a folder of builds may serve several checkouts.
    PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap()).parent().unwrap().to_owned()
}

/// Sources of the host's crates, tests apart, by their path below `host`.
pub(crate) fn host_sources() -> Vec<(PathBuf, String)> {
    let host = root().join("host");
    let below = |path: &PathBuf| path.strip_prefix(&host).ok().map(PathBuf::from);
    let is_code = |path: &PathBuf| {
        let mut parts = path.components().map(|part| part.as_os_str());
        parts.clone().take(2).any(|part| part == "src") && parts.all(|part| part != "tests" && part != "tests.rs")
    };
    let paths = sources("rs").into_iter().filter_map(|path| below(&path)).filter(is_code);
    let read: Vec<_> = paths.map(|path| (path.clone(), std::fs::read_to_string(host.join(path)).unwrap())).collect();
    assert!(read.len() > 300, "the host's sources are not there");
    read
}

/// Sources of the project with this extension.
pub(crate) fn sources(extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> =
        CODE.iter().map(|folder| root().join(folder)).filter(|path| path.is_dir()).collect();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let ours = !matches!(name.as_str(), "target" | "__pycache__") && path != root().join(OTHERS);
            if path.is_dir() && ours && !name.starts_with('.') {
                folders.push(path);
            } else if path.extension().is_some_and(|found| found == extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    assert!(!found.is_empty() || extension != "rs", "no sources found");
    found
}
