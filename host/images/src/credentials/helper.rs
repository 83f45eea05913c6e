//! Credential helpers: programs named `docker-credential-NAME`, each of which is asked for one registry's credentials
//! at a time.

use super::CredentialsError;
use longshore_engine::program::{Output, Program, ProgramError};
use longshore_engine::{Login, Secret};
use serde::Deserialize;
use std::time::Duration;
use tokio::process::Command;

/// How long a helper may take. One that unlocks a key ring prompts the user.
const DEADLINE: Duration = Duration::from_secs(60);

/// Maximum bytes of a helper's answer: tokens of clouds have some 4 KiB, and this is sixteen times that.
const ANSWER_MAX: usize = 64 << 10;

/// Maximum characters shown of a helper's error message.
const COMPLAINT_MAX: usize = 200;

/// A helper's message if it has no credentials.
const NOT_FOUND: &str = "credentials not found";

/// The user name that marks the secret as a token.
const TOKEN_USER: &str = "<token>";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    username: String,
    secret: String,
}

/// Asks a helper. `None` if it has no credentials for this server.
pub(super) async fn get(name: &str, server: &str) -> Result<Option<Login>, CredentialsError> {
    if name.contains(['/', '\0']) {
        return Err(CredentialsError::HelperName { name: name.to_owned() });
    }
    ask(&format!("docker-credential-{name}"), server).await
}

/// Asks this program. Given up, it is killed with its children.
async fn ask(helper: &str, server: &str) -> Result<Option<Login>, CredentialsError> {
    let (helper, server) = (helper.to_owned(), server.to_owned());
    let failed = |reason| CredentialsError::HelperFailed { helper: helper.clone(), server: server.clone(), reason };
    let mut command = Command::new(&helper);
    command.arg("get");
    let asked = Program::new(command).input(server.as_bytes()).asks_people().within(DEADLINE).output(ANSWER_MAX).await;
    let Output { status, out, err } = asked.map_err(|error| match error {
        ProgramError::Start(source) => CredentialsError::HelperStart { helper: helper.clone(), source },
        ProgramError::Follow(error) => failed(error.to_string()),
        ProgramError::TooSlow(deadline) => {
            let seconds = deadline.as_secs();
            CredentialsError::HelperSlow { helper: helper.clone(), server: server.clone(), seconds }
        }
    })?;
    if status.success() {
        return understood(&out, &helper)
            .map(Some)
            .ok_or_else(|| CredentialsError::HelperAnswer { helper: helper.clone(), server: server.clone() });
    }
    let said = [err, out].map(|bytes| String::from_utf8_lossy(&bytes).trim().to_owned());
    if said.iter().any(|said| said.contains(NOT_FOUND)) {
        return Ok(None);
    }
    Err(failed(complaint_of(&said).map_or_else(|| status.to_string(), |said| format!("{said} ({status})"))))
}

fn understood(answer: &[u8], helper: &str) -> Option<Login> {
    let answer: Answer = serde_json::from_slice(answer).ok()?;
    let secret = if answer.username == TOKEN_USER {
        Secret::IdentityToken(answer.secret)
    } else {
        Secret::Password { user: answer.username, password: answer.secret }
    };
    Some(Login { secret, origin: format!("the credential helper `{helper}`") })
}

/// A helper's error message, in a line. Text that looks like an answer may contain a secret and is not shown.
fn complaint_of(said: &[String; 2]) -> Option<String> {
    let shown = said.iter().find(|said| !said.is_empty() && !said.contains(['{', '"']))?;
    Some(shown.lines().next()?.chars().take(COMPLAINT_MAX).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_helper_that_is_given_up_ends_with_its_children() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).display().to_string();
        let (written, helper, told) = (at("written"), at("docker-credential-slow"), at("told"));
        let run = |program: &str, arguments: &[&str]| {
            assert!(std::process::Command::new(program).args(arguments).status().unwrap().success());
        };
        run("mkfifo", &[&told]);
        std::fs::write(&written, format!("#!/bin/sh\nsleep 1000 &\necho $! >{told}\nwait\n")).unwrap();
        // Copied by another program: one that this process has open for writing cannot be started.
        run("install", &["-m", "755", &written, &helper]);
        let asking = tokio::spawn(async move { ask(&helper, "registry.example").await });
        let started = tokio::task::spawn_blocking(|| std::fs::read_to_string(told)).await.unwrap().unwrap();
        asking.abort();
        assert!(asking.await.unwrap_err().is_cancelled());
        // A zombie waits for its new parent to notice its end.
        let state = std::fs::read_to_string(format!("/proc/{}/stat", started.trim())).unwrap_or_default();
        assert!(state.is_empty() || state.contains(") Z "), "{state}");
    }

    #[test]
    fn answers_are_passwords_or_tokens() {
        let of = |text: &str| understood(text.as_bytes(), "h").map(|login| login.secret);
        let password = Secret::Password { user: "me".into(), password: "p".into() };
        assert!(of(r#"{"ServerURL": "x", "Username": "me", "Secret": "p"}"#) == Some(password));
        assert!(of(r#"{"Username": "<token>", "Secret": "t"}"#) == Some(Secret::IdentityToken("t".into())));
        assert!(of("hidden").is_none() && of(r#"{"Username": "me"}"#).is_none());
    }

    #[test]
    fn a_complaint_is_a_line_without_secrets() {
        let of = |error: &str, output: &str| complaint_of(&[error.to_owned(), output.to_owned()]);
        assert_eq!(of("", "locked\nmore").as_deref(), Some("locked"));
        assert_eq!(of("no bus", "locked").as_deref(), Some("no bus"));
        assert_eq!(of("", r#"{"Secret": "hidden"}"#), None);
        assert_eq!(of("", &"x".repeat(999)).map(|said| said.len()), Some(COMPLAINT_MAX));
    }
}
