//! Engines by their names: what one is, and which one a run wants.

use serde::Serialize;

/// An engine, by what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EngineKind {
    /// Containers of the Engine API: Docker, or Podman.
    Docker,
    /// A process of this machine, without any isolation.
    Process,
}

/// Which engine a run wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EngineChoice {
    /// Docker; a process only on a machine where no container engine is installed, with a note that says so.
    #[default]
    Auto,
    /// Docker, or an error.
    Docker,
    /// A process.
    Process,
}

impl EngineKind {
    /// Whether it holds a script in a container of its own, whose network and mounts are the run's.
    #[must_use]
    pub fn isolates(self) -> bool {
        match self {
            Self::Docker => true,
            Self::Process => false,
        }
    }
}

impl EngineChoice {
    /// Whether a script may be held in a container by it.
    #[must_use]
    pub fn may_isolate(self) -> bool {
        match self {
            Self::Auto | Self::Docker => true,
            Self::Process => false,
        }
    }
}
