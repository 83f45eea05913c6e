//! Searches programs that are named without a folder.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// The first file of this name in the folders of a `PATH`. A name with a folder in it is never found.
pub fn find_program(name: impl AsRef<Path>, path: &str) -> Option<PathBuf> {
    candidates(name.as_ref(), path).find(|candidate| candidate.is_file())
}

/// The first place in `path` where a program of this name may be that cannot be reached, before the one that
/// [`find_program`] finds, and why: a folder of another user, or a link whose target is gone.
pub fn unreachable_program(name: impl AsRef<Path>, path: &str) -> Option<(PathBuf, io::Error)> {
    for candidate in candidates(name.as_ref(), path) {
        match candidate.metadata() {
            Ok(facts) if facts.is_file() => return None,
            Ok(_) => {}
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                if candidate.symlink_metadata().is_ok() {
                    return Some((candidate, error));
                }
            }
            Err(error) => return Some((candidate, error)),
        }
    }
    None
}

/// The places where a program of this name may be; none if it is not a name.
fn candidates<'a>(name: &'a Path, path: &'a str) -> impl Iterator<Item = PathBuf> + 'a {
    let name = name.file_name().filter(|file| *file == name.as_os_str());
    name.into_iter().flat_map(move |name| std::env::split_paths(path).map(move |folder| folder.join(name)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn the_first_file_of_the_name_is_found() {
        let root = tempfile::tempdir().unwrap();
        let (one, other) = (root.path().join("one"), root.path().join("other"));
        // A folder of that name is not a program.
        std::fs::create_dir_all(one.join("tool")).unwrap();
        std::fs::create_dir(&other).unwrap();
        std::fs::write(other.join("tool"), "").unwrap();
        let path = format!("/nowhere::{}:{}", one.display(), other.display());
        assert_eq!(find_program("tool", &path), Some(other.join("tool")));
        for no_name in ["other/tool", "./tool", "..", "", "/bin/sh", "no-such"] {
            assert_eq!(find_program(no_name, &format!("{path}:{}:/bin", root.path().display())), None, "{no_name}");
        }
    }

    #[test]
    fn what_cannot_be_reached_before_the_program_is_named() {
        let root = tempfile::tempdir().unwrap();
        let folder = |name: &str| {
            let folder = root.path().join(name);
            std::fs::create_dir(&folder).unwrap();
            folder
        };
        let (there, gone, circle, other) = (folder("there"), folder("gone"), folder("circle"), folder("other"));
        std::fs::write(there.join("tool"), "").unwrap();
        std::fs::create_dir(other.join("tool")).unwrap();
        symlink(root.path().join("nothing"), gone.join("tool")).unwrap();
        symlink(circle.join("tool"), circle.join("tool")).unwrap();
        let first = |folders: &[&Path]| {
            let path = std::env::join_paths(folders).unwrap();
            unreachable_program("tool", path.to_str().unwrap()).map(|(place, _)| place)
        };
        let nowhere = root.path().join("no such folder");
        assert_eq!(first(&[&nowhere, &other, &there, &gone, &circle]), None);
        assert_eq!(first(&[&other, &gone, &there]), Some(gone.join("tool")));
        assert_eq!(first(&[&circle, &gone, &there]), Some(circle.join("tool")));
        assert!(unreachable_program("there/tool", root.path().to_str().unwrap()).is_none());
    }
}
