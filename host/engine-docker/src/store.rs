//! The images of an engine with the Engine API.

use super::build_container::DockerBuildContainer;
use super::containers::Containers;
use super::facts::Asked;
use super::failed;
use super::lease::{Leases, NAMES};
use super::named_container::NamedContainer;
use super::removal::remove;
use bollard::errors::Error as ApiError;
use bollard::models::{ContainerSummary, ImageInspect, ImageSummary};
use bollard::query_parameters::{
    ListContainersOptions, ListImagesOptions, ListVolumesOptions, RemoveImageOptions, RemoveVolumeOptions,
    TagImageOptions,
};
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use longshore_config::settings::Settings;
use longshore_engine::run_directory::{end_wait, waits};
use longshore_engine::{
    Archives, BuildContainer, BuildPlan, Builds, BuiltImage, ContainerDefaults, ImageBuildPlan, ImageStore, Images,
    Login, NamesEvidence, NoAnswer, PullFailure, StoreError, StoredImage, Volumes,
};
use longshore_model::image_id::ImageId;
use longshore_model::platform::Platform;
use longshore_model::pull_progress::LayerProgress;
use longshore_model::reference::Reference;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};

/// The label of a container with the run that it is for.
pub(super) const RUN: &str = "longshore.run";

/// The image store of an engine.
#[derive(Debug, Clone)]
pub(crate) struct DockerStore {
    pub(super) api: bollard::Docker,
    containers: Containers,
    runtime_folder: PathBuf,
    /// The engine's facts, if they were asked for.
    facts: Option<Asked>,
}

impl DockerStore {
    /// The images of a connected engine.
    pub(crate) fn new(api: bollard::Docker, settings: &Settings, facts: Option<Asked>) -> Self {
        let leases = Leases::new(&settings.state_folder, &settings.engine_socket);
        let containers = Containers::new(api.clone(), leases, settings.temporary_folder.clone());
        Self { api, containers, runtime_folder: settings.runtime_folder.clone(), facts }
    }

    /// Connects, and checks that it answers.
    pub(crate) async fn connect(settings: &Settings) -> Result<Self, NoAnswer> {
        Ok(Self::new(super::connect(&settings.engine_socket).await?, settings, None))
    }

    /// A container to be created, named `longshore-` and this.
    pub(super) async fn container(&self, name: &str) -> NamedContainer {
        self.containers.container(name).await
    }

    /// All containers, running or not.
    async fn listed(&self) -> Result<Vec<ListedContainer>, StoreError> {
        let options = ListContainersOptions { all: true, ..ListContainersOptions::default() };
        let found = self.api.list_containers(Some(options)).await.map_err(failed("listing the containers"))?;
        Ok(found.into_iter().filter_map(|container| ListedContainer::of(container, &self.runtime_folder)).collect())
    }

    /// Whether the next host finds the containers that are created from now on.
    pub(super) fn is_leased(&self) -> bool {
        self.containers.is_leased()
    }
}

/// A container of the engine, of anybody.
struct ListedContainer {
    id: String,
    name: String,
    image: String,
    /// The run of which its label tells.
    run: Option<String>,
    waits: bool,
}

impl ListedContainer {
    fn of(container: ContainerSummary, runtime_folder: &Path) -> Option<Self> {
        let (id, image) = (container.id?, container.image_id?);
        let name = container.names.into_iter().flatten().next();
        let name = name.map_or_else(|| id.clone(), |name| name.trim_start_matches('/').to_owned());
        // Containers that others create of an image with such a label have other names.
        let run = container.labels.and_then(|mut labels| labels.remove(RUN)).filter(|_| name.starts_with(NAMES));
        let waits = run.as_deref().is_some_and(|run| waits(runtime_folder, run));
        Some(Self { id, name, image, run, waits })
    }
}

impl Images for DockerStore {
    fn find<'a>(&'a self, reference: &'a str) -> BoxFuture<'a, Result<Option<StoredImage>, StoreError>> {
        async move {
            match self.api.inspect_image(reference).await {
                Ok(found) => Ok(Some(inspected(found))),
                Err(ApiError::DockerResponseServerError { status_code: 404, .. }) => Ok(None),
                Err(source) => Err(failed("looking up an image")(source)),
            }
        }
        .boxed()
    }

