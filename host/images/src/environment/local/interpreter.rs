//! The version of a `process` engine's interpreter, and the folders of its packages. Asking an interpreter takes as
//! long as starting it, so the answer is cached as long as its program does not change.

use super::tool::{Tool, Watch, words};
use super::{HASH_BYTES, LocalError};
use longshore_config::settings::Settings;
use longshore_model::digest::hexadecimal;
use longshore_os::locked_folder::LockedFolder;
use longshore_os::program::find_program;
use longshore_os::small_file;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The folder of answers in the cache.
const FOLDER: &str = "interpreters";

/// The prefix of the answer: an interpreter may print other lines.
const MARK: &str = "longshore:";

/// An interpreter's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Interpreter {
    /// Its path, from the settings.
    pub(super) path: PathBuf,
    /// Its version.
    pub(super) version: String,
    /// The folders of its packages, in order of priority.
    pub(super) libraries: Vec<PathBuf>,
}

impl Interpreter {
    /// Asks an interpreter, or reads the cached answer: `question` are arguments with which it prints its version and
    /// its folders, a line each, after a mark.
    pub(super) async fn ask(
        program: &Path,
        question: &[&str],
        library: Option<&Path>,
        settings: &Settings,
        watch: Watch<'_>,
    ) -> Result<Self, LocalError> {
        let path = found(program, &settings.path);
        let known = settings.cache_folder.join(FOLDER).join(key(&path, question, library));
        if let Some(answer) = read(&known) {
            return Ok(answer);
        }
        let parent = &settings.work_folder;
        let failed = |source| LocalError::Folder { path: parent.clone(), source };
        // R leaves files in it when it is killed.
        let folder = LockedFolder::temporary(parent).map_err(failed)?;
        let mut tool = Tool::new(&path, settings).arguments(question).variable("TMPDIR", folder.path()).quietly();
        if let Some(library) = library {
            tool = tool.variable("R_LIBS", library);
        }
        let ended = tool.run(watch).await?;
        let mut lines = ended.lines.iter().filter_map(|line| line.strip_prefix(MARK));
        let (Some(version), true) = (lines.next(), ended.status.success()) else {
            return Err(LocalError::Interpreter { program: path, words: words(&ended.lines) });
        };
        let answer = Self { path, version: version.to_owned(), libraries: lines.map(PathBuf::from).collect() };
        // Without a cache it is asked again next time.
        let _ = write(&known, &answer);
        Ok(answer)
    }
}

/// Path of a program: a name without a folder is searched in `PATH`.
pub(super) fn found(program: &Path, path: &str) -> PathBuf {
    if program.components().count() > 1 {
        // Installers run in another folder.
        return std::path::absolute(program).unwrap_or_else(|_| program.to_owned());
    }
    find_program(program, path).unwrap_or_else(|| program.to_owned())
}

/// The name of an answer: it depends on the program, its virtual environment and the question.
fn key(path: &Path, question: &[&str], library: Option<&Path>) -> String {
    let environment = path.parent().and_then(Path::parent).map(|folder| folder.join("pyvenv.cfg"));
    let facts = [Some(path.to_owned()), environment].map(|path| {
        let facts = path.and_then(|path| Some((std::fs::canonicalize(&path).ok()?, path.metadata().ok()?)));
        facts.map(|(path, facts)| (path, facts.len(), facts.mtime(), facts.mtime_nsec(), facts.ino()))
    });
    let digest = Sha256::digest(format!("{path:?} {facts:?} {question:?} {library:?}"));
    hexadecimal(&digest[..HASH_BYTES])
}

fn read(path: &Path) -> Option<Interpreter> {
    serde_json::from_slice(&small_file::read(path, small_file::WRITTEN_MAX).ok()?).ok()
}

/// Written to a temporary file first, since another run may read it.
fn write(path: &Path, answer: &Interpreter) -> std::io::Result<()> {
    std::fs::create_dir_all(path.parent().unwrap_or(path))?;
    let beside = path.with_extension(longshore_model::run_id::new_run_id());
    std::fs::write(&beside, serde_json::to_vec(answer)?)?;
    std::fs::rename(&beside, path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use longshore_model::cancel::Cancel;
    use longshore_model::event::events;
    use std::os::unix::fs::PermissionsExt;

    #[tokio::test]
    async fn an_interpreter_is_asked_once_until_it_changes() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("language");
        let count = folder.path().join("count");
        let install = |version: &str| {
            let script = format!(
                "#!/bin/sh\necho asked >>{}\necho hello\necho longshore:{version}\necho longshore:/x\n",
                count.display()
            );
            let _ = std::fs::remove_file(&program);
            std::fs::write(&program, script).unwrap();
            std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
        };
        let mut settings = Settings::default();
        settings.cache_folder = folder.path().to_owned();
        settings.path = "/usr/bin:/bin".into();
        let (events, _told) = events();
        let cancel = Cancel::new();
        let watch = Watch { events: &events, cancel: &cancel };
        let ask = async || Interpreter::ask(&program, &["-q"], None, &settings, watch).await;
        install("1.0");
        let expected =
            Interpreter { path: program.clone(), version: "1.0".into(), libraries: vec![PathBuf::from("/x")] };
        assert_eq!((ask().await.unwrap(), ask().await.unwrap()), (expected.clone(), expected));
        assert_eq!(std::fs::read_to_string(&count).unwrap(), "asked\n");
        install("2.00");
        assert_eq!(ask().await.unwrap().version, "2.00");
        assert_eq!(std::fs::read_to_string(&count).unwrap(), "asked\nasked\n");
        std::fs::write(&program, "#!/bin/sh\necho broken\n").unwrap();
        assert!(matches!(ask().await, Err(LocalError::Interpreter { words, .. }) if words == "broken"));
        std::fs::remove_file(&program).unwrap();
        assert!(matches!(ask().await, Err(LocalError::Start { .. })));
    }

    #[test]
    fn a_bare_name_is_looked_for() {
        assert_eq!(found(Path::new("sh"), "/nowhere:/bin"), Path::new("/bin/sh"));
        assert_eq!(found(Path::new("no-such"), "/bin"), Path::new("no-such"));
        assert_eq!(found(Path::new("x/sh"), "/bin"), std::path::absolute("x/sh").unwrap());
    }
}
