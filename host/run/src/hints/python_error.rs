//! Finds the last uncaught exception in what Python printed: after a traceback, Python's or that of a notebook's kernel,
//! or, for a syntax error of the script itself, without one.

/// The first line of a traceback.
const HEAD: &str = "Traceback (most recent call last):";

/// The end of the first line of a notebook's traceback, which begins with the kind of the exception.
const HEAD_OF_A_CELL: &str = " Traceback (most recent call last)";

/// Lines between the tracebacks of one chain.
const CHAINED: [&str; 2] = [
    "During handling of the above exception, another exception occurred:",
    "The above exception was the direct cause of the following exception:",
];

/// Errors that are found before a script runs.
const OF_SYNTAX: [&str; 3] = ["SyntaxError", "IndentationError", "TabError"];

/// The summary of the last exception, such as `ValueError: no price`, and the place in the text where its chain of
/// tracebacks begins.
pub(super) fn find(text: &str) -> Option<(String, usize)> {
    let lines: Vec<Line<'_>> = lines(text);
    match lines.iter().rposition(|line| line.inner.starts_with(HEAD)) {
        Some(head) => {
            let after = &lines[head + 1..];
            let group = lines[head].inner.len() != lines[head].whole.len();
            let last = after.iter().position(|line| is_exception(line, group))?;
            Some((summary(&after[..=last], &after[last..]), lines[chain_start(&lines, head)].start))
        }
        None => of_a_cell(&lines).or_else(|| {
            let last = lines.iter().rposition(|line| is_of_syntax(line.inner))?;
            let first = lines[..last].iter().rposition(|line| frame(line.inner).is_some())?;
            Some((summary(&lines[first..=last], &lines[last..]), lines[first].start))
        }),
    }
}

/// The exception of a notebook's cell.
fn of_a_cell(lines: &[Line<'_>]) -> Option<(String, usize)> {
    let head = lines.iter().rposition(|line| line.whole.ends_with(HEAD_OF_A_CELL))?;
    let kind = lines[head].whole.split(' ').next()?;
    let is_last = |line: &Line<'_>| split(line.whole).is_some_and(|(found, _)| found == kind);
    let last = head + 1 + lines[head + 1..].iter().rposition(is_last)?;
    Some((summary(&[], &lines[last..]), lines[head].start))
}

/// A line: whole, without the frame of an exception group, and where it starts in the text.
#[derive(Debug, Clone, Copy)]
struct Line<'a> {
    whole: &'a str,
    inner: &'a str,
    start: usize,
}

fn lines(text: &str) -> Vec<Line<'_>> {
    let mut start = 0;
    let line = |piece: &str| {
        let begins = start;
        start += piece.len();
        (begins, piece.len())
    };
    let places: Vec<(usize, usize)> = text.split_inclusive('\n').map(line).collect();
    let made = places.into_iter().map(|(start, length)| {
        let whole = text[start..start + length].trim_end();
        Line { whole, inner: without_frame(whole), start }
    });
    made.collect()
}

/// A line of an exception group has `  | ` before it, and its head `  + Exception Group `.
fn without_frame(line: &str) -> &str {
    let trimmed = line.trim_start();
    let framed = trimmed.strip_prefix("+ Exception Group ").or_else(|| trimmed.strip_prefix("| "));
    framed.unwrap_or(line)
}

