//! The files of a block that are copied beside its script. They are listed when a run is checked, in a folder that
//! stays open; each part of a run opens them later, and a file that changed meanwhile is an error.

use super::block_file::BlockFile;
use super::error::BlockError;
use super::model::Block;
use super::neighbours;
use longshore_os::folder::Folder;
use rustix::fs::{FileType, fstat};
use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The most files in a block's folder: a large package with its data has a few thousand.
pub const FILES_MAX: usize = 10_000;

/// The most bytes in a block's folder, since they are copied into every run. Data belongs in inputs.
pub const BYTES_MAX: u64 = 1 << 30;

/// Folders that are not part of a block: histories, caches, states of editors.
const IGNORED: [&str; 5] = [".git", ".ipynb_checkpoints", ".Rproj.user", ".venv", "__pycache__"];

/// Folders, relative to the block's, in which `renv` installs packages for this machine.
const OF_RENV: [&str; 2] = ["renv/library", "renv/staging"];

/// Files whose folders are not part of a block, whatever these are called: virtual environments of Python (PEP 405), and
/// the records of runs, which change while a run goes on and are no business of a script.
const OF_OTHERS: [&str; 2] = ["pyvenv.cfg", "longshore.sqlite"];

/// The files of a block for a run.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct BlockFiles {
    /// The script, and the files that are copied with it.
    pub files: Vec<BlockFile>,
    /// Files that a bare script imports and that do not come along.
    pub notes: Vec<String>,
}

impl Block {
    /// The files to copy for a run, including the script.
    ///
    /// # Errors
    /// [`BlockError`] for a link that leads out of the folder, or a folder that is too large.
    pub fn files(&self) -> Result<BlockFiles, BlockError> {
        if !self.whole_folder {
            let source = self.folder.join(&self.script);
            let file = BlockFile::at(&source, &self.script);
            let script = file.map_err(|error| BlockError::Read { path: source, source: error })?;
            let found = neighbours::find(&self.folder, Path::new(&self.script), self.language)?;
            let files = std::iter::once(script).chain(found.files).collect();
            return Ok(BlockFiles { files, notes: found.notes });
        }
        let root =
            Folder::open(&self.folder).map_err(|source| BlockError::Read { path: self.folder.clone(), source })?;
        let mut walk = Walk { root: Arc::new(root), files: Vec::new(), bytes: 0 };
        walk.folder(&Arc::clone(&walk.root), Path::new(""), "")?;
        Ok(BlockFiles { files: walk.files, notes: Vec::new() })
    }
}

struct Walk {
    root: Arc<Folder>,
    files: Vec<BlockFile>,
    bytes: u64,
}

impl Walk {
    fn folder(&mut self, folder: &Folder, within: &Path, prefix: &str) -> Result<(), BlockError> {
        let failed = |source| BlockError::Read { path: self.root.path().join(within), source };
        let mut names = folder.names().map_err(failed)?;
        names.sort();
        for name in names {
            let shown = name.to_string_lossy();
            let path = if prefix.is_empty() { shown.to_string() } else { format!("{prefix}/{shown}") };
            if !IGNORED.contains(&&*shown) && !OF_RENV.contains(&path.as_str()) {
                self.entry(folder, &name, within.join(&name), path)?;
            }
        }
        Ok(())
    }

