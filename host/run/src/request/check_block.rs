//! Checks of a block that need no table, no option and no engine, for runs and for `longshore check`.

use super::RequestError;
use longshore_block::{Block, BlockFile, Undeclared, check_hidden};
use longshore_images::environment;
use longshore_model::network::Network;
use longshore_model::note::Note;
use longshore_model::reference::Reference;
use longshore_model::remedy::{PackageList, Remedy};

/// Top-level modules, and R packages, of scripts that need a network: clients of services and of databases.
const OF_NETWORKS: [&str; 22] = [
    "aiohttp",
    "asyncpg",
    "boto3",
    "googleapiclient",
    "httpx",
    "openai",
    "paramiko",
    "psycopg",
    "psycopg2",
    "pymongo",
    "pymysql",
    "redis",
    "requests",
    "selenium",
    "snowflake",
    "tweepy",
    "urllib3",
    "yfinance",
    "curl",
    "httr",
    "httr2",
    "RCurl",
];

/// A block that was checked as far as that is possible without a run.
#[derive(Debug)]
#[non_exhaustive]
pub struct CheckedBlock {
    /// The files that a run copies.
    pub files: Vec<BlockFile>,
    /// What would be told at the start of a run, and what a run would fail for.
    pub notes: Vec<Note>,
    /// What its script needs, nothing declares, and its image lacks.
    pub undeclared: Vec<Undeclared>,
    /// The modules and packages because of which it probably needs a network, if it does not request one.
    pub of_networks: Vec<String>,
    /// Why a run would be refused.
    pub errors: Vec<RequestError>,
}

impl CheckedBlock {
    /// Checks a block. Blocks.
    #[must_use]
    pub fn of(block: &Block) -> Self {
        let mut errors = Vec::new();
        let listed = block.files().map_err(|error| errors.push(error.into())).ok();
        let (files, passed_over) = listed.map(|listed| (listed.files, listed.notes)).unwrap_or_default();
        errors.extend(check_hidden(block, &files).map_err(RequestError::from).err());
        errors.extend(check_environment(block).and_then(|()| check_packages(block)).err());
        let undeclared = block.undeclared();
        let mut notes: Vec<Note> = passed_over.into_iter().map(Note::from).collect();
        notes.extend(note_of_network(block, &Network::None));
        notes.extend(undeclared.iter().map(|undeclared| note_of(undeclared, package_list(block))));
        let of_networks = if block.network { Vec::new() } else { of_networks(block) };
        Self { files, notes, undeclared, of_networks, errors }
    }
}

/// Checks the names of packages and of the image.
pub(super) fn check_environment(block: &Block) -> Result<(), RequestError> {
    environment::check(block).map_err(Box::new)?;
    if let Some(image) = &block.image {
        Reference::parse(image).map_err(|source| RequestError::Image { image: image.clone(), source })?;
    }
    Ok(())
}

/// Checks that a build in a container can get the block's packages.
pub(super) fn check_packages(block: &Block) -> Result<(), RequestError> {
    environment::check_git(block).map_err(|error| Box::new(error).into())
}

/// The note about a block that needs a network that its run has not.
pub(super) fn note_of_network(block: &Block, network: &Network) -> Option<Note> {
    let lacks = block.network && *network == Network::None;
    lacks.then(|| Note::new("the block needs a network, and the run has none", Some(Remedy::AddNetwork)))
}

/// Where a block declares its packages.
pub(crate) fn package_list(block: &Block) -> PackageList {
    use longshore_block::Language::{Python, R};
    match (block.whole_folder, block.language) {
        (false, Python) => PackageList::PythonScript,
        (false, R) => PackageList::RScript,
        (true, _) if block.folder.join("block.toml").exists() => PackageList::BlockToml,
        (true, _) if block.folder.join("manifest.json").exists() => PackageList::ManifestJson,
        (true, _) => PackageList::Requirements,
    }
}

fn note_of(undeclared: &Undeclared, place: PackageList) -> Note {
    let Undeclared { file, line, module, package, .. } = undeclared;
    let at = if *line == 0 { format!("`{file}`") } else { format!("`{file}`, line {line}") };
    match package {
        Some(package) => Note::new(
            format!("{at} needs `{module}`, which is in the package `{package}`, and nothing declares it"),
            Some(Remedy::DeclarePackage { package: package.clone(), place }),
        ),
        None => format!("{at} needs `{module}`, which is not among the block's files, and nothing declares a package")
            .into(),
    }
}

fn of_networks(block: &Block) -> Vec<String> {
    let mut found: Vec<String> =
        block.needed_modules().into_iter().filter(|module| OF_NETWORKS.contains(&module.as_str())).collect();
    found.sort();
    found.dedup();
    found
}
