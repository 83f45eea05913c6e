//! `longshore run`.

use crate::arguments::RunArguments;
use crate::console::{Look, Watcher};
use crate::option_values::Hidden;
use crate::peek::glance_text;
use crate::refusal::Report;
use crate::signals::Signals;
use crate::through_server::{self, Ended, Found, Refused, Request};
use crate::{
    attend, chain, environment, explain, failure, help, option_values, printer, script_variables, standard, tables,
};
use longshore::block::{Block, GivenValue};
use longshore::shown::Shown;
use longshore::{Cancel, ChainRequest, Host, PartitionSpec, RequestError, RunRecord, RunRequest, Step, TimeLimit};
use longshore_caller::Run;
use std::io;
use std::num::NonZeroUsize;
use std::path::PathBuf;

/// The help for a plain argument that is not a table.
const PLAIN: &str = "a plain argument is a table for the next input; arguments of the script follow `--`";

/// Runs a block until it ends or a signal arrives, and returns the exit status.
pub(crate) async fn run(arguments: RunArguments, host: &Host) -> u8 {
    let cancel = Cancel::new();
    let signals = Signals::cancelling(&cancel);
    once(arguments, host, &cancel, &signals).await
}

/// Runs a block, and returns the exit status.
pub(crate) async fn once(arguments: RunArguments, host: &Host, cancel: &Cancel, signals: &Signals) -> u8 {
    let report = arguments.report();
    let (json, quiet, explaining) = (arguments.json, arguments.quiet, arguments.explain);
    let has_plain = arguments.tables.has_plain;
    if arguments.log_end.is_some() && report == Report::Text {
        return report.refuse(&["`--log-end` adds to the record: give `--json` or `--events` too".into()], Vec::new());
    }
    let look = look(&arguments);
    let interactive = arguments.interactive;
    let more = chain::more_blocks(&arguments);
    if !more.is_empty() {
        return run_chain(arguments, &more, host, cancel, signals).await;
    }
    let (texts, variables) = (&arguments.options, &arguments.option_variables);
    let spec = option_values::given(texts, variables, arguments.options_file.as_deref()).and_then(|given| {
        let notes = if quiet { Vec::new() } else { option_values::notes(&arguments, &given) };
        spec(arguments, given).map(|spec| (spec, notes))
    });
    let (mut spec, notes) = match spec {
        Ok(spec) => spec,
        Err(reason) => return report.refuse(&[reason], Vec::new()),
    };
    for note in notes {
        failure::print_note(&note);
    }
    match ask(&mut spec, cancel).await {
        Some(Ok(())) => {}
        Some(Err(error)) => return report.refuse(&[format!("cannot ask for a password: {error}")], Vec::new()),
        None => return report.interrupted(),
    }
    spec.working_folder = environment::current_folder();
    if !explaining && !interactive {
        let through = Through { report, look: look.clone(), has_plain, quiet, signals };
        match through.find(Request::Run(&spec), host, cancel) {
            Ok(Some(run)) => {
                drop(spec);
                return through.run(run, host, cancel).await;
            }
            Ok(None) => {}
            Err(status) => return status,
        }
    }
    spec.temporary_folder = Some(host.settings().temporary_folder.clone());
    let prepared = tokio::task::spawn_blocking(|| spec.prepare());
    let prepared = tokio::select! {
        prepared = prepared => prepared,
        // The check may wait for standard input without a limit.
        () = cancel.cancelled() => return report.interrupted(),
    };
    let prepared = match prepared {
        Ok(Ok(prepared)) => prepared,
        Ok(Err(error)) => return bad_input(&error, report, has_plain),
        Err(_) => return report.fail("internal error while checking the run: please report it"),
    };
    if explaining {
        let status = tokio::select! {
            status = explain::run(&prepared, host, json) => status,
            () = cancel.cancelled() => report.interrupted(),
        };
        return status;
    }
    if interactive {
        return attend::attend(prepared, host, cancel).await;
    }
    let (events, happened) = longshore::events();
    let console = match Watcher::start(look, happened, cancel) {
        Ok(console) => console,
        Err(error) => return report.fail(&format!("cannot start the console: {error}")),
    };
    let record = host.run_prepared(prepared, events, cancel).await;
    conclude(&record, console, report, host, cancel, signals).await
}

