//! `longshore serve`: the resident host, in the foreground.

use crate::signals::Signals;
use crate::through_server::software;
use crate::{environment, failure, printer, unit};
use clap::Args;
use longshore::config::parse_time;
use longshore::shown::Shown;
use longshore::{Cancel, Host};
use longshore_server::{Listening, Served, Server, ServerError, ServerOptions};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Exit status where the server cannot start, or had to end runs.
const FAILED: u8 = 3;

#[derive(Debug, Args)]
pub(crate) struct ServeArguments {
    /// The socket to listen on, instead of the one on which commands look for it
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
    /// End once it has had nothing to do for this long, such as 10m
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    idle: Option<Duration>,
    /// How long runs may go on once it is told to end
    #[arg(long, value_name = "TIME", value_parser = parse_time, default_value = "30s")]
    drain: Duration,
    /// Also run scripts without a container, where a run asks for it or no container engine is installed
    #[arg(long)]
    allow_processes: bool,
    /// Write log lines as JSON
    #[arg(long)]
    log_json: bool,
    /// Write units of systemd that start it with its first caller, and say what was written
    #[arg(long, conflicts_with_all = ["socket", "log_json"])]
    install: bool,
}

/// Serves until a signal, or until it was idle for long enough.
pub(crate) async fn serve(arguments: ServeArguments, host: Host) -> u8 {
    if arguments.install {
        return unit::install(host.settings(), arguments.idle, arguments.allow_processes);
    }
    log(arguments.log_json);
    let stop = Cancel::new();
    let _signals = Signals::cancelling(&stop);
    let path = arguments.socket.unwrap_or_else(|| host.settings().server_socket());
    let listening = match listen(path).await {
        Ok(listening) => listening,
        Err(error) => return failure::print(&error, FAILED),
    };
    let path = listening.path().to_owned();
    let mut options = ServerOptions::new(software());
    (options.idle, options.drain) = (arguments.idle, arguments.drain);
    options.allows_processes = arguments.allow_processes;
    let server = match Server::new(host, listening, options) {
        Ok(server) => server,
        Err(error) => return failure::print(&error, FAILED),
    };
    printer::err(&Shown::line(format!("serving on {}; Ctrl-C ends", shown(&path))));
    match server.serve(&stop).await {
        Served::Idle => {
            printer::err(&Shown::line("nothing to do: ended"));
            0
        }
        Served::Stopped => 0,
        Served::Cut(runs) => {
            let runs = longshore::human::count(u64::try_from(runs).unwrap_or(u64::MAX), "run");
            failure::print_text(&format!("{runs} went on beyond the deadline and had to be ended"), FAILED)
        }
    }
}

async fn listen(path: PathBuf) -> Result<Listening, ServerError> {
    if let Some(listener) = environment::given_listener() {
        return Listening::given(listener);
    }
    let listening = tokio::task::spawn_blocking(move || Listening::on(&path)).await;
    listening.unwrap_or_else(|broken| std::panic::resume_unwind(broken.into_panic()))
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

fn log(json: bool) {
    let lines = tracing_subscriber::fmt().with_writer(std::io::stderr).with_target(false);
    // A second one would only fail.
    let _ = if json { lines.json().try_init() } else { lines.with_ansi(false).try_init() };
}
