//! The user of a script in a container: one of its own for each run of this machine, so that no run can use up
//! resources that the kernel limits per user, such as inotify instances, pipes and message queues. A user is reserved
//! by a socket whose abstract name contains its id: it is free again when the run, or its host, ends.

use super::identity::{Identity, SCRIPT_USER};
use super::image::{ImageUsers, RunImage};
use longshore_protocol::User;
use rustix::rand::{GetRandomFlags, getrandom};
use std::io;
use std::ops::RangeInclusive;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// Prefix of the sockets' names; the id follows.
const NAME: &str = "longshore-script-user-";

/// Capabilities of an agent that becomes another user than its script, and kills its processes. It keeps only the last.
const CAPABILITIES: [&str; 4] = ["SETUID", "SETGID", "SETPCAP", "KILL"];

/// The capability that also lets it make the script the kernel's first victim when memory runs out.
const RAISES_RESOURCES: &str = "SYS_RESOURCE";

/// A script's user.
#[derive(Debug)]
pub struct ScriptUser {
    /// By number.
    pub user: User,
    /// The agent's first user: root, if it becomes another user than the script.
    pub(crate) agent: Identity,
    /// A note for the user.
    pub note: Option<String>,
    /// Reserves the id, if no other run may have it.
    _held: Option<UnixDatagram>,
}

impl ScriptUser {
    /// Reserves a user of `range` that no other run of this machine has; the common one if the image requires it, or if
    /// the run writes to a file of this machine. Not every engine may pass on the right to raise resources.
    pub fn take(range: &RangeInclusive<u32>, image: Option<&RunImage>, writes: bool, raises_resources: bool) -> Self {
        let users = image.map_or(ImageUsers::Any, |image| image.users);
        let resources = raises_resources.then_some(RAISES_RESOURCES);
        let root = Identity {
            uid: 0,
            gid: 0,
            capabilities: CAPABILITIES.into_iter().chain(resources).map(Into::into).collect(),
        };
        let fixed = |agent, note| Self { user: SCRIPT_USER, agent, note, _held: None };
        if users == ImageUsers::Before {
            let name = image.map(|image| image.name.as_str()).unwrap_or_default();
            let note = format!(
                "the agent of the image `{name}` is too old: it and the script are one user, so that the script can \
                 end it; rebuild the image"
            );
            return fixed(Identity::of(SCRIPT_USER), Some(note));
        }
        if users == ImageUsers::Fixed || writes {
            return fixed(root, None);
        }
        let (uid, held, note) = match hold_one_of(range) {
            Ok((uid, held)) => (uid, Some(held), None),
            Err(error) => {
                let why = error.map_or_else(|| "all are taken".to_owned(), |error| error.to_string());
                let note = format!(
                    "the script shares its user with another run: no user from {} to {} can be reserved ({why}); \
                     extend `engine.script_users`",
                    range.start(),
                    range.end()
                );
                (*range.start(), None, Some(note))
            }
        };
        Self { user: User { uid, gid: SCRIPT_USER.gid }, agent: root, note, _held: held }
    }
}

/// Reserves a random free id. `None` as the error: all are taken.
fn hold_one_of(range: &RangeInclusive<u32>) -> Result<(u32, UnixDatagram), Option<io::Error>> {
    let count = range.end() - range.start() + 1;
    let mut random = [0; 4];
    let filled = getrandom(&mut random[..], GetRandomFlags::empty()).is_ok();
    let first = if filled { u32::from_le_bytes(random) % count } else { 0 };
    for step in 0..count {
        let uid = range.start() + (first + step) % count;
        match hold(uid) {
            Ok(held) => return Ok((uid, held)),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
            Err(error) => return Err(Some(error)),
        }
    }
    Err(None)
}

fn hold(uid: u32) -> io::Result<UnixDatagram> {
    UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(format!("{NAME}{uid}"))?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn image(users: ImageUsers) -> RunImage {
        RunImage { name: "team/base:3".into(), users, ..RunImage::default() }
    }

    /// `count` ids from `first` on, of sixteen that no setting contains and only this process uses.
    fn range(first: u32, count: u32) -> RangeInclusive<u32> {
        let first = 1_000_000 + std::process::id() * 16 + first;
        first..=first + count - 1
    }

    #[test]
    fn runs_at_the_same_time_have_different_users_until_there_are_none() {
        let range = range(0, 3);
        let taken: Vec<ScriptUser> = (0..3).map(|_| ScriptUser::take(&range, None, false, false)).collect();
        let ids: BTreeSet<u32> = taken.iter().map(|taken| taken.user.uid).collect();
        assert_eq!(ids, range.clone().collect());
        assert!(taken.iter().all(|taken| taken.agent.uid == 0 && taken.note.is_none() && taken.user.gid == 4357));
        let shared = ScriptUser::take(&range, Some(&image(ImageUsers::Any)), false, false);
        let note = shared.note.unwrap();
        assert!(note.starts_with("the script shares its user with another run: no user from "), "{note}");
        assert!(note.contains("(all are taken)") && range.contains(&shared.user.uid), "{note}");
        drop(taken);
        assert_eq!(ScriptUser::take(&range, None, false, false).note, None);
    }

    #[test]
    fn who_relies_on_one_user_has_it() {
        let taken = |users, writes| {
            let taken = ScriptUser::take(&range(8, 1), Some(&image(users)), writes, false);
            (taken.user.uid, taken.agent, taken.note.is_some())
        };
        let root = || Identity {
            uid: 0,
            gid: 0,
            capabilities: ["SETUID", "SETGID", "SETPCAP", "KILL"].map(Into::into).into(),
        };
        assert_eq!(taken(ImageUsers::Any, true), (4356, root(), false));
        assert_eq!(taken(ImageUsers::Fixed, false), (4356, root(), false));
        assert_eq!(taken(ImageUsers::Before, false), (4356, Identity::of(SCRIPT_USER), true));
        assert_eq!(taken(ImageUsers::Any, false), (*range(8, 1).start(), root(), false));
        let raising = ScriptUser::take(&range(8, 1), None, true, true).agent;
        assert_eq!(raising.capabilities, ["SETUID", "SETGID", "SETPCAP", "KILL", "SYS_RESOURCE"]);
    }
}
