//! The inputs of a run, split by the values of a field, for the parts of a partitioned run.

mod split;

pub use split::SplitError;

use crate::input::Inputs;
use longshore_table::{TableSource, budget};
pub(crate) use split::{Split, Value};
use std::sync::Arc;

/// A run for each value of a field of input 0. Other inputs with the field are split by it too.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PartitionSpec {
    /// The field.
    pub field: String,
    /// Parts that run at a time.
    pub jobs: usize,
    /// Whether the others go on, and are published, when a part fails.
    pub keep_going: bool,
}

impl PartitionSpec {
    /// By this field, one part after another until one fails.
    pub fn new(field: impl Into<String>) -> Self {
        Self { field: field.into(), jobs: 1, keep_going: false }
    }

    /// With so many parts at a time.
    #[must_use]
    pub fn jobs(mut self, jobs: usize) -> Self {
        self.jobs = jobs;
        self
    }

    /// Whether the others go on, and are published, when a part fails.
    #[must_use]
    pub fn keep_going(mut self, keep_going: bool) -> Self {
        self.keep_going = keep_going;
        self
    }
}

/// Most parts of a run: each starts a container, which takes 0.1 s at least.
const PARTS_MAX: usize = 10_000;

/// The inputs of a run, split by a field.
#[derive(Debug, Clone)]
pub(crate) struct Cut {
    /// By input; inputs without the field are passed whole.
    pub(crate) splits: Arc<Vec<Option<Split>>>,
    pub(crate) jobs: usize,
    pub(crate) keep_going: bool,
}

impl Cut {
    /// Splits input 0, and every other input with the field.
    pub(crate) fn new(inputs: &Inputs, spec: &PartitionSpec) -> Result<Self, (usize, SplitError)> {
        let split = |(number, feed): (usize, Option<&TableSource>)| {
            let feed = feed.filter(|feed| number == 0 || feed.schema().index_of(&spec.field).is_ok());
            let split = feed.map(|feed| Split::new(feed, &spec.field, budget::host()));
            split.transpose().map_err(|error| (number, error))
        };
        let splits = inputs.feeds().enumerate().map(split).collect::<Result<Vec<_>, _>>()?;
        let cut = Self { splits: Arc::new(splits), jobs: spec.jobs.max(1), keep_going: spec.keep_going };
        if cut.values().len() > PARTS_MAX {
            return Err((0, SplitError::TooMany { values: cut.values().len(), most: PARTS_MAX }));
        }
        Ok(cut)
    }

    /// The values of input 0, in order of first appearance.
    pub(crate) fn values(&self) -> &[Value] {
        self.first().map_or(&[], Split::values)
    }

    pub(crate) fn first(&self) -> Option<&Split> {
        self.splits.first()?.as_ref()
    }
}
