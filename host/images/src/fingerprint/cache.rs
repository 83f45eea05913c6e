//! A cache of what images answered, such as their fingerprints. An image's id is the hash of its content, so an answer stays
//! valid; a file that cannot be read, or has another format, is ignored.

use super::document::{DOCUMENT_MAX, Document};
use super::lines::Fingerprint;
use longshore_model::digest::{Digest, digits};
use longshore_model::image_id::ImageId;
use longshore_model::run_id::new_run_id;
use longshore_os::publish::Unpublished;
use longshore_os::small_file;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Maximum answers kept: 1,000 of 20 KiB take 20 MiB. Beyond it the oldest are removed, and asked for again if needed.
const KEPT_MAX: usize = 1000;

/// The fingerprints of images.
const FINGERPRINTS: KeptAnswers = KeptAnswers { folder: "fingerprints", most: DOCUMENT_MAX };

/// Answers of images of one kind.
#[derive(Debug)]
pub(crate) struct KeptAnswers {
    /// Their folder in the state folder.
    pub(crate) folder: &'static str,
    /// Maximum bytes of one.
    pub(crate) most: u64,
}

impl KeptAnswers {
    /// The answer of an image.
    pub(crate) fn load(&self, state_folder: &Path, image: &ImageId) -> Option<Vec<u8>> {
        small_file::read(&self.path(state_folder, image)?, self.most).ok()
    }

    /// Stores an answer. If that fails, the image is only asked again the next time.
    pub(crate) fn save(&self, state_folder: &Path, image: &ImageId, answer: &[u8]) {
        if let Some(path) = self.path(state_folder, image) {
            let _ = write(&path, answer);
        }
    }

    /// Path of an image's answer, if its id is a hash, as in all engines.
    fn path(&self, state_folder: &Path, image: &ImageId) -> Option<PathBuf> {
        let digest = Digest::parse_hex(digits(&image.0))?;
        Some(state_folder.join(self.folder).join(format!("{}.json", digest.hex())))
    }
}

/// The cached fingerprint of an image.
pub(super) fn load(state_folder: &Path, image: &ImageId) -> Option<Fingerprint> {
    let text = FINGERPRINTS.load(state_folder, image)?;
    Document::read(&text).ok().filter(|(document, _)| document.image.as_ref() == Some(&image.0)).map(|(_, known)| known)
}

/// Stores a fingerprint.
pub(super) fn save(state_folder: &Path, image: &ImageId, fingerprint: &Fingerprint) {
    if let Ok(text) = serde_json::to_vec(&Document::new(fingerprint, None, Some(&image.0))) {
        FINGERPRINTS.save(state_folder, image, &text);
    }
}

fn write(path: &Path, answer: &[u8]) -> io::Result<()> {
    let folder = longshore_os::publish::folder(path);
    std::fs::create_dir_all(folder)?;
    let file = Unpublished::create(path, &new_run_id())?;
    let mut writer = file.writer()?;
    writer.write_all(answer)?;
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
        std::fs::copy(
            FINGERPRINTS.path(folder.path(), &one).unwrap(),
            FINGERPRINTS.path(folder.path(), &other).unwrap(),
        )
        .unwrap();
        assert_eq!(load(folder.path(), &other), None);
        for damage in
            [&b""[..], b"\xff\xfe", b"{}", b"{\"format\":\"longshore-fingerprint 0\",\"hash\":\"\",\"lines\":[]}"]
        {
            std::fs::write(FINGERPRINTS.path(folder.path(), &one).unwrap(), damage).unwrap();
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
