//! The system calls that a container may make: one profile of our own, sent to the engine as text with each container
//! (runs, builds, probes), so that it is the same on every engine. `calls.txt` answers every call of the kernel;
//! `arguments.rs` has what depends on a call's arguments; `rules.rs` makes both to the document that engines take.

mod arguments;
mod calls;
mod rules;

use crate::fingerprint::hexadecimal;
use crate::spec::Network;
use serde::Serialize;
use sha2::{Digest, Sha256};

/// Which sockets can be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sockets {
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
    pub(crate) fn option(&self) -> String {
        format!("seccomp={}", self.text)
    }
}

/// The profile of containers with such sockets. It is the same text on every machine.
pub(crate) fn profile(sockets: Sockets) -> SeccompProfile {
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
