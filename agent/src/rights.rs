//! Separate users of the agent and its script. Where the agent starts as root and the script has a user of its own,
//! the script has no capability and cannot signal, limit, renice or trace the agent; the agent keeps the right to
//! kill processes of other users, and no other right. It accesses files as the script's user, so it can do no more
//! there than the script.
//!
//! All functions affect the calling thread, and are called while the agent has only one.

use crate::error::StartError;
use longshore_protocol::User;
use nix::unistd::{Gid as FileGroup, Uid as FileUser, setfsgid, setfsuid};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::process::{DumpableBehavior, Gid, Uid, geteuid, set_dumpable_behavior, setpriority_process, setsid};
use rustix::thread::{
    CapabilitySet, CapabilitySets, clear_ambient_capability_set, remove_capability_from_bounding_set, set_capabilities,
    set_keep_capabilities, set_no_new_privs, set_thread_groups, set_thread_res_gid, set_thread_res_uid,
};

/// When memory runs out, the kernel kills the script, not the agent.
const OOM_SCORE: &[u8] = b"1000";

/// The script's nice value, the maximum: it yields to the agent within their container, whose share of the processors
/// stays the same. With 110 tasks that spin on two busy processors the agent is up to 2 s late at a deadline, with 10
/// up to 5 s.
const NICE: i32 = 19;

/// Upper bound of capability numbers: one for each bit of a set.
const CAPABILITIES: u32 = u64::BITS;

/// The script's user, where it is not the agent's own, and the agent is root.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Apart {
    script: User,
}

impl Apart {
    /// `Some` if the script's user is not the agent's.
    pub(crate) fn of(user: Option<User>) -> Option<Self> {
        let script = user.filter(|user| geteuid().is_root() && user.uid != 0)?;
        Some(Self { script })
    }

    /// Makes the agent, which is root, access files as the script's user from now on.
    pub(crate) fn touch_files_as_script(self) -> Result<(), StartError> {
        let failed = |source: Errno| StartError::Files { user: self.script.uid, source: source.into() };
        set_file_user(self.script).map_err(failed)
    }

    /// Drops all rights in the child before it becomes the script, also for programs that it executes. Allocates
    /// nothing, since it runs between fork and exec.
    pub(crate) fn become_script(self) -> Result<(), Errno> {
        // A process group of its own, in a new session: within one session some signals pass between users.
        setsid()?;
        set_file_user(User { uid: 0, gid: 0 })?;
        // Where the agent may raise resources, the score is its own lower bound from then on.
        let score = rustix::fs::open(c"/proc/self/oom_score_adj", OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
        rustix::io::write(&score, OOM_SCORE)?;
        drop(score);
        setpriority_process(None, NICE)?;
        empty_bounding_set()?;
        let (user, group) = (Uid::from_raw(self.script.uid), Gid::from_raw(self.script.gid));
        set_thread_groups(&[])?;
        set_thread_res_gid(group, group, group)?;
        set_thread_res_uid(user, user, user)?;
        set_capabilities(None, sets(CapabilitySet::empty()))?;
        set_no_new_privs(true)
    }

    /// Gives up the agent's rights once the script runs: it becomes another user, which may kill processes of others.
    pub(crate) fn give_up_rights(self) -> Result<(), Errno> {
        let (user, group) = (Uid::from_raw(User::AGENT.uid), Gid::from_raw(User::AGENT.gid));
        empty_bounding_set()?;
        set_keep_capabilities(true)?;
        set_thread_groups(&[])?;
        set_thread_res_gid(group, group, group)?;
        set_thread_res_uid(user, user, user)?;
        set_capabilities(None, sets(CapabilitySet::KILL | CapabilitySet::SETUID | CapabilitySet::SETGID))?;
        set_file_user(self.script)?;
        set_capabilities(None, sets(CapabilitySet::KILL))?;
        set_keep_capabilities(false)?;
        set_no_new_privs(true)?;
        // A change of users resets it to the machine's default.
        set_dumpable_behavior(DumpableBehavior::NotDumpable)
    }
}

/// Sets the user for file access. The calls do not report whether they succeeded.
fn set_file_user(user: User) -> Result<(), Errno> {
    let (uid, gid) = (FileUser::from_raw(user.uid), FileGroup::from_raw(user.gid));
    setfsgid(gid);
    setfsuid(uid);
    if setfsgid(gid) == gid && setfsuid(uid) == uid { Ok(()) } else { Err(Errno::PERM) }
}

/// Programs executed from here on have no capability.
fn empty_bounding_set() -> Result<(), Errno> {
    for bit in 0..CAPABILITIES {
        match remove_capability_from_bounding_set(CapabilitySet::from_bits_retain(1 << bit)) {
            Ok(()) => {}
            // The kernel has no more capabilities.
            Err(Errno::INVAL) => break,
            Err(error) => return Err(error),
        }
    }
    clear_ambient_capability_set()
}

fn sets(of: CapabilitySet) -> CapabilitySets {
    CapabilitySets { effective: of, permitted: of, inheritable: CapabilitySet::empty() }
}
