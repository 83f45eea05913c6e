//! `environment.yml`, the packages of a conda environment. Its `pip` part is read as pip reads it. Of the others those are
//! taken that have a name on the package index, in Debian or, for R, in repositories; the rest is reported.

use super::conda::{Counterpart, counterpart, requirement, split};
use super::folder_files::FolderFiles;
use super::parsed::{PACKAGES_MAX, Parsed, Reading, cut};
use super::requirements_txt;
use super::yaml::{self, Value, Yaml};
use crate::error::BlockError;
use crate::model::Language;
use longshore_model::r_requirement::{RRequirement, RVersions};
use longshore_os::small_file::WRITTEN_MAX;
use pep440_rs::VersionSpecifiers;
use std::str::FromStr;

/// The names of the file.
pub(super) const FILES: [&str; 2] = ["environment.yml", "environment.yaml"];

/// Keys that say nothing about packages.
const KNOWN: [&str; 5] = ["name", "channels", "dependencies", "prefix", "platforms"];

/// Reads the file `name` for a script in `language`.
pub(super) fn read(files: &FolderFiles, name: &str, language: Language) -> Result<Reading, BlockError> {
    let Some(text) = files.read_text(name, WRITTEN_MAX)? else {
        return Ok(Reading::Nothing("it does not exist".into()));
    };
    let wrong = |line: usize, reason: String| BlockError::Line { path: files.path(name), line, reason };
    let Some(file) = yaml::read(&text).map_err(|error| wrong(error.line, error.reason))? else {
        return Ok(Reading::Nothing("it is empty".into()));
    };
    let mut reader = Reader { files, name, language, parsed: Parsed::default(), without: Vec::new(), hashed: None };
    let Value::Map(keys) = &file.value else {
        return Err(wrong(file.line, "it must be a map with the key `dependencies`".into()));
    };
    for (key, value) in keys.iter().filter(|(key, _)| !KNOWN.contains(&key.as_str())) {
        reader.parsed.warnings.push(format!("`{name}`, line {}: `{key}` is ignored", value.line));
    }
    match file.get("dependencies") {
        Some(Yaml { value: Value::List(list), .. }) => list.iter().try_for_each(|one| reader.one(one))?,
        Some(other) => return Err(wrong(other.line, "`dependencies` must be a list".into())),
        None => return Ok(Reading::Nothing("it has no `dependencies`".into())),
    }
    Ok(reader.finish()?.into())
}

struct Reader<'a> {
    files: &'a FolderFiles,
    name: &'a str,
    language: Language,
    parsed: Parsed,
    /// Packages without a counterpart.
    without: Vec<String>,
    /// The line of a `pip` part with hashes.
    hashed: Option<usize>,
}

