//! The tables that runs over HTTP have written, kept for a while: Arrow streams in a folder for each run, for this user
//! alone. Beyond a budget the oldest are removed, and with a run's record its tables.

use longshore::Segment;
use longshore_os::presence::if_there;
use std::collections::BTreeSet;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::watch;

/// The folder in the state folder.
const FOLDER: &str = "outputs";

/// The suffix of Arrow streams.
const SUFFIX: &str = "arrows";

/// Bytes that are written at a time.
const PIECE: usize = 1 << 20;

/// Kept tables. Clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct KeptOutputs {
    folder: Arc<PathBuf>,
    /// Most bytes of all tables.
    budget: u64,
    /// Runs whose tables are being written.
    pending: Arc<watch::Sender<BTreeSet<String>>>,
    /// Held while tables are added or removed.
    changing: Arc<Mutex<()>>,
}

/// A run whose tables are not written yet.
#[derive(Debug)]
pub(crate) struct PendingOutputs {
    kept: KeptOutputs,
    run_id: String,
}

impl KeptOutputs {
    pub(crate) fn new(state_folder: &Path, budget: u64) -> Self {
        let (folder, pending) = (Arc::new(state_folder.join(FOLDER)), Arc::new(watch::channel(BTreeSet::new()).0));
        Self { folder, budget, pending, changing: Arc::default() }
    }

    /// A run that will have tables. Whoever asks for them waits until this is dropped.
    pub(crate) fn expect(&self, run_id: &str) -> PendingOutputs {
        self.pending.send_if_modified(|pending| pending.insert(run_id.to_owned()));
        PendingOutputs { kept: self.clone(), run_id: run_id.to_owned() }
    }

    /// Waits until the tables of a run are there, if it has any.
    pub(crate) async fn settled(&self, run_id: &str) {
        // The sender lives as long as this.
        let _ = self.pending.subscribe().wait_for(|pending| !pending.contains(run_id)).await;
    }

    /// The numbers of a run's tables, in order. Blocks.
    pub(crate) fn of(&self, run_id: &str) -> Vec<u32> {
        let Some(folder) = self.of_run(run_id) else { return Vec::new() };
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let number = |path: PathBuf| match path.extension() {
            Some(suffix) if suffix == SUFFIX => path.file_stem()?.to_str()?.parse().ok(),
            _ => None,
        };
        let mut numbers: Vec<u32> = entries.filter_map(|entry| number(entry.path())).collect();
        numbers.sort_unstable();
        numbers
    }

    /// A table of a run. Blocks.
    pub(crate) fn open(&self, run_id: &str, number: u32) -> io::Result<Option<File>> {
        let Some(folder) = self.of_run(run_id) else { return Ok(None) };
        if_there(File::open(file(&folder, number)))
    }

    /// Removes the tables of a run. Blocks.
    pub(crate) fn remove(&self, run_id: &str) -> io::Result<()> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let removed = self.of_run(run_id).map(std::fs::remove_dir_all).transpose();
        if_there(removed).map(drop)
    }

    /// Removes the tables of runs that no longer have a record, and the oldest ones beyond the budget. Blocks.
    pub(crate) fn tidy(&self, has_record: impl Fn(&str) -> bool) -> io::Result<()> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut folders = Vec::new();
        for entry in if_there(std::fs::read_dir(&*self.folder))?.into_iter().flatten() {
            let entry = entry?;
            let Ok(run_id) = entry.file_name().into_string() else { continue };
            // Folders are named by us, and others are not touched.
            if self.of_run(&run_id).is_some() && entry.file_type()?.is_dir() {
                folders.push(run_id);
            }
        }
        // The ids of runs begin with the time.
        folders.sort_unstable_by(|one, other| other.cmp(one));
        let mut used = 0_u64;
        for run_id in folders {
            let folder = self.folder.join(&run_id);
            used = used.saturating_add(longshore::folder_bytes(&folder));
            let is_pending = self.pending.borrow().contains(&run_id);
            if (used > self.budget || !has_record(&run_id)) && !is_pending {
                if_there(std::fs::remove_dir_all(&folder))?;
            }
        }
        Ok(())
    }

    /// The folder of a run's tables; `None` for what is not the id of a run.
    fn of_run(&self, run_id: &str) -> Option<PathBuf> {
        let is_id = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
        (!run_id.is_empty() && is_id(run_id)).then(|| self.folder.join(run_id))
    }
}