    fn pull<'a>(
        &'a self,
        reference: &'a Reference,
        login: Option<&'a Login>,
        progress: &'a mut (dyn FnMut(LayerProgress) + Send),
    ) -> BoxFuture<'a, Result<(), PullFailure>> {
        self.attempt(reference, login, progress).boxed()
    }

    fn list<'a>(&'a self, label: Option<&'a str>) -> BoxFuture<'a, Result<Vec<StoredImage>, StoreError>> {
        async move {
            let filters = label.map(|label| HashMap::from([("label".to_owned(), vec![label.to_owned()])]));
            // Images requested by label may have no name, since another image took it.
            let options = ListImagesOptions { all: false, filters, ..ListImagesOptions::default() };
            let found = self.api.list_images(Some(options)).await.map_err(failed("listing the images"))?;
            Ok(found.into_iter().map(listed).collect())
        }
        .boxed()
    }

    fn in_use(&self) -> BoxFuture<'_, Result<HashSet<ImageId>, StoreError>> {
        async move {
            let users = self.listed().await?.into_iter().filter(|container| !container.waits);
            Ok(users.map(|container| ImageId(container.image)).collect())
        }
        .boxed()
    }

    fn let_go<'a>(&'a self, image: &'a ImageId) -> BoxFuture<'a, Result<(), StoreError>> {
        async move {
            for container in self.listed().await?.into_iter().filter(|found| found.image == image.0 && found.waits) {
                // Its host may give it a run meanwhile.
                if container.run.is_some_and(|run| end_wait(&self.runtime_folder, &run)) {
                    remove(&self.api, &container.id).await.map_err(failed("removing a container that waits"))?;
                }
            }
            Ok(())
        }
        .boxed()
    }

    fn users<'a>(&'a self, image: &'a ImageId) -> BoxFuture<'a, Result<Vec<String>, StoreError>> {
        async move {
            let users = self.listed().await?.into_iter().filter(|found| found.image == image.0 && !found.waits);
            Ok(users.map(|container| container.name).collect())
        }
        .boxed()
    }

    fn own_size<'a>(&'a self, image: &'a ImageId) -> BoxFuture<'a, Result<u64, StoreError>> {
        async move {
            let steps = match self.api.image_history(&image.0).await {
                Ok(steps) => steps,
                Err(ApiError::DockerResponseServerError { status_code: 404, .. }) => return Ok(0),
                Err(source) => return Err(failed("inspecting an image")(source)),
            };
            // The newest step is the image itself.
            let own = steps.iter().enumerate().take_while(|(place, step)| *place == 0 || step.tags.is_empty());
            Ok(own.map(|(_, step)| step.size.unsigned_abs()).sum())
        }
        .boxed()
    }

    fn tag<'a>(&'a self, image: &'a ImageId, name: &'a str) -> BoxFuture<'a, Result<(), StoreError>> {
        async move {
            let (repository, tag) = name.rsplit_once(':').unwrap_or((name, "latest"));
            let options = TagImageOptions { repo: Some(repository.to_owned()), tag: Some(tag.to_owned()) };
            self.api.tag_image(&image.0, Some(options)).await.map_err(|error| match error {
                ApiError::DockerResponseServerError { status_code: 404, .. } => {
                    StoreError::Gone { image: image.0.clone() }
                }
                source => failed("tagging an image")(source),
            })
        }
        .boxed()
    }

    fn remove<'a>(&'a self, reference: &'a str) -> BoxFuture<'a, Result<(), StoreError>> {
        async move {
            match self.api.remove_image(reference, None::<RemoveImageOptions>, None).await {
                Ok(_) | Err(ApiError::DockerResponseServerError { status_code: 404, .. }) => Ok(()),
                Err(source) => Err(failed("removing an image")(source)),
            }
        }
        .boxed()
    }
}

impl Builds for DockerStore {
    fn build_container<'a>(
        &'a self,
        plan: &'a BuildPlan,
    ) -> BoxFuture<'a, Result<Box<dyn BuildContainer>, StoreError>> {
        async move {
            let build_container = DockerBuildContainer::open(&self.containers, plan).await?;
            Ok(Box::new(build_container) as Box<dyn BuildContainer>)
        }
        .boxed()
    }

    fn build_image<'a>(
        &'a self,
        plan: ImageBuildPlan,
        output: &'a mut (dyn FnMut(&str) + Send),
    ) -> BoxFuture<'a, Result<BuiltImage, StoreError>> {
        self.build(plan, output).boxed()
    }

    fn probe_container<'a>(&'a self, image: &'a ImageId) -> BoxFuture<'a, Result<Box<dyn BuildContainer>, StoreError>> {
        async move {
            let build_container = DockerBuildContainer::open_closed(&self.containers, image).await?;
            Ok(Box::new(build_container) as Box<dyn BuildContainer>)
        }
        .boxed()
    }
}

