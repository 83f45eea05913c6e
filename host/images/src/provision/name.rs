//! Names of base images, such as `python` for `longshore/python:0.1.0`.

use crate::find::ENVIRONMENTS;
use crate::transfer::{IMPORTED, INCOMING};
use longshore_model::reference::{Reference, ReferenceError};
use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// The version of the base images that this host uses.
pub(super) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The name of a base image, without `longshore/` and the version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseName(String);

/// A text is not the name of a base image.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum BaseNameError {
    /// It is not one component of an image's name.
    #[error("`{name}` is not the name of a base image, such as `python`")]
    Form {
        /// The text.
        name: String,
        /// The cause.
        #[source]
        source: Option<ReferenceError>,
    },
    /// Longshore uses the name for other images.
    #[error("`{name}` is the name of images that Longshore makes for blocks")]
    Reserved {
        /// The text.
        name: String,
    },
}

impl FromStr for BaseName {
    type Err = BaseNameError;

    fn from_str(name: &str) -> Result<Self, BaseNameError> {
        let wrong = |source| BaseNameError::Form { name: name.to_owned(), source };
        if name.is_empty() || name.contains(['/', ':', '@']) {
            return Err(wrong(None));
        }
        Reference::parse(&format!("longshore/{name}:{VERSION}")).map_err(|source| wrong(Some(source)))?;
        if [ENVIRONMENTS, IMPORTED, INCOMING].contains(&format!("longshore/{name}").as_str()) {
            return Err(BaseNameError::Reserved { name: name.to_owned() });
        }
        Ok(Self(name.to_owned()))
    }
}

impl fmt::Display for BaseName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl BaseName {
    /// The name with its version, as in the engine.
    #[must_use]
    pub fn image(&self) -> String {
        format!("longshore/{self}:{VERSION}")
    }

    /// All names that the image has.
    pub(super) fn images(&self) -> [String; 2] {
        [self.image(), format!("longshore/{self}:latest")]
    }

    /// The language of its scripts; `None` if the name does not tell.
    pub(super) fn language(&self) -> Option<&'static str> {
        let stem = self.0.split_once('-').map_or(self.0.as_str(), |(stem, _)| stem);
        ["python", "r"].into_iter().find(|language| *language == stem)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_one_component_that_no_other_image_has() {
        for (name, language) in [("python", Some("python")), ("r-4.5", Some("r")), ("base", None), ("rust", None)] {
            let parsed: BaseName = name.parse().unwrap();
            assert_eq!((parsed.image(), parsed.language()), (format!("longshore/{name}:{VERSION}"), language));
        }
        for name in ["", "longshore/r", "r:1", "r@sha256:0", "--again", "Python", "..", "a b"] {
            assert!(matches!(name.parse::<BaseName>(), Err(BaseNameError::Form { .. })), "{name}");
        }
        for name in ["environment", "imported", "incoming"] {
            assert_eq!(name.parse::<BaseName>(), Err(BaseNameError::Reserved { name: name.into() }));
        }
    }

    #[test]
    fn any_name_makes_an_image_of_longshore() {
        let parts = ["a", "r", "0", ".", "_", "-", "/", ":", "@", "A", " ", "ü", "\0", "environment"];
        let mut names = vec![String::new()];
        let mut taken = 0;
        for _ in 0..4 {
            names = names.iter().flat_map(|name| parts.map(|part| format!("{name}{part}"))).collect();
            for (name, parsed) in names.iter().filter_map(|name| Some((name, name.parse::<BaseName>().ok()?))) {
                let image = Reference::parse(&parsed.image()).unwrap();
                assert!(image.is_ours() && !image.is_id(), "{name}");
                assert_eq!(image.to_pull(), (format!("longshore/{name}"), VERSION));
                taken += 1;
            }
        }
        assert!(taken > 100, "{taken}");
    }
}
