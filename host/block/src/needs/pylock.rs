//! `pylock.toml` (PEP 751): the exact packages of a project, in the form that all installers share. They are used as they
//! are, without extras, and with the groups that the file names as its defaults.

use super::folder_files::FolderFiles;
use super::parsed::{PACKAGES_MAX, Parsed, Reading};
use super::pyproject::requires_python;
use super::requirements_txt::is_hash;
use crate::error::BlockError;
use crate::needed::PinnedPackage;
use crate::python_requirement;
use crate::toml_text::TomlText;
use longshore_os::small_file::MADE_MAX;
use serde::Deserialize;
use std::collections::BTreeMap;
use toml::Spanned;

/// The file.
pub(super) const FILE: &str = "pylock.toml";

/// The first part of the format's version. A later one may mean other things by the same keys.
const VERSION: &str = "1";

/// Conditions that always hold, and never.
const ALWAYS: &str = "python_version >= '0'";
const NEVER: &str = "python_version < '0'";

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Lock {
    lock_version: String,
    requires_python: Option<Spanned<String>>,
    #[serde(default)]
    default_groups: Vec<String>,
    #[serde(default)]
    packages: Vec<Package>,
}

#[derive(Debug, Deserialize)]
struct Package {
    name: Spanned<String>,
    version: Option<String>,
    marker: Option<String>,
    vcs: Option<toml::Value>,
    directory: Option<toml::Value>,
    archive: Option<File>,
    sdist: Option<File>,
    #[serde(default)]
    wheels: Vec<File>,
}

#[derive(Debug, Deserialize)]
struct File {
    url: Option<String>,
    #[serde(default)]
    hashes: BTreeMap<String, String>,
}

impl File {
    /// The hashes of kinds that installers accept.
    fn hashes(&self) -> impl Iterator<Item = String> {
        let hashes = self.hashes.iter().map(|(algorithm, digest)| format!("{algorithm}:{digest}"));
        hashes.filter(|hash| is_hash(hash))
    }
}

/// Reads the file.
pub(super) fn read(files: &FolderFiles) -> Result<Reading, BlockError> {
    let Some(text) = files.read_text(FILE, MADE_MAX)? else {
        return Ok(Reading::Nothing("it does not exist".into()));
    };
    let path = files.path(FILE);
    let document = TomlText::new(&path, &text);
    let lock: Lock = document.read()?;
    if lock.lock_version.split('.').next() != Some(VERSION) {
        return Err(document.invalid(format!("its version is {}, and version {VERSION} is read", lock.lock_version)));
    }
    if lock.packages.len() > PACKAGES_MAX {
        return Err(document.invalid(format!("it lists more than {PACKAGES_MAX} packages")));
    }
    let versions = lock.requires_python.map(|versions| requires_python(versions, document)).transpose()?;
    let mut parsed = Parsed { requires_python: versions, ..Parsed::default() };
    let pin = |package: &Package| pin(package, &lock.default_groups, document);
    let mut pinned = lock.packages.iter().map(pin).collect::<Result<Vec<_>, _>>()?;
    pinned.retain(|package| package.marker.as_deref() != Some(NEVER));
    if pinned.is_empty() {
        return Ok(Reading::Nothing("it lists no packages".into()));
    }
    parsed.dependencies = pinned.iter().map(PinnedPackage::requirement).collect();
    parsed.pinned = Some(pinned);
    Ok(parsed.into())
}

fn pin(package: &Package, groups: &[String], document: TomlText<'_>) -> Result<PinnedPackage, BlockError> {
    let (offset, name) = (package.name.span().start, package.name.get_ref());
    let wrong = |reason: String| document.at(offset, reason);
    let elsewhere = if package.vcs.is_some() {
        Some("version control")
    } else if package.directory.is_some() || package.archive.as_ref().is_some_and(|archive| archive.url.is_none()) {
        Some("a file or folder of the machine where it was locked")
    } else {
        None
    };
    if let Some(from) = elsewhere {
        return Err(wrong(format!("`{name}` is from {from}, which builds do not see: use a release of it")));
    }
    let version = package.version.clone().unwrap_or_default();
    let url = package.archive.as_ref().and_then(|archive| archive.url.clone());
    let exact = if url.is_some() { "a".to_owned() } else { format!("{name}=={version}") };
    python_requirement::read(&exact).map_err(&wrong)?;
    let files = package.wheels.iter().chain(&package.sdist).chain(&package.archive);
    let mut hashes: Vec<String> = files.flat_map(File::hashes).collect();
    hashes.sort();
    hashes.dedup();
    if hashes.is_empty() {
        return Err(wrong(format!("`{name}` has no hash of a file that could be installed")));
    }
    let marker = package.marker.as_ref().map(|marker| without_sets(marker, groups));
    if let Some(marker) = &marker {
        python_requirement::check_marker(marker).map_err(&wrong)?;
    }
    Ok(PinnedPackage { name: name.clone(), version, url, marker, hashes })
}

/// A condition without the sets that only this format has: no extra is selected, and the groups are the default ones.
fn without_sets(marker: &str, groups: &[String]) -> String {
    let mut rest = marker;
    let mut plain = String::new();
    while let Some(at) = rest.find(['\'', '"']) {
        let quote = &rest[at..=at];
        let Some(length) = rest[at + 1..].find(quote) else { break };
        let (value, after) = (&rest[at + 1..at + 1 + length], &rest[at + length + 2..]);
        let words: Vec<&str> = after.split_whitespace().take(3).collect();
        let (negated, set) = match words[..] {
            ["in", set, ..] => (false, set),
            ["not", "in", set] => (true, set),
            _ => (false, ""),
        };
        let set = set.trim_end_matches(')');
        plain.push_str(&rest[..at]);
        if !matches!(set, "extras" | "dependency_groups") {
            plain.push_str(&rest[at..at + length + 2]);
            rest = after;
            continue;
        }
        let holds = set == "dependency_groups" && groups.iter().any(|group| group == value);
        plain.push_str(if holds != negated { ALWAYS } else { NEVER });
        let end = after.find(set).map_or(after.len(), |start| start + set.len());
        rest = &after[end..];
    }
    plain + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_extra_is_selected_and_the_default_groups_are() {
        let groups = ["base".to_owned()];
        for (marker, expected) in [
            ("python_version < '3.12'", "python_version < '3.12'".to_owned()),
            ("'dev' in extras", NEVER.into()),
            ("'dev' not in extras or os_name == 'x'", format!("{ALWAYS} or os_name == 'x'")),
            ("('base' in dependency_groups) and \"a\" in extras", format!("({ALWAYS}) and {NEVER}")),
            ("'base' not in dependency_groups", NEVER.into()),
            ("'unterminated", "'unterminated".into()),
            ("'é' in extras", NEVER.into()),
        ] {
            assert_eq!(without_sets(marker, &groups), expected, "{marker}");
        }
    }
}
