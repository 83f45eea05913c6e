//! The fingerprint of this machine, for scripts that run as its processes: asked for each time, since a machine changes.

use super::error::FingerprintError;
use super::image::DEADLINE;
use super::lines::Fingerprint;
use super::probe::{Answer, command};
use longshore_block::Language;
use longshore_engine::program::{Program, ProgramError};
use longshore_engine::{Interpreters, Printed};
use longshore_os::locked_folder::LockedFolder;
use std::path::Path;
use tokio::process::Command;

/// What errors call it.
const PLACE: &str = "this machine";

/// Interpreters without those of the other language: a machine, unlike an image, was not made for one, and what else is on it
/// changes as its people please.
pub fn only(interpreters: Interpreters, language: Language) -> Interpreters {
    match language {
        Language::Python => Interpreters { rscript: String::new(), r_library: None, ..interpreters },
        Language::R => Interpreters { python: String::new(), ..interpreters },
    }
}

/// What is installed on this machine, as far as these interpreters see it. They keep their sessions' files below
/// `work_folder`, from where they go also when nobody waits for the answer any more.
pub async fn of_machine(interpreters: &Interpreters, work_folder: &Path) -> Result<Fingerprint, FingerprintError> {
    let command = command(interpreters, "");
    let start = |source| FingerprintError::Start { source };
    // Let go of after the processes.
    let folder = LockedFolder::temporary(work_folder).map_err(start)?;
    let mut program = Command::new(&command[0]);
    program.args(&command[1..]).env_clear().env("TMPDIR", folder.path());
    let mut answer = Answer::default();
    let mut take = |printed: Printed<'_>| match printed {
        Printed::Out(bytes) => answer.out(bytes),
        Printed::Err(bytes) => {
            answer.err(bytes);
            true
        }
    };
    match Program::new(program).within(DEADLINE).run(&mut take).await {
        // What it says has its end marked.
        Ok(_status) => answer.read(PLACE, None),
        Err(ProgramError::TooSlow(deadline)) => {
            Err(FingerprintError::TooSlow { place: PLACE.into(), seconds: deadline.as_secs() })
        }
        Err(error) => Err(start(error.into())),
    }
}
