//! The name of an environment: a hash over everything that decides what is in it. The interpreter and the machine are in
//! each; what a language adds is `python.rs`'s and `r.rs`'s.

use super::HASH_BYTES;
use super::interpreter::Interpreter;
use longshore_model::digest::hexadecimal;
use sha2::{Digest, Sha256};

/// A name in the making.
#[derive(Debug)]
pub(super) struct Key(Sha256);

impl Key {
    /// That of an environment of any interpreter, made in a way that `version` stands for.
    pub(super) fn new(version: &str) -> Self {
        let mut key = Self(Sha256::new());
        key.add("made", version);
        key.add("architecture", std::env::consts::ARCH);
        key
    }

    /// That of an environment of this interpreter, made in a way that `version` stands for.
    pub(super) fn of(version: &str, parent: &Interpreter) -> Self {
        let mut key = Self::new(version);
        key.add("version", &parent.version);
        key.add("interpreter", &parent.path.to_string_lossy());
        key
    }

    /// Adds something that decides. A length before each text keeps two texts from meaning what one does.
    pub(super) fn add(&mut self, name: &str, value: &str) {
        self.0.update(format!("{name} {} {value}\n", value.len()));
    }

    /// The name.
    pub(super) fn finish(self) -> String {
        hexadecimal(&self.0.finalize()[..HASH_BYTES])
    }
}
