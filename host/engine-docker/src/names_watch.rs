//! How an engine shows changes of images' names. Docker tells them as events, but before version 23 not the names that its
//! builder BuildKit gives. Those engines write all names to a file of theirs before they answer, where this host may see
//! it.

use bollard::models::SystemInfo;
use longshore_engine::NamesEvidence;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The first version of Docker that tells all changes. Podman's versions are lower: its programs change images without a
/// service that could tell.
const TELLS_ALL: u64 = 23;

/// The evidence of an engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NamesWatch {
    /// It tells every change.
    Told,
    /// It writes its names to this file, if it is there.
    File(PathBuf),
    /// There is none.
    Nothing,
}

impl NamesWatch {
    /// The evidence of an engine with these facts.
    pub(super) fn of(info: &SystemInfo) -> Self {
        let version = info.server_version.as_deref().and_then(|version| version.split('.').next()?.parse::<u64>().ok());
        match (version, &info.docker_root_dir, &info.driver) {
            (Some(version), ..) if version >= TELLS_ALL => Self::Told,
            (Some(_), Some(root), Some(driver)) if !driver.contains('/') => {
                Self::File(Path::new(root).join("image").join(driver).join("repositories.json"))
            }
            _ => Self::Nothing,
        }
    }

    /// The state of its names at this moment; `None` if it cannot be seen.
    pub(super) fn evidence(&self) -> Option<NamesEvidence> {
        match self {
            Self::Told => Some(NamesEvidence::Told),
            Self::File(path) => {
                let found = std::fs::symlink_metadata(path).ok().filter(std::fs::Metadata::is_file)?;
                let changed = i128::from(found.mtime()) * 1_000_000_000 + i128::from(found.mtime_nsec());
                Some(NamesEvidence::File { device: found.dev(), inode: found.ino(), changed })
            }
            Self::Nothing => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(version: &str, root: Option<&Path>) -> SystemInfo {
        SystemInfo {
            server_version: Some(version.into()),
            docker_root_dir: root.map(|root| root.to_string_lossy().into_owned()),
            driver: Some("overlay2".into()),
            ..SystemInfo::default()
        }
    }

    #[test]
    fn engines_that_tell_all_changes_are_known_by_their_version() {
        let root = Path::new("/var/lib/docker");
        for version in ["23.0.0", "28.2.2+dfsg1"] {
            assert_eq!(NamesWatch::of(&info(version, Some(root))), NamesWatch::Told);
        }
        let file = NamesWatch::File(root.join("image/overlay2/repositories.json"));
        for version in ["20.10.24+dfsg1", "4.3.1"] {
            assert_eq!(NamesWatch::of(&info(version, Some(root))), file);
        }
        for other in [info("20.10.24", None), info("unknown", Some(root)), SystemInfo::default()] {
            assert_eq!(NamesWatch::of(&other), NamesWatch::Nothing);
            assert_eq!(NamesWatch::of(&other).evidence(), None);
        }
    }

    #[test]
    fn each_change_of_the_file_is_seen_and_one_out_of_sight_is_no_evidence() {
        let root = tempfile::tempdir().unwrap();
        let watch = NamesWatch::of(&info("20.10.24", Some(root.path())));
        assert_eq!(watch.evidence(), None);
        let folder = root.path().join("image/overlay2");
        std::fs::create_dir_all(&folder).unwrap();
        // As the engine does: a new file takes the name of the old one.
        let write = || {
            std::fs::write(folder.join(".tmp"), "{}").unwrap();
            std::fs::rename(folder.join(".tmp"), folder.join("repositories.json")).unwrap();
        };
        write();
        let before = watch.evidence().unwrap();
        assert_eq!(watch.evidence(), Some(before));
        write();
        assert_ne!(watch.evidence().unwrap(), before);
    }
}
