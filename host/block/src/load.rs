//! Loads a block from a path: a folder with either manifest or with a script alone, or a bare script.

use super::error::BlockError;
use super::model::{Block, Form, Language, Loaded};
use super::needs::{self, Asked};
use super::options::OptionKind;
use super::{document, manifest_json, manifest_toml, r_packages, script_metadata};
use longshore_os::small_file;
use manifest_toml::Unsaid;
use serde_json::Value;
use std::path::{Component, Path};

const TOML: &str = "block.toml";
const JSON: &str = "manifest.json";

/// The manifests; the first one found is used.
pub const MANIFESTS: [&str; 2] = [TOML, JSON];

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
            std::io::ErrorKind::NotFound => missing(path),
            _ => BlockError::Read { path: path.to_owned(), source },
        })?;
        if !metadata.is_dir() {
            return bare_script(path);
        }
        let (toml, json) = (path.join(TOML), path.join(JSON));
        let (mut loaded, manifest, unsaid) = match (toml.exists(), json.exists()) {
            (true, _) => {
                let (loaded, unsaid) = manifest_toml::parse(&toml, path, &read(&toml)?)?;
                (loaded, TOML, unsaid)
            }
            (false, true) => {
                let loaded = manifest_json::parse(&json, path, &read(&json)?)?;
                let unsaid = Unsaid {
                    packages: loaded.block.dependencies.is_empty(),
                    system_packages: loaded.block.system_packages.is_empty(),
                };
                (loaded, JSON, unsaid)
            }
            (false, false) => return folder_without_manifest(path),
        };
        if toml.exists() && json.exists() {
            loaded.warnings.push(format!("`{JSON}` is ignored: there is a `{TOML}` too"));
        }
        loaded.block.listed_in(&format!("`{manifest}`"));
        check_script(&loaded.block, path, manifest)?;
        loaded.check_file_defaults(path, manifest)?;
        loaded.add_needs(path, manifest, unsaid)?;
        if manifest == JSON && loaded.block.language == Language::R && loaded.block.pinned.is_none() {
            loaded.add_r_packages(&source_of(&loaded.block)?);
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
        let script = self.block.script.clone();
        self.block.listed_in(&format!("an import of `{script}`"));
    }

    /// The needs that a manifest does not mention: those of the script's metadata, or of the folder's other files.
    fn add_needs(&mut self, folder: &Path, manifest: &str, unsaid: Unsaid) -> Result<(), BlockError> {
        let by_manifest = format!("`{manifest}`");
        let mut packages = (!unsaid.packages).then_some(by_manifest.clone());
        if unsaid.packages {
            let source = source_of(&self.block)?;
            packages = self.add_metadata(&source, true)?;
        }
        let system_packages = (!unsaid.system_packages).then_some(by_manifest);
        let image = match (manifest, &self.block.image) {
            (JSON, _) => Some(format!("`{JSON}` names the block's image")),
            (_, Some(image)) => Some(format!("the image `{image}` of `{manifest}` counts")),
            _ => None,
        };
        let asked = Asked {
            packages: packages.as_deref(),
            image: image.as_deref(),
            system_packages: system_packages.as_deref(),
        };
        needs::add(self, folder, asked)
    }

    /// Adds the metadata of a script. Returns its name if it lists packages. What else it declares counts only without a
    /// manifest.
    fn add_metadata(&mut self, source: &[u8], has_manifest: bool) -> Result<Option<String>, BlockError> {
        let path = self.block.folder.join(&self.block.script);
        let Some(metadata) = script_metadata::read(&path, source, &self.block)? else { return Ok(None) };
        let script = format!("`{}`", self.block.script);
        match metadata.declared {
            Some(_) if has_manifest => {
                self.remarks.push(format!("{script}: `[tool.longshore]` is ignored, as there is a manifest"));
            }
            Some(declared) => self.block = declared,
            None => {}
        }
        self.warnings.extend(metadata.warnings);
        self.block.requires_python = metadata.requires_python;
        let listed = metadata.dependencies.is_some();
        self.block.dependencies = metadata.dependencies.unwrap_or_default();
        self.block.listed_in(&format!("the metadata of {script}"));
        Ok(listed.then_some(script))
    }

    /// The packages that an R script names, where nothing lists them.
    fn add_r_packages(&mut self, source: &[u8]) {
        for package in r_packages::named(&String::from_utf8_lossy(source)) {
            if !self.block.dependencies.contains(&package) {
                self.block.dependencies.push(package.clone());
                self.block.dependencies_found.push(package);
            }
        }
        let script = self.block.script.clone();
        self.block.listed_in(&format!("the code of `{script}`"));
    }
}

