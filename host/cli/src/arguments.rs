//! The command line's arguments, and reading the values in them.

use crate::bounds::BoundsArguments;
use crate::check::CheckArguments;
use crate::completions::{CompletionsArguments, ManualArguments};
use crate::config::ConfigCommand;
use crate::doctor::DoctorArguments;
use crate::engine_argument::EngineArgument;
use crate::fingerprint::{DiffArguments, FingerprintArguments};
use crate::given_tables::GivenTables;
use crate::images::ImagesCommand;
use crate::jobs::at_least_one;
use crate::lock::LockArguments;
use crate::new::NewArguments;
use crate::peek::PeekArguments;
use crate::refusal::Report;
use crate::runs::RunsCommand;
use crate::serve::ServeArguments;
use crate::server_command::ServerCommand;
use crate::setup::SetupArguments;
use crate::test::TestArguments;
use crate::uninstall::UninstallArguments;
use clap::{Args, Parser, Subcommand};
use longshore::config::{TimeError, parse_time};
use longshore::size::parse_size;
use longshore::table::{BadRows, FileFormat};
use longshore::{CHUNK_ROWS, Mount, Network, TimeLimit};
use std::num::NonZeroUsize;
use std::path::PathBuf;

/// Run scripts in fresh containers and pass them tables without copying.
#[derive(Debug, Parser)]
#[command(name = "longshore", version, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a block once, in a fresh container
    Run(Box<RunArguments>),
    /// Stay, and serve the runs of commands, notebooks and programs of this user
    Serve(ServeArguments),
    /// Let programs and browsers in to the resident host over HTTP
    #[command(subcommand)]
    Server(ServerCommand),
    /// Show a table as a script will see it: columns, types and why, first rows
    Peek(PeekArguments),
    /// Set up a folder from which a block's script reads when it is started by hand
    DryRun(Box<DryRunArguments>),
    /// Run a block's test cases, and show where its outputs differ from the expected ones
    Test(Box<TestArguments>),
    /// Create a working block to start from
    New(NewArguments),
    /// Build, list and remove the images that blocks run in
    #[command(subcommand)]
    Images(ImagesCommand),
    /// Inspect, follow and cancel runs: their records and their output
    #[command(subcommand)]
    Runs(RunsCommand),
    /// List what is installed in an image or a block's environment, with one hash over it
    Fingerprint(FingerprintArguments),
    /// Show the packages in which two environments, blocks or locks differ
    Diff(DiffArguments),
    /// Write exact versions and hashes of a block's packages beside its manifest or script
    Lock(LockArguments),
    /// Show settings and the source of each
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Check a block without running it, and print it as Longshore reads it
    Check(CheckArguments),
    /// List what is missing on this machine, with the command that fixes it
    Doctor(DoctorArguments),
    /// Print the JSON schema of block.toml
    Schema,
    /// Provide the images or environments that runs need on this machine
    Setup(SetupArguments),
    /// List what there is of Longshore on this machine, and remove it
    Uninstall(UninstallArguments),
    /// Print completions for a shell
    Completions(CompletionsArguments),
    /// Write the manual pages
    #[command(hide = true)]
    Manual(ManualArguments),
}

impl Command {
    /// Whether settings of a project change nothing that it does, or are what it reports on.
    pub(crate) fn needs_no_project(&self) -> bool {
        matches!(self, Self::Doctor(_) | Self::Check(_) | Self::Schema | Self::New(_) | Self::Peek(_))
    }
}

