//! The files beside a bare script that it needs: modules that it imports in Python, scripts that it sources in R, and
//! what those need in turn. Data files do not come along, nor does anything from outside of the script's folder.

use super::block_file::BlockFile;
use super::document;
use super::error::BlockError;
use super::model::Language;
use super::python_imports::{Import, imports, is_identifier};
use super::python_modules::is_needed;
use super::r_packages::sourced;
use longshore_os::folder::Folder;
use std::collections::{BTreeMap, VecDeque};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

/// Most files that come along: a package of some size. Larger projects are folders with a manifest.
const FILES_MAX: usize = 500;

/// Most bytes of all of them: 500 files of 32 KiB.
const BYTES_MAX: u64 = 16 << 20;

/// Most folders within each other in a package.
const DEPTH_MAX: usize = 32;

/// The file that makes a folder a package.
const PACKAGE: &str = "__init__.py";

/// The neighbours of a script, and what was passed over.
#[derive(Debug, Default)]
pub(super) struct Neighbours {
    pub(super) files: Vec<BlockFile>,
    pub(super) notes: Vec<String>,
}

/// Finds the neighbours of a script: in Python beside it, in R in the folder that it runs in.
///
/// # Errors
/// There are more than a bare script may have, or one of them cannot be read.
pub(super) fn find(root: &Path, script: &Path, language: Language) -> Result<Neighbours, BlockError> {
    let failed = |source| BlockError::Read { path: root.to_owned(), source };
    let real = std::fs::canonicalize(root).map_err(failed)?;
    let folder = Folder::open(&real).map_err(failed)?;
    let mut search = Search {
        root: real,
        folder: Arc::new(folder),
        language,
        taken: BTreeMap::new(),
        open: VecDeque::new(),
        bytes: 0,
        notes: Vec::new(),
    };
    // A script that cannot be read has an error of its own later.
    if let Ok(source) = document::source(&search.root.join(script)) {
        search.taken.insert(script.to_owned(), None);
        search.needs(&source, script)?;
    }
    while let Some(next) = search.open.pop_front() {
        let source = document::source(&search.root.join(&next))?;
        search.needs(&source, &next)?;
    }
    Ok(Neighbours { files: search.taken.into_values().flatten().collect(), notes: search.notes })
}

struct Search {
    /// The script's folder, without links.
    root: PathBuf,
    folder: Arc<Folder>,
    language: Language,
    /// The files so far, by their paths in the folder; the script itself has no entry of its own.
    taken: BTreeMap<PathBuf, Option<BlockFile>>,
    /// Those whose needs are not known yet.
    open: VecDeque<PathBuf>,
    bytes: u64,
    notes: Vec<String>,
}

impl Search {
    /// Takes the files that the source of a file needs.
    fn needs(&mut self, source: &str, file: &Path) -> Result<(), BlockError> {
        match self.language {
            Language::Python => imports(source).iter().try_for_each(|import| self.import(import, file)),
            Language::R => sourced(source).iter().try_for_each(|path| self.source(path)),
        }
    }

    fn source(&mut self, path: &str) -> Result<(), BlockError> {
        let path: PathBuf = Path::new(path).components().filter(|part| *part != Component::CurDir).collect();
        let is_below = path.components().all(|part| matches!(part, Component::Normal(_)));
        if is_below && self.root.join(&path).is_file() {
            self.take(&path)?;
        }
        Ok(())
    }

    fn import(&mut self, import: &Import, file: &Path) -> Result<(), BlockError> {
        let base = match import.level {
            0 => PathBuf::new(),
            // One dot is the folder of the file itself.
            level => match file.ancestors().nth(level) {
                Some(base) => base.to_owned(),
                None => return Ok(()),
            },
        };
        let module = import.module.split('.').filter(|part| !part.is_empty());
        let parts: Vec<&str> = module.chain(import.name.as_deref()).collect();
        if !parts.iter().all(|part| is_identifier(part)) {
            return Ok(());
        }
        let mut at = base;
        for (depth, part) in parts.iter().enumerate() {
            let (module, folder) = (at.join(format!("{part}.py")), at.join(part));
            let package = folder.join(PACKAGE);
            let exists = |path: &Path| self.root.join(path).is_file();
            let found = exists(&package) || exists(&module);
            if found && at.as_os_str().is_empty() && is_needed(part) {
                // Python would find it in place of its own module, which others need.
                let note = format!("`{part}` beside the script does not come along: it hides the module `{part}`");
                if !self.notes.contains(&note) && file != module {
                    self.notes.push(note);
                }
                return Ok(());
            }
            if exists(&package) {
                return self.package(&folder, 0);
            }
            if exists(&module) {
                return self.take(&module);
            }
            if depth + 1 == parts.len() || !self.root.join(&folder).is_dir() {
                return Ok(());
            }
            at = folder;
        }
        Ok(())
    }

