//! `longshore server`: who may come in over HTTP.

use crate::{BAD_INPUT, failure, printer};
use clap::Subcommand;
use longshore::Settings;
use longshore::config::parse_time;
use longshore::history::{TokenEntry, TokenError, Tokens};
use longshore::human::{ago, aligned};
use longshore::shown::Shown;
use std::time::{Duration, SystemTime};

/// Exit status if tokens cannot be read or written.
const FAILED: u8 = 3;

#[derive(Debug, Subcommand)]
pub(crate) enum ServerCommand {
    /// Create, list and revoke tokens, by which programs and browsers are let in over HTTP
    #[command(subcommand)]
    Token(TokenCommand),
    /// Print a link that signs a browser in once, within 10 minutes
    Link {
        /// Where the resident host serves HTTP, as `longshore serve` prints it
        #[arg(value_name = "URL", default_value = "http://127.0.0.1:8765")]
        address: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Create a token, and print it: it is shown once
    Add {
        /// Its name: letters, digits, `.`, `_`, `-`, `@`
        name: String,
        /// How long it can be used, such as 12h; without it, until it is revoked
        #[arg(long, value_name = "TIME", value_parser = parse_time)]
        expires: Option<Duration>,
    },
    /// List the names of tokens, and when they were last used
    List {
        /// Print a JSON array instead of text
        #[arg(long)]
        json: bool,
    },
    /// Revoke a token, and end the sessions that began with it
    Revoke {
        /// Its name
        name: String,
    },
}

/// Runs a command, and returns the exit status.
pub(crate) fn server(command: &ServerCommand, settings: &Settings) -> u8 {
    let done = Tokens::open(&settings.state_folder).and_then(|mut tokens| match command {
        ServerCommand::Token(TokenCommand::Add { name, expires }) => {
            let secret = tokens.add(name, *expires)?;
            printer::err(&Shown::line(format!("token `{name}`, which is shown this once:")));
            Ok(printer::out(&Shown::line(secret.reveal())))
        }
        ServerCommand::Token(TokenCommand::List { json: true }) => Ok(printer::json(&tokens.list()?)),
        ServerCommand::Token(TokenCommand::List { json: false }) => {
            let heads = ["NAME", "CREATED", "LAST USED", "ENDS"].map(str::to_owned);
            let rows: Vec<_> = std::iter::once(heads).chain(tokens.list()?.iter().map(row)).collect();
            Ok(printer::out(&aligned(&rows, &[])))
        }
        ServerCommand::Token(TokenCommand::Revoke { name }) => tokens.revoke(name).map(|()| 0),
        ServerCommand::Link { address } => {
            let link = tokens.link()?;
            Ok(printer::out(&Shown::line(format!("{}/signin/{}", address.trim_end_matches('/'), link.reveal()))))
        }
    });
    done.unwrap_or_else(|error| {
        let is_bad = matches!(error, TokenError::Name { .. } | TokenError::Exists { .. } | TokenError::Unknown { .. });
        failure::print(&error, if is_bad { BAD_INPUT } else { FAILED })
    })
}

fn row(token: &TokenEntry) -> [String; 4] {
    let since = |ms: u64| SystemTime::now().duration_since(SystemTime::UNIX_EPOCH + Duration::from_millis(ms));
    let past = |ms: u64| ago(since(ms).unwrap_or_default());
    let ends = match token.ends_ms {
        None => "when it is revoked".to_owned(),
        Some(ends) => match since(ends) {
            Ok(_) => "ended".to_owned(),
            Err(left) => format!("in {}", ago(left.duration()).trim_end_matches(" ago")),
        },
    };
    [token.name.clone(), past(token.made_ms), token.used_ms.map_or_else(|| "never".to_owned(), past), ends]
}
