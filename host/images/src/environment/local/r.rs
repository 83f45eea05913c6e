//! R packages of a block: a library before R's own, with the packages that those lack.
//!
//! Whether a package that no repository has is an error depends on its origin. A package in a manifest is required, so
//! it is. A package found in the script may be in `library(x)`, but also in `if (require(x))`, and so be optional: the
//! run continues with a note, and the script fails with its own message if it needs the package. A package that is in a
//! repository and cannot be installed is an error in both cases. `absent` decides it.

use super::base::{self, Base};
use super::certificates::gather;
use super::environment_cache::{BuildDirectory, Record};
use super::interpreter::Interpreter;
use super::key::Key;
use super::tool::{Tool, Watch, place, tell, words};
use super::{LocalEnvironment, LocalError, Recipe, check_version, obtain};
use crate::environment::bounds::check_snapshot;
use crate::environment::lock::of_r;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use longshore_block::{Block, Language, PinnedPackage};
use longshore_config::settings::Settings;
use longshore_engine::Engines;
use longshore_engine::task::blocking;
use longshore_model::address::masked;
use longshore_model::event::Event;
use longshore_model::r_requirement::RRequirement;
use longshore_os::small_file;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The beginning of the hashed text: it changes when libraries are built in another way.
const VERSION: &str = "longshore-r-1";

/// The script that installs packages.
const INSTALL: &str =
    concat!(include_str!("../repositories.R"), include_str!("../choose.R"), include_str!("library.R"));

/// The block's libraries: that of the base, before it that with the packages that the block needs besides.
pub(crate) async fn ensure(
    block: &Block,
    engines: &Engines,
    settings: &Settings,
    watch: Watch<'_>,
) -> Result<LocalEnvironment, LocalError> {
    check_version(block, &base::interpreter(Language::R, settings, watch).await?)?;
    let Base { interpreter, library, hold } = base::ensure(Language::R, block.pandas, engines, watch).await?;
    let base = LocalEnvironment {
        r_libraries: Vec::from_iter(library.clone()),
        holds: Vec::from_iter(hold),
        ..LocalEnvironment::default()
    };
    let needs = Needs::new(block, interpreter);
    if needs.missing.is_empty() {
        return Ok(base);
    }
    check_snapshot(block, &settings.packages).map_err(Box::new)?;
    let hash = needs.hash(settings);
    let made = obtain(&hash, &Building { needs: &needs, library, settings, watch }, engines, watch).await?;
    if !made.record.unavailable.is_empty() {
        watch.events.tell(Event::Note(without(&made.record).into()));
    }
    if made.record.installed.is_empty() {
        return Ok(base);
    }
    let libraries = [library_of(&made.folder)].into_iter().chain(base.r_libraries).collect();
    Ok(LocalEnvironment {
        r_libraries: libraries,
        holds: base.holds.into_iter().chain([made.hold]).collect(),
        python: None,
    })
}

/// The library of an environment.
fn library_of(folder: &Path) -> PathBuf {
    folder.join("library")
}

fn without(record: &Record) -> String {
    let names = record.unavailable.join(", ");
    let why = if record.unreachable { "no repository of R packages answers" } else { "no repository has them" };
    format!("the script names R packages that are not installed ({names}), and {why}: it runs without them")
}

/// The requirements of a block, and its R.
#[derive(Debug)]
struct Needs {
    /// The requirements of the block that R does not meet.
    missing: Vec<String>,
    /// The names of those that the manifest declares, which are required: see the head of this file.
    declared: BTreeSet<String>,
    /// The lock of another tool that has exact versions.
    lock: Option<String>,
    parent: Interpreter,
    /// The packages of R.
    present: BTreeSet<String>,
}

