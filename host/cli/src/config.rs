//! `longshore config`.

use crate::printer;
use clap::Subcommand;
use longshore::config::{Config, Entry};
use longshore::shown::Shown;

/// Widest value, in characters, for which the next column is aligned; a longer one moves its own line only.
const VALUE_COLUMN_MAX: usize = 48;

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Print every setting with its value and its source
    Show {
        /// Print a JSON array instead of text
        #[arg(long)]
        json: bool,
    },
}

/// Runs a command, and returns the exit status.
pub(crate) fn config(command: &ConfigCommand, config: &Config) -> u8 {
    let ConfigCommand::Show { json } = command;
    let entries = config.entries();
    if !json {
        return printer::out(&table(&entries));
    }
    printer::json(&entries)
}

fn table(entries: &[Entry]) -> Shown {
    let values: Vec<String> = entries.iter().map(|entry| entry.value.to_string()).collect();
    let keys = entries.iter().map(|entry| entry.key.len()).max().unwrap_or_default();
    let widths = values.iter().map(|value| value.chars().count());
    let width = widths.filter(|width| *width <= VALUE_COLUMN_MAX).max().unwrap_or_default();
    let line = |(entry, value): (&Entry, &String)| {
        let problem = entry.problem.as_ref().map(|problem| format!("  ({problem})")).unwrap_or_default();
        Shown::line(format!("{:keys$}  {value:width$}  {}{problem}", entry.key, entry.source))
    };
    entries.iter().zip(&values).map(line).collect()
}
