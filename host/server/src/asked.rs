//! What a caller asks for on its connection: a run, or a chain of them. Each message goes to the step that it names;
//! `gather` keeps what is sent for one.

use crate::gather::{GatherError, Gathered, Gathering, TABLES_MAX};
use longshore::ChainError;
use longshore_protocol::limits::STEPS_MAX;
use longshore_protocol::{FromCaller, Payload, Submission, SubmittedChain, SubmittedConnection, SubmittedStep};
use std::path::Path;

/// What a caller asks for, while it is sent.
#[derive(Debug)]
pub(crate) struct Asking {
    /// A run, or the steps of a chain; at least one.
    steps: Vec<Gathering>,
    /// What makes a chain of them.
    chain: Option<Links>,
    /// The step of the last message.
    current: usize,
}

/// What makes a chain of runs: the names that steps were given, and the connections.
#[derive(Debug)]
pub(crate) struct Links {
    names: Vec<Option<String>>,
    connections: Vec<SubmittedConnection>,
}

/// What a caller asks for, with all that belongs to it.
#[derive(Debug)]
pub(crate) enum Asked {
    /// A run.
    Run(Box<Gathered>),
    /// A chain: what belongs to each step.
    Chain(Links, Vec<Gathered>),
}

impl Asking {
    /// A run.
    pub(crate) fn run(submission: Submission, work_folder: &Path) -> Self {
        Self { steps: vec![Gathering::new(submission, work_folder.to_owned())], chain: None, current: 0 }
    }

    /// A chain, if it has steps and not too many.
    pub(crate) fn chain(chain: SubmittedChain, work_folder: &Path) -> Result<Self, GatherError> {
        let refused = |error: ChainError| Err(GatherError(error.to_string()));
        let SubmittedChain { steps, connections } = chain;
        match steps.len() {
            0 => return refused(ChainError::Empty),
            found if found > STEPS_MAX => return refused(ChainError::TooLong { found, most: STEPS_MAX }),
            _ => {}
        }
        let gathering = |SubmittedStep { name, run }| (name, Gathering::new(run, work_folder.to_owned()));
        let (names, steps) = steps.into_iter().map(gathering).unzip();
        Ok(Self { steps, chain: Some(Links { names, connections }), current: 0 })
    }

    /// Takes a message. Returns whether it was the last.
    pub(crate) fn take(&mut self, message: FromCaller, payload: Payload) -> Result<bool, GatherError> {
        if let FromCaller::File { step, .. }
        | FromCaller::Table { step, .. }
        | FromCaller::Source { step, .. }
        | FromCaller::Sink { step, .. } = &message
        {
            self.turn_to(*step)?;
        }
        self.steps[self.current].take(message, payload)
    }

    /// All of it.
    pub(crate) fn end(self) -> Result<Asked, GatherError> {
        let mut gathered = self.steps.into_iter().map(Gathering::end).collect::<Result<Vec<_>, _>>()?;
        Ok(match self.chain {
            Some(links) => Asked::Chain(links, gathered),
            None => Asked::Run(Box::new(gathered.swap_remove(0))),
        })
    }

    /// What comes next is of this step.
    fn turn_to(&mut self, step: u32) -> Result<(), GatherError> {
        let (found, steps) = (usize::try_from(step).unwrap_or(usize::MAX), self.steps.len());
        if found >= steps {
            return Err(GatherError(format!("something was sent along for step {step}, and there are {steps}")));
        }
        if found != self.current {
            self.steps[self.current].check_between_tables()?;
        }
        // A run has a bound of its own.
        if self.chain.is_some() && self.steps.iter().map(Gathering::tables).sum::<usize>() > TABLES_MAX {
            return Err(GatherError(format!("a chain has at most {TABLES_MAX} tables that are sent along")));
        }
        self.current = found;
        Ok(())
    }
}

impl Links {
    /// The submission of the chain, again with these steps.
    pub(crate) fn submission(self, steps: impl IntoIterator<Item = Submission>) -> SubmittedChain {
        let steps = self.names.into_iter().zip(steps).map(|(name, run)| SubmittedStep { name, run });
        SubmittedChain { steps: steps.collect(), connections: self.connections }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use longshore_protocol::SubmittedBlock;

    fn steps(count: usize) -> SubmittedChain {
        let step = |number| SubmittedStep {
            name: None,
            run: Submission::new(SubmittedBlock::Files { name: format!("s{number}"), script: Some("s.py".into()) }),
        };
        SubmittedChain { steps: (0..count).map(step).collect(), connections: Vec::new() }
    }

    fn said<T: std::fmt::Debug>(result: Result<T, GatherError>) -> String {
        result.unwrap_err().to_string()
    }

    fn part(step: u32, last: bool) -> (FromCaller, Payload) {
        (FromCaller::Table { step, input: 0, last }, Payload::Inline(vec![0; 4]))
    }

    #[test]
    fn a_chain_has_steps_and_not_too_many() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(said(Asking::chain(steps(0), folder.path())), "a chain needs a step");
        let error = said(Asking::chain(steps(STEPS_MAX + 1), folder.path()));
        assert_eq!(error, "a chain has at most 64 steps, and this one has 65");
        assert!(Asking::chain(steps(STEPS_MAX), folder.path()).is_ok());
    }

    #[test]
    fn what_is_sent_belongs_to_its_step() {
        let folder = tempfile::tempdir().unwrap();
        let mut asking = Asking::chain(steps(2), folder.path()).unwrap();
        for step in [1, 0] {
            let file = FromCaller::File { step, path: "s.py".into(), executable: false, last: true };
            assert!(!asking.take(file, Payload::None).unwrap());
        }
        let (message, payload) = part(1, true);
        asking.take(message, payload).unwrap();
        assert!(asking.take(FromCaller::Start, Payload::None).unwrap());
        let Asked::Chain(_, gathered) = asking.end().unwrap() else { panic!("a run") };
        assert_eq!(gathered.iter().map(|step| step.along.tables.len()).collect::<Vec<_>>(), [0, 1]);
        let folders: Vec<_> = gathered.iter().map(|step| step.along.folder.clone().unwrap()).collect();
        assert!(folders[0] != folders[1] && folders.iter().all(|folder| folder.join("s.py").is_file()));
    }

    #[test]
    fn unknown_steps_tables_that_have_no_end_and_too_many_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let begun = || Asking::chain(steps(2), folder.path()).unwrap();
        let (message, payload) = part(2, true);
        let error = "something was sent along for step 2, and there are 2";
        assert_eq!(said(begun().take(message, payload)), error);
        let mut run = Asking::run(steps(1).steps.remove(0).run, folder.path());
        let (message, payload) = part(1, true);
        let error = "something was sent along for step 1, and there are 1";
        assert_eq!(said(run.take(message, payload)), error);
        let mut asking = begun();
        let (message, payload) = part(1, false);
        asking.take(message, payload).unwrap();
        let (message, payload) = part(0, true);
        assert_eq!(said(asking.take(message, payload)), "a table was not sent to its end");
        let many = |mut asking: Asking, steps: u32| {
            let refused = (0..300).find_map(|number| {
                let file = std::fs::File::open("/dev/null").unwrap().into();
                let payload = Payload::Descriptor { descriptor: file, length: 0 };
                asking.take(FromCaller::Source { step: number % steps, input: number }, payload).err()
            });
            refused.unwrap().to_string()
        };
        assert_eq!(many(begun(), 2), "a chain has at most 256 tables that are sent along");
        let run = Asking::run(self::steps(1).steps.remove(0).run, folder.path());
        assert_eq!(many(run, 1), "a run has at most 256 tables");
    }
}