impl Needs {
    fn new(block: &Block, parent: Interpreter) -> Self {
        let folders = parent.libraries.iter().filter_map(|library| std::fs::read_dir(library).ok()).flatten().flatten();
        let packages = folders.filter(|entry| entry.path().join("DESCRIPTION").is_file());
        let present: BTreeSet<String> =
            packages.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        let exact = |package: &PinnedPackage| format!("{}=={}", package.name, package.version);
        // The exact packages of another tool's lock are the requirements then.
        let named = match &block.pinned {
            Some(pinned) => pinned.packages.iter().map(exact).collect(),
            None => of_r(&block.dependencies),
        };
        let named: Vec<RRequirement> = named.iter().filter_map(|text| text.parse().ok()).collect();
        let is_met = |requirement: &RRequirement| {
            present.contains(requirement.name())
                && (requirement.is_bare() || requirement.allows(&version(&parent, requirement.name())))
        };
        let missing: Vec<RRequirement> = named.into_iter().filter(|requirement| !is_met(requirement)).collect();
        let names = missing.iter().map(|requirement| requirement.name().to_owned());
        let declared = names.filter(|name| !block.dependencies_found.contains(name)).collect();
        let mut missing: Vec<String> = missing.iter().map(ToString::to_string).collect();
        missing.sort();
        let lock = block.pinned.as_ref().map(|pinned| format!("`{}`", pinned.file));
        Self { missing, declared, lock, parent, present }
    }

    /// The name of the environment: a hash of everything that determines its content.
    fn hash(&self, settings: &Settings) -> String {
        let mut key = Key::of(VERSION, &self.parent);
        self.declared.iter().for_each(|name| key.add("declared", name));
        self.missing.iter().for_each(|name| key.add("package", name));
        self.lock.iter().for_each(|name| key.add("lock", name));
        self.present.iter().for_each(|name| key.add("present", name));
        settings.packages.cran.iter().for_each(|address| key.add("repository", &masked(address)));
        key.finish()
    }
}

/// The report of an installation.
#[derive(Debug, Default, PartialEq, Eq)]
struct Report {
    unavailable: Vec<String>,
    unreachable: Vec<String>,
    /// Why no version of a package fits.
    unfit: Vec<String>,
    /// Installed packages that will not work.
    broken: Vec<String>,
    failed: Option<String>,
}

impl Report {
    fn parse(text: &str) -> Self {
        let mut report = Self::default();
        for (what, name) in text.lines().filter_map(|line| line.split_once(' ')) {
            match what {
                "unavailable" => report.unavailable.push(name.to_owned()),
                "unreachable" => report.unreachable.push(masked(name)),
                "broken" => report.broken.push(name.to_owned()),
                "unfit" => report.unfit.push(masked(name)),
                "failed" => report.failed = Some(name.to_owned()),
                _ => {}
            }
        }
        report
    }
}

/// The build of one library.
struct Building<'a> {
    needs: &'a Needs,
    /// The library of the base.
    library: Option<PathBuf>,
    settings: &'a Settings,
    watch: Watch<'a>,
}

impl Recipe for Building<'_> {
    fn build<'a>(&'a self, site: &'a BuildDirectory) -> BoxFuture<'a, Result<Record, LocalError>> {
        self.packages(site).boxed()
    }
}

