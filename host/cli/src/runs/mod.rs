//! `longshore runs`: the history of runs.

mod list;
mod show;

use crate::printer::Log;
use crate::terminal::Stream;
use crate::{BAD_INPUT, failure};
use clap::Subcommand;
use longshore::Settings;
use longshore::history::{HistoryError, RunHistory};

#[derive(Debug, Subcommand)]
pub(crate) enum RunsCommand {
    /// List runs, the newest first
    List {
        /// Maximum number of runs to list
        #[arg(short = 'n', long, value_name = "NUMBER", default_value_t = 20)]
        last: usize,
        /// List only runs that did not succeed
        #[arg(long)]
        failed: bool,
        /// Print a JSON array instead of text
        #[arg(long)]
        json: bool,
    },
    /// Show a run's outcome, resource use and outputs
    Show {
        /// The run: its id or a part of it, or `last`
        run: String,
        /// Print one JSON object instead of text
        #[arg(long)]
        json: bool,
    },
    /// Print the output of a run's script
    Log {
        /// The run: its id or a part of it, or `last`
        run: String,
    },
    /// Remove runs from the history
    Remove {
        /// The runs: their ids or parts of them, or `last`
        #[arg(required_unless_present = "all")]
        runs: Vec<String>,
        /// Remove all finished runs
        #[arg(long, conflicts_with = "runs")]
        all: bool,
    },
}

/// Runs a command, and returns the exit status.
pub(crate) fn runs(command: RunsCommand, settings: &Settings) -> u8 {
    let history = RunHistory::new(settings);
    let done = match command {
        RunsCommand::List { last, failed, json } => list::list(&history, last, failed, json),
        RunsCommand::Show { run, json } => history.find(&run).map(|run| show::show(&history, &run, json)),
        RunsCommand::Log { run } => history.find(&run).and_then(|run| history.log(&run)).map(|log| {
            // A closed pipe is not a failure.
            let _ = Log::to(Stream::Out).pass(&log).write();
            0
        }),
        RunsCommand::Remove { runs, all: false } => remove(&history, &runs),
        RunsCommand::Remove { all: true, .. } => remove_all(&history),
    };
    done.unwrap_or_else(|error| {
        let is_bad_input = !matches!(error, HistoryError::Folder { .. });
        failure::print_advised(&error, error.remedy(), if is_bad_input { BAD_INPUT } else { 3 })
    })
}

/// Removes these runs, if all of them exist.
fn remove(history: &RunHistory, references: &[String]) -> Result<u8, HistoryError> {
    let runs = references.iter().map(|reference| history.find(reference)).collect::<Result<Vec<_>, _>>()?;
    for run in &runs {
        history.remove(run)?;
    }
    Ok(0)
}

fn remove_all(history: &RunHistory) -> Result<u8, HistoryError> {
    for run in history.list()? {
        match history.remove(&run) {
            Err(HistoryError::Running { .. }) => {}
            removed => removed?,
        }
    }
    Ok(0)
}
