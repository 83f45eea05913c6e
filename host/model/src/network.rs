//! A container's network: none, the engine's default, or a named one that the operator created. For engines, some words
//! in the same place join a container to the machine or to another container; no value of this type is one of them.

use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// Words that engines do not treat as the name of a network; those with a colon (`container:ID`, `ns:PATH`) are not
/// listed, since a name has no colon.
const RESERVED: [&str; 8] = ["default", "host", "nat", "ns", "container", "pasta", "private", "slirp4netns"];

/// Characters of a network's name: more than any real name has.
const LENGTH_MAX: usize = 128;

/// A container's network.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub enum Network {
    /// No network.
    #[default]
    None,
    /// The engine's default network.
    Bridge,
    /// A network that the operator created.
    Named(NetworkName),
}

/// The name of a network that the operator created.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct NetworkName(String);

/// Why a word is not the name of a network.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NetworkError {
    /// Engines give the word another meaning.
    #[error("`{word}` is not the name of a separate network: use `none`, `bridge`, or a network that you created")]
    Reserved {
        /// The word.
        word: String,
    },
    /// The word is not a valid name.
    #[error(
        "`{word}` is not a valid network name: use letters, digits, `_`, `.` and `-`, and begin with a letter or digit"
    )]
    NoName {
        /// The word, shortened if it is long.
        word: String,
    },
}

impl Network {
    /// Parses a name; `none` and `bridge` are the networks that every engine has.
    ///
    /// # Errors
    /// [`NetworkError`].
    pub fn named(text: &str) -> Result<Self, NetworkError> {
        match text {
            "none" => return Ok(Self::None),
            "bridge" => return Ok(Self::Bridge),
            _ => {}
        }
        let word = || text.chars().take(LENGTH_MAX).flat_map(char::escape_debug).collect();
        let first = text.split(':').next().unwrap_or(text).to_ascii_lowercase();
        if RESERVED.contains(&first.as_str()) || ["none", "bridge"].contains(&first.as_str()) {
            return Err(NetworkError::Reserved { word: word() });
        }
        let is_part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
        let begins = text.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
        if begins && text.len() <= LENGTH_MAX && text.bytes().all(is_part) {
            return Ok(Self::Named(NetworkName(text.to_owned())));
        }
        Err(NetworkError::NoName { word: word() })
    }
}

impl NetworkName {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        Self::named(text)
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Bridge => "bridge",
            Self::Named(name) => name.as_str(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What an engine makes of the word that it is given: Docker's `NetworkMode` and Podman's `--network`.
    fn is_a_network_of_its_own(word: &str) -> bool {
        let mode = word.split([':', ',']).next().unwrap_or(word).to_ascii_lowercase();
        let modes = ["host", "container", "ns", "default", "private", "slirp4netns", "pasta", "nat"];
        !word.is_empty() && !word.contains([':', ',', '/', ' ']) && !modes.contains(&mode.as_str())
    }

    #[test]
    fn no_word_joins_a_container_to_the_machine_or_to_another_container() {
        let parts =
            ["", "h", "host", "HOST", "ns", "container", "default", ":", "/", ",", " ", "-", ".", "0af", "\n", "é"];
        let mut accepted = 0;
        for first in parts {
            for second in parts {
                for third in parts {
                    let word = format!("{first}{second}{third}");
                    match Network::named(&word) {
                        Ok(Network::Named(name)) => {
                            assert!(is_a_network_of_its_own(name.as_str()), "{word:?}");
                            assert_eq!(name.as_str(), word);
                            accepted += 1;
                        }
                        Ok(other) => panic!("{word:?} is {other}"),
                        Err(error) => assert!(!error.to_string().contains('\n'), "{error}"),
                    }
                }
            }
        }
        // Names like `host-0af` are names.
        assert!(accepted > 500, "{accepted}");
    }

    #[test]
    fn words_of_engines_are_told_from_what_is_no_name() {
        let refused = |word: &str| Network::named(word).unwrap_err();
        for word in ["host", "Host", "container:0123456789ab", "ns:/proc/1/ns/net", "default", "none:x", "pasta:-t,all"]
        {
            assert_eq!(refused(word), NetworkError::Reserved { word: word.to_owned() });
        }
        for word in ["", "-x", "a b", "a/b", "a:b", "host\0", "ü", &"x".repeat(129)] {
            assert!(matches!(refused(word), NetworkError::NoName { .. }), "{word:?}");
        }
        assert_eq!(Network::named("none"), Ok(Network::None));
        assert_eq!(Network::named("bridge"), Ok(Network::Bridge));
        for word in ["internal", "web_1.test-net", "0123456789ab", "hosting"] {
            assert_eq!(Network::named(word).unwrap().to_string(), word);
        }
    }
}