impl Building<'_> {
    async fn packages(&self, site: &BuildDirectory) -> Result<Record, LocalError> {
        tell(self.watch.events, &format!("installing {}", self.needs.missing.join(", ")));
        let settings = self.settings;
        let (home, library) = (site.home(), library_of(&site.folder()));
        let failed = |source| LocalError::Folder { path: home.clone(), source };
        let (script, report) = (home.join("install.R"), home.join("report"));
        let files = (library.clone(), script.clone(), report.clone());
        let making = blocking(move || {
            let (library, script, report) = files;
            std::fs::create_dir(library)?;
            std::fs::write(script, INSTALL)?;
            std::fs::write(report, "")
        });
        making.await.map_err(failed)?;
        let libraries = [Some(library.as_path()), self.library.as_deref(), settings.r_library.as_deref()];
        let libraries: Vec<_> = libraries.into_iter().flatten().map(Path::to_string_lossy).collect();
        let processors = std::thread::available_parallelism().map_or(1, |count| count.get());
        let ended = Tool::new(&self.needs.parent.path, settings)
            .folder(&home)
            .trusting(gather(settings.packages.ca_bundle.as_deref(), &home)?.as_deref())
            .variable("HOME", &home)
            .variable("TMPDIR", &home)
            .variable("R_LIBS", libraries.join(":"))
            .variable("MAKEFLAGS", format!("-j{processors}"))
            .variable("LONGSHORE_CRAN", settings.packages.cran.join("\n"))
            .variable("LONGSHORE_LOCK", self.needs.lock.clone().unwrap_or_default())
            .arguments([Path::new("--vanilla"), &script, &library, &report])
            .arguments(&self.needs.missing)
            .run(self.watch)
            .await?;
        let report = Report::parse(&small_file::read_text(&report, small_file::MADE_MAX).map_err(failed)?);
        if !ended.status.success() {
            let package = report.failed.unwrap_or_else(|| self.needs.missing.join(", "));
            let place = place(&ended.lines, site.shelf());
            // Output of earlier installations is irrelevant.
            let start = format!("package ‘{package}’ ...");
            let start = ended.lines.iter().rposition(|line| line.ends_with(&start)).unwrap_or_default();
            return Err(LocalError::R { package, place, words: words(&ended.lines[start..]) });
        }
        if !report.unfit.is_empty() {
            return Err(LocalError::NoVersion { reasons: report.unfit.join("; ") });
        }
        report.broken.iter().for_each(|text| self.watch.events.tell(Event::Note(text.clone().into())));
        let record = self.absent(report, &ended.lines)?;
        Ok(Record { installed: installed(&library), ..record })
    }

    /// Whether the packages that no repository has are optional for the block.
    fn absent(&self, report: Report, lines: &[String]) -> Result<Record, LocalError> {
        let Report { unavailable, unreachable, .. } = report;
        let declared: Vec<String> =
            unavailable.iter().filter(|name| self.needs.declared.contains(*name)).cloned().collect();
        let record = Record {
            language: "r".into(),
            requirements: self.needs.missing.clone(),
            unreachable: !unreachable.is_empty() && !unavailable.is_empty(),
            unavailable,
            ..Record::default()
        };
        if declared.is_empty() {
            return Ok(record);
        }
        let quoted = |address: &String| format!("`{}`", masked(address));
        if let Some(repository) = unreachable.first().map(quoted) {
            return Err(LocalError::Unreachable { packages: declared.join(", "), repository, words: words(lines) });
        }
        let mut repositories: Vec<String> = self.settings.packages.cran.iter().map(quoted).collect();
        if repositories.is_empty() {
            repositories.push("those of R's own configuration".into());
        }
        let packages = match declared.as_slice() {
            [one] => format!("the package `{one}` that the block names is"),
            _ => format!("the packages {} that the block names are", declared.join(", ")),
        };
        Err(LocalError::Unavailable { packages, repositories: repositories.join(", ") })
    }
}

/// The version of a package in a folder.
fn version_in(folder: &Path) -> Option<String> {
    let text = small_file::read(&folder.join("DESCRIPTION"), small_file::WRITTEN_MAX).ok()?;
    let text = String::from_utf8_lossy(&text);
    Some(text.lines().find_map(|line| line.strip_prefix("Version:"))?.trim().to_owned())
}

/// The version of a package as R finds it; empty if it is unknown.
fn version(interpreter: &Interpreter, name: &str) -> String {
    interpreter.libraries.iter().find_map(|library| version_in(&library.join(name))).unwrap_or_default()
}

/// The packages in a library with their versions.
fn installed(library: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(library).into_iter().flatten().flatten();
    let described = entries.filter_map(|entry| {
        let version = version_in(&entry.path())?;
        Some(format!("{} {version}", entry.file_name().to_string_lossy()))
    });
    let mut packages: Vec<String> = described.collect();
    packages.sort();
    packages
}

#[cfg(test)]
mod tests {
    use super::*;
    use longshore_block::Language;

    fn needs(dependencies: &[&str], present: &[&str]) -> Needs {
        let mut block = longshore_block::Block::empty(PathBuf::new(), Language::R);
        block.dependencies = dependencies.iter().map(|text| (*text).to_owned()).collect();
        let folder = tempfile::tempdir().unwrap();
        for name in present {
            std::fs::create_dir(folder.path().join(name)).unwrap();
            std::fs::write(folder.path().join(name).join("DESCRIPTION"), "Package: x\nVersion: 1.2-3\n").unwrap();
        }
        // The remains of a killed R installation are not a package.
        std::fs::create_dir(folder.path().join("00LOCK-dplyr")).unwrap();
        std::fs::create_dir(folder.path().join("half")).unwrap();
        let libraries = vec![PathBuf::from("/nowhere"), folder.path().to_owned()];
        Needs::new(&block, Interpreter { path: "/usr/bin/Rscript".into(), version: "4.2.2".into(), libraries })
    }

    #[test]
    fn what_r_has_is_not_installed() {
        assert_eq!(needs(&["dplyr", "tibble"], &["dplyr", "tibble"]).missing, Vec::<String>::new());
        assert_eq!(needs(&["tibble", " b ", "half", "b"], &["tibble"]).missing, ["b", "half"]);
    }

