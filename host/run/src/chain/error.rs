//! Why a chain is refused before anything starts.

use crate::request::RequestError;
use longshore_model::remedy::Remedy;
use thiserror::Error;

/// A chain is not valid.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ChainError {
    /// It has no steps.
    #[error("a chain needs a step")]
    Empty,
    /// It has too many steps.
    #[error("a chain has at most {most} steps, and this one has {found}")]
    TooLong {
        /// Steps that it has.
        found: usize,
        /// Steps that it may have.
        most: usize,
    },
    /// Two steps have one name.
    #[error("two steps are called `{name}`: give one of them another name")]
    RepeatedName {
        /// The name.
        name: String,
    },
    /// A connection has a step that does not exist.
    #[error("a connection names step {step}, and the chain has {steps}")]
    NoStep {
        /// The position.
        step: usize,
        /// Steps that there are.
        steps: usize,
    },
    /// Tables would pass in a circle.
    #[error("the steps {} wait for each other: a chain has no cycles", names(.steps))]
    Cycle {
        /// The names of the steps.
        steps: Vec<String>,
    },
    /// A step is connected to no other.
    #[error("step `{step}` is connected to no other: connect it, or run it by itself")]
    Apart {
        /// Its name.
        step: String,
    },
    /// A block transforms a stream.
    #[error("step `{step}` transforms a stream, which may never end: a chain passes whole tables")]
    Stream {
        /// Its name.
        step: String,
    },
    /// A step runs once for each value of a field.
    #[error("step `{step}` runs once for each value of a field, which a step of a chain cannot")]
    Partitioned {
        /// Its name.
        step: String,
    },
    /// An output is written to a place and passed on.
    #[error("output {output} of step `{step}` passes to another step, and has a target too: leave one of them out")]
    WrittenToo {
        /// The step's name.
        step: String,
        /// The output.
        output: String,
    },
    /// The request of a step is not valid.
    #[error("step `{step}`")]
    Step {
        /// Its name.
        step: String,
        /// Its position.
        position: usize,
        /// The cause.
        #[source]
        source: Box<RequestError>,
    },
}

impl ChainError {
    /// All problems, a sentence each.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        match self {
            Self::Step { step, source, .. } => {
                source.problems().into_iter().map(|problem| format!("step `{step}`: {problem}")).collect()
            }
            other => vec![other.to_string()],
        }
    }

    /// What the caller can do.
    #[must_use]
    pub fn remedy(&self) -> Option<Remedy> {
        if let Self::Step { source, .. } = self { source.remedy() } else { None }
    }
}

fn names(steps: &[String]) -> String {
    steps.iter().map(|step| format!("`{step}`")).collect::<Vec<_>>().join(", ")
}
