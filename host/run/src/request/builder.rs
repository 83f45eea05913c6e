//! A request, put together step by step.

use super::{InputSpec, Mount, OutputSpec, RunRequest};
use crate::cut::PartitionSpec;
use longshore_block::GivenValue;
use longshore_model::engine_kind::EngineChoice;
use longshore_model::limits::Limits;
use longshore_model::network::Network;
use longshore_table::BadRows;
use std::path::PathBuf;

impl RunRequest {
    /// With a table for the next input, or for the one that it names.
    #[must_use]
    pub fn input(mut self, input: impl Into<InputSpec>) -> Self {
        self.inputs.push(input.into());
        self
    }

    /// With a place for the next output, or for the one that it names.
    #[must_use]
    pub fn output(mut self, output: impl Into<OutputSpec>) -> Self {
        self.outputs.push(output.into());
        self
    }

    /// With a value for an option.
    #[must_use]
    pub fn option(mut self, name: impl Into<String>, value: impl Into<GivenValue>) -> Self {
        self.options.push((name.into(), value.into()));
        self
    }

    /// On this engine.
    #[must_use]
    pub fn engine(mut self, engine: EngineChoice) -> Self {
        self.engine = engine;
        self
    }

    /// In this image, instead of the block's or the language's.
    #[must_use]
    pub fn image(mut self, image: impl Into<String>) -> Self {
        self.image = Some(image.into());
        self
    }

    /// With this network.
    #[must_use]
    pub fn network(mut self, network: Network) -> Self {
        self.network = network;
        self
    }

    /// With a file or folder that the script may see.
    #[must_use]
    pub fn mount(mut self, path: impl Into<PathBuf>, writable: bool) -> Self {
        self.mounts.push(Mount { path: path.into(), writable });
        self
    }

    /// With a folder that mounts and the files of options must be below, or below another such.
    #[must_use]
    pub fn allow(mut self, folder: impl Into<PathBuf>) -> Self {
        self.allowed.push(folder.into());
        self
    }

    /// What the script leaves in its working folder is brought to this new folder.
    #[must_use]
    pub fn keep(mut self, folder: impl Into<PathBuf>) -> Self {
        self.keep = Some(folder.into());
        self
    }

    /// Within these limits.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// In chunks of so many rows, where the block transforms a stream.
    #[must_use]
    pub fn chunk_rows(mut self, rows: u32) -> Self {
        self.chunk_rows = rows;
        self
    }

    /// Once for each value of a field.
    #[must_use]
    pub fn partition(mut self, partition: PartitionSpec) -> Self {
        self.partition = Some(partition);
        self
    }

    /// With this done to rows of texts that are wrong.
    #[must_use]
    pub fn bad_rows(mut self, bad_rows: BadRows) -> Self {
        self.bad_rows = Some(bad_rows);
        self
    }

    /// With or without hashes of code, data and environment in the record.
    #[must_use]
    pub fn hashes(mut self, hashes: bool) -> Self {
        self.hashes = hashes;
        self
    }

    /// With or without an entry in the history.
    #[must_use]
    pub fn recorded(mut self, recorded: bool) -> Self {
        self.recorded = recorded;
        self
    }
}