    /// Takes all modules of a package.
    fn package(&mut self, within: &Path, depth: usize) -> Result<(), BlockError> {
        let folder = self.root.join(within);
        let failed = |source| BlockError::Read { path: folder.clone(), source };
        let mut names: Vec<_> = std::fs::read_dir(&folder)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(failed)?
            .into_iter()
            .map(|entry| entry.file_name())
            .collect();
        names.sort();
        for name in names {
            let path = within.join(&name);
            // A link to a folder may lead to a parent of it.
            let kind = self.root.join(&path).symlink_metadata().map_err(failed)?.file_type();
            let shown = name.to_string_lossy();
            if kind.is_dir() && is_identifier(&shown) && shown != "__pycache__" && depth < DEPTH_MAX {
                self.package(&path, depth + 1)?;
            } else if shown.ends_with(".py") && self.root.join(&path).is_file() {
                self.take(&path)?;
            }
        }
        Ok(())
    }

    /// Takes a file, once.
    fn take(&mut self, path: &Path) -> Result<(), BlockError> {
        if self.taken.contains_key(path) {
            return Ok(());
        }
        let source = self.root.join(path);
        let failed = |error| BlockError::Read { path: source.clone(), source: error };
        let real = std::fs::canonicalize(&source).map_err(failed)?;
        let Ok(within) = real.strip_prefix(&self.root) else {
            self.notes
                .push(format!("`{}` does not come along: it is a link out of the script's folder", path.display()));
            return Ok(());
        };
        let file = BlockFile::within(&self.folder, within, &path.to_string_lossy()).map_err(failed)?;
        self.bytes += file.bytes();
        self.taken.insert(path.to_owned(), Some(file));
        self.open.push_back(path.to_owned());
        let what = if self.taken.len() > FILES_MAX {
            format!("more than {FILES_MAX} files that come along with the script")
        } else if self.bytes > BYTES_MAX {
            format!("more than {} MiB in files that come along with the script", BYTES_MAX >> 20)
        } else {
            return Ok(());
        };
        Err(BlockError::TooMuch { folder: self.root.clone(), what })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Block;
    use std::os::unix::fs::symlink;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        folder
    }

    fn found(folder: &Path, script: &str) -> (Vec<String>, Vec<String>) {
        let block = Block::load(&folder.join(script)).unwrap().block;
        let found = block.files().unwrap();
        (found.files.into_iter().map(|file| file.path).collect(), found.notes)
    }

    #[test]
    fn modules_come_along_with_what_they_need_and_data_stays() {
        let folder = folder(&[
            ("main.py", "import util\nfrom lib import tools\nfrom pack.inner import x\nimport pandas, absent\n"),
            ("util.py", "def f():\n    import deeper\n"),
            ("deeper.py", "import main, util"),
            ("lib/tools.py", "from . import more\nfrom .other import y\nfrom ... import outside"),
            ("lib/more.py", ""),
            ("lib/other.py", ""),
            ("lib/unused.py", ""),
            ("pack/__init__.py", ""),
            ("pack/inner.py", ""),
            ("pack/sub/deep.py", ""),
            ("pack/table.csv", ""),
            ("pack/__pycache__/x.py", ""),
            ("pandas/x.py", ""),
            ("unused.py", ""),
            ("data.csv", ""),
        ]);
        let expected = [
            "main.py",
            "deeper.py",
            "lib/more.py",
            "lib/other.py",
            "lib/tools.py",
            "pack/__init__.py",
            "pack/inner.py",
            "pack/sub/deep.py",
            "util.py",
        ];
        assert_eq!(found(folder.path(), "main.py"), (expected.map(str::to_owned).to_vec(), Vec::new()));
    }

    #[test]
    fn sourced_scripts_come_along() {
        let folder = folder(&[
            (
                "main.R",
                "source('helper.R'); sys.source(file = \"./R/more.R\", env); source(file.path('R', 'last.R'))\n\
              source('../outside.R'); source('none.R'); source(name); # source('comment.R')",
            ),
            ("helper.R", "source(\"R/deep.R\")"),
            ("R/more.R", ""),
            ("R/last.R", ""),
            ("R/deep.R", "source('helper.R')"),
            ("comment.R", ""),
        ]);
        let expected = ["main.R", "R/deep.R", "R/last.R", "R/more.R", "helper.R"];
        assert_eq!(found(folder.path(), "main.R").0, expected);
    }

    #[test]
    fn what_would_hide_a_needed_module_and_links_out_of_the_folder_stay_behind() {
        let outside = folder(&[("secret.py", "")]);
        let folder =
            folder(&[("main.py", "import csv, random, secret, linked"), ("csv.py", ""), ("real.py", "import main")]);
        symlink(outside.path().join("secret.py"), folder.path().join("secret.py")).unwrap();
        symlink("real.py", folder.path().join("linked.py")).unwrap();
        let (files, notes) = found(folder.path(), "main.py");
        assert_eq!(files, ["main.py", "linked.py"]);
        assert_eq!(
            notes,
            [
                "`csv` beside the script does not come along: it hides the module `csv`",
                "`secret.py` does not come along: it is a link out of the script's folder",
            ]
        );
    }

    #[test]
    fn too_many_files_are_an_error() {
        let folder = folder(&[("main.py", "import pack"), ("pack/__init__.py", "")]);
        for number in 0..FILES_MAX {
            std::fs::write(folder.path().join(format!("pack/m{number}.py")), "").unwrap();
        }
        let block = Block::load(&folder.path().join("main.py")).unwrap().block;
        let error = block.files().unwrap_err().to_string();
        assert!(error.contains("more than 500 files that come along with the script"), "{error}");
    }
}
