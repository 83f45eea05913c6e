//! The system calls that a container may make: Longshore's own profile, sent to the engine as text with each container
//! (runs, builds, probes), so that it is the same on every engine. `calls.txt` answers every call of the kernel;
//! `arguments.rs` has the answers that depend on arguments; `rules.rs` converts both to the document for engines.

mod arguments;
mod calls;
mod rules;

use longshore_model::digest::hexadecimal;
use longshore_model::network::Network;
use longshore_os::temporary::failure;
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::io::{self, Write};
use std::path::Path;
use tempfile::NamedTempFile;

/// The kinds of sockets that can be created.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sockets {
    /// Unix sockets and internet sockets: a container without a network has its own loopback, which R's clusters,
    /// joblib, notebooks and web servers use.
    Loopback,
    /// Also netlink sockets for addresses and routes.
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
    /// The document for engines.
    #[serde(skip)]
    pub text: String,
    /// SHA-256 of the text, as hexadecimal digits.
    pub hash: String,
}

impl SeccompProfile {
    /// The option for a container's security options.
    pub fn option(&self) -> String {
        format!("seccomp={}", self.text)
    }
}

/// Replaces an option of [`SeccompProfile::option`] among these by one that names a file in `folder`, which exists
/// until the returned value is dropped. Blocks. `None`: no such option.
pub fn in_a_file(options: &mut [String], folder: &Path) -> io::Result<Option<NamedTempFile>> {
    let Some((option, text)) = options.iter_mut().find_map(|option| {
        let text = option.strip_prefix("seccomp=").filter(|text| text.starts_with('{'))?.to_owned();
        Some((option, text))
    }) else {
        return Ok(None);
    };
    let failed = |source| failure(folder, source);
    let mut file = NamedTempFile::with_prefix_in("longshore-seccomp-", folder).map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)?;
    *option = format!("seccomp={}", file.path().display());
    Ok(Some(file))
}

/// The profile of containers with these sockets. The text is the same on every machine.
pub fn profile(sockets: Sockets) -> SeccompProfile {
    let text = rules::document(sockets);
    SeccompProfile { hash: hexadecimal(&Sha256::digest(&text)), text }
}

/// The answer to a container's system call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Answer {
    /// The kernel's own answer.
    Allow,
    /// An error; the call has no effect.
    Refuse(Error),
}

/// Why a call is refused. The numbers are those of x86_64 and aarch64 alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Error {
    /// `EPERM`: the call needs a privilege, or accesses another process's objects.
    Permission = 1,
    /// `ENOSYS`: the kernel lacks the call. Programs handle it, and use another call.
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
        let (profile, folder) = (profile(Sockets::Loopback), tempfile::tempdir().unwrap());
        let mut options = vec!["no-new-privileges".to_owned(), profile.option()];
        let file = in_a_file(&mut options, folder.path()).unwrap().unwrap();
        assert_eq!(options, ["no-new-privileges".to_owned(), format!("seccomp={}", file.path().display())]);
        assert_eq!(std::fs::read_to_string(file.path()).unwrap(), profile.text);
        assert!(in_a_file(&mut options, folder.path()).unwrap().is_none());
    }
}
