//! Image references, such as `registry.example:5000/team/base:3@sha256:…`: their syntax and the defaults of omitted
//! parts. Checked before anything starts; nothing here asks an engine or a registry.

use crate::digest::{Digest, digits};
use std::fmt;
use thiserror::Error;

/// The registry of a reference that names none.
const DEFAULT_REGISTRY: &str = "docker.io";

/// The longest name, with its registry, that registries accept.
const NAME_MAX: usize = 255;

/// The longest tag that registries accept.
const TAG_MAX: usize = 128;

/// An image reference, parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// As it was given.
    text: String,
    /// The registry, with its port; `None` if not given.
    registry: Option<String>,
    /// The path in the registry.
    repository: String,
    tag: Option<String>,
    digest: Option<String>,
    id: bool,
}

/// An invalid image reference.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReferenceError {
    /// It is empty.
    #[error("it is empty: name an image, such as `team/base:3`")]
    Empty,
    /// The name is too long.
    #[error("its name has {length} characters; the limit is {NAME_MAX}")]
    Long {
        /// How long it is.
        length: usize,
    },
    /// The registry is not a valid host.
    #[error("invalid registry `{registry}`: expected HOST or HOST:PORT")]
    Registry {
        /// The given registry.
        registry: String,
    },
    /// The name contains upper-case letters.
    #[error("its name `{name}` must be lower case")]
    UpperCase {
        /// The name.
        name: String,
    },
    /// A component of the name is invalid.
    #[error("invalid name component `{part}`: use lower-case letters, digits and `.`, `_`, `__` or `-` between them")]
    Part {
        /// The component.
        part: String,
    },
    /// The tag is invalid.
    #[error(
        "invalid tag `{tag}`: use up to {TAG_MAX} letters, digits, `_`, `.` and `-`, and do not begin with `.` or `-`"
    )]
    Tag {
        /// The tag.
        tag: String,
    },
    /// The digest is invalid.
    #[error("invalid digest `{digest}`: expected `sha256:` and 64 hexadecimal digits")]
    Digest {
        /// The digest.
        digest: String,
    },
}

