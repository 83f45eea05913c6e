//! The user and the rights of a process in a container.

use longshore_protocol::User;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// The user of scripts that share one user for all runs; its group is that of all scripts.
pub const SCRIPT_USER: User = User { uid: 4356, gid: 4357 };

/// A user with the capabilities of its processes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// User id.
    pub uid: u32,
    /// Group id. There are no supplementary groups.
    pub gid: u32,
    /// Capabilities, without `CAP_`.
    pub capabilities: Vec<Cow<'static, str>>,
}

impl Identity {
    /// A user without any capability.
    pub(crate) fn of(user: User) -> Self {
        Self { uid: user.uid, gid: user.gid, capabilities: Vec::new() }
    }
}
