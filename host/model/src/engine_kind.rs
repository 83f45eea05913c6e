//! Names of engines: the kinds, and the choice for a run.

use serde::{Deserialize, Serialize};

/// The kind of an engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EngineKind {
    /// Containers through the Engine API: Docker or Podman.
    Docker,
    /// A process on this machine, without isolation.
    Process,
}

/// The choice of an engine for a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EngineChoice {
    /// Docker; if no container engine is installed, a process, with a note.
    #[default]
    Auto,
    /// Docker; otherwise an error.
    Docker,
    /// A process.
    Process,
}

impl EngineKind {
    /// Its name in messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Process => "process",
        }
    }

    /// Whether scripts run in a container of their own, whose network and mounts are the run's.
    #[must_use]
    pub fn isolates(self) -> bool {
        match self {
            Self::Docker => true,
            Self::Process => false,
        }
    }
}

impl EngineChoice {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Auto, Self::Docker, Self::Process];

    /// Its name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Docker => EngineKind::Docker.name(),
            Self::Process => EngineKind::Process.name(),
        }
    }

    /// The choice of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|choice| choice.name() == name)
    }

    /// Whether this choice may select an engine of this kind.
    #[must_use]
    pub fn admits(self, kind: EngineKind) -> bool {
        match self {
            Self::Auto => true,
            Self::Docker => kind == EngineKind::Docker,
            Self::Process => kind == EngineKind::Process,
        }
    }

    /// Whether this choice may run a script in a container.
    #[must_use]
    pub fn may_isolate(self) -> bool {
        match self {
            Self::Auto | Self::Docker => true,
            Self::Process => false,
        }
    }
}
