//! The outcome of a run: one of a closed set, decided only here, by a pure function of what the host observed. A
//! missing message never means success.

use crate::remedy::Remedy;
use crate::size::format_size;
use longshore_protocol::{ExitStatus, Word};
use serde::{Deserialize, Serialize};

/// The outcome of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Outcome {
    /// The script succeeded.
    Succeeded,
    /// The script failed: by an exception, an exit code, or `abort()`.
    Failed,
    /// The script cancelled its run.
    Cancelled,
    /// A signal ended the script.
    Crashed,
    /// The script, or one of its processes, exceeded the memory limit.
    OutOfMemory,
    /// Something in the container broke the protocol.
    ProtocolViolation,
    /// The script exceeded a limit other than memory and time.
    LimitExceeded,
    /// The deadline passed.
    TimedOut,
    /// Cancelled from outside.
    Interrupted,
    /// This part of a run was stopped, because another part failed.
    Stopped,
    /// The environment was unavailable, so the script was not started: packages that cannot be installed, an image that
    /// does not exist, a network that does not exist.
    EnvironmentFailed,
    /// The image cannot run the block: it lacks the interpreter, or is for another platform or another version.
    ImageFailed,
    /// The engine, the agent or this machine failed, through no fault of the script or the block.
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

    /// Its name, as records have it: `out_of_memory`.
    #[must_use]
    pub fn name(self) -> String {
        let name = serde_json::to_value(self).ok().and_then(|name| Some(name.as_str()?.to_owned()));
        name.unwrap_or_default()
    }

    /// How a run ended, as a verb phrase: "it …".
    #[must_use]
    pub fn phrase(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "was cancelled",
            Self::Crashed => "crashed",
            Self::OutOfMemory => "ran out of memory",
            Self::ProtocolViolation => "broke the protocol",
            Self::LimitExceeded => "went beyond a limit",
            Self::TimedOut => "timed out",
            Self::Interrupted => "was interrupted",
            Self::Stopped => "was stopped",
            Self::EngineFailed => "could not be run",
            Self::EnvironmentFailed => "has no environment to run in",
            Self::ImageFailed => "has an image that cannot run it",
            Self::PublishFailed => "could not be published",
        }
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

    /// What the caller can do, as far as the outcome alone tells it.
    #[must_use]
    pub fn remedy(self) -> Option<Remedy> {
        (self == Self::OutOfMemory).then_some(Remedy::RaiseMemory)
    }
}

/// What the host observed of a run until its script ended.
#[derive(Debug, Clone, Default)]
pub struct Evidence {
    /// The reason, if the engine, the agent or this machine failed.
    pub engine_failure: Option<String>,
    /// The reason, if the environment was unavailable.
    pub environment_failure: Option<String>,
    /// The reason, if the image cannot run the block.
    pub image_failure: Option<String>,
    /// What the caller can do about the failure of engine, environment or image.
    pub failure_remedy: Option<Remedy>,
    /// The violation, if the container broke the protocol.
    pub violation: Option<String>,
    /// The limit that was exceeded.
    pub limit: Option<String>,
    /// It was cancelled from outside.
    pub interrupted: bool,
    /// The reader of a stream on standard output closed it.
    pub reader_gone: bool,
    /// The deadline passed; its length in milliseconds.
    pub deadline_ms: Option<u128>,
    /// The kernel killed one of its processes for lack of memory.
    pub out_of_memory: bool,
    /// The memory limit in bytes; 0 if unknown.
    pub memory_bytes: u64,
    /// The script's first verdict.
    pub verdict: Option<(Word, Option<String>)>,
    /// An uncaught exception.
    pub uncaught: Option<String>,
    /// The uncaught error that the script printed.
    pub printed_error: Option<String>,
    /// The last line that the script printed on standard error.
    pub last_words: Option<String>,
    /// An output that the script began and then gave up.
    pub spoiled_output: Option<String>,
    /// The outputs that the caller asked for and the script did not write, as a sentence; known if it succeeds otherwise.
    pub unwritten_outputs: Option<String>,
    /// A table of another step did not fit its input, so the script was not started.
    pub unfit_input: Option<String>,
    /// An output could not be written to its file.
    pub write_failure: Option<String>,
    /// How its interpreter ended, according to the agent.
    pub status: Option<ExitStatus>,
    /// Whether its interpreter was started.
    pub started: bool,
    /// The agent's connection ended without a report.
    pub agent_lost: bool,
    /// The signal that ended the container's first process, the agent, if neither the engine nor this host sent it.
    pub agent_killed: Option<i64>,
}

