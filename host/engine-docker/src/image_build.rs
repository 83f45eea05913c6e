//! Builds of images by an engine's own builder, over the Engine API. The builder has no setting for system calls,
//! capabilities or the number of processes; memory and network are limited. Dropping a build cancels it: the engine stops,
//! and removes its container, when the connection closes.

use super::failed;
use super::store::DockerStore;
use bollard::errors::Error as ApiError;
use bollard::query_parameters::BuildImageOptions;
use futures_util::StreamExt;
use longshore_engine::{BuiltImage, ImageBuildPlan, StoreError};
use std::time::Duration;

/// How long an engine may take to answer: first it receives the context, 1 GiB at 1 MiB/s in 17 minutes.
const TIMEOUT: Duration = Duration::from_secs(3600);

/// Lines of the builder about its own containers and images.
const OWN_LINES: [&str; 4] =
    [" ---> ", "Removing intermediate container ", "Successfully built ", "Successfully tagged "];

/// The beginning of the line with which the builder begins an instruction.
const STEP: &str = "Step ";

impl DockerStore {
    pub(super) async fn build(
        &self,
        plan: ImageBuildPlan,
        output: &mut (dyn FnMut(&str) + Send),
    ) -> Result<BuiltImage, StoreError> {
        let ImageBuildPlan { context, dockerfile, name, network, labels, arguments, limits } = plan;
        let api = limited(self.api.clone().with_timeout(TIMEOUT), limits.memory_bytes);
        let options = BuildImageOptions {
            dockerfile,
            t: Some(name),
            rm: true,
            forcerm: true,
            buildargs: Some(arguments.into_iter().collect()),
            labels: Some(labels.into_iter().collect()),
            networkmode: Some(if network { "bridge" } else { "none" }.to_owned()),
            ..BuildImageOptions::default()
        };
        let mut told = api.build_image(options, None, Some(bollard::body_try_stream(context)));
        let (mut step, mut number) = (String::new(), 0);
        while let Some(line) = told.next().await {
            let reason = match line {
                Ok(line) => {
                    if let Some(text) = line.stream.map(uncoloured).filter(|text| !is_own(text)) {
                        match instruction(&text) {
                            // Their number would count the labels that are added.
                            Some(instruction) => {
                                number += 1;
                                instruction.clone_into(&mut step);
                                output(&format!("{STEP}{number}: {instruction}\n"));
                            }
                            None => output(&text),
                        }
                    }
                    line.error_detail.map(|error| error.message.unwrap_or_else(|| "the engine gave no reason".into()))
                }
                Err(ApiError::DockerStreamError { error }) => Some(error),
                // Errors in the text of the `Dockerfile`.
                Err(ApiError::DockerResponseServerError { status_code: 400 | 500, message }) => Some(message),
                Err(source) => return Err(failed("building an image")(source)),
            };
            if let Some(reason) = reason {
                return Ok(BuiltImage::Failed { step, reason });
            }
        }
        Ok(BuiltImage::Made)
    }
}

/// A text without the colours in which the builder shows standard error.
fn uncoloured(text: String) -> String {
    if text.contains('\u{1b}') { text.replace("\u{1b}[91m", "").replace("\u{1b}[0m", "") } else { text }
}

/// Whether a line is about the builder's own work. The labels are those that Longshore adds.
fn is_own(text: &str) -> bool {
    OWN_LINES.iter().any(|start| text.starts_with(start))
        || instruction(text).is_some_and(|instruction| instruction.starts_with("LABEL longshore."))
}

/// The instruction that a line of the builder begins: `Step 2/5 : RUN make`.
fn instruction(text: &str) -> Option<&str> {
    Some(text.strip_prefix(STEP)?.split_once(" : ")?.1.trim_end())
}

/// An engine client whose builds have a limit on memory, without swap. The client's own parameter has 32 bits.
fn limited(api: bollard::Docker, memory_bytes: u64) -> bollard::Docker {
    api.with_request_modifier(move |mut request| {
        let limited = format!("{}&memory={memory_bytes}&memswap={memory_bytes}", request.uri());
        if let Ok(limited) = limited.parse() {
            *request.uri_mut() = limited;
        }
        request
    })
}
