//! `longshore run --explain`: a run's limits and policy, as a table.

use crate::{failure, help, printer};
use longshore::config::format_time;
use longshore::human::{aligned, size};
use longshore::shown::Shown;
use longshore::{Explained, Host, Identity, Policy, Prepared};

/// Paths per line: three are about as wide as a mount with its path.
const PATHS: usize = 3;

/// The value of a restriction that a policy leaves to the engine.
const ENGINE_DEFAULT: &str = "the engine's default";

/// Explains a run, and returns the exit status.
pub(crate) async fn run(prepared: &Prepared, host: &Host, json: bool) -> u8 {
    match host.explain(prepared).await {
        Ok(explained) if json => printer::json(&help::in_record(serde_json::to_value(&explained).unwrap_or_default())),
        Ok(explained) => printer::out(&text(&explained)),
        Err(error) => failure::print_advised(&error, error.remedy(), 3),
    }
}

fn text(explained: &Explained) -> Shown {
    let mut rows = vec![row("block", &explained.block)];
    let engine = match &explained.facts {
        None => "process: no container".to_owned(),
        Some(facts) => {
            let known = |name: &str, value: &Option<String>| value.as_ref().map(|value| format!("{name}{value}"));
            let cgroup = facts.cgroup_version.map(|version| format!("control groups version {version}"));
            let modules = match facts.security_modules.as_slice() {
                [] => "no AppArmor or SELinux".to_owned(),
                modules => modules.join(" and "),
            };
            let namespace = facts.user_namespace.then(|| "user namespace".to_owned());
            let parts = [
                known("docker ", &facts.version).or_else(|| Some("docker".into())),
                known("runtime ", &facts.runtime),
                known("kernel ", &facts.kernel),
                cgroup,
                Some(modules),
                namespace,
            ];
            parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
        }
    };
    rows.push(row("engine", &engine));
    if let Some(image) = &explained.image {
        let id = explained.image_id.as_deref().unwrap_or("not present yet");
        rows.push(row("image", &format!("{image} ({id})")));
    }
    rows.extend(explained.bounds.as_of.map(|day| row("packages as of", &day.to_string())));
    rows.extend(named("constraints", explained.bounds.constraints.iter().map(ToString::to_string)));
    match &explained.policy {
        Some(policy) => rows.extend(policy_rows(policy)),
        None => rows.push(row("open files", &explained.limits.open_files.to_string())),
    }
    let limits = &explained.limits;
    let time = limits.timeout.limit().map_or_else(|| "no limit".to_owned(), format_time);
    rows.push(row("time", &time));
    rows.push(row("outputs", &size(limits.output_bytes)));
    rows.push(row("log", &size(limits.log_bytes)));
    let loosened = if explained.loosened.is_empty() { vec!["nothing".to_owned()] } else { explained.loosened.clone() };
    rows.extend(named("loosened", loosened));
    let mut text = aligned(&rows, &[]);
    explained.notes.iter().for_each(|note| text.push(format!("note: {}", help::note(note))));
    text
}

fn policy_rows(policy: &Policy) -> Vec<[String; 2]> {
    let yes = |yes: bool| if yes { "yes" } else { "no" };
    let mut rows = vec![
        row("agent", &identity(&policy.agent)),
        row("script", &identity(&policy.script)),
        row("new privileges", if policy.no_new_privileges { "none" } else { "allowed" }),
        row("system calls", &format!("profile {}", policy.seccomp.hash.get(..12).unwrap_or_default())),
        row("network", &policy.namespaces.network),
        row("control groups", policy.namespaces.cgroup.unwrap_or(ENGINE_DEFAULT)),
        row("image read-only", yes(policy.read_only_root)),
    ];
    let temporary = policy.temporary.iter().map(|folder| {
        let exec = if folder.executable { "" } else { ", no programs" };
        format!("{}: empty, {} at most{exec}", folder.path, size(folder.bytes))
    });
    rows.extend(named("in memory", temporary));
    let mounts = policy.mounts.iter().map(|mount| {
        let access = if mount.writable { "writable" } else { "read-only" };
        format!("{}: `{}`, {access}", mount.target.display(), mount.source.display())
    });
    rows.extend(named("mounts", mounts));
    rows.extend(named("hidden", joined(policy.masked.as_deref())));
    rows.extend(named("read-only", joined(policy.read_only.as_deref())));
    rows.push(row("memory", &format!("{}, no swap", size(policy.memory_bytes))));
    rows.push(row("/dev/shm", &set(policy.shared_memory_bytes.map(size))));
    rows.push(row("processors", &policy.cpus.map_or_else(|| "all".to_owned(), |cpus| cpus.to_string())));
    rows.push(row("share of processors", &set(policy.cpu_shares.map(|shares| format!("{shares} to 1024 of others")))));
    rows.push(row("OOM score", &set(policy.oom_score.map(|score| format!("adjusted by {score}")))));
    rows.push(row("processes and threads", &policy.pids.to_string()));
    rows.extend(named(
        "of each process",
        policy.process_limits.iter().map(|limit| format!("{} {}", limit.name, limit.most)),
    ));
    rows
}

fn identity(identity: &Identity) -> String {
    let capabilities =
        if identity.capabilities.is_empty() { "none".to_owned() } else { identity.capabilities.join(" ") };
    format!("user {}, group {}, capabilities: {capabilities}", identity.uid, identity.gid)
}

fn row(name: &str, value: &str) -> [String; 2] {
    [name.to_owned(), value.to_owned()]
}

/// A restriction, or that the engine chooses it.
fn set(restriction: Option<String>) -> String {
    restriction.unwrap_or_else(|| ENGINE_DEFAULT.to_owned())
}

/// A few paths in each line.
fn joined(paths: Option<&[&str]>) -> Vec<String> {
    paths.map_or_else(
        || vec![ENGINE_DEFAULT.to_owned()],
        |paths| paths.chunks(PATHS).map(|some| some.join(" ")).collect(),
    )
}

/// The name beside the first of several lines.
fn named(name: &str, lines: impl IntoIterator<Item = String>) -> Vec<[String; 2]> {
    let names = std::iter::once(name).chain(std::iter::repeat(""));
    lines.into_iter().zip(names).map(|(line, name)| row(name, &line)).collect()
}
