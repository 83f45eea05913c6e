//! Loads a block from a path: a folder with either manifest, or a bare script.

use super::error::BlockError;
use super::model::{Block, Form, Language, Loaded};
use super::options::OptionKind;
use super::{document, manifest_json, manifest_toml, r_packages};
use longshore_os::small_file;
use serde_json::Value;
use std::path::{Component, Path};

/// The manifests; the first one found is used.
const TOML: &str = "block.toml";
const JSON: &str = "manifest.json";

/// The most bytes of a script that is searched for packages: generated ones have a few MiB.
const SCRIPT_MAX: u64 = 64 << 20;

impl Block {
    /// Reads a block and checks that its script exists.
    ///
    /// # Errors
    /// [`BlockError`], with line and column for errors in a manifest's text.
    pub fn load(path: &Path) -> Result<Loaded, BlockError> {
        let mut loaded = Self::load_declared(path)?;
        document::complete(&mut loaded.block)?;
        Ok(loaded)
    }

    /// Reads what the manifest declares, or what the script's name tells.
    fn load_declared(path: &Path) -> Result<Loaded, BlockError> {
        let metadata = std::fs::metadata(path).map_err(|source| match source.kind() {
            std::io::ErrorKind::NotFound => BlockError::Missing { path: path.to_owned() },
            _ => BlockError::Read { path: path.to_owned(), source },
        })?;
        if !metadata.is_dir() {
            return bare_script(path);
        }
        let (toml, json) = (path.join(TOML), path.join(JSON));
        let (mut loaded, manifest) = match (toml.exists(), json.exists()) {
            (true, _) => (manifest_toml::parse(&toml, path, &read(&toml)?)?, TOML),
            (false, true) => (manifest_json::parse(&json, path, &read(&json)?)?, JSON),
            (false, false) => return Err(BlockError::NoManifest { folder: path.to_owned() }),
        };
        if toml.exists() && json.exists() {
            loaded.warnings.push(format!("`{JSON}` is ignored: there is a `{TOML}` too"));
        }
        check_script(&loaded.block, path, manifest)?;
        loaded.check_file_defaults(path, manifest)?;
        if manifest == JSON && loaded.block.language == Language::R {
            loaded.add_r_packages(&path.join(&loaded.block.script))?;
        }
        if loaded.block.form == Form::Snippet && loaded.block.language == Language::Python {
            loaded.add_python_packages();
        }
        Ok(loaded)
    }
}

impl Loaded {
    /// The default of a file option must be a file of the block: its author may not name other files.
    fn check_file_defaults(&mut self, folder: &Path, manifest: &str) -> Result<(), BlockError> {
        let root =
            std::fs::canonicalize(folder).map_err(|source| BlockError::Read { path: folder.to_owned(), source })?;
        for option in &mut self.block.options {
            let (OptionKind::File { .. }, Some(Value::String(path))) = (&option.kind, &option.default) else {
                continue;
            };
            if std::fs::canonicalize(folder.join(path)).is_ok_and(|real| real.starts_with(&root)) {
                continue;
            }
            let reason =
                format!("option `{}` has a wrong default: `{path}` is not a file or folder of the block", option.name);
            if manifest == TOML {
                return Err(BlockError::Invalid { path: folder.join(manifest), reason });
            }
            self.warnings.push(format!("{reason}: it is ignored"));
            option.default = None;
        }
        Ok(())
    }

    /// The manifest of a Python snippet that declares no packages: the script's imports do.
    fn add_python_packages(&mut self) {
        if !self.block.dependencies.is_empty() {
            return;
        }
        let mut packages: Vec<String> =
            self.block.undeclared().into_iter().filter_map(|undeclared| undeclared.package).collect();
        packages.sort();
        packages.dedup();
        if !packages.is_empty() {
            let named = packages.join("`, `");
            self.remarks
                .push(format!("the packages `{named}` are installed, because the script imports their modules"));
        }
        self.block.dependencies_found.clone_from(&packages);
        self.block.dependencies = packages;
    }

