//! Where images are kept and made: the second thing that is asked of a container engine, besides running containers. A
//! store finds, lists, names and removes images, and has build containers, in which commands change an image into another.
//! What goes into an image, and which ones may go, is decided elsewhere.

use super::refusal::Refusal;
use super::store_error::StoreError;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use longshore_config::settings::BuildSettings;
use longshore_model::image_id::ImageId;
use longshore_model::platform::Platform;
use longshore_model::pull_progress::LayerProgress;
use longshore_model::reference::Reference;
use std::collections::{BTreeMap, HashSet};
use std::{fmt, io};

/// An image, as its store knows it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StoredImage {
    /// Its id.
    pub id: ImageId,
    /// Its names, each with its tag.
    pub names: Vec<String>,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its size in bytes, with everything below it.
    pub size: u64,
    /// When it was made, in seconds since 1970.
    pub created: i64,
    /// The architecture in the words of OCI, such as `amd64`; where it was looked at by itself.
    pub architecture: Option<String>,
    /// What its author set; nothing where it is one of a list.
    pub defaults: ContainerDefaults,
}

/// What an image's author set for containers of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ContainerDefaults {
    /// Program and first arguments.
    pub entry_point: Vec<String>,
    /// Variables, as `NAME=VALUE`.
    pub environment: Vec<String>,
    /// Folders that are volumes.
    pub volumes: Vec<String>,
}

/// Keeps images. Every reference is a name, or an id.
pub trait Images: Send + Sync {
    /// Finds an image; `None` where there is none.
    fn find<'a>(&'a self, reference: &'a str) -> BoxFuture<'a, Result<Option<StoredImage>, StoreError>>;

    /// Pulls an image from its registry, in one attempt. `progress` hears how far its layers are. Dropping it ends it.
    fn pull<'a>(
        &'a self,
        reference: &'a Reference,
        login: Option<&'a Login>,
        progress: &'a mut (dyn FnMut(LayerProgress) + Send),
    ) -> BoxFuture<'a, Result<(), PullFailure>>;

    /// All images that have a label, or a label with a value (`key=value`); all there are without one.
    fn list<'a>(&'a self, label: Option<&'a str>) -> BoxFuture<'a, Result<Vec<StoredImage>, StoreError>>;

    /// The images that containers are made of, running or not.
    fn in_use(&self) -> BoxFuture<'_, Result<HashSet<ImageId>, StoreError>>;

    /// The names of the containers that are made of an image, running or not.
    fn users<'a>(&'a self, image: &'a ImageId) -> BoxFuture<'a, Result<Vec<String>, StoreError>>;

    /// Bytes that an image adds to the nearest one below it that has a name; all of its own where none is known.
    fn own_size<'a>(&'a self, image: &'a ImageId) -> BoxFuture<'a, Result<u64, StoreError>>;

    /// Gives an image one more name, which is taken from whichever had it.
    fn tag<'a>(&'a self, image: &'a ImageId, name: &'a str) -> BoxFuture<'a, Result<(), StoreError>>;

    /// Removes a name, and the image with its last one. One that is not there is no error.
    fn remove<'a>(&'a self, reference: &'a str) -> BoxFuture<'a, Result<(), StoreError>>;
}

/// Makes containers in which commands change an image into another.
pub trait Builds: Send + Sync {
    /// A fresh container of an image, to change it in.
    fn build_container<'a>(&'a self, plan: &'a BuildPlan)
    -> BoxFuture<'a, Result<Box<dyn BuildContainer>, StoreError>>;

    /// A fresh container of an image, to look at it in: nothing in it can be changed, and its commands run as a script's
    /// user, with no more rights than a script, and bounded memory and processes.
    fn probe_container<'a>(&'a self, image: &'a ImageId) -> BoxFuture<'a, Result<Box<dyn BuildContainer>, StoreError>>;
}

/// Keeps the volumes that builds share.
pub trait Volumes: Send + Sync {
    /// The volumes whose names begin so.
    fn volumes<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<Vec<String>, StoreError>>;

    /// Removes a volume that builds were given. Returns whether it did: not where it is in use, or was not there.
    fn remove_volume<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<bool, StoreError>>;
}

