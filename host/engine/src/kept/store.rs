//! A store of images whose answers are kept. What this host changes itself is seen at once: answers are forgotten before
//! and after each change. Everything but lookups is passed on.

use super::lookups::{Known, Lookups};
use crate::{
    Archives, BuildContainer, BuildPlan, Builds, BuiltImage, ImageBuildPlan, ImageStore, Images, Login, NamesEvidence,
    PullFailure, StoreError, StoredImage, Volumes,
};
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use longshore_model::image_id::ImageId;
use longshore_model::platform::Platform;
use longshore_model::pull_progress::LayerProgress;
use longshore_model::reference::Reference;
use std::collections::HashSet;
use std::io;
use std::sync::Arc;

/// A store whose answers are kept.
#[derive(Debug)]
pub(super) struct KeptStore {
    pub(super) inner: Arc<dyn ImageStore>,
    pub(super) lookups: Arc<Lookups>,
}

/// A change in progress: answers are forgotten when it ends, in whatever way.
struct Changing<'a>(&'a Lookups);

impl Drop for Changing<'_> {
    fn drop(&mut self) {
        self.0.forget();
    }
}

impl KeptStore {
    async fn changed<T>(&self, change: impl Future<Output = T>) -> T {
        self.lookups.forget();
        let _changing = Changing(&self.lookups);
        change.await
    }
}

impl Images for KeptStore {
    fn find<'a>(&'a self, reference: &'a str) -> BoxFuture<'a, Result<Option<StoredImage>, StoreError>> {
        async move {
            let Some(evidence) = self.inner.names_evidence() else { return self.inner.find(reference).await };
            let asked = match self.lookups.look(reference, evidence) {
                Known::Found(found) => return Ok(Some(found)),
                Known::Ask(asked) => asked,
            };
            let found = self.inner.find(reference).await?;
            // A missing image may be made at any time.
            if let Some(found) = &found {
                self.lookups.keep(&asked, reference, found);
            }
            Ok(found)
        }
        .boxed()
    }

    fn pull<'a>(
        &'a self,
        reference: &'a Reference,
        login: Option<&'a Login>,
        progress: &'a mut (dyn FnMut(LayerProgress) + Send),
    ) -> BoxFuture<'a, Result<(), PullFailure>> {
        self.changed(self.inner.pull(reference, login, progress)).boxed()
    }

    fn list<'a>(&'a self, label: Option<&'a str>) -> BoxFuture<'a, Result<Vec<StoredImage>, StoreError>> {
        self.inner.list(label)
    }

    fn in_use(&self) -> BoxFuture<'_, Result<HashSet<ImageId>, StoreError>> {
        self.inner.in_use()
    }

    fn let_go<'a>(&'a self, image: &'a ImageId) -> BoxFuture<'a, Result<(), StoreError>> {
        self.inner.let_go(image)
    }

    fn users<'a>(&'a self, image: &'a ImageId) -> BoxFuture<'a, Result<Vec<String>, StoreError>> {
        self.inner.users(image)
    }

    fn own_size<'a>(&'a self, image: &'a ImageId) -> BoxFuture<'a, Result<u64, StoreError>> {
        self.inner.own_size(image)
    }

    fn tag<'a>(&'a self, image: &'a ImageId, name: &'a str) -> BoxFuture<'a, Result<(), StoreError>> {
        self.changed(self.inner.tag(image, name)).boxed()
    }

    fn remove<'a>(&'a self, reference: &'a str) -> BoxFuture<'a, Result<(), StoreError>> {
        self.changed(self.inner.remove(reference)).boxed()
    }
}

impl Builds for KeptStore {
    fn build_container<'a>(
        &'a self,
        plan: &'a BuildPlan,
    ) -> BoxFuture<'a, Result<Box<dyn BuildContainer>, StoreError>> {
        // Its images have no names until they are tagged here.
        self.inner.build_container(plan)
    }

    fn build_image<'a>(
        &'a self,
        plan: ImageBuildPlan,
        output: &'a mut (dyn FnMut(&str) + Send),
    ) -> BoxFuture<'a, Result<BuiltImage, StoreError>> {
        self.changed(self.inner.build_image(plan, output)).boxed()
    }

    fn probe_container<'a>(&'a self, image: &'a ImageId) -> BoxFuture<'a, Result<Box<dyn BuildContainer>, StoreError>> {
        self.inner.probe_container(image)
    }
}

impl Volumes for KeptStore {
    fn volumes<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<Vec<String>, StoreError>> {
        self.inner.volumes(prefix)
    }

    fn remove_volume<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<bool, StoreError>> {
        self.inner.remove_volume(name)
    }
}

impl Archives for KeptStore {
    fn export<'a>(&'a self, reference: &'a str) -> BoxStream<'a, Result<Bytes, StoreError>> {
        self.inner.export(reference)
    }

    fn import<'a>(&'a self, archive: BoxStream<'static, io::Result<Bytes>>) -> BoxFuture<'a, Result<(), StoreError>> {
        self.changed(self.inner.import(archive)).boxed()
    }

    fn platform(&self) -> BoxFuture<'_, Result<Platform, StoreError>> {
        self.inner.platform()
    }
}

impl ImageStore for KeptStore {
    fn reap(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        self.inner.reap()
    }

    fn settle(&self) -> BoxFuture<'_, ()> {
        self.inner.settle()
    }

    fn names_evidence(&self) -> Option<NamesEvidence> {
        self.inner.names_evidence()
    }
}
