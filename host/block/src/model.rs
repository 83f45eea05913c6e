//! The model of a block, independent of the form of its manifest.

use super::needed::{Dockerfile, NeedsFile, Pinned};
use super::options::OptionSpec;
use super::origins::Origins;
use longshore_model::constraint::Constraint;
use longshore_model::day::AsOf;
use longshore_model::image_kind::ImageKind;
use longshore_model::r_requirement::RVersions;
use longshore_model::table::{ColumnType, ReadOptions, WriteOptions};
use pep440_rs::{Version, VersionSpecifiers};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

/// The most outputs or options of a manifest: more than any dialogue shows. Each is compared with all before it.
pub(super) const DECLARED_MAX: usize = 1000;

/// The Python of Debian 12, which the usual images have, and that of Debian 13.
const PYTHON_OF_12: [u64; 3] = [3, 11, 2];
const PYTHON_OF_13: [u64; 3] = [3, 13, 5];

/// The R of Debian 12, and that of Debian 13.
const R_OF_12: &str = "4.2.2";
const R_OF_13: &str = "4.5.0";

/// A block.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Block {
    /// Its display name.
    pub name: String,
    /// A description to display.
    pub description: Option<String>,
    /// The folder that contains it.
    pub folder: PathBuf,
    /// The script, relative to the folder.
    pub script: String,
    /// Whether the folder is the block: its other files are copied with the script. A bare script is copied alone.
    pub whole_folder: bool,
    /// The script's language.
    pub language: Language,
    /// Whether the script uses the SDK, or receives its tables as variables.
    pub form: Form,
    /// The pandas version of a Python script.
    pub pandas: Pandas,
    /// The version of the language, one that has an image; the image's if not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<&'static str>,
    /// How the script takes its input.
    pub mode: Mode,
    /// Packages of the language that the script needs.
    pub dependencies: Vec<String>,
    /// Where its packages are listed.
    #[serde(skip)]
    pub origins: Origins,
    /// Those of them that are not declared but named in the script, which may work without them.
    #[serde(skip)]
    pub dependencies_found: Vec<String>,
    /// Constraints on the versions of its packages, from the files of its folder.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub constraints: Vec<Constraint>,
    /// The exact packages of the language, from a lock of another tool; they replace what `dependencies` resolves to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pinned: Option<Pinned>,
    /// The versions of Python with which it works.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requires_python: Option<VersionSpecifiers>,
    /// The version of R with which it works, such as `4.2`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requires_r: Option<RVersions>,
    /// The files of its folder that were looked at for its needs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<NeedsFile>,
    /// Debian packages that the script needs.
    pub system_packages: Vec<String>,
    /// The day as of which its packages are chosen; the newest if not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub as_of: Option<AsOf>,
    /// Constraints of the caller on the versions of packages.
    #[serde(skip)]
    pub caller_constraints: Vec<Constraint>,
    /// A custom base image.
    pub image: Option<String>,
    /// The `Dockerfile` of its folder, whose image takes the place of a custom base image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dockerfile: Option<Dockerfile>,
    /// Whether the SDK and the agent are added to that image.
    pub install_api: bool,
    /// Whether it needs a network.
    pub network: bool,
    /// Its options, in order.
    pub options: Vec<OptionSpec>,
    /// Its inputs, in order; `None` if it declares none and accepts any.
    pub inputs: Option<Vec<InputDeclaration>>,
    /// Its outputs, in order; `None` if it declares none and may write any.
    pub outputs: Option<Vec<OutputSpec>>,
}

/// An input of a block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct InputDeclaration {
    /// The name that callers and scripts use.
    pub name: String,
    /// A description to display.
    pub description: Option<String>,
    /// Whether it must be given.
    pub mandatory: bool,
    /// How its text is read, unless the caller specifies otherwise.
    pub read: ReadOptions,
    /// The columns that it must have, and their types: text is parsed into them, and other formats must contain them.
    pub columns: BTreeMap<String, ColumnType>,
}

impl InputDeclaration {
    /// How a text is read, unless the caller specifies otherwise.
    #[must_use]
    pub fn reading(&self) -> ReadOptions {
        let mut read = self.read.clone();
        read.types.extend(self.columns.clone());
        read
    }
}

/// An output of a block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OutputSpec {
    /// Its id.
    pub id: String,
    /// Its display name.
    pub name: Option<String>,
    /// How its text is written, unless the caller specifies otherwise.
    pub write: WriteOptions,
}

/// The language of a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Hash)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    /// Python.
    Python,
    /// R.
    R,
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Python => "Python",
            Self::R => "R",
        })
    }
}

/// The form of a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Hash)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// It reads and writes through the SDK.
    Script,
    /// It receives its inputs in variables and leaves its outputs in others, like Omniscope's older blocks.
    Snippet,
    /// It is executed cell by cell: a Jupyter notebook, or a Quarto document in Python.
    Notebook,
    /// It is executed by knitr: R Markdown, or a Quarto document in R.
    Document,
}

