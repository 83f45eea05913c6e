//! The host and its machine: what runs need, memory and disk.

use crate::problem::Problem;
use crate::web::Web;
use axum::Json;
use axum::extract::State;
use longshore::images::How;
use longshore::table::budget;
use longshore::{Diagnosis, EngineChoice};
use serde::Serialize;
use utoipa::ToSchema;

/// The host and its machine.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct System {
    /// The program's version.
    version: String,
    /// Whether runs may have no container.
    allows_processes: bool,
    /// Runs of this host that go on.
    running: u64,
    /// Runs that wait for memory and processors.
    queued: u64,
    /// How many may wait.
    queue_limit: u64,
    /// Memory that admitted runs may take by their limits, in bytes.
    admitted_memory_bytes: u64,
    /// Memory that admitted runs may take together, in bytes; 0 for no bound.
    admission_memory_limit_bytes: u64,
    /// Processors that admitted runs may take by their limits.
    admitted_cpus: f64,
    /// Processors that admitted runs may take together; 0 for no bound.
    admission_cpus_limit: f64,
    /// Interpreters that wait for runs.
    pool_waiting: usize,
    /// Their memory that no file backs, in bytes.
    pool_memory_bytes: u64,
    /// Runs that got one.
    pool_hits: u64,
    /// Runs that started their own.
    pool_misses: u64,
    /// Runs of this host that have ended since it started.
    ended: u64,
    /// Memory of tables in use, in bytes.
    table_memory_bytes: u64,
    /// Memory that tables may use, in bytes.
    table_memory_limit_bytes: u64,
    /// Resident memory of the host, in bytes.
    resident_memory_bytes: Option<u64>,
    /// What runs need on this machine, and whether it is there.
    requirements: Vec<Requirement>,
}

/// Something that runs need.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Requirement {
    /// What.
    subject: String,
    /// Whether it is there.
    healthy: bool,
    /// Whether runs need it.
    needed: bool,
    /// What was found.
    finding: String,
}

impl From<Diagnosis> for Requirement {
    fn from(found: Diagnosis) -> Self {
        let Diagnosis { subject, healthy, needed, finding, .. } = found;
        Self { subject, healthy, needed, finding }
    }
}

/// Show the host, its memory, and what runs need on its machine
#[utoipa::path(get, path = "/system", tag = "host", responses((status = 200, body = System)))]
pub(crate) async fn show(State(web): State<Web>) -> Json<System> {
    let (counts, load) = (web.tally().counts(), web.host().admission().load());
    let pool = web.host().pool().unwrap_or_default();
    let requirements = web.host().diagnose(EngineChoice::Auto).await;
    let resident = tokio::task::spawn_blocking(longshore_os::available::resident_memory).await;
    Json(System {
        version: web.software.version.clone(),
        allows_processes: web.starter.allows_processes,
        running: counts.running,
        queued: load.waiting as u64,
        queue_limit: load.queue_limit,
        admitted_memory_bytes: load.memory_bytes,
        admission_memory_limit_bytes: load.memory_limit_bytes,
        admitted_cpus: load.cpus,
        admission_cpus_limit: load.cpus_limit,
        pool_waiting: pool.waiting,
        pool_memory_bytes: pool.memory_bytes,
        pool_hits: pool.hits,
        pool_misses: pool.misses,
        ended: counts.ended.values().sum(),
        table_memory_bytes: budget::in_use(),
        table_memory_limit_bytes: budget::host().limit(),
        resident_memory_bytes: resident.ok().flatten(),
        requirements: requirements.into_iter().map(Requirement::from).collect(),
    })
}

/// Remove environments beyond the disk budget, those that were not used for longest first
#[utoipa::path(post, path = "/system/prune", tag = "host",
    responses((status = 200, description = "what was removed, and what stays", body = Object), (status = 503, body = Problem)))]
pub(crate) async fn prune(State(web): State<Web>) -> Result<Json<serde_json::Value>, Problem> {
    let report = web.host().images().await?.prune(How::OnDemand).await?;
    Ok(Json(serde_json::to_value(report).unwrap_or_default()))
}