/// Runs a chain of blocks, and returns the exit status.
async fn run_chain(arguments: RunArguments, more: &[PathBuf], host: &Host, cancel: &Cancel, signals: &Signals) -> u8 {
    let (report, look) = (arguments.report(), look(&arguments));
    let mut request = match chain_request(&arguments, more) {
        Ok(request) => request,
        Err(reason) => return report.refuse(&[reason], Vec::new()),
    };
    let through = Through { report, look: look.clone(), has_plain: false, quiet: arguments.quiet, signals };
    match through.find(Request::Chain(&request), host, cancel) {
        Ok(Some(run)) => {
            drop(request);
            return through.run(run, host, cancel).await;
        }
        Ok(None) => {}
        Err(status) => return status,
    }
    for step in &mut request.steps {
        step.request.temporary_folder = Some(host.settings().temporary_folder.clone());
    }
    let prepared = tokio::task::spawn_blocking(|| request.prepare());
    let prepared = tokio::select! {
        prepared = prepared => prepared,
        () = cancel.cancelled() => return report.interrupted(),
    };
    let prepared = match prepared {
        Ok(Ok(prepared)) => prepared,
        Ok(Err(error)) => {
            return report
                .refuse(&error.problems(), error.remedy().as_ref().and_then(help::words).into_iter().collect());
        }
        Err(_) => return report.fail("internal error while checking the run: please report it"),
    };
    let (events, happened) = longshore::events();
    let console = match Watcher::start(look, happened, cancel) {
        Ok(console) => console,
        Err(error) => return report.fail(&format!("cannot start the console: {error}")),
    };
    let record = host.run_prepared_chain(prepared, events, cancel).await;
    conclude(&record, console, report, host, cancel, signals).await
}

fn chain_request(arguments: &RunArguments, more: &[PathBuf]) -> Result<ChainRequest, String> {
    let chain::Parts { steps, connections } = chain::parts(arguments, more)?;
    let mut request = ChainRequest::new();
    for (name, arguments) in steps {
        let options = option_values::given(&arguments.options, &[], None)?;
        let mut step = spec(arguments, options).map_err(|reason| format!("step `{name}`: {reason}"))?;
        step.working_folder = environment::current_folder();
        // The hashes are of one run.
        step.hashes = false;
        request = request.step(Step::new(step).name(name));
    }
    request.connections = connections;
    Ok(request)
}

/// Shows the end of a run, and returns the exit status.
async fn conclude(
    record: &RunRecord,
    console: Watcher,
    report: Report,
    host: &Host,
    cancel: &Cancel,
    signals: &Signals,
) -> u8 {
    let log_end = console.finish(record, signals.first(), cancel).await;
    report.record(record, log_end);
    host.settings().runs.exit_status(record.outcome)
}

/// A run through the resident host.
struct Through<'a> {
    report: Report,
    look: Look,
    has_plain: bool,
    quiet: bool,
    signals: &'a Signals,
}

impl Through<'_> {
    /// Starts it at the resident host. `None` if the command runs it itself; the error is the exit status.
    fn find(&self, request: Request<'_>, host: &Host, cancel: &Cancel) -> Result<Option<Run>, u8> {
        match tokio::task::block_in_place(|| through_server::find(request, host.settings(), cancel)) {
            Ok(Found::Host(run)) => Ok(Some(*run)),
            Ok(Found::Nobody(reason)) => {
                if let Some(reason) = reason.filter(|_| !self.quiet) {
                    failure::print_note(&format!("running without the resident host: {reason}"));
                }
                Ok(None)
            }
            Ok(Found::Cancelled) => Err(self.report.interrupted()),
            Err(missing) => Err(self.report.fail_helped(&missing.reason, missing.help)),
        }
    }

    async fn run(self, run: Run, host: &Host, cancel: &Cancel) -> u8 {
        let (events, happened) = longshore::events();
        let console = match Watcher::start(self.look, happened, cancel) {
            Ok(console) => console,
            Err(error) => return self.report.fail(&format!("cannot start the console: {error}")),
        };
        match through_server::run(run, events, cancel, self.signals).await {
            Ended::Record(record) => conclude(&record, console, self.report, host, cancel, self.signals).await,
            Ended::Rejected(refused) => {
                console.clear(cancel).await;
                refuse(refused, self.report, self.has_plain)
            }
            Ended::Cancelled => {
                console.clear(cancel).await;
                self.report.interrupted()
            }
            Ended::Busy(reason) | Ended::Lost(reason) => {
                console.clear(cancel).await;
                self.report.fail(&reason)
            }
        }
    }
}

/// Asks for missing passwords. `None` if it is cancelled meanwhile.
async fn ask(spec: &mut RunRequest, cancel: &Cancel) -> Option<io::Result<()>> {
    for option in option_values::to_ask(spec) {
        let hidden = match Hidden::begin() {
            Ok(hidden) => hidden,
            Err(error) => return Some(Err(error)),
        };
        let asking = tokio::task::spawn_blocking(move || option_values::ask(&option));
        let answer = tokio::select! {
            answer = asking => answer.unwrap_or_else(|broken| Err(io::Error::other(broken))),
            () = cancel.cancelled() => return None,
        };
        drop(hidden);
        match answer {
            Ok(answer) => spec.options.push(answer),
            Err(error) => return Some(Err(error)),
        }
    }
    Some(Ok(()))
}

