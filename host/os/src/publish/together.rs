//! Publishes several files together: all of them, or none. All are complete and have temporary names before the first
//! is published, so that most failures happen before; if one fails nevertheless, those before it are taken back.

use super::journal::Journal;
use super::unpublished::{Left, Unpublished};
use std::io;
use std::path::{Path, PathBuf};

/// Complete files with temporary names beside their targets.
#[derive(Debug)]
pub struct Together {
    files: Vec<Unpublished>,
    journal: Option<Journal>,
}

/// Why they are not published.
#[derive(Debug)]
pub struct Failed {
    /// The file that failed, by the caller's path.
    pub path: PathBuf,
    /// The cause.
    pub source: io::Error,
    /// Files that stay published, since they cannot be taken back.
    pub in_place: Vec<PathBuf>,
}

impl Together {
    /// Completes and names the files, without publishing them. A single file needs no journal: it is published at once.
    pub fn name(files: Vec<Unpublished>, state_folder: &Path, run_id: &str) -> Result<Self, Failed> {
        let journal = match &files[..] {
            [] | [_] => None,
            // The journal matters only if the host is killed; without it, files are still taken back after a failure.
            _ => Journal::begin(state_folder, run_id, &files.iter().collect::<Vec<_>>()).ok(),
        };
        let mut together = Self { files, journal };
        for position in 0..together.files.len() {
            // The files of the journal must be on the disk before it is committed.
            let sync = together.journal.is_some();
            let file = &mut together.files[position];
            let named = file.name().and_then(|()| if sync { file.place().folder().sync() } else { Ok(()) });
            if let Err(source) = named {
                return Err(together.give_up(position, source, Vec::new()));
            }
        }
        Ok(together)
    }

    /// Publishes them. Blocks.
    pub fn publish(mut self) -> Result<(), Failed> {
        if let Some(Err(source)) = self.journal.as_mut().map(Journal::commit) {
            return Err(self.give_up(0, source, Vec::new()));
        }
        let mut left = Vec::new();
        for position in 0..self.files.len() {
            match self.files[position].exchange() {
                Ok(replaced) => left.push(replaced),
                Err(source) => {
                    let in_place = self.take_back(&left);
                    return Err(self.give_up(position, source, in_place));
                }
            }
        }
        for position in 0..self.files.len() {
            if let Err(source) = self.files[position].place().folder().sync() {
                let in_place = self.files.iter().map(|file| file.path().to_owned()).collect();
                return Err(self.give_up(position, source, in_place));
            }
        }
        self.end();
        Ok(())
    }

    /// Takes back the published files. Returns those that cannot be taken back.
    fn take_back(&mut self, left: &[Left]) -> Vec<PathBuf> {
        let exchanged = self.files.iter_mut().zip(left).rev();
        let stay = exchanged.filter_map(|(file, left)| file.take_back(*left).is_err().then(|| file.path().to_owned()));
        stay.collect()
    }

    fn give_up(self, position: usize, source: io::Error, in_place: Vec<PathBuf>) -> Failed {
        let failed = Failed { path: self.files[position].path().to_owned(), source, in_place };
        self.end();
        failed
    }

    /// Removes the temporary names, then the journal that lists them.
    fn end(self) {
        drop(self.files);
        if let Some(journal) = self.journal {
            journal.remove();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::recover;
    use super::*;
    use std::io::Write;

    struct Folder(tempfile::TempDir);

    impl Folder {
        /// `old` has a file, and `new` has none.
        fn new() -> Self {
            let folder = Self(tempfile::tempdir().unwrap());
            std::fs::create_dir(folder.at("data")).unwrap();
            std::fs::write(folder.at("data/old"), "before").unwrap();
            folder
        }

        fn at(&self, name: &str) -> PathBuf {
            self.0.path().join(name)
        }

        fn files(&self, names: &[&str]) -> Vec<Unpublished> {
            let file = |name: &&str| {
                let file = Unpublished::create(&self.at(name), "run").unwrap();
                file.writer().unwrap().write_all(b"after").unwrap();
                file
            };
            names.iter().map(file).collect()
        }

        fn named(&self, names: &[&str]) -> Together {
            Together::name(self.files(names), &self.at("state"), "run").unwrap()
        }

        /// All files and their contents, hidden ones too.
        fn found(&self) -> Vec<(String, String)> {
            let entries = std::fs::read_dir(self.at("data")).unwrap().map(Result::unwrap);
            let mut found: Vec<_> = entries
                .map(|entry| {
                    let text = std::fs::read_to_string(entry.path()).unwrap_or_else(|error| error.kind().to_string());
                    (entry.file_name().into_string().unwrap(), text)
                })
                .collect();
            found.sort();
            found
        }

        fn journals(&self) -> usize {
            std::fs::read_dir(self.at("state/publishing")).unwrap().count()
        }
    }

    fn all(found: &[(&str, &str)]) -> Vec<(String, String)> {
        found.iter().map(|&(name, text)| (name.to_owned(), text.to_owned())).collect()
    }

    #[test]
    fn all_are_put_in_place() {
        let folder = Folder::new();
        folder.named(&["data/old", "data/new"]).publish().unwrap();
        assert_eq!(folder.found(), all(&[("new", "after"), ("old", "after")]));
        assert_eq!(folder.journals(), 0);
    }

    #[test]
    fn where_one_fails_those_before_it_are_taken_back() {
        let folder = Folder::new();
        let together = folder.named(&["data/old", "data/new", "data/last"]);
        std::fs::create_dir(folder.at("data/last")).unwrap();
        let failed = together.publish().unwrap_err();
        assert_eq!((failed.path, failed.in_place), (folder.at("data/last"), Vec::new()));
        assert_eq!(folder.found(), all(&[("last", "is a directory"), ("old", "before")]));
        assert_eq!(folder.journals(), 0);
    }

    /// The host is killed: nothing is cleaned up, and its lock is released.
    fn killed(together: Together) {
        let Together { files, journal } = together;
        files.into_iter().for_each(std::mem::forget);
        drop(journal);
    }

    #[test]
    fn a_host_that_is_killed_before_it_is_decided_leaves_nothing() {
        let folder = Folder::new();
        killed(folder.named(&["data/old", "data/new"]));
        assert_eq!(folder.found().len(), 3);
        assert!(recover(&folder.at("state")).is_empty());
        assert_eq!(folder.found(), all(&[("old", "before")]));
        assert_eq!(folder.journals(), 0);
    }

    #[test]
    fn what_a_killed_host_had_decided_is_completed() {
        for done in 0..=2 {
            let folder = Folder::new();
            let mut together = folder.named(&["data/old", "data/new"]);
            together.journal.as_mut().unwrap().commit().unwrap();
            for file in together.files.iter_mut().take(done) {
                file.exchange().unwrap();
            }
            killed(together);
            let notes = recover(&folder.at("state"));
            assert_eq!(notes.len(), 2 - done, "{notes:?}");
            assert_eq!(folder.found(), all(&[("new", "after"), ("old", "after")]));
            assert_eq!(folder.journals(), 0);
        }
    }

    #[test]
    fn a_host_that_lives_is_left_alone() {
        let folder = Folder::new();
        let together = folder.named(&["data/old", "data/new"]);
        assert!(recover(&folder.at("state")).is_empty());
        together.publish().unwrap();
        assert_eq!(folder.found(), all(&[("new", "after"), ("old", "after")]));
    }
}
