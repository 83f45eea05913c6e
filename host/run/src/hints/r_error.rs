//! Finds the last uncaught error in what R printed.

/// Beginnings of an error.
const HEADS: [&str; 3] = ["Error in ", "Error: ", "Error : "];

/// Beginnings of the lines after an error's message.
const AFTER: [&str; 7] = [
    "Calls: ",
    "Execution halted",
    "Traceback, the latest call last:",
    "In addition: ",
    "Warning message",
    "Backtrace:",
    "Run `rlang::last_trace()`",
];

/// The error in one line, as R prints it, and the place in the text where it begins.
pub(super) fn find(text: &str) -> Option<(String, usize)> {
    let mut start = 0;
    let mut found = None;
    for piece in text.split_inclusive('\n') {
        let line = piece.trim_end();
        if HEADS.iter().any(|head| line.starts_with(head)) || line == "Error:" {
            found = Some(start);
        }
        start += piece.len();
    }
    let start = found?;
    let lines = text[start..].lines().map(str::trim);
    let message = lines.take_while(|line| !AFTER.iter().any(|after| line.starts_with(after.trim_end())));
    let message: Vec<&str> = message.filter(|line| !line.is_empty()).collect();
    Some((message.join(" "), start))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Option<String> {
        find(text).map(|(summary, _)| summary)
    }

    #[test]
    fn the_error_is_one_line_without_what_follows() {
        let library = "Error in library(xgboost) : there is no package called ‘xgboost’\nExecution halted\n";
        assert_eq!(found(library).unwrap(), "Error in library(xgboost) : there is no package called ‘xgboost’");
        let long =
            "loading\nError in price(list(id = 7)) : \n  no price in 7\nCalls: main -> price\nExecution halted\n";
        assert_eq!(found(long).unwrap(), "Error in price(list(id = 7)) : no price in 7");
        let warned = "Error in file(file, \"rt\") : cannot open the connection\nIn addition: Warning message:\nIn \
            file(file, \"rt\") :\n  cannot open file 'x.csv': No such file or directory\nExecution halted\n";
        assert_eq!(found(warned).unwrap(), "Error in file(file, \"rt\") : cannot open the connection");
        let tidy = "Error in `filter()`:\nℹ In argument: `x > 1`.\nCaused by error:\n! object 'x' not found\nBacktrace:\n 1. a\n";
        assert_eq!(
            found(tidy).unwrap(),
            "Error in `filter()`: ℹ In argument: `x > 1`. Caused by error: ! object 'x' not found"
        );
        assert_eq!(
            found("Error: unexpected 'else' in \"a else\"\nExecution halted").unwrap(),
            "Error: unexpected 'else' in \"a else\""
        );
    }

    #[test]
    fn the_last_error_counts_and_other_output_names_nothing() {
        let text = "Error in f() : handled\nmore\nError: last\nExecution halted\n";
        let (summary, start) = find(text).unwrap();
        assert_eq!((summary.as_str(), &text[start..start + 11]), ("Error: last", "Error: last"));
        for text in ["", "no Error: here", "Errors in all\n", "é"] {
            assert_eq!(found(text), None);
        }
    }
}
