//! Creates new blocks from the files of `host/block/templates`, completely or not at all.

use super::model::Language;
use longshore_model::run_id::new_run_id;
use longshore_os::folder::Folder;
use longshore_os::locked_folder::LockedFolder;
use longshore_os::publish;
use std::ffi::OsStr;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use thiserror::Error;

/// The block's temporary name.
const MADE: &str = "block";

/// The placeholder for the block's name in the templates; the name is its folder's.
const NAME: &str = "New block";

/// A file of a template: its path in the block, and its text.
type File = (&'static str, &'static str);

const PYTHON: [File; 6] = [
    ("block.toml", include_str!("../templates/python/block.toml")),
    ("script.py", include_str!("../templates/python/script.py")),
    ("README.md", include_str!("../templates/python/README.md")),
    ("cases/sales.csv", include_str!("../templates/python/cases/sales.csv")),
    ("cases/by_region.toml", include_str!("../templates/python/cases/by_region.toml")),
    ("cases/by_region.csv", include_str!("../templates/python/cases/by_region.csv")),
];

const R: [File; 6] = [
    ("block.toml", include_str!("../templates/r/block.toml")),
    ("script.R", include_str!("../templates/r/script.R")),
    ("README.md", include_str!("../templates/r/README.md")),
    ("cases/sales.csv", include_str!("../templates/r/cases/sales.csv")),
    ("cases/by_region.toml", include_str!("../templates/r/cases/by_region.toml")),
    ("cases/by_region.csv", include_str!("../templates/r/cases/by_region.csv")),
];

/// A new block cannot be created.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CreateError {
    /// The folder is not empty.
    #[error("`{folder}` exists and is not empty: name a folder that does not exist yet")]
    NotEmpty {
        /// The folder.
        folder: PathBuf,
    },
    /// The path is a file.
    #[error("`{folder}` is a file: name a folder that does not exist yet")]
    NotAFolder {
        /// The file.
        folder: PathBuf,
    },
    /// The parent folder is missing.
    #[error("the folder `{parent}` does not exist: create it first")]
    NoParent {
        /// The parent folder.
        parent: PathBuf,
    },
    /// The files cannot be written.
    #[error("cannot write the block into `{folder}`: {source}")]
    Write {
        /// The folder.
        folder: PathBuf,
        /// The cause.
        source: io::Error,
    },
}

/// Creates a block in a folder that does not exist yet or is empty. Returns the paths of its files in it.
///
/// # Errors
/// [`CreateError`]; then nothing has changed.
pub fn create(language: Language, folder: &Path) -> Result<Vec<PathBuf>, CreateError> {
    let failed = |source| CreateError::Write { folder: folder.to_owned(), source };
    let exists = is_there(folder)?;
    let parent = if exists { folder } else { publish::folder(folder) };
    if !parent.is_dir() {
        return Err(CreateError::NoParent { parent: parent.to_owned() });
    }
    // The name of `.` is that of the folder itself.
    let real = if exists { std::fs::canonicalize(folder).map_err(failed)? } else { folder.to_owned() };
    let name = real.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let files: &[File] = match language {
        Language::Python => &PYTHON,
        Language::R => &R,
    };
    let target = if exists { None } else { folder.file_name() };
    write(files, parent, target, &name).map_err(failed)?;
    Ok(files.iter().map(|(path, _)| PathBuf::from(path)).collect())
}

/// Whether the folder exists; an error if it is not empty.
fn is_there(folder: &Path) -> Result<bool, CreateError> {
    match std::fs::read_dir(folder) {
        Ok(mut entries) => match entries.next() {
            None => Ok(true),
            Some(_) => Err(CreateError::NotEmpty { folder: folder.to_owned() }),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
            Err(CreateError::NotAFolder { folder: folder.to_owned() })
        }
        Err(source) => Err(CreateError::Write { folder: folder.to_owned(), source }),
    }
}

/// Creates the files in a folder that only this user can access, and moves them to the target: as a folder of a name,
/// or into an existing folder.
fn write(files: &[File], parent: &Path, target: Option<&OsStr>, name: &str) -> io::Result<()> {
    let within = Arc::new(Folder::open(parent)?);
    let staging = LockedFolder::create_in(&within, parent, &format!(".new-{}", new_run_id()), 0o700)?;
    let made = staging.folder().make_folder(OsStr::new(MADE), 0o777)?;
    for (path, text) in files {
        // In the manifest the name is quoted; JSON's escapes are valid in TOML.
        let text = match *path {
            "block.toml" => text.replacen(&format!("\"{NAME}\""), &serde_json::Value::from(name).to_string(), 1),
            "README.md" => text.replace(NAME, name),
            _ => (*text).to_owned(),
        };
        made.make_file_below(Path::new(path), 0o666)?.write_all(text.as_bytes())?;
    }
    match target {
        Some(target) => staging.folder().move_new(OsStr::new(MADE), &within, target),
        None => move_into(&made, &within),
    }
}

/// Moves the contents of a folder into another, or moves them back after a failure.
fn move_into(made: &Folder, folder: &Folder) -> io::Result<()> {
    let names = made.names()?;
    for (position, name) in names.iter().enumerate() {
        if let Err(error) = made.move_new(name, folder, name) {
            for moved in &names[..position] {
                let _ = folder.move_new(moved, made, moved);
            }
            return Err(error);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Block;
    use std::collections::BTreeSet;

    /// The files below a folder, by their relative paths.
    fn files(folder: &Path) -> BTreeSet<PathBuf> {
        let mut found = BTreeSet::new();
        let mut folders = vec![folder.to_owned()];
        while let Some(next) = folders.pop() {
            for entry in std::fs::read_dir(next).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    found.insert(path.strip_prefix(folder).unwrap().to_owned());
                }
            }
        }
        found
    }

    #[test]
    fn a_new_block_is_there_whole_and_has_its_folders_name() {
        let parent = tempfile::tempdir().unwrap();
        for (language, name) in [(Language::Python, "A \"new\" one"), (Language::R, "other")] {
            let folder = parent.path().join(name);
            let made = create(language, &folder).unwrap();
            assert_eq!(files(&folder), made.into_iter().collect());
            let block = Block::load(&folder).unwrap().block;
            assert_eq!((block.name.as_str(), block.language), (name, language));
            assert!(std::fs::read_to_string(folder.join("README.md")).unwrap().starts_with(&format!("# {name}\n")));
        }
        assert_eq!(std::fs::read_dir(parent.path()).unwrap().count(), 2);
    }

    #[test]
    fn every_file_of_the_templates_is_written() {
        let templates = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates");
        for (folder, known) in [("python", &PYTHON), ("r", &R)] {
            let known = known.iter().map(|(path, _)| PathBuf::from(path)).collect();
            assert_eq!(files(&templates.join(folder)), known);
        }
    }

    #[test]
    fn an_empty_folder_is_filled_and_nothing_is_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        create(Language::R, folder.path()).unwrap();
        assert_eq!(files(folder.path()).len(), R.len());
        let error = |path: &Path| create(Language::Python, path).unwrap_err();
        assert!(matches!(error(folder.path()), CreateError::NotEmpty { .. }));
        assert!(matches!(error(&folder.path().join("script.R")), CreateError::NotAFolder { .. }));
        assert!(matches!(error(&folder.path().join("a/b")), CreateError::NoParent { .. }));
        assert_eq!(files(folder.path()).len(), R.len());
    }
}
