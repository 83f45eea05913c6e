//! The certificates that installers trust: the machine's own and those of the settings, in one file. The default
//! differs between installers, and naming a file replaces it.

use super::LocalError;
use longshore_config::BUNDLE_BYTES_MAX;
use longshore_os::small_file;
use std::path::{Path, PathBuf};

/// The files with all certificates of a system: Debian and Alpine, Fedora, openSUSE. The first one is used.
const SYSTEM: [&str; 3] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem"];

/// The name of the written file.
const NAME: &str = "certificates.pem";

/// Writes the certificates into a file of a folder; `None` if there are none, and installers use their default.
pub(super) fn gather(ca_bundle: Option<&Path>, folder: &Path) -> Result<Option<PathBuf>, LocalError> {
    // An unreadable file is treated as missing.
    let mut all =
        SYSTEM.iter().find_map(|path| small_file::read(Path::new(path), BUNDLE_BYTES_MAX).ok()).unwrap_or_default();
    if let Some(path) = ca_bundle {
        let failed = |source| LocalError::Certificates { path: path.to_owned(), source };
        // It may be the same file, or one that ends without a line feed.
        let own = small_file::read(path, BUNDLE_BYTES_MAX).map_err(failed)?;
        if own != all {
            all.extend([b"\n", own.as_slice()].concat());
        }
    }
    if all.is_empty() {
        return Ok(None);
    }
    let path = folder.join(NAME);
    std::fs::write(&path, all).map_err(|source| LocalError::Folder { path: folder.to_owned(), source })?;
    Ok(Some(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_of_the_settings_come_to_those_of_the_machine() {
        let folder = tempfile::tempdir().unwrap();
        let own = folder.path().join("own.pem");
        std::fs::write(&own, "of our own\n").unwrap();
        let machine = gather(None, folder.path()).unwrap().map(|path| std::fs::read(path).unwrap().len());
        let both = std::fs::read_to_string(gather(Some(&own), folder.path()).unwrap().unwrap()).unwrap();
        assert!(both.ends_with("\nof our own\n"));
        assert_eq!(both.len(), machine.unwrap_or_default() + "\nof our own\n".len());
        let missing = gather(Some(Path::new("/nowhere.pem")), folder.path());
        assert!(matches!(missing, Err(LocalError::Certificates { .. })), "{missing:?}");
    }
}