/// The pandas version of a Python script.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Pandas {
    /// Text in columns of type `object`.
    #[serde(rename = "2")]
    Two,
    /// Text in columns of type `str`.
    #[serde(rename = "3")]
    Three,
}

impl Pandas {
    /// The version with this major number.
    pub(super) fn of_version(major: u64) -> Option<Self> {
        match major {
            2 => Some(Self::Two),
            3 => Some(Self::Three),
            _ => None,
        }
    }
}

/// An input as files name it: by its position or its name.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "an input is a number, from 0, or a name")]
pub enum InputKey {
    /// Its position, from 0.
    Number(usize),
    /// The name that the block declares for it.
    Name(String),
}

/// How a script takes its input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// It reads whole inputs.
    Batch,
    /// It transforms one input chunk by chunk.
    Stream,
}

/// A block, and the notices from reading it.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The block.
    pub block: Block,
    /// Notices that may change how it runs: wrong values that are ignored, gaps that are filled.
    pub warnings: Vec<String>,
    /// Kinds of options that a manifest names and Longshore does not know, each once; their options are texts.
    pub unknown_kinds: Vec<String>,
    /// Notices that change nothing: ignored keys, values in an unusual form.
    pub remarks: Vec<String>,
}

impl Block {
    /// A block without any declarations.
    #[must_use]
    pub fn empty(folder: PathBuf, language: Language) -> Self {
        Self {
            name: String::new(),
            description: None,
            folder,
            script: String::new(),
            whole_folder: false,
            language,
            form: Form::Script,
            pandas: Pandas::Three,
            version: None,
            mode: Mode::Batch,
            dependencies: Vec::new(),
            origins: Origins::default(),
            dependencies_found: Vec::new(),
            constraints: Vec::new(),
            pinned: None,
            requires_python: None,
            requires_r: None,
            needs: Vec::new(),
            system_packages: Vec::new(),
            as_of: None,
            caller_constraints: Vec::new(),
            image: None,
            dockerfile: None,
            install_api: true,
            network: false,
            options: Vec::new(),
            inputs: None,
            outputs: None,
        }
    }

    /// Restricts the versions of its packages for one caller: a day replaces the block's own, and constraints are added.
    pub fn restrict(&mut self, as_of: Option<AsOf>, constraints: impl IntoIterator<Item = Constraint>) {
        self.as_of = as_of.or(self.as_of);
        self.caller_constraints.extend(constraints);
    }

    /// Gives all packages without a place this one.
    pub(crate) fn listed_in(&mut self, place: &str) {
        self.origins.fill(&self.dependencies, &self.system_packages, place);
    }

    /// The script's file name.
    #[must_use]
    pub fn file_name(&self) -> &str {
        self.script.rsplit('/').next().unwrap_or(&self.script)
    }

    /// The kind of image it runs in if neither it nor the caller names an image.
    #[must_use]
    pub fn image_kind(&self) -> ImageKind {
        match (self.language, self.pandas) {
            (Language::Python, Pandas::Three) if self.needs_newer_python() => ImageKind::Python313,
            (Language::R, _) if self.needs_newer_r() => ImageKind::R45,
            (Language::R, _) => ImageKind::R,
            (Language::Python, Pandas::Two) => ImageKind::PythonPandas2,
            (Language::Python, Pandas::Three) => ImageKind::Python,
        }
    }

    /// Whether it works with the Python of the newer image, and not with that of the usual one.
    fn needs_newer_python(&self) -> bool {
        let allows = |versions: &VersionSpecifiers, image: [u64; 3]| versions.contains(&Version::new(image));
        let is_newer = |versions: &VersionSpecifiers| !allows(versions, PYTHON_OF_12) && allows(versions, PYTHON_OF_13);
        match self.version {
            Some(version) => version == "3.13",
            None => self.requires_python.as_ref().is_some_and(is_newer),
        }
    }

    /// The same of R.
    fn needs_newer_r(&self) -> bool {
        let is_newer = |versions: &RVersions| !versions.allows(R_OF_12) && versions.allows(R_OF_13);
        match self.version {
            Some(version) => version == "4.5",
            None => self.requires_r.as_ref().is_some_and(is_newer),
        }
    }

    /// The names of the declared inputs, in order.
    pub fn input_names(&self) -> impl Iterator<Item = &str> {
        self.inputs.iter().flatten().map(|input| input.name.as_str())
    }

    /// The ids of the declared outputs.
    #[must_use]
    pub fn output_ids(&self) -> Option<Vec<String>> {
        self.outputs.as_ref().map(|outputs| outputs.iter().map(|output| output.id.clone()).collect())
    }
}
