//! New blocks to start from: the files of `host/templates`, written whole or not at all.

use super::model::Language;
use crate::publish;
use std::io;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// What stands in the templates for the block's name, which is its folder's.
const NAME: &str = "New block";

/// A file of a template: its path in the block, and its text.
type File = (&'static str, &'static str);

const PYTHON: [File; 6] = [
    ("block.toml", include_str!("../../templates/python/block.toml")),
    ("script.py", include_str!("../../templates/python/script.py")),
    ("README.md", include_str!("../../templates/python/README.md")),
    ("cases/sales.csv", include_str!("../../templates/python/cases/sales.csv")),
    ("cases/by_region.toml", include_str!("../../templates/python/cases/by_region.toml")),
    ("cases/by_region.csv", include_str!("../../templates/python/cases/by_region.csv")),
];

const R: [File; 6] = [
    ("block.toml", include_str!("../../templates/r/block.toml")),
    ("script.R", include_str!("../../templates/r/script.R")),
    ("README.md", include_str!("../../templates/r/README.md")),
    ("cases/sales.csv", include_str!("../../templates/r/cases/sales.csv")),
    ("cases/by_region.toml", include_str!("../../templates/r/cases/by_region.toml")),
    ("cases/by_region.csv", include_str!("../../templates/r/cases/by_region.csv")),
];

/// A new block cannot be made.
#[derive(Debug, Error)]
pub enum CreateError {
    /// Something is there already.
    #[error("`{folder}` exists and is not empty: name a folder that does not exist yet")]
    NotEmpty {
        /// The folder.
        folder: PathBuf,
    },
    /// A file is there.
    #[error("`{folder}` is a file: name a folder that does not exist yet")]
    NotAFolder {
        /// The file.
        folder: PathBuf,
    },
    /// The folder above is missing.
    #[error("the folder `{parent}` does not exist: make it first")]
    NoParent {
        /// The folder above.
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

/// Makes a block in a folder that is not there yet, or is empty. Returns the paths of its files in it.
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
    // The name of `.` is that of the folder that it is.
    let real = if exists { std::fs::canonicalize(folder).map_err(failed)? } else { folder.to_owned() };
    let name = real.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let staging = parent.join(format!(".new-{}", std::process::id()));
    let files: &[File] = match language {
        Language::Python => &PYTHON,
        Language::R => &R,
    };
    let made = write(files, &staging, &name)
        .and_then(|()| if exists { move_into(&staging, folder) } else { std::fs::rename(&staging, folder) });
    if let Err(source) = made {
        // What cannot be removed is in the folder that the error names.
        let _ = std::fs::remove_dir_all(&staging);
        return Err(failed(source));
    }
    Ok(files.iter().map(|(path, _)| PathBuf::from(path)).collect())
}

/// Whether the folder is there; an error where it is not empty.
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

fn write(files: &[File], staging: &Path, name: &str) -> io::Result<()> {
    for (path, text) in files {
        let target = staging.join(path);
        std::fs::create_dir_all(publish::folder(&target))?;
        // In the manifest the name stands in quotes; JSON's escapes are TOML's.
        let text = match *path {
            "block.toml" => text.replacen(&format!("\"{NAME}\""), &serde_json::Value::from(name).to_string(), 1),
            "README.md" => text.replace(NAME, name),
            _ => (*text).to_owned(),
        };
        std::fs::write(target, text)?;
    }
    Ok(())
}

/// Moves what is in `staging` one level up, or takes back what has been moved.
fn move_into(staging: &Path, folder: &Path) -> io::Result<()> {
    let mut moved = Vec::new();
    let entries = std::fs::read_dir(staging)?.collect::<io::Result<Vec<_>>>()?;
    for entry in entries {
        let target = folder.join(entry.file_name());
        if let Err(error) = std::fs::rename(entry.path(), &target) {
            for path in moved {
                let _ = std::fs::rename(folder.join(&path), staging.join(&path));
            }
            return Err(error);
        }
        moved.push(entry.file_name());
    }
    std::fs::remove_dir(staging)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::block::Block;
    use std::collections::BTreeSet;

    /// The files below a folder, by their paths in it.
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
