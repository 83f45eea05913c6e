//! `longshore lock`.

use crate::bounds::BoundsArguments;
use crate::making::make;
use clap::Args;
use longshore::Host;
use longshore::environment::{Locked, PylockWritten};
use longshore::human::count;
use longshore::shown::Shown;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct LockArguments {
    /// The block's folder, or a script
    pub(crate) block: PathBuf,
    /// Write the Python packages of the lock to FILE too, as pylock.toml (PEP 751) for other installers; an existing lock
    /// is not changed
    #[arg(long, value_name = "FILE")]
    pub(crate) export: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) bounds: BoundsArguments,
}

/// Writes the lock of a block, or a lock for other tools, and returns the exit status.
pub(crate) async fn lock(arguments: LockArguments, host: &Host) -> u8 {
    if let Some(path) = &arguments.export {
        let work = async |block: &_, events: &_, cancel: &_| host.export_lock(block, path, events, cancel).await;
        return make(&arguments.block, &arguments.bounds, work, exported).await;
    }
    let work = async |block: &_, events: &_, cancel: &_| host.lock(block, events, cancel).await;
    make(&arguments.block, &arguments.bounds, work, |locked| locked_line(&locked)).await
}

fn locked_line(locked: &Locked) -> Shown {
    Shown::line(format!("{}: {}", locked.path.display(), count(locked.packages as u64, "package")))
}

fn exported(written: PylockWritten) -> Shown {
    let mut text = Shown::default();
    written.lock.iter().for_each(|locked| text += locked_line(locked));
    let packages = count(written.packages as u64, "package");
    text.push(format!("{}: {packages}", written.path.display()));
    if !written.left_out.is_empty() {
        text.push(format!("note: without {}, which this form cannot have", written.left_out.join(" and ")));
    }
    text
}
