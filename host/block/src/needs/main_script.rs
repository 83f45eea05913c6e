//! The script of a folder without a manifest: the one with a usual name, or the only one.

use super::folder_files::FolderFiles;
use crate::document;
use crate::error::BlockError;
use crate::model::Language;
use std::ffi::OsStr;
use std::path::Path;

/// The usual names of a folder's main script, the first one before the others.
const NAMES: [&str; 4] = ["main", "script", "run", "app"];

/// The most scripts that an error lists.
const LISTED_MAX: usize = 20;

/// The script of a folder, and its language: a notebook or another document if there is no other script.
///
/// # Errors
/// The folder has no script, or several that could be meant.
pub(crate) fn main_script(folder: &Path) -> Result<(String, Language), BlockError> {
    let all = scripts(folder)?;
    let is_document = |name: &&String| document::is_document(Path::new(name.as_str()));
    let scripts: Vec<&String> = all.iter().filter(|name| !is_document(name)).collect();
    let scripts = if scripts.is_empty() { all.iter().collect() } else { scripts };
    let named = NAMES.iter().find_map(|usual| {
        let found: Vec<&String> =
            scripts.iter().copied().filter(|name| stem(name).eq_ignore_ascii_case(usual)).collect();
        (!found.is_empty()).then_some(found)
    });
    match named.unwrap_or(scripts)[..] {
        [] => Err(BlockError::NoManifest { folder: folder.to_owned() }),
        [name] => {
            let path = folder.join(name);
            let language = language_of(&path)?.ok_or(BlockError::NotAScript { path })?;
            Ok((name.clone(), language))
        }
        ref several => {
            let mut listed: Vec<String> = several.iter().take(LISTED_MAX).map(|name| format!("`{name}`")).collect();
            if several.len() > LISTED_MAX {
                listed.push("…".into());
            }
            Err(BlockError::SeveralScripts { folder: folder.to_owned(), scripts: listed.join(", ") })
        }
    }
}

/// The names of a folder's scripts and documents, those of tools apart, in their order.
///
/// # Errors
/// The folder cannot be read.
pub fn scripts(folder: &Path) -> Result<Vec<String>, BlockError> {
    let is_named =
        |name: &String| is_script(Path::new(name)) && !is_for_tools(stem(name)) && folder.join(name).is_file();
    Ok(FolderFiles::new(folder)?.names()?.into_iter().filter(is_named).collect())
}

fn stem(name: &str) -> &str {
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}

/// Whether a file is a script or a document that can be run, by its suffix.
#[must_use]
pub fn is_script(path: &Path) -> bool {
    document::is_document(path) || by_suffix(path).is_some()
}

/// The language of a script by its suffix, or of a document by its content; `None` if a file is neither.
pub(crate) fn language_of(path: &Path) -> Result<Option<Language>, BlockError> {
    match document::is_document(path) {
        true => document::language(path).map(Some),
        false => Ok(by_suffix(path)),
    }
}

fn by_suffix(path: &Path) -> Option<Language> {
    language(path.extension().and_then(OsStr::to_str)?)
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
