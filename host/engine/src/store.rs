//! The interface to images: besides running containers, an engine finds, lists, tags and removes images, and has build
//! containers, in which commands change an image into another. The content of images and their eviction are decided
//! elsewhere.

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
use serde::Serialize;
use std::collections::{BTreeMap, HashSet};
use std::{fmt, io};

/// An image in its store.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StoredImage {
    /// Its id.
    pub id: ImageId,
    /// Its names, each with its tag.
    pub names: Vec<String>,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its size in bytes, including all its layers.
    pub size: u64,
    /// When it was made, in seconds since 1970.
    pub created: i64,
    /// The architecture in OCI terms, such as `amd64`; only if the image was inspected by itself.
    pub architecture: Option<String>,
    /// The defaults that its author set; empty for images of a list.
    pub defaults: ContainerDefaults,
}

/// The defaults that an image's author set for its containers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ContainerDefaults {
    /// Program and first arguments.
    pub entry_point: Vec<String>,
    /// Variables, as `NAME=VALUE`.
    pub environment: Vec<String>,
    /// Folders that are volumes.
    pub volumes: Vec<String>,
    /// Instructions for images that are built on it.
    pub on_build: Vec<String>,
}

/// Stores images. Each reference is a name or an id.
pub trait Images: Send + Sync {
    /// Finds an image; `None` if it does not exist.
    fn find<'a>(&'a self, reference: &'a str) -> BoxFuture<'a, Result<Option<StoredImage>, StoreError>>;

    /// Pulls an image from its registry, in one attempt. `progress` receives the progress of its layers. Dropping it
    /// cancels it.
    fn pull<'a>(
        &'a self,
        reference: &'a Reference,
        login: Option<&'a Login>,
        progress: &'a mut (dyn FnMut(LayerProgress) + Send),
    ) -> BoxFuture<'a, Result<(), PullFailure>>;

    /// All images with a label, or with a label of a value (`key=value`); all images if `None`.
    fn list<'a>(&'a self, label: Option<&'a str>) -> BoxFuture<'a, Result<Vec<StoredImage>, StoreError>>;

    /// The images of all containers, running or not, but of those that wait for a run.
    fn in_use(&self) -> BoxFuture<'_, Result<HashSet<ImageId>, StoreError>>;

    /// Ends the containers of an image that wait for a run.
    fn let_go<'a>(&'a self, image: &'a ImageId) -> BoxFuture<'a, Result<(), StoreError>>;

    /// The names of the containers of an image, running or not, but of those that wait for a run.
    fn users<'a>(&'a self, image: &'a ImageId) -> BoxFuture<'a, Result<Vec<String>, StoreError>>;

    /// Bytes that an image adds to the nearest named image below it; all of its own if none is known.
    fn own_size<'a>(&'a self, image: &'a ImageId) -> BoxFuture<'a, Result<u64, StoreError>>;

    /// Gives an image another name, and removes the name from the image that had it.
    fn tag<'a>(&'a self, image: &'a ImageId, name: &'a str) -> BoxFuture<'a, Result<(), StoreError>>;

    /// Removes a name, and the image with its last one. A missing image is not an error.
    fn remove<'a>(&'a self, reference: &'a str) -> BoxFuture<'a, Result<(), StoreError>>;
}

/// Creates containers in which commands change an image into another.
pub trait Builds: Send + Sync {
    /// A new container of an image, to change it.
    fn build_container<'a>(&'a self, plan: &'a BuildPlan)
    -> BoxFuture<'a, Result<Box<dyn BuildContainer>, StoreError>>;

    /// Builds an image with the engine's own builder, and gives it a name. `output` receives the builder's output. Dropping
    /// it cancels it.
    fn build_image<'a>(
        &'a self,
        plan: ImageBuildPlan,
        output: &'a mut (dyn FnMut(&str) + Send),
    ) -> BoxFuture<'a, Result<BuiltImage, StoreError>>;

    /// A new container of an image, to inspect it: its files are read-only, and its commands run as a script's user,
    /// with no more rights than a script, and limited memory and processes.
    fn probe_container<'a>(&'a self, image: &'a ImageId) -> BoxFuture<'a, Result<Box<dyn BuildContainer>, StoreError>>;
}

/// Stores the volumes that builds share.
pub trait Volumes: Send + Sync {
    /// The volumes whose names have this prefix.
    fn volumes<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<Vec<String>, StoreError>>;

    /// Removes a volume of builds. Returns whether it was removed: not if it is in use or does not exist.
    fn remove_volume<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<bool, StoreError>>;
}

/// Converts images to archives, and archives to images.
pub trait Archives: Send + Sync {
    /// An image as a tar archive, in the engine's own format.
    fn export<'a>(&'a self, reference: &'a str) -> BoxStream<'a, Result<Bytes, StoreError>>;

    /// Loads the images of a tar archive, under the names in it: it must be an archive that Longshore wrote.
    fn import<'a>(&'a self, archive: BoxStream<'static, io::Result<Bytes>>) -> BoxFuture<'a, Result<(), StoreError>>;

    /// The platform of its containers.
    fn platform(&self) -> BoxFuture<'_, Result<Platform, StoreError>>;
}