    fn entry(&mut self, folder: &Folder, name: &OsStr, within: PathBuf, path: String) -> Result<(), BlockError> {
        let source = self.root.path().join(&within);
        let failed = |error| BlockError::Read { path: source.clone(), source: error };
        let missing = || failed(io::ErrorKind::NotFound.into());
        let found = folder.stat(name).map_err(failed)?.ok_or_else(missing)?;
        let (within, found) = match FileType::from_raw_mode(found.st_mode) {
            FileType::Directory => {
                let folder = folder.folder(name).map_err(failed)?;
                for name in OF_OTHERS {
                    if folder.stat(OsStr::new(name)).map_err(failed)?.is_some() {
                        return Ok(());
                    }
                }
                return self.folder(&folder, &within, &path);
            }
            FileType::Symlink => {
                let real = std::fs::canonicalize(&source).map_err(failed)?;
                let within = real.strip_prefix(self.root.path()).map(Path::to_owned);
                let within = within.map_err(|_| BlockError::Escapes { path: source.clone() })?;
                // A link to a parent folder would be followed in a loop.
                let found = match real.is_dir() {
                    true => return Err(BlockError::Escapes { path: source }),
                    false => self.root.open_file(&within).and_then(|file| Ok(fstat(file)?)).map_err(failed)?,
                };
                (within, found)
            }
            _ => (within, found),
        };
        if FileType::from_raw_mode(found.st_mode) == FileType::RegularFile {
            self.bytes += u64::try_from(found.st_size).unwrap_or_default();
            self.files.push(BlockFile::found(&self.root, within, path, &found));
        }
        let what = if self.files.len() > FILES_MAX {
            format!("more than {FILES_MAX} files")
        } else if self.bytes > BYTES_MAX {
            format!("more than {} MiB", BYTES_MAX >> 20)
        } else {
            return Ok(());
        };
        Err(BlockError::TooMuch { folder: self.root.path().to_owned(), what })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::os::unix::fs::symlink;

    fn read(file: &BlockFile) -> Result<String, String> {
        let mut text = String::new();
        let read = file.open().and_then(|mut file| file.read_to_string(&mut text));
        read.map(|_| text).map_err(|error| error.to_string())
    }

    fn block(folder: &Path) -> Block {
        std::fs::create_dir_all(folder.join("data")).unwrap();
        for (name, text) in [
            ("block.toml", "name = \"x\"\nlanguage = \"python\"\nscript = \"s.py\"\n"),
            ("s.py", "code"),
            ("data/table", "rows"),
        ] {
            std::fs::write(folder.join(name), text).unwrap();
        }
        symlink("data/table", folder.join("link")).unwrap();
        Block::load(folder).unwrap().block
    }

    #[test]
    fn installed_packages_stay_behind_and_other_folders_of_these_names_do_not() {
        let folder = tempfile::tempdir().unwrap();
        let block = block(folder.path());
        for name in [
            "env/pyvenv.cfg",
            "env/lib/x.py",
            "state/database/longshore.sqlite",
            "state/database/longshore.sqlite-wal",
            "venv/x.py",
            "renv/activate.R",
            "renv/library/p/x.R",
            "a/renv/library/x",
        ] {
            std::fs::create_dir_all(folder.path().join(name).parent().unwrap()).unwrap();
            std::fs::write(folder.path().join(name), "x").unwrap();
        }
        let files = block.files().unwrap().files;
        let files: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(
            files,
            ["a/renv/library/x", "block.toml", "data/table", "link", "renv/activate.R", "s.py", "venv/x.py"]
        );
    }

    #[test]
    fn small_files_are_what_they_were_and_large_ones_are_not_kept() {
        let folder = tempfile::tempdir().unwrap();
        let block = block(folder.path());
        let mut files = block.files().unwrap().files;
        BlockFile::keep_small(&mut files).unwrap();
        let before: Vec<_> = files.iter().map(|file| read(file).unwrap()).collect();
        std::fs::write(folder.path().join("s.py"), "other code").unwrap();
        std::fs::remove_dir_all(folder.path().join("data")).unwrap();
        assert_eq!(files.iter().map(|file| read(file).unwrap()).collect::<Vec<_>>(), before);
        std::fs::create_dir(folder.path().join("data")).unwrap();
        std::fs::write(folder.path().join("data/table"), vec![b'x'; 32 << 10]).unwrap();
        let mut files = block.files().unwrap().files;
        BlockFile::keep_small(&mut files).unwrap();
        assert!(!files.iter().any(BlockFile::is_kept));
        // One that has changed since it was listed is not what was checked.
        std::fs::write(folder.path().join("data/table"), "rows").unwrap();
        let mut files = block.files().unwrap().files;
        std::fs::write(folder.path().join("s.py"), "yet other code").unwrap();
        let error = BlockFile::keep_small(&mut files).unwrap_err().to_string();
        assert!(error.contains("s.py"), "{error}");
    }

    #[test]
    fn a_file_is_what_it_was_when_the_run_was_checked_or_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join("block").join(name);
        let files = block(&folder.path().join("block")).files().unwrap().files;
        let named = |name: &str| files.iter().find(|file| file.path == name).unwrap();
        std::fs::write(folder.path().join("secret"), "rows").unwrap();
        for (name, text) in [("s.py", "code"), ("data/table", "rows"), ("link", "rows")] {
            assert_eq!(read(named(name)).unwrap(), text, "{name}");
        }
        let changed = |name: &str| format!("`{name}` of the block has changed since the run was checked");
        // A link to a file of the same size, in place of the file and of its folder.
        std::fs::rename(at("data"), at("before")).unwrap();
        std::fs::create_dir(at("data")).unwrap();
        symlink(folder.path().join("secret"), at("data/table")).unwrap();
        assert_eq!(read(named("data/table")).unwrap_err(), changed("data/table"));
        assert_eq!(read(named("link")).unwrap_err(), changed("link"));
        std::fs::remove_dir_all(at("data")).unwrap();
        symlink("before", at("data")).unwrap();
        assert_eq!(read(named("data/table")).unwrap_err(), changed("data/table"));
        std::fs::remove_file(at("data")).unwrap();
        std::fs::rename(at("before"), at("data")).unwrap();
        assert_eq!(read(named("data/table")).unwrap(), "rows");
        std::fs::write(at("s.py"), "other code").unwrap();
        assert_eq!(read(named("s.py")).unwrap_err(), changed("s.py"));
        // The whole block.
        std::fs::rename(folder.path().join("block"), folder.path().join("moved")).unwrap();
        assert_eq!(read(named("data/table")).unwrap(), "rows");
    }
}
