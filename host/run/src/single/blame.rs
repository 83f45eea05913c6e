//! Which part failed if a run ended before its script started: engine and machine, environment, or image.
//! `docs/runs.md` has the same table.

use super::error::RunError;
use longshore_engine::{EngineError, StoreError};
use longshore_images::environment::{EnvironmentError, LocalError, PullError};
use longshore_model::causes::chain;
use longshore_model::outcome::Evidence;

/// The evidence of an error before the script's start.
pub(super) fn evidence(error: &RunError) -> Evidence {
    let none = Evidence { failure_remedy: error.remedy(), ..Evidence::default() };
    let reason = Some(chain(error));
    match of_run(error) {
        Blame::Engine => Evidence { engine_failure: reason, ..none },
        Blame::Environment => Evidence { environment_failure: reason, ..none },
        Blame::Image => Evidence { image_failure: reason, ..none },
        Blame::Nobody => Evidence { interrupted: true, ..none },
    }
}

/// The part that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Blame {
    /// The engine, or this machine.
    Engine,
    /// Requested resources: packages, an image, a network, limits.
    Environment,
    /// The image that was found.
    Image,
    /// It was cancelled.
    Nobody,
}

fn of_run(error: &RunError) -> Blame {
    match error {
        RunError::QueueFull(_) => Blame::Engine,
        RunError::Engine(error) => of_engine(error),
        RunError::Environment(error) => of_environment(error),
        RunError::Packages(error) => of_local(error),
    }
}

fn of_engine(error: &EngineError) -> Blame {
    match error {
        EngineError::AgentNotInImage { .. } => Blame::Image,
        // The engine refuses the request: it has no such network, or fewer processors.
        EngineError::Engine { source, .. } if matches!(source.status(), Some(400 | 403 | 404)) => Blame::Environment,
        EngineError::Replaced { .. } => Blame::Environment,
        EngineError::Unreachable(_)
        | EngineError::NoIsolation { .. }
        | EngineError::NoneUsable { .. }
        | EngineError::ImageGone
        | EngineError::Engine { .. }
        | EngineError::NoAgent { .. }
        | EngineError::NoAgentForImage { .. }
        | EngineError::StartAgent { .. }
        | EngineError::RuntimeFolder { .. }
        | EngineError::SocketPath { .. }
        | EngineError::RunDirectory { .. } => Blame::Engine,
    }
}

fn of_environment(error: &EnvironmentError) -> Blame {
    match error {
        EnvironmentError::NoImage { .. }
        | EnvironmentError::Certificates(_)
        | EnvironmentError::Packages { .. }
        | EnvironmentError::Conflict { .. }
        | EnvironmentError::Installed { .. }
        | EnvironmentError::TooManyPackages { .. }
        | EnvironmentError::Deadline { .. }
        | EnvironmentError::OtherVersion { .. }
        | EnvironmentError::Name { .. }
        | EnvironmentError::Requirement { .. }
        | EnvironmentError::Api { .. }
        | EnvironmentError::Lock { .. }
        | EnvironmentError::LockStale { .. }
        | EnvironmentError::LockBounds { .. }
        | EnvironmentError::NoSnapshot { .. }
        | EnvironmentError::ConstraintsOfR
        | EnvironmentError::Pylock { .. }
        | EnvironmentError::PylockPath { .. }
        | EnvironmentError::Dockerfile { .. }
        | EnvironmentError::DockerfileImage { .. }
        | EnvironmentError::OnBuild { .. }
        | EnvironmentError::DockerfileForbidden { .. }
        | EnvironmentError::Block(_)
        | EnvironmentError::Tools { .. } => Blame::Environment,
        EnvironmentError::Pull(error) => of_pull(error),
        EnvironmentError::Store(error) => of_store(error),
        EnvironmentError::File { .. }
        | EnvironmentError::BuildContext { .. }
        | EnvironmentError::LastChange { .. }
        | EnvironmentError::Write { .. }
        | EnvironmentError::Sdk { .. }
        | EnvironmentError::UsageStore { .. } => Blame::Engine,
        EnvironmentError::Cancelled | EnvironmentError::ShuttingDown(_) => Blame::Nobody,
    }
}

