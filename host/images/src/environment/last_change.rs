//! The day of a script's last change: of its last commit if git knows the file, else of the file's own time. Of a
//! repository, which may be a stranger's, nothing is run: no pager, no program for signatures, no monitor of files, and no
//! transfer of missing objects.

use super::EnvironmentError;
use longshore_block::Block;
use longshore_config::settings::Settings;
use longshore_engine::program::{Program, ProgramError};
use longshore_engine::task::blocking;
use longshore_model::day::Day;
use std::io;
use std::path::Path;
use std::time::Duration;
use tokio::process::Command;

/// The longest time for one commit of one file: repositories with a million commits take seconds.
const DEADLINE: Duration = Duration::from_secs(60);

/// A day has ten characters; more is not one.
const ANSWER_MAX: usize = 100;

/// The day of the last commit of the block's script, or of its change.
pub(super) async fn last_change(block: &Block, settings: &Settings) -> Result<Day, EnvironmentError> {
    let path = block.folder.join(&block.script);
    let failed = |source| EnvironmentError::LastChange { path: path.clone(), source };
    if let Some(day) = committed(&block.folder, &block.script, settings).await.map_err(failed)? {
        return Ok(day);
    }
    let script = path.clone();
    let changed = blocking(move || std::fs::metadata(script).and_then(|found| found.modified())).await;
    changed.map(Day::of).map_err(failed)
}

/// The day of a file's last commit; `None` without git, a repository or a commit.
async fn committed(folder: &Path, file: &str, settings: &Settings) -> io::Result<Option<Day>> {
    let mut git = Command::new("git");
    git.env_clear()
        .env("PATH", &settings.path)
        .env("TZ", "UTC")
        .env("GIT_ALLOW_PROTOCOL", "none")
        .env("GIT_NO_LAZY_FETCH", "1")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .current_dir(if folder.as_os_str().is_empty() { Path::new(".") } else { folder })
        .args(["--no-pager", "--no-optional-locks", "-c", "log.showSignature=false", "-c", "core.fsmonitor=false"])
        .args(["log", "-1", "--no-show-signature", "--date=short-local", "--pretty=tformat:%cd", "--"])
        .arg(format!(":(literal){file}"));
    match Program::new(git).within(DEADLINE).output(ANSWER_MAX).await {
        Ok(output) if output.status.success() => Ok(String::from_utf8_lossy(&output.out).trim().parse().ok()),
        // The folder is in no repository, or in one that git does not trust.
        Ok(_) => Ok(None),
        Err(ProgramError::Start(source)) if source.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use longshore_block::Language;

    fn git(folder: &Path, arguments: &[&str]) {
        let mut git = std::process::Command::new("git");
        let names = ["GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"];
        git.envs(names.map(|name| (name, "test"))).env("GIT_CONFIG_GLOBAL", "/dev/null").current_dir(folder);
        // An hour before midnight in UTC, on the next day where it was made.
        git.env("GIT_COMMITTER_DATE", "2023-06-01T23:00:00Z").env("GIT_AUTHOR_DATE", "2020-01-01T00:00:00Z");
        let output = git.args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    #[tokio::test]
    async fn a_commit_counts_before_the_files_time_and_nothing_of_a_repository_runs() {
        let folder = tempfile::tempdir().unwrap();
        let mut block = Block::empty(folder.path().to_owned(), Language::Python);
        block.script = "script.py".into();
        let mut settings = Settings::default();
        settings.path = std::env::var("PATH").unwrap();
        assert!(matches!(last_change(&block, &settings).await, Err(EnvironmentError::LastChange { .. })));
        let path = folder.path().join("script.py");
        std::fs::write(&path, "print()").unwrap();
        let then = std::time::UNIX_EPOCH + Duration::from_secs(1_600_000_000);
        std::fs::File::options().append(true).open(&path).unwrap().set_modified(then).unwrap();
        let day = async |settings: &Settings| last_change(&block, settings).await.unwrap().to_string();
        assert_eq!(day(&settings).await, "2020-09-13");
        git(folder.path(), &["init", "-q"]);
        // Not committed yet.
        assert_eq!(day(&settings).await, "2020-09-13");
        git(folder.path(), &["add", "."]);
        git(folder.path(), &["commit", "-q", "-m", "x"]);
        assert_eq!(day(&settings).await, "2023-06-01");
        let mark = folder.path().join("ran");
        let program = folder.path().join("program");
        std::fs::write(&program, format!("#!/bin/sh\ntouch '{}'\n", mark.display())).unwrap();
        std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        for key in ["core.pager", "gpg.program", "core.fsmonitor", "core.sshCommand"] {
            git(folder.path(), &["config", key, program.to_str().unwrap()]);
        }
        git(folder.path(), &["config", "log.showSignature", "true"]);
        assert_eq!(day(&settings).await, "2023-06-01");
        assert!(!mark.exists());
        settings.path = "/nowhere".into();
        assert_eq!(day(&settings).await, "2020-09-13");
    }
}
