//! The possible paths of settings files, and the files that exist.

use super::error::ConfigError;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The name of a settings file.
pub const FILE_NAME: &str = "longshore.toml";

/// The possible paths of settings files, from the weakest to the strongest.
#[derive(Debug, Clone)]
pub struct Places {
    /// The file of the machine.
    pub system: PathBuf,
    /// The file of the user.
    pub user: Option<PathBuf>,
    /// The folder where the search for the project's file begins: the nearest file counts, there or above.
    pub current: Option<PathBuf>,
    /// A file that must exist.
    pub named: Option<PathBuf>,
}

impl Default for Places {
    fn default() -> Self {
        Self { system: Path::new("/etc/longshore").join(FILE_NAME), user: None, current: None, named: None }
    }
}

impl Places {
    /// The files that exist, the strongest last, each once.
    ///
    /// # Errors
    ///
    /// The named file does not exist, the project's file belongs to another user, or a path cannot be checked.
    pub fn files(&self) -> Result<Vec<PathBuf>, ConfigError> {
        self.files_for(rustix::process::geteuid().as_raw())
    }

    /// The files for a user.
    fn files_for(&self, user: u32) -> Result<Vec<PathBuf>, ConfigError> {
        let mut files = Vec::new();
        for path in [Some(&self.system), self.user.as_ref()].into_iter().flatten() {
            if owner(path)?.is_some() {
                files.push(path.clone());
            }
        }
        let named = self.named.as_ref();
        for folder in self.current.iter().flat_map(|folder| folder.ancestors()) {
            let path = folder.join(FILE_NAME);
            let Some(owner) = owner(&path)? else { continue };
            if !files.contains(&path) && named != Some(&path) {
                if !is_trusted(owner, user) {
                    return Err(ConfigError::Foreign { path, owner });
                }
                files.push(path);
            }
            break;
        }
        if let Some(path) = named {
            if owner(path)?.is_none() {
                return Err(ConfigError::Missing { path: path.clone() });
            }
            files.retain(|file| file != path);
            files.push(path.clone());
        }
        Ok(files)
    }
}

/// The owner of the file at a path, if it exists. A broken link exists: reading it is an error.
fn owner(path: &Path) -> Result<Option<u32>, ConfigError> {
    match std::fs::symlink_metadata(path) {
        Ok(found) => Ok(Some(std::fs::metadata(path).map_or(found.uid(), |found| found.uid()))),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
        Err(source) => Err(ConfigError::Read { path: path.to_owned(), source }),
    }
}

/// Whether a file found by search may control what a user runs: anyone may have put it in a folder that many can write
/// to.
fn is_trusted(owner: u32, user: u32) -> bool {
    owner == user || owner == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_file_of_the_project_counts_and_each_file_once() {
        let root = tempfile::tempdir().unwrap();
        let at = |path: &str| root.path().join(path);
        for folder in ["etc", "home", "project/a/b"] {
            std::fs::create_dir_all(at(folder)).unwrap();
        }
        for file in ["etc/longshore.toml", "home/longshore.toml", "project/longshore.toml", "more.toml"] {
            std::fs::write(at(file), "").unwrap();
        }
        let places = Places {
            system: at("etc/longshore.toml"),
            user: Some(at("home/longshore.toml")),
            current: Some(at("project/a/b")),
            named: Some(at("more.toml")),
        };
        let files =
            [at("etc/longshore.toml"), at("home/longshore.toml"), at("project/longshore.toml"), at("more.toml")];
        assert_eq!(places.files().unwrap(), files);
        std::fs::write(at("project/a/longshore.toml"), "").unwrap();
        assert_eq!(places.files().unwrap()[2], at("project/a/longshore.toml"));
        let at_home = Places { current: Some(at("home")), named: None, ..places.clone() };
        assert_eq!(at_home.files().unwrap(), files[..2]);
        let named_again = Places { named: Some(at("etc/longshore.toml")), current: None, ..places.clone() };
        assert_eq!(named_again.files().unwrap(), [files[1].clone(), files[0].clone()]);
        let none = Places { system: at("etc/longshore.toml/x"), user: None, current: None, named: None };
        assert_eq!(none.files().unwrap(), Vec::<PathBuf>::new());
        let missing = Places { named: Some(at("none.toml")), ..places };
        assert!(matches!(missing.files(), Err(ConfigError::Missing { path }) if path == at("none.toml")));
    }

    #[test]
    fn a_projects_file_of_another_user_is_refused_until_it_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE_NAME);
        std::fs::write(&path, "").unwrap();
        // Files of root are trusted by all, so root changes the owner.
        if rustix::process::geteuid().is_root() {
            std::os::unix::fs::chown(&path, Some(4356), None).unwrap();
        }
        let owner = std::fs::metadata(&path).unwrap().uid();
        let places =
            Places { system: folder.path().join("none"), current: Some(folder.path().into()), ..Places::default() };
        assert_eq!(places.files_for(owner).unwrap(), std::slice::from_ref(&path));
        let refused = places.files_for(owner + 1).unwrap_err();
        assert!(matches!(&refused, ConfigError::Foreign { owner: found, .. } if *found == owner), "{refused}");
        let named = Places { named: Some(path.clone()), ..places };
        assert_eq!(named.files_for(owner + 1).unwrap(), [path]);
        assert!(is_trusted(0, 1000) && !is_trusted(1000, 0));
    }
}
