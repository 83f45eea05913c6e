//! `/metrics`: what the host has done and what it uses, in the text format of Prometheus.

use crate::tally::Counts;
use crate::web::Web;
use axum::extract::{Request, State};
use axum::http::header;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use longshore::table::budget;
use longshore::{Load, PoolStatus};
use std::fmt::Write as _;

/// The format's media type.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Counts the answer to a request.
pub(crate) async fn count(State(web): State<Web>, request: Request, next: Next) -> Response {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let response = next.run(request).await;
    let status = response.status().as_u16();
    web.tally().answered(status);
    // Links to sign in are secrets.
    if !path.starts_with("/signin/") {
        tracing::debug!(%method, path, status, "request");
    }
    response
}

/// The metrics.
pub(crate) async fn metrics(State(web): State<Web>) -> Response {
    let memory = tokio::task::spawn_blocking(longshore_os::available::resident_memory).await.ok().flatten();
    let (counts, load) = (web.tally().counts(), web.host().admission().load());
    let pool = web.host().pool().unwrap_or_default();
    let text = text(&web.software.version, &counts, &load, &pool, memory);
    ([(header::CONTENT_TYPE, TEXT)], text).into_response()
}

fn text(version: &str, counts: &Counts, load: &Load, pool: &PoolStatus, memory: Option<u64>) -> String {
    let mut text = Text(String::new());
    text.metric("longshore_build_info", "gauge", "The program's version.");
    text.value("longshore_build_info", &format!("{{version=\"{version}\"}}"), 1.0);
    text.metric("longshore_runs_running", "gauge", "Runs of this host that go on.");
    text.value("longshore_runs_running", "", as_f64(counts.running));
    let whole = |number: usize| as_f64(number as u64);
    for (name, help, value) in [
        ("longshore_queue_runs", "Runs that wait for memory and processors.", whole(load.waiting)),
        ("longshore_queue_limit_runs", "Runs that may wait.", as_f64(load.queue_limit)),
        ("longshore_admitted_runs", "Runs that were admitted and have a container.", whole(load.admitted)),
        ("longshore_admitted_memory_bytes", "Memory of admitted runs, by their limits.", as_f64(load.memory_bytes)),
        (
            "longshore_admission_memory_limit_bytes",
            "Memory that admitted runs may have together; 0 for no bound.",
            as_f64(load.memory_limit_bytes),
        ),
        ("longshore_admitted_cpus", "Processors of admitted runs, by their limits.", load.cpus),
        (
            "longshore_admission_cpus_limit",
            "Processors that admitted runs may have together; 0 for no bound.",
            load.cpus_limit,
        ),
        ("longshore_pool_waiting", "Interpreters that wait for runs.", whole(pool.waiting)),
        ("longshore_pool_making", "Interpreters that are being made to wait.", whole(pool.making)),
        (
            "longshore_pool_memory_bytes",
            "Memory of interpreters that wait which no file backs.",
            as_f64(pool.memory_bytes),
        ),
    ] {
        text.metric(name, "gauge", help);
        text.value(name, "", value);
    }
    text.metric("longshore_pool_claims_total", "counter", "Runs, by whether an interpreter waited for them.");
    text.value("longshore_pool_claims_total", "{result=\"hit\"}", as_f64(pool.hits));
    text.value("longshore_pool_claims_total", "{result=\"miss\"}", as_f64(pool.misses));
    text.metric("longshore_runs_total", "counter", "Runs of this host that have ended, by outcome.");
    for (outcome, runs) in &counts.ended {
        text.value("longshore_runs_total", &format!("{{outcome=\"{outcome}\"}}"), as_f64(*runs));
    }
    let ended: u64 = counts.ended.values().sum();
    text.metric("longshore_run_seconds", "summary", "How long runs took, clean-up included.");
    text.value("longshore_run_seconds_sum", "", counts.seconds);
    text.value("longshore_run_seconds_count", "", as_f64(ended));
    text.metric("longshore_start_seconds", "summary", "How long it took until the agents of runs had connected.");
    text.value("longshore_start_seconds_sum", "", counts.start_seconds);
    text.value("longshore_start_seconds_count", "", as_f64(counts.started));
    text.metric("longshore_table_memory_bytes", "gauge", "Memory of tables in use.");
    text.value("longshore_table_memory_bytes", "", as_f64(budget::in_use()));
    text.metric("longshore_table_memory_limit_bytes", "gauge", "Memory that tables may use.");
    text.value("longshore_table_memory_limit_bytes", "", as_f64(budget::host().limit()));
    text.metric("longshore_http_answers_total", "counter", "Answers over HTTP, by status.");
    for (status, answers) in &counts.answers {
        text.value("longshore_http_answers_total", &format!("{{status=\"{status}\"}}"), as_f64(*answers));
    }
    if let Some(memory) = memory {
        text.metric("process_resident_memory_bytes", "gauge", "Resident memory of the host.");
        text.value("process_resident_memory_bytes", "", as_f64(memory));
    }
    text.0
}

/// Metrics as a text.
struct Text(String);

impl Text {
    fn metric(&mut self, name: &str, kind: &str, help: &str) {
        let _ = write!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    }

    fn value(&mut self, name: &str, labels: &str, value: f64) {
        let _ = writeln!(self.0, "{name}{labels} {value}");
    }
}

/// Metrics are doubles: exact up to 2^53.
fn as_f64(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use longshore::{Admission, AdmissionSettings};
    use std::collections::BTreeSet;

    #[test]
    fn each_value_is_of_a_metric_that_is_described_once() {
        let mut counts = Counts { running: 2, seconds: 1.5, ..Counts::default() };
        counts.ended.insert("succeeded".into(), 3);
        counts.ended.insert("failed".into(), 1);
        counts.answers.insert(200, 7);
        let load = Admission::new(&AdmissionSettings::default()).load();
        let text = text("1.2.3", &counts, &load, &PoolStatus::default(), Some(5 << 20));
        let mut described = BTreeSet::new();
        for line in text.lines() {
            match line.strip_prefix("# TYPE ") {
                Some(line) => assert!(described.insert(line.split(' ').next().unwrap().to_owned()), "{line}"),
                None if line.starts_with("# HELP ") => {}
                None => {
                    let name = line.split(['{', ' ']).next().unwrap();
                    let base = name.trim_end_matches("_sum").trim_end_matches("_count");
                    assert!(described.contains(base), "{line}");
                    assert!(line.rsplit(' ').next().unwrap().parse::<f64>().unwrap() >= 0.0, "{line}");
                }
            }
        }
        assert!(text.contains("\nlongshore_runs_total{outcome=\"succeeded\"} 3\n"), "{text}");
        assert!(text.contains("\nlongshore_run_seconds_count 4\n") && text.ends_with("_bytes 5242880\n"), "{text}");
    }
}
