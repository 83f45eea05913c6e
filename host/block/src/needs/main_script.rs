//! The script of a folder without a manifest: the one with a usual name, or the only one.

use super::folder_files::FolderFiles;
use crate::error::BlockError;
use crate::model::Language;
use std::path::Path;

/// The usual names of a folder's main script, the first one before the others.
const NAMES: [&str; 4] = ["main", "script", "run", "app"];

/// The most scripts that an error lists.
const LISTED_MAX: usize = 20;

/// The script of a folder, and its language.
///
/// # Errors
/// The folder has no script, or several that could be meant.
pub(crate) fn main_script(folder: &Path) -> Result<(String, Language), BlockError> {
    let names = FolderFiles::new(folder)?.names()?;
    let scripts: Vec<(&str, &str, Language)> = names
        .iter()
        .filter_map(|name| {
            let (stem, suffix) = name.rsplit_once('.')?;
            let language = language(suffix)?;
            (!is_for_tools(stem) && folder.join(name).is_file()).then_some((name.as_str(), stem, language))
        })
        .collect();
    let named = NAMES.iter().find_map(|usual| {
        let found: Vec<_> = scripts.iter().filter(|(_, stem, _)| stem.eq_ignore_ascii_case(usual)).collect();
        (!found.is_empty()).then_some(found)
    });
    match named.unwrap_or_else(|| scripts.iter().collect())[..] {
        [] => Err(BlockError::NoManifest { folder: folder.to_owned() }),
        [(name, _, language)] => Ok(((*name).to_owned(), *language)),
        ref several => {
            let mut listed: Vec<String> =
                several.iter().take(LISTED_MAX).map(|(name, ..)| format!("`{name}`")).collect();
            if several.len() > LISTED_MAX {
                listed.push("…".into());
            }
            Err(BlockError::SeveralScripts { folder: folder.to_owned(), scripts: listed.join(", ") })
        }
    }
}

/// The language of scripts with a suffix, in either case.
pub(crate) fn language(suffix: &str) -> Option<Language> {
    match suffix.to_ascii_lowercase().as_str() {
        "py" => Some(Language::Python),
        "r" => Some(Language::R),
        _ => None,
    }
}

/// Whether a script with this name is for tools: packaging, tests, and modules that others import.
fn is_for_tools(stem: &str) -> bool {
    matches!(stem, "setup" | "conftest" | "noxfile" | "install")
        || stem.starts_with(['_', '.'])
        || stem.starts_with("test_")
        || stem.starts_with("test-")
        || stem.ends_with("_test")
}