/// All services of an engine except the containers of runs.
pub trait ImageStore: Images + Builds + Volumes + Archives + fmt::Debug {
    /// Removes the containers of killed hosts.
    fn reap(&self) -> BoxFuture<'_, Result<(), StoreError>>;
    /// Waits until the containers of this host whose owners were dropped are removed.
    fn settle(&self) -> BoxFuture<'_, ()>;
    /// How it shows that its names are the same as before; `None` if it does not, so that it must be asked. Never blocks for
    /// long.
    fn names_evidence(&self) -> Option<NamesEvidence> {
        None
    }
}

/// How a store shows that the names of its images are the same as before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NamesEvidence {
    /// It tells every change.
    Told,
    /// It does not tell all of them, but writes its names to a file, which is then another one.
    File {
        /// The file's device.
        device: u64,
        /// Its number there.
        inode: u64,
        /// When it was changed, in nanoseconds since 1970.
        changed: i128,
    },
}

/// The parameters of a build container.
#[derive(Debug, Clone)]
pub struct BuildPlan {
    /// The image to start from.
    pub image: ImageId,
    /// Whether it has a network.
    pub network: bool,
    /// Volumes that outlive it.
    pub volumes: Vec<BuildVolume>,
    /// Labels of the container, which the image gets too.
    pub labels: BTreeMap<String, String>,
    /// Its resource limits.
    pub limits: BuildSettings,
}

/// The parameters of a build by the engine's own builder.
pub struct ImageBuildPlan {
    /// The files that it gets, as a tar archive.
    pub context: BoxStream<'static, io::Result<Bytes>>,
    /// The name of the file with its instructions, in the archive.
    pub dockerfile: String,
    /// The name of the image.
    pub name: String,
    /// Whether its commands have a network.
    pub network: bool,
    /// Labels of the image.
    pub labels: BTreeMap<String, String>,
    /// Arguments: those that the instructions declare, and proxies.
    pub arguments: BTreeMap<String, String>,
    /// Its resource limits.
    pub limits: BuildSettings,
}

/// The end of a build by the engine's own builder.
#[derive(Debug)]
pub enum BuiltImage {
    /// The image exists, and has its name.
    Made,
    /// An instruction failed.
    Failed {
        /// The instruction; empty if none was begun.
        step: String,
        /// The builder's message.
        reason: String,
    },
}

/// A volume in a build container. It is created if it is missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BuildVolume {
    /// Its name.
    pub name: String,
    /// Its path in the build container.
    pub target: String,
    /// Whether the build container may write to it.
    pub writable: bool,
}

/// A container to change an image in. It ends with its host, and is removed when it is dropped.
pub trait BuildContainer: Send {
    /// Unpacks a tar archive at the root.
    fn put(&mut self, archive: Vec<u8>) -> BoxFuture<'_, Result<(), StoreError>>;

    /// Runs a command as root (as a script's user in a probe container), to its end, and returns its exit status.
    /// `output` receives its output as it arrives.
    fn run<'a>(
        &'a mut self,
        step: Step,
        output: &'a mut (dyn FnMut(Printed<'_>) + Send),
    ) -> BoxFuture<'a, Result<i64, StoreError>>;

    /// Creates an image of the container, with the original's command, user and environment, and `labels` besides its
    /// own.
    fn commit<'a>(&'a mut self, labels: &'a BTreeMap<String, String>) -> BoxFuture<'a, Result<ImageId, StoreError>>;

    /// A new container of another image, to which the files are copied that were added to this one. `None` if files of this
    /// one's image were changed or removed. Files in `/tmp` and volumes do not count.
    fn added_to<'a>(
        &'a mut self,
        other: &'a BuildPlan,
    ) -> BoxFuture<'a, Result<Option<Box<dyn BuildContainer>>, StoreError>>;

    /// Ends it, and waits until it is removed.
    fn remove(self: Box<Self>) -> BoxFuture<'static, Result<(), StoreError>>;
}

/// A command in a build container.
#[derive(Debug, Clone, Default)]
pub struct Step {
    /// Program and arguments.
    pub command: Vec<String>,
    /// Environment variables. They may be secret, and are not stored in images.
    pub environment: Vec<(String, String)>,
}

/// A command's output.
#[derive(Debug, Clone, Copy)]
pub enum Printed<'a> {
    /// On standard output.
    Out(&'a [u8]),
    /// On standard error.
    Err(&'a [u8]),
}

/// Credentials for a registry.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// The name and password, or a token that stands for both.
    pub secret: Secret,
    /// Where it is from, for messages.
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

impl fmt::Debug for ImageBuildPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ImageBuildPlan").field("name", &self.name).finish_non_exhaustive()
    }
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
    /// A transient failure.
    Transient {
        /// The engine's message.
        reason: String,
    },
    /// The registry requires credentials, or other ones.
    Refused,
    /// The registry has no such image.
    Unknown,
    /// The registry refuses more requests for now.
    TooMany,
    /// The image is for another architecture.
    OtherArchitecture,
    /// The engine does not trust the registry.
    Untrusted {
        /// The engine's message.
        reason: String,
    },
    /// The registry's host does not exist.
    NoHost,
    /// The disk is full.
    DiskFull,
    /// Any other failure.
    Other {
        /// The engine's message.
        reason: String,
    },
    /// The engine itself failed.
    Engine(Refusal),
}
