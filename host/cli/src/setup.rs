//! `longshore setup`: provides what runs need on this machine: images for the container engine, built by the scripts that
//! are installed with this program or got from others, or the environments of the engine `process`.

use crate::engine_argument::EngineArgument;
use crate::making::{FAILED, watched};
use crate::signals::INTERRUPTED;
use crate::{BAD_INPUT, failure, printer, standard};
use clap::Args;
use longshore::block::{Block, Language, Pandas};
use longshore::environment::{Bounds, LocalError, local};
use longshore::provision::{BaseName, Origin, ProvideError};
use longshore::shown::Shown;
use longshore::transfer::Source;
use longshore::{Host, find_program, small_file};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The images that are provided if none is named.
const USUAL: [&str; 4] = ["base", "python", "python-pandas2", "r"];

/// The others that can be built.
const MORE: [&str; 2] = ["python-3.13", "r-4.5"];

#[derive(Debug, Args)]
pub(crate) struct SetupArguments {
    /// Images to provide: base, python, python-pandas2 and r if not given; python-3.13 and r-4.5 are on Debian 13
    #[arg(value_name = "IMAGE")]
    images: Vec<BaseName>,
    /// Registry, such as registry.example.com/team, or archive of `docker save` to get images from, instead of building
    /// them on Debian; `-` is an archive on standard input
    #[arg(long, value_name = "REGISTRY|FILE")]
    from: Option<String>,
    /// Engine to prepare: auto is docker, or process if no engine is installed
    #[arg(long, value_enum, default_value_t = EngineArgument::Auto)]
    engine: EngineArgument,
    /// Provide images that exist again
    #[arg(long)]
    again: bool,
}

/// Runs the command, and returns the exit status.
pub(crate) async fn setup(arguments: SetupArguments, host: &Host) -> u8 {
    match host.engines().choose(arguments.engine.into()).await {
        Ok((engine, note)) => {
            note.iter().for_each(|note| failure::print_note(note));
            if engine.kind().isolates() { images(&arguments, host).await } else { environments(&arguments, host).await }
        }
        Err(error) => failure::print_advised(&error, error.remedy(), FAILED),
    }
}

/// Provides the images that the engine lacks.
async fn images(arguments: &SetupArguments, host: &Host) -> u8 {
    let usual = || USUAL.iter().map(|name| name.parse().expect("a name in this file is one")).collect();
    let names: Vec<BaseName> = if arguments.images.is_empty() { usual() } else { arguments.images.clone() };
    let there = match host.has_bases(&names).await {
        Ok(there) => there,
        Err(error) => return failed(&error),
    };
    let (mut present, mut wanted) = (Shown::default(), Vec::new());
    for (name, is_there) in names.into_iter().zip(there) {
        match is_there && !arguments.again {
            true => present.push(format!("{} is there", name.image())),
            false => wanted.push(name),
        }
    }
    let status = printer::out(&present);
    if wanted.is_empty() {
        return status;
    }
    if let Some(from) = &arguments.from {
        return match origin(from) {
            Ok(origin) => get(&wanted, origin, host).await,
            Err(status) => status,
        };
    }
    let (archive, names) = shipped(host);
    let (shipped, others): (Vec<_>, Vec<_>) = wanted.into_iter().partition(|name| names.contains(name));
    if !shipped.is_empty() {
        let status = get(&shipped, Origin::Archive(Source::File(archive)), host).await;
        if status != 0 {
            return status;
        }
    }
    if others.is_empty() { 0 } else { build(&others, host) }
}

/// The archive of images that is part of the installation, if there is one, and the images in it.
fn shipped(host: &Host) -> (PathBuf, Vec<BaseName>) {
    let folder = host.settings().sdk_folder.with_file_name("images");
    let names = small_file::read_text(&folder.join("shipped"), small_file::WRITTEN_MAX).unwrap_or_default();
    (folder.join("shipped.tar.gz"), names.lines().filter_map(|name| name.parse().ok()).collect())
}

/// Where images are got from; the error is an exit status.
fn origin(from: &str) -> Result<Origin, u8> {
    match from {
        "-" => match standard::open(std::io::stdin()) {
            Ok(file) => Ok(Origin::Archive(Source::Open { file, name: from.into() })),
            Err(error) => Err(failure::print_text(&format!("cannot read standard input: {error}"), BAD_INPUT)),
        },
        path if is_path(path) || Path::new(path).is_file() => Ok(Origin::Archive(Source::File(path.into()))),
        registry => Ok(Origin::Registry(registry.to_owned())),
    }
}

/// Gets images from a registry or an archive.
async fn get(wanted: &[BaseName], origin: Origin, host: &Host) -> u8 {
    match watched(async |events, cancel| host.provide_bases(wanted, origin, events, cancel).await).await {
        Err(status) => status,
        Ok(Ok(provided)) => ready(provided.into_iter().map(|image| image.name)),
        Ok(Err(error)) => failed(&error),
    }
}

/// Prints images that are there now, and returns the exit status.
fn ready(names: impl Iterator<Item = String>) -> u8 {
    printer::out(&names.map(|name| Shown::line(format!("{name} is ready"))).collect())
}

