//! Where a block lists each of its packages: which file, and which line where that is known. The texts are for people, and
//! name files of the block's folder only.

use crate::python_requirement::cut_name;
use std::collections::BTreeMap;
use std::path::Path;

/// The places of a block's packages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origins {
    /// Of the packages of its language, by their text in `dependencies` of the block.
    pub packages: BTreeMap<String, String>,
    /// Of its Debian packages, by their text in `system_packages` of the block.
    pub system_packages: BTreeMap<String, String>,
}

impl Origins {
    /// Notes a package of the language; the first place counts.
    pub(crate) fn package(&mut self, package: &str, place: String) {
        self.packages.entry(package.to_owned()).or_insert(place);
    }

    /// Notes the lines of a file in which packages are, after a key: its format has no places of its own. Those after one
    /// that is written in another way have none.
    pub(crate) fn find(&mut self, packages: &[String], text: &str, key: &str, path: &Path) {
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        let Some(mut at) = text.find(key).map(|at| at + key.len()) else { return };
        let mut line = text[..at].matches('\n').count() + 1;
        for package in packages {
            let (name, rest) = cut_name(package);
            let wanted = if name.is_empty() || rest.starts_with([':', '+', '/']) { package } else { name };
            let Some(found) = text[at..].find(wanted) else { return };
            line += text[at..at + found].matches('\n').count();
            at += found + wanted.len();
            self.package(package, format!("`{file}`, line {line}"));
        }
    }

    /// Gives all of these packages that have no place this one.
    pub(crate) fn fill(&mut self, packages: &[String], system_packages: &[String], place: &str) {
        for (listed, places) in [(packages, &mut self.packages), (system_packages, &mut self.system_packages)] {
            for package in listed {
                places.entry(package.clone()).or_insert_with(|| place.to_owned());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::Block;
    use std::path::Path;

    /// The places of the packages of a folder or, if it is named, a script in it.
    fn places(files: &[(&str, &str)], script: Option<&str>) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let path = script.map_or_else(|| folder.path().to_owned(), |script| folder.path().join(script));
        of(&path)
    }

    fn of(path: &Path) -> Vec<String> {
        let block = Block::load(path).unwrap().block;
        let texts = |listed: &[String], places: &std::collections::BTreeMap<String, String>| {
            listed.iter().map(|package| format!("{package}: {}", places[package])).collect::<Vec<_>>()
        };
        let origins = &block.origins;
        [texts(&block.dependencies, &origins.packages), texts(&block.system_packages, &origins.system_packages)]
            .concat()
    }

    #[test]
    fn each_package_has_its_file_and_line() {
        let requirements = "# ours\nhumanize>=4\n-r more/other.txt\n";
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("more")).unwrap();
        std::fs::write(folder.path().join("more/other.txt"), "\nsix ; python_version > '3'\nhumanize>=4\n").unwrap();
        std::fs::write(folder.path().join("requirements.txt"), requirements).unwrap();
        std::fs::write(folder.path().join("apt.txt"), "tree\n# x\ngdal-bin jq\n").unwrap();
        std::fs::write(folder.path().join("main.py"), "").unwrap();
        assert_eq!(
            of(folder.path()),
            [
                "humanize>=4: `requirements.txt`, line 2",
                "six ; python_version > '3': `more/other.txt`, line 2",
                "humanize>=4: `requirements.txt`, line 2",
                "tree: `apt.txt`",
                "gdal-bin: `apt.txt`",
                "jq: `apt.txt`",
            ]
        );
    }

    #[test]
    fn packages_of_manifests_scripts_and_other_files_have_their_place() {
        let toml = "name = \"x\"\nlanguage = \"python\"\nscript = \"s.py\"\ndependencies = [\"six\"]\nsystem_packages = [\"tree\"]\n";
        let files = [("block.toml", toml), ("s.py", "import humanize"), ("requirements.txt", "humanize")];
        assert_eq!(places(&files, None), ["six: `block.toml`, line 4", "tree: `block.toml`, line 5"]);
        let pep =
            "# /// script\n# dependencies = [\"six\"]\n# [tool.longshore]\n# system_packages = [\"tree\"]\n# ///\n";
        let metadata = ["six: the metadata of `s.py`", "tree: `s.py`, line 4"];
        assert_eq!(places(&[("s.py", pep)], Some("s.py")), metadata);
        let r = "library(zoo)\nxts::xts(1)\n";
        assert_eq!(places(&[("s.R", r)], Some("s.R")), ["zoo: the code of `s.R`", "xts: the code of `s.R`"]);
        let project = "[project]\nname = \"x\"\nversion = \"1\"\ndependencies = [\"six\"]\n";
        assert_eq!(places(&[("main.py", ""), ("pyproject.toml", project)], None), ["six: `pyproject.toml`"]);
        let conda = "dependencies:\n  - tqdm\n  - pip:\n    - six\n";
        let conda = places(&[("main.py", ""), ("environment.yml", conda)], None);
        assert_eq!(conda, ["tqdm: `environment.yml`, line 2", "six: `environment.yml`, line 4"]);
        let manifest = "{\"name\": \"Old\", \"scriptFilename\": \"a.py\", \"language\": \"PYTHON\",\n\"dependencies\":\n\"six >= 1\n git+https://x.example/a b @ https://x.example/b.whl\"}".replace("1\n", "1\\n");
        let listed = places(&[("manifest.json", &manifest), ("a.py", "")], None);
        assert_eq!(
            listed[..2],
            ["six>=1: `manifest.json`, line 3", "git+https://x.example/a: `manifest.json`, line 3"]
        );
        assert_eq!(listed[2], "b @ https://x.example/b.whl: `manifest.json`, line 3");
        let manifest = r#"{"name": "Old", "scriptFilename": "a.py", "language": "PYTHON", "schemaType": "HEADLESS"}"#;
        let snippet = places(&[("manifest.json", manifest), ("a.py", "import cv2")], None);
        assert_eq!(snippet, ["opencv-python-headless: an import of `a.py`"]);
        let notebook = r#"{"cells": [], "metadata": {"kernelspec": {"language": "python", "name": "python3"}}, "nbformat": 4, "nbformat_minor": 5}"#;
        let notebook = places(&[("n.ipynb", notebook)], Some("n.ipynb"));
        assert!(!notebook.is_empty() && notebook.iter().all(|line| line.ends_with(": runs `n.ipynb`")), "{notebook:?}");
    }
}
