//! Why an image that a block or a caller names is not available.

use crate::credentials::CredentialsError;
use longshore_engine::StoreError;
use longshore_model::reference::ReferenceError;
use longshore_model::remedy::Remedy;
use thiserror::Error;

/// An image is not on this machine, and cannot be pulled.
#[derive(Debug, Error)]
pub enum PullError {
    /// Its name is not valid.
    #[error("`{image}` is not a valid image name")]
    Reference {
        /// The given name.
        image: String,
        /// The cause.
        #[source]
        source: ReferenceError,
    },
    /// It is one of Longshore's images, which are built and not pulled.
    #[error("there is no image `{image}`, which is built, not pulled")]
    NotBuilt {
        /// The image.
        image: String,
    },
    /// It was named by its id.
    #[error("there is no image with the id `{image}`: name an image, so that it can be pulled")]
    NoSuchId {
        /// The id.
        image: String,
    },
    /// The settings do not allow pulling.
    #[error(
        "there is no image `{image}` on this machine, and the setting `images.pull` is `never`: pull it with \
         `docker pull {image}`"
    )]
    Never {
        /// The image.
        image: String,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The credentials for the registry could not be read.
    #[error("cannot pull the image `{image}`")]
    Credentials {
        /// The image.
        image: String,
        /// The cause.
        #[source]
        source: CredentialsError,
    },
    /// The registry requires credentials, and none were sent.
    #[error(
        "the registry `{registry}` requires credentials for the image `{image}`, or has no such image; none were sent, \
         since {place}: log in with `{login}`"
    )]
    LoginNeeded {
        /// The image.
        image: String,
        /// Its registry.
        registry: String,
        /// Why there were none.
        place: String,
        /// The command that fixes it.
        login: String,
    },
    /// The registry does not accept the credentials.
    #[error(
        "the registry `{registry}` does not accept the credentials of {origin} for the image `{image}`: log in again \
         with `{login}`"
    )]
    LoginRefused {
        /// The image.
        image: String,
        /// Its registry.
        registry: String,
        /// The source of the credentials.
        origin: String,
        /// The command that fixes it.
        login: String,
    },
    /// The registry does not have it.
    #[error("the registry `{registry}` has no image `{image}`: check its name and tag")]
    Unknown {
        /// The image.
        image: String,
        /// Its registry.
        registry: String,
    },
    /// The registry refuses more requests for now.
    #[error(
        "the registry `{registry}` accepts no more requests for now: wait, or log in with `{login}` for a higher limit"
    )]
    TooMany {
        /// The registry.
        registry: String,
        /// The command that fixes it.
        login: String,
    },
    /// The image is for another architecture.
    #[error("the image `{image}` is not available for this machine's architecture ({architecture})")]
    OtherArchitecture {
        /// The image.
        image: String,
        /// This machine's architecture, in OCI terms.
        architecture: String,
    },
    /// The engine does not trust the registry.
    #[error(
        "the engine does not trust the registry `{registry}` ({reason}): put its certificate into \
         `/etc/docker/certs.d/{registry}/ca.crt`, or name it in `insecure-registries` of `/etc/docker/daemon.json` where it \
         has none"
    )]
    Untrusted {
        /// The registry.
        registry: String,
        /// The engine's message.
        reason: String,
    },
    /// The registry's host does not exist.
    #[error(
        "cannot pull the image `{image}`, which this machine lacks: no host has the name of its registry `{registry}`"
    )]
    NoHost {
        /// The image.
        image: String,
        /// The registry.
        registry: String,
    },
    /// The disk is full.
    #[error("cannot pull the image `{image}`: the disk is full")]
    DiskFull {
        /// The image.
        image: String,
    },
    /// All attempts failed.
    #[error("cannot pull the image `{image}` from `{registry}` in {attempts} attempts; the last: {reason}")]
    GivenUp {
        /// The image.
        image: String,
        /// Its registry.
        registry: String,
        /// The number of attempts.
        attempts: u32,
        /// The engine's message.
        reason: String,
    },
    /// Any other failure.
    #[error("cannot pull the image `{image}` from `{registry}`: {reason}")]
    Failed {
        /// The image.
        image: String,
        /// Its registry.
        registry: String,
        /// The engine's message.
        reason: String,
    },
    /// The engine reported success, but does not have the image.
    #[error("the image `{image}` was pulled from `{registry}`, but something else has removed it since")]
    Gone {
        /// The image.
        image: String,
        /// Its registry.
        registry: String,
    },
}

impl PullError {
    /// What the caller can do.
    #[must_use]
    pub fn remedy(&self) -> Option<Remedy> {
        match self {
            Self::NotBuilt { image } => {
                Some(match image.strip_prefix("longshore/").and_then(|name| name.split(':').next()) {
                    Some(name @ ("python-3.13" | "r-4.5")) => Remedy::BuildImage { image: name.to_owned() },
                    _ => Remedy::BuildImages,
                })
            }
            Self::Never { .. } => Some(Remedy::NameImage),
            Self::DiskFull { .. } => Some(Remedy::PruneImages),
            Self::Store(error) => error.remedy(),
            _ => None,
        }
    }
}
