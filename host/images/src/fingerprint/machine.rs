//! The fingerprint of this machine, for scripts that run as its processes: taken each time, since a machine changes.

use super::error::FingerprintError;
use super::image::DEADLINE;
use super::lines::Fingerprint;
use super::probe::{Answer, Listing, command};
use longshore_block::Language;
use longshore_engine::program::{Program, ProgramError};
use longshore_engine::{Interpreters, Printed};
use longshore_os::locked_folder::LockedFolder;
use std::path::Path;
use tokio::process::Command;

/// The machine's name in errors.
const PLACE: &str = "this machine";

/// Removes the interpreter of the other language: a machine, unlike an image, was not made for one block, and its other
/// packages change independently.
pub fn only(interpreters: Interpreters, language: Language) -> Interpreters {
    match language {
        Language::Python => Interpreters { rscript: String::new(), r_library: None, ..interpreters },
        Language::R => Interpreters { python: String::new(), ..interpreters },
    }
}

/// The packages of this machine, as these interpreters see them. Their session files are below `work_folder`, and
/// removed even if the answer is abandoned.
pub async fn of_machine(interpreters: &Interpreters, work_folder: &Path) -> Result<Fingerprint, FingerprintError> {
    let command = command(interpreters, "", Listing::Packages);
    let start = |source| FingerprintError::Start { source };
    // Dropped after the processes.
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
        // The end of its output is marked, so the status is not needed.
        Ok(_status) => answer.read(PLACE, None),
        Err(ProgramError::TooSlow(deadline)) => {
            Err(FingerprintError::TooSlow { place: PLACE.into(), seconds: deadline.as_secs() })
        }
        Err(error) => Err(start(error.into())),
    }
}
