//! `longshore runs`: the history of runs.

mod cancel;
mod list;
mod show;
mod watch;

use crate::printer::Log;
use crate::terminal::Stream;
use crate::{BAD_INPUT, failure};
use clap::Subcommand;
use longshore::Settings;
use longshore::history::{HistoryEntry, HistoryError, RunHistory, RunState, Which};

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
    /// Follow the output of a run until it ends, and exit with its exit status
    Watch {
        /// The run: its id or a part of it, or `last`
        run: String,
    },
    /// Cancel runs of any terminal or program of this user, and wait until they have ended
    Cancel {
        /// The runs: their ids or parts of them, or `last`
        #[arg(required = true)]
        runs: Vec<String>,
        /// Kill the script at once instead of interrupting it
        #[arg(long)]
        now: bool,
    },
    /// Print the output of a run's script, also while it runs
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
    let history = match RunHistory::open(&settings.state_folder) {
        Ok(history) => history,
        Err(error) => return fail(&error),
    };
    for folder in history.left() {
        let (path, reason) = (folder.path.display(), &folder.reason);
        failure::print_note(&format!("the record of a former version in `{path}` stays there: {reason}"));
    }
    let done = match command {
        RunsCommand::List { last, failed, json } => {
            list::list(&history, last, if failed { Which::Failed } else { Which::All }, json)
        }
        RunsCommand::Show { run, json } => history.find(&run).map(|run| show::show(&history, &run, json)),
        RunsCommand::Watch { run } => history.find(&run).and_then(|run| watch::watch(&history, run, settings)),
        RunsCommand::Cancel { runs, now } => cancel::cancel(&history, &runs, now),
        RunsCommand::Log { run } => history.find(&run).and_then(|run| history.log(&run)).map(|log| {
            // A closed pipe is not a failure.
            let _ = Log::to(Stream::Out).pass(&log).write();
            0
        }),
        RunsCommand::Remove { runs, all: false } => remove(&history, &runs),
        RunsCommand::Remove { all: true, .. } => remove_all(&history),
    };
    done.unwrap_or_else(|error| fail(&error))
}

fn fail(error: &HistoryError) -> u8 {
    let is_bad_input = !matches!(error, HistoryError::Store { .. });
    failure::print_advised(error, error.remedy(), if is_bad_input { BAD_INPUT } else { 3 })
}

/// How a run ended, or that it is unknown.
fn outcome(run: &HistoryEntry) -> String {
    match run.state {
        RunState::Running => "running".into(),
        RunState::Lost => "lost".into(),
        RunState::Ended => run.outcome().unwrap_or("unknown").replace('_', " "),
    }
}

/// How a run ended, and why.
fn ending(run: &HistoryEntry) -> String {
    let outcome = outcome(run);
    let message = run.record.as_ref().and_then(|record| record.get("message")?.as_str());
    match (run.state, message) {
        (RunState::Lost, _) => "lost: the host was killed before the run ended".into(),
        (_, Some(message)) => format!("{outcome}: {message}"),
        (_, None) => outcome,
    }
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
    for run in history.list(usize::MAX, Which::All)? {
        match history.remove(&run) {
            Err(HistoryError::Running { .. }) => {}
            removed => removed?,
        }
    }
    Ok(0)
}
