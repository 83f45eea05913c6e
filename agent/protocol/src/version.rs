//! Protocol versions and the capabilities of each. They are independent of crate versions: an image keeps its side for
//! years, so a host supports a range, and the two sides select the newest version that both support.

use crate::software::Software;
use serde::{Deserialize, Serialize};
use std::fmt;
use thiserror::Error;

/// A version of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Version(pub u32);

impl Version {
    /// The first: Hello, Begin, streams with credits, segments and arenas, verdicts.
    pub const V1: Self = Self(1);
    /// The newest that this crate supports.
    pub const NEWEST: Self = Self::V1;
    /// The oldest that this crate still supports.
    pub const OLDEST: Self = Self::V1;

    /// Whether this version has a capability.
    #[must_use]
    pub fn has(self, capability: Capability) -> bool {
        self >= capability.since()
    }
}

/// Something that a version of the protocol can do. Ask for the capability, never compare numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Capability {
    /// Segments and arenas pass as descriptors, if Hello and Welcome also declare it. Since 1.
    Descriptors,
}

impl Capability {
    /// The version that introduced it.
    #[must_use]
    pub fn since(self) -> Version {
        match self {
            Self::Descriptors => Version::V1,
        }
    }
}

/// A closed range of versions that one side supports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionRange {
    /// The oldest.
    pub oldest: Version,
    /// The newest.
    pub newest: Version,
}

impl VersionRange {
    /// The versions that this crate supports.
    pub const SUPPORTED: Self = Self { oldest: Version::OLDEST, newest: Version::NEWEST };

    /// Selects the newest version that both this host (`self`) and the container's side (`theirs`) support.
    ///
    /// # Errors
    /// [`VersionMismatch`] names the side to update, in a sentence for the user.
    pub fn negotiate(self, theirs: Self, software: &Software) -> Result<Version, VersionMismatch> {
        let software = software.to_string();
        if theirs.newest < self.oldest {
            return Err(VersionMismatch::TooOld { software, theirs, ours: self });
        }
        if theirs.oldest > self.newest {
            return Err(VersionMismatch::TooNew { software, theirs, ours: self });
        }
        Ok(self.newest.min(theirs.newest))
    }
}

impl fmt::Display for VersionRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.oldest == self.newest {
            write!(f, "{}", self.oldest.0)
        } else {
            write!(f, "{} to {}", self.oldest.0, self.newest.0)
        }
    }
}

/// The two sides of a connection have no version in common.
#[derive(Debug, Error, PartialEq, Eq, Clone)]
pub enum VersionMismatch {
    /// The container's side is older than all versions of this host.
    #[error("{software} speaks protocol {theirs}, which is too old for this host ({ours}): rebuild the image")]
    TooOld {
        /// Name and version of the container's side.
        software: String,
        /// Its versions.
        theirs: VersionRange,
        /// The host's versions.
        ours: VersionRange,
    },
    /// The container's side is newer than all versions of this host.
    #[error(
        "{software} speaks protocol {theirs}, which is too new for this host ({ours}): update longshore on the host"
    )]
    TooNew {
        /// Name and version of the container's side.
        software: String,
        /// Its versions.
        theirs: VersionRange,
        /// The host's versions.
        ours: VersionRange,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(oldest: u32, newest: u32) -> VersionRange {
        VersionRange { oldest: Version(oldest), newest: Version(newest) }
    }

    #[test]
    fn the_newest_common_version_wins() {
        let software = Software { name: "longshore-agent".into(), version: "0.1.0".into() };
        assert_eq!(range(1, 4).negotiate(range(2, 3), &software), Ok(Version(3)));
        assert_eq!(range(2, 3).negotiate(range(1, 9), &software), Ok(Version(3)));
    }

    #[test]
    fn a_mismatch_says_which_side_to_renew() {
        let software = Software { name: "longshore-agent".into(), version: "0.1.0".into() };
        assert_eq!(
            range(3, 4).negotiate(range(1, 2), &software).map_err(|e| e.to_string()),
            Err("longshore-agent 0.1.0 speaks protocol 1 to 2, which is too old for this host (3 to 4): \
                 rebuild the image"
                .into())
        );
        assert_eq!(
            range(1, 1).negotiate(range(2, 2), &software).map_err(|e| e.to_string()),
            Err("longshore-agent 0.1.0 speaks protocol 2, which is too new for this host (1): \
                 update longshore on the host"
                .into())
        );
    }
}
