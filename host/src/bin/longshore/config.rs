//! `longshore config`.

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Print every setting with its value and where it comes from
    Show {
        /// Print a JSON array instead of text
        #[arg(long)]
        json: bool,
    },
}

/// Runs a command, and gives the exit status back.
pub(crate) fn config(command: &ConfigCommand) -> u8 {
    let ConfigCommand::Show { json } = command;
    let _ = json;
    0
}