    /// An Omniscope manifest does not name R packages: the script does.
    fn add_r_packages(&mut self, script: &Path) -> Result<(), BlockError> {
        let source = small_file::read(script, SCRIPT_MAX)
            .map_err(|source| BlockError::Read { path: script.to_owned(), source })?;
        for package in r_packages::named(&String::from_utf8_lossy(&source)) {
            if !self.block.dependencies.contains(&package) {
                self.block.dependencies.push(package.clone());
                self.block.dependencies_found.push(package);
            }
        }
        Ok(())
    }
}

fn bare_script(path: &Path) -> Result<Loaded, BlockError> {
    let language = match path.extension().and_then(|suffix| suffix.to_str()) {
        Some("py") => Language::Python,
        Some("R" | "r") => Language::R,
        // The document itself tells.
        _ if document::is_document(path) => Language::Python,
        _ => return Err(BlockError::NotAScript { path: path.to_owned() }),
    };
    let folder = longshore_os::publish::folder(path).to_owned();
    let name = |name: Option<&std::ffi::OsStr>| name.unwrap_or_default().to_string_lossy().into_owned();
    let block =
        Block { name: name(path.file_stem()), script: name(path.file_name()), ..Block::empty(folder, language) };
    Ok(Loaded { block, warnings: Vec::new(), unknown_kinds: Vec::new(), remarks: Vec::new() })
}

fn check_script(block: &Block, folder: &Path, manifest: &str) -> Result<(), BlockError> {
    let script = Path::new(&block.script);
    let inside = script.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    if inside && folder.join(script).is_file() {
        return Ok(());
    }
    Err(BlockError::NoScript { script: block.script.clone(), manifest: manifest.into(), folder: folder.to_owned() })
}

