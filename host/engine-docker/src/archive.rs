//! Images as streams: exported from an engine, and loaded into it. Their content is not checked here.

use super::failed;
use super::store::DockerStore;
use bollard::errors::Error as ApiError;
use bollard::models::BuildInfo;
use bollard::query_parameters::ImportImageOptions;
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use longshore_engine::StoreError;
use longshore_model::platform::Platform;
use std::io;
use std::time::Duration;

/// How long an engine may take to answer. It writes an image to its own disk before sending it, and reads a whole image
/// before it answers: 32 GiB at 10 MiB/s take 55 minutes.
const TIMEOUT: Duration = Duration::from_secs(3600);

impl DockerStore {
    pub(super) fn export_stream(&self, reference: &str) -> BoxStream<'static, Result<Bytes, StoreError>> {
        let api = self.api.clone().with_timeout(TIMEOUT);
        let chunks = api.export_image(reference);
        chunks.map(|chunk| chunk.map_err(failed("exporting an image from the engine"))).boxed()
    }

    pub(super) async fn import_stream(&self, archive: BoxStream<'static, io::Result<Bytes>>) -> Result<(), StoreError> {
        let api = self.api.clone().with_timeout(TIMEOUT);
        let failed = failed("loading an image into the engine");
        let mut told = api.import_image_stream(ImportImageOptions::default(), archive, None);
        // The engine has answered with success already; errors are in its messages.
        while let Some(line) = told.next().await {
            if let BuildInfo { error_detail: Some(error), .. } = line.map_err(&failed)? {
                let error = error.message.unwrap_or_else(|| "the engine gave no reason".into());
                return Err(failed(ApiError::DockerStreamError { error }));
            }
        }
        Ok(())
    }

    pub(super) async fn ask_platform(&self) -> Result<Platform, StoreError> {
        let version = self.api.version().await.map_err(failed("asking the engine for its platform"))?;
        Ok(Platform { os: version.os.unwrap_or_default(), architecture: version.arch.unwrap_or_default() })
    }
}
