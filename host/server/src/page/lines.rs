//! A log as numbered lines that pages show, and the line of the script where it failed.

use longshore::shown::visible;
use serde::Serialize;

/// The most characters of a line that a page shows: more would make a browser slow.
const LINE_MAX: usize = 4000;

/// A line of a log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Line {
    /// From 1.
    pub(crate) number: usize,
    pub(crate) text: String,
}

/// The lines of a part of a log, the first of which has this number.
pub(crate) fn lines(bytes: &[u8], first: usize) -> Vec<Line> {
    some_lines(bytes, 0, usize::MAX).into_iter().map(|line| Line { number: line.number - 1 + first, ..line }).collect()
}

/// At most so many lines of a log after its first ones.
pub(crate) fn some_lines(bytes: &[u8], after: usize, most: usize) -> Vec<Line> {
    let all = split(bytes).enumerate().skip(after).take(most);
    all.map(|(index, line)| Line { number: index + 1, text: text(line) }).collect()
}

/// How many lines a log has.
pub(crate) fn count(bytes: &[u8]) -> usize {
    split(bytes).count()
}

fn split(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let whole = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let lines = (!whole.is_empty()).then(|| whole.split(|byte| *byte == b'\n'));
    lines.into_iter().flatten()
}

/// A line as a terminal would have it at its end: what follows the last return to its beginning.
fn text(line: &[u8]) -> String {
    let line = String::from_utf8_lossy(line);
    let line = line.trim_end_matches('\r');
    let last = line.rsplit('\r').next().unwrap_or(line);
    let mut text = visible(last);
    if let Some((cut, _)) = text.char_indices().nth(LINE_MAX) {
        let left = text.len() - cut;
        text.truncate(cut);
        text.push_str(&format!("… and {left} more bytes"));
    }
    text
}

/// Where a script failed: the last place in its own files that a traceback of Python names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// The file, below the block's folder.
    pub(crate) file: String,
    /// Its line.
    pub(crate) line: u64,
    /// The line of the log that says so.
    pub(crate) number: usize,
}

/// Lines at the end of a log in which a traceback is looked for.
const TRACEBACK: usize = 500;

/// The place of the failure that a log ends with.
pub(crate) fn failure(log: &[u8]) -> Option<Place> {
    let end = some_lines(log, count(log).saturating_sub(TRACEBACK), TRACEBACK);
    end.iter().rev().find_map(|line| {
        let (file, rest) = line.text.trim_start().strip_prefix("File \"/work/")?.split_once("\", line ")?;
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        Some(Place { file: file.to_owned(), line: digits.parse().ok()?, number: line.number })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_numbered_and_shown_as_at_their_end() {
        let log = b"one\n 10 %\r 50 %\r100 %\r\n\x1b[31mred\x1b[0m\n\xff\n\nlast";
        let texts: Vec<String> = lines(log, 7).into_iter().map(|line| line.text).collect();
        assert_eq!(texts, ["one", "100 %", "red", "\u{fffd}", "", "last"]);
        assert_eq!(lines(log, 7)[5].number, 12);
        assert!(lines(b"", 1).is_empty() && lines(b"\n", 1).is_empty());
        assert_eq!((count(log), count(b""), some_lines(log, 4, 1)[0].number), (6, 0, 5));
        let long = lines(&[b'x'; 5000], 1);
        assert!(long[0].text.ends_with("x… and 1000 more bytes"));
    }

    #[test]
    fn the_last_place_in_the_blocks_files_is_where_it_failed() {
        let log = b"Traceback (most recent call last):\n  File \"/work/a.py\", line 7, in <module>\n    f(0)\n  \
                    File \"/work/lib/b.py\", line 12, in f\n  File \"/usr/lib/python3/x.py\", line 3, in g\nValueError: x\n";
        let place = failure(log).unwrap();
        assert_eq!((place.file.as_str(), place.line, place.number), ("lib/b.py", 12, 4));
        assert_eq!(failure(b"File \"/work/a.py\", line x\n"), None);
    }
}
