//! Whether an interpreter is of a version with which a block works: checked before anything is built for it.

use super::EnvironmentError;
use crate::fingerprint::{Kind, of_image};
use longshore_block::{Block, Language};
use longshore_config::settings::Settings;
use longshore_engine::{ImageStore, Interpreters, RunImage, StoredImage};
use longshore_model::image_kind::{PYTHON_VERSIONS, R_VERSIONS};
use longshore_model::r_requirement::RVersion;
use pep440_rs::Version;
use std::str::FromStr;

/// A version that a block does not work with.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct OtherVersion {
    /// The versions that it works with, as in `Python >=3.12`.
    pub(super) wanted: String,
    /// The version of the interpreter, as in `Python 3.11.2`.
    pub(super) found: String,
}

/// Checks the interpreter of a base image. Images that block and settings do not restrict are not asked.
pub(super) async fn check_image(
    block: &Block,
    base: &StoredImage,
    name: &str,
    store: &dyn ImageStore,
    settings: &Settings,
) -> Result<(), EnvironmentError> {
    if !is_restricted(block) {
        return Ok(());
    }
    let interpreters = Interpreters::of_image(&RunImage::of(name, base.clone()));
    let installed = of_image(store, name, &base.id, &interpreters, &settings.state_folder).await;
    let installed = installed.map_err(|source| EnvironmentError::Installed { source: Box::new(source) })?;
    let kind = match block.language {
        Language::Python => Kind::Python,
        Language::R => Kind::R,
    };
    let Some(line) = installed.lines().iter().find(|line| line.kind() == kind) else { return Ok(()) };
    match check(block, line.version()) {
        Ok(()) => Ok(()),
        Err(OtherVersion { wanted, found }) => {
            let others = if block.image.is_none() { there_are(block.language) } else { String::new() };
            Err(EnvironmentError::OtherVersion { wanted, found, image: name.to_owned(), others })
        }
    }
}

/// The versions with an image of Longshore's.
fn there_are(language: Language) -> String {
    let versions = match language {
        Language::Python => PYTHON_VERSIONS,
        Language::R => R_VERSIONS,
    };
    format!("; there are images with {language} {}", versions.join(" and "))
}

/// Whether a block works with some versions of its language only.
fn is_restricted(block: &Block) -> bool {
    block.requires_python.is_some() || block.requires_r.is_some() || block.version.is_some()
}

/// Checks the version of an interpreter, such as `3.11.2` or `CPython 3.11.2`. One that is not a version is not checked.
pub(super) fn check(block: &Block, version: &str) -> Result<(), OtherVersion> {
    let number = version.rsplit(' ').next().unwrap_or(version).trim_end_matches('+');
    let other = |wanted: String| OtherVersion { wanted, found: format!("{} {number}", block.language) };
    let is_it = |wanted: &str| number == wanted || number.starts_with(&format!("{wanted}."));
    if let Some(wanted) = block.version.filter(|wanted| !is_it(wanted)) {
        return Err(other(format!("{} {wanted}", block.language)));
    }
    match (block.language, &block.requires_python, &block.requires_r) {
        (Language::Python, Some(versions), _) => match Version::from_str(number) {
            Ok(found) if !versions.contains(&found) => Err(other(format!("Python {versions}"))),
            _ => Ok(()),
        },
        (Language::R, _, Some(versions)) if number.parse::<RVersion>().is_ok() && !versions.allows(number) => {
            Err(other(format!("R {versions}")))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use longshore_model::r_requirement::RVersions;
    use pep440_rs::VersionSpecifiers;
    use std::path::PathBuf;

    #[test]
    fn versions_are_compared() {
        let mut python = Block::empty(PathBuf::new(), Language::Python);
        assert!(!is_restricted(&python) && check(&python, "2.7").is_ok());
        python.requires_python = Some(VersionSpecifiers::from_str(">=3.10,<3.12").unwrap());
        for version in ["3.11.2", "CPython 3.10.0", "3.11.0rc1", "3.11.2+", "unknown"] {
            assert_eq!(check(&python, version), Ok(()), "{version}");
        }
        let other = check(&python, "CPython 3.12.1").unwrap_err();
        assert_eq!((other.wanted.as_str(), other.found.as_str()), ("Python >=3.10, <3.12", "Python 3.12.1"));
        python.version = Some("3.13");
        assert_eq!(check(&python, "CPython 3.11.2").unwrap_err().wanted, "Python 3.13");
        let mut r = Block::empty(PathBuf::new(), Language::R);
        r.requires_r = RVersions::of_series("4.2");
        assert!(check(&r, "4.2.2").is_ok() && check(&r, "4.2").is_ok() && check(&r, "unknown").is_ok());
        let other = check(&r, "4.20.1").unwrap_err();
        assert_eq!((other.wanted.as_str(), other.found.as_str()), ("R >=4.2,<4.3", "R 4.20.1"));
    }
}
