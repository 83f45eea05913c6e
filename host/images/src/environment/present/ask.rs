//! Asks an image for its Python packages: once, in a container with no more rights than a script's and without a network. An
//! image's id is the hash of its content, so the answer is kept. An interpreter of this machine is asked each time.

use super::{ANSWER_MAX, PROGRAM, PythonPackages};
use crate::fingerprint::{KeptAnswers, answer_of};
use longshore_engine::program::Program;
use longshore_engine::{ImageStore, Step};
use longshore_model::image_id::ImageId;
use std::path::Path;
use std::time::Duration;
use tokio::process::Command;

/// The answers of images.
const KEPT: KeptAnswers = KeptAnswers { folder: "python-packages", most: ANSWER_MAX as u64 };

/// How long an interpreter may take: it reads a small file of each package.
const DEADLINE: Duration = Duration::from_secs(60);

/// Starts the Python of an image's scripts, which builds install into as well.
const START: &str = r#"exec "$(command -v python3 || command -v python)" -I -c "$1""#;

impl PythonPackages {
    /// The packages of an image; `None` if it cannot list them.
    pub(in crate::environment) async fn of_image(
        store: &dyn ImageStore,
        id: &ImageId,
        state_folder: &Path,
    ) -> Option<Self> {
        let kept = KEPT.load(state_folder, id).and_then(|text| serde_json::from_slice(&text).ok());
        if kept.is_some() {
            return kept;
        }
        let command = ["sh", "-c", START, "longshore", PROGRAM].map(str::to_owned).to_vec();
        let output = answer_of(store, id, Step { command, environment: Vec::new() }, ANSWER_MAX).await.ok()?;
        let packages = Self::read(&output)?;
        if let Ok(text) = serde_json::to_vec(&packages) {
            KEPT.save(state_folder, id, &text);
        }
        Some(packages)
    }

    /// The packages of an interpreter of this machine; `None` if it cannot list them.
    pub(in crate::environment) async fn of_interpreter(python: &Path, path: &str) -> Option<Self> {
        let mut command = Command::new(python);
        command.args(["-I", "-c", PROGRAM]).env_clear().env("PATH", path).env("LANG", "C.UTF-8");
        let output = Program::new(command).within(DEADLINE).output(ANSWER_MAX).await.ok()?;
        Self::read(&output.out)
    }
}
