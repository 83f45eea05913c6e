//! A cache of images' fingerprints. An image's id is the hash of its content, so a fingerprint stays valid; a file that
//! cannot be read, or has another format, is ignored.

use super::document::{DOCUMENT_MAX, Document};
use super::lines::Fingerprint;
use longshore_model::digest::{Digest, digits};
use longshore_model::image_id::ImageId;
use longshore_model::run_id::new_run_id;
use longshore_os::publish::Unpublished;
use longshore_os::small_file;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Maximum fingerprints kept: 1,000 of 20 KiB take 20 MiB. Beyond it the oldest are removed, and taken again if needed.
const KEPT_MAX: usize = 1000;

/// The cached fingerprint of an image.
pub(super) fn load(state_folder: &Path, image: &ImageId) -> Option<Fingerprint> {
    let text = small_file::read(&path(state_folder, image)?, DOCUMENT_MAX).ok()?;
    Document::read(&text).ok().filter(|(document, _)| document.image.as_ref() == Some(&image.0)).map(|(_, known)| known)
}

/// Stores a fingerprint. If that fails, it is only taken again the next time.
pub(super) fn save(state_folder: &Path, image: &ImageId, fingerprint: &Fingerprint) {
    if let Some(path) = path(state_folder, image) {
        let _ = write(&path, &Document::new(fingerprint, None, Some(&image.0)));
    }
}

fn write(path: &Path, document: &Document) -> io::Result<()> {
    let folder = longshore_os::publish::folder(path);
    std::fs::create_dir_all(folder)?;
    let file = Unpublished::create(path, &new_run_id())?;
    let mut writer = file.writer()?;
    writer.write_all(&serde_json::to_vec(document)?)?;
    file.publish()?;
    trim(folder, KEPT_MAX)
}

/// Removes the oldest beyond this number.
fn trim(folder: &Path, most: usize) -> io::Result<()> {
    let entries = std::fs::read_dir(folder)?.flatten();
    let dated =
        entries.filter_map(|entry| Some((entry.metadata().and_then(|facts| facts.modified()).ok()?, entry.path())));
    let mut files: Vec<_> = dated.collect();
    files.sort();
    for (_, path) in files.iter().take(files.len().saturating_sub(most)) {
        // Another host may have removed it.
        let _ = std::fs::remove_file(path);
    }
    Ok(())
}

/// Path of an image's fingerprint, if its id is a hash, as in all engines.
fn path(state_folder: &Path, image: &ImageId) -> Option<PathBuf> {
    let digest = Digest::parse_hex(digits(&image.0))?;
    Some(state_folder.join("fingerprints").join(format!("{}.json", digest.hex())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_remembered_and_a_damaged_one_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let (one, other) = (ImageId(format!("sha256:{:064x}", 1)), ImageId(format!("sha256:{:064x}", 2)));
        let fingerprint = Fingerprint::new(["pip numpy 2.0".parse().unwrap()]);
        assert_eq!(load(folder.path(), &one), None);
        save(folder.path(), &one, &fingerprint);
        assert_eq!(load(folder.path(), &one), Some(fingerprint.clone()));
        assert_eq!(load(folder.path(), &other), None);
        // The fingerprint of another image, in its place.
        std::fs::copy(path(folder.path(), &one).unwrap(), path(folder.path(), &other).unwrap()).unwrap();
        assert_eq!(load(folder.path(), &other), None);
        for damage in
            [&b""[..], b"\xff\xfe", b"{}", b"{\"format\":\"longshore-fingerprint 0\",\"hash\":\"\",\"lines\":[]}"]
        {
            std::fs::write(path(folder.path(), &one).unwrap(), damage).unwrap();
            assert_eq!(load(folder.path(), &one), None);
        }
        save(folder.path(), &one, &fingerprint);
        assert_eq!(load(folder.path(), &one), Some(fingerprint.clone()));
        save(folder.path(), &ImageId("../../x".into()), &fingerprint);
        save(Path::new("/proc"), &one, &fingerprint);
        assert_eq!(std::fs::read_dir(folder.path().join("fingerprints")).unwrap().count(), 2);
    }

    #[test]
    fn the_oldest_go_first() {
        let folder = tempfile::tempdir().unwrap();
        let minute = |minute: u64| std::time::UNIX_EPOCH + std::time::Duration::from_secs(60 * minute);
        for number in 0..5u64 {
            std::fs::File::create(folder.path().join(number.to_string()))
                .unwrap()
                .set_modified(minute(9 - number))
                .unwrap();
        }
        trim(folder.path(), 2).unwrap();
        let mut left: Vec<_> =
            std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["0", "1"]);
    }
}
