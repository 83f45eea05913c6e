//! `renv.lock`: the exact R packages of a project. Packages from repositories are used as they are; those from version
//! control or of the author's machine are refused by name.

use super::folder_files::FolderFiles;
use super::parsed::{PACKAGES_MAX, Parsed, Reading};
use crate::error::BlockError;
use crate::needed::PinnedPackage;
use longshore_os::small_file::MADE_MAX;
use serde::Deserialize;
use std::collections::BTreeMap;

/// The file.
pub(super) const FILE: &str = "renv.lock";

/// The package that manages such locks, and is not needed to run a script.
const MANAGER: &str = "renv";

#[derive(Debug, Deserialize)]
struct Lock {
    #[serde(rename = "R")]
    r: Option<R>,
    #[serde(rename = "Packages")]
    packages: BTreeMap<String, Package>,
}

#[derive(Debug, Deserialize)]
struct R {
    #[serde(rename = "Version")]
    version: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Package {
    version: String,
    source: Option<String>,
}

/// Reads the file.
pub(super) fn read(files: &FolderFiles) -> Result<Reading, BlockError> {
    let Some(text) = files.read_text(FILE, MADE_MAX)? else {
        return Ok(Reading::Nothing("it does not exist".into()));
    };
    let path = files.path(FILE);
    let lock: Lock = serde_json::from_str(&text).map_err(|error| BlockError::json(&path, &error))?;
    let invalid = |reason: String| BlockError::Invalid { path: path.clone(), reason };
    if lock.packages.len() > PACKAGES_MAX {
        return Err(invalid(format!("it lists more than {PACKAGES_MAX} packages")));
    }
    let mut parsed = Parsed::default();
    let mut pinned = Vec::new();
    for (name, Package { version, source }) in lock.packages {
        if name == MANAGER {
            continue;
        }
        if !is_name(&name) || !is_version(&version) {
            return Err(invalid(format!("`{name}` `{version}` is not a valid package name and version")));
        }
        match source.as_deref() {
            None | Some("Repository" | "CRAN" | "Bioconductor") => {}
            Some(other) => {
                let reason = format!("`{name}` is from `{other}`, and packages are installed from repositories only");
                let before = text.find(&format!("\"{name}\"")).map_or("", |at| &text[..at]);
                let line = before.matches('\n').count() + 1;
                return Err(BlockError::Line { path, line, reason: format!("{reason}: use a release of it") });
            }
        }
        parsed.dependencies.push(name.clone());
        pinned.push(PinnedPackage { name, version, ..PinnedPackage::default() });
    }
    if pinned.is_empty() {
        return Ok(Reading::Nothing("it lists no packages".into()));
    }
    parsed.pinned = Some(pinned);
    // renv itself only reports another version of R.
    if let Some(version) = lock.r.and_then(|r| r.version).filter(|version| is_version(version)) {
        parsed.remarks.push(format!("`{FILE}` was written with R {version}"));
    }
    Ok(parsed.into())
}

/// Whether a text is the name of an R package.
pub(super) fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.chars().all(|character| character.is_ascii_alphanumeric() || character == '.')
}

/// Whether a text is a version of R or an R package: numbers, separated by dots and hyphens.
pub(super) fn is_version(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_digit())
        && text.chars().all(|character| character.is_ascii_digit() || matches!(character, '.' | '-'))
}