impl Reader<'_> {
    fn wrong(&self, line: usize, reason: String) -> BlockError {
        BlockError::Line { path: self.files.path(self.name), line, reason }
    }

    fn one(&mut self, entry: &Yaml) -> Result<(), BlockError> {
        if self.parsed.dependencies.len() + self.parsed.system_packages.len() + self.without.len() > PACKAGES_MAX {
            return Err(self.wrong(entry.line, format!("it lists more than {PACKAGES_MAX} packages")));
        }
        match &entry.value {
            Value::Text(spec) => self.conda(entry.line, spec),
            Value::Map(keys) if keys.len() == 1 && keys[0].0 == "pip" => self.pip(&keys[0].1),
            _ => Err(self.wrong(entry.line, "expected a package, or `pip:` with a list of packages".into())),
        }
    }

    /// The part that pip installs.
    fn pip(&mut self, list: &Yaml) -> Result<(), BlockError> {
        let Value::List(list) = &list.value else {
            return Err(self.wrong(list.line, "`pip` must be a list".into()));
        };
        let mut lines = Vec::new();
        for one in list {
            let text = one.text().ok_or_else(|| self.wrong(one.line, "expected a package for pip".into()))?;
            lines.push((one.line, text.to_owned()));
        }
        if self.language == Language::R {
            if !lines.is_empty() {
                self.parsed.warnings.push(format!("`{}`: its `pip` part is ignored, as the script is in R", self.name));
            }
            return Ok(());
        }
        let pip = requirements_txt::read_lines(self.files, self.name, &lines)?;
        if pip.pinned.is_some() {
            self.hashed = Some(list.first().map_or(1, |first| first.line));
            self.parsed.pinned = pip.pinned;
        }
        self.parsed.dependencies.extend(pip.dependencies);
        self.parsed.places.extend(pip.places);
        self.parsed.constraints.extend(pip.constraints);
        self.parsed.warnings.extend(pip.warnings);
        Ok(())
    }

    /// A package of conda.
    fn conda(&mut self, line: usize, spec: &str) -> Result<(), BlockError> {
        let wrong = |reader: &Self, reason: &str| reader.wrong(line, format!("`{}`: {reason}", cut(spec)));
        let (name, version) = split(spec).map_err(|reason| wrong(self, reason))?;
        let requires = requirement(version);
        let is_r = name == "r-base" || name.starts_with("r-");
        match counterpart(&name) {
            Counterpart::Nothing => {}
            Counterpart::None => self.without.push(name),
            Counterpart::Debian(package) => self.parsed.system_packages.push(package.to_owned()),
            Counterpart::Python => {
                let requires = requires.map_err(|reason| wrong(self, reason))?;
                if self.language == Language::Python && !requires.is_empty() {
                    let versions = VersionSpecifiers::from_str(&any_patch(&requires));
                    let versions = versions.map_err(|_| wrong(self, "it is not a version of Python"))?;
                    self.parsed.requires_python = Some(versions);
                }
            }
            Counterpart::R => {
                let requires = requires.map_err(|reason| wrong(self, reason))?;
                if self.language == Language::R && !requires.is_empty() {
                    let versions = match requires.strip_prefix("==").filter(|exact| !exact.contains(',')) {
                        Some(exact) => RVersions::of_series(exact.trim_end_matches(['*', '.'])),
                        None => format!("R{requires}").parse().ok().and_then(RVersions::of),
                    };
                    let versions = versions.ok_or_else(|| wrong(self, "it is not a version of R"))?;
                    self.parsed.requires_r = Some(versions);
                }
            }
            Counterpart::RPackage(package) if self.language == Language::R => {
                // Conda writes a hyphen of R's versions as an underscore.
                let requires = requires.map_err(|reason| wrong(self, reason))?.replace('_', "-");
                let requirement = format!("{package}{requires}").parse::<RRequirement>();
                let requirement = requirement.map_err(|error| wrong(self, &error.to_string()))?;
                self.parsed.dependencies.push(requirement.to_string());
            }
            Counterpart::Index(_) | Counterpart::RPackage(_) if is_r != (self.language == Language::R) => {
                let name = self.name;
                let language = self.language;
                let remark =
                    format!("`{name}`, line {line}: `{}` is ignored, as the script is in {language}", cut(spec));
                self.parsed.remarks.push(remark);
            }
            Counterpart::Index(package) => {
                let requires = requires.map_err(|reason| wrong(self, reason))?;
                let text = format!("{package}{requires}");
                let requirement = crate::python_requirement::read(&text).map_err(|reason| self.wrong(line, reason))?;
                self.parsed.places.push((requirement.text.clone(), self.name.to_owned(), line));
                self.parsed.dependencies.push(requirement.text);
            }
            Counterpart::RPackage(_) => {}
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Parsed, BlockError> {
        let pinned = self.parsed.pinned.as_ref().map_or(0, Vec::len);
        if let Some(line) = self.hashed.filter(|_| pinned < self.parsed.dependencies.len()) {
            let reason = "its packages have hashes, which those of conda lack: list all of them here with their hashes";
            return Err(self.wrong(line, reason.into()));
        }
        if !self.without.is_empty() {
            /// What a line shows.
            const MOST: usize = 20;
            let mut names: Vec<String> = self.without.iter().take(MOST).cloned().collect();
            if self.without.len() > MOST {
                names.push(format!("and {} more", self.without.len() - MOST));
            }
            let name = self.name;
            let names = names.join(", ");
            self.parsed.warnings.push(format!("`{name}`: packages of conda alone are not installed: {names}"));
        }
        Ok(self.parsed)
    }
}

/// Versions of Python in which an exact one stands for all with its first two numbers: the third differs between machines.
fn any_patch(requires: &str) -> String {
    match requires.strip_prefix("==").filter(|exact| !exact.contains(',')) {
        Some(exact) => format!("=={}.*", exact.trim_end_matches(".*").split('.').take(2).collect::<Vec<_>>().join(".")),
        None => requires.to_owned(),
    }
}
