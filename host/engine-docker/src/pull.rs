//! One attempt to pull, over the Engine API. Dropping it cancels it: the engine stops when the connection closes.

use super::progress::progress as progress_of;
use super::pull_words::failure;
use super::store::DockerStore;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use bollard::query_parameters::CreateImageOptions;
use futures_util::StreamExt;
use longshore_engine::{Login, PullFailure, Secret};
use longshore_model::pull_progress::LayerProgress;
use longshore_model::reference::Reference;
use serde_json::json;
use std::time::Duration;

/// The header with a registry's credentials.
const AUTH_HEADER: &str = "x-registry-auth";

/// How long an engine may send nothing. Checking a layer of tens of gigabytes on a slow disk takes minutes, without
/// messages.
const SILENCE: Duration = Duration::from_secs(600);

impl DockerStore {
    /// Pulls an image, and reports the progress of its layers.
    pub(super) async fn attempt(
        &self,
        reference: &Reference,
        login: Option<&Login>,
        progress: &mut (dyn FnMut(LayerProgress) + Send),
    ) -> Result<(), PullFailure> {
        let api = match login {
            None => self.api.clone(),
            Some(login) => showing(self.api.clone(), header(login, reference)),
        };
        let (name, tag) = reference.to_pull();
        let options =
            CreateImageOptions { from_image: Some(name), tag: Some(tag.to_owned()), ..CreateImageOptions::default() };
        let mut said = api.create_image(Some(options), None, None).boxed();
        loop {
            match tokio::time::timeout(SILENCE, said.next()).await {
                Ok(Some(said)) => {
                    if let Some(layer) = progress_of(said.map_err(failure)?) {
                        progress(layer);
                    }
                }
                Ok(None) => return Ok(()),
                Err(_) => {
                    let reason = format!("the engine sent nothing for {} s", SILENCE.as_secs());
                    return Err(PullFailure::Transient { reason });
                }
            }
        }
    }
}

/// An engine client whose requests carry credentials, in URL-safe base64. The client's own code uses standard base64:
/// engines treat a header that they cannot read as no credentials, so some passwords would never arrive.
fn showing(api: bollard::Docker, header: String) -> bollard::Docker {
    api.with_request_modifier(move |mut request| {
        if let Ok(value) = header.parse() {
            request.headers_mut().insert(AUTH_HEADER, value);
        }
        request
    })
}

fn header(login: &Login, reference: &Reference) -> String {
    let server = reference.registry();
    let content = match &login.secret {
        Secret::Password { user, password } => json!({"username": user, "password": password, "serveraddress": server}),
        Secret::IdentityToken(token) => json!({"identitytoken": token, "serveraddress": server}),
    };
    URL_SAFE.encode(content.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_is_in_the_alphabet_of_addresses() {
        let reference = Reference::parse("r:5000/a").unwrap();
        let login = |secret| Login { secret, origin: String::new() };
        // Each of these is at a critical place of base64 in one of three passwords.
        for password in ["?>~", "x?>~", "xx?>~", "ÿþ"] {
            let secret = Secret::Password { user: "me".into(), password: password.into() };
            let header = header(&login(secret), &reference);
            assert!(!header.contains(['+', '/']), "{header}");
            let read: serde_json::Value = serde_json::from_slice(&URL_SAFE.decode(&header).unwrap()).unwrap();
            assert_eq!(read["password"], password);
        }
        let token = header(&login(Secret::IdentityToken("t".into())), &reference);
        let read: serde_json::Value = serde_json::from_slice(&URL_SAFE.decode(token).unwrap()).unwrap();
        assert_eq!(read, json!({"identitytoken": "t", "serveraddress": "r:5000"}));
    }
}
