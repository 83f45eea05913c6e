//! Who the agent is beside its script. Where it starts as root, and the script is somebody, they are two users: the script
//! has no capability and cannot signal, limit, renice or trace the agent; the agent keeps the right to end processes of
//! others, and nothing else. It touches files as the script does, so that it can do no more there than the script.
//!
//! All of it is about the calling thread, and happens while the agent has only one.

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

/// Where the kernel must kill something of this container, it is the script, not the agent.
const OOM_SCORE: &[u8] = b"1000";

/// How much the script yields to the agent within their container, whose share of the processors stays the same: as much as
/// there is. With 110 tasks that spin on two busy processors its agent is up to 2 s late at a deadline, at 10 up to 5 s.
const NICE: i32 = 19;

/// More capabilities than any kernel has: one for each bit of a set.
const CAPABILITIES: u32 = u64::BITS;

/// A script of another user than the agent, who is root.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Apart {
    script: User,
}

impl Apart {
    /// Whether the script of this user is another's than the agent.
    pub(crate) fn of(user: Option<User>) -> Option<Self> {
        let script = user.filter(|user| geteuid().is_root() && user.uid != 0)?;
        Some(Self { script })
    }

    /// The agent, who is root, touches files as the script from now on.
    pub(crate) fn touch_files_as_script(self) -> Result<(), StartError> {
        let failed = |source: Errno| StartError::Files { user: self.script.uid, source: source.into() };
        set_file_user(self.script).map_err(failed)
    }

    /// The child, before it becomes the script: without any right, now and by whatever it executes. It allocates nothing,
    /// since it runs between fork and exec.
    pub(crate) fn become_script(self) -> Result<(), Errno> {
        // A group of its own, as every script has; within one session some signals pass between users.
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

    /// The agent, once the script runs: another user, who may end others' processes.
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
        // A change of users sets it as the machine has it.
        set_dumpable_behavior(DumpableBehavior::NotDumpable)
    }
}

/// Sets whose rights files are touched with. The calls do not say whether they did it.
fn set_file_user(user: User) -> Result<(), Errno> {
    let (uid, gid) = (FileUser::from_raw(user.uid), FileGroup::from_raw(user.gid));
    setfsgid(gid);
    setfsuid(uid);
    if setfsgid(gid) == gid && setfsuid(uid) == uid { Ok(()) } else { Err(Errno::PERM) }
}

/// Nothing that is executed from here on has a capability.
fn empty_bounding_set() -> Result<(), Errno> {
    for bit in 0..CAPABILITIES {
        match remove_capability_from_bounding_set(CapabilitySet::from_bits_retain(1 << bit)) {
            Ok(()) => {}
            // The kernel has no more.
            Err(Errno::INVAL) => break,
            Err(error) => return Err(error),
        }
    }
    clear_ambient_capability_set()
}

fn sets(of: CapabilitySet) -> CapabilitySets {
    CapabilitySets { effective: of, permitted: of, inheritable: CapabilitySet::empty() }
}
