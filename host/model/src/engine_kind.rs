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
