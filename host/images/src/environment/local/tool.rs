//! Programs that build environments: each runs with variables from the settings alone, its lines are shown as they
//! arrive, and a cancellation kills all its processes. The caller interprets the lines.

use super::LocalError;
use crate::environment::sources::proxies;
use longshore_config::settings::Settings;
use longshore_engine::Printed;
use longshore_engine::program::{Program, ProgramError};
use longshore_model::cancel::Cancel;
use longshore_model::event::{Event, Events};
use longshore_model::lines::{Line, LineSplitter};
use longshore_model::redact::Secrets;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use tokio::process::Command;

/// Lines that are kept; beyond it the older half is dropped: 2,000 are left, which is more than uv lists of any
/// environment, in at most 4 MB.
const LINES_MAX: usize = 4000;

/// Bytes of a line that are kept; commands of compilers are longer.
const LINE_MAX: usize = 1000;

/// A program that has not started yet.
#[derive(Debug)]
pub(super) struct Tool {
    program: PathBuf,
    command: Command,
    secrets: Secrets,
    quiet: bool,
}

/// The result of a program.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) status: ExitStatus,
    /// Its last lines, standard output and error in order of arrival, passwords masked.
    pub(super) lines: Vec<String>,
}

/// The receiver of events, and the cancellation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Watch<'a> {
    pub(super) events: &'a Events,
    pub(super) cancel: &'a Cancel,
}

impl Tool {
    /// A program with the package settings, and without the host's own environment.
    pub(super) fn new(program: &Path, settings: &Settings) -> Self {
        let mut command = Command::new(program);
        command.env_clear().env("PATH", &settings.path).env("LANG", "C.UTF-8").envs(proxies(&settings.packages));
        let secrets = settings.packages.secrets();
        Self { program: program.to_owned(), command, secrets, quiet: false }
    }

    /// Adds arguments.
    pub(super) fn arguments<T: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = T>) -> Self {
        self.command.args(arguments);
        self
    }

    /// Sets a variable.
    pub(super) fn variable(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Sets the trusted certificates, in the variables of uv and R.
    pub(super) fn trusting(self, certificates: Option<&Path>) -> Self {
        match certificates {
            Some(file) => self.variable("SSL_CERT_FILE", file).variable("CURL_CA_BUNDLE", file),
            None => self,
        }
    }

    /// Sets its working folder.
    pub(super) fn folder(mut self, folder: &Path) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// Hides its lines: they are an answer.
    pub(super) fn quietly(mut self) -> Self {
        self.quiet = true;
        self
    }

    /// Runs it to its end, successful or not.
    pub(super) async fn run(self, watch: Watch<'_>) -> Result<Ended, LocalError> {
        let Self { program, command, secrets, quiet } = self;
        let mut lines = Lines { kept: Vec::new(), secrets, events: (!quiet).then_some(watch.events) };
        let mut splitter = LineSplitter::new(LINE_MAX);
        let mut take = |printed: Printed<'_>| {
            let (Printed::Out(bytes) | Printed::Err(bytes)) = printed;
            splitter.take(bytes, |line| lines.take(line));
            true
        };
        let ended = tokio::select! {
            ended = Program::new(command).together().run(&mut take) => ended,
            () = watch.cancel.cancelled() => return Err(LocalError::Cancelled),
        };
        let status = ended.map_err(|error| match error {
            ProgramError::Start(source) => LocalError::Start { program, source },
            error => LocalError::Follow { program, source: error.into() },
        })?;
        splitter.finish(|line| lines.take(line));
        Ok(Ended { status, lines: lines.kept })
    }
}

/// Reports an installation.
pub(super) fn tell(events: &Events, line: &str) {
    // A build continues without a watcher.
    events.tell(Event::Building { line: line.to_owned() });
}

/// The kept output of a program.
#[derive(Debug)]
struct Lines<'a> {
    kept: Vec<String>,
    secrets: Secrets,
    events: Option<&'a Events>,
}

impl Lines<'_> {
    /// The rest of a line that is too long is dropped.
    fn take(&mut self, line: Line<'_>) {
        let text = if line.begins { self.secrets.masked_line(&line.text()) } else { String::new() };
        if text.is_empty() {
            return;
        }
        if let Some(events) = self.events {
            // A line is dropped if the queue is full: others follow.
            events.tell(Event::Building { line: text.trim_start().to_owned() });
        }
        if self.kept.len() >= LINES_MAX {
            self.kept.drain(..LINES_MAX / 2);
        }
        self.kept.push(text);
    }
}

