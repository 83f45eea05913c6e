//! `longshore images`: a file for each command.

mod archive;
mod build;
mod explain;
mod list;
mod pin;
mod prune;

use crate::signals::unless_interrupted;
use crate::{BAD_INPUT, failure};
use clap::Subcommand;
use longshore::Host;
use longshore::collection::ImagesError;
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(crate) enum ImagesCommand {
    /// List the images made for blocks, with what each takes and when it was last used
    List {
        /// Print a JSON array instead of text
        #[arg(long)]
        json: bool,
    },
    /// Make the image of a block, as a run would
    Build {
        /// The block's folder, or a script
        block: PathBuf,
        /// Another base image than the block's, to see that its packages can be installed there
        #[arg(long)]
        image: Option<String>,
    },
    /// Remove images that were not used for longest, down to the disk budget
    Prune {
        /// Say what would go, and remove nothing
        #[arg(long)]
        dry_run: bool,
        /// Remove all that nothing uses and nobody pinned, whatever the budget
        #[arg(long)]
        all: bool,
    },
    /// Keep an image whatever space it takes
    Pin {
        /// The image: its name, its environment's hash or the beginning of it, or a block's folder
        image: String,
    },
    /// Let an image go again when space is needed
    Unpin {
        /// The image: its name, its environment's hash or the beginning of it, or a block's folder
        image: String,
    },
    /// Say why an image exists, what uses it, and when it would go
    Explain {
        /// The image: its name, its environment's hash or the beginning of it, or a block's folder
        image: String,
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
    /// Check an archive, and load the image in it under a name of its own
    Import {
        /// The archive: what `docker save` or this command wrote, or an OCI layout; `-` is standard input
        archive: PathBuf,
        /// Let it take the place of the environment that it says it is, so that blocks run in it from now on
        #[arg(long)]
        trust: bool,
    },
}

/// Runs a command, and gives the exit status back.
pub(crate) async fn images(command: ImagesCommand, host: &Host) -> u8 {
    match command {
        ImagesCommand::List { json } => unless_interrupted(list::list(json, host)).await,
        ImagesCommand::Build { block, image } => build::build(&block, image, host).await,
        ImagesCommand::Prune { dry_run, all } => unless_interrupted(prune::prune(dry_run, all, host)).await,
        ImagesCommand::Pin { image } => unless_interrupted(pin::pin(&image, host)).await,
        ImagesCommand::Unpin { image } => unless_interrupted(pin::unpin(&image, host)).await,
        ImagesCommand::Explain { image } => unless_interrupted(explain::explain(&image, host)).await,
        ImagesCommand::Export { image, output, oci } => {
            unless_interrupted(archive::export(&image, &output, oci, host)).await
        }
        ImagesCommand::Import { archive, trust } => unless_interrupted(archive::import(&archive, trust, host)).await,
    }
}

/// Prints what went wrong with looking after images, and gives the exit status back.
fn failed(error: &ImagesError) -> u8 {
    failure::print(error, if error.is_bad_input() { BAD_INPUT } else { 3 })
}
