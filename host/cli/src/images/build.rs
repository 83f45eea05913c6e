//! `longshore images build`.

use crate::bounds::BoundsArguments;
use crate::making::make;
use longshore::Host;
use longshore::environment::Built;
use longshore::shown::Shown;
use std::path::Path;

/// Builds the image of a block, and returns the exit status.
pub(crate) async fn build(block: &Path, image: Option<String>, bounds: &BoundsArguments, host: &Host) -> u8 {
    let work = async |block: &_, events: &_, cancel: &_| host.build(block, image.as_deref(), events, cancel).await;
    make(block, bounds, work, |built| report(&built)).await
}

fn report(built: &Built) -> Shown {
    let state = match (&built.environment, built.was_there) {
        (None, _) => "(base image, no packages to install)",
        (Some(_), true) => "was there",
        (Some(_), false) => "made",
    };
    let mut text = Shown::line(format!("{} {state}", built.name));
    built.resolved.iter().for_each(|package| text.push(format!("  {package}")));
    text
}
