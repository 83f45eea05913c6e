//! `longshore serve`: the resident host, in the foreground.

use crate::signals::Signals;
use crate::through_server::software;
use crate::{BAD_INPUT, environment, failure, printer, unit};
use clap::Args;
use longshore::config::{format_time, parse_time};
use longshore::history::{TokenError, Tokens};
use longshore::open_files::raise_open_files;
use longshore::shown::Shown;
use longshore::size::parse_size;
use longshore::{Cancel, Host};
use longshore_server::{HttpListening, Listening, Served, Server, ServerError, ServerOptions};
use std::net::{Ipv4Addr, SocketAddr};
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
    /// Also serve HTTP on this address or port of this machine: the REST API and the pages, for those with a token
    #[arg(long, value_name = "[ADDRESS:]PORT", value_parser = address)]
    http: Option<SocketAddr>,
    /// Folder of blocks that runs over HTTP may name; repeatable
    #[arg(long = "blocks", value_name = "FOLDER", requires = "http")]
    blocks: Vec<PathBuf>,
    /// Size of the tables that are kept of runs over HTTP; the oldest are removed
    #[arg(long = "outputs", value_name = "SIZE", value_parser = parse_size, requires = "http")]
    outputs_bytes: Option<u64>,
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
        return unit::install(host.settings(), &arguments.again(), arguments.drain);
    }
    if let Some(missing) = arguments.blocks.iter().find(|folder| !folder.exists()) {
        return failure::print_text(
            &format!("cannot read the blocks in `{}`: it does not exist", missing.display()),
            BAD_INPUT,
        );
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
    options.words = crate::help::words;
    options.open_files = raise_open_files();
    options.blocks = arguments.blocks.iter().map(|folder| absolute(folder)).collect();
    options.outputs_bytes = arguments.outputs_bytes.unwrap_or(options.outputs_bytes);
    let state_folder = host.settings().state_folder.clone();
    let mut server = match Server::new(host, listening, options) {
        Ok(server) => server,
        Err(error) => return failure::print(&error, FAILED),
    };
    if let Some(address) = arguments.http {
        let with_http = match HttpListening::on(address).await {
            Ok(http) => {
                let address = http.address();
                server.with_http(http).map(|server| (server, address))
            }
            Err(error) => Err(error),
        };
        let address;
        (server, address) = match with_http {
            Ok(with_http) => with_http,
            Err(error) => return failure::print(&error, FAILED),
        };
        if let Err(error) = say_address(address, &state_folder) {
            return failure::print(&error, FAILED);
        }
    }
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

impl ServeArguments {
    /// The arguments that make another one serve in the same way.
    fn again(&self) -> Vec<String> {
        let mut again = Vec::new();
        again.extend(self.idle.into_iter().flat_map(|idle| ["--idle".to_owned(), format_time(idle)]));
        again.extend(["--drain".to_owned(), format_time(self.drain)]);
        again.extend(self.allow_processes.then(|| "--allow-processes".to_owned()));
        again.extend(self.http.into_iter().flat_map(|address| ["--http".to_owned(), address.to_string()]));
        for folder in &self.blocks {
            again.extend(["--blocks".to_owned(), shown(&absolute(folder))]);
        }
        again.extend(self.outputs_bytes.into_iter().flat_map(|bytes| ["--outputs".to_owned(), bytes.to_string()]));
        again
    }
}

fn absolute(folder: &Path) -> PathBuf {
    std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned())
}

/// Prints where the pages are, with a link that signs in once.
fn say_address(address: SocketAddr, state_folder: &Path) -> Result<(), TokenError> {
    let link = Tokens::open(state_folder)?.link()?;
    let at = format!("http://{address}");
    printer::err(&Shown::line(format!("pages and REST API at {at}/; sign in once, within 10 minutes, at")));
    printer::err(&Shown::line(format!("  {at}/signin/{}", link.reveal())));
    if !address.ip().is_loopback() {
        failure::print_note("others can read along: let a proxy with TLS stand in front of it");
    }
    Ok(())
}

/// An address, or a port of this machine.
fn address(text: &str) -> Result<SocketAddr, String> {
    if let Ok(port) = text.parse() {
        return Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    }
    text.parse().map_err(|_| "an IP address and a port are needed, as in `127.0.0.1:8765`, or a port".into())
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