impl PendingOutputs {
    /// Writes a table. Blocks.
    pub(crate) fn write(&self, number: u32, table: &Segment) -> io::Result<()> {
        let private = |folder: &Path| DirBuilder::new().mode(0o700).recursive(true).create(folder);
        let folder = self.kept.of_run(&self.run_id).ok_or(io::ErrorKind::InvalidInput)?;
        private(&self.kept.folder)?;
        private(&folder)?;
        let (path, part) = (file(&folder, number), folder.join(format!("{number}.part")));
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&part)?;
        let written = table.pieces(PIECE).try_for_each(|(offset, length, _)| {
            let bytes = table.copy_out(offset, length).map_err(io::Error::other)?;
            file.write_all(&bytes)
        });
        written.and_then(|()| std::fs::rename(&part, path)).inspect_err(|_| drop(std::fs::remove_file(&part)))
    }
}

impl Drop for PendingOutputs {
    fn drop(&mut self) {
        self.kept.pending.send_if_modified(|pending| pending.remove(&self.run_id));
    }
}

fn file(folder: &Path, number: u32) -> PathBuf {
    folder.join(format!("{number}.{SUFFIX}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(bytes: usize) -> Segment {
        Segment::copy_of(io::repeat(7).take_exactly(bytes)).unwrap()
    }

    trait TakeExactly: io::Read + Sized {
        fn take_exactly(self, bytes: usize) -> File {
            let mut file = tempfile::tempfile().unwrap();
            io::copy(&mut self.take(bytes as u64), &mut file).unwrap();
            io::Seek::rewind(&mut file).unwrap();
            file
        }
    }

    impl TakeExactly for io::Repeat {}

    #[tokio::test]
    async fn tables_are_there_once_they_are_written_and_beyond_the_budget_the_oldest_go() {
        let state = tempfile::tempdir().unwrap();
        let kept = KeptOutputs::new(state.path(), 250_000);
        for run_id in ["1-a", "2-b", "3-c"] {
            let pending = kept.expect(run_id);
            pending.write(1, &table(100_000)).unwrap();
            pending.write(0, &table(7)).unwrap();
            let waiting = tokio::time::timeout(std::time::Duration::from_millis(20), kept.settled(run_id));
            assert!(waiting.await.is_err());
            drop(pending);
            kept.settled(run_id).await;
        }
        assert_eq!(kept.of("2-b"), [0, 1]);
        let read = |run_id: &str, number| {
            let mut bytes = Vec::new();
            let file = kept.open(run_id, number).unwrap();
            file.map(|mut file| io::Read::read_to_end(&mut file, &mut bytes).unwrap())
        };
        assert_eq!(
            (read("3-c", 1), read("3-c", 0), read("3-c", 2), read("9-a", 0)),
            (Some(100_000), Some(7), None, None)
        );
        std::fs::create_dir(state.path().join("outputs/of others")).unwrap();
        kept.tidy(|_| true).unwrap();
        assert_eq!((kept.of("1-a").len(), kept.of("2-b").len(), kept.of("3-c").len()), (0, 2, 2));
        kept.tidy(|run_id| run_id != "3-c").unwrap();
        assert_eq!((kept.of("2-b").len(), kept.of("3-c").len()), (2, 0));
        kept.remove("2-b").unwrap();
        kept.remove("2-b").unwrap();
        assert!(kept.of("2-b").is_empty() && state.path().join("outputs/of others").exists());
    }

    #[test]
    fn what_is_no_id_leads_nowhere() {
        let state = tempfile::tempdir().unwrap();
        let kept = KeptOutputs::new(state.path(), 10);
        std::fs::create_dir(state.path().join("other")).unwrap();
        std::fs::write(state.path().join("other/0.arrows"), "x").unwrap();
        for id in ["../other", "..", "", "/", "other", "a/b"] {
            assert!(kept.of(id).is_empty() && kept.open(id, 0).unwrap().is_none(), "{id:?}");
            kept.remove(id).unwrap();
        }
        assert!(state.path().join("other/0.arrows").exists());
    }
}
