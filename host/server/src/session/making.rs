//! What a caller asks for, as something that the host can run: the request, its check, and what comes back. A run and a
//! chain differ here alone.

use super::telling::Returned;
use crate::asked::Asked;
use crate::gather::Gathered;
use crate::rejection;
use longshore::{
    Cancel, ChainRequest, Events, Host, OtherOutputs, OutputHandle, Prepared, PreparedChain, RunRecord, RunRequest,
    Seat,
};
use longshore_os::locked_folder::LockedFolder;
use longshore_protocol::Rejection;
use longshore_run::submission::{SubmissionError, Taken, TakenChain, requested, requested_chain};
use longshore_segment::{Segment, Taken as Credit};

/// What is to be run.
pub(super) struct Requested {
    pub(super) request: Request,
    pub(super) returns: Returns,
    pub(super) along: KeptAlong,
}

/// A run or a chain, before its check.
pub(super) enum Request {
    Run(Box<RunRequest>),
    Chain(ChainRequest),
}

/// A run or a chain that can begin.
pub(super) enum Checked {
    Run(Box<Prepared>),
    Chain(PreparedChain),
}

/// The tables that come back.
pub(super) struct Returns {
    tables: Vec<(Returned, OutputHandle<Segment>)>,
    others: Vec<(u32, OtherOutputs)>,
}

/// What was sent along, and the memory that this takes, kept until the end.
pub(super) struct KeptAlong {
    _folders: Vec<LockedFolder>,
    _credits: Vec<Credit>,
}

impl Requested {
    pub(super) fn of(asked: Asked) -> Result<Self, SubmissionError> {
        let mut along = KeptAlong { _folders: Vec::new(), _credits: Vec::new() };
        let mut parts = |gathered: Gathered| {
            along._folders.extend(gathered.folder);
            along._credits.extend(gathered.credits);
            (gathered.submission, gathered.along)
        };
        let (request, returns) = match asked {
            Asked::Run(gathered) => {
                let (submission, sent) = parts(*gathered);
                let Taken { request, tables, others } = requested(submission, sent)?;
                let tables = tables.into_iter().map(|(output, handle)| (Returned::Named(0, output), handle));
                let others = others.map(|others| (0, others)).into_iter().collect();
                (Request::Run(Box::new(request)), Returns { tables: tables.collect(), others })
            }
            Asked::Chain(links, steps) => {
                let (submissions, sent): (Vec<_>, Vec<_>) = steps.into_iter().map(&mut parts).unzip();
                let TakenChain { request, tables, others } = requested_chain(links.submission(submissions), sent)?;
                let tables = tables.into_iter().map(|(step, output, handle)| (Returned::Named(step, output), handle));
                (Request::Chain(request), Returns { tables: tables.collect(), others })
            }
        };
        Ok(Self { request, returns, along })
    }
}

impl Request {
    /// The run, or the runs of the steps.
    pub(super) fn runs(&mut self) -> Vec<&mut RunRequest> {
        match self {
            Self::Run(request) => vec![request],
            Self::Chain(chain) => chain.steps.iter_mut().map(|step| &mut step.request).collect(),
        }
    }

    /// Checks all of it. Blocks.
    pub(super) fn prepare(self) -> Result<Checked, Box<Rejection>> {
        match self {
            Self::Run(request) => match request.prepare() {
                Ok(prepared) => Ok(Checked::Run(Box::new(prepared))),
                Err(error) => Err(Box::new(rejection::of_request(&error))),
            },
            Self::Chain(request) => {
                request.prepare().map(Checked::Chain).map_err(|error| Box::new(rejection::of_chain(&error)))
            }
        }
    }
}

impl Checked {
    /// Gives it its seat in the queue.
    pub(super) fn seated(self, seat: Seat) -> Self {
        match self {
            Self::Run(prepared) => Self::Run(Box::new(prepared.seated(seat))),
            Self::Chain(prepared) => Self::Chain(prepared.seated(seat)),
        }
    }

    /// Runs it to its end.
    pub(super) async fn run(self, host: &Host, events: Events, cancel: &Cancel) -> RunRecord {
        match self {
            Self::Run(prepared) => host.run_prepared(*prepared, events, cancel).await,
            Self::Chain(prepared) => Box::pin(host.run_prepared_chain(prepared, events, cancel)).await,
        }
    }
}

impl Returns {
    /// The tables, once all has succeeded. There are none before.
    pub(super) fn take(self) -> Vec<(Returned, Segment)> {
        let named = self.tables.into_iter().filter_map(|(output, handle)| Some((output, handle.take().ok()?)));
        let others = self.others.into_iter().flat_map(|(step, others)| {
            others.take().into_iter().map(move |(number, table)| (Returned::Other(step, number), table))
        });
        named.chain(others).collect()
    }
}
