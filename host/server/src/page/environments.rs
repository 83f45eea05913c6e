//! `/environments`: the images and folders that blocks run in, the disk that they take, and what goes next.

use crate::page::frame::{Frame, Section, Visit, show};
use crate::page::words::{Moment, percent};
use crate::problem::Problem;
use crate::web::Web;
use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use longshore::EngineChoice;
use longshore::causes::chain;
use longshore::human::{count, size};
use longshore::images::{How, ImageEntry, Kind};
use serde::Deserialize;
use std::collections::BTreeSet;

#[derive(Template)]
#[template(path = "environments.html")]
struct EnvironmentsPage {
    frame: Frame,
    rows: Vec<EnvironmentRow>,
    bases: Vec<BaseRow>,
    disk: DiskView,
    note: Option<String>,
}

/// The disk that all of them take.
#[derive(Debug)]
pub(crate) struct DiskView {
    pub(crate) used: String,
    pub(crate) budget: String,
    pub(crate) percent: f64,
    pub(crate) is_full: bool,
    /// What the next clean-up removes.
    pub(crate) next: Option<String>,
}

#[derive(Debug)]
struct BaseRow {
    name: String,
    bytes: String,
    is_former: bool,
}

/// An environment in the list.
#[derive(Debug)]
pub(crate) struct EnvironmentRow {
    pub(crate) hash: String,
    pub(crate) short: String,
    pub(crate) title: String,
    pub(crate) kind: &'static str,
    pub(crate) packages: String,
    pub(crate) base: String,
    pub(crate) bytes: String,
    pub(crate) used: Moment,
    pub(crate) states: Vec<&'static str>,
    pub(crate) goes_next: bool,
}

/// Packages that a row names.
const NAMED: usize = 4;

/// The kind of an environment, in words.
pub(crate) fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Generated => "packages",
        Kind::Layer => "shared layer",
        Kind::Dockerfile => "Dockerfile",
        Kind::Imported => "imported",
        Kind::Custom => "custom",
        Kind::Folder => "folder",
    }
}

impl EnvironmentRow {
    fn of(entry: &ImageEntry, next: &BTreeSet<&str>) -> Self {
        let all: Vec<&String> = entry.packages.iter().chain(&entry.system_packages).collect();
        let mut packages = all.iter().take(NAMED).map(|package| package.as_str()).collect::<Vec<_>>().join(", ");
        if all.len() > NAMED {
            packages.push_str(&format!(" and {} more", all.len() - NAMED));
        }
        let states = [(entry.in_use, "in use"), (entry.pinned, "pinned")];
        Self {
            hash: entry.hash.clone(),
            short: entry.short_hash().to_owned(),
            title: entry.title(),
            kind: kind(entry.kind),
            packages,
            base: entry.base.clone().unwrap_or_default(),
            bytes: size(entry.added_bytes),
            used: Moment::of(entry.last_used),
            states: states.into_iter().filter(|(is, _)| *is).map(|(_, word)| word).collect(),
            goes_next: next.contains(entry.hash.as_str()),
        }
    }
}

/// The list.
pub(crate) async fn page(State(web): State<Web>, visit: Visit) -> Result<Response, Problem> {
    let images = web.host().images().await?;
    // It has all of them: the engine takes a while to list them.
    let foreseen = images.foresee(How::OnDemand).await?;
    let mut entries: Vec<&ImageEntry> =
        foreseen.removed.iter().chain(foreseen.kept.iter().map(|kept| &kept.entry)).collect();
    entries.sort_by_key(|entry| std::cmp::Reverse(entry.last_used));
    let next: BTreeSet<&str> = foreseen.removed.iter().map(|entry| entry.hash.as_str()).collect();
    let total: u64 = entries.iter().map(|entry| entry.added_bytes).sum();
    let goes = (!foreseen.removed.is_empty())
        .then(|| format!("{}, {}", count(foreseen.removed.len() as u64, "environment"), size(foreseen.freed)));
    let disk = DiskView {
        used: size(total),
        budget: size(images.budget()),
        percent: percent(total, images.budget()),
        is_full: total > images.budget(),
        next: goes,
    };
    let bases = images.bases().await?;
    let frame = Frame::new(&visit, Some(Section::Environments), "Environments");
    show(&EnvironmentsPage {
        frame,
        rows: entries.iter().map(|entry| EnvironmentRow::of(entry, &next)).collect(),
        bases: bases
            .into_iter()
            .map(|base| BaseRow {
                name: if base.names.is_empty() { base.id.0.clone() } else { base.names.join(", ") },
                bytes: size(base.bytes),
                is_former: base.is_former,
            })
            .collect(),
        disk,
        note: images.note().map(str::to_owned),
    })
}

#[derive(Debug, Deserialize)]
pub(crate) struct Compared {
    first: String,
    second: String,
}

#[derive(Template)]
#[template(path = "compare.html")]
struct ComparePage {
    frame: Frame,
    first: String,
    second: String,
    differences: Vec<DifferenceRow>,
}

#[derive(Debug)]
struct DifferenceRow {
    kind: &'static str,
    name: String,
    first: Option<String>,
    second: Option<String>,
}

/// `/environments/compare`: what differs between two.
pub(crate) async fn compare(
    State(web): State<Web>,
    visit: Visit,
    Query(asked): Query<Compared>,
) -> Result<Response, Problem> {
    let mut taken = Vec::new();
    for reference in [&asked.first, &asked.second] {
        // A path would be read as a block: only what is listed is compared.
        let images = web.host().images().await?;
        let entries = images.list().await?;
        let bases = images.bases().await?;
        let found = entries.iter().find(|entry| entry.hash == **reference);
        let name = found.map(|entry| entry.id.clone().unwrap_or_else(|| entry.hash.clone()));
        let name =
            name.or_else(|| bases.iter().find(|base| base.names.contains(reference)).map(|_| (*reference).clone()));
        let name = name.ok_or_else(|| Problem::unknown(format!("there is no environment `{reference}`")))?;
        let fingerprint = web.host().fingerprint(&name, EngineChoice::Auto).await;
        taken.push(fingerprint.map_err(|error| {
            let detail = format!("cannot take the fingerprint of `{reference}`: {}", chain(&error));
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "fingerprint not available", detail)
        })?);
    }
    let (Some(second), Some(first)) = (taken.pop(), taken.pop()) else { return Err(Problem::broken()) };
    let differences = first.differences(&second).into_iter().map(|found| DifferenceRow {
        kind: found.kind,
        name: found.name.unwrap_or_default(),
        first: found.first,
        second: found.second,
    });
    let differences = differences.collect();
    let frame = Frame::new(&visit, Some(Section::Environments), "Comparison");
    show(&ComparePage { frame, first: asked.first, second: asked.second, differences })
}
