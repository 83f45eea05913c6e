//! Containers that wait for a run: a mark beside what the container sees says so. Whoever removes the mark decides what
//! becomes of the container: its host gives it a run, or another process, which needs its image gone, ends it.

use super::RunDirectory;
use super::runs::NAME as RUNS;
use crate::EngineError;
use std::path::{Path, PathBuf};

/// Name of the mark.
const MARK: &str = "waits";

impl RunDirectory {
    /// Marks its container as one that waits.
    ///
    /// # Errors
    /// [`EngineError::RunDirectory`]: the folder cannot be written to.
    pub fn begin_wait(&self) -> Result<(), EngineError> {
        let path = self.mark();
        std::fs::write(&path, "").map_err(|source| EngineError::RunDirectory { path, source })
    }

    /// Takes its container for a run. Returns whether it is still there for one.
    #[must_use]
    pub fn take_wait(&self) -> bool {
        std::fs::remove_file(self.mark()).is_ok()
    }

    fn mark(&self) -> PathBuf {
        self.shared.with_file_name(MARK)
    }
}

/// Whether the container of this run waits, below a runtime folder. Blocks.
#[must_use]
pub fn waits(runtime_folder: &Path, run_id: &str) -> bool {
    mark(runtime_folder, run_id).is_some_and(|mark| mark.exists())
}

/// Ends the wait of a container, which its host then does not use. Returns whether it did wait. Blocks.
#[must_use]
pub fn end_wait(runtime_folder: &Path, run_id: &str) -> bool {
    mark(runtime_folder, run_id).is_some_and(|mark| std::fs::remove_file(mark).is_ok())
}

/// The mark of a run. Its id is a label of a container, which anybody can set.
fn mark(runtime_folder: &Path, run_id: &str) -> Option<PathBuf> {
    let is_id = !run_id.is_empty() && run_id.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    is_id.then(|| runtime_folder.join(RUNS).join(run_id).join(MARK))
}

#[cfg(test)]
mod tests {
    use super::*;
    use longshore_model::run_id::new_run_id;

    #[tokio::test]
    async fn a_wait_ends_once_whoever_ends_it() {
        let folder = tempfile::tempdir().unwrap();
        let id = new_run_id();
        let directory = RunDirectory::create(folder.path(), &id).await.unwrap();
        assert!(!waits(folder.path(), &id) && !end_wait(folder.path(), &id) && !directory.take_wait());
        directory.begin_wait().unwrap();
        assert!(waits(folder.path(), &id) && directory.take_wait() && !waits(folder.path(), &id));
        assert!(!end_wait(folder.path(), &id));
        directory.begin_wait().unwrap();
        assert!(end_wait(folder.path(), &id) && !end_wait(folder.path(), &id) && !directory.take_wait());
        directory.begin_wait().unwrap();
        directory.close().await;
        assert!(!waits(folder.path(), &id));
    }

    #[test]
    fn a_label_leads_nowhere_else() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("runs")).unwrap();
        for other in ["", "..", "../x", "a/../..", "/tmp"] {
            std::fs::write(folder.path().join(MARK), "").unwrap();
            assert!(!waits(folder.path(), other) && !end_wait(folder.path(), other), "{other}");
        }
    }
}
