//! The files of one table: those in a folder and below it, or those that match a pattern.

use super::error::TableError;
use std::path::{Path, PathBuf};

/// Maximum number of files of one table.
const PARTS_MAX: usize = 100_000;

/// Maximum nesting of folders.
const DEPTH_MAX: usize = 16;

/// Maximum number of files and folders examined: links between a few folders lead to any number of paths.
const LOOKED_MAX: usize = 4 * PARTS_MAX;

/// Hive's name for a missing value.
const HIVE_MISSING: &str = "__HIVE_DEFAULT_PARTITION__";

/// A file that is part of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) path: PathBuf,
    /// The keys in its folder names, such as `year=2024`, as Hive writes tables.
    pub(super) keys: Vec<(String, Option<String>)>,
}

/// The files of a folder or a pattern, in the order of their names; `None` if the path is one file.
///
/// # Errors
/// If there are no files, or too many.
pub(super) fn find(path: &Path) -> Result<Option<Vec<Found>>, TableError> {
    let unreadable = |reason: String| TableError::Unreadable { path: path.to_owned(), reason };
    let (mut files, mut left) = (Vec::new(), LOOKED_MAX);
    let is_folder = match std::fs::metadata(path) {
        Ok(metadata) => metadata.is_dir(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            match path.to_str().filter(|text| is_pattern(text)) {
                Some(pattern) => {
                    let fixed = fixed_folder(path);
                    let found = glob::glob(pattern)
                        .map_err(|error| unreadable(format!("it is not a valid pattern: {error}")))?;
                    for file in found {
                        left = left.checked_sub(1).ok_or_else(|| too_many(path))?;
                        let file = file.map_err(|error| unreadable(error.to_string()))?;
                        // A folder that matches is read with all files in it, as if given alone.
                        if file.is_dir() {
                            walk(&file, DEPTH_MAX, &mut files, &mut left)?;
                        } else {
                            files.push(file);
                        }
                    }
                    if files.is_empty() {
                        return Err(unreadable(
                            "no file matches the pattern: `*` stands for any part of a name".into(),
                        ));
                    }
                    return finish(path, &fixed, files).map(Some);
                }
                None => return Err(TableError::Missing { path: path.to_owned() }),
            }
        }
        Err(source) => return Err(TableError::Read { path: path.to_owned(), source }),
    };
    if !is_folder {
        return Ok(None);
    }
    walk(path, DEPTH_MAX, &mut files, &mut left)?;
    if files.is_empty() {
        return Err(unreadable("the folder contains no files".into()));
    }
    finish(path, path, files).map(Some)
}

fn finish(path: &Path, base: &Path, files: Vec<PathBuf>) -> Result<Vec<Found>, TableError> {
    if files.len() > PARTS_MAX {
        let reason = format!("it matches {} files, but a table has at most {PARTS_MAX}", files.len());
        return Err(TableError::Unreadable { path: path.to_owned(), reason });
    }
    Ok(files.into_iter().map(|file| Found { keys: keys(base, &file), path: file }).collect())
}

/// Whether a name that no file has is a pattern.
pub(super) fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?', '['])
}

/// The folder of a pattern above its first name with wildcards.
fn fixed_folder(pattern: &Path) -> PathBuf {
    let is_name = |part: &std::path::Component<'_>| !is_pattern(&part.as_os_str().to_string_lossy());
    pattern.components().take_while(is_name).collect()
}

/// The files below a folder, except names that begin with a point or an underscore: `_SUCCESS`, `.part-0.crc`.
fn walk(folder: &Path, depth: usize, files: &mut Vec<PathBuf>, left: &mut usize) -> Result<(), TableError> {
    let failed = |source| TableError::Read { path: folder.to_owned(), source };
    let Some(deeper) = depth.checked_sub(1) else {
        let reason = format!("its folders are nested more than {DEPTH_MAX} levels deep");
        return Err(TableError::Unreadable { path: folder.to_owned(), reason });
    };
    let entries = std::fs::read_dir(folder).map_err(failed)?;
    let mut entries = entries.take(*left + 1).collect::<Result<Vec<_>, _>>().map_err(failed)?;
    *left = left.checked_sub(entries.len()).ok_or_else(|| too_many(folder))?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        if entry.file_name().to_string_lossy().starts_with(['.', '_']) {
            continue;
        }
        let path = entry.path();
        if std::fs::metadata(&path).map_err(failed)?.is_dir() {
            walk(&path, deeper, files, left)?;
        } else {
            files.push(path);
        }
        if files.len() > PARTS_MAX {
            break;
        }
    }
    Ok(())
}

