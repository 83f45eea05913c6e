//! `longshore images`: a file for each command.

mod archive;
mod build;
mod explain;
mod list;
mod pin;
mod prune;

use crate::bounds::BoundsArguments;
use crate::signals::unless_interrupted;
use crate::{BAD_INPUT, failure};
use clap::Subcommand;
use longshore::Host;
use longshore::collection::ImagesError;
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(crate) enum ImagesCommand {
    /// List the images built for blocks, with the size and last use of each
    List {
        /// Print a JSON array instead of text
        #[arg(long)]
        json: bool,
    },
    /// Build the image of a block, as a run would
    Build {
        /// The block's folder, or a script
        block: PathBuf,
        /// Build on this base image instead of the block's
        #[arg(long)]
        image: Option<String>,
        #[command(flatten)]
        bounds: BoundsArguments,
    },
    /// Remove the least recently used images, down to the disk budget
    Prune {
        /// Show what would be removed, and remove nothing
        #[arg(long)]
        dry_run: bool,
        /// Remove all images that are neither in use nor pinned, regardless of the budget
        #[arg(long)]
        all: bool,
    },
    /// Keep an image regardless of the disk budget
    Pin {
        /// The image: its name, its environment's hash or the beginning of it, or a block's folder
        image: String,
    },
    /// Allow an image to be removed again
    Unpin {
        /// The image: its name, its environment's hash or the beginning of it, or a block's folder
        image: String,
    },
    /// Show why an image and its packages exist, what uses it, and when it is removed
    Explain {
        /// The image: its name, its environment's hash or the beginning of it, a block's folder, or a script
        image: String,
        /// Print a JSON object instead of text
        #[arg(long)]
        json: bool,
    },
    /// Write an image into an archive
    Export {
        /// The image: its name, its id, the beginning of its environment's hash, or a block's folder
        image: String,
        /// The archive to write: .tar, .tar.gz or .tar.zst; `-` is standard output
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
        /// Write an OCI layout instead of what `docker save` writes
        #[arg(long)]
        oci: bool,
    },
    /// Check an archive, and load its image under a new name
    Import {
        /// The archive, from `images export` or `docker save`, or an OCI layout; `-` is standard input
        archive: PathBuf,
        /// Trust the archive's labels: use it as the environment that they name, so that blocks run in it
        #[arg(long)]
        trust: bool,
    },
}

/// Runs a command, and returns the exit status.
pub(crate) async fn images(command: ImagesCommand, host: &Host) -> u8 {
    match command {
        ImagesCommand::List { json } => unless_interrupted(list::list(json, host)).await,
        ImagesCommand::Build { block, image, bounds } => build::build(&block, image, &bounds, host).await,
        ImagesCommand::Prune { dry_run, all } => unless_interrupted(prune::prune(dry_run, all, host)).await,
        ImagesCommand::Pin { image } => unless_interrupted(pin::pin(&image, host)).await,
        ImagesCommand::Unpin { image } => unless_interrupted(pin::unpin(&image, host)).await,
        ImagesCommand::Explain { image, json } => unless_interrupted(explain::explain(&image, json, host)).await,
        ImagesCommand::Export { image, output, oci } => {
            unless_interrupted(archive::export(&image, &output, oci, host)).await
        }
        ImagesCommand::Import { archive, trust } => unless_interrupted(archive::import(&archive, trust, host)).await,
    }
}

/// Prints an error about images, and returns the exit status.
fn failed(error: &ImagesError) -> u8 {
    failure::print_advised(error, error.remedy(), if error.is_bad_input() { BAD_INPUT } else { 3 })
}
