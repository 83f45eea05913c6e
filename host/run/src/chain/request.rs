//! A request for a chain: its steps, and what connects them.

use super::error::ChainError;
use crate::request::RunRequest;
use longshore_protocol::OutputName;
use std::collections::BTreeSet;

/// A request for a chain of blocks. [`ChainRequest::prepare`] checks it.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct ChainRequest {
    /// The steps, in the order in which they are shown.
    pub steps: Vec<Step>,
    /// The tables that pass between them.
    pub connections: Vec<Connection>,
}

/// A step of a chain.
#[derive(Debug)]
#[non_exhaustive]
pub struct Step {
    /// Its name, by which connections, records and logs call it; the block's name if it is left out.
    pub name: Option<String>,
    /// What it runs: with the chain's outer inputs and outputs that are this step's.
    pub request: RunRequest,
}

/// A table that passes from one step to another.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Connection {
    /// The position of the step that writes it.
    pub from: usize,
    /// Its output there.
    pub output: OutputName,
    /// The position of the step that reads it.
    pub to: usize,
    /// Its input there: a number from 0 or a name.
    pub input: OutputName,
}

impl Connection {
    /// Passes the first output of a step to the first input of another.
    #[must_use]
    pub fn new(from: usize, to: usize) -> Self {
        Self { from, output: OutputName::Number(0), to, input: OutputName::Number(0) }
    }

    /// Sets the output.
    #[must_use]
    pub fn output(mut self, output: OutputName) -> Self {
        self.output = output;
        self
    }

    /// Sets the input.
    #[must_use]
    pub fn input(mut self, input: OutputName) -> Self {
        self.input = input;
        self
    }
}

impl Step {
    /// A step that is called like its block.
    #[must_use]
    pub fn new(request: RunRequest) -> Self {
        Self { name: None, request }
    }

    /// Sets its name.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }
}

impl ChainRequest {
    /// A chain without steps.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Blocks one after another: the first output of each passes to the first input of the next.
    pub fn linear(requests: impl IntoIterator<Item = RunRequest>) -> Self {
        let steps: Vec<Step> = requests.into_iter().map(Step::new).collect();
        let connections = (1..steps.len()).map(|to| Connection::new(to - 1, to)).collect();
        Self { steps, connections }
    }

    /// The names of its steps: those given, and those of their blocks, made unique.
    ///
    /// # Errors
    /// [`ChainError::RepeatedName`].
    pub fn names(&self) -> Result<Vec<String>, ChainError> {
        named(self.steps.iter().map(|step| (step.name.as_deref(), &step.request)))
    }

    /// Adds a step.
    #[must_use]
    pub fn step(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    /// Adds a connection.
    #[must_use]
    pub fn connect(mut self, connection: Connection) -> Self {
        self.connections.push(connection);
        self
    }
}

/// The names of the steps: those given, and those of their blocks, made unique.
pub(super) fn named<'a>(
    steps: impl Iterator<Item = (Option<&'a str>, &'a RunRequest)>,
) -> Result<Vec<String>, ChainError> {
    let (mut names, mut taken) = (Vec::new(), BTreeSet::new());
    for (given, request) in steps {
        let name = match given {
            Some(name) if taken.contains(name) => return Err(ChainError::RepeatedName { name: name.to_owned() }),
            Some(name) => name.to_owned(),
            None => {
                let stem = request.block.file_stem().or_else(|| request.block.file_name());
                let stem = stem.map_or_else(|| "step".into(), |stem| stem.to_string_lossy().into_owned());
                let again = (2..).map(|number| format!("{stem}-{number}"));
                let mut free = std::iter::once(stem.clone()).chain(again).filter(|name| !taken.contains(name));
                free.next().unwrap_or(stem)
            }
        };
        taken.insert(name.clone());
        names.push(name);
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_called_like_their_blocks_or_as_they_are_told() {
        let [a, b, again] = ["blocks/a", "b.py", "b.R"].map(RunRequest::new);
        let steps = [(None, &a), (None, &b), (None, &again), (Some("last"), &a)];
        assert_eq!(named(steps.into_iter()).unwrap(), ["a", "b", "b-2", "last"]);
        let twice = named([(Some("x"), &a), (Some("x"), &b)].into_iter()).unwrap_err();
        assert_eq!(twice.to_string(), "two steps are called `x`: give one of them another name");
    }
}
