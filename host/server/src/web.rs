//! What all requests share.

use crate::blocks::KnownBlocks;
use crate::open::Open;
use crate::outputs::KeptOutputs;
use crate::problem::Problem;
use crate::samples::Samples;
use crate::session::Shared;
use crate::start::Starter;
use crate::tally::Tally;
use longshore::history::{HistoryError, RunHistory, TokenError, Tokens};
use longshore::{Cancel, Host, Remedy};
use longshore_protocol::Software;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::task::spawn_blocking;
use tokio_util::task::TaskTracker;

/// Advice in the words of the program that serves.
pub(crate) type Words = fn(&Remedy) -> Option<String>;

/// The state of all handlers. Clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct Web {
    /// What runs are started with.
    pub(crate) starter: Starter,
    /// This program.
    pub(crate) software: Software,
    /// The blocks that runs may name.
    pub(crate) blocks: Arc<KnownBlocks>,
    /// Cancelled once nothing new may begin, and what is live ends.
    pub(crate) closing: Cancel,
    /// Ends the host.
    pub(crate) stop: Cancel,
    /// What can be done about an outcome, in words.
    pub(crate) words: Words,
    /// Measurements of the last day.
    pub(crate) samples: Samples,
    histories: Arc<Mutex<Vec<RunHistory>>>,
    tokens: Arc<Mutex<Vec<Tokens>>>,
}

impl Web {
    pub(crate) fn new(
        shared: Shared,
        blocks: KnownBlocks,
        outputs: KeptOutputs,
        runs: TaskTracker,
        open: Open,
        stop: Cancel,
        words: Words,
    ) -> Self {
        let Shared { host, software, allows_processes, closing, tally, .. } = shared;
        let starter = Starter { host, outputs, runs, open, allows_processes, tally };
        let blocks = Arc::new(blocks);
        let (samples, histories, tokens) = (Samples::default(), Arc::default(), Arc::default());
        Self { starter, software, blocks, closing, stop, words, samples, histories, tokens }
    }

    pub(crate) fn host(&self) -> &Host {
        &self.starter.host
    }

    /// What was done.
    pub(crate) fn tally(&self) -> &Tally {
        &self.starter.tally
    }

    /// The tables that runs over HTTP have written.
    pub(crate) fn outputs(&self) -> &KeptOutputs {
        &self.starter.outputs
    }

    /// Reads or changes the run history, on a thread that may block.
    pub(crate) async fn history<T: Send + 'static>(
        &self,
        work: impl FnOnce(&RunHistory) -> Result<T, HistoryError> + Send + 'static,
    ) -> Result<T, Problem> {
        let state_folder = self.host().settings().state_folder.clone();
        let open = move || RunHistory::open(&state_folder);
        // One that was opened before the first run knows no run.
        let keeps = RunHistory::is_there;
        Ok(pooled(&self.histories, open, |history| work(history), keeps).await??)
    }

    /// Checks or changes tokens and sessions, on a thread that may block.
    pub(crate) async fn tokens<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Tokens) -> Result<T, TokenError> + Send + 'static,
    ) -> Result<T, Problem> {
        let state_folder = self.host().settings().state_folder.clone();
        Ok(pooled(&self.tokens, move || Tokens::open(&state_folder), work, |_| true).await??)
    }
}

/// Works with an open connection of the pool, or a new one, which returns there. There are as many as are used at the
/// same time.
async fn pooled<C: Send + 'static, T: Send + 'static, E: Send + 'static>(
    pool: &Arc<Mutex<Vec<C>>>,
    open: impl FnOnce() -> Result<C, E> + Send + 'static,
    work: impl FnOnce(&mut C) -> Result<T, E> + Send + 'static,
    keeps: impl FnOnce(&C) -> bool + Send + 'static,
) -> Result<Result<T, E>, Problem> {
    let pool = Arc::clone(pool);
    let working = spawn_blocking(move || {
        let free = pool.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut connection = free.map_or_else(open, Ok)?;
        let done = work(&mut connection)?;
        if keeps(&connection) {
            pool.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        }
        Ok(done)
    });
    working.await.map_err(|_| Problem::broken())
}
