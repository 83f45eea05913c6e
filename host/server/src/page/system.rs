//! `/system`: engine, budgets, versions, what the diagnosis finds, plots of the last hour and day; draining and pruning.

use crate::page::environment::Confirmed;
use crate::page::frame::{Frame, Section, Visit, show};
use crate::page::plot::Plot;
use crate::page::words::percent;
use crate::problem::Problem;
use crate::samples::{PAUSE, Sample};
use crate::web::Web;
use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use longshore::human::size;
use longshore::images::How;
use longshore::table::budget;
use longshore::{EngineChoice, Fix, Load, PoolStatus};
use std::time::{Duration, Instant};

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);

#[derive(Template)]
#[template(path = "system.html")]
struct SystemPage {
    frame: Frame,
    facts: Vec<(&'static str, String)>,
    tables: Bar,
    disk: Option<Bar>,
    hour: Vec<Plot>,
    day: Vec<Plot>,
}

/// A part of a whole.
struct Bar {
    used: String,
    whole: String,
    percent: f64,
}

impl Bar {
    fn new(used: u64, whole: u64) -> Self {
        Self { used: size(used), whole: size(whole), percent: percent(used, whole) }
    }
}

/// The page.
pub(crate) async fn page(State(web): State<Web>, visit: Visit) -> Result<Response, Problem> {
    let (settings, load) = (web.host().settings(), web.host().admission().load());
    let frame = Frame::new(&visit, Some(Section::System), "System").call("Version", "", "/version").call(
        "Whether the host answers",
        "",
        "/health",
    );
    let facts = vec![
        ("Longshore", web.software.version.clone()),
        ("Engine", settings.engine_socket.display().to_string()),
        ("Runs that have room", admitted(&load)),
        ("Runs that wait", format!("{} of at most {}", load.waiting, load.queue_limit)),
        ("Runs without a container", if web.starter.allows_processes { "allowed" } else { "not allowed" }.to_owned()),
        ("Interpreters that wait", waiting(web.host().pool())),
        ("State", settings.state_folder.display().to_string()),
    ];
    show(&SystemPage {
        frame,
        facts,
        tables: Bar::new(budget::in_use(), budget::host().limit()),
        disk: web.samples.disk().map(|used| Bar::new(used, settings.images.disk_budget)),
        hour: plots(&web, HOUR, "1 h ago"),
        day: plots(&web, DAY, "1 day ago"),
    })
}

/// What admitted runs take of the machine, in words.
fn admitted(load: &Load) -> String {
    let of = |used: String, is_bound: bool, most: String| if is_bound { format!("{used} of {most}") } else { used };
    let memory = of(size(load.memory_bytes), load.memory_limit_bytes > 0, size(load.memory_limit_bytes));
    let cpus = of(load.cpus.to_string(), load.cpus_limit > 0.0, load.cpus_limit.to_string());
    format!("{}, which may take {memory} of memory and {cpus} processors", load.admitted)
}

/// What the interpreters that wait take, and how many runs got one, in words.
fn waiting(pool: Option<PoolStatus>) -> String {
    let Some(PoolStatus { waiting, making, memory_bytes, hits, misses, .. }) = pool else {
        return "none: each run starts its own".into();
    };
    let memory = size(memory_bytes);
    format!("{waiting}, which take {memory}, and {making} being made; {hits} runs got one, {misses} started their own")
}

#[allow(clippy::cast_precision_loss, reason = "a plot has some hundred pixels")]
fn plots(web: &Web, whole: Duration, since: &'static str) -> Vec<Plot> {
    let samples = web.samples.since(whole);
    let gap = PAUSE.as_secs_f64() * 3.0;
    let plot = |title, value: fn(&Sample) -> f64, words: fn(f64) -> String| {
        let points: Vec<_> = samples.iter().map(|sample| (sample.at.elapsed().as_secs_f64(), value(sample))).collect();
        Plot::new(title, since, whole.as_secs_f64(), gap, &points, words)
    };
    let number = |value: f64| format!("{value:.0}");
    let bytes = |value: f64| size(whole_number(value));
    let ago = |at: Instant| at.elapsed().as_secs_f64();
    let disk: Vec<_> = web.samples.disk_since(whole).into_iter().map(|(at, bytes)| (ago(at), bytes as f64)).collect();
    vec![
        plot("Running runs", |sample| f64::from(sample.running), number),
        plot("Ended in 10 s", |sample| f64::from(sample.ended), number),
        plot("Failed in 10 s", |sample| f64::from(sample.failed), number),
        plot("Memory of the host", |sample| sample.resident as f64, bytes),
        plot("Memory of tables", |sample| sample.tables as f64, bytes),
        Plot::new("Disk of environments", since, whole.as_secs_f64(), gap * 30.0, &disk, bytes),
    ]
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number of bytes, which came from one")]
fn whole_number(value: f64) -> u64 {
    value.max(0.0) as u64
}

#[derive(Template)]
#[template(path = "checks.html")]
struct ChecksPart {
    checks: Vec<Check>,
}

#[derive(Template)]
#[template(path = "checks_page.html")]
struct ChecksPage {
    frame: Frame,
    checks: Vec<Check>,
}

#[derive(Debug)]
struct Check {
    subject: String,
    finding: String,
    sign: &'static str,
    word: &'static str,
    class: &'static str,
    fix: Option<String>,
}

/// `/system/checks`: what runs need of this machine. It takes a second.
pub(crate) async fn checks(State(web): State<Web>, visit: Visit) -> Result<Response, Problem> {
    let words = web.words;
    let found = web.host().diagnose(EngineChoice::Auto).await.into_iter().map(|found| {
        let (sign, word, class) = match (found.healthy, found.needed) {
            (true, _) => ("✓", "good", "succeeded"),
            (false, true) => ("✗", "missing", "failed"),
            (false, false) => ("–", "not needed", "cancelled"),
        };
        let fix = match found.fix {
            Some(Fix::Machine(words)) => Some(words),
            Some(Fix::Remedy(remedy)) => words(&remedy),
            _ => None,
        };
        Check { subject: found.subject, finding: found.finding, sign, word, class, fix: fix.filter(|_| !found.healthy) }
    });
    let checks = found.collect();
    if visit.part {
        return show(&ChecksPart { checks });
    }
    let frame = Frame::new(&visit, Some(Section::System), "Checks of this machine");
    show(&ChecksPage { frame, checks })
}

/// `POST /system/prune`.
pub(crate) async fn prune(State(web): State<Web>) -> Result<Response, Problem> {
    let images = web.host().images().await?;
    images.prune(How::OnDemand).await?;
    Ok(Redirect::to("/environments?done=prune").into_response())
}

#[derive(Template)]
#[template(path = "drained.html")]
struct DrainedPage {
    frame: Frame,
}

/// `POST /system/drain`. There is no page to go to afterwards.
pub(crate) async fn drain(
    State(web): State<Web>,
    visit: Visit,
    Form(confirmed): Form<Confirmed>,
) -> Result<Response, Problem> {
    confirmed.check("drain")?;
    let answer = show(&DrainedPage { frame: Frame::new(&visit, None, "The host is ending") });
    web.stop.cancel(longshore::CancelLevel::Gently);
    answer
}
