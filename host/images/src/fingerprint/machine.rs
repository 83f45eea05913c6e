//! The fingerprint of this machine, for scripts that run as its processes: asked for each time, since a machine changes.

use super::error::FingerprintError;
use super::image::DEADLINE;
use super::lines::Fingerprint;
use super::probe::{Answer, Interpreters};
use longshore_block::Language;
use longshore_config::settings::Settings;
use longshore_os::locked_folder::LockedFolder;
use std::path::Path;
use std::process::Stdio;
use tokio::io::AsyncReadExt;
use tokio::process::{Child, Command};

/// What errors call it.
const PLACE: &str = "this machine";

/// Bytes read at a time.
const BUFFER_BYTES: usize = 16 << 10;

impl Interpreters {
    /// That of the `process` engine for scripts of a language.
    pub fn of_machine(settings: &Settings, language: Language) -> Self {
        let all = Self {
            python: settings.python.to_string_lossy().into_owned(),
            rscript: settings.rscript.to_string_lossy().into_owned(),
            r_library: settings.r_library.as_ref().map(|library| library.to_string_lossy().into_owned()),
            path: settings.path.clone(),
            environment: Vec::new(),
        };
        all.only(language)
    }

    /// Without the other language: a machine, unlike an image, was not made for one, and what else is on it changes as
    /// its people please.
    pub fn only(self, language: Language) -> Self {
        match language {
            Language::Python => Self { rscript: String::new(), r_library: None, ..self },
            Language::R => Self { python: String::new(), ..self },
        }
    }
}

/// What is installed on this machine, as far as these interpreters see it. They keep their sessions' files below
/// `work_folder`, from where they go also when nobody waits for the answer any more.
pub async fn of_machine(interpreters: &Interpreters, work_folder: &Path) -> Result<Fingerprint, FingerprintError> {
    let command = interpreters.command("");
    let start = |source| FingerprintError::Start { source };
    // Let go of after the processes.
    let folder = LockedFolder::temporary(work_folder).map_err(start)?;
    let mut child = Command::new(&command[0])
        .args(&command[1..])
        .env_clear()
        .env("TMPDIR", folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // So that all of it can be killed at once, and a terminal's Ctrl-C is the host's to deal with.
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(start)?;
    let group = Group(child.id());
    let answer = tokio::time::timeout(DEADLINE, listen(&mut child)).await;
    drop(group);
    let answer = answer
        .map_err(|_| FingerprintError::TooSlow { place: PLACE.into(), seconds: DEADLINE.as_secs() })?
        .map_err(start)?;
    answer.read(PLACE, None)
}

async fn listen(child: &mut Child) -> std::io::Result<Answer> {
    let mut answer = Answer::default();
    let (Some(mut out), Some(mut err)) = (child.stdout.take(), child.stderr.take()) else {
        return Ok(answer);
    };
    let (mut printed, mut said) = (vec![0; BUFFER_BYTES], vec![0; BUFFER_BYTES]);
    let mut err_is_open = true;
    loop {
        tokio::select! {
            read = out.read(&mut printed) => {
                let read = read?;
                if read == 0 || !answer.out(&printed[..read]) {
                    return Ok(answer);
                }
            }
            read = err.read(&mut said), if err_is_open => {
                let read = read?;
                err_is_open = read > 0;
                answer.err(&said[..read]);
            }
        }
    }
}

/// The processes that ask; they are killed when this is dropped, also when nobody waits for the answer any more.
struct Group(Option<u32>);

impl Drop for Group {
    fn drop(&mut self) {
        let id = self.0.and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw);
        if let Some(id) = id {
            // Nothing of it may be left. The first of them has not been waited for, so no other can have its id.
            let _ = rustix::process::kill_process_group(id, rustix::process::Signal::KILL);
        }
    }
}
