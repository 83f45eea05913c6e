//! `longshore-agent`: PID 1 of a container, or the supervisor of a script on a machine without containers.
//!
//! This file owns the command line and the exit status: 0 after a reported run, 3 when the host closed the connection,
//! 4 when the host broke the protocol or cannot be reached. The session owns the run.

mod capture;
mod descendants;
mod error;
mod hold;
mod keep;
mod ladder;
mod memory_kills;
mod reaper;
mod rights;
mod session;
mod similar;
mod spawn;
mod unpack;

use error::AgentError;
use longshore_protocol::causes::chain;
use std::path::PathBuf;
use std::process::ExitCode;

/// Where the host's socket is in a container.
const SOCKET: &str = "/run/longshore/host.sock";

/// For those who start a container of an image themselves.
const BY_HAND: &str = "longshore-agent: this image is for `longshore run`: to start another program in it, use `docker run \
                       --entrypoint PROGRAM IMAGE`";

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let socket = match arguments.next() {
        Some(flag) if flag == "--version" => {
            say(&format!("longshore-agent {}", env!("CARGO_PKG_VERSION")));
            return ExitCode::SUCCESS;
        }
        Some(path) => PathBuf::from(path),
        None => std::env::var_os("LONGSHORE_SOCKET").map_or_else(|| PathBuf::from(SOCKET), PathBuf::from),
    };
    match session::run(&socket) {
        Ok(()) => ExitCode::SUCCESS,
        Err(AgentError::HostGone) => ExitCode::from(3),
        Err(error) => {
            say(&format!("longshore-agent: {}", chain(&error)));
            if let AgentError::Connect { path, .. } = &error
                && !path.exists()
            {
                say(BY_HAND);
            }
            ExitCode::from(4)
        }
    }
}

#[allow(clippy::print_stderr, reason = "the agent has no console but this one")]
fn say(text: &str) {
    eprintln!("{text}");
}
