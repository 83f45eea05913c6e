//! Finding a block's cases.

use super::case::Case;
use super::error::CaseError;
use longshore_block::Block;
use longshore_model::hint::did_you_mean;
use longshore_os::presence::if_there;
use std::path::{Path, PathBuf};

/// The folder of a block's cases, and the suffix of their files.
const FOLDER: &str = "cases";
const SUFFIX: &str = "toml";

impl Case {
    /// Reads the cases of the block in a folder, in the order of their names: those that `names` has, or all of them.
    ///
    /// # Errors
    /// [`CaseError`] where the block or a case cannot be read, there are none, or a name is unknown.
    pub fn find(block: &Path, names: &[String]) -> Result<Vec<Self>, CaseError> {
        let loaded = Block::load(block)?;
        if !loaded.block.whole_folder {
            return Err(CaseError::NotAFolder { path: block.to_owned() });
        }
        let folder = block.join(FOLDER);
        let mut paths = files(&folder)?;
        if paths.is_empty() {
            return Err(CaseError::NoCases { folder });
        }
        paths.sort();
        let known: Vec<String> = paths.iter().map(|path| stem(path)).collect();
        for name in names {
            if !known.contains(name) {
                let hint = did_you_mean(name, known.iter().map(String::as_str));
                let hint = if hint.is_empty() { format!(": it has {}", known.join(", ")) } else { hint };
                return Err(CaseError::Unknown { name: name.clone(), hint });
            }
        }
        let wanted = |path: &&PathBuf| names.is_empty() || names.contains(&stem(path));
        paths.iter().filter(wanted).map(|path| Self::read(path, &loaded.block)).collect()
    }
}

fn files(folder: &Path) -> Result<Vec<PathBuf>, CaseError> {
    let failed = |source| CaseError::Read { path: folder.to_owned(), source };
    let entries = if_there(std::fs::read_dir(folder)).map_err(failed)?.into_iter().flatten();
    let paths = entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>().map_err(failed)?;
    let is_case = |path: &PathBuf| path.extension().is_some_and(|suffix| suffix == SUFFIX) && !path.is_dir();
    Ok(paths.into_iter().filter(is_case).collect())
}

/// A case's name.
fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}
