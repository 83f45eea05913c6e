//! `pyproject.toml`: the packages of `[project]`, and the versions of Python with which they work. Dependency groups are
//! for development, and not installed.

use super::folder_files::FolderFiles;
use super::parsed::{PACKAGES_MAX, Parsed, Reading};
use crate::error::BlockError;
use crate::python_requirement;
use crate::toml_text::TomlText;
use longshore_model::package_name::normal_name;
use longshore_os::small_file::WRITTEN_MAX;
use pep440_rs::VersionSpecifiers;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::str::FromStr;
use toml::Spanned;

/// The file.
pub(super) const FILE: &str = "pyproject.toml";

#[derive(Debug, Deserialize)]
struct Manifest {
    project: Option<Project>,
    #[serde(default)]
    tool: Tools,
}

#[derive(Debug, Deserialize)]
struct Project {
    dependencies: Option<Vec<Spanned<String>>>,
    #[serde(rename = "requires-python")]
    requires_python: Option<Spanned<String>>,
    #[serde(default)]
    dynamic: Vec<String>,
}

/// Tables of tools: of poetry only whether it is there.
#[derive(Debug, Default, Deserialize)]
struct Tools {
    poetry: Option<toml::Table>,
    #[serde(default)]
    uv: Uv,
}

/// The table of uv: where packages are from, by their names.
#[derive(Debug, Default, Deserialize)]
struct Uv {
    #[serde(default)]
    sources: BTreeMap<String, Source>,
}

/// A source, or one for each of several conditions.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Source {
    One(toml::Table),
    Several(Vec<toml::Table>),
}

impl Source {
    /// What a package is from, if that is no index. A package of the same name on an index may be another one.
    fn elsewhere(&self) -> Option<&'static str> {
        let sources = match self {
            Self::One(source) => std::slice::from_ref(source),
            Self::Several(sources) => sources,
        };
        let from =
            |key: &str, what: &'static str| sources.iter().any(|source| source.contains_key(key)).then_some(what);
        from("git", "version control")
            .or_else(|| from("url", "an address"))
            .or_else(|| from("path", "a file or folder"))
            .or_else(|| from("workspace", "another folder of its workspace"))
    }
}

/// Reads the file.
pub(super) fn read(files: &FolderFiles) -> Result<Reading, BlockError> {
    let Some(text) = files.read_text(FILE, WRITTEN_MAX)? else {
        return Ok(Reading::Nothing("it does not exist".into()));
    };
    let path = files.path(FILE);
    let document = TomlText::new(&path, &text);
    let manifest: Manifest = document.read()?;
    let sources = manifest.tool.uv.sources.into_iter();
    let sources: BTreeMap<String, Source> = sources.map(|(name, source)| (normal_name(&name), source)).collect();
    let Some(project) = manifest.project else {
        let is_poetrys = manifest.tool.poetry.is_some_and(|poetry| poetry.contains_key("dependencies"));
        return Ok(match is_poetrys {
            true => Reading::Unreadable("packages in `[tool.poetry]` are not read: list them in `[project]`".into()),
            false => Reading::Nothing("it has no `[project]`".into()),
        });
    };
    let versions = project.requires_python.map(|versions| requires_python(versions, document)).transpose()?;
    let mut parsed = Parsed { requires_python: versions, ..Parsed::default() };
    if project.dynamic.iter().any(|key| key == "dependencies") {
        let reason = "`[project]` has its `dependencies` made by a build (`dynamic`), which does not run";
        return Ok(Reading::Unreadable(reason.into()));
    }
    let Some(dependencies) = project.dependencies else {
        return Ok(Reading::Nothing("`[project]` has no `dependencies`".into()));
    };
    for one in dependencies {
        let offset = one.span().start;
        if parsed.dependencies.len() == PACKAGES_MAX {
            return Err(document.at(offset, format!("it lists more than {PACKAGES_MAX} packages")));
        }
        let requirement = python_requirement::read(one.get_ref()).map_err(|reason| document.at(offset, reason))?;
        if let Some(from) = sources.get(&requirement.name).and_then(Source::elsewhere) {
            let reason = format!("`{}` is from {from} (`[tool.uv.sources]`)", requirement.name);
            return Err(
                document.at(offset, format!("{reason}, and packages are installed from indexes: use a release of it"))
            );
        }
        parsed.dependencies.push(requirement.text);
    }
    Ok(parsed.into())
}

/// The versions of Python in a file, or in the metadata of a script.
pub(crate) fn requires_python(
    versions: Spanned<String>,
    document: TomlText<'_>,
) -> Result<VersionSpecifiers, BlockError> {
    let wrong = |error| {
        document.at(
            versions.span().start,
            format!("`requires-python` is `{}`, but must be versions: {error}", versions.get_ref()),
        )
    };
    VersionSpecifiers::from_str(versions.get_ref()).map_err(wrong)
}
