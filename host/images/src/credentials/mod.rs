//! Credentials for registries from the Docker configuration: in its file, or in a helper that it names. They are read
//! when they are needed. A secret is never printed, and is in no error.

mod config_file;
mod error;
mod helper;

pub use error::CredentialsError;

use config_file::{ConfigFile, Source};
use longshore_engine::Login;
use longshore_model::reference::Reference;
use std::path::{Path, PathBuf};

/// The path of the Docker configuration.
#[derive(Debug, Clone)]
pub(crate) struct Credentials {
    file: PathBuf,
}

impl Credentials {
    /// The credentials of a Docker configuration file, which may be missing.
    pub(crate) fn new(file: &Path) -> Self {
        Self { file: file.to_owned() }
    }

    /// The configuration file, for messages.
    pub(crate) fn place(&self) -> String {
        if self.file.as_os_str().is_empty() {
            return "no Docker configuration is known".into();
        }
        format!("`{}` has none for it", self.file.display())
    }

    /// Finds the credentials for an image's registry; `None` if there are none.
    pub(crate) async fn of(&self, reference: &Reference) -> Result<Option<Login>, CredentialsError> {
        let Some(config) = ConfigFile::read(&self.file)? else {
            return Ok(None);
        };
        let (helper, server) = match config.source(reference)? {
            Source::File(login) => return Ok(login),
            Source::Helper { name, server } => (name, server),
        };
        match helper::get(helper, &server).await? {
            Some(login) => Ok(Some(login)),
            // If the helper has none, the file may have some.
            None => config.plain(reference),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use longshore_engine::Secret;

    #[test]
    fn secrets_are_not_shown() {
        let secret = Secret::Password { user: "me".into(), password: "hidden".into() };
        let login = Login { secret, origin: "`config.json`".into() };
        assert_eq!(format!("{login:?}"), "Login { origin: \"`config.json`\", .. }");
    }
}
