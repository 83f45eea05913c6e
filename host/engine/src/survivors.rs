//! Kills processes of a script that outlive its agent on this machine: the agent's descendants, also if the script
//! stopped the agent, detached them or forks endlessly; and processes with the run's socket in their environment, if
//! the script killed the agent. A process is stopped before it is killed, since a stopped process creates no children.
//!
//! If a script kills its agent and starts processes with another environment, they are not found: this engine has no
//! isolation that would hold them.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use std::collections::{HashMap, HashSet};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::{Duration, Instant};

/// How long it may take until all have ended: a process that waits for a disk ends late.
const DEADLINE: Duration = Duration::from_secs(10);

/// Maximum number of consecutive searches without a result, in each of which some process ended before it was read: on
/// a busy machine one always does. A search takes some milliseconds.
const UNSURE_MAX: u32 = 20;

/// A process, identified by its id and start time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Process {
    pid: i32,
    parent: i32,
    started: u64,
    dead: bool,
}

/// The result of a search of all processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    /// One was alive. It may have created a child before the signal arrived; a process with a pending signal creates
    /// none.
    Found,
    /// A new process ended before it was read. It may have left a child that was not listed yet.
    Unsure,
    /// None is left.
    Nothing,
}

/// Kills all descendants of an agent, which is stopped and cannot pass on its children. Blocks.
pub(super) fn end_below(agent: Pid) {
    end(&HashSet::from([agent.as_raw_nonzero().get()]), |_| false);
}

/// Kills all processes with a run's socket in their environment, and their descendants. Blocks.
pub(super) fn end_marked(socket: &Path) {
    let mark = [b"LONGSHORE_SOCKET=", socket.as_os_str().as_bytes()].concat();
    let own = i32::try_from(std::process::id()).ok();
    end(&HashSet::new(), |process| {
        // The environments of other users' processes cannot be read.
        let environment = std::fs::read(format!("/proc/{}/environ", process.pid)).unwrap_or_default();
        Some(process.pid) != own && environment.split(|byte| *byte == 0).any(|variable| variable == mark)
    });
}

/// Stops, then kills, all processes that are below one of these or are marked, and their descendants, until none is
/// left.
fn end(above: &HashSet<i32>, is_marked: impl Fn(&Process) -> bool) {
    let deadline = Instant::now() + DEADLINE;
    let mut seen = HashMap::new();
    loop {
        let mut stopped = HashSet::new();
        let mut unsure = 0;
        while Instant::now() < deadline && unsure < UNSURE_MAX {
            match stop(above, &is_marked, &mut stopped, &mut seen) {
                Look::Found => unsure = 0,
                Look::Unsure => unsure += 1,
                Look::Nothing => break,
            }
        }
        for process in &stopped {
            process.signal(Signal::KILL);
        }
        for process in &stopped {
            process.wait(deadline);
        }
        if stopped.is_empty() || Instant::now() > deadline {
            return;
        }
    }
}

/// Searches all processes once, and stops those to be killed. Those in `seen` are known by their ids, with their start
/// times.
fn stop(
    above: &HashSet<i32>,
    is_marked: impl Fn(&Process) -> bool,
    stopped: &mut HashSet<Process>,
    seen: &mut HashMap<i32, u64>,
) -> Look {
    let (mut all, mut found, mut alive, mut unsure) = (Vec::new(), above.clone(), false, false);
    let mut stop = |process: Process| {
        if process.dead || stopped.contains(&process) {
            return false;
        }
        if process.signal(Signal::STOP) {
            stopped.insert(process);
        }
        true
    };
    for pid in listed() {
        let Some(process) = read(pid) else {
            unsure |= !seen.contains_key(&pid);
            continue;
        };
        let is_new = seen.insert(pid, process.started) != Some(process.started);
        unsure |= is_new && process.dead;
        // Immediately if it is known already, since an endlessly forking program soon runs as another process.
        if found.contains(&process.parent) || (!process.dead && is_marked(&process)) {
            found.insert(process.pid);
            alive |= stop(process);
        }
        all.push(process);
    }
    let rest = below(&found, &all);
    for process in all.into_iter().filter(|process| rest.contains(&process.pid)) {
        alive |= stop(process);
    }
    match (alive, unsure) {
        (true, _) => Look::Found,
        (false, true) => Look::Unsure,
        (false, false) => Look::Nothing,
    }
}

impl Process {
    /// Opens the process, unless it is dead.
    fn open(&self) -> Option<OwnedFd> {
        let descriptor = pidfd_open(Pid::from_raw(self.pid)?, PidfdFlags::empty()).ok()?;
        // Its id may have been reused.
        let is_same = read(self.pid).is_some_and(|now| now.started == self.started);
        (is_same && !is_dead(&descriptor, Duration::ZERO)).then_some(descriptor)
    }

    /// Sends a signal. Returns whether the process existed.
    fn signal(&self, signal: Signal) -> bool {
        self.open().is_some_and(|descriptor| pidfd_send_signal(descriptor, signal).is_ok())
    }

    fn wait(&self, deadline: Instant) {
        if let Some(descriptor) = self.open() {
            is_dead(&descriptor, deadline.saturating_duration_since(Instant::now()));
        }
    }
}