/// The line of the head with which a chain of tracebacks begins that ends with the one at `head`.
fn chain_start(lines: &[Line<'_>], head: usize) -> usize {
    let mut first = head;
    loop {
        let before = &lines[..first];
        let joins = before.iter().rev().find(|line| !line.inner.trim().is_empty());
        if !joins.is_some_and(|line| CHAINED.contains(&line.inner)) {
            return first;
        }
        match before.iter().rposition(|line| line.inner.starts_with(HEAD)) {
            Some(earlier) => first = earlier,
            None => return first,
        }
    }
}

/// Whether a line after a head is the exception: it is not indented, as calls and their code are.
fn is_exception(line: &Line<'_>, group: bool) -> bool {
    let text = if group { line.inner } else { line.whole };
    split(text).is_some()
}

fn is_of_syntax(line: &str) -> bool {
    split(line).is_some_and(|(kind, _)| OF_SYNTAX.contains(&kind))
}

/// The kind of an exception, without its module, and its message.
fn split(line: &str) -> Option<(&str, &str)> {
    let (name, message) = line.split_once(':').unwrap_or((line, ""));
    let is_name = |part: &str| {
        part.starts_with(|first: char| first.is_alphabetic() || first == '_')
            && part.chars().all(|character| character.is_alphanumeric() || character == '_')
    };
    // A class that is local to a function has its name too, as in `f.<locals>.Broken`.
    let mut parts = name.split('.').filter(|part| *part != "<locals>");
    if !parts.clone().all(is_name) {
        return None;
    }
    Some((parts.next_back()?, message.trim()))
}

/// The exception in one line; that of a syntax error has its place, as in `str(error)`.
fn summary(before: &[Line<'_>], from: &[Line<'_>]) -> String {
    let (kind, message) = from.first().and_then(|line| split(line.inner)).unwrap_or_default();
    // A message that begins with an empty line continues on the next ones.
    let following = from.iter().skip(1).map(|line| line.inner.trim()).find(|line| !line.is_empty());
    let continues = from.first().is_some_and(|line| line.inner.contains(':')) && message.is_empty();
    let message = if continues { following.unwrap_or_default() } else { message };
    if message.is_empty() {
        return kind.to_owned();
    }
    let place = before.iter().rev().find_map(|line| frame(line.inner)).filter(|_| OF_SYNTAX.contains(&kind));
    match place {
        Some((file, line)) => format!("{kind}: {message} ({file}, line {line})"),
        None => format!("{kind}: {message}"),
    }
}

/// The file's name and the line of a call, from `  File "/work/script.py", line 2, in f`.
fn frame(line: &str) -> Option<(&str, &str)> {
    let (path, rest) = line.trim_start().strip_prefix("File \"")?.split_once("\", line ")?;
    let digits = rest.find(|character: char| !character.is_ascii_digit()).unwrap_or(rest.len());
    (digits > 0).then(|| (path.rsplit('/').next().unwrap_or(path), &rest[..digits]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Option<String> {
        find(text).map(|(summary, _)| summary)
    }

    const CALL: &str = "  File \"/work/script.py\", line 1, in <module>\n    import x\n    ^^^^^^^^\n";

    #[test]
    fn the_last_exception_is_named_without_its_module() {
        let of = |last: &str| found(&format!("starting\n{HEAD}\n{CALL}{last}\n"));
        assert_eq!(of("ModuleNotFoundError: No module named 'x'").unwrap(), "ModuleNotFoundError: No module named 'x'");
        assert_eq!(of("pandas.errors.ParserError: line 3").unwrap(), "ParserError: line 3");
        assert_eq!(of("main.<locals>.Broken: no").unwrap(), "Broken: no");
        assert_eq!(of("KeyboardInterrupt").unwrap(), "KeyboardInterrupt");
        assert_eq!(of("AssertionError: \nfirst\nsecond").unwrap(), "AssertionError: first");
        assert_eq!(of("KeyError: 'a'\nnote of the error\nsys:1: ResourceWarning: x").unwrap(), "KeyError: 'a'");
    }

    #[test]
    fn a_syntax_error_has_its_place_with_and_without_a_traceback() {
        let error = "  File \"/work/script.py\", line 2\n    api = Api() else\n                ^^^^\nSyntaxError: invalid syntax\n";
        let expected = "SyntaxError: invalid syntax (script.py, line 2)";
        assert_eq!(found(error).unwrap(), expected);
        assert_eq!(found(&format!("{HEAD}\n{CALL}{error}")).unwrap(), expected);
        assert_eq!(found("SyntaxError: printed by the script\n"), None);
    }

    #[test]
    fn a_chain_begins_with_its_first_traceback() {
        for words in CHAINED {
            let earlier = format!("{HEAD}\n{CALL}OldError: handled\nprinted\n");
            let chain = format!("{HEAD}\n{CALL}OSError: name\n\n{words}\n\n{HEAD}\n{CALL}urllib.error.URLError: <x>\n");
            let (summary, start) = find(&format!("{earlier}{chain}")).unwrap();
            assert_eq!(summary, "URLError: <x>");
            assert_eq!(start, earlier.len());
        }
    }

    #[test]
    fn an_exception_group_names_the_last_of_its_exceptions() {
        let text = "  + Exception Group Traceback (most recent call last):\n  |   File \"s.py\", line 1, in <module>\n  | \
            ExceptionGroup: both (1 sub-exception)\n  +-+---------------- 1 ----------------\n    | Traceback (most \
            recent call last):\n    |   File \"s.py\", line 2, in f\n    | ValueError: one\n    +----\n";
        assert_eq!(found(text).unwrap(), "ValueError: one");
    }

    #[test]
    fn the_exception_of_a_notebook_is_named() {
        let text = "cell 1 of 1 failed:\n-----\nModuleNotFoundError              Traceback (most recent call last)\n\
            Cell In[1], line 2\n      1 import util\n----> 2 import cv2\nModuleNotFoundError: No module named 'cv2'\n";
        let (summary, start) = find(text).unwrap();
        assert_eq!(summary, "ModuleNotFoundError: No module named 'cv2'");
        assert!(text[start..].starts_with("ModuleNotFoundError      "));
        assert_eq!(found("KeyError    Traceback (most recent call last)\nnone\n"), None);
    }

    #[test]
    fn other_output_names_nothing_and_nonsense_ends() {
        assert_eq!(found(""), None);
        assert_eq!(found("done\n"), None);
        assert_eq!(found(&format!("{HEAD}\n")), None);
        assert_eq!(found(&format!("{HEAD}\n{CALL}")), None);
        for text in ["é", "\u{fffd}\n", "  File \"", "  File \"\", line \nSyntaxError:", ":", "Traceback", "a.:b"] {
            let _ = found(text);
            let _ = found(&format!("{HEAD}\n{text}"));
            let _ = found(&format!("{text}\n{HEAD}\n{text}\n{}\n{HEAD}", CHAINED[0]));
        }
    }
}