#[derive(Debug, Clone, Args)]
pub(crate) struct RunArguments {
    /// The block's folder, or a script
    pub(crate) block: PathBuf,
    #[command(flatten)]
    pub(crate) tables: GivenTables,
    /// Arguments of the script
    #[arg(last = true, value_name = "ARGUMENT")]
    pub(crate) arguments: Vec<String>,
    /// In a chain of blocks: pass an output to an input, in place of one block after another; repeatable
    #[arg(long = "connect", value_name = "STEP[:OUTPUT]=STEP[:INPUT]")]
    pub(crate) connections: Vec<String>,
    /// Options for reading all inputs or input N: `delimiter=;`, `decimal=,`, `encoding=latin-1`, …; repeatable
    #[arg(long = "read", value_name = "[N|NAME:]KEY=VALUE …")]
    pub(crate) read: Vec<String>,
    /// File for output N (from 0; by default the next) or ID; `-` is standard output
    #[arg(short, long = "output", value_name = "[N|ID=]PATH")]
    pub(crate) outputs: Vec<String>,
    /// Options for writing all outputs or output N: `delimiter=;`, `decimal=,`, `bom=yes`, …; repeatable
    #[arg(long = "write", value_name = "[N|ID:]KEY=VALUE …")]
    pub(crate) write: Vec<String>,
    /// Value of a block's option, or `@` and a file that contains it; `@@` stands for one `@`; repeatable
    #[arg(long = "option", value_name = "NAME=VALUE|@FILE")]
    pub(crate) options: Vec<String>,
    /// Environment variable with the value of an option, to keep secrets out of arguments; repeatable
    #[arg(long = "option-env", value_name = "NAME=VARIABLE")]
    pub(crate) option_variables: Vec<String>,
    /// Environment variable of the script; NAME alone passes on its value here; repeatable
    #[arg(long = "env", value_name = "NAME[=VALUE]")]
    pub(crate) variables: Vec<String>,
    /// JSON file with values for many options
    #[arg(long = "options", value_name = "FILE")]
    pub(crate) options_file: Option<PathBuf>,
    /// Format of standard input, standard output and files without a known suffix, such as csv or parquet
    #[arg(long, value_name = "FORMAT")]
    pub(crate) format: Option<FileFormat>,
    /// Engine to run with: auto is docker, or process if no engine is installed
    #[arg(long, value_enum, default_value_t = EngineArgument::Auto)]
    pub(crate) engine: EngineArgument,
    /// Run in this image unchanged; the block's dependencies are not installed
    #[arg(long)]
    pub(crate) image: Option<String>,
    #[command(flatten)]
    pub(crate) bounds: BoundsArguments,
    /// Network of the container: none, bridge, or a network's name
    #[arg(long, default_value = "none", value_parser = Network::named)]
    pub(crate) network: Network,
    /// How to treat bad rows of text inputs: fail, skip (leave them out) or keep (as text in a column)
    #[arg(long, value_name = "fail|skip|keep", value_parser = BadRows::named)]
    pub(crate) on_bad_row: Option<BadRows>,
    /// Mount a file or folder at the same path in the container, read-only unless `:rw`; repeatable
    #[arg(long = "mount", value_name = "PATH[:rw]", value_parser = mount)]
    pub(crate) mounts: Vec<Mount>,
    /// Allow mounts and file options only below this folder; repeatable; anywhere if not given
    #[arg(long = "allow", value_name = "FOLDER")]
    pub(crate) allowed: Vec<PathBuf>,
    /// Memory limit of the container, such as 512m or 2g
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub(crate) memory: Option<u64>,
    /// Number of processors for the container, such as 1.5
    #[arg(long, value_name = "NUMBER")]
    pub(crate) cpus: Option<f64>,
    /// Maximum number of processes and threads in the container
    #[arg(long, value_name = "NUMBER")]
    pub(crate) pids: Option<u32>,
    /// Time limit of the script, such as 90s, 10m or 2h, or none; one hour unless settings set another
    #[arg(long, value_name = "TIME|none", value_parser = time_limit)]
    pub(crate) timeout: Option<TimeLimit>,
    /// Rows per chunk for a block with the mode `stream`
    #[arg(long, value_name = "NUMBER", default_value_t = CHUNK_ROWS)]
    pub(crate) chunk_rows: u32,
    /// Run the block once for each value of this field of input 0; other inputs with the field are split too
    #[arg(long, value_name = "FIELD")]
    pub(crate) partition_by: Option<String>,
    /// Number of parts that run at a time; by default the number of processors
    #[arg(long, value_name = "NUMBER", value_parser = at_least_one, requires = "partition_by")]
    pub(crate) jobs: Option<NonZeroUsize>,
    /// Continue when a part fails, and publish the others
    #[arg(long, requires = "partition_by")]
    pub(crate) keep_going: bool,
    /// Copy the script's working folder into this new folder, regardless of the outcome
    #[arg(long, value_name = "FOLDER")]
    pub(crate) keep: Option<PathBuf>,
    /// Start a shell in the block's container instead of its script, with the inputs in the folder of a dry run
    #[arg(long, conflicts_with_all = ["json", "events", "explain", "watch", "outputs", "partition_by"])]
    pub(crate) interactive: bool,
    /// Run again whenever the block's files or its inputs change, until Ctrl-C
    #[arg(long, conflicts_with_all = ["json", "explain"])]
    pub(crate) watch: bool,
    /// Print the run's limits and its container's policy, and start nothing
    #[arg(long)]
    pub(crate) explain: bool,
    /// Print the run's record as one JSON object on standard output
    #[arg(long)]
    pub(crate) json: bool,
    /// Print each event of the run as a JSON object in a line on standard output, and its record last
    #[arg(long, conflicts_with = "json")]
    pub(crate) events: bool,
    /// Add the last lines that the script printed to the record of --json or --events, as `log_end`
    #[arg(long, value_name = "LINES", value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub(crate) log_end: Option<u16>,
    /// Show only the script's own output, and failures
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

impl RunArguments {
    /// How the caller reads the result.
    pub(crate) fn report(&self) -> Report {
        match (self.json, self.events) {
            (true, _) => Report::Json,
            (_, true) => Report::Events,
            _ => Report::Text,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct DryRunArguments {
    /// The block's folder, or a script
    pub(crate) block: PathBuf,
    #[command(flatten)]
    pub(crate) tables: GivenTables,
    /// Options for reading inputs, as for `run`; repeatable
    #[arg(long = "read", value_name = "[N|NAME:]KEY=VALUE …")]
    pub(crate) read: Vec<String>,
    /// Value of a block's option, as for `run`; repeatable
    #[arg(long = "option", value_name = "NAME=VALUE|@FILE")]
    pub(crate) options: Vec<String>,
    /// Environment variable with the value of an option; repeatable
    #[arg(long = "option-env", value_name = "NAME=VARIABLE")]
    pub(crate) option_variables: Vec<String>,
    /// JSON file with values for many options; by default the one in the folder
    #[arg(long = "options", value_name = "FILE")]
    pub(crate) options_file: Option<PathBuf>,
    /// Format of standard input and files without a known suffix, such as csv or parquet
    #[arg(long, value_name = "FORMAT")]
    pub(crate) format: Option<FileFormat>,
    /// How to treat bad rows of text inputs: fail, skip or keep
    #[arg(long, value_name = "fail|skip|keep", value_parser = BadRows::named)]
    pub(crate) on_bad_row: Option<BadRows>,
    /// Folder to set up, created if it does not exist; without inputs its tables are used
    #[arg(long, value_name = "FOLDER", default_value = "dry-run")]
    pub(crate) folder: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

fn mount(text: &str) -> Result<Mount, String> {
    let mount = match text.strip_suffix(":rw") {
        Some(path) => Mount::writable(path),
        None => Mount::read_only(text.strip_suffix(":ro").unwrap_or(text)),
    };
    let path = mount.path.as_os_str().as_encoded_bytes();
    if path.is_empty() || path.contains(&b':') {
        return Err("expected PATH or PATH:rw, where the path contains no `:`".into());
    }
    Ok(mount)
}

fn time_limit(text: &str) -> Result<TimeLimit, TimeError> {
    if text == "none" { Ok(TimeLimit::None) } else { parse_time(text).map(TimeLimit::After) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables::{input, output, write};
    use std::path::Path;

    use longshore_protocol::OutputName;

    #[test]
    fn values_are_read() {
        assert_eq!(time_limit("10m"), Ok(TimeLimit::After(std::time::Duration::from_secs(600))));
        assert_eq!(time_limit("none"), Ok(TimeLimit::None));
        assert!(time_limit("0s").is_err() && time_limit("soon").is_err());
        assert_eq!(input("2=a.csv", None).number, Some(2));
        assert_eq!(input("x=a.csv", None).name.as_deref(), Some("x"));
        assert_eq!(input("a.b=c.csv", None).as_path(), Some(Path::new("a.b=c.csv")));
        assert_eq!(output("clustered=a.csv", None).name, Some(OutputName::Id("clustered".into())));
        assert_eq!(output("1=a=b.csv", None).as_path(), Some(Path::new("a=b.csv")));
        assert_eq!(output("./a=b.csv", None).name, None);
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("year=2024")).unwrap();
        let path = folder.path().join("year=2024/out.csv");
        assert_eq!(output(path.to_str().unwrap(), None).as_path(), Some(path.as_path()));
        assert_eq!(output("year=2024/out.csv", None).name, Some(OutputName::Id("year".into())));
        let mut outputs = vec![output("a.csv", None), output("b.csv", None), output("x=c.csv", None)];
        write(&mut outputs, "decimal=,").unwrap();
        write(&mut outputs, "1:times='%H:%M %d.%m.%Y' delimiter=:").unwrap();
        write(&mut outputs, "x:delimiter=;").unwrap();
        assert!(outputs.iter().all(|output| output.write.decimal.is_some()));
        let delimiters = outputs.iter().map(|output| output.write.delimiter.clone().map(String::from));
        assert_eq!(delimiters.collect::<Vec<_>>(), [None, Some(":".into()), Some(";".into())]);
        assert_eq!(write(&mut outputs, "7:bom=yes"), Err("`--write 7:bom=yes`: there is no output `7`".into()));
        assert!(mount("/data:rw").is_ok_and(|mount| mount.writable));
    }
}