pub(crate) fn bad_input(error: &RequestError, report: Report, has_plain: bool) -> u8 {
    let refused = Refused {
        problems: error.problems(),
        remedy: error.remedy(),
        glances: error.glances().map(|(number, glance)| (number, glance.clone())).collect(),
        is_about_inputs: error.is_about_inputs(),
    };
    refuse(refused, report, has_plain)
}

fn refuse(refused: Refused, report: Report, has_plain: bool) -> u8 {
    let glances = refused.glances.iter();
    let seen: Shown = glances.map(|(number, glance)| glance_text(&format!("input {number}: "), glance)).collect();
    printer::err(&seen);
    let mut help: Vec<String> = refused.remedy.as_ref().and_then(help::words).into_iter().collect();
    help.extend((has_plain && refused.is_about_inputs).then(|| PLAIN.to_owned()));
    report.refuse(&refused.problems, help)
}

/// What the run shows, and where.
fn look(arguments: &RunArguments) -> Look {
    let outputs = arguments.outputs.iter().map(|text| tables::output(text, arguments.format));
    let data_on_out = outputs.into_iter().any(|output| standard::is_standard(output.as_path()));
    let report = arguments.report();
    Look {
        quiet: arguments.quiet,
        data_on_out: data_on_out || report != Report::Text,
        events: report == Report::Events,
        log_end: arguments.log_end.map(usize::from),
        only_prints: arguments.outputs.is_empty() && arguments.keep.is_none(),
    }
}

fn spec(arguments: RunArguments, options: Vec<(String, GivenValue)>) -> Result<RunRequest, String> {
    let report = arguments.report();
    let mut spec = RunRequest::new(&arguments.block);
    spec.inputs = arguments.tables.tables.iter().map(|text| tables::input(text, arguments.format)).collect();
    if !arguments.read.is_empty() {
        // Errors in the block are reported by its check.
        let loaded = Block::load(&spec.block).ok();
        let names: Vec<&str> = loaded.iter().flat_map(|loaded| loaded.block.input_names()).collect();
        arguments.read.iter().try_for_each(|text| tables::read(&mut spec.inputs, text, &names))?;
    }
    spec.outputs = arguments.outputs.iter().map(|text| tables::output(text, arguments.format)).collect();
    arguments.write.iter().try_for_each(|text| tables::write(&mut spec.outputs, text))?;
    standard::connect_inputs(&mut spec.inputs)?;
    if report != Report::Text && spec.outputs.iter().any(|output| standard::is_standard(output.as_path())) {
        let option = if report == Report::Json { "--json" } else { "--events" };
        return Err(format!("`{option}` and `-o -` both write to standard output: give the output a file"));
    }
    standard::connect_outputs(&mut spec.outputs)?;
    spec.options = options;
    spec.arguments = arguments.arguments;
    spec.environment = script_variables::given(&arguments.variables)?;
    spec.engine = arguments.engine.into();
    if arguments.image.is_some() && (arguments.bounds.as_of.is_some() || !arguments.bounds.constraints.is_empty()) {
        return Err("`--image` uses an image unchanged: leave it out, or leave out `--as-of` and `--constraint`".into());
    }
    spec.image = arguments.image;
    spec.constraints = arguments.bounds.constraints()?;
    spec.as_of = arguments.bounds.as_of;
    spec.network = arguments.network;
    spec.mounts = arguments.mounts;
    spec.chunk_rows = arguments.chunk_rows;
    spec.bad_rows = arguments.on_bad_row;
    let processors = || std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let jobs = arguments.jobs.unwrap_or_else(processors).get();
    let keep_going = arguments.keep_going;
    spec.partition = arguments.partition_by.map(|field| PartitionSpec::new(field).jobs(jobs).keep_going(keep_going));
    spec.allowed = arguments.allowed;
    spec.keep = arguments.keep;
    spec.hashes = report != Report::Text;
    let limits = &mut spec.limits;
    limits.memory_bytes = arguments.memory.unwrap_or(limits.memory_bytes);
    limits.cpus = arguments.cpus;
    limits.pids = arguments.pids.unwrap_or(limits.pids);
    // A shell has no limit of its own.
    let usual = if arguments.interactive { TimeLimit::None } else { TimeLimit::default() };
    limits.timeout = arguments.timeout.unwrap_or(usual);
    Ok(spec)
}
