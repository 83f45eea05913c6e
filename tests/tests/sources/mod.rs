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

/// A source without its tests, and with blanks for what its comments and texts say. Lines stay where they are.
pub(crate) fn code(source: &str) -> String {
    let source = source.split("#[cfg(test)]").next().unwrap();
    let mut code = String::with_capacity(source.len());
    let bytes: Vec<char> = source.chars().collect();
    let mut at = 0;
    let blank = |code: &mut String, from: usize, to: usize| {
        for letter in &bytes[from..to.min(bytes.len())] {
            code.push(if *letter == '\n' { '\n' } else { ' ' });
        }
    };
    while at < bytes.len() {
        let rest = |length: usize| bytes[at..(at + length).min(bytes.len())].iter().collect::<String>();
        let end = match bytes[at] {
            '/' if rest(2) == "//" => bytes[at..].iter().position(|letter| *letter == '\n').map(|length| at + length),
            'r' if rest(3) == "r#\"" => {
                let text: String = bytes[at + 3..].iter().collect();
                text.find("\"#").map(|length| at + 3 + text[..length].chars().count() + 2)
            }
            '"' => {
                let mut end = at + 1;
                while bytes.get(end).is_some_and(|letter| *letter != '"') {
                    end += if bytes[end] == '\\' { 2 } else { 1 };
                }
                Some(end + 1)
            }
            // A letter, and no lifetime.
            '\'' if bytes.get(at + 1) == Some(&'\\') => {
                bytes[at + 2..].iter().skip(1).position(|letter| *letter == '\'').map(|length| at + 4 + length)
            }
            '\'' if bytes.get(at + 2) == Some(&'\'') => Some(at + 3),
            _ => {
                code.push(bytes[at]);
                at += 1;
                continue;
            }
        };
        let end = end.unwrap_or(bytes.len());
        blank(&mut code, at, end);
        at = end;
    }
    code
}
