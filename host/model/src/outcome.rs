//! How a run ended: one of a closed set, decided here alone, by a pure function of what the host saw. A missing
//! message never means success.

use crate::size::format_size;
use longshore_protocol::{ExitStatus, Word};
use serde::{Deserialize, Serialize};

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The script did its work.
    Succeeded,
    /// The script failed: an exception, an exit code, or its own word.
    Failed,
    /// The script said that it was cancelled.
    Cancelled,
    /// A signal ended the script.
    Crashed,
    /// The script, or a process of it, needed more memory than it may have.
    OutOfMemory,
    /// Something in the container broke the protocol.
    ProtocolViolation,
    /// The script went beyond a limit other than memory and time.
    LimitExceeded,
    /// The deadline passed.
    TimedOut,
    /// Cancelled from outside.
    Interrupted,
    /// A part of a run that was stopped, because another part had failed.
    Stopped,
    /// What the script was to run with could not be had, so that it was not started: packages that cannot be installed, an
    /// image that is nowhere, a network that is not there.
    EnvironmentFailed,
    /// The image cannot run the block: it lacks the interpreter, or is made for other machines or another version.
    ImageFailed,
    /// The engine, the agent or this machine failed; neither script nor block is to blame.
    EngineFailed,
    /// The script succeeded, but its outputs could not be written.
    PublishFailed,
}

impl Outcome {
    /// Whether outputs are published.
    #[must_use]
    pub fn is_success(self) -> bool {
        self == Self::Succeeded
    }

    /// The command line's exit status.
    #[must_use]
    pub fn exit_status(self) -> u8 {
        match self {
            Self::Succeeded => 0,
            Self::Failed
            | Self::Cancelled
            | Self::Crashed
            | Self::OutOfMemory
            | Self::ProtocolViolation
            | Self::LimitExceeded
            | Self::Stopped => 1,
            Self::EnvironmentFailed | Self::ImageFailed | Self::EngineFailed | Self::PublishFailed => 3,
            Self::TimedOut => 124,
            Self::Interrupted => 130,
        }
    }
}

/// What the host saw of a run until its script had ended.
#[derive(Debug, Clone, Default)]
pub struct Evidence {
    /// The engine, the agent or this machine failed, for this reason.
    pub engine_failure: Option<String>,
    /// What the script was to run with could not be had, for this reason.
    pub environment_failure: Option<String>,
    /// The image cannot run the block, for this reason.
    pub image_failure: Option<String>,
    /// The container's side broke the protocol, in this way.
    pub violation: Option<String>,
    /// A limit was exceeded, this one.
    pub limit: Option<String>,
    /// It was cancelled from outside.
    pub interrupted: bool,
    /// Nobody reads the rows any more that a stream writes to standard output.
    pub reader_gone: bool,
    /// The deadline passed; its length in milliseconds.
    pub deadline_ms: Option<u128>,
    /// The kernel killed something of it for want of memory.
    pub out_of_memory: bool,
    /// Bytes of memory that it may have; 0 where nobody says.
    pub memory_bytes: u64,
    /// The script's first last word.
    pub verdict: Option<(Word, Option<String>)>,
    /// An exception that nothing caught.
    pub uncaught: Option<String>,
    /// An output that came half and was then given up.
    pub spoiled_output: Option<String>,
    /// An output could not be written to its file.
    pub write_failure: Option<String>,
    /// How its interpreter ended, as the agent saw it.
    pub status: Option<ExitStatus>,
    /// Its interpreter was started.
    pub started: bool,
    /// The agent's connection ended without a report.
    pub agent_lost: bool,
    /// This signal ended the first process of its container, the agent, and it came neither from the engine nor from this
    /// host.
    pub agent_killed: Option<i64>,
}

impl Evidence {
    fn more_memory(&self) -> String {
        let limit = match self.memory_bytes {
            0 => String::new(),
            bytes => format!(" of {}", format_size(bytes)),
        };
        format!(
            "more memory than its limit{limit} (files in /work, /tmp and /dev/shm count too): raise it with `--memory`"
        )
    }
}

