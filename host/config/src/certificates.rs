//! The certificates that builds trust in addition to those of the base image.

use crate::settings::PackageSettings;
use longshore_model::remedy::Remedy;
use longshore_os::small_file;
use std::io::ErrorKind;
use std::path::PathBuf;
use thiserror::Error;

/// The largest bundle: Debian's bundle of all authorities has 220 KB, this is about forty times that.
pub const BUNDLE_BYTES_MAX: u64 = 8 << 20;

/// The first line of each PEM certificate.
const BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";

/// The certificate bundle cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// It cannot be read.
    #[error("cannot read the certificates in `{path}` (`network.ca_bundle`)")]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// It contains no certificates.
    #[error("`{path}` (`network.ca_bundle`) contains no PEM certificate")]
    None {
        /// The file.
        path: PathBuf,
    },
    /// It is too large for a bundle.
    #[error("`{path}` (`network.ca_bundle`) exceeds {limit} bytes, the limit for certificates")]
    TooLong {
        /// The file.
        path: PathBuf,
        /// The limit.
        limit: u64,
    },
}

impl CertificateError {
    /// What the caller can do.
    #[must_use]
    pub fn remedy(&self) -> Option<Remedy> {
        matches!(self, Self::Read { .. }).then_some(Remedy::ShowSettings)
    }
}

/// Reads the bundle of the settings, if one is set.
///
/// # Errors
///
/// It does not exist, or is not a bundle.
pub fn certificates(packages: &PackageSettings) -> Result<Option<Vec<u8>>, CertificateError> {
    let Some(path) = packages.ca_bundle.clone() else { return Ok(None) };
    match small_file::read(&path, BUNDLE_BYTES_MAX) {
        Err(source) if source.kind() == ErrorKind::FileTooLarge => {
            Err(CertificateError::TooLong { path, limit: BUNDLE_BYTES_MAX })
        }
        Err(source) => Err(CertificateError::Read { path, source }),
        Ok(bundle) if !bundle.windows(BEGIN.len()).any(|window| window == BEGIN) => {
            Err(CertificateError::None { path })
        }
        Ok(bundle) => Ok(Some(bundle)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_is_read_where_one_is_needed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.pem");
        let packages = PackageSettings { ca_bundle: Some(path.clone()), ..PackageSettings::default() };
        assert_eq!(certificates(&PackageSettings::default()).unwrap(), None);
        assert!(matches!(certificates(&packages), Err(CertificateError::Read { .. })));
        std::fs::write(&path, "no certificate").unwrap();
        assert!(matches!(certificates(&packages), Err(CertificateError::None { .. })));
        std::fs::write(&path, BEGIN).unwrap();
        assert_eq!(certificates(&packages).unwrap().unwrap(), BEGIN);
        std::fs::write(&path, vec![b'\n'; (8 << 20) + 1]).unwrap();
        assert!(matches!(certificates(&packages), Err(CertificateError::TooLong { .. })));
    }
}
