//! `uv.lock`: the exact packages of a project, used as they are. Only what the project needs on Linux is taken: packages of
//! groups and extras are for others. Which of several versions counts is a condition that the installer evaluates.

use super::folder_files::FolderFiles;
use super::parsed::{PACKAGES_MAX, Parsed, Reading};
use super::pyproject::requires_python;
use super::requirements_txt::is_hash;
use crate::error::BlockError;
use crate::needed::PinnedPackage;
use crate::python_requirement;
use crate::toml_text::TomlText;
use longshore_model::address::masked;
use longshore_os::small_file::MADE_MAX;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use toml::Spanned;

/// The file.
pub(super) const FILE: &str = "uv.lock";

/// The format's version. A later one may mean other things by the same keys.
const VERSION: u64 = 1;

#[derive(Debug, Deserialize)]
struct Lock {
    version: u64,
    #[serde(rename = "requires-python")]
    requires_python: Option<Spanned<String>>,
    conflicts: Option<toml::Value>,
    #[serde(default)]
    package: Vec<Package>,
}

#[derive(Debug, Deserialize)]
struct Package {
    name: Spanned<String>,
    version: Option<String>,
    source: Source,
    #[serde(default)]
    dependencies: Vec<Edge>,
    #[serde(default, rename = "optional-dependencies")]
    extras: BTreeMap<String, Vec<Edge>>,
    #[serde(default, rename = "resolution-markers")]
    markers: Vec<String>,
    sdist: Option<File>,
    #[serde(default)]
    wheels: Vec<File>,
}

#[derive(Debug, Default, Clone, PartialEq, Eq, Deserialize)]
struct Source {
    registry: Option<String>,
    url: Option<String>,
    git: Option<String>,
    path: Option<String>,
    directory: Option<String>,
    editable: Option<String>,
    #[serde(rename = "virtual")]
    without_package: Option<String>,
}

#[derive(Debug, Deserialize)]
struct File {
    hash: Option<String>,
}

/// That a package needs another one.
#[derive(Debug, Deserialize)]
struct Edge {
    name: String,
    version: Option<String>,
    source: Option<Source>,
    marker: Option<String>,
    #[serde(default)]
    extra: Vec<String>,
}

/// Reads the file of a project whose own packages are `declared`.
pub(super) fn read(files: &FolderFiles, declared: Parsed) -> Result<Reading, BlockError> {
    let Some(text) = files.read_text(FILE, MADE_MAX)? else {
        return Ok(Reading::Nothing("it does not exist".into()));
    };
    let path = files.path(FILE);
    let document = TomlText::new(&path, &text);
    let lock: Lock = document.read()?;
    if lock.version != VERSION {
        return Err(document.invalid(format!("its version is {}, and version {VERSION} is read", lock.version)));
    }
    if lock.conflicts.is_some() {
        return Err(document.invalid("it has `conflicts` between extras or groups, which are not read".into()));
    }
    if lock.package.len() > PACKAGES_MAX {
        return Err(document.invalid(format!("it lists more than {PACKAGES_MAX} packages")));
    }
    let is_root = |package: &&Package| {
        [&package.source.editable, &package.source.without_package].into_iter().flatten().any(|folder| folder == ".")
    };
    let Some(root) = lock.package.iter().find(is_root) else {
        return Err(document.invalid("it has no package for the project in this folder".into()));
    };
    check_up_to_date(root, &declared, document)?;
    let mut parsed = Parsed { dependencies: declared.dependencies, ..Parsed::default() };
    parsed.requires_python = lock.requires_python.map(|versions| requires_python(versions, document)).transpose()?;
    let needed = Closure::of(root, &lock.package, document)?;
    let mut pinned = Vec::new();
    let mut indexes: BTreeMap<&str, usize> = BTreeMap::new();
    for (at, conditions) in needed.conditions {
        let package = &lock.package[at];
        pinned.push(pin(package, conditions, document)?);
        let index = package.source.registry.as_deref();
        index.into_iter().for_each(|index| *indexes.entry(index.trim_end_matches('/')).or_default() += 1);
    }
    // The one of most packages is the project's usual index.
    let usual = indexes.iter().max_by_key(|(_, packages)| **packages).map(|(index, _)| *index);
    for index in indexes.keys().filter(|index| Some(**index) != usual) {
        let index = masked(index);
        parsed.warnings.push(format!(
            "`{FILE}`: packages of the index `{index}` are looked for in the index of the settings, by their hashes"
        ));
    }
    parsed.pinned = Some(pinned);
    Ok(parsed.into())
}