/// Decides how a run ended, and what to say of it. Order matters: what the host did or forbade comes before what the
/// script says of itself, and what ended the script from below comes before its word.
#[must_use]
pub fn decide(evidence: &Evidence) -> (Outcome, Option<String>) {
    if let Some(violation) = &evidence.violation {
        return (Outcome::ProtocolViolation, Some(violation.clone()));
    }
    if let Some(limit) = &evidence.limit {
        return (Outcome::LimitExceeded, Some(limit.clone()));
    }
    if evidence.interrupted {
        return (Outcome::Interrupted, Some("cancelled from outside".into()));
    }
    if evidence.reader_gone {
        return (Outcome::Interrupted, Some("the reader of standard output closed it".into()));
    }
    if let Some(deadline_ms) = evidence.deadline_ms {
        return (Outcome::TimedOut, Some(format!("the deadline of {} passed", duration(deadline_ms))));
    }
    if let Some(failure) = &evidence.write_failure {
        return (Outcome::PublishFailed, Some(failure.clone()));
    }
    if let Some(failure) = &evidence.environment_failure {
        return (Outcome::EnvironmentFailed, Some(failure.clone()));
    }
    // Without a status the agent did not report, or was not there yet: it was what had to end.
    let killed = evidence.agent_lost || !matches!(evidence.status, Some(ExitStatus::Code(_)));
    if evidence.out_of_memory && killed {
        return (Outcome::OutOfMemory, Some(format!("it needed {}", evidence.more_memory())));
    }
    // An agent that nothing of this machine's ended was ended by what it started.
    if let Some(signal) = evidence.agent_killed.filter(|_| evidence.started) {
        let name = u8::try_from(signal).map_or_else(|_| format!("signal {signal}"), signal_name);
        return (Outcome::Crashed, Some(format!("the first process of its container was ended by {name}")));
    }
    if let Some(failure) = &evidence.image_failure {
        return (Outcome::ImageFailed, Some(failure.clone()));
    }
    if let Some(failure) = &evidence.engine_failure {
        return (Outcome::EngineFailed, Some(failure.clone()));
    }
    let word = evidence.verdict.as_ref().map(|(word, message)| (*word, message.clone()));
    match (word, evidence.status) {
        (Some((Word::Cancel, message)), _) => (Outcome::Cancelled, message),
        (Some((Word::Abort, message)), _) => (Outcome::Failed, message),
        (_, None) => (Outcome::EngineFailed, Some("the agent did not report how the script ended".into())),
        (_, Some(ExitStatus::Signal(signal))) => {
            (Outcome::Crashed, Some(format!("the script was ended by {}", signal_name(signal))))
        }
        (_, Some(ExitStatus::Code(_))) if evidence.uncaught.is_some() => (Outcome::Failed, evidence.uncaught.clone()),
        (_, Some(ExitStatus::Code(_))) if evidence.spoiled_output.is_some() => {
            (Outcome::Failed, evidence.spoiled_output.clone())
        }
        (Some((Word::Commit | Word::Close, message)), Some(ExitStatus::Code(_))) => (Outcome::Succeeded, message),
        (None, Some(ExitStatus::Code(0))) => (Outcome::Succeeded, None),
        (None, Some(ExitStatus::Code(_))) if evidence.out_of_memory => {
            (Outcome::OutOfMemory, Some(format!("a process of it needed {}", evidence.more_memory())))
        }
        (None, Some(ExitStatus::Code(code))) => {
            (Outcome::Failed, Some(format!("the script ended with exit status {code}")))
        }
    }
}

fn duration(milliseconds: u128) -> String {
    if milliseconds.is_multiple_of(1000) { format!("{} s", milliseconds / 1000) } else { format!("{milliseconds} ms") }
}

