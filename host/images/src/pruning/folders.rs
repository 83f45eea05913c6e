//! The environments of the `process` engine: folders in the cache, each named by its hash. They count in the same budget
//! as images. This file finds, measures and removes them; making them is not its business.

use longshore_os::small_file;
use std::collections::HashSet;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// A file in such a folder that holds the folder's size in bytes, so that it need not be walked through.
const SIZE: &str = "size";

/// A file in such a folder that names the packages it was made of, one in a line.
const PACKAGES: &str = "packages";

/// How a folder is called while it is being removed. It is whole, or it is not there.
const TRASH: &str = ".trash-";

/// Bytes of a block, as file systems count them, whatever their own blocks are.
const BLOCK: u64 = 512;

/// Most bytes read of the files above: a list of a thousand packages has 30 KB.
const TEXT_MAX: u64 = 256 << 10;

/// Digits of the shortest hash that is one: those of SHA-256, cut to 128 bits.
const HASH_MIN: usize = 32;

/// An environment in a folder.
#[derive(Debug, Clone)]
pub(crate) struct Folder {
    pub(crate) hash: String,
    pub(crate) path: PathBuf,
    pub(crate) bytes: u64,
    pub(crate) created: SystemTime,
    pub(crate) packages: Vec<String>,
}

/// The folder of environments in a cache.
pub(crate) fn place(cache_folder: &Path) -> PathBuf {
    cache_folder.join("environments")
}

/// All environments in a cache. What is being made or removed there has another kind of name. Blocks.
pub(crate) fn folders(cache_folder: &Path) -> io::Result<Vec<Folder>> {
    let mut found = Vec::new();
    for (name, path) in entries(&place(cache_folder))? {
        let facts = std::fs::symlink_metadata(&path);
        if let (true, Ok(facts)) = (is_hash(&name), facts)
            && facts.is_dir()
        {
            let known = read(&path.join(SIZE)).and_then(|text| text.trim().parse().ok());
            let bytes = known.unwrap_or_else(|| size(&path));
            let packages = read(&path.join(PACKAGES)).unwrap_or_default();
            let packages = packages.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect();
            let created = facts.created().or_else(|_| facts.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
            found.push(Folder { hash: name, path, bytes, created, packages });
        }
    }
    Ok(found)
}

/// Removes an environment, which must be the caller's alone: nobody ever sees a part of it. Blocks.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let trash = path.with_file_name(format!("{TRASH}{name}"));
    // One that a killed host left there.
    absent(std::fs::remove_dir_all(&trash))?;
    absent(std::fs::rename(path, &trash))?;
    absent(std::fs::remove_dir_all(&trash))
}

/// Removes what a killed host left half-removed. Only one caller at a time may. Blocks.
pub(crate) fn empty_trash(cache_folder: &Path) -> io::Result<()> {
    for (name, path) in entries(&place(cache_folder))? {
        if name.starts_with(TRASH) {
            absent(std::fs::remove_dir_all(path))?;
        }
    }
    Ok(())
}

fn entries(folder: &Path) -> io::Result<Vec<(String, PathBuf)>> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let entry = |entry: std::fs::DirEntry| Some((entry.file_name().into_string().ok()?, entry.path()));
    Ok(entries.filter_map(Result::ok).filter_map(entry).collect())
}

fn is_hash(name: &str) -> bool {
    name.len() >= HASH_MIN && name.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

fn read(path: &Path) -> Option<String> {
    let is_file = std::fs::symlink_metadata(path).ok()?.is_file();
    is_file.then(|| small_file::read_text(path, TEXT_MAX).ok()).flatten()
}

/// Bytes that a folder takes on its disk. A file with two names counts once; links are not followed. What vanishes on
/// the way does not count.
fn size(folder: &Path) -> u64 {
    let (mut total, mut seen, mut waiting) = (0, HashSet::new(), vec![folder.to_owned()]);
    while let Some(folder) = waiting.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().filter_map(Result::ok) {
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

fn absent(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "0123456789abcdef0123456789abcdef";

    #[test]
    fn folders_named_by_hashes_are_environments_and_nothing_else_is() {
        let cache = tempfile::tempdir().unwrap();
        assert_eq!(folders(cache.path()).unwrap().len(), 0);
        let place = place(cache.path());
        for name in [HASH, "short", ".trash-0123456789abcdef0123456789abcdef", "0123456789abcdef0123456789abcdef.new"] {
            std::fs::create_dir_all(place.join(name)).unwrap();
        }
        std::fs::write(place.join("1123456789abcdef0123456789abcdef"), "a file").unwrap();
        std::os::unix::fs::symlink("/", place.join("2123456789abcdef0123456789abcdef")).unwrap();
        std::fs::write(place.join(HASH).join("packages"), "humanize==4\n\ntomli\n").unwrap();
        let found = folders(cache.path()).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].hash.as_str(), &found[0].packages), (HASH, &vec!["humanize==4".into(), "tomli".into()]));
        std::fs::write(place.join(HASH).join("size"), "123\n").unwrap();
        assert_eq!(folders(cache.path()).unwrap()[0].bytes, 123);
    }

    #[test]
    fn a_file_with_two_names_counts_once_and_links_are_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("lib")).unwrap();
        let empty = size(folder.path());
        std::fs::write(folder.path().join("lib/a"), vec![1; 100_000]).unwrap();
        let once = size(folder.path());
        assert!((100_000..120_000).contains(&(once - empty)), "{once} - {empty}");
        std::fs::hard_link(folder.path().join("lib/a"), folder.path().join("b")).unwrap();
        std::os::unix::fs::symlink("/", folder.path().join("all")).unwrap();
        assert!(size(folder.path()) - once < 10_000);
    }

    #[test]
    fn what_is_removed_is_gone_and_what_a_killed_host_left_too() {
        let cache = tempfile::tempdir().unwrap();
        let path = place(cache.path()).join(HASH);
        let trash = place(cache.path()).join(format!(".trash-{HASH}"));
        std::fs::create_dir_all(path.join("lib")).unwrap();
        std::fs::create_dir_all(trash.join("old")).unwrap();
        remove(&path).unwrap();
        assert!(!path.exists() && !trash.exists());
        remove(&path).unwrap();
        std::fs::create_dir_all(trash.join("old")).unwrap();
        empty_trash(cache.path()).unwrap();
        assert!(!trash.exists());
    }
}
