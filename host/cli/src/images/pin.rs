//! `longshore images pin` and `unpin`.

use super::failed;
use crate::printer;
use longshore::Host;
use longshore::collection::ImagesError;
use longshore::human::size;
use longshore::images::ImageEntry;
use longshore::shown::Shown;

/// Runs the command, and gives the exit status back.
pub(crate) async fn pin(image: &str, host: &Host) -> u8 {
    let said = |entry: &ImageEntry| {
        let (title, bytes) = (entry.title(), size(entry.added_bytes));
        format!("{title} is pinned: its {bytes} count towards the budget, and pruning keeps it")
    };
    let pinned = async { host.images().await?.pin(image).await };
    told(pinned.await, said)
}

/// Runs the command, and gives the exit status back.
pub(crate) async fn unpin(image: &str, host: &Host) -> u8 {
    let said = |entry: &ImageEntry| format!("{} is not pinned: it can be removed when space is needed", entry.title());
    let unpinned = async { host.images().await?.unpin(image).await };
    told(unpinned.await, said)
}

fn told(result: Result<ImageEntry, ImagesError>, said: impl Fn(&ImageEntry) -> String) -> u8 {
    match result {
        Ok(entry) => printer::out(&Shown::line(said(&entry))),
        Err(error) => failed(&error),
    }
}