/// Refuses a lock that was made for other packages than those that the project lists.
fn check_up_to_date(root: &Package, declared: &Parsed, document: TomlText<'_>) -> Result<(), BlockError> {
    let locked: BTreeSet<&str> = root.dependencies.iter().map(|edge| edge.name.as_str()).collect();
    let names = declared.dependencies.iter().filter_map(|text| python_requirement::read(text).ok());
    let names: BTreeSet<String> = names.map(|requirement| requirement.name).collect();
    let missing = names.iter().find(|name| !locked.contains(name.as_str()));
    let extra = locked.iter().find(|name| !names.contains(**name));
    let reason = match (missing, extra) {
        (None, None) => return Ok(()),
        (Some(name), _) => format!("`pyproject.toml` lists `{name}`, which it does not have"),
        (None, Some(name)) => format!("it has `{name}`, which `pyproject.toml` does not list"),
    };
    Err(document.invalid(format!("{reason}: write it again with uv")))
}

/// Everything that a project needs, directly and through others.
struct Closure {
    /// The packages, by their positions, each with the alternatives under which it is needed; none if it always is.
    conditions: BTreeMap<usize, Vec<String>>,
}

impl Closure {
    fn of(root: &Package, packages: &[Package], document: TomlText<'_>) -> Result<Self, BlockError> {
        let mut by_name = BTreeMap::<&str, Vec<usize>>::new();
        for (at, package) in packages.iter().enumerate() {
            by_name.entry(package.name.get_ref()).or_default().push(at);
        }
        let mut conditions = BTreeMap::<usize, Option<Vec<String>>>::new();
        let mut seen = BTreeSet::<(usize, Option<&str>)>::new();
        let mut edges: Vec<&Edge> = root.dependencies.iter().collect();
        while let Some(edge) = edges.pop() {
            let found = by_name.get(edge.name.as_str()).into_iter().flatten().copied().filter(|at| {
                let package = &packages[*at];
                (edge.version.is_none() || edge.version == package.version)
                    && edge.source.as_ref().is_none_or(|source| *source == package.source)
            });
            let found: Vec<usize> = found.collect();
            let [at] = found[..] else {
                let number = if found.is_empty() { "no" } else { "more than one" };
                return Err(document.invalid(format!("it has {number} package `{}` that another one needs", edge.name)));
            };
            let alternatives = conditions.entry(at).or_insert_with(|| Some(Vec::new()));
            match (&edge.marker, alternatives) {
                (None, alternatives) => *alternatives = None,
                (Some(marker), Some(alternatives)) if !alternatives.contains(marker) => {
                    python_requirement::check_marker(marker).map_err(|reason| document.invalid(reason))?;
                    alternatives.push(marker.clone());
                }
                _ => {}
            }
            let package = &packages[at];
            if seen.insert((at, None)) {
                edges.extend(&package.dependencies);
            }
            for extra in &edge.extra {
                if seen.insert((at, Some(extra))) {
                    edges.extend(package.extras.get(extra).into_iter().flatten());
                }
            }
        }
        let conditions = conditions.into_iter().map(|(at, alternatives)| (at, alternatives.unwrap_or_default()));
        Ok(Self { conditions: conditions.collect() })
    }
}

fn pin(package: &Package, conditions: Vec<String>, document: TomlText<'_>) -> Result<PinnedPackage, BlockError> {
    let name = package.name.get_ref();
    let wrong = |reason: String| document.at(package.name.span().start, reason);
    let Source { registry, url, git, .. } = &package.source;
    if registry.is_none() && url.is_none() {
        let from = if git.is_some() { "version control" } else { "a folder of the machine where it was locked" };
        return Err(wrong(format!("`{name}` is from {from}, which builds do not see: use a release of it")));
    }
    let version = package.version.clone().unwrap_or_default();
    if registry.is_some() && version.is_empty() {
        return Err(wrong(format!("`{name}` has no version")));
    }
    let files = package.wheels.iter().chain(&package.sdist);
    let hashes: Vec<String> = files.filter_map(|file| file.hash.clone()).collect();
    if let Some(hash) = hashes.iter().find(|hash| !is_hash(hash)) {
        return Err(wrong(format!("`{name}` has `{hash}`, which is not a hash of a kind that is read")));
    }
    for marker in &package.markers {
        python_requirement::check_marker(marker).map_err(&wrong)?;
    }
    let mut marker: Vec<String> = [any_of(&package.markers), any_of(&conditions)].into_iter().flatten().collect();
    marker.dedup();
    let marker = (!marker.is_empty()).then(|| marker.join(" and "));
    Ok(PinnedPackage { name: name.clone(), version, url: url.clone(), marker, hashes })
}

/// A condition that holds if one of these does.
fn any_of(alternatives: &[String]) -> Option<String> {
    let parts: Vec<String> = alternatives.iter().map(|one| format!("({one})")).collect();
    match parts.len() {
        0 => None,
        1 => parts.into_iter().next(),
        _ => Some(format!("({})", parts.join(" or "))),
    }
}
