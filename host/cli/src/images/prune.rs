//! `longshore images prune`.

use super::failed;
use crate::printer;
use longshore::Host;
use longshore::collection::{ImageCollection, ImagesError};
use longshore::human::{ago, count, size};
use longshore::images::{How, ImageEntry, PruneReport, Stays};
use longshore::shown::Shown;

/// Runs the command, and returns the exit status.
pub(crate) async fn prune(dry_run: bool, all: bool, host: &Host) -> u8 {
    let how = if all { How::Everything } else { How::OnDemand };
    let images = match host.images().await {
        Ok(images) => images,
        Err(error) => return failed(&error),
    };
    let report = if dry_run { images.foresee(how).await } else { images.prune(how).await };
    let report = match report {
        Ok(report) => report,
        Err(error) => return failed(&error),
    };
    let mut text = told(&report, how, dry_run);
    if let Err(error) = former(&images, dry_run, &mut text).await {
        return failed(&error);
    }
    images.note().into_iter().for_each(|note| text.push(format!("note: {note}")));
    printer::out(&text);
    if report.failed.is_empty() { 0 } else { 3 }
}

/// Removes the base images of former versions on which no image is built.
async fn former(images: &ImageCollection<'_>, dry_run: bool, text: &mut Shown) -> Result<(), ImagesError> {
    let bases = images.former_bases().await?;
    if dry_run {
        let names = bases.iter().flat_map(|base| &base.names);
        names.for_each(|name| text.push(format!("would remove {name}: a base image of a former version")));
        return Ok(());
    }
    for removal in images.remove_bases(&bases).await? {
        text.push(match removal.failure {
            None => format!("removed {}: a base image of a former version", removal.name),
            Some(failure) => format!("kept {}: {failure}", removal.name),
        });
    }
    Ok(())
}

fn told(report: &PruneReport, how: How, dry_run: bool) -> Shown {
    let mut text = Shown::default();
    let mut line = |words: String| text.push(words);
    let verb = if dry_run { "would remove" } else { "removed" };
    for entry in &report.removed {
        line(format!("{verb} {}: {}, {}", shown(entry), size(entry.added_bytes), why(entry)));
    }
    for entry in &report.skipped {
        line(format!("skipped {}: now in use", shown(entry)));
    }
    for failure in &report.failed {
        line(format!("cannot remove {}: {}", failure.what, failure.reason));
    }
    if dry_run || how == How::Everything || report.total_after() > report.budget {
        let stays = report.kept.iter().filter(|kept| kept.why != Stays::WithinBudget);
        stays.for_each(|kept| line(format!("kept {}: {}", shown(&kept.entry), kept.why.reason())));
    }
    for cache in &report.caches {
        line(format!("removed {cache}: downloaded packages"));
    }
    let (removed, freed) = (count(report.removed.len() as u64, "image"), size(report.freed));
    let left = size(report.total_after());
    let budget = size(report.budget);
    let after = if dry_run { "would be taken" } else { "are taken" };
    if report.removed.is_empty() {
        let why = match how {
            How::Everything => "all remaining images are in use or pinned".to_owned(),
            _ if report.total_before > report.budget => format!("none of the {left} can be removed (budget {budget})"),
            _ => format!("{left} of the {budget} budget are taken"),
        };
        line(format!("nothing to remove: {why}"));
    } else {
        let freed = if dry_run { format!("{freed} would be free") } else { format!("{freed} freed") };
        line(format!("{verb} {removed}: {freed}, {left} of the {budget} budget {after}"));
    }
    text
}

fn shown(entry: &ImageEntry) -> String {
    let packages = entry.packages.join(" ");
    if packages.is_empty() { entry.title() } else { format!("{} ({packages})", entry.title()) }
}

fn why(entry: &ImageEntry) -> String {
    if entry.id.is_some() && entry.names.is_empty() {
        return "without a name".into();
    }
    format!("last used {}", ago(entry.unused_seconds))
}