/// The message of an error: its first and last lines, if it is long.
pub(super) fn words(lines: &[String]) -> String {
    /// Lines that fit on a screen: the error, and its context.
    const FIRST: usize = 8;
    const LAST: usize = 20;
    if lines.len() <= FIRST + LAST {
        return lines.join("\n");
    }
    let (first, last) = (&lines[..FIRST], &lines[lines.len() - LAST..]);
    format!("{}\n…\n{}", first.join("\n"), last.join("\n"))
}

/// The folder of a failure, for an error's text, if the disk is full.
pub(super) fn place(lines: &[String], folder: &Path) -> String {
    let full = lines.iter().any(|line| line.contains("No space left on device") || line.contains("os error 28"));
    if full { format!(": the disk of `{}` is full", folder.display()) } else { String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use longshore_model::event::events;
    use std::time::Duration;

    fn shell(script: &str) -> Tool {
        Tool::new(Path::new("/bin/sh"), &Settings::default()).arguments(["-c", script])
    }

    #[tokio::test]
    async fn lines_come_in_order_and_without_passwords() {
        let (events, mut told) = events();
        let cancel = Cancel::new();
        let watch = Watch { events: &events, cancel: &cancel };
        let ended = shell("echo one; echo ' http://u:p@h/x' >&2; printf 'a\\rb'; exit 3").run(watch).await.unwrap();
        assert_eq!(ended.lines, ["one", " http://u:***@h/x", "a", "b"]);
        assert_eq!(ended.status.code(), Some(3));
        assert_eq!(told.recv().await, Some(Event::Building { line: "one".into() }));
    }

    #[tokio::test]
    async fn a_slow_reader_loses_no_line_of_what_is_kept_and_what_stays_behind_is_ended() {
        let (events, _told) = events();
        let cancel = Cancel::new();
        let watch = Watch { events: &events, cancel: &cancel };
        let ended = shell("seq 3000; sleep 600 & echo $!").run(watch).await.unwrap();
        assert_eq!((ended.lines.len(), ended.lines[2999].as_str()), (3001, "3000"));
        assert!(gone(&ended.lines[3000]).await);
    }

    /// Whether a process ends; its new parent has reaped it or will.
    async fn gone(id: &str) -> bool {
        for _ in 0..1000 {
            let state = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
            if state.is_empty() || state.contains(") Z ") {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        false
    }

    #[tokio::test]
    async fn a_program_sees_the_settings_alone() {
        let (events, _told) = events();
        let cancel = Cancel::new();
        let mut settings = Settings::default();
        settings.path = "/usr/bin:/bin".into();
        settings.packages.https_proxy = Some("http://proxy.example:3128".into());
        let tool = Tool::new(Path::new("/usr/bin/env"), &settings).variable("HOME", "/nowhere");
        let mut lines = tool.run(Watch { events: &events, cancel: &cancel }).await.unwrap().lines;
        lines.sort();
        let proxy = "http://proxy.example:3128";
        let expected = ["HOME=/nowhere", &format!("HTTPS_PROXY={proxy}"), "LANG=C.UTF-8", "PATH=/usr/bin:/bin"];
        assert_eq!(lines[..4], expected.map(str::to_owned));
        assert_eq!(lines[4..], [format!("https_proxy={proxy}")]);
    }

    #[tokio::test]
    async fn a_cancellation_ends_the_children_too() {
        let (events, mut told) = events();
        let cancel = Cancel::new();
        let run = shell("sleep 600 & echo $!; wait").run(Watch { events: &events, cancel: &cancel });
        let pulled = async {
            let Some(Event::Building { line }) = told.recv().await else { panic!("it says the child's id") };
            cancel.cancel(longshore_model::cancel::CancelLevel::Gently);
            line
        };
        let (ended, child) = tokio::join!(run, pulled);
        assert!(matches!(ended, Err(LocalError::Cancelled)), "{ended:?}");
        assert!(gone(&child).await);
    }

    #[test]
    fn long_errors_keep_their_first_and_last_words() {
        let lines: Vec<String> = (0..100).map(|line| line.to_string()).collect();
        let shown = words(&lines);
        assert!(shown.starts_with("0\n1\n") && shown.contains("\n7\n…\n80\n") && shown.ends_with("\n99"), "{shown}");
        assert_eq!(words(&lines[..3]), "0\n1\n2");
        assert_eq!(place(&lines, Path::new("/x")), "");
        assert!(place(&["a: No space left on device (os error 28)".into()], Path::new("/x")).contains("`/x`"));
    }
}