/// Whether all threads of a process are dead, or within a time.
fn is_dead(descriptor: &OwnedFd, patience: Duration) -> bool {
    let patience = Timespec::try_from(patience).ok();
    poll(&mut [PollFd::new(descriptor, PollFlags::IN)], patience.as_ref()).is_ok_and(|ready| ready > 0)
}

/// All processes below one of these.
fn below(roots: &HashSet<i32>, all: &[Process]) -> HashSet<i32> {
    let parents: HashMap<i32, i32> = all.iter().map(|process| (process.pid, process.parent)).collect();
    let is_below = |process: &&Process| {
        let mut above = process.parent;
        // No chain of parents is longer than there are processes.
        for _ in 0..parents.len() {
            match parents.get(&above) {
                _ if roots.contains(&above) => return true,
                Some(parent) => above = *parent,
                None => return false,
            }
        }
        false
    };
    all.iter().filter(is_below).map(|process| process.pid).collect()
}

/// The ids of all processes. Processes that start during the listing may be missing.
fn listed() -> impl Iterator<Item = i32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

fn read(pid: i32) -> Option<Process> {
    parse(pid, &std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// Parses a `stat` line, whose second field is a name with any characters in it. The third is the state, the fourth the
/// parent, the twentieth the number of threads, and the twenty-second the start.
fn parse(pid: i32, stat: &str) -> Option<Process> {
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
    let state = fields.next()?;
    let parent = fields.next()?.parse().ok()?;
    let threads: u32 = fields.nth(15)?.parse().ok()?;
    // A first thread that has ended is a zombie while other threads run.
    let dead = matches!(state, "Z" | "X") && threads <= 1;
    Some(Process { pid, parent, started: fields.nth(1)?.parse().ok()?, dead })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::os::unix::process::ExitStatusExt;
    use std::process::{Child, Command, Stdio};

    /// All descendants of a process.
    fn all_below(pid: Pid) -> HashSet<i32> {
        let all: Vec<Process> = listed().filter_map(read).collect();
        below(&HashSet::from([pid.as_raw_nonzero().get()]), &all)
    }

    fn shell(program: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", program]).stdout(Stdio::piped());
        command
    }

    /// Reads until all writers have ended.
    fn rest(child: &mut Child) -> String {
        let mut text = String::new();
        child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn a_line_is_read_whatever_the_name_in_it() {
        let own = read(i32::try_from(std::process::id()).unwrap()).unwrap();
        assert!(own.started > 0);
        let line = "7 (a) R 9) S 5 7 7 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 99 1000";
        assert_eq!(parse(7, line), Some(Process { pid: 7, parent: 5, started: 99, dead: false }));
        assert_eq!(parse(7, "7 (a) S 5"), None);
    }

    #[test]
    fn everything_below_a_stopped_process_dies_and_it_lives() {
        let mut agent =
            shell("(setsid sh -c 'sleep 1000 & sleep 1000' & sleep 1000) & kill -STOP $$; exit 7").spawn().unwrap();
        let pid = Pid::from_child(&agent);
        // All its descendants have its standard output.
        while all_below(pid).len() < 4 {
            std::thread::yield_now();
        }
        end_below(pid);
        rustix::process::kill_process(pid, Signal::CONT).unwrap();
        assert_eq!(rest(&mut agent), "");
        assert_eq!(agent.wait().unwrap().code(), Some(7));
    }

    #[test]
    fn a_chain_of_forks_ends() {
        // Each one starts the next and ends, so that none lives long; their parent is stopped and adopts them. Their
        // number is bounded, since process ids belong to the whole machine.
        let program = "import ctypes, os, time\n\
            ctypes.CDLL(None).prctl(36, 1)\n\
            if os.fork():\n    time.sleep(1000)\n\
            os.setsid()\nfor _ in range(5000):\n    if os.fork(): os._exit(0)\n";
        let mut agent = Command::new("python3").args(["-c", program]).stdout(Stdio::piped()).spawn().unwrap();
        let pid = Pid::from_child(&agent);
        while all_below(pid).len() < 3 {
            std::thread::yield_now();
        }
        rustix::process::kill_process(pid, Signal::STOP).unwrap();
        end_below(pid);
        assert!(all_below(pid).iter().all(|pid| read(*pid).is_none_or(|process| process.open().is_none())));
        rustix::process::kill_process(pid, Signal::KILL).unwrap();
        assert_eq!(agent.wait().unwrap().signal(), Some(9));
        assert_eq!(rest(&mut agent), "");
    }

    #[test]
    fn what_carries_the_socket_dies_wherever_it_is() {
        let socket = Path::new("/nowhere/of this test/host.sock");
        let run = |socket: &str| {
            let mut command = shell("setsid sh -c 'env -i /bin/sleep 1000; true' & exit 0");
            command.env("LONGSHORE_SOCKET", socket).spawn().unwrap()
        };
        let mut meant = run(&socket.display().to_string());
        let mut other = run("/nowhere/of this test/host.sock2");
        assert!(meant.wait().unwrap().success() && other.wait().unwrap().success());
        let mut output = other.stdout.take().unwrap();
        end_marked(socket);
        assert_eq!(rest(&mut meant), "");
        rustix::io::ioctl_fionbio(&output, true).unwrap();
        assert_eq!(output.read(&mut [0]).unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
        end_marked(Path::new("/nowhere/of this test/host.sock2"));
        assert_eq!(output.read(&mut [0]).unwrap(), 0);
    }
}
