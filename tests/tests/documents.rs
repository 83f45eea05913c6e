//! Links between the project's Markdown documents: every relative link names a file that exists, every anchor a heading in
//! it. Links to other sites are not checked.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod sources;

use sources::root;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// Folders without documents of the project, besides hidden ones.
const SKIPPED: [&str; 1] = ["target"];

/// All Markdown files below a folder.
fn documents(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy();
        if name.starts_with('.') || SKIPPED.contains(&name.as_ref()) || path.is_symlink() {
            continue;
        }
        if path.is_dir() {
            found.extend(documents(&path));
        } else if name.ends_with(".md") {
            found.push(path);
        }
    }
    found
}

/// The lines of a document outside its fenced and indented code, without code spans, numbered from 1.
fn prose(text: &str) -> Vec<(usize, String)> {
    let mut in_fence = false;
    let mut lines = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            in_fence = !in_fence;
        } else if !in_fence && !line.starts_with("    ") {
            lines.push((number + 1, line.split('`').step_by(2).collect::<Vec<_>>().join("`")));
        }
    }
    lines
}

/// The targets of a document's links.
fn links(text: &str) -> Vec<(usize, String)> {
    let of_line = |line: &str| -> Vec<String> {
        line.split("](").skip(1).filter_map(|rest| Some(rest.split_once(')')?.0.to_owned())).collect()
    };
    let found =
        prose(text).into_iter().flat_map(|(number, line)| of_line(&line).into_iter().map(move |to| (number, to)));
    found.filter(|(_, target)| !target.contains("://")).collect()
}

/// The anchors that GitHub gives a document's headings.
fn anchors(text: &str) -> Vec<String> {
    let code = prose(text);
    let is_prose = |number: usize| code.iter().any(|(line, _)| *line == number);
    let mut seen: HashMap<String, usize> = HashMap::new();
    let mut anchors = Vec::new();
    for (_, line) in text.lines().enumerate().filter(|(number, _)| is_prose(number + 1)) {
        let heading = line.trim_start_matches('#');
        if heading.len() == line.len() || !heading.starts_with(' ') {
            continue;
        }
        let kept = |character: &char| character.is_alphanumeric() || " -_".contains(*character);
        let anchor = heading.trim().to_lowercase().chars().filter(kept).collect::<String>().replace(' ', "-");
        let count = seen.entry(anchor.clone()).or_default();
        anchors.push(if *count == 0 { anchor } else { format!("{anchor}-{count}") });
        *count += 1;
    }
    anchors
}

/// What is wrong with a document's links.
fn broken(document: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(document).unwrap();
    let mut broken = Vec::new();
    for (line, target) in links(&text) {
        let (file, anchor) =
            target.split_once('#').map_or((target.as_str(), None), |(file, anchor)| (file, Some(anchor)));
        let path = if file.is_empty() { document.to_owned() } else { document.parent().unwrap().join(file) };
        let problem = if !path.exists() {
            "no such file"
        } else if anchor.is_some_and(|anchor| {
            !std::fs::read_to_string(&path).is_ok_and(|text| anchors(&text).iter().any(|found| found == anchor))
        }) {
            "no such heading"
        } else {
            continue;
        };
        broken.push(format!("{}, line {line}: `{target}`: {problem}", document.display()));
    }
    broken
}

#[test]
fn links_between_documents_resolve() {
    let documents = documents(&root());
    let number: usize = documents.iter().map(|path| links(&std::fs::read_to_string(path).unwrap()).len()).sum();
    assert!(documents.len() > 20 && number > 50, "{} documents, {number} links", documents.len());
    let broken: Vec<String> = documents.iter().flat_map(|document| broken(document)).collect();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn broken_links_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let page = "# Page\n\n## Exit statuses, `code`\n\n## Twice\n\n## Twice\n\n[a](#exit-statuses-code) [b](#twice-1) \
                [c](other.md#part) [d](other.md) [e](https://example.org/none.md)\n\n```text\n# Not a heading\n[f](none.md)\n```\n\n    [g](none.md)\n\n`[h](none.md)`\n";
    std::fs::write(folder.path().join("page.md"), page).unwrap();
    std::fs::write(folder.path().join("other.md"), "# Other\n\n## Part\n").unwrap();
    let planted = folder.path().join("planted.md");
    std::fs::write(&planted, "# A\n[a](none.md)\n\n[b](#b) [c](page.md#not-a-heading) [d](page.md#twice-2)\n").unwrap();
    assert_eq!(documents(folder.path()).len(), 3);
    assert_eq!(broken(&folder.path().join("page.md")), Vec::<String>::new());
    let name = planted.display();
    assert_eq!(
        broken(&planted),
        [
            format!("{name}, line 2: `none.md`: no such file"),
            format!("{name}, line 4: `#b`: no such heading"),
            format!("{name}, line 4: `page.md#not-a-heading`: no such heading"),
            format!("{name}, line 4: `page.md#twice-2`: no such heading"),
        ]
    );
}