impl Volumes for DockerStore {
    fn volumes<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<Vec<String>, StoreError>> {
        async move {
            let found = self.api.list_volumes(None::<ListVolumesOptions>).await;
            let found = found.map_err(failed("listing the volumes"))?.volumes.unwrap_or_default();
            Ok(found.into_iter().map(|volume| volume.name).filter(|name| name.starts_with(prefix)).collect())
        }
        .boxed()
    }

    fn remove_volume<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<bool, StoreError>> {
        async move {
            match self.api.remove_volume(name, None::<RemoveVolumeOptions>).await {
                Ok(()) => Ok(true),
                Err(ApiError::DockerResponseServerError { status_code: 404 | 409, .. }) => Ok(false),
                Err(source) => Err(failed("removing a volume")(source)),
            }
        }
        .boxed()
    }
}

impl Archives for DockerStore {
    fn export<'a>(&'a self, reference: &'a str) -> BoxStream<'a, Result<Bytes, StoreError>> {
        self.export_stream(reference)
    }

    fn import<'a>(&'a self, archive: BoxStream<'static, io::Result<Bytes>>) -> BoxFuture<'a, Result<(), StoreError>> {
        self.import_stream(archive).boxed()
    }

    fn platform(&self) -> BoxFuture<'_, Result<Platform, StoreError>> {
        self.ask_platform().boxed()
    }
}

impl ImageStore for DockerStore {
    fn reap(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        async move { self.containers.reap().await.map_err(failed("removing containers of hosts that were killed")) }
            .boxed()
    }

    fn settle(&self) -> BoxFuture<'_, ()> {
        self.containers.settle().boxed()
    }

    fn names_evidence(&self) -> Option<NamesEvidence> {
        self.facts.as_ref()?.names()?.evidence()
    }
}

/// A name as users write it, and as Docker returns it. Podman adds a prefix: the default registry, or a mark for images
/// built on this machine.
fn short_name(name: String) -> String {
    /// Only Longshore's own bases: on Docker, a registry's images may have this prefix.
    const OF_THIS_MACHINE: &str = "localhost/longshore/";
    if name.starts_with(OF_THIS_MACHINE) {
        return name["localhost/".len()..].to_owned();
    }
    let short = name.strip_prefix("docker.io/").map(|name| name.strip_prefix("library/").unwrap_or(name).to_owned());
    short.unwrap_or(name)
}

fn inspected(found: ImageInspect) -> StoredImage {
    let config = found.config.unwrap_or_default();
    StoredImage {
        id: ImageId(found.id.unwrap_or_default()),
        names: found.repo_tags.unwrap_or_default().into_iter().map(short_name).collect(),
        labels: config.labels.unwrap_or_default().into_iter().collect(),
        size: found.size.map_or(0, i64::unsigned_abs),
        created: 0,
        architecture: found.architecture,
        defaults: ContainerDefaults {
            entry_point: config.entrypoint.unwrap_or_default(),
            environment: config.env.unwrap_or_default(),
            volumes: config.volumes.unwrap_or_default(),
            on_build: config.on_build.unwrap_or_default(),
        },
    }
}

fn listed(found: ImageSummary) -> StoredImage {
    let nameless = |name: &String| name == "<none>:<none>";
    StoredImage {
        id: ImageId(found.id),
        names: found.repo_tags.into_iter().filter(|name| !nameless(name)).map(short_name).collect(),
        labels: found.labels.into_iter().collect::<BTreeMap<_, _>>(),
        size: found.size.unsigned_abs(),
        created: found.created,
        architecture: None,
        defaults: ContainerDefaults::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_same_whichever_engine_says_them() {
        for (name, short) in [
            ("longshore/environment:00ff", "longshore/environment:00ff"),
            ("docker.io/longshore/environment:00ff", "longshore/environment:00ff"),
            ("docker.io/library/debian:12", "debian:12"),
            ("localhost/longshore/python:latest", "longshore/python:latest"),
            ("localhost/team/base:3", "localhost/team/base:3"),
            ("registry.example:5000/docker.io/x:1", "registry.example:5000/docker.io/x:1"),
        ] {
            assert_eq!(short_name(name.to_owned()), short);
        }
    }
}