fn signal_name(signal: u8) -> String {
    let name = match signal {
        1 => "SIGHUP",
        2 => "SIGINT",
        3 => "SIGQUIT",
        4 => "SIGILL (an illegal instruction)",
        6 => "SIGABRT (it aborted)",
        7 => "SIGBUS (a bad memory access)",
        8 => "SIGFPE (an arithmetic fault)",
        9 => "SIGKILL",
        11 => "SIGSEGV (a bad memory access)",
        13 => "SIGPIPE",
        15 => "SIGTERM",
        31 => "SIGSYS (a forbidden system call)",
        _ => return format!("signal {signal}"),
    };
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(status: ExitStatus) -> Evidence {
        Evidence { status: Some(status), ..Evidence::default() }
    }

    fn said(word: Word, status: ExitStatus) -> Evidence {
        Evidence { verdict: Some((word, Some("said".into()))), ..ended(status) }
    }

    #[test]
    fn the_table_of_outcomes() {
        use ExitStatus::{Code, Signal};
        let uncaught = |evidence: Evidence| Evidence { uncaught: Some("ValueError: x".into()), ..evidence };
        let starved = |evidence: Evidence| Evidence { out_of_memory: true, memory_bytes: 512 << 20, ..evidence };
        let cases: Vec<(&str, Evidence, Outcome, Option<&str>)> = vec![
            ("a clean end without a word", ended(Code(0)), Outcome::Succeeded, None),
            (
                "nothing seen at all",
                Evidence::default(),
                Outcome::EngineFailed,
                Some("the agent did not report how the script ended"),
            ),
            (
                "an exit code without a word",
                ended(Code(3)),
                Outcome::Failed,
                Some("the script ended with exit status 3"),
            ),
            ("commit", said(Word::Commit, Code(0)), Outcome::Succeeded, Some("said")),
            ("commit, then an exit code", said(Word::Commit, Code(3)), Outcome::Succeeded, Some("said")),
            ("close, then an exception", uncaught(said(Word::Close, Code(1))), Outcome::Failed, Some("ValueError: x")),
            ("an exception", uncaught(ended(Code(1))), Outcome::Failed, Some("ValueError: x")),
            ("abort, then exit 0", said(Word::Abort, Code(0)), Outcome::Failed, Some("said")),
            ("cancel, then exit 0", said(Word::Cancel, Code(0)), Outcome::Cancelled, Some("said")),
            (
                "a signal",
                ended(Signal(11)),
                Outcome::Crashed,
                Some("the script was ended by SIGSEGV (a bad memory access)"),
            ),
            (
                "commit, then a signal",
                said(Word::Commit, Signal(9)),
                Outcome::Crashed,
                Some("the script was ended by SIGKILL"),
            ),
            (
                "killed for want of memory",
                starved(ended(Signal(9))),
                Outcome::OutOfMemory,
                Some(
                    "it needed more memory than its limit of 512MiB (files in /work, /tmp and /dev/shm count too): raise it with `--memory`",
                ),
            ),
            (
                "a child killed for want of memory, and a failure",
                starved(ended(Code(1))),
                Outcome::OutOfMemory,
                Some(
                    "a process of it needed more memory than its limit of 512MiB (files in /work, /tmp and /dev/shm count too): raise it with `--memory`",
                ),
            ),
            (
                "a child killed for want of memory, and success all the same",
                starved(said(Word::Commit, Code(0))),
                Outcome::Succeeded,
                Some("said"),
            ),
            (
                "the deadline",
                Evidence { deadline_ms: Some(1500), ..said(Word::Commit, Code(0)) },
                Outcome::TimedOut,
                Some("the deadline of 1500 ms passed"),
            ),
            (
                "cancelled from outside",
                Evidence { interrupted: true, ..ended(Code(0)) },
                Outcome::Interrupted,
                Some("cancelled from outside"),
            ),
            (
                "a stream whose reader has enough",
                Evidence { reader_gone: true, ..ended(Signal(9)) },
                Outcome::Interrupted,
                Some("the reader of standard output closed it"),
            ),
            (
                "a violation under a commit",
                Evidence { violation: Some("bad".into()), ..said(Word::Commit, Code(0)) },
                Outcome::ProtocolViolation,
                Some("bad"),
            ),
            (
                "a limit",
                Evidence { limit: Some("too much".into()), ..ended(Code(0)) },
                Outcome::LimitExceeded,
                Some("too much"),
            ),
            (
                "half an output",
                Evidence { spoiled_output: Some("half".into()), ..ended(Code(0)) },
                Outcome::Failed,
                Some("half"),
            ),
            (
                "a full disk under a commit",
                Evidence { write_failure: Some("full".into()), ..said(Word::Commit, Code(0)) },
                Outcome::PublishFailed,
                Some("full"),
            ),
            (
                "the engine",
                Evidence { engine_failure: Some("gone".into()), ..Evidence::default() },
                Outcome::EngineFailed,
                Some("gone"),
            ),
            (
                "an agent that something in its container ended",
                Evidence {
                    started: true,
                    agent_lost: true,
                    agent_killed: Some(11),
                    engine_failure: Some("gone".into()),
                    ..Evidence::default()
                },
                Outcome::Crashed,
                Some("the first process of its container was ended by SIGSEGV (a bad memory access)"),
            ),
            (
                "an agent that was ended before the script began",
                Evidence {
                    agent_lost: true,
                    agent_killed: Some(9),
                    engine_failure: Some("gone".into()),
                    ..Evidence::default()
                },
                Outcome::EngineFailed,
                Some("gone"),
            ),
            (
                "an agent that the limit of memory ended once the script had",
                starved(Evidence { agent_lost: true, engine_failure: Some("gone".into()), ..ended(Code(0)) }),
                Outcome::OutOfMemory,
                Some(
                    "it needed more memory than its limit of 512MiB (files in /work, /tmp and /dev/shm count too): raise it with `--memory`",
                ),
            ),
            (
                "packages that cannot be installed",
                Evidence { environment_failure: Some("no such package".into()), ..Evidence::default() },
                Outcome::EnvironmentFailed,
                Some("no such package"),
            ),
            (
                "an image without its interpreter",
                Evidence { image_failure: Some("no python3".into()), ..Evidence::default() },
                Outcome::ImageFailed,
                Some("no python3"),
            ),
            (
                "an agent that the limit of memory ended",
                starved(Evidence { engine_failure: Some("gone".into()), ..Evidence::default() }),
                Outcome::OutOfMemory,
                Some(
                    "it needed more memory than its limit of 512MiB (files in /work, /tmp and /dev/shm count too): raise it with `--memory`",
                ),
            ),
            (
                "an engine that failed after a child was killed for want of memory",
                starved(Evidence { engine_failure: Some("gone".into()), ..ended(Code(0)) }),
                Outcome::EngineFailed,
                Some("gone"),
            ),
        ];
        for (name, evidence, outcome, message) in cases {
            assert_eq!(decide(&evidence), (outcome, message.map(str::to_owned)), "{name}");
        }
    }
}
