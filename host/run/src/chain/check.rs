//! The check of a whole chain before anything starts: its steps and what connects them, then each step's own request.

use super::error::ChainError;
use super::request::{ChainRequest, Connection, named};
use crate::admission::Seat;
use crate::output::Declared;
use crate::request::{InputSpec, OutputSpec, Prepared, RequestError, RunRequest};
use longshore_block::{Block, Mode};
use longshore_protocol::OutputName;
use longshore_protocol::limits::STEPS_MAX;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A checked chain.
#[derive(Debug)]
pub struct PreparedChain {
    pub(super) steps: Vec<PreparedStep>,
}

impl PreparedChain {
    /// Gives it a seat that was taken in the host's queue. All steps have its turn.
    #[must_use]
    pub fn seated(mut self, seat: Seat) -> Self {
        for step in &mut self.steps {
            step.prepared.turn = Some(seat.turn);
        }
        if let Some(first) = self.steps.first_mut() {
            first.prepared.seat = Some(Ok(Arc::new(seat)));
        }
        self
    }
}

/// A checked step.
#[derive(Debug)]
pub(super) struct PreparedStep {
    pub(super) name: String,
    pub(super) prepared: Prepared,
    /// The tables that it gets from other steps.
    pub(super) inbound: Vec<Inbound>,
    /// Its outputs that other steps get.
    pub(super) passed_on: BTreeSet<u32>,
}

/// A table that a step gets from another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Inbound {
    /// The position of the other step.
    pub(super) from: usize,
    /// Its output.
    pub(super) output: u32,
    /// The input of this step.
    pub(super) input: usize,
    /// The output in words.
    pub(super) called: String,
}

impl ChainRequest {
    /// Checks everything that can be checked before anything starts: what the steps are connected to, and the request
    /// of each, as [`RunRequest::prepare`] does. The columns of tables that pass between steps are checked when they are
    /// there. Blocks.
    ///
    /// # Errors
    /// [`ChainError`] names the step and the cause.
    pub fn prepare(self) -> Result<PreparedChain, ChainError> {
        let Self { steps, connections } = self;
        if steps.is_empty() {
            return Err(ChainError::Empty);
        }
        if steps.len() > STEPS_MAX {
            return Err(ChainError::TooLong { found: steps.len(), most: STEPS_MAX });
        }
        let names = named(steps.iter().map(|step| (step.name.as_deref(), &step.request)))?;
        check_shape(&names, &connections)?;
        let requests: Vec<RunRequest> = steps.into_iter().map(|step| step.request).collect();
        let mut blocks = Vec::with_capacity(requests.len());
        for (position, request) in requests.iter().enumerate() {
            let block = Block::load(&request.block).map_err(|error| of(&names, position, error.into()))?.block;
            if block.mode == Mode::Stream {
                return Err(ChainError::Stream { step: names[position].clone() });
            }
            blocks.push(block);
        }
        let mut outputs: Vec<BTreeMap<u32, OutputName>> = vec![BTreeMap::new(); requests.len()];
        let mut passed = Vec::with_capacity(connections.len());
        for connection in &connections {
            let from = connection.from;
            let number = found_output(&blocks[from], &connection.output).map_err(|error| of(&names, from, error))?;
            outputs[from].insert(number, OutputName::Number(number));
            let called = format!("output {} of step `{}`", shown(&connection.output), names[from]);
            passed.push((connection, number, called));
        }
        let mut prepared = Vec::with_capacity(requests.len());
        for (position, mut request) in requests.into_iter().enumerate() {
            let name = names[position].clone();
            if request.partition.is_some() {
                return Err(ChainError::Partitioned { step: name });
            }
            check_targets(&blocks[position], &request, &outputs[position], &name)?;
            let mut inbound = Vec::new();
            for (connection, output, called) in passed.iter().filter(|(connection, ..)| connection.to == position) {
                let spec = InputSpec::connected(called);
                let (spec, input) = match &connection.input {
                    OutputName::Number(number) => (spec.number(*number as usize), *number as usize),
                    OutputName::Id(id) => (spec.name(id.clone()), input_number(&blocks[position], id)),
                };
                request.inputs.push(spec);
                inbound.push(Inbound { from: connection.from, output: *output, input, called: called.clone() });
            }
            for number in outputs[position].keys() {
                request.outputs.push(OutputSpec::segment().0.number(*number).called("another step"));
            }
            let checked = request.prepare().map_err(|error| of(&names, position, error))?;
            let passed_on = outputs[position].keys().copied().collect();
            prepared.push(PreparedStep { name, prepared: checked, inbound, passed_on });
        }
        Ok(PreparedChain { steps: prepared })
    }
}