fn too_many(path: &Path) -> TableError {
    let reason =
        format!("it leads to more than {LOOKED_MAX} files and folders, but a table has at most {PARTS_MAX} files");
    TableError::Unreadable { path: path.to_owned(), reason }
}

/// The keys in the names of the folders between a base and a file.
fn keys(base: &Path, file: &Path) -> Vec<(String, Option<String>)> {
    let between = file.strip_prefix(base).unwrap_or(file).parent().unwrap_or(Path::new(""));
    let key = |part: std::path::Component<'_>| {
        let name = part.as_os_str().to_string_lossy().into_owned();
        let (key, value) = name.split_once('=')?;
        let value = (value != HIVE_MISSING).then(|| decoded(value));
        (!key.is_empty()).then(|| (decoded(key), value))
    };
    between.components().filter_map(key).collect()
}

/// A name without the escapes in paths: `%2F` for `/`.
fn decoded(name: &str) -> String {
    let hex = |bytes: &[u8]| u8::from_str_radix(std::str::from_utf8(bytes).ok()?, 16).ok();
    let (mut bytes, mut at) = (Vec::new(), 0);
    let name = name.as_bytes();
    while at < name.len() {
        match name.get(at + 1..at + 3).filter(|_| name[at] == b'%').and_then(hex) {
            Some(byte) => {
                bytes.push(byte);
                at += 3;
            }
            None => {
                bytes.push(name[at]);
                at += 1;
            }
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(base: &Path, path: &str) -> Result<Vec<String>, String> {
        let files = find(&base.join(path)).map_err(|error| error.to_string())?.unwrap();
        let word = |found: Found| {
            let keys: Vec<_> = found.keys.iter().map(|(key, value)| format!("{key}:{value:?}")).collect();
            format!("{} {}", found.path.strip_prefix(base).unwrap().display(), keys.join(" ")).trim().to_owned()
        };
        Ok(files.into_iter().map(word).collect())
    }

    #[test]
    fn folders_and_patterns_have_their_files() {
        let folder = tempfile::tempdir().unwrap();
        let base = folder.path();
        for file in ["t/b.csv", "t/a.csv", "t/_SUCCESS", "t/.a.csv.crc", "h/y=2024/m=01/x.csv", "h/y=%2F/x.csv", "e/_x"]
        {
            let path = base.join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        assert_eq!(found(base, "t").unwrap(), ["t/a.csv", "t/b.csv"]);
        assert_eq!(found(base, "t/*.csv").unwrap(), ["t/a.csv", "t/b.csv"]);
        let hive = ["h/y=%2F/x.csv y:Some(\"/\")", "h/y=2024/m=01/x.csv y:Some(\"2024\") m:Some(\"01\")"];
        assert_eq!(found(base, "h").unwrap(), hive);
        assert_eq!(found(base, "h/*/*/x.csv").unwrap(), &hive[1..]);
        assert_eq!(found(base, "h/y=*").unwrap(), hive);
        assert_eq!(find(&base.join("t/a.csv")).unwrap(), None);
        assert!(found(base, "e").unwrap_err().ends_with("the folder contains no files"));
        assert!(found(base, "t/*.parquet").unwrap_err().contains("no file matches the pattern"));
        assert!(found(base, "x.csv").unwrap_err().ends_with("does not exist"));
    }
    #[test]
    fn links_that_lead_around_have_an_end() {
        let folder = tempfile::tempdir().unwrap();
        // Each of fourteen folders has twelve links to the next.
        for level in 0..14 {
            let here = folder.path().join(format!("l{level}"));
            std::fs::create_dir(&here).unwrap();
            let next = format!("../l{}", level + 1);
            (0..12).for_each(|way| std::os::unix::fs::symlink(&next, here.join(format!("w{way}"))).unwrap());
        }
        std::fs::create_dir(folder.path().join("l14")).unwrap();
        let error = find(&folder.path().join("l0")).unwrap_err().to_string();
        assert!(error.contains("leads to more than 400000 files and folders"), "{error}");
    }
}
