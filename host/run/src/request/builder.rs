//! Builder methods of a request.

use super::{InputSpec, Mount, OutputSpec, RunRequest};
use crate::cut::PartitionSpec;
use longshore_block::GivenValue;
use longshore_model::constraint::Constraint;
use longshore_model::day::AsOf;
use longshore_model::engine_kind::EngineChoice;
use longshore_model::limits::Limits;
use longshore_model::network::Network;
use longshore_table::BadRows;
use std::path::PathBuf;

impl RunRequest {
    /// Adds a table for the next input, or for the one that it names.
    #[must_use]
    pub fn input(mut self, input: impl Into<InputSpec>) -> Self {
        self.inputs.push(input.into());
        self
    }

    /// Adds a target for the next output, or for the one that it names.
    #[must_use]
    pub fn output(mut self, output: impl Into<OutputSpec>) -> Self {
        self.outputs.push(output.into());
        self
    }

    /// Adds a value for an option.
    #[must_use]
    pub fn option(mut self, name: impl Into<String>, value: impl Into<GivenValue>) -> Self {
        self.options.push((name.into(), value.into()));
        self
    }

    /// Sets the caller's current folder, in which hints look for files that the script cannot open.
    #[must_use]
    pub fn working_folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.working_folder = Some(folder.into());
        self
    }

    /// Adds an argument of the script.
    #[must_use]
    pub fn argument(mut self, argument: impl Into<String>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Adds arguments of the script.
    #[must_use]
    pub fn arguments<Argument: Into<String>>(mut self, arguments: impl IntoIterator<Item = Argument>) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// Sets an environment variable of the script.
    #[must_use]
    pub fn variable(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Sets the engine.
    #[must_use]
    pub fn engine(mut self, engine: EngineChoice) -> Self {
        self.engine = engine;
        self
    }

    /// Sets the image, instead of the block's or the language's.
    #[must_use]
    pub fn image(mut self, image: impl Into<String>) -> Self {
        self.image = Some(image.into());
        self
    }

    /// Sets the day as of which its packages are chosen, instead of the block's.
    #[must_use]
    pub fn as_of(mut self, as_of: AsOf) -> Self {
        self.as_of = Some(as_of);
        self
    }

    /// Adds a constraint on the versions of its packages.
    #[must_use]
    pub fn constraint(mut self, constraint: Constraint) -> Self {
        self.constraints.push(constraint);
        self
    }

    /// Sets the network.
    #[must_use]
    pub fn network(mut self, network: Network) -> Self {
        self.network = network;
        self
    }

    /// Mounts a file or folder at its own path.
    #[must_use]
    pub fn mount(mut self, path: impl Into<PathBuf>, writable: bool) -> Self {
        self.mounts.push(Mount { path: path.into(), writable });
        self
    }

    /// Adds an allowed folder: mounts and files of options must be below one of them.
    #[must_use]
    pub fn allow(mut self, folder: impl Into<PathBuf>) -> Self {
        self.allowed.push(folder.into());
        self
    }

    /// Copies the script's working folder into this new folder after the run.
    #[must_use]
    pub fn keep(mut self, folder: impl Into<PathBuf>) -> Self {
        self.keep = Some(folder.into());
        self
    }

    /// Sets the limits.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets the rows of a chunk, for a block that transforms a stream.
    #[must_use]
    pub fn chunk_rows(mut self, rows: u32) -> Self {
        self.chunk_rows = rows;
        self
    }

    /// Runs the block once for each value of a field.
    #[must_use]
    pub fn partition(mut self, partition: PartitionSpec) -> Self {
        self.partition = Some(partition);
        self
    }

    /// Sets how bad rows of text inputs are treated.
    #[must_use]
    pub fn bad_rows(mut self, bad_rows: BadRows) -> Self {
        self.bad_rows = Some(bad_rows);
        self
    }

    /// Sets whether the record has hashes of code, data and environment.
    #[must_use]
    pub fn hashes(mut self, hashes: bool) -> Self {
        self.hashes = hashes;
        self
    }

    /// Sets who asks for the run.
    #[must_use]
    pub fn caller(mut self, caller: impl Into<String>) -> Self {
        self.caller = Some(caller.into());
        self
    }

    /// Sets whether the run is recorded in the history.
    #[must_use]
    pub fn recorded(mut self, recorded: bool) -> Self {
        self.recorded = recorded;
        self
    }
}