fn of(names: &[String], position: usize, source: RequestError) -> ChainError {
    ChainError::Step { step: names[position].clone(), position, source: Box::new(source) }
}

fn shown(name: &OutputName) -> String {
    match name {
        OutputName::Number(number) => number.to_string(),
        OutputName::Id(id) => format!("`{id}`"),
    }
}

/// Checks the graph alone.
fn check_shape(names: &[String], connections: &[Connection]) -> Result<(), ChainError> {
    let steps = names.len();
    if let Some(step) = connections.iter().flat_map(|edge| [edge.from, edge.to]).find(|step| *step >= steps) {
        return Err(ChainError::NoStep { step, steps });
    }
    let mut left: BTreeSet<usize> = (0..steps).collect();
    loop {
        // Steps that wait for none of the others.
        let waits = |step: &usize| connections.iter().any(|edge| edge.to == *step && left.contains(&edge.from));
        let free: Vec<usize> = left.iter().copied().filter(|step| !waits(step)).collect();
        if free.is_empty() {
            break;
        }
        free.iter().for_each(|step| {
            left.remove(step);
        });
    }
    if !left.is_empty() {
        return Err(ChainError::Cycle { steps: left.iter().map(|step| names[*step].clone()).collect() });
    }
    let is_apart = |step: &usize| !connections.iter().any(|edge| edge.from == *step || edge.to == *step);
    match (0..steps).find(is_apart).filter(|_| steps > 1) {
        Some(step) => Err(ChainError::Apart { step: names[step].clone() }),
        None => Ok(()),
    }
}

/// The number of an output of a block.
fn found_output(block: &Block, name: &OutputName) -> Result<u32, RequestError> {
    let found = Declared::new(block.output_ids()).find(name);
    found.map_err(|reason| RequestError::UnknownOutput { name: name.clone(), reason })
}

/// The number of an input that the block declares. An unknown name is an error of the request.
fn input_number(block: &Block, name: &str) -> usize {
    block.input_names().position(|known| known == name).unwrap_or_default()
}

/// Checks that no output has a target and passes on.
fn check_targets(
    block: &Block,
    request: &RunRequest,
    passed: &BTreeMap<u32, OutputName>,
    step: &str,
) -> Result<(), ChainError> {
    let mut next = 0;
    for spec in &request.outputs {
        let name = spec.name.clone().unwrap_or(OutputName::Number(next));
        // An unknown output is an error of the request.
        let Ok(number) = found_output(block, &name) else { continue };
        next = number + 1;
        if passed.contains_key(&number) {
            return Err(ChainError::WrittenToo { step: step.to_owned(), output: shown(&name) });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(count: usize) -> Vec<String> {
        (0..count).map(|number| format!("s{number}")).collect()
    }

    fn shape(count: usize, edges: &[(usize, usize)]) -> Result<(), String> {
        let edges: Vec<Connection> = edges.iter().map(|(from, to)| Connection::new(*from, *to)).collect();
        check_shape(&names(count), &edges).map_err(|error| error.to_string())
    }

    #[test]
    fn graphs_without_cycles_are_chains() {
        assert_eq!(shape(1, &[]), Ok(()));
        assert_eq!(shape(4, &[(0, 1), (0, 2), (1, 3), (2, 3)]), Ok(()));
        // The order in which steps are listed does not matter.
        assert_eq!(shape(3, &[(2, 1), (1, 0)]), Ok(()));
        let cycle = "the steps `s1`, `s2` wait for each other: a chain has no cycles";
        assert_eq!(shape(3, &[(0, 1), (1, 2), (2, 1)]), Err(cycle.into()));
        assert!(shape(1, &[(0, 0)]).is_err());
        let apart = "step `s2` is connected to no other: connect it, or run it by itself";
        assert_eq!(shape(3, &[(0, 1)]), Err(apart.into()));
        assert_eq!(shape(2, &[(0, 2)]), Err("a connection names step 2, and the chain has 2".into()));
    }
}
