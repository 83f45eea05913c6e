//! Modules that a Python script imports, and packages that an R script attaches, that nothing declares and that
//! Longshore's own images lack. A run would fail at the import, so they are told before it.

use super::document;
use super::model::{Block, Language};
use super::neighbours;
use super::python_imports::{Import, imports};
use super::python_modules::{is_standard, package_of_module};
use super::python_requirement::package_name;
use super::r_packages;
use longshore_model::package_name::normal_name;
use serde::Serialize;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The packages of the image `python`; what they need in turn follows.
const PYTHON_IMAGE: &str = include_str!("../../../images/python-requirements.txt");

/// Modules of the SDK, and of packages that those in the image need.
const ALSO_IN_PYTHON: [&str; 19] = [
    "longshore",
    "omniscope",
    "certifi",
    "charset_normalizer",
    "cloudpickle",
    "contourpy",
    "cycler",
    "et_xmlfile",
    "fontTools",
    "idna",
    "joblib",
    "kiwisolver",
    "narwhals",
    "packaging",
    "PIL",
    "pyparsing",
    "threadpoolctl",
    "tzdata",
    "urllib3",
];

/// The packages of the image `r` besides those of R itself, as Debian names them in its Dockerfile.
const DOCKERFILE: &str = include_str!("../../../images/Dockerfile");

/// The start of Debian's names of R packages.
const R_OF_DEBIAN: &str = "r-cran-";

/// Packages that those in the image need.
const ALSO_IN_R: [&str; 34] = [
    "MASS",
    "Matrix",
    "R6",
    "RColorBrewer",
    "bit",
    "cli",
    "colorspace",
    "cpp11",
    "fansi",
    "farver",
    "generics",
    "glue",
    "gtable",
    "isoband",
    "labeling",
    "lattice",
    "lifecycle",
    "magrittr",
    "mgcv",
    "munsell",
    "nlme",
    "pillar",
    "pkgconfig",
    "purrr",
    "rlang",
    "scales",
    "stringi",
    "tibble",
    "tidyselect",
    "timechange",
    "utf8",
    "vctrs",
    "viridisLite",
    "withr",
];

/// A module or a package that nothing declares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Undeclared {
    /// The file of the block that names it.
    pub file: String,
    /// The line, from 1; 0 where it is unknown.
    #[serde(skip_serializing_if = "is_zero")]
    pub line: usize,
    /// The module, or for R the package.
    pub module: String,
    /// The package that has it; `None` if no well-known one has it.
    pub package: Option<String>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(line: &usize) -> bool {
    *line == 0
}

impl Block {
    /// What its script needs, nothing declares, and the block's image lacks. Nothing is known about images of others.
    #[must_use]
    pub fn undeclared(&self) -> Vec<Undeclared> {
        if self.image.is_some() || self.dockerfile.is_some() {
            return Vec::new();
        }
        match self.language {
            Language::Python => self.undeclared_modules(),
            Language::R => self.undeclared_packages(),
        }
    }

    /// The top-level modules that its sources import, or the packages that they attach.
    #[must_use]
    pub fn needed_modules(&self) -> Vec<String> {
        let named = |source: &str| match self.language {
            Language::Python => imports(source).iter().filter_map(Import::top).map(str::to_owned).collect(),
            Language::R => r_packages::named(source),
        };
        self.own_sources().iter().flat_map(|(_, source)| named(source)).collect()
    }

    fn undeclared_modules(&self) -> Vec<Undeclared> {
        let mut declared: BTreeSet<String> = self.dependencies.iter().map(|text| name_of(text)).collect();
        let pinned = self.pinned.iter().flat_map(|pinned| &pinned.packages);
        declared.extend(pinned.map(|package| normal_name(&package.name)));
        let of_image: BTreeSet<String> = PYTHON_IMAGE.lines().map(name_of).collect();
        let is_there = |import: &Import, top: &str| {
            let package = package_of_module(&import.longest()).or_else(|| package_of_module(top));
            let names = [Some(normal_name(top)), package.map(normal_name)];
            names.into_iter().flatten().any(|name| declared.contains(&name) || of_image.contains(&name))
                // A package with a name that the table does not know may have any module.
                || package.is_none() && !declared.is_empty()
        };
        let mut found: Vec<Undeclared> = Vec::new();
        for (file, source) in self.own_sources() {
            for import in imports(&source).iter().filter(|import| !import.optional) {
                let Some(top) = import.top() else { continue };
                let known = is_standard(top) || ALSO_IN_PYTHON.contains(&top) || self.has_module(top);
                if known || is_there(import, top) || found.iter().any(|other| other.module == top) {
                    continue;
                }
                let package = package_of_module(&import.longest()).map(str::to_owned);
                found.push(Undeclared { file: file.clone(), line: import.line, module: top.to_owned(), package });
            }
        }
        found
    }

