//! Secrets in what is shown or kept: the passwords in settings' addresses, and the values of password options. They are
//! looked for wherever a program, or a script, may have printed them.

use crate::settings::PackageSettings;
use serde_json::Value;

/// What stands for a secret.
const MASK: &str = "***";

/// Letters that a secret must have to be looked for: shorter ones stand in any text.
const LENGTH_MIN: usize = 4;

/// What must not be shown.
#[derive(Debug, Clone, Default)]
pub(crate) struct Secrets(Vec<String>);

impl Secrets {
    /// These, as far as they can be told from other text.
    pub(crate) fn new(secrets: impl IntoIterator<Item = String>) -> Self {
        Self(secrets.into_iter().filter(|secret| secret.len() >= LENGTH_MIN).collect())
    }

    /// The passwords and tokens in the addresses of settings.
    pub(crate) fn of_addresses(settings: &PackageSettings) -> Self {
        let addresses = settings.index_url.iter().chain(&settings.extra_index_urls).chain(&settings.cran);
        let addresses = addresses.chain(&settings.debian_mirror).chain(&settings.http_proxy);
        let users = addresses.chain(&settings.https_proxy).filter_map(|address| {
            let rest = address.split_once("://").map_or(address.as_str(), |(_, rest)| rest);
            Some(rest.rsplit_once('@')?.0)
        });
        Self::new(users.map(|user| user.split_once(':').map_or(user, |(_, password)| password).to_owned()))
    }

    /// A text without them.
    pub(crate) fn masked(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, secret| text.replace(secret, MASK))
    }

    /// Bytes without them, which need be no text.
    pub(crate) fn masked_bytes(&self, bytes: &[u8]) -> Vec<u8> {
        self.0.iter().fold(bytes.to_vec(), |bytes, secret| without(&bytes, secret.as_bytes()))
    }

    /// Takes them out of every text in a JSON value.
    pub(crate) fn mask_json(&self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.masked(text),
            Value::Array(values) => values.iter_mut().for_each(|value| self.mask_json(value)),
            Value::Object(values) => values.values_mut().for_each(|value| self.mask_json(value)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}

fn without(bytes: &[u8], secret: &[u8]) -> Vec<u8> {
    let (mut shown, mut rest) = (Vec::with_capacity(bytes.len()), bytes);
    while let Some(at) = rest.windows(secret.len()).position(|window| window == secret) {
        shown.extend_from_slice(&rest[..at]);
        shown.extend_from_slice(MASK.as_bytes());
        rest = &rest[at + secret.len()..];
    }
    shown.extend_from_slice(rest);
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn secrets_are_nowhere_in_what_is_shown() {
        let secrets = Secrets::new(["hunter2".to_owned(), "abc".to_owned()]);
        assert_eq!(secrets.masked("hunter2, abc, hunter2"), "***, abc, ***");
        assert_eq!(secrets.masked_bytes(b"\xffhunter2\xffhunter"), b"\xff***\xffhunter");
        let mut value = json!({"message": "no hunter2", "notes": ["hunter2", 2, null]});
        secrets.mask_json(&mut value);
        assert_eq!(value, json!({"message": "no ***", "notes": ["***", 2, null]}));
    }

    #[test]
    fn addresses_hold_passwords_and_tokens() {
        let settings = PackageSettings {
            index_url: Some("https://ada:s3cret@packages.example/simple".into()),
            extra_index_urls: vec!["https://token1@other.example".into(), "https://plain.example/a@b".into()],
            http_proxy: Some("user:w0rd@proxy:3128".into()),
            ..PackageSettings::default()
        };
        let shown = Secrets::of_addresses(&settings).masked("s3cret of ada, token1, w0rd of user");
        assert_eq!(shown, "*** of ada, ***, *** of user");
    }
}
