//! Whom installers trust: the machine's own certificates and those of the settings, in one file, because what they
//! would trust by themselves is something else for each, and naming a file replaces it.

use super::LocalError;
use longshore_config::BUNDLE_BYTES_MAX;
use longshore_os::small_file;
use std::path::{Path, PathBuf};

/// Where systems keep all their certificates in one file: Debian and Alpine, Fedora, openSUSE. The first one counts.
const SYSTEM: [&str; 3] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem"];

/// The name of the file that is written.
const NAME: &str = "certificates.pem";

/// Writes the certificates into a file of a folder; `None` where nobody has any, and installers trust their own.
pub(super) fn gather(ca_bundle: Option<&Path>, folder: &Path) -> Result<Option<PathBuf>, LocalError> {
    // One that cannot be read is as one that is not there.
    let mut all =
        SYSTEM.iter().find_map(|path| small_file::read(Path::new(path), BUNDLE_BYTES_MAX).ok()).unwrap_or_default();
    if let Some(path) = ca_bundle {
        let failed = |source| LocalError::Certificates { path: path.to_owned(), source };
        // It may be that very file, or one that ends without a new line.
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
