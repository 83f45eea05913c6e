//! Builds images: a build container on the image below, a script in it, and a commit. The result is then inspected
//! while Python's packages are compiled, both without caches and without a network; the final image has the labels.

use super::job::Job;
use super::plan::{image_name, layer_name};
use super::printed::Lines;
use super::steps::{self, Finish, NO_TOOLS};
use super::{EnvironmentError, Layer, LayerKind, Lock, Plan, installed, packages, sources, tools};
use crate::usage_store::UsageStore;
use longshore_block::Language;
use longshore_config::certificates;
use longshore_config::settings::Settings;
use longshore_engine::{BuildContainer, BuildPlan, ImageStore, Step, StoreError, StoredImage};
use longshore_model::event::{Event, Events};
use longshore_model::image_id::ImageId;
use longshore_model::labels;
use std::collections::BTreeMap;
use std::time::SystemTime;

/// Builds the images of a plan.
pub(super) struct Builder<'a> {
    pub(super) store: &'a dyn ImageStore,
    pub(super) ledger: &'a UsageStore,
    pub(super) settings: &'a Settings,
    pub(super) events: &'a Events,
    pub(super) lock: Option<&'a Lock>,
}

impl Builder<'_> {
    /// Builds the missing layers of a plan, and returns the last image.
    pub(super) async fn build(&self, plan: &Plan) -> Result<ImageId, EnvironmentError> {
        let mut below = plan.base.id.clone();
        for (index, layer) in plan.layers.iter().enumerate() {
            let is_last = index + 1 == plan.layers.len();
            let mut held = None;
            let mut found = self.existing(layer).await?;
            // Other builds may need the same layer now; the caller holds the lock of the environment itself.
            if !is_last && found.is_none() {
                held = Some(self.claim(&format!("layer-{}", layer.hash)).await?);
                found = self.existing(layer).await?;
            }
            if let Some(found) = found.as_ref().filter(|_| !is_last) {
                below = found.id.clone();
                continue;
            }
            below = match found {
                // A layer of another build, or the same environment of another store: it gets this one's labels.
                Some(found) => self.relabel(plan, index, &found).await?,
                None => self.layer(plan, index, &below).await?,
            };
            let name = if is_last { plan.name() } else { layer_name(&layer.hash) };
            self.store.tag(&below, &name).await?;
            drop(held);
        }
        Ok(below)
    }

    /// An image with a layer: its own, or that of an environment whose last layer it is.
    async fn existing(&self, layer: &Layer) -> Result<Option<StoredImage>, EnvironmentError> {
        let label = format!("{}={}", labels::LAYER_HASH, layer.hash);
        let is_ours = |image: &StoredImage| {
            // Labels alone are no proof: an image imported from an archive may have any labels, but not this name.
            let hash = image.labels.get(labels::ENVIRONMENT).map(String::as_str).unwrap_or_default();
            let names = [layer_name(&layer.hash), image_name(hash)];
            !has_expired(image)
                && image.names.iter().any(|name| names.contains(name))
                && image.labels.get(labels::STORE) == Some(&self.settings.images.store)
        };
        Ok(self.store.list(Some(&label)).await?.into_iter().find(is_ours))
    }

    async fn claim(&self, name: &str) -> Result<crate::usage_store::LockGuard, EnvironmentError> {
        let folder = &self.settings.state_folder;
        self.ledger.claim(name).await.map_err(|source| EnvironmentError::UsageStore { folder: folder.clone(), source })
    }

    async fn layer(&self, plan: &Plan, index: usize, below: &ImageId) -> Result<ImageId, EnvironmentError> {
        let layer = &plan.layers[index];
        let jobs = steps::jobs(layer, self.lock, self.settings)?;
        let last = jobs.len().saturating_sub(1);
        for (number, job) in jobs.iter().enumerate() {
            let mut labels = self.labels(plan, index, below);
            let (mut build_container, finish) = self.attempt(&plan.base, below, job, &labels).await?;
            if finish.status == 0 {
                for note in &finish.notes {
                    self.tell(Event::Note(note.clone().into()));
                }
                if let Some(lifetime) = finish.lifetime {
                    labels.insert(labels::EXPIRES.into(), (seconds_now() + lifetime.as_secs()).to_string());
                }
                let made = build_container.commit(&labels).await?;
                // Removing many files takes as long as creating them.
                let (removed, finished) =
                    tokio::join!(build_container.remove(), self.finished(plan, layer, &made, labels));
                let finished = removed.map_err(EnvironmentError::from).and(finished);
                if finished.is_err() {
                    // It has no name; the next clean-up removes it if this fails.
                    let _ = self.store.remove(&made.0).await;
                }
                return finished;
            }
            build_container.remove().await?;
            if number == last || !steps::gives_way(&finish.tail) {
                return Err(steps::failure(plan, layer, &finish, self.settings));
            }
        }
        Err(EnvironmentError::Store(StoreError::BuildContainerEnded))
    }

    /// Makes an image of the installed packages: compiled, and labelled with their list.
    async fn finished(
        &self,
        plan: &Plan,
        layer: &Layer,
        made: &ImageId,
        mut labels: BTreeMap<String, String>,
    ) -> Result<ImageId, EnvironmentError> {
        let (added, mut build_container) = tokio::try_join!(
            installed::added(self.store, plan, made, self.settings),
            self.compiled(layer, made, &labels)
        )?;
        labels.insert(labels::RESOLVED.into(), added.join("\n"));
        let finished = build_container.commit(&labels).await;
        build_container.remove().await?;
        Ok(finished?)
    }

    /// A build container in which all Python packages are compiled.
    async fn compiled(
        &self,
        layer: &Layer,
        made: &ImageId,
        labels: &BTreeMap<String, String>,
    ) -> Result<Box<dyn BuildContainer>, EnvironmentError> {
        let plan = self.plan(made, false, labels.clone());
        if layer.kind == LayerKind::Packages(Language::Python) {
            // Packages that are not compiled work, but start more slowly.
            return Ok(self.run_in(&plan, &packages::compile()).await?.0);
        }
        Ok(self.store.build_container(&plan).await?)
    }

    fn plan(&self, image: &ImageId, network: bool, labels: BTreeMap<String, String>) -> BuildPlan {
        BuildPlan { image: image.clone(), network, volumes: Vec::new(), labels, limits: self.settings.build }
    }

    /// The labels of a layer's image, without the list of packages.
    fn labels(&self, plan: &Plan, index: usize, below: &ImageId) -> BTreeMap<String, String> {
        let mut labels = plan.labels(index, &below.0, &self.settings.images.store);
        if self.settings.images.visokio_labels {
            let (key, value) = labels::VISOKIO_GENERATED;
            labels.insert(key.into(), value.into());
        }
        labels
    }

    async fn relabel(&self, plan: &Plan, index: usize, found: &StoredImage) -> Result<ImageId, EnvironmentError> {
        let mut labels = self.labels(plan, index, &found.id);
        labels.insert(labels::RESOLVED.into(), lines(found, labels::RESOLVED).join("\n"));
        if let Some(expires) = found.labels.get(labels::EXPIRES) {
            labels.insert(labels::EXPIRES.into(), expires.clone());
        }
        let mut build_container = self.store.build_container(&self.plan(&found.id, false, labels.clone())).await?;
        let made = build_container.commit(&labels).await;
        build_container.remove().await?;
        Ok(made?)
    }

    /// Runs a job in a new build container, and installs the tools if they are missing.
    pub(super) async fn attempt(
        &self,
        base: &StoredImage,
        below: &ImageId,
        job: &Job,
        labels: &BTreeMap<String, String>,
    ) -> Result<(Box<dyn BuildContainer>, Finish), EnvironmentError> {
        let mut volumes = Vec::new();
        volumes.extend(job.tools.then(|| tools::volume(false)));
        volumes.extend(job.cache.then(|| tools::cache(base, below, self.settings)));
        let plan = BuildPlan { volumes, ..self.plan(below, true, labels.clone()) };
        let (mut build_container, mut finish) = self.run_in(&plan, job).await?;
        if finish.status == NO_TOOLS && job.tools {
            build_container.remove().await?;
            self.fetch_tools().await?;
            (build_container, finish) = self.run_in(&plan, job).await?;
        }
        Ok((build_container, finish))
    }

    async fn fetch_tools(&self) -> Result<(), EnvironmentError> {
        let _held = self.claim(&tools::claim_name()).await?;
        let image = &self.settings.python_image;
        let found = self.store.find(image).await?;
        let found = found.ok_or_else(|| EnvironmentError::NoImage { image: image.clone() })?;
        let volumes = vec![tools::volume(true)];
        let plan = BuildPlan { volumes, ..self.plan(&found.id, true, BTreeMap::new()) };
        let (build_container, finish) = self.run_in(&plan, &tools::job()).await?;
        build_container.remove().await?;
        if finish.status == 0 { Ok(()) } else { Err(tools::failure(steps::words(&finish))) }
    }

    /// Runs a job in a build container, which is removed if that fails.
    async fn run_in(&self, plan: &BuildPlan, job: &Job) -> Result<(Box<dyn BuildContainer>, Finish), EnvironmentError> {
        let mut build_container = self.store.build_container(plan).await?;
        match self.run(build_container.as_mut(), job).await {
            Ok(finish) => Ok((build_container, finish)),
            Err(error) => {
                build_container.remove().await?;
                Err(error)
            }
        }
    }

    /// Runs a job, which removes its input files.
    async fn run(&self, build_container: &mut dyn BuildContainer, job: &Job) -> Result<Finish, EnvironmentError> {
        let packages = &self.settings.packages;
        let mut files = job.files.clone();
        files.push(("ca.crt".to_owned(), 0o644, certificates(packages)?.unwrap_or_default()));
        build_container.put(sources::archive(&files)?).await?;
        let mut environment = sources::variables(packages);
        environment.extend(job.environment.iter().cloned());
        let shell = ["sh", "-c", job.script.as_str(), "build"].map(str::to_owned);
        let command = shell.into_iter().chain(job.arguments.iter().cloned()).collect();
        let mut lines = Lines::new(packages.secrets(), self.events);
        let status = build_container.run(Step { command, environment }, &mut |printed| lines.take(printed)).await?;
        Ok(lines.end(status))
    }

    fn tell(&self, event: Event) {
        // A build continues without a watcher.
        self.events.tell(event);
    }
}

/// Whether an image lacked packages when it was built, and it is time to try again.
pub(super) fn has_expired(image: &StoredImage) -> bool {
    let expires = image.labels.get(labels::EXPIRES).and_then(|seconds| seconds.parse().ok());
    expires.is_some_and(|expires: u64| expires <= seconds_now())
}

fn seconds_now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// The lines of a label.
pub(super) fn lines(image: &StoredImage, label: &str) -> Vec<String> {
    let text = image.labels.get(label).map(String::as_str).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}
