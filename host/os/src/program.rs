//! Searches programs that are named without a folder.

use std::path::{Path, PathBuf};

/// The first file of this name in the folders of a `PATH`. A name with a folder in it is never found.
pub fn find_program(name: impl AsRef<Path>, path: &str) -> Option<PathBuf> {
    let name = name.as_ref().file_name().filter(|file| *file == name.as_ref().as_os_str())?;
    std::env::split_paths(path).map(|folder| folder.join(name)).find(|candidate| candidate.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
