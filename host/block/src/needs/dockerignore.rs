//! `.dockerignore`: the files that builds do not get. Each line is a pattern for a path, or for a folder with all that is
//! in it; the last one that matches decides, and `!` makes exceptions.

use crate::error::BlockError;
use glob::{MatchOptions, Pattern as Glob};
use longshore_os::presence::if_there;
use longshore_os::small_file::{WRITTEN_MAX, read_text};
use std::path::Path;

/// The file.
const FILE: &str = ".dockerignore";

/// The most patterns: each is compared with each file.
const PATTERNS_MAX: usize = 1000;

/// How patterns are compared: `*` and `?` are no separators.
const OPTIONS: MatchOptions =
    MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: false };

/// The patterns of a folder.
#[derive(Debug, Default)]
pub(crate) struct Ignored {
    patterns: Vec<Pattern>,
}

#[derive(Debug)]
struct Pattern {
    glob: Glob,
    is_exception: bool,
}

impl Ignored {
    /// Those of a folder; none if it has no such file.
    pub(crate) fn of(folder: &Path) -> Result<Self, BlockError> {
        let path = folder.join(FILE);
        let text = if_there(read_text(&path, WRITTEN_MAX));
        let text = text.map_err(|source| BlockError::Read { path: path.clone(), source })?;
        Self::parse(&text.unwrap_or_default()).map_err(|(line, reason)| BlockError::Line { path, line, reason })
    }

    fn parse(text: &str) -> Result<Self, (usize, String)> {
        let mut patterns = Vec::new();
        for (index, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
            let wrong = |reason: String| (index + 1, reason);
            let (line, is_exception) = match line.trim() {
                line if line.is_empty() || line.starts_with('#') => continue,
                line => line.strip_prefix('!').map_or((line, false), |rest| (rest.trim(), true)),
            };
            let parts = line.split('/').filter(|part| !matches!(*part, "" | "."));
            let pattern = parts.map(component).collect::<Vec<_>>().join("/");
            if pattern.is_empty() {
                continue;
            }
            if patterns.len() == PATTERNS_MAX {
                return Err(wrong(format!("it has more than {PATTERNS_MAX} patterns")));
            }
            let glob =
                Glob::new(&pattern).map_err(|error| wrong(format!("`{line}` is not a pattern: {}", error.msg)))?;
            patterns.push(Pattern { glob, is_exception });
        }
        Ok(Self { patterns })
    }

    /// Whether builds do not get a file. `path` is relative to the folder.
    pub(crate) fn has(&self, path: &str) -> bool {
        let mut ignored = false;
        for pattern in &self.patterns {
            // Nothing to decide anew.
            let mut parts = Path::new(path).ancestors().filter(|part| !part.as_os_str().is_empty());
            if pattern.is_exception == ignored && parts.any(|part| pattern.glob.matches_path_with(part, OPTIONS)) {
                ignored = !ignored;
            }
        }
        ignored
    }
}

/// A part of a pattern as the library writes it: `**` alone, `[!a]` for `[^a]`, and `[a]` for an escaped `a`.
fn component(part: &str) -> String {
    if part == "**" {
        return part.to_owned();
    }
    let part = part.replace("[^", "[!");
    // With more in its part, `**` spans folders too.
    let (start, rest) = part.strip_prefix("**").map_or(("", part.as_str()), |rest| ("**/*", rest));
    let mut written = start.to_owned();
    let mut characters = rest.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => written.extend(characters.next().map(|escaped| Glob::escape(&escaped.to_string()))),
            '*' if written.ends_with('*') => {}
            other => written.push(other),
        }
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_pattern_that_matches_decides() {
        for (text, path, ignored) in [
            ("", "a", false),
            ("a", "a", true),
            ("a", "a/b/c", true),
            ("a", "b/a", false),
            ("/a/", "a/b", true),
            ("./a", "a", true),
            ("**/a", "b/c/a", true),
            ("**/a", "a", true),
            ("*.csv", "x.csv", true),
            ("*.csv", "d/x.csv", false),
            ("*/x.csv", "d/x.csv", true),
            ("**\n!keep.txt", "keep.txt", false),
            ("**\n!keep.txt", "other.txt", true),
            ("*\n!d\nd/x", "d/x", true),
            ("*\n!d\nd/x", "d/y", false),
            ("# a\n\n  a  ", "a", true),
            ("{a,b}", "a", false),
            ("{a,b}", "{a,b}", true),
            ("a?", "ab", true),
            ("**.log", "x.log", true),
            ("**.log", "a/b/x.log", true),
            ("a**", "abc/d", true),
            ("\\*", "*", true),
            ("\\*", "a", false),
            ("[^a]", "b", true),
            ("[^a]", "a", false),
        ] {
            assert_eq!(Ignored::parse(text).unwrap().has(path), ignored, "{text:?} {path}");
        }
        let (line, reason) = Ignored::parse("a\n[b").unwrap_err();
        assert!(line == 2 && reason.starts_with("`[b` is not a pattern: "), "{line}: {reason}");
    }
}