/// Turns images into archives, and archives into images.
pub trait Archives: Send + Sync {
    /// An image as a tar archive, in the engine's own form.
    fn export<'a>(&'a self, reference: &'a str) -> BoxStream<'a, Result<Bytes, StoreError>>;

    /// Loads the images of a tar archive, under the names that are in it: it must be one that was made here.
    fn import<'a>(&'a self, archive: BoxStream<'static, io::Result<Bytes>>) -> BoxFuture<'a, Result<(), StoreError>>;

    /// What its containers run on.
    fn platform(&self) -> BoxFuture<'_, Result<Platform, StoreError>>;
}

/// All of an engine but the containers of runs.
pub trait ImageStore: Images + Builds + Volumes + Archives + fmt::Debug {
    /// Removes the containers that killed hosts left.
    fn reap(&self) -> BoxFuture<'_, Result<(), StoreError>>;
}

/// What a build container is made of.
#[derive(Debug, Clone)]
pub struct BuildPlan {
    /// The image to start from.
    pub image: ImageId,
    /// Whether what runs in it has a network.
    pub network: bool,
    /// Volumes that outlive it.
    pub volumes: Vec<BuildVolume>,
    /// Labels of the container, which end in the image too.
    pub labels: BTreeMap<String, String>,
    /// What may be used in it.
    pub limits: BuildSettings,
}

/// A volume in a build container. It is made where it is missing.
#[derive(Debug, Clone)]
pub struct BuildVolume {
    /// Its name.
    pub name: String,
    /// Where it is in the build container.
    pub target: String,
    /// Whether the build container may change it.
    pub writable: bool,
}

/// A container to change an image in. It ends when its host does, and is removed when it is dropped.
pub trait BuildContainer: Send {
    /// Unpacks a tar archive at the root.
    fn put(&mut self, archive: Vec<u8>) -> BoxFuture<'_, Result<(), StoreError>>;

    /// Runs a command as root (but in a closed build container), to its end, and gives its exit status. `output` gets what it prints, as it comes.
    fn run<'a>(
        &'a mut self,
        step: Step,
        output: &'a mut (dyn FnMut(Printed<'_>) + Send),
    ) -> BoxFuture<'a, Result<i64, StoreError>>;

    /// Makes an image of what is there, with the original's command, user and environment, and `labels` besides its own.
    fn commit<'a>(&'a mut self, labels: &'a BTreeMap<String, String>) -> BoxFuture<'a, Result<ImageId, StoreError>>;

    /// Ends it, and waits until it is gone.
    fn remove(self: Box<Self>) -> BoxFuture<'static, Result<(), StoreError>>;
}

/// A command in a build container.
#[derive(Debug, Clone, Default)]
pub struct Step {
    /// Program and arguments.
    pub command: Vec<String>,
    /// Environment variables. They may be secret, and never end in an image.
    pub environment: Vec<(String, String)>,
}

/// What a command printed.
#[derive(Debug, Clone, Copy)]
pub enum Printed<'a> {
    /// On standard output.
    Out(&'a [u8]),
    /// On standard error.
    Err(&'a [u8]),
}

/// What a registry is shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// The name and password, or a token that stands for both.
    pub secret: Secret,
    /// Where it is from, in words for people.
    pub origin: String,
}

/// The secret part.
#[derive(Clone, PartialEq, Eq)]
pub enum Secret {
    /// A name, and its password.
    Password {
        /// The name.
        user: String,
        /// The password.
        password: String,
    },
    /// A token that stands for both.
    IdentityToken(String),
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("origin", &self.origin).finish_non_exhaustive()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// Why an attempt to pull failed.
#[derive(Debug)]
pub enum PullFailure {
    /// It may be otherwise the next time.
    Transient {
        /// In the engine's words.
        reason: String,
    },
    /// The registry wants credentials, or others.
    Refused,
    /// The registry has no such image.
    Unknown,
    /// The registry has been asked too often.
    TooMany,
    /// The image is for machines of another kind.
    OtherArchitecture,
    /// The registry cannot be trusted as it is.
    Untrusted {
        /// In the engine's words.
        reason: String,
    },
    /// There is no such host.
    NoHost,
    /// The disk is full.
    DiskFull,
    /// Anything else.
    Other {
        /// In the engine's words.
        reason: String,
    },
    /// The engine did not do as it should.
    Engine(Refusal),
}
