//! Locks: the exact versions, and hashes if available, of all packages that were installed for a block, in a file
//! beside its manifest or script. The exact packages in a lock of another tool are used in the same way.

use super::EnvironmentError;
use super::requirement::normalised;
use longshore_block::{Block, Language, Pinned, PinnedPackage, python_source};
use longshore_config::settings::PackageSettings;
use longshore_engine::StoredImage;
use longshore_model::package_name::normal_name;
use longshore_model::r_requirement::RRequirement;
use longshore_os::presence::if_there;
use longshore_os::small_file;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The file name. For a bare script it follows the script's.
const FILE: &str = "longshore.lock";

/// The format version of the file.
const VERSION: u32 = 1;

const HEAD: &str = "\
# The exact packages of this block's environment, written by `longshore lock`: builds install these and no others.\n\
# Run `longshore lock` again for newer packages, or if the block lists other ones.\n\n";

/// A lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    /// The file of another tool that it was read from: its packages are those of the block, on any base.
    #[serde(skip)]
    pub(super) foreign: Option<String>,
    version: u32,
    /// The base image of the lock; others may be used, since all packages are listed by name.
    pub base: String,
    /// Its architecture, in OCI terms.
    pub architecture: String,
    /// The requested packages, in normal form.
    pub dependencies: Vec<String>,
    /// The requested Debian packages, sorted.
    pub system_packages: Vec<String>,
    /// The day as of which the packages were chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_of: Option<String>,
    /// The constraints under which they were chosen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub constraints: Vec<String>,
    /// Python packages, with the hashes of the allowed files.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub python: Vec<LockedPackage>,
    /// R packages from repositories.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub r: Vec<LockedPackage>,
    /// Debian packages.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub debian: Vec<LockedPackage>,
}

/// A package in a lock.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedPackage {
    /// Its name.
    pub name: String,
    /// Its exact version.
    pub version: String,
    /// Its address, if the block names it by one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Such as `sha256:…`, of each allowed file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hashes: Vec<String>,
    /// Its requirement, if it is from a lock of another tool, with its address and its condition.
    #[serde(skip)]
    pub(super) exact: Option<String>,
}

impl LockedPackage {
    /// Whether it is this one, as in `numpy==2.4.6`.
    fn is(&self, pin: &str) -> bool {
        let named =
            |(name, version): (&str, &str)| normal_name(name) == normal_name(&self.name) && version == self.version;
        pin.split_once("==").is_some_and(named)
    }

    /// The requirement of exactly this package.
    fn requirement(&self) -> String {
        match (&self.exact, &self.url) {
            (Some(exact), _) => exact.clone(),
            (None, Some(url)) => format!("{} @ {url}", self.name),
            (None, None) => format!("{}=={}", self.name, self.version),
        }
    }
}

impl Lock {
    /// An empty lock of a block on a base.
    pub(super) fn new(block: &Block, base: &StoredImage, base_name: &str, packages: &PackageSettings) -> Self {
        Self {
            foreign: None,
            version: VERSION,
            base: base_name.to_owned(),
            architecture: base.architecture.clone().unwrap_or_default(),
            dependencies: dependencies(block),
            system_packages: system_packages(block),
            as_of: packages.as_of.map(|day| day.to_string()),
            constraints: packages.constraints.iter().map(ToString::to_string).collect(),
            python: Vec::new(),
            r: Vec::new(),
            debian: Vec::new(),
        }
    }

    /// Path of the lock of a block.
    pub(crate) fn path(block: &Block) -> PathBuf {
        match block.whole_folder {
            true => block.folder.join(FILE),
            false => block.folder.join(format!("{}.{FILE}", block.script)),
        }
    }

    /// The lock of a block, if it has one: its own, or the exact packages that a lock of another tool lists.
    pub(crate) fn of(block: &Block) -> Result<Option<Self>, EnvironmentError> {
        let path = Self::path(block);
        let text = if_there(small_file::read_text(&path, small_file::WRITTEN_MAX));
        let text = text.map_err(|source| EnvironmentError::File { path: path.clone(), source })?;
        match text {
            Some(text) => Self::parse(&text, &path).map(Some),
            None => Ok(Self::pinned(block)),
        }
    }

    /// The exact packages that a lock of another tool lists for a block.
    pub(super) fn pinned(block: &Block) -> Option<Self> {
        block.pinned.as_ref().map(|pinned| Self::foreign(block, pinned))
    }

    fn foreign(block: &Block, pinned: &Pinned) -> Self {
        let package = |package: &PinnedPackage| {
            let PinnedPackage { name, version, hashes, .. } = package.clone();
            LockedPackage { name, version, url: None, hashes, exact: Some(package.requirement()) }
        };
        let packages = pinned.packages.iter().map(package).collect();
        let (python, r) = match block.language {
            Language::Python => (packages, Vec::new()),
            Language::R => (Vec::new(), packages),
        };
        Self {
            foreign: Some(pinned.file.clone()),
            version: VERSION,
            as_of: None,
            constraints: Vec::new(),
            base: String::new(),
            architecture: String::new(),
            dependencies: dependencies(block),
            system_packages: system_packages(block),
            python,
            r,
            debian: Vec::new(),
        }
    }