fn read(path: &Path) -> Result<String, BlockError> {
    let failed = |source| BlockError::Read { path: path.to_owned(), source };
    let text = small_file::read_text(path, small_file::WRITTEN_MAX).map_err(failed)?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        folder
    }

    fn error(files: &[(&str, &str)]) -> String {
        let folder = block(files);
        let path = folder.path().display().to_string();
        Block::load(folder.path()).unwrap_err().to_string().replace(&path, "B")
    }

    const MINIMAL: &str = "name = \"x\"\nlanguage = \"python\"\nscript = \"s.py\"\n";

    #[test]
    fn broken_blocks_are_told_what_is_wrong() {
        assert_eq!(
            error(&[]),
            "`B` has no `block.toml` and no `manifest.json`: a block is a folder with one of them, or a script that \
             ends in .py, .R, .ipynb, .Rmd or .qmd"
        );
        assert_eq!(
            error(&[("block.toml", MINIMAL)]),
            "the script `s.py` that `block.toml` names does not exist in `B`"
        );
        assert_eq!(
            error(&[("block.toml", "name = \"x\"\nlanguage = python\n")]),
            "`B/block.toml`, line 2, column 12: string values must be quoted, expected literal string"
        );
        assert_eq!(
            error(&[("block.toml", &format!("{MINIMAL}dependncies = []\n")), ("s.py", "")]),
            "`B/block.toml`, line 4, column 1: unknown key `dependncies`: did you mean `dependencies`?"
        );
        assert_eq!(
            error(&[("block.toml", &format!("{MINIMAL}[[options]]\nname = \"a\"\nkind = \"integr\"\n")), ("s.py", "")]),
            "`B/block.toml`, line 4, column 1: option `a` has the unknown kind `integr`: did you mean `integer`?"
        );
        assert_eq!(
            error(&[("manifest.json", "{\"name\": \"x\",\n \"scriptFilename\": }"), ("s.py", "")]),
            "`B/manifest.json`, line 2, column 20: expected value"
        );
    }

    #[test]
    fn a_file_by_default_is_one_of_the_block() {
        let toml = |default: &str| {
            let option = format!("[[options]]\nname = \"f\"\nkind = \"file\"\ndefault = \"{default}\"\n");
            block(&[("block.toml", &format!("{MINIMAL}{option}")), ("s.py", ""), ("data.csv", "")])
        };
        for default in ["data.csv", ".", "./data.csv"] {
            assert!(Block::load(toml(default).path()).is_ok(), "{default}");
        }
        for default in ["/etc/passwd", "../x.csv", "none.csv", "link"] {
            let folder = toml(default);
            std::os::unix::fs::symlink("/etc/passwd", folder.path().join("link")).unwrap();
            let error = Block::load(folder.path()).unwrap_err().to_string();
            let expected = format!("option `f` has a wrong default: `{default}` is not a file or folder of the block");
            assert!(error.ends_with(&expected), "{error}");
        }
        let option = "{\"@visokiotype\": \"CustomBlockSchema.FileCustomBlockPublicOption\", \"name\": \"f\", \
             \"defaultValue\": \"/etc/passwd\"}";
        let manifest = format!("{{\"scriptFilename\": \"s.py\", \"language\": \"PYTHON\", \"options\": [{option}]}}");
        let folder = block(&[("manifest.json", &manifest), ("s.py", "")]);
        let loaded = Block::load(folder.path()).unwrap();
        assert_eq!(
            loaded.warnings,
            ["option `f` has a wrong default: `/etc/passwd` is not a file or folder of the block: it is ignored"]
        );
        assert_eq!(loaded.block.options[0].default, None);
    }

    #[test]
    fn the_imports_of_a_snippet_are_its_declaration() {
        let manifest = r#"{"name": "Old", "scriptFilename": "a.py", "language": "PYTHON", "schemaType": "HEADLESS"}"#;
        let script =
            "import cv2, numpy\nfrom sklearn import svm\nimport ours\ntry:\n  import yaml\nexcept ImportError: pass\n";
        let folder = block(&[("manifest.json", manifest), ("a.py", script)]);
        let loaded = Block::load(folder.path()).unwrap();
        assert_eq!(loaded.block.dependencies, ["opencv-python-headless", "scikit-learn"]);
        assert_eq!(loaded.block.dependencies_found, loaded.block.dependencies);
        assert!(loaded.remarks[0].contains("`opencv-python-headless`, `scikit-learn`"), "{:?}", loaded.remarks);
    }

    #[test]
    fn an_omniscope_manifest_is_read_as_it_is() {
        let manifest = "\u{feff}{\"name\": \"Clusters\", \"scriptFilename\": \"s.py\", \"language\": \"PYTHON\", \
            \"apiMode\": \"BATCH\", \"dependencies\": \"pandas  numpy>=1.2\\nscikit-learn\", \"somethingNew\": {}, \
            \"docker\": null, \"blockOutputs\": [{\"id\": \"a\", \"displayName\": \"A\"}], \"options\": [\
            {\"@visokiotype\": \"CustomBlockSchema.IntegerCustomBlockPublicOption\", \"name\": \"k\", \"numMin\": 1, \
             \"numMax\": null, \"defaultValue\": \"4\", \"mandatory\": true},\
            {\"@visokiotype\": \"CustomBlockSchema.FieldsCustomBlockPublicOption\", \"name\": \"f\", \"inputIndex\": 0},\
            {\"@visokiotype\": \"CustomBlockSchema.ChoiceCustomBlockPublicOption\", \"name\": \"c\", \
             \"choices\": [{\"value\": \"x\"}, {\"value\": \"y\"}], \"defaultValue\": \"x\"}]}";
        let folder = block(&[("manifest.json", manifest), ("s.py", "")]);
        let block = Block::load(folder.path()).unwrap().block;
        assert_eq!(block.dependencies, ["pandas", "numpy>=1.2", "scikit-learn"]);
        assert_eq!(block.output_ids().unwrap(), ["a"]);
        let kinds: Vec<_> = block.options.iter().map(|option| option.kind.name()).collect();
        assert_eq!(kinds, ["integer", "fields", "choice"]);
        assert_eq!(block.options[0].default, Some(serde_json::json!(4)));
    }
}