fn of_pull(error: &PullError) -> Blame {
    match error {
        PullError::Store(error) => of_store(error),
        PullError::DiskFull { .. } => Blame::Engine,
        PullError::OtherArchitecture { .. } => Blame::Image,
        PullError::Reference { .. }
        | PullError::NotBuilt { .. }
        | PullError::NoSuchId { .. }
        | PullError::Never { .. }
        | PullError::Credentials { .. }
        | PullError::LoginNeeded { .. }
        | PullError::LoginRefused { .. }
        | PullError::Unknown { .. }
        | PullError::TooMany { .. }
        | PullError::Untrusted { .. }
        | PullError::NoHost { .. }
        | PullError::GivenUp { .. }
        | PullError::Failed { .. }
        | PullError::Gone { .. } => Blame::Environment,
    }
}

fn of_store(error: &StoreError) -> Blame {
    match error {
        // An image without a shell cannot be built on.
        StoreError::BuildContainerEnded | StoreError::Limit { .. } => Blame::Environment,
        StoreError::Unreachable(_) | StoreError::NoEngine(_) | StoreError::Engine { .. } | StoreError::Gone { .. } => {
            Blame::Engine
        }
    }
}

fn of_local(error: &LocalError) -> Blame {
    match error {
        LocalError::Bounds(error) => of_environment(error),
        LocalError::NoUv { .. }
        | LocalError::UvNotInstalled { .. }
        | LocalError::Dockerfile { .. }
        | LocalError::OldPython { .. }
        | LocalError::OtherVersion { .. }
        | LocalError::Interpreter { .. }
        | LocalError::Python { .. }
        | LocalError::Conflict { .. }
        | LocalError::Unavailable { .. }
        | LocalError::NoVersion { .. }
        | LocalError::Unreachable { .. }
        | LocalError::R { .. }
        | LocalError::Deadline { .. }
        | LocalError::Certificates { .. } => Blame::Environment,
        LocalError::Start { .. }
        | LocalError::NoInterpreter { .. }
        | LocalError::Sdk { .. }
        | LocalError::Folder { .. }
        | LocalError::UsageStore { .. }
        | LocalError::Follow { .. } => Blame::Engine,
        LocalError::Cancelled => Blame::Nobody,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use longshore_engine::Refusal;
    use longshore_model::outcome::{Outcome, decide};
    use longshore_model::remedy::Remedy;

    fn outcome(error: impl Into<RunError>) -> Outcome {
        decide(&evidence(&error.into())).0
    }

    #[test]
    fn who_failed_is_told_before_the_script_starts() {
        let packages = || EnvironmentError::Packages { kind: "Python", packages: "`x`".into(), words: "none".into() };
        assert_eq!(outcome(packages()), Outcome::EnvironmentFailed);
        assert_eq!(outcome(EnvironmentError::NoImage { image: "x".into() }), Outcome::EnvironmentFailed);
        let full = PullError::DiskFull { image: "x".into() };
        assert_eq!(outcome(EnvironmentError::Pull(full)), Outcome::EngineFailed);
        let other = PullError::OtherArchitecture { image: "x".into(), architecture: "amd64".into() };
        assert_eq!(outcome(EnvironmentError::Pull(other)), Outcome::ImageFailed);
        assert_eq!(outcome(EnvironmentError::Cancelled), Outcome::Interrupted);
        assert_eq!(outcome(LocalError::NoUv { uv: "uv".into() }), Outcome::EnvironmentFailed);
        assert_eq!(outcome(EngineError::ImageGone), Outcome::EngineFailed);
        let missing = EngineError::AgentNotInImage { image: "x".into(), path: "/agent" };
        assert_eq!(outcome(missing), Outcome::ImageFailed);
        let answered = |status| EngineError::Engine {
            doing: "creating the container",
            source: Refusal::answered(status, "no".into(), "no"),
        };
        assert_eq!(outcome(answered(404)), Outcome::EnvironmentFailed);
        assert_eq!(outcome(answered(500)), Outcome::EngineFailed);
        let missing = evidence(&EnvironmentError::NoImage { image: "x".into() }.into());
        assert_eq!(missing.remedy(Outcome::EnvironmentFailed), Some(Remedy::BuildImages));
        assert_eq!(
            decide(&evidence(&packages().into())).1.as_deref(),
            Some("the Python packages `x` cannot be installed: none")
        );
    }
}