    /// The lock in a file.
    pub(crate) fn read(path: &Path) -> Result<Self, EnvironmentError> {
        let text = small_file::read_text(path, small_file::WRITTEN_MAX);
        Self::parse(&text.map_err(|source| EnvironmentError::File { path: path.to_owned(), source })?, path)
    }

    fn parse(text: &str, path: &Path) -> Result<Self, EnvironmentError> {
        let wrong = |reason: String| EnvironmentError::Lock { path: path.to_owned(), reason };
        let lock: Self = toml::from_str(text).map_err(|error| wrong(error.to_string().trim_end().to_owned()))?;
        if lock.version != VERSION {
            return Err(wrong(format!("its version is {}, and this Longshore reads version {VERSION}", lock.version)));
        }
        // Names and versions become part of commands and files of other programs.
        let plain = |text: &str, others: &str| {
            !text.is_empty()
                && text.starts_with(|first: char| first.is_ascii_alphanumeric())
                && text.chars().all(|character| character.is_ascii_alphanumeric() || others.contains(character))
        };
        for package in lock.python.iter().chain(&lock.r).chain(&lock.debian) {
            let hashes = package.hashes.iter().all(|hash| plain(hash, ":"));
            if let Some(url) = &package.url {
                python_source(&package.requirement()).map_err(&wrong)?;
                if url.contains(char::is_whitespace) || !url.contains("://") {
                    return Err(wrong(format!("the `url` of `{}` is not an address", package.name)));
                }
            }
            if !plain(&package.name, "._-+:") || !plain(&package.version, "._-+:~!") || !hashes {
                return Err(wrong(format!(
                    "`{}` `{}` is not a valid package name and version",
                    package.name, package.version
                )));
            }
        }
        Ok(lock)
    }

    /// Refuses a lock that was made for other packages than those of the block.
    pub(super) fn check_names(&self, block: &Block) -> Result<(), EnvironmentError> {
        let list = |names: &[String]| if names.is_empty() { "none".into() } else { names.join(", ") };
        for (what, locked, asked) in [
            ("packages", &self.dependencies, dependencies(block)),
            ("Debian packages", &self.system_packages, system_packages(block)),
        ] {
            if *locked != asked {
                let (path, locked, asked) = (Self::path(block), list(locked), list(&asked));
                return Err(EnvironmentError::LockStale { path, what, locked, asked });
            }
        }
        Ok(())
    }

    /// Refuses a lock that was made for another block or base.
    pub fn check(&self, block: &Block, base: &StoredImage) -> Result<(), EnvironmentError> {
        self.check_names(block)?;
        match &base.architecture {
            Some(architecture) if self.foreign.is_none() && *architecture != self.architecture => {
                Err(EnvironmentError::Lock {
                    path: Self::path(block),
                    reason: format!(
                        "it is for the architecture `{}`, and `{architecture}` is needed here",
                        self.architecture
                    ),
                })
            }
            _ => Ok(()),
        }
    }

    /// The file's text.
    pub(super) fn text(&self) -> Result<String, toml::ser::Error> {
        Ok(format!("{HEAD}{}", toml::to_string(self)?))
    }

    /// A requirements file of pip with hashes.
    pub(super) fn requirements(&self) -> String {
        let line = |package: &LockedPackage| {
            let hashes: String = package.hashes.iter().map(|hash| format!(" --hash={hash}")).collect();
            format!("{}{hashes}\n", package.requirement())
        };
        self.python.iter().map(line).collect()
    }

    /// The requirement of a Python package of this name and version, `numpy==2.4.6`, with its hashes.
    pub(super) fn exactly(&self, pin: &str) -> Option<String> {
        let package = self.python.iter().find(|package| package.is(pin))?;
        Some(format!("{} {}", package.requirement(), package.hashes.join(" ")))
    }

    /// The lock without the Python packages that are not among these.
    pub(super) fn only(&self, pins: &[String]) -> Self {
        let mut only = self.clone();
        only.python.retain(|package| pins.iter().any(|pin| package.is(pin)));
        only
    }

    /// Its Python packages without hashes, as a requirements file of pip.
    pub(super) fn exact_versions(&self) -> String {
        self.python.iter().map(|package| format!("{}\n", package.requirement())).collect()
    }

    /// Whether each Python package has hashes.
    pub(super) fn is_hashed(&self) -> bool {
        self.python.iter().all(|package| !package.hashes.is_empty())
    }