impl Reference {
    /// Parses a reference.
    pub fn parse(text: &str) -> Result<Self, ReferenceError> {
        let id = digits(text);
        if Digest::parse_hex(id).is_some() {
            let repository = id.to_owned();
            return Ok(Self { text: text.into(), registry: None, repository, tag: None, digest: None, id: true });
        }
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => (name, Some(checked_digest(digest)?)),
            None => (text, None),
        };
        // A colon after the last slash begins the tag; one before it, a registry's port.
        let last = name.rfind('/').map_or(0, |slash| slash + 1);
        let (name, tag) = match name[last..].find(':') {
            Some(colon) => (&name[..last + colon], Some(checked_tag(&name[last + colon + 1..])?)),
            None => (name, None),
        };
        if name.is_empty() {
            return Err(ReferenceError::Empty);
        }
        if name.len() > NAME_MAX {
            return Err(ReferenceError::Long { length: name.len() });
        }
        let first = name.split_once('/').filter(|(first, _)| first.contains(['.', ':']) || *first == "localhost");
        let (registry, repository) = first.map_or((None, name), |(registry, rest)| (Some(registry), rest));
        let registry = registry.map(checked_registry).transpose()?;
        if repository.chars().any(|character| character.is_ascii_uppercase()) {
            return Err(ReferenceError::UpperCase { name: repository.into() });
        }
        if let Some(part) = repository.split('/').find(|part| !is_part(part)) {
            return Err(ReferenceError::Part { part: part.into() });
        }
        Ok(Self { text: text.into(), registry, repository: repository.into(), tag, digest, id: false })
    }

    /// The registry, by its common name.
    pub fn registry(&self) -> &str {
        match self.registry.as_deref() {
            None | Some("index.docker.io") => DEFAULT_REGISTRY,
            Some(registry) => registry,
        }
    }

    /// Whether its registry is Docker Hub.
    pub fn is_on_hub(&self) -> bool {
        self.registry() == DEFAULT_REGISTRY
    }

    /// Whether it is an image of Longshore, which this machine builds and no registry has: such a name on a registry
    /// would be another party's.
    pub fn is_ours(&self) -> bool {
        self.is_on_hub() && self.repository.starts_with("longshore/")
    }

    /// Whether it is an image id, which registries do not know.
    pub fn is_id(&self) -> bool {
        self.id
    }

    /// The request to an engine: the name with its registry, and the digest or else the tag. Without either, an engine
    /// would pull every tag.
    pub fn to_pull(&self) -> (String, &str) {
        let name = match &self.registry {
            Some(registry) => format!("{registry}/{}", self.repository),
            None => self.repository.clone(),
        };
        (name, self.digest.as_deref().or(self.tag.as_deref()).unwrap_or("latest"))
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn checked_registry(registry: &str) -> Result<String, ReferenceError> {
    let (host, port) = match registry.rsplit_once(':') {
        // The colons of an address in brackets belong to the address.
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (registry, None),
    };
    let is_label = |label: &str| {
        let plain = label.chars().all(|character| character.is_ascii_alphanumeric() || character == '-');
        plain && !label.is_empty() && !label.starts_with('-') && !label.ends_with('-')
    };
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let is_host = match address {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => host.split('.').all(is_label),
    };
    let is_port = port.is_none_or(|port| port.parse::<u16>().is_ok());
    if is_host && is_port {
        return Ok(registry.to_owned());
    }
    Err(ReferenceError::Registry { registry: registry.to_owned() })
}

/// Whether this is letters and digits with single separators between them: `.`, `_`, `__`, or any number of `-`.
fn is_part(part: &str) -> bool {
    let is_plain = |character: char| character.is_ascii_lowercase() || character.is_ascii_digit();
    let separators = part.split(is_plain).filter(|separator| !separator.is_empty());
    let are_right = separators
        .into_iter()
        .all(|separator| matches!(separator, "." | "_" | "__") || separator.chars().all(|character| character == '-'));
    are_right && part.starts_with(is_plain) && part.ends_with(is_plain)
}

fn checked_tag(tag: &str) -> Result<String, ReferenceError> {
    let is_word = |character: char| character.is_ascii_alphanumeric() || character == '_';
    let is_right =
        tag.starts_with(is_word) && tag.chars().all(|character| is_word(character) || ".-".contains(character));
    if is_right && tag.len() <= TAG_MAX {
        return Ok(tag.to_owned());
    }
    Err(ReferenceError::Tag { tag: tag.to_owned() })
}

fn checked_digest(digest: &str) -> Result<String, ReferenceError> {
    let parsed = Digest::parse(digest).ok_or_else(|| ReferenceError::Digest { digest: digest.to_owned() })?;
    Ok(parsed.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_filled_in() {
        let digest = format!("sha256:{}", "0a".repeat(32));
        let with_digest = format!("registry:5000/name:2@{digest}");
        let cases = [
            ("name", "docker.io", "name", "latest"),
            ("team/name:3", "docker.io", "team/name", "3"),
            ("docker.io/team/name", "docker.io", "docker.io/team/name", "latest"),
            ("index.docker.io/name", "docker.io", "index.docker.io/name", "latest"),
            ("localhost/name:v1.0-rc_1", "localhost", "localhost/name", "v1.0-rc_1"),
            ("registry:5000/a/b/c", "registry:5000", "registry:5000/a/b/c", "latest"),
            ("Registry.example/a__b--c.d", "Registry.example", "Registry.example/a__b--c.d", "latest"),
            ("[::1]:5000/name:1", "[::1]:5000", "[::1]:5000/name", "1"),
            (with_digest.as_str(), "registry:5000", "registry:5000/name", digest.as_str()),
        ];
        for (text, registry, name, tag) in cases {
            let reference = Reference::parse(text).unwrap();
            assert_eq!((reference.registry(), reference.to_pull()), (registry, (name.to_owned(), tag)), "{text}");
            assert_eq!((reference.to_string().as_str(), reference.is_id()), (text, false));
        }
    }

    #[test]
    fn nonsense_is_named() {
        let cases = [
            ("", "it is empty"),
            (":3", "it is empty"),
            ("Upper/Case:3", "its name `Upper/Case` must be lower case"),
            ("registry.example/Team/base", "its name `Team/base` must be lower case"),
            ("a b", "invalid name component `a b`"),
            ("a//b", "invalid name component ``"),
            ("a/b/", "invalid name component ``"),
            ("a..b", "invalid name component `a..b`"),
            ("-a", "invalid name component `-a`"),
            ("name:", "invalid tag ``"),
            ("name:-x", "invalid tag `-x`"),
            ("name:1:2", "invalid tag `1:2`"),
            ("name@sha256:12", "invalid digest `sha256:12`"),
            ("name@3", "invalid digest `3`"),
            ("https://registry.example/name", "invalid registry `https:`"),
            ("registry:port/name", "invalid registry `registry:port`"),
            ("-.example/name", "invalid registry `-.example`"),
            ("[::x]:1/name", "invalid registry `[::x]:1`"),
        ];
        for (text, reason) in cases {
            let error = Reference::parse(text).unwrap_err().to_string();
            assert!(error.starts_with(reason), "{text}: {error}");
        }
        assert_eq!(Reference::parse(&"a".repeat(256)), Err(ReferenceError::Long { length: 256 }));
        assert!(Reference::parse(&format!("a:{}", "b".repeat(129))).is_err());
    }

    #[test]
    fn ours_are_never_on_a_registry_and_ids_neither() {
        let is_ours = |text| Reference::parse(text).unwrap().is_ours();
        assert!(is_ours("longshore/python:0.1.0") && is_ours("docker.io/longshore/r"));
        assert!(
            !is_ours("registry.example/longshore/python") && !is_ours("longshoreman/python") && !is_ours("longshore")
        );
        let is_id = |text: &str| Reference::parse(text).unwrap().is_id();
        let id = "0b".repeat(32);
        assert!(is_id(&id) && is_id(&format!("sha256:{id}")) && !is_id("0b0b0b0b0b0b"));
    }
}
