//! The argument `--engine` of several commands.

use clap::ValueEnum;
use longshore::EngineChoice;

/// Which engine.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum EngineArgument {
    Auto,
    Docker,
    Process,
}

impl From<EngineArgument> for EngineChoice {
    fn from(argument: EngineArgument) -> Self {
        match argument {
            EngineArgument::Auto => Self::Auto,
            EngineArgument::Docker => Self::Docker,
            EngineArgument::Process => Self::Process,
        }
    }
}
