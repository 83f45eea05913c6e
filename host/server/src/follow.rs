//! Following a run: what its script prints, and its messages, until it has ended. It is read from the database, so that
//! runs of all processes are followed in the same way.

use crate::problem::Problem;
use crate::web::Web;
use longshore::history::{HistoryEntry, LogPiece, RunState};
use std::time::Duration;

/// How often the database is looked at: four times a second is as fast as a person reads.
const INTERVAL: Duration = Duration::from_millis(250);

/// A run that is followed.
#[derive(Debug)]
pub(crate) struct Following {
    web: Web,
    run: HistoryEntry,
    position: u64,
    build: u64,
    is_first: bool,
    has_ended: bool,
}

/// What is new. All of the log up to its position is known then.
#[derive(Debug)]
pub(crate) struct News {
    /// What was printed.
    pub(crate) log: LogPiece,
    /// What the build of its environment has printed, until the script starts.
    pub(crate) build: LogPiece,
    /// The run as it is now.
    pub(crate) run: HistoryEntry,
}

impl Following {
    /// Follows a run, and what its script prints from this position on.
    pub(crate) fn new(web: Web, run: HistoryEntry, position: u64) -> Self {
        Self { web, run, position, build: 0, is_first: true, has_ended: false }
    }

    /// Follows the output of its build from this position on.
    pub(crate) fn after_build(self, build: u64) -> Self {
        Self { build, ..self }
    }

    /// Whether the run has ended, and all of it is known.
    pub(crate) fn has_ended(&self) -> bool {
        self.has_ended
    }

    /// What is new; the first time at once, and then once something has changed. `None` after its end, and when the host
    /// ends.
    pub(crate) async fn next(&mut self) -> Result<Option<News>, Problem> {
        while !self.has_ended {
            if !std::mem::take(&mut self.is_first) {
                tokio::select! {
                    () = tokio::time::sleep(INTERVAL) => {}
                    () = self.web.closing.cancelled() => return Ok(None),
                }
            }
            let (known, position, built) = (self.run.clone(), self.position, self.build);
            // The run first: all that it printed is there once it has ended.
            let look = self.web.history(move |history| {
                let run = history.again(&known)?;
                let log = history.log_after(&run, position)?;
                let build = history.build_log_after(&run, built)?;
                Ok((run, log, build))
            });
            let (run, log, build) = look.await?;
            // What follows a gap is given the next time.
            self.has_ended = run.state != RunState::Running && log.bytes.is_empty();
            let shown = |run: &HistoryEntry| (run.state, run.message.clone(), run.progress.map(f64::to_bits));
            let is_new =
                !log.bytes.is_empty() || !build.bytes.is_empty() || self.has_ended || shown(&run) != shown(&self.run);
            (self.position, self.build) = (log.position, build.position);
            self.run.clone_from(&run);
            if is_new {
                // More may have been printed at once than one look gives.
                self.is_first = !log.bytes.is_empty() && run.state != RunState::Running;
                return Ok(Some(News { log, build, run }));
            }
        }
        Ok(None)
    }
}
