//! The system calls that a container may make: one profile of our own, sent to the engine as text with each container
//! (runs, builds, probes), so that it is the same on every engine. `calls.txt` answers every call of the kernel;
//! `arguments.rs` has what depends on a call's arguments; `rules.rs` makes both to the document that engines take.

mod arguments;
mod calls;
mod rules;

use longshore_model::digest::hexadecimal;
use longshore_model::network::Network;
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::io::{self, Write};
use tempfile::NamedTempFile;

/// Which sockets can be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sockets {
    /// Unix sockets, and those of the internet's protocols: a container without a network has its own loopback, over which
    /// R's clusters, joblib, notebooks and web servers talk to themselves.
    Loopback,
    /// Also the kernel's own of addresses and routes.
    Network,
}

impl From<&Network> for Sockets {
    fn from(network: &Network) -> Self {
        match network {
            Network::None => Self::Loopback,
            Network::Bridge | Network::Named(_) => Self::Network,
        }
    }
}

/// The system calls that a container may make.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SeccompProfile {
    /// The document that engines take.
    #[serde(skip)]
    pub text: String,
    /// SHA-256 of the text, as hexadecimal digits.
    pub hash: String,
}

impl SeccompProfile {
    /// As an engine takes it, among a container's security options.
    pub fn option(&self) -> String {
        format!("seccomp={}", self.text)
    }
}

/// Has an option of [`SeccompProfile::option`] among these name a file in its place, which stands as long as what is
/// returned. Blocks. `None`: there is no such option.
pub fn in_a_file(options: &mut [String]) -> io::Result<Option<NamedTempFile>> {
    let Some((option, text)) = options.iter_mut().find_map(|option| {
        let text = option.strip_prefix("seccomp=").filter(|text| text.starts_with('{'))?.to_owned();
        Some((option, text))
    }) else {
        return Ok(None);
    };
    let mut file = NamedTempFile::with_prefix("longshore-seccomp-")?;
    file.write_all(text.as_bytes())?;
    *option = format!("seccomp={}", file.path().display());
    Ok(Some(file))
}

/// The profile of containers with such sockets. It is the same text on every machine.
pub fn profile(sockets: Sockets) -> SeccompProfile {
    let text = rules::document(sockets);
    SeccompProfile { hash: hexadecimal(&Sha256::digest(&text)), text }
}

/// What a container's system call is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Answer {
    /// The kernel's own answer.
    Allow,
    /// An error, and nothing happens.
    Refuse(Error),
}

/// Why a call is refused. The numbers are those of x86_64 and aarch64 alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Error {
    /// `EPERM`: it needs a privilege, or reaches into what is not the caller's.
    Permission = 1,
    /// `ENOSYS`: as if the kernel had no such call. Programs are ready for that, and take another way.
    NoSuchCall = 38,
    /// `EPROTONOSUPPORT`.
    Protocol = 93,
    /// `EAFNOSUPPORT`.
    Family = 97,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_is_put_into_a_file_for_engines_that_take_no_text() {
        let profile = profile(Sockets::Loopback);
        let mut options = vec!["no-new-privileges".to_owned(), profile.option()];
        let file = in_a_file(&mut options).unwrap().unwrap();
        assert_eq!(options, ["no-new-privileges".to_owned(), format!("seccomp={}", file.path().display())]);
        assert_eq!(std::fs::read_to_string(file.path()).unwrap(), profile.text);
        assert!(in_a_file(&mut options).unwrap().is_none());
    }
}
