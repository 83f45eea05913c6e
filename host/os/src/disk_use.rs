//! The disk usage of folders.

use std::collections::HashSet;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Bytes of a block as file systems report them, whatever their own block size.
const BLOCK: u64 = 512;

/// The disk usage of a folder's contents in bytes. A file with two names counts once; links are not followed. Files
/// that vanish meanwhile or cannot be read are not counted. Blocks.
pub fn folder_bytes(folder: &Path) -> u64 {
    let (mut total, mut seen, mut waiting) = (0, HashSet::new(), vec![folder.to_owned()]);
    while let Some(folder) = waiting.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let Ok(facts) = entry.metadata() else { continue };
            if facts.nlink() < 2 || facts.is_dir() || seen.insert((facts.dev(), facts.ino())) {
                total += facts.blocks() * BLOCK;
            }
            if facts.is_dir() {
                waiting.push(entry.path());
            }
        }
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_with_two_names_counts_once_and_links_are_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("lib")).unwrap();
        let empty = folder_bytes(folder.path());
        std::fs::write(folder.path().join("lib/a"), vec![1; 100_000]).unwrap();
        let once = folder_bytes(folder.path());
        assert!((100_000..120_000).contains(&(once - empty)), "{once} - {empty}");
        std::fs::hard_link(folder.path().join("lib/a"), folder.path().join("b")).unwrap();
        std::os::unix::fs::symlink("/", folder.path().join("all")).unwrap();
        assert!(folder_bytes(folder.path()) - once < 10_000);
        assert_eq!(folder_bytes(&folder.path().join("none")), 0);
    }
}
