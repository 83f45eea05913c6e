//! `apt.txt`: Debian packages, one in a line. And `runtime.txt`: the version of the language.

use super::folder_files::FolderFiles;
use super::parsed::{PACKAGES_MAX, Parsed, Reading};
use super::renv_lock::is_version;
use crate::error::BlockError;
use longshore_model::r_requirement::RVersions;
use longshore_os::small_file::WRITTEN_MAX;
use pep440_rs::VersionSpecifiers;
use std::str::FromStr;

/// The file with Debian packages.
pub(super) const FILE: &str = "apt.txt";

/// The file with the version of the language.
pub(super) const RUNTIME: &str = "runtime.txt";

/// Reads the Debian packages.
pub(super) fn read(files: &FolderFiles) -> Result<Reading, BlockError> {
    let Some(text) = files.read_text(FILE, WRITTEN_MAX)? else {
        return Ok(Reading::Nothing("it does not exist".into()));
    };
    let mut parsed = Parsed::default();
    for (number, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default();
        for word in line.split_whitespace() {
            let wrong = |reason: String| BlockError::Line { path: files.path(FILE), line: number + 1, reason };
            if !is_debian_name(word) {
                return Err(wrong(format!("`{word}` is not the name of a Debian package")));
            }
            if parsed.system_packages.len() == PACKAGES_MAX {
                return Err(wrong(format!("it lists more than {PACKAGES_MAX} packages")));
            }
            parsed.system_packages.push(word.to_owned());
        }
    }
    if parsed.system_packages.is_empty() {
        return Ok(Reading::Nothing("it lists no packages".into()));
    }
    Ok(parsed.into())
}

/// Reads the version of the language: `python-3.11`, `python-3.11.4`, `3.11`, `r-4.2`, `r-4.2-2023-06-01`.
pub(super) fn read_runtime(files: &FolderFiles) -> Result<Reading, BlockError> {
    let Some(text) = files.read_text(RUNTIME, WRITTEN_MAX)? else {
        return Ok(Reading::Nothing("it does not exist".into()));
    };
    let wrong = |reason: String| BlockError::Line { path: files.path(RUNTIME), line: 1, reason };
    let text = text.trim();
    let unknown = || wrong(format!("`{}` is not a version: expected such as `python-3.11` or `r-4.2`", cut(text)));
    let mut parsed = Parsed::default();
    if let Some(version) = text.strip_prefix("r-") {
        let mut parts = version.splitn(2, '-');
        let (version, day) = (parts.next().unwrap_or_default(), parts.next());
        if !is_version(version) || version.contains('-') {
            return Err(unknown());
        }
        parsed.requires_r = Some(RVersions::of_series(version).ok_or_else(unknown)?);
        if let Some(day) = day {
            parsed
                .warnings
                .push(format!("`{RUNTIME}`: the day `{}` is ignored: the newest packages are taken", cut(day)));
        }
        return Ok(parsed.into());
    }
    let version = text.strip_prefix("python-").unwrap_or(text);
    if !is_version(version) || version.contains('-') {
        return Err(unknown());
    }
    // Only the first two numbers of a version count: the third differs between machines.
    let minor: Vec<&str> = version.split('.').take(2).collect();
    let versions = VersionSpecifiers::from_str(&format!("=={}.*", minor.join("."))).map_err(|_| unknown())?;
    parsed.requires_python = Some(versions);
    Ok(parsed.into())
}

fn cut(text: &str) -> String {
    text.chars().take(40).collect()
}

/// Whether a text is a Debian package's name, or `name=version`.
fn is_debian_name(text: &str) -> bool {
    let (name, version) = text.split_once('=').map_or((text, None), |(name, version)| (name, Some(version)));
    let lower = |character: char| character.is_ascii_lowercase() || character.is_ascii_digit();
    name.len() > 1
        && name.starts_with(lower)
        && name.chars().all(|character| lower(character) || "+-.".contains(character))
        && version.is_none_or(|version| {
            !version.is_empty()
                && version.chars().all(|character| character.is_ascii_alphanumeric() || "+-.:~".contains(character))
        })
}