impl Evidence {
    fn more_memory(&self) -> String {
        let limit = match self.memory_bytes {
            0 => String::new(),
            bytes => format!(" of {}", format_size(bytes)),
        };
        format!("more memory than its limit{limit} (files in /work, /tmp and /dev/shm count too)")
    }

    /// What the caller can do about the outcome that [`decide`] made of it.
    #[must_use]
    pub fn remedy(&self, outcome: Outcome) -> Option<Remedy> {
        match outcome {
            Outcome::EnvironmentFailed | Outcome::ImageFailed | Outcome::EngineFailed => self.failure_remedy.clone(),
            Outcome::Failed if self.unwritten_outputs.is_some() => Some(Remedy::LeaveOutOutput),
            _ => outcome.remedy(),
        }
    }
}

/// Decides the outcome and its message. Order matters: the host's actions and limits precede the script's own verdict,
/// and so does a signal that ended the script.
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
    if let Some(unfit) = &evidence.unfit_input {
        return (Outcome::Failed, Some(unfit.clone()));
    }
    if let Some(failure) = &evidence.environment_failure {
        return (Outcome::EnvironmentFailed, Some(failure.clone()));
    }
    // Without a status the agent did not report, or had not started: then the agent was the victim.
    let killed = evidence.agent_lost || !matches!(evidence.status, Some(ExitStatus::Code(_)));
    if evidence.out_of_memory && killed {
        return (Outcome::OutOfMemory, Some(format!("it needed {}", evidence.more_memory())));
    }
    // If nothing on this machine ended the agent, one of its own children did.
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
        (Some((Word::Commit | Word::Close, _)), Some(ExitStatus::Code(_))) | (None, Some(ExitStatus::Code(0)))
            if evidence.unwritten_outputs.is_some() =>
        {
            (Outcome::Failed, evidence.unwritten_outputs.clone())
        }
        (Some((Word::Commit | Word::Close, message)), Some(ExitStatus::Code(_))) => (Outcome::Succeeded, message),
        (None, Some(ExitStatus::Code(0))) => (Outcome::Succeeded, None),
        (None, Some(ExitStatus::Code(_))) if evidence.out_of_memory => {
            (Outcome::OutOfMemory, Some(format!("a process of it needed {}", evidence.more_memory())))
        }
        (None, Some(ExitStatus::Code(code))) => {
            let words = evidence.last_words.as_ref().map(|words| format!(": {words}")).unwrap_or_default();
            let status = || format!("the script ended with exit status {code}{words}");
            (Outcome::Failed, Some(evidence.printed_error.clone().unwrap_or_else(status)))
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
                Some("it needed more memory than its limit of 512MiB (files in /work, /tmp and /dev/shm count too)"),
            ),
            (
                "a child killed for want of memory, and a failure",
                starved(ended(Code(1))),
                Outcome::OutOfMemory,
                Some(
                    "a process of it needed more memory than its limit of 512MiB (files in /work, /tmp and /dev/shm count too)",
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
                "an output that was asked for and not written, under a commit",
                Evidence { unwritten_outputs: Some("not written".into()), ..said(Word::Commit, Code(0)) },
                Outcome::Failed,
                Some("not written"),
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
                Some("it needed more memory than its limit of 512MiB (files in /work, /tmp and /dev/shm count too)"),
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
                Some("it needed more memory than its limit of 512MiB (files in /work, /tmp and /dev/shm count too)"),
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

    #[test]
    fn a_remedy_is_that_of_the_outcome() {
        let missing = Evidence {
            image_failure: Some("too old".into()),
            failure_remedy: Some(Remedy::BuildImages),
            ..Evidence::default()
        };
        assert_eq!(missing.remedy(decide(&missing).0), Some(Remedy::BuildImages));
        let starved = Evidence { out_of_memory: true, ..missing };
        assert_eq!(starved.remedy(decide(&starved).0), Some(Remedy::RaiseMemory));
        let incomplete = Evidence { unwritten_outputs: Some("one is missing".into()), ..ended(ExitStatus::Code(0)) };
        assert_eq!(incomplete.remedy(decide(&incomplete).0), Some(Remedy::LeaveOutOutput));
        let cancelled = Evidence { interrupted: true, ..starved };
        assert_eq!(cancelled.remedy(decide(&cancelled).0), None);
    }
}
