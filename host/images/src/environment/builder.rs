//! Builds images: a build container on the image below, a script in it, and a commit. The result is then inspected
//! while Python's packages are compiled, both without caches and without a network; the final image has the labels.

use super::job::Job;
use super::labelled::{is_complete, lines, seconds_now};
use super::nearest::Content;
use super::plan::layer_name;
use super::printed::Lines;
use super::steps::{self, Finish, NO_TOOLS};
use super::{EnvironmentError, Layer, LayerKind, Lock, Plan, installed, packages, sources, tools};
use crate::pruning;
use crate::usage_store::{LockGuard, UsageStore};
use longshore_block::Language;
use longshore_config::certificates;
use longshore_config::settings::Settings;
use longshore_engine::{BuildContainer, BuildPlan, ImageStore, Step, StoreError, StoredImage};
use longshore_model::event::{Event, Events};
use longshore_model::image_id::ImageId;
use longshore_model::labels;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::sync::Notify;

/// How long a finished image waits for the removal of the containers in which it was made. On some disks, files are deleted
/// much more slowly than they are created.
const REMOVAL: Duration = Duration::from_secs(1);

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
        let store = &self.settings.images.store;
        Ok(self.store.list(Some(&label)).await?.into_iter().find(|image| is_complete(image, store)))
    }

    async fn claim(&self, name: &str) -> Result<LockGuard, EnvironmentError> {
        self.ledger.claim(name).await.map_err(|source| self.unlockable(source))
    }

    async fn share(&self, name: &str) -> Result<LockGuard, EnvironmentError> {
        self.ledger.share(name).await.map_err(|source| self.unlockable(source))
    }

    fn unlockable(&self, source: std::io::Error) -> EnvironmentError {
        EnvironmentError::UsageStore { folder: self.settings.state_folder.clone(), source }
    }

    async fn layer(&self, plan: &Plan, index: usize, below: &ImageId) -> Result<ImageId, EnvironmentError> {
        let layer = &plan.layers[index];
        let listed = self.listed_below(plan, index, below).await;
        let jobs = steps::jobs(layer, &listed, self.lock, self.settings)?;
        let last = jobs.len().saturating_sub(1);
        for (number, job) in jobs.iter().enumerate() {
            let mut labels = self.labels(plan, index, below);
            let (build_container, finish) = self.attempt(&plan.base, below, job, &labels).await?;
            let mut containers = vec![build_container];
            let finish = match finish.status {
                0 if job.prepare.is_some() => {
                    self.install_prepared(plan, index, below, (job.clone(), finish), &mut labels, &mut containers).await
                }
                _ => Ok(finish),
            };
            let finish = match finish {
                Ok(finish) => finish,
                Err(error) => {
                    remove(containers).await?;
                    return Err(error);
                }
            };
            if finish.status == 0 {
                for note in &finish.notes {
                    self.tell(Event::Note(note.clone().into()));
                }
                if let Some(lifetime) = finish.lifetime {
                    labels.insert(labels::EXPIRES.into(), (seconds_now() + lifetime.as_secs()).to_string());
                }
                let done = Notify::new();
                let Some(last) = containers.last_mut() else { break };
                let made = last.commit(&labels).await?;
                let (removed, finished) = tokio::join!(removed_in_time(containers, &done), async {
                    let finished = self.finished(plan, layer, &made, labels).await;
                    done.notify_one();
                    finished
                });
                let finished = removed.map_err(EnvironmentError::from).and(finished);
                if finished.is_err() {
                    // It has no name; the next clean-up removes it if this fails.
                    let _ = self.store.remove(&made.0).await;
                }
                return finished;
            }
            remove(containers).await?;
            if number == last || !steps::gives_way(&finish.tail) {
                return Err(steps::failure(plan, layer, &finish, self.settings));
            }
        }
        Err(EnvironmentError::Store(StoreError::BuildContainerEnded))
    }

    /// Installs the packages that a job has prepared, with those of the image that must change for them.
    async fn install_prepared(
        &self,
        plan: &Plan,
        index: usize,
        below: &ImageId,
        prepared: (Job, Finish),
        labels: &mut BTreeMap<String, String>,
        containers: &mut Vec<Box<dyn BuildContainer>>,
    ) -> Result<Finish, EnvironmentError> {
        let (job, finish) = self.together(plan, &plan.layers[index], below, prepared, containers).await?;
        if finish.status != 0 {
            return Ok(finish);
        }
        // What was built from source may differ the next time.
        let packages = &self.settings.packages;
        let content = job.cache.then(|| Content::of(plan, index, below, &finish.changes, self.lock, packages));
        let job = Job { fetch: job.fetch.clone().filter(|_| finish.fetches), ..job };
        self.install(content.flatten(), &job, labels, containers).await
    }

    /// Installs the packages that a job has prepared, in its container. If there is an environment with most of them, only
    /// the others are installed, and a container of that environment gets them: nothing runs there.
    async fn install(
        &self,
        content: Option<Content>,
        job: &Job,
        labels: &mut BTreeMap<String, String>,
        containers: &mut Vec<Box<dyn BuildContainer>>,
    ) -> Result<Finish, EnvironmentError> {
        let Some(content) = content else { return self.run_in_last(containers, job).await };
        let there = self.store.list(Some(&content.label())).await?;
        if let Some(near) = content.nearest(there, &self.settings.images.store) {
            let finish = match near.missing.is_empty() {
                true => Finish::default(),
                false => self.run_in_last(containers, &packages::exactly(job, &near.missing, self.lock)).await?,
            };
            if finish.status != 0 {
                return Ok(finish);
            }
            // It must not be removed before a container of it exists.
            let _held = match pruning::key(&near.image, self.settings) {
                Some(key) => Some(self.share(&key).await?),
                None => None,
            };
            let mut own = labels.clone();
            own.extend(content.labels(near.depth));
            own.insert(labels::PARENT.into(), near.image.id.0.clone());
            let on_it = self.plan(&near.image.id, false, own.clone());
            let joined = match containers.last_mut() {
                Some(with_missing) if !near.missing.is_empty() => with_missing.added_to(&on_it).await?,
                _ => Some(self.store.build_container(&on_it).await?),
            };
            if let Some(joined) = joined {
                containers.push(joined);
                *labels = own;
                return Ok(finish);
            }
            // Its packages change files of the base: that is not repeated on another image.
        }
        labels.extend(content.labels(0));
        self.run_in_last(containers, &packages::exactly(job, &content.pins(), self.lock)).await
    }

    pub(super) async fn run_in_last(
        &self,
        containers: &mut [Box<dyn BuildContainer>],
        job: &Job,
    ) -> Result<Finish, EnvironmentError> {
        let last = containers.last_mut().ok_or(StoreError::BuildContainerEnded)?;
        if let Some(script) = &job.fetch {
            // Its failure is one of the installation too.
            self.run(last.as_mut(), &Job { script: script.clone(), ..job.clone() }).await?;
        }
        self.run(last.as_mut(), job).await
    }

    /// Makes an image of the installed packages: compiled, and labelled with their list.
    async fn finished(
        &self,
        plan: &Plan,
        layer: &Layer,
        made: &ImageId,
        mut labels: BTreeMap<String, String>,
    ) -> Result<ImageId, EnvironmentError> {
        let is_python = layer.kind == LayerKind::Packages(Language::Python);
        let check = is_python.then(packages::check_compiled);
        let unlabelled = self.plan(made, false, labels.clone());
        let opening = async { Ok(self.store.build_container(&unlabelled).await?) };
        let ((added, is_compiled), mut build_container) =
            tokio::try_join!(installed::added(self.store, plan, made, check, self.settings), opening)?;
        labels.insert(labels::RESOLVED.into(), added.join("\n"));
        let finished = async {
            if !is_compiled {
                // Packages that are not compiled work, but start more slowly.
                self.run(build_container.as_mut(), &packages::compile()).await?;
            }
            Ok(build_container.commit(&labels).await?)
        };
        let finished = finished.await;
        build_container.remove().await?;
        finished
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
        for label in [labels::EXPIRES, labels::ORIGIN, labels::PARTS, labels::DEPTH] {
            labels.extend(found.labels.get(label).map(|value| (label.to_owned(), value.clone())));
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
        // What it prepares is installed by `install`.
        let script = job.prepare.clone().unwrap_or_else(|| job.script.clone());
        match self.run(build_container.as_mut(), &Job { script, ..job.clone() }).await {
            Ok(finish) => Ok((build_container, finish)),
            Err(error) => {
                build_container.remove().await?;
                Err(error)
            }
        }
    }

    /// Runs a job's script, which removes its input files.
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

    pub(super) fn tell(&self, event: Event) {
        // A build continues without a watcher.
        self.events.tell(event);
    }
}

/// Removes containers, and waits until they are removed, but not for long after an image is done.
async fn removed_in_time(containers: Vec<Box<dyn BuildContainer>>, done: &Notify) -> Result<(), StoreError> {
    let late = async {
        done.notified().await;
        tokio::time::sleep(REMOVAL).await;
    };
    tokio::select! {
        removed = remove(containers) => removed,
        // The engine continues with it.
        () = late => Ok(()),
    }
}

/// Removes containers, and waits until they are removed.
async fn remove(containers: Vec<Box<dyn BuildContainer>>) -> Result<(), StoreError> {
    let removed = futures_util::future::join_all(containers.into_iter().map(BuildContainer::remove)).await;
    removed.into_iter().collect()
}