fn failed(error: &ProvideError) -> u8 {
    match error {
        ProvideError::Cancelled => INTERRUPTED,
        error => failure::print_advised(error, error.remedy(), if error.is_input() { BAD_INPUT } else { FAILED }),
    }
}

/// Builds images by a script, which prints what it does.
fn build(wanted: &[BaseName], host: &Host) -> u8 {
    let names: Vec<String> = wanted.iter().map(ToString::to_string).collect();
    let can_be_built: Vec<&str> = USUAL.into_iter().chain(MORE).collect();
    if let Some(other) = names.iter().find(|name| !can_be_built.contains(&name.as_str())) {
        let text = format!("cannot build the image `{other}`: those that can be built are {}", can_be_built.join(", "));
        return failure::print_text(&text, BAD_INPUT);
    }
    let settings = host.settings();
    let script = settings.sdk_folder.with_file_name("images").join("build");
    if !script.is_file() {
        let text = format!("cannot build images: there is no `{}`: install Longshore again", script.display());
        return failure::print_text(&text, FAILED);
    }
    if find_program(Path::new("docker"), &settings.path).is_none() {
        let text = "cannot build images: the command `docker` is missing: install it (Debian: `docker.io`, for Podman \
                    `podman-docker`), or get the images from a registry or an archive with `--from`";
        return failure::print_text(text, FAILED);
    }
    let begun = format!("building {} on Debian; this takes some minutes and about 2 GB", names.join(", "));
    let _ = printer::out(&Shown::line(begun));
    let mut command = Command::new("bash");
    command.arg(&script).args(["--version", env!("CARGO_PKG_VERSION")]);
    command.arg("--agent").arg(&settings.agent).arg("--wheels").arg(&settings.sdk_folder);
    command.arg("--r-packages").arg(&settings.sdk_folder).args(&names);
    command.env("DOCKER_HOST", format!("unix://{}", settings.engine_socket.display()));
    let packages = &settings.packages;
    for (name, value) in [
        ("PIP_INDEX_URL", &packages.index_url),
        ("DEBIAN_MIRROR", &packages.debian_mirror),
        ("HTTP_PROXY", &packages.http_proxy),
        ("HTTPS_PROXY", &packages.https_proxy),
        ("NO_PROXY", &packages.no_proxy),
    ] {
        command.envs(value.iter().map(|value| (name, value)));
    }
    command.envs(packages.ca_bundle.iter().map(|bundle| ("LONGSHORE_CA_BUNDLE", bundle)));
    match command.status() {
        Ok(status) if status.success() => ready(wanted.iter().map(BaseName::image)),
        // The script has printed what failed.
        Ok(_) => FAILED,
        Err(error) => failure::print_text(&format!("cannot start `bash`: {error}"), FAILED),
    }
}

/// Whether it is written as a path: the name of a registry's folder has no suffix of an archive and no dot at its start.
fn is_path(from: &str) -> bool {
    from.starts_with(['/', '.', '~']) || [".tar", ".tar.gz", ".tgz", ".tar.zst"].iter().any(|end| from.ends_with(end))
}

/// Creates the environments of the engine `process`, for the languages that this machine has.
async fn environments(arguments: &SetupArguments, host: &Host) -> u8 {
    if !arguments.images.is_empty() || arguments.from.is_some() {
        return failure::print_text("cannot provide images: the engine `process` has none", BAD_INPUT);
    }
    let made = watched(async |events, cancel| {
        let (mut text, mut ready) = (Shown::default(), 0);
        for (what, language, pandas) in [
            ("Python with pandas 3", Language::Python, Pandas::Three),
            ("Python with pandas 2", Language::Python, Pandas::Two),
            ("R", Language::R, Pandas::Three),
        ] {
            let mut block = Block::empty(PathBuf::new(), language);
            block.pandas = pandas;
            match local::ensure(&block, &Bounds::default(), host.engines(), events, cancel).await {
                Ok(_) => {
                    ready += 1;
                    text.push(format!("{what} of the `process` engine is ready"));
                }
                Err(error @ LocalError::NoInterpreter { .. }) => text.push(format!("{what}: {error}")),
                Err(error) => return (text, Err(error)),
            }
        }
        (text, Ok(ready))
    });
    let (text, made) = match made.await {
        Ok(made) => made,
        Err(status) => return status,
    };
    printer::out(&text);
    match made {
        Ok(0) => FAILED,
        Ok(_) => 0,
        Err(LocalError::Cancelled) => INTERRUPTED,
        Err(error) => failure::print_advised(&error, error.remedy(), FAILED),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn archives_are_told_from_registries() {
        for path in ["/srv/images.tar", "images.tar.gz", "./images", "~/x"] {
            assert!(is_path(path), "{path}");
        }
        for registry in ["registry.example.com/team", "localhost:5000", "team"] {
            assert!(!is_path(registry), "{registry}");
        }
    }

    #[test]
    fn the_names_in_this_file_are_names() {
        USUAL.into_iter().chain(MORE).for_each(|name| drop(name.parse::<BaseName>().unwrap()));
    }
}