    fn undeclared_packages(&self) -> Vec<Undeclared> {
        let mut found: Vec<Undeclared> = Vec::new();
        for (file, source) in self.own_sources() {
            for package in r_packages::named(&source) {
                let of_debian = format!("{R_OF_DEBIAN}{}", package.to_lowercase());
                let in_image = DOCKERFILE.split_whitespace().any(|word| word == of_debian);
                let there = in_image || ALSO_IN_R.contains(&package.as_str());
                let declared = self.dependencies.iter().any(|declared| r_name(declared) == package);
                if !declared && !there && !found.iter().any(|other| other.module == package) {
                    let (file, module) = (file.clone(), package.clone());
                    found.push(Undeclared { file, line: 0, module, package: Some(package) });
                }
            }
        }
        found
    }

    /// The script and the block's own sources that it needs.
    fn own_sources(&self) -> Vec<(String, String)> {
        let script = Path::new(&self.script);
        let (folder, script) = match self.language {
            Language::Python => (self.script_folder(), Path::new(script.file_name().unwrap_or_default())),
            Language::R => (self.folder.clone(), script),
        };
        let neighbours = neighbours::find(&folder, script, self.language).map(|found| found.files).unwrap_or_default();
        let script = script.to_string_lossy().into_owned();
        let paths = std::iter::once(script).chain(neighbours.into_iter().map(|file| file.path));
        let read = |path: String| {
            let source = document::source(&folder.join(&path)).ok()?;
            Some((path, source))
        };
        paths.filter_map(read).collect()
    }

    /// The folder that Python looks for modules in first.
    fn script_folder(&self) -> PathBuf {
        self.folder.join(Path::new(&self.script).parent().unwrap_or(Path::new("")))
    }

    /// Whether a module is among the files beside the script.
    fn has_module(&self, module: &str) -> bool {
        let folder = self.script_folder();
        folder.join(format!("{module}.py")).is_file() || folder.join(module).is_dir()
    }
}

/// The package of a requirement; of an address alone the address.
fn name_of(requirement: &str) -> String {
    package_name(requirement).unwrap_or_else(|| requirement.to_owned())
}

/// The package of an R dependency, which may have a version.
fn r_name(dependency: &str) -> &str {
    let inside = |character: char| character.is_ascii_alphanumeric() || character == '.';
    &dependency[..dependency.find(|character| !inside(character)).unwrap_or(dependency.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(manifest: &str, script: &str, source: &str) -> Vec<(String, Option<String>)> {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let language = if script.ends_with(".R") { "r" } else { "python" };
        let manifest = format!("name = \"x\"\nlanguage = \"{language}\"\nscript = \"{script}\"\n{manifest}");
        std::fs::write(at("block.toml"), manifest).unwrap();
        std::fs::write(at(script), source).unwrap();
        std::fs::write(at("own.py"), "import bs4").unwrap();
        std::fs::create_dir(at("folder")).unwrap();
        let undeclared = Block::load(folder.path()).unwrap().block.undeclared();
        undeclared.into_iter().map(|found| (found.module, found.package)).collect()
    }

    fn some(module: &str, package: &str) -> (String, Option<String>) {
        (module.to_owned(), Some(package.to_owned()))
    }

    #[test]
    fn what_a_python_script_imports_and_nothing_declares_is_found() {
        let source = "import os, json, numpy, pandas as pd, dateutil.parser, requests\nfrom longshore.api import Api\n\
            import cv2, xgboost\nfrom lib import x\nimport folder.y, own\n\
            try:\n    import yaml\nexcept ImportError:\n    yaml = None\n";
        let expected = vec![
            some("cv2", "opencv-python-headless"),
            some("xgboost", "xgboost"),
            ("lib".into(), None),
            some("bs4", "beautifulsoup4"),
        ];
        assert_eq!(found("", "s.py", source), expected);
        let declared =
            "dependencies = [\"Opencv_Python.headless>=4\", \"xgboost[x] ; python_version > '3'\", \"lib-of-ours\"]";
        assert_eq!(found(declared, "s.py", source), [some("bs4", "beautifulsoup4")]);
        assert_eq!(found("image = \"team/x:1\"", "s.py", source), []);
        assert_eq!(found("", "s.py", "from google.cloud import storage"), [some("google", "google-cloud-storage")]);
    }

    #[test]
    fn what_an_r_script_attaches_and_nothing_declares_is_found() {
        let source =
            "library(xgboost); library(data.table); stats::sd(1); dplyr::filter(x); zoo::rollmean(x); rlang::abort";
        assert_eq!(found("", "s.R", source), [some("xgboost", "xgboost"), some("zoo", "zoo")]);
        assert_eq!(found("dependencies = [\"xgboost >= 1.0\"]", "s.R", source), [some("zoo", "zoo")]);
    }
}
