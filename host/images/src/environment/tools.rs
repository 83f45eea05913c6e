//! Tools of builds besides an image: `uv`, in a volume that every build can read and none can write, and caches of
//! downloaded packages.

use super::EnvironmentError;
use super::job::Job;
use super::sources::PROLOGUE;
use longshore_config::settings::Settings;
use longshore_engine::{BuildVolume, StoredImage};
use longshore_model::digest::digits;
use longshore_model::image_id::ImageId;
use longshore_model::labels::CACHE_VOLUMES;

/// The version of `uv` that installs Python packages.
pub(super) const UV: &str = "0.13.9";

/// Path of the tools in a build container.
const TOOLS_FOLDER: &str = "/run/longshore/tools";

/// Path of the cache of packages in a build container.
pub(super) const CACHE_FOLDER: &str = "/run/longshore/cache";

/// The volume with the tools.
pub(super) fn volume(writable: bool) -> BuildVolume {
    BuildVolume { name: format!("longshore-tools-uv-{UV}"), target: TOOLS_FOLDER.into(), writable }
}

/// The volume with the packages downloaded for layers on an image. Longshore's own bases share one. Every other image
/// has its own, including layers of Debian packages: code in an image could leave files there for later builds, and all
/// builds with the volume have that image below them anyway.
pub(super) fn cache(base: &StoredImage, below: &ImageId, settings: &Settings) -> BuildVolume {
    let is_named = |image: &str| base.names.iter().any(|name| name == image);
    let is_ours = *below == base.id && settings.base_images().into_iter().any(is_named);
    let digits = digits(&below.0).get(..12).unwrap_or(&below.0);
    let name = if is_ours { CACHE_VOLUMES.to_owned() } else { format!("{CACHE_VOLUMES}-{digits}") };
    BuildVolume { name, target: CACHE_FOLDER.into(), writable: true }
}

/// Downloads `uv`, a static program that runs in any Linux image. It becomes visible when it is complete.
const FETCH: &str = r#"
[ -x /run/longshore/tools/uv ] && exit 0
python3 -m pip download -q --no-deps --only-binary=:all: --platform "musllinux_1_1_$(uname -m)" -d wheel "uv==$1"
python3 -m zipfile -e wheel/uv-*.whl content
cp content/uv-*.data/scripts/uv /run/longshore/tools/.uv.new
chmod 755 /run/longshore/tools/.uv.new
mv /run/longshore/tools/.uv.new /run/longshore/tools/uv
"#;

/// The job that fills the volume with the tools, in Longshore's Python image.
pub(super) fn job() -> Job {
    Job { script: format!("{PROLOGUE}{FETCH}"), arguments: vec![UV.into()], ..Job::default() }
}

/// Its name in the usage store.
pub(super) fn claim_name() -> String {
    format!("tools-uv-{UV}")
}

/// The error if it could not be downloaded.
pub(super) fn failure(words: String) -> EnvironmentError {
    EnvironmentError::Tools { words }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cache_is_shared_by_those_who_have_the_same_image_below_them() {
        let settings = Settings::default();
        let image = |id: &str, name: &str| StoredImage {
            id: ImageId(format!("sha256:{id:0>64}")),
            names: vec![name.to_owned()],
            ..StoredImage::default()
        };
        let (ours, r) = (image("1", &settings.python_image), image("2", &settings.r_image));
        let (theirs, layer) = (image("3", "theirs:1"), ImageId(format!("sha256:{}", "4".repeat(64))));
        let name = |base: &StoredImage, below: &ImageId| cache(base, below, &settings).name;
        assert_eq!(name(&ours, &ours.id), CACHE_VOLUMES);
        assert_eq!(name(&r, &r.id), CACHE_VOLUMES);
        assert_eq!(name(&theirs, &theirs.id), format!("{CACHE_VOLUMES}-000000000000"));
        // It contains Debian packages, whose code runs in the build.
        assert_eq!(name(&ours, &layer), format!("{CACHE_VOLUMES}-444444444444"));
    }
}
