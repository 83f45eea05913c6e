//! `longshore run --interactive`: a shell in the container of a block, on the terminal of the command. Owns how the shell
//! is started and how the run ends with it; the library makes the container, and puts the inputs into it as the folder of
//! a dry run.

use crate::terminal::Stream;
use crate::{BAD_INPUT, environment, failure, help, printer};
use longshore::shown::Shown;
use longshore::{Attended, Cancel, CancelLevel, Event, EventReceiver, Host, Prepared, find_program};
use std::io::{self, IsTerminal};
use std::path::Path;
use std::pin::pin;
use std::process::Stdio;
use std::time::Duration;
use tempfile::TempDir;
use tokio::process::Command;

/// Waits for the run, starts the shell, and tells the run how it ended. Scripts that the shell starts read from the folder
/// of the dry run, any number of times, and not from the run itself.
const ENTER: &str = r#"until [ -p "$0" ]; do sleep 0.1; done
. "./$0.environment"
unset LONGSHORE_SOCKET
export TERM="$1" PS1='longshore:\w\$ '
if [ -x /bin/bash ]; then /bin/bash --norc; else /bin/sh; fi
status=$?
echo "$status" > "$0"
exit "$status""#;

/// How long the run may take to end after the shell, before it is cancelled.
const PATIENCE: Duration = Duration::from_secs(5);

/// Exit status where the shell could not be started.
const NOT_STARTED: u8 = 3;

/// Starts a shell in a checked block's container, and returns its exit status.
pub(crate) async fn attend(prepared: Prepared, host: &Host, cancel: &Cancel) -> u8 {
    let temporary_folder = host.settings().temporary_folder.clone();
    let setting_up = tokio::task::spawn_blocking(move || set_up(prepared, &temporary_folder));
    let (prepared, _folder) = match setting_up.await {
        Ok(Ok(set_up)) => set_up,
        Ok(Err(reason)) => return failure::print_text(&reason, BAD_INPUT),
        Err(broken) => return failure::print(&broken, NOT_STARTED),
    };
    let (events, happened) = longshore::events();
    let mut run = pin!(host.run_prepared(prepared, events, cancel));
    let mut shell = pin!(shell(happened, host));
    let (record, status) = tokio::select! {
        record = &mut run => (record, tokio::time::timeout(PATIENCE, shell).await.ok().flatten()),
        status = &mut shell => match tokio::time::timeout(PATIENCE, &mut run).await {
            Ok(record) => (record, status),
            Err(_) => {
                cancel.cancel(CancelLevel::Gently);
                (run.await, status)
            }
        },
    };
    match status {
        Some(Ok(status)) => status,
        Some(Err(reason)) => failure::print_text(&format!("cannot start the shell: {reason}"), NOT_STARTED),
        None => {
            let message = record.message.clone().unwrap_or_else(|| "the container ended before the shell".into());
            failure::print_text(&message, record.outcome.exit_status().max(1))
        }
    }
}

/// Writes the inputs and options for the container to a folder, which must stay until the run has ended.
fn set_up(mut prepared: Prepared, temporary_folder: &Path) -> Result<(Prepared, TempDir), String> {
    let folder = tempfile::Builder::new().prefix("longshore-shell-").tempdir_in(temporary_folder);
    let folder = folder.map_err(|error| format!("cannot create a temporary folder: {error}"))?;
    prepared.attend(folder.path()).map_err(|error| error.to_string())?;
    Ok((prepared, folder))
}

/// Shows what happens before the start, and runs the shell. `None` if the run ends before.
async fn shell(mut happened: EventReceiver, host: &Host) -> Option<Result<u8, String>> {
    let mut place = None;
    loop {
        match happened.recv().await? {
            Event::Engine { note: Some(note), .. } => failure::print_note(&note),
            Event::Note(note) => failure::print_note(&help::note(&note)),
            Event::Building { line } => printer::err(&Shown::line(line).indented()),
            Event::Built { line } => printer::err(&Shown::line(line)),
            Event::Attended(found) => place = Some(found),
            Event::Started => break,
            _ => {}
        }
    }
    let place = place?;
    let starts = if place.starts.is_empty() { String::new() } else { format!("; `{}` runs the script", place.starts) };
    printer::err(&Shown::line(format!("a shell beside the block's files{starts}; `exit` ends it")));
    let mut command = match command(&place, host) {
        Ok(command) => command,
        Err(reason) => return Some(Err(reason)),
    };
    let ended = command.kill_on_drop(true).status().await;
    Some(ended.map(|status| u8::try_from(status.code().unwrap_or(1)).unwrap_or(1)).map_err(|error| error.to_string()))
}

/// The command that enters the container, or on the `process` engine the shell itself.
fn command(place: &Attended, host: &Host) -> Result<Command, String> {
    let terminal = environment::variable("TERM").unwrap_or_else(|_| "dumb".into());
    let enter = ["-c", ENTER, place.end.as_str(), terminal.as_str()];
    let Some(container) = &place.container else {
        let mut command = Command::new("/bin/sh");
        command.args(enter).current_dir(&place.folder).env_clear();
        return Ok(command);
    };
    let docker = find_program("docker", &host.settings().path)
        .ok_or("the program `docker` is not in PATH, and `--interactive` enters containers with it")?;
    let mut command = Command::new(docker);
    command.arg("--host").arg(format!("unix://{}", host.settings().engine_socket.display()));
    command.args(["exec", "--interactive"]);
    if io::stdin().is_terminal() && Stream::Out.is_terminal() {
        command.arg("--tty");
    }
    if let Some((user, group)) = place.user {
        command.args(["--user".into(), format!("{user}:{group}")]);
    }
    command.args(["--workdir", &place.folder]);
    // The variables of the run are read in the container: the image's must not reach this program, nor a secret one its
    // arguments.
    command.args([container, "/bin/sh"]).args(enter).stdin(Stdio::inherit());
    Ok(command)
}
