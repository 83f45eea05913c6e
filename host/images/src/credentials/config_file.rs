//! The Docker configuration file: its registries, and where their credentials are.

use super::CredentialsError;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use longshore_engine::{Login, Secret};
use longshore_model::reference::Reference;
use longshore_os::small_file;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// Docker's name for its own registry in its configuration.
const HUB_SERVER: &str = "https://index.docker.io/v1/";

/// Other names of it in the configuration.
const HUB_HOSTS: [&str; 3] = ["index.docker.io", "docker.io", "registry-1.docker.io"];

/// A Docker configuration file.
#[derive(Debug)]
pub(super) struct ConfigFile {
    path: PathBuf,
    content: Content,
}

/// The relevant keys. `null` counts as missing.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Content {
    auths: Option<BTreeMap<String, Option<Entry>>>,
    creds_store: Option<String>,
    cred_helpers: Option<BTreeMap<String, String>>,
}

#[derive(Debug, Default, Deserialize)]
struct Entry {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
    identitytoken: Option<String>,
}

/// Where the credentials of a registry are stored.
pub(super) enum Source<'a> {
    /// In the file, or nowhere.
    File(Option<Login>),
    /// In a helper.
    Helper { name: &'a str, server: String },
}

impl ConfigFile {
    /// Reads the file; `None` if it does not exist.
    pub(super) fn read(path: &Path) -> Result<Option<Self>, CredentialsError> {
        let text = match small_file::read_text(path, small_file::WRITTEN_MAX) {
            Ok(text) => text,
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Ok(None);
            }
            Err(source) => return Err(CredentialsError::Read { path: path.to_owned(), source }),
        };
        let content = serde_json::from_str(&text).map_err(|error| CredentialsError::Parse {
            path: path.to_owned(),
            line: error.line(),
            column: error.column(),
        })?;
        Ok(Some(Self { path: path.to_owned(), content }))
    }

    /// Where the credentials for an image's registry are stored: a helper of the registry has priority over the helper
    /// of all registries, and both over the file.
    pub(super) fn source(&self, reference: &Reference) -> Result<Source<'_>, CredentialsError> {
        let server = if reference.is_on_hub() { HUB_SERVER } else { reference.registry() };
        let helpers = self.content.cred_helpers.iter().flatten();
        let own = helpers.filter(|(key, _)| is_key_of(key, reference)).map(|(_, name)| name).next();
        let helper = own.or(self.content.creds_store.as_ref()).filter(|name| !name.is_empty());
        match helper {
            Some(name) => Ok(Source::Helper { name, server: server.to_owned() }),
            None => self.plain(reference).map(Source::File),
        }
    }

    /// The entry in the file itself.
    pub(super) fn plain(&self, reference: &Reference) -> Result<Option<Login>, CredentialsError> {
        let entries = self.content.auths.iter().flatten();
        let mut matching = entries.filter(|(key, _)| is_key_of(key, reference));
        let Some((server, Some(entry))) = matching.next() else {
            return Ok(None);
        };
        let broken = || CredentialsError::Entry { path: self.path.clone(), server: server.clone() };
        let secret = entry.secret().ok_or_else(broken)?;
        let origin = format!("`{}`", self.path.display());
        Ok(secret.map(|secret| Login { secret, origin }))
    }
}

impl Entry {
    /// The secret in it; `Some(None)` if a helper has it and the entry is only a mark, `None` if it cannot be read.
    fn secret(&self) -> Option<Option<Secret>> {
        let filled = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        if let Some(token) = filled(&self.identitytoken) {
            return Some(Some(Secret::IdentityToken(token)));
        }
        if let Some(auth) = filled(&self.auth) {
            let decoded = String::from_utf8(STANDARD.decode(auth.trim()).ok()?).ok()?;
            let (user, password) = decoded.split_once(':')?;
            let password = password.trim_end_matches('\0').to_owned();
            return Some(Some(Secret::Password { user: user.to_owned(), password }));
        }
        Some(match (filled(&self.username), filled(&self.password)) {
            (Some(user), Some(password)) => Some(Secret::Password { user, password }),
            _ => None,
        })
    }
}

/// Whether a key of the configuration denotes the registry of an image. Old files have URLs as keys.
fn is_key_of(key: &str, reference: &Reference) -> bool {
    let host = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://")).unwrap_or(key);
    let host = host.split('/').next().unwrap_or(host);
    if reference.is_on_hub() { HUB_HOSTS.contains(&host) } else { host == reference.registry() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> ConfigFile {
        ConfigFile { path: PathBuf::from("config.json"), content: serde_json::from_str(text).unwrap() }
    }

    fn found(config: &ConfigFile, image: &str) -> String {
        match config.source(&Reference::parse(image).unwrap()) {
            Ok(Source::File(None)) => "nothing".into(),
            Ok(Source::File(Some(Login { secret: Secret::Password { user, password }, .. }))) => {
                format!("{user}/{password}")
            }
            Ok(Source::File(Some(Login { secret: Secret::IdentityToken(token), .. }))) => format!("token {token}"),
            Ok(Source::Helper { name, server }) => format!("{name} for {server}"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn each_registry_has_its_own() {
        let config = config(
            r#"{
                "auths": {
                    "https://index.docker.io/v1/": {"auth": "aHViOmE6Yg=="},
                    "registry.example:5000": {"username": "you", "password": "p"},
                    "https://old.example/v2/": {"auth": "bWU6cA=="},
                    "token.example": {"auth": "bWU6", "identitytoken": "t"},
                    "kept.example": {},
                    "null.example": null,
                    "broken.example": {"auth": "%%%"}
                },
                "credHelpers": {"own.example": "own", "none.example": ""},
                "detachKeys": "ctrl-x"
            }"#,
        );
        let cases = [
            ("debian", "hub/a:b"),
            ("docker.io/library/debian", "hub/a:b"),
            ("registry.example:5000/a", "you/p"),
            ("registry.example/a", "nothing"),
            ("old.example/a", "me/p"),
            ("token.example/a", "token t"),
            ("kept.example/a", "nothing"),
            ("null.example/a", "nothing"),
            ("none.example/a", "nothing"),
            ("own.example/a", "own for own.example"),
            (
                "broken.example/a",
                "the Docker configuration `config.json` has an invalid entry for `broken.example`: `docker login` \
                 rewrites it",
            ),
        ];
        for (image, expected) in cases {
            assert_eq!(found(&config, image), expected, "{image}");
        }
    }

    #[test]
    fn a_helper_of_all_is_asked_where_the_registry_has_none_of_its_own() {
        let config = config(
            r#"{"auths": {"a.example": {"auth": "bWU6cA=="}}, "credsStore": "all", "credHelpers": {"b.example": "own"}}"#,
        );
        assert_eq!(found(&config, "a.example/x"), "all for a.example");
        assert_eq!(found(&config, "b.example/x"), "own for b.example");
        assert_eq!(found(&config, "x"), "all for https://index.docker.io/v1/");
    }

    #[test]
    fn what_is_no_configuration_is_said_without_showing_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.json");
        assert!(ConfigFile::read(&path).unwrap().is_none());
        assert!(ConfigFile::read(Path::new("")).unwrap().is_none());
        std::fs::write(&path, "{\"auths\":\n {\"a\": \"hidden\"}}").unwrap();
        let error = ConfigFile::read(&path).unwrap_err();
        assert!(matches!(error, CredentialsError::Parse { line: 2, .. }), "{error:?}");
        assert!(!error.to_string().contains("hidden") && std::error::Error::source(&error).is_none());
    }
}
