//! The environments of the `process` engine: folders in the cache, each named by its hash. They count in the same
//! budget as images. This file finds, measures and removes them; it does not create them.

use longshore_model::digest::is_hash;
use longshore_os::disk_use::folder_bytes;
use longshore_os::presence::if_there;
use longshore_os::small_file;
use serde::Deserialize;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// A file in such a folder with the folder's size in bytes, so that it need not be measured.
const SIZE: &str = "size";

/// A file in such a folder that lists its requested packages, one in a line.
const PACKAGES: &str = "packages";

/// A file in such a folder with its content, as its builder recorded it.
const RECORD: &str = "environment.json";

/// Prefix of a folder that is being removed. Other folders are always complete.
const TRASH: &str = ".trash-";

/// Most bytes read of the files above: a list of a thousand packages has 30 KB.
const TEXT_MAX: u64 = 256 << 10;

/// An environment in a folder.
#[derive(Debug, Clone)]
pub(crate) struct Folder {
    pub(crate) hash: String,
    pub(crate) path: PathBuf,
    pub(crate) bytes: u64,
    pub(crate) created: SystemTime,
    pub(crate) packages: Vec<String>,
    pub(crate) record: Record,
}

/// What the builder of an environment recorded.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct Record {
    /// `python` or `r`.
    pub(crate) language: String,
    /// The packages installed for it, with versions.
    pub(crate) installed: Vec<String>,
}

/// Path of the folder of environments in a cache.
pub(crate) fn place(cache_folder: &Path) -> PathBuf {
    cache_folder.join("environments")
}

/// All environments in a cache. Folders that are being built or removed have other names. Blocks.
pub(crate) fn folders(cache_folder: &Path) -> io::Result<Vec<Folder>> {
    let mut found = Vec::new();
    for (name, path) in entries(&place(cache_folder))? {
        let facts = std::fs::symlink_metadata(&path);
        if let (true, Ok(facts)) = (is_hash(&name), facts)
            && facts.is_dir()
        {
            let known = read(&path.join(SIZE)).and_then(|text| text.trim().parse().ok());
            let bytes = known.unwrap_or_else(|| folder_bytes(&path));
            let packages = read(&path.join(PACKAGES)).unwrap_or_default();
            let packages = packages.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect();
            let created = facts.created().or_else(|_| facts.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
            let record = read(&path.join(RECORD)).and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
            found.push(Folder { hash: name, path, bytes, created, packages, record });
        }
    }
    Ok(found)
}

/// Removes an environment, which must be locked by the caller: it is never visible in part. Blocks.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let trash = path.with_file_name(format!("{TRASH}{name}"));
    // A folder that a killed host left there.
    if_there(std::fs::remove_dir_all(&trash))?;
    if_there(std::fs::rename(path, &trash))?;
    if_there(std::fs::remove_dir_all(&trash)).map(drop)
}

/// Removes folders that a killed host left half-removed. Must not run twice at the same time. Blocks.
pub(crate) fn empty_trash(cache_folder: &Path) -> io::Result<()> {
    for (name, path) in entries(&place(cache_folder))? {
        if name.starts_with(TRASH) {
            if_there(std::fs::remove_dir_all(path))?;
        }
    }
    Ok(())
}

fn entries(folder: &Path) -> io::Result<Vec<(String, PathBuf)>> {
    let entries = if_there(std::fs::read_dir(folder))?;
    let entry = |entry: std::fs::DirEntry| Some((entry.file_name().into_string().ok()?, entry.path()));
    Ok(entries.into_iter().flatten().filter_map(Result::ok).filter_map(entry).collect())
}

fn read(path: &Path) -> Option<String> {
    let is_file = std::fs::symlink_metadata(path).ok()?.is_file();
    is_file.then(|| small_file::read_text(path, TEXT_MAX).ok()).flatten()
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
        assert_eq!(found[0].record, Record::default());
        let record = r#"{"language": "python", "requirements": ["tomli"], "installed": ["tomli==2.2.1"]}"#;
        std::fs::write(place.join(HASH).join("environment.json"), record).unwrap();
        assert_eq!(folders(cache.path()).unwrap()[0].record.installed, ["tomli==2.2.1"]);
        std::fs::write(place.join(HASH).join("environment.json"), "{").unwrap();
        assert_eq!(folders(cache.path()).unwrap()[0].record, Record::default());
        std::fs::write(place.join(HASH).join("size"), "123\n").unwrap();
        assert_eq!(folders(cache.path()).unwrap()[0].bytes, 123);
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
