//! `/environments/HASH`: one environment: its packages and why they are there, what uses it, when it goes; pinning and
//! deleting it.

use crate::page::environments::kind;
use crate::page::frame::{Frame, Section, Visit, show};
use crate::page::words::Moment;
use crate::problem::Problem;
use crate::web::Web;
use askama::Template;
use axum::Form;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use longshore::collection::{Explained, Explanation, Going};
use longshore::human::{count, size};
use serde::Deserialize;

#[derive(Template)]
#[template(path = "environment.html")]
struct EnvironmentPage {
    frame: Frame,
    hash: String,
    short: String,
    title: String,
    facts: Vec<(&'static str, String)>,
    made: Moment,
    used: Moment,
    packages: Vec<PackageRow>,
    note: Option<String>,
    containers: Vec<String>,
    images: Vec<String>,
    going: String,
    is_pinned: bool,
    others: Vec<(String, String)>,
}

#[derive(Debug)]
struct PackageRow {
    kind: String,
    name: String,
    version: String,
    why: String,
}

/// The page of an environment.
pub(crate) async fn page(State(web): State<Web>, visit: Visit, Path(hash): Path<String>) -> Result<Response, Problem> {
    let images = web.host().images().await?;
    let entries = images.list().await?;
    let Some(entry) = entries.iter().find(|entry| entry.hash == hash) else { return Err(missing(&hash)) };
    let Explained::Image(explained) = images.explain(&entry.hash).await? else {
        return Err(missing(&hash));
    };
    let others = entries.iter().filter(|other| other.hash != hash);
    let mut others: Vec<(String, String)> = others.map(|other| (other.hash.clone(), other.title())).collect();
    let bases = images.bases().await?;
    others.extend(bases.iter().flat_map(|base| &base.names).map(|name| (name.clone(), name.clone())));
    let entry = &explained.entry;
    let short = entry.short_hash().to_owned();
    let frame = Frame::new(&visit, Some(Section::Environments), entry.title());
    let packages = explained.installed.iter().map(|package| PackageRow {
        kind: package.kind.clone(),
        name: package.name.clone(),
        version: package.version.clone().unwrap_or_default(),
        why: why(package),
    });
    show(&EnvironmentPage {
        frame,
        hash: entry.hash.clone(),
        short,
        title: entry.title(),
        facts: facts(&explained),
        made: Moment::of(entry.created),
        used: Moment::of(entry.last_used),
        packages: packages.collect(),
        note: explained.note.clone(),
        containers: explained.containers.clone(),
        images: explained.images.clone(),
        going: going(&explained),
        is_pinned: entry.pinned,
        others,
    })
}

fn missing(hash: &str) -> Problem {
    Problem::unknown(format!("there is no environment `{hash}`: it may have been removed"))
}

fn facts(explained: &Explanation) -> Vec<(&'static str, String)> {
    let entry = &explained.entry;
    let mut facts =
        vec![("Kind", kind(entry.kind).to_owned()), ("Size", format!("{}, without its base", size(entry.added_bytes)))];
    let optional = [
        ("Base", entry.base.clone()),
        ("Built on", explained.built_on.clone()),
        ("Image", entry.id.clone()),
        ("Folder", entry.path.as_ref().map(|path| path.display().to_string())),
        ("Packages as of", entry.as_of.clone()),
        ("Constraints", (!entry.constraints.is_empty()).then(|| entry.constraints.join(", "))),
    ];
    facts.extend(optional.into_iter().filter_map(|(name, value)| Some((name, value?))));
    facts
}

fn why(package: &longshore::collection::PackageOrigin) -> String {
    let mut why = Vec::new();
    if package.of_base {
        why.push("the base has it".to_owned());
    }
    for listed in &package.listed {
        let place = listed.place.as_ref().map(|place| format!(" in {place}")).unwrap_or_default();
        why.push(format!("listed as {}{place}", listed.text));
    }
    if !package.needed_by.is_empty() {
        why.push(format!("needed by {}", package.needed_by.join(", ")));
    }
    why.join("; ")
}

fn going(explained: &Explanation) -> String {
    match explained.going {
        Going::Not(why) => format!("Not now: {}.", why.reason()),
        Going::Next => "At the next clean-up.".into(),
        Going::Later { place, of, room, .. } => format!(
            "Number {place} of {} to be removed, once {} more are needed: {} of the budget of {} are taken.",
            count(of as u64, "environment"),
            size(room),
            size(explained.total),
            size(explained.budget),
        ),
    }
}

/// `POST /environments/HASH/pin` and `/unpin`.
pub(crate) async fn pin(State(web): State<Web>, Path(hash): Path<String>) -> Result<Response, Problem> {
    web.host().images().await?.pin(&hash).await?;
    Ok(Redirect::to(&format!("/environments/{hash}?done=pin")).into_response())
}

/// Allows it to be removed again.
pub(crate) async fn unpin(State(web): State<Web>, Path(hash): Path<String>) -> Result<Response, Problem> {
    web.host().images().await?.unpin(&hash).await?;
    Ok(Redirect::to(&format!("/environments/{hash}?done=unpin")).into_response())
}

/// What is typed to confirm an act that destroys something.
#[derive(Debug, Deserialize)]
pub(crate) struct Confirmed {
    #[serde(default)]
    name: String,
}

impl Confirmed {
    /// Whether the name is the one that was asked for.
    pub(crate) fn check(&self, expected: &str) -> Result<(), Problem> {
        match self.name.trim() == expected {
            true => Ok(()),
            false => Err(Problem::invalid(format!("nothing was changed: type `{expected}` to confirm"))),
        }
    }
}

/// `POST /environments/HASH/delete`.
pub(crate) async fn delete(
    State(web): State<Web>,
    Path(hash): Path<String>,
    Form(confirmed): Form<Confirmed>,
) -> Result<Response, Problem> {
    let images = web.host().images().await?;
    let entries = images.list().await?;
    let Some(entry) = entries.iter().find(|entry| entry.hash == hash) else { return Err(missing(&hash)) };
    confirmed.check(entry.short_hash())?;
    images.remove(&hash).await?;
    Ok(Redirect::to("/environments?done=delete").into_response())
}