    /// Its versions of the language's packages, for a hash.
    pub(super) fn lines(&self) -> Vec<String> {
        let exact = |kind: &str, packages: &[LockedPackage]| {
            let line =
                |package: &LockedPackage| format!("{kind} {} {}", package.requirement(), package.hashes.join(" "));
            packages.iter().map(line).collect::<Vec<_>>()
        };
        [exact("python", &self.python), exact("r", &self.r), self.debian_lines()].concat()
    }

    /// The file with its versions, and the kinds and names of the packages in it.
    pub(crate) fn names(&self, block: &Block) -> (String, impl Iterator<Item = (&'static str, &str)>) {
        let own = || Self::path(block).file_name().unwrap_or_default().to_string_lossy().into_owned();
        let file = self.foreign.clone().unwrap_or_else(own);
        let lists = [("pip", &self.python), ("r", &self.r), ("deb", &self.debian)];
        let names = lists.into_iter().flat_map(|(kind, list)| list.iter().map(move |package| (kind, &*package.name)));
        (file, names)
    }

    /// Whether it has versions of Debian packages. Locks of other tools do not.
    pub(super) fn has_debian(&self) -> bool {
        self.foreign.is_none()
    }

    /// Its versions of Debian packages.
    pub(super) fn debian_lines(&self) -> Vec<String> {
        self.debian.iter().map(|package| format!("debian {}={}", package.name, package.version)).collect()
    }
}

/// The packages of the language, in normal form.
pub(super) fn dependencies(block: &Block) -> Vec<String> {
    match block.language {
        Language::Python => normalised(&block.dependencies),
        Language::R => sorted(&of_r(&block.dependencies)),
    }
}

/// Requirements of R packages in normal form, one for each package. A text that is not one is unchanged.
pub(super) fn of_r(dependencies: &[String]) -> Vec<String> {
    let read: Result<Vec<RRequirement>, _> = dependencies.iter().map(|text| text.parse()).collect();
    read.map_or_else(
        |_| dependencies.to_vec(),
        |read| RRequirement::merged(read).iter().map(ToString::to_string).collect(),
    )
}

/// The Debian packages, in normal form.
pub(super) fn system_packages(block: &Block) -> Vec<String> {
    sorted(&block.system_packages)
}

fn sorted(packages: &[String]) -> Vec<String> {
    let mut packages = packages.to_vec();
    packages.sort();
    packages.dedup();
    packages
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lock() -> Lock {
        let package = |name: &str, version: &str, hashes: &[&str]| LockedPackage {
            url: None,
            name: name.into(),
            version: version.into(),
            hashes: hashes.iter().map(|&hash| hash.to_owned()).collect(),
            exact: None,
        };
        Lock {
            foreign: None,
            version: VERSION,
            base: "longshore/python:0.1.0".into(),
            architecture: "amd64".into(),
            dependencies: vec!["humanize>=4".into()],
            system_packages: vec!["tree".into()],
            as_of: Some("2023-06-01".into()),
            constraints: vec!["humanize<5".into()],
            python: vec![package("humanize", "4.13.0", &["sha256:ab", "sha256:cd"])],
            r: Vec::new(),
            debian: vec![package("tree", "2.1.0-1", &[])],
        }
    }

    #[test]
    fn a_lock_is_read_as_it_was_written() {
        let text = lock().text().unwrap();
        assert_eq!(Lock::parse(&text, Path::new("x")).unwrap(), lock());
        assert_eq!(lock().requirements(), "humanize==4.13.0 --hash=sha256:ab --hash=sha256:cd\n");
        assert_eq!(lock().debian_lines(), ["debian tree=2.1.0-1"]);
        assert_eq!(lock().exactly("Humanize==4.13.0").unwrap(), "humanize==4.13.0 sha256:ab sha256:cd");
        assert_eq!(lock().exactly("humanize==4.13"), None);
        assert_eq!(lock().only(&["humanize==4.13.0".into()]), lock());
        assert_eq!(lock().only(&["humanize==4.12.0".into()]).python, []);
    }

    #[test]
    fn what_is_no_lock_is_refused_with_its_reason() {
        let reason = |text: &str| Lock::parse(text, Path::new("longshore.lock")).unwrap_err().to_string();
        let text = lock().text().unwrap();
        assert!(
            reason(&text.replace("version = 1", "version = 7"))
                .ends_with("its version is 7, and this Longshore reads version 1")
        );
        assert!(
            reason(&text.replace("\"4.13.0\"", "\"4 -r /etc/passwd\""))
                .ends_with("is not a valid package name and version")
        );
        assert!(reason(&text.replace("\"humanize\"", "\"-e.\"")).ends_with("is not a valid package name and version"));
        assert!(reason("version = ").contains("TOML parse error"));
        assert!(reason(&format!("surprise = 1\n{text}")).contains("unknown field `surprise`"));
    }
}
