//! `longshore`, the command line. This file owns start, end and exit status; each command has a file.

mod arguments;
mod attend;
mod bounds;
mod chain;
mod check;
mod check_folder;
mod completions;
mod config;
mod console;
mod docker_context;
mod doctor;
mod dry_run;
mod engine_argument;
mod environment;
mod explain;
mod failure;
mod fingerprint;
mod given_tables;
mod help;
mod images;
mod jobs;
mod lock;
mod making;
mod new;
mod option_values;
mod peek;
mod printer;
mod refusal;
mod run;
mod runs;
mod script_variables;
mod serve;
mod server_command;
mod setup;
mod signals;
mod standard;
mod tables;
mod terminal;
mod test;
mod through_server;
mod uninstall;
mod unit;
mod usage;
mod watch;

use arguments::{Arguments, Command};
use clap::{CommandFactory, Parser};
use longshore::Host;
use longshore::causes::chain;
use refusal::Report;
use std::process::ExitCode;

/// Exit status for bad usage and bad input: nothing was started.
pub(crate) const BAD_INPUT: u8 = 2;

fn main() -> ExitCode {
    failure::panics_are_bugs();
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return ExitCode::from(usage::explain(&error)),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return ExitCode::from(failure::print(&error, 3)),
    };
    let environment = match environment::find(arguments.command.needs_no_project()) {
        Ok(environment) => environment,
        Err(error) => {
            let report = if let Command::Run(run) = &arguments.command { run.report() } else { Report::Text };
            return ExitCode::from(report.refuse(&[chain(&error)], Vec::new()));
        }
    };
    // The doctor itself reports all of it.
    if !matches!(arguments.command, Command::Doctor(_)) {
        environment.warnings().iter().for_each(|warning| failure::print_note(warning));
    }
    let config = &environment.config;
    let host = Host::new(config.settings().clone());
    let status = match arguments.command {
        Command::Run(arguments) if arguments.watch => runtime.block_on(watch::watch(*arguments, &host)),
        Command::Run(arguments) => runtime.block_on(run::run(*arguments, &host)),
        Command::Serve(arguments) => runtime.block_on(serve::serve(arguments, host)),
        Command::Server(command) => server_command::server(&command, host.settings()),
        Command::Peek(arguments) => peek::peek(&arguments, &host.settings().temporary_folder),
        Command::DryRun(arguments) => dry_run::dry_run(&arguments, &host.settings().temporary_folder),
        Command::Test(arguments) => runtime.block_on(test::test(*arguments, &host)),
        Command::New(arguments) => new::new(&arguments),
        Command::Images(command) => runtime.block_on(images::images(command, &host)),
        Command::Runs(command) => runs::runs(command, host.settings()),
        Command::Fingerprint(arguments) => {
            runtime.block_on(signals::unless_interrupted(fingerprint::fingerprint(arguments, &host)))
        }
        Command::Diff(arguments) => runtime.block_on(signals::unless_interrupted(fingerprint::diff(arguments, &host))),
        Command::Lock(arguments) => runtime.block_on(lock::lock(arguments, &host)),
        Command::Config(command) => config::config(&command, config),
        Command::Check(arguments) => check::check(&arguments, &host.settings().temporary_folder),
        Command::Doctor(arguments) => {
            runtime.block_on(signals::unless_interrupted(doctor::doctor(&arguments, &environment)))
        }
        Command::Schema => check::schema(),
        Command::Setup(arguments) => runtime.block_on(setup::setup(arguments, &host)),
        Command::Uninstall(arguments) => {
            let work = uninstall::uninstall(arguments, &host, config.files());
            runtime.block_on(signals::unless_interrupted(work))
        }
        Command::Completions(arguments) => completions::completions(&arguments, Arguments::command()),
        Command::Manual(arguments) => completions::manual(&arguments, Arguments::command()),
    };
    // At most a read of standard input is still blocked; the program does not wait for it.
    runtime.shutdown_background();
    ExitCode::from(status)
}
