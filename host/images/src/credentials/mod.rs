//! Credentials for registries, as the Docker configuration has them: in its file, or with a helper that it names. Read
//! when they are needed. A secret is never printed, and is in no error.

mod config_file;
mod error;
mod helper;

pub use error::CredentialsError;

use config_file::{ConfigFile, Source};
use longshore_engine::Login;
use longshore_model::reference::Reference;
use std::path::{Path, PathBuf};

/// Where the Docker configuration is.
#[derive(Debug, Clone)]
pub(crate) struct Credentials {
    file: PathBuf,
}

impl Credentials {
    /// Those of a Docker configuration file, which need not be there.
    pub(crate) fn new(file: &Path) -> Self {
        Self { file: file.to_owned() }
    }

    /// The configuration file, in words for people.
    pub(crate) fn place(&self) -> String {
        if self.file.as_os_str().is_empty() {
            return "no Docker configuration is known".into();
        }
        format!("`{}` has none for it", self.file.display())
    }

    /// Finds what to show the registry of an image; `None` where there is nothing to show.
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
            // What the helper does not have may still stand in the file.
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