    #[test]
    fn a_version_that_does_not_fit_is_installed() {
        // What is present has the version 1.2-3.
        for (wanted, missing) in [
            (&["b>=1.1", "b<2"][..], &[][..]),
            (&["b (>= 1.10)"], &["b>=1.10"]),
            (&["b==1.2.3"], &[]),
            (&["b==1.2"], &["b==1.2"]),
            (&["a>1.0", "b!=1.2-3"], &["a>1.0", "b!=1.2-3"]),
        ] {
            let needs = needs(wanted, &["b"]);
            assert_eq!(needs.missing, missing, "{wanted:?}");
            assert_eq!(needs.declared.len(), missing.len());
        }
    }

    #[test]
    fn versions_are_compared_as_r_compares_them() {
        let mut state: u64 = 11;
        let mut next = |below: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(state >> 33).unwrap() % below
        };
        let numbers = ["0", "1", "2", "9", "10", "01", "9000"];
        let mut version = || {
            let count = 1 + next(4);
            let parts: Vec<String> =
                (0..count).map(|_| format!("{}{}", numbers[next(7)], [".", "-"][next(2)])).collect();
            parts.concat().trim_end_matches(['.', '-']).to_owned()
        };
        let pairs: Vec<(String, String)> = (0..600)
            .map(|index| (version(), format!("b{}{}", [">=", ">", "==", "!=", "<=", "<"][index % 6], version())))
            .collect();
        let folder = tempfile::tempdir().unwrap();
        let lines: String = pairs.iter().map(|(version, text)| format!("{version} {text}\n")).collect();
        std::fs::write(folder.path().join("pairs"), lines).unwrap();
        let ask =
            "for (pair in strsplit(readLines('pairs'), ' ')) cat(fits(pair[1], read.requirements(pair[2])), '\\n')";
        let script = [include_str!("../choose.R"), ask].concat();
        std::fs::write(folder.path().join("ask.R"), script).unwrap();
        let command = std::process::Command::new("Rscript").args(["--vanilla", "ask.R"]).current_dir(&folder).output();
        let output = command.unwrap();
        let answers = String::from_utf8(output.stdout).unwrap();
        let answers: Vec<&str> = answers.lines().map(str::trim).collect();
        assert_eq!(answers.len(), pairs.len(), "{}", String::from_utf8_lossy(&output.stderr));
        for ((version, text), answer) in pairs.iter().zip(answers) {
            let ours = text.parse::<RRequirement>().unwrap().allows(version);
            assert_eq!(ours, answer == "TRUE", "{version} {text}");
        }
        assert!(pairs.iter().any(|(version, text)| text.parse::<RRequirement>().unwrap().allows(version)));
    }

    #[test]
    fn the_hash_is_over_everything_that_decides() {
        let settings = Settings::default();
        let first = needs(&["b", "a"], &["c"]).hash(&settings);
        assert_eq!(first, needs(&["a", "b", "c"], &["c"]).hash(&settings));
        assert_ne!(first, needs(&["a"], &["c"]).hash(&settings));
        assert_ne!(first, needs(&["a", "b"], &[]).hash(&settings));
        let mut mirrored = settings.clone();
        mirrored.packages.cran = vec!["https://u:p@x.example".into()];
        let mirror = needs(&["a", "b"], &["c"]).hash(&mirrored);
        assert_ne!(first, mirror);
        mirrored.packages.cran = vec!["https://u:q@x.example".into()];
        assert_eq!(mirror, needs(&["a", "b"], &["c"]).hash(&mirrored));
    }

    #[test]
    fn a_report_is_read() {
        let report = Report::parse(
            "unavailable a\nunavailable b\nunreachable https://u:p@x.example\nunfit `https://u:p@x.example` has 1\n\
             broken `d` needs `c>=2`\nfailed c\n\nodd\n",
        );
        assert_eq!(report.unavailable, ["a", "b"]);
        assert_eq!(report.unreachable, ["https://u:***@x.example"]);
        assert_eq!(report.unfit, ["`https://u:***@x.example` has 1"]);
        assert_eq!(report.broken, ["`d` needs `c>=2`"]);
        assert_eq!(report.failed.as_deref(), Some("c"));
        assert_eq!(Report::parse(""), Report::default());
    }
}
