//! `longshore check` and `longshore schema`.

use crate::BAD_INPUT;
use crate::failure;
use longshore::block::{self, Block};
use std::io::Write;
use std::path::Path;

/// Prints a block as it is understood.
pub(crate) fn check(path: &Path) -> u8 {
    match Block::load(path) {
        Ok(loaded) => {
            let mut text = loaded.block.describe();
            if !loaded.warnings.is_empty() || !loaded.remarks.is_empty() {
                text.push('\n');
            }
            text.extend(loaded.warnings.iter().map(|warning| format!("warning: {warning}\n")));
            text.extend(loaded.remarks.iter().map(|remark| format!("note: {remark}\n")));
            print(&text)
        }
        Err(error) => failure::print(&error, BAD_INPUT),
    }
}

/// Prints the JSON schema of `block.toml`.
pub(crate) fn schema() -> u8 {
    print(&format!("{:#}\n", block::schema()))
}

/// Prints one JSON value to standard output, and gives the exit status back.
pub(crate) fn print_json(value: &impl serde::Serialize) -> u8 {
    match serde_json::to_string_pretty(value) {
        Ok(text) => print(&format!("{text}\n")),
        Err(error) => failure::print(&error, 3),
    }
}

/// Prints to standard output; a reader that has gone is no failure.
pub(crate) fn print(text: &str) -> u8 {
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
    0
}