/// The script of a block, of a document its code.
fn source_of(block: &Block) -> Result<Vec<u8>, BlockError> {
    let path = block.folder.join(&block.script);
    if document::is_document(&path) {
        return document::source(&path).map(String::into_bytes);
    }
    small_file::read(&path, SCRIPT_MAX).map_err(|source| BlockError::Read { path, source })
}

/// The error for a path where nothing is, which may be meant as something else.
fn missing(path: &Path) -> BlockError {
    let path = path.to_owned();
    if path == Path::new("-") {
        return BlockError::StandardInput;
    }
    match path.to_str().is_some_and(|text| text.contains("://")) {
        true => BlockError::Address { path },
        false => BlockError::Missing { path },
    }
}

fn bare_script(path: &Path) -> Result<Loaded, BlockError> {
    let Some(language) = needs::language_of(path)? else {
        return Err(BlockError::NotAScript { path: path.to_owned() });
    };
    let folder = longshore_os::publish::folder(path).to_owned();
    let name = |name: Option<&std::ffi::OsStr>| name.unwrap_or_default().to_string_lossy().into_owned();
    let block =
        Block { name: name(path.file_stem()), script: name(path.file_name()), ..Block::empty(folder, language) };
    let mut loaded = Loaded { block, warnings: Vec::new(), unknown_kinds: Vec::new(), remarks: Vec::new() };
    let source = source_of(&loaded.block)?;
    let listed = loaded.add_metadata(&source, false)?;
    if language == Language::R && listed.is_none() {
        loaded.add_r_packages(&source);
    }
    Ok(loaded)
}

/// A folder with a script, and files of other tools that list what it needs.
fn folder_without_manifest(folder: &Path) -> Result<Loaded, BlockError> {
    let (script, language) = needs::main_script(folder)?;
    let name = manifest_json::name_of(folder);
    let block = Block { name, script, whole_folder: true, ..Block::empty(folder.to_owned(), language) };
    let mut loaded = Loaded { block, warnings: Vec::new(), unknown_kinds: Vec::new(), remarks: Vec::new() };
    let source = source_of(&loaded.block)?;
    let packages = loaded.add_metadata(&source, false)?;
    let script = format!("`{}`", loaded.block.script);
    let system_packages = (!loaded.block.system_packages.is_empty()).then(|| script.clone());
    let image = loaded.block.image.as_ref().map(|image| format!("the image `{image}` of {script} counts"));
    let asked =
        Asked { packages: packages.as_deref(), image: image.as_deref(), system_packages: system_packages.as_deref() };
    needs::add(&mut loaded, folder, asked)?;
    let is_listed = packages.is_some() || !loaded.block.dependencies.is_empty() || loaded.block.dockerfile.is_some();
    if language == Language::R && !is_listed {
        loaded.add_r_packages(&source);
    }
    Ok(loaded)
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

    #[test]
    fn the_suffix_of_a_script_may_be_in_either_case() {
        for (name, language) in
            [("a b.PY", Language::Python), ("b.r", Language::R), ("c.RMD", Language::R), ("d.Qmd", Language::R)]
        {
            let folder = block(&[(name, "")]);
            let path = folder.path().join(name);
            assert!(needs::is_script(&path));
            assert_eq!(Block::load(&path).unwrap().block.language, language, "{name}");
        }
    }

    #[test]
    fn what_is_not_a_file_is_named_as_what_it_is() {
        let told = |path: &str| Block::load(Path::new(path)).unwrap_err().to_string();
        assert_eq!(told("nope.py"), "`nope.py` does not exist");
        assert!(told("-").starts_with("a block is not read from standard input"));
        assert!(told("https://scripts.example.org/a.py").contains("is an address, and blocks are not downloaded"));
    }

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
            "`B` has no `block.toml`, no `manifest.json` and no script: a block is a folder with one of them, or a \
             script that ends in .py, .R, .ipynb, .Rmd or .qmd"
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
        let script = "import cv2, numpy, sklearn\nfrom bs4 import BeautifulSoup\nimport ours\ntry:\n  import yaml\nexcept ImportError: pass\n";
        let folder = block(&[("manifest.json", manifest), ("a.py", script)]);
        let loaded = Block::load(folder.path()).unwrap();
        assert_eq!(loaded.block.dependencies, ["beautifulsoup4", "opencv-python-headless"]);
        assert_eq!(loaded.block.dependencies_found, loaded.block.dependencies);
        assert!(loaded.remarks[0].contains("`beautifulsoup4`, `opencv-python-headless`"), "{:?}", loaded.remarks);
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
