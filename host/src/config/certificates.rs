//! The certificates that builds trust besides those of the base image.

use crate::settings::PackageSettings;
use std::fs::File;
use std::io::Read;
use std::path::PathBuf;
use thiserror::Error;

/// Debian's bundle of all authorities has 220 KB; forty of those are no bundle.
const BUNDLE_BYTES_MAX: u64 = 8 << 20;

/// What each certificate in PEM begins with.
const BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";

/// The bundle cannot be used.
#[derive(Debug, Error)]
pub enum CertificateError {
    /// It cannot be read.
    #[error(
        "cannot read the certificates in `{path}`, which `network.ca_bundle` names; `longshore config show` says where \
         that comes from"
    )]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// There are none in it.
    #[error("`{path}`, which `network.ca_bundle` names, has no certificate in PEM in it")]
    None {
        /// The file.
        path: PathBuf,
    },
    /// It is too long to be one.
    #[error(
        "`{path}`, which `network.ca_bundle` names, holds more than {limit} bytes, which is more than certificates take"
    )]
    TooLong {
        /// The file.
        path: PathBuf,
        /// The limit.
        limit: u64,
    },
}

/// Reads the bundle that the settings name, for whatever needs it.
///
/// # Errors
///
/// It is not there, or not a bundle.
pub fn certificates(packages: &PackageSettings) -> Result<Option<Vec<u8>>, CertificateError> {
    let Some(path) = packages.ca_bundle.clone() else { return Ok(None) };
    let mut bundle = Vec::new();
    let read = File::open(&path).and_then(|file| file.take(BUNDLE_BYTES_MAX + 1).read_to_end(&mut bundle));
    match read {
        Err(source) => Err(CertificateError::Read { path, source }),
        Ok(_) if bundle.len() as u64 > BUNDLE_BYTES_MAX => {
            Err(CertificateError::TooLong { path, limit: BUNDLE_BYTES_MAX })
        }
        Ok(_) if !bundle.windows(BEGIN.len()).any(|window| window == BEGIN) => Err(CertificateError::None { path }),
        Ok(_) => Ok(Some(bundle)),
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
