//! The needs of a block from the files of its folder: which of them count, in the order of exactness, and why the others do
//! not. A file that does not count is not read.

use super::apt_txt;
use super::description;
use super::dockerfile;
use super::environment_yml;
use super::folder_files::FolderFiles;
use super::not_read::not_read;
use super::parsed::Reading;
use super::pylock;
use super::pyproject;
use super::renv_lock;
use super::requirements_txt;
use super::uv_lock;
use crate::error::BlockError;
use crate::model::{Block, Language, Loaded};
use crate::needed::{NeedsFile, NeedsRole, Pinned};
use longshore_model::r_requirement::RVersions;
use std::path::Path;

/// The file with the packages that pip installs.
const REQUIREMENTS: &str = "requirements.txt";

/// The needs that a block does not mention itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    /// Where its packages are listed; `None` if the folder's files are to say.
    pub(crate) packages: Option<&'a str>,
    /// What names its image, or why a `Dockerfile` does not; `None` if the folder's file is its base.
    pub(crate) image: Option<&'a str>,
    /// Where its Debian packages are listed.
    pub(crate) system_packages: Option<&'a str>,
}

/// A file that lists packages.
type Source = (&'static str, fn(&FolderFiles) -> Result<Reading, BlockError>);

/// Files for Python, those that count before others first.
const PYTHON: [Source; 6] = [
    (pylock::FILE, pylock::read),
    (uv_lock::FILE, read_uv_lock),
    (REQUIREMENTS, |files| requirements_txt::read(files, REQUIREMENTS)),
    (pyproject::FILE, pyproject::read),
    (environment_yml::FILES[0], |files| environment_yml::read(files, environment_yml::FILES[0], Language::Python)),
    (environment_yml::FILES[1], |files| environment_yml::read(files, environment_yml::FILES[1], Language::Python)),
];

/// Files for R, those that count before others first.
const R: [Source; 4] = [
    (renv_lock::FILE, renv_lock::read),
    (description::FILE, description::read),
    (environment_yml::FILES[0], |files| environment_yml::read(files, environment_yml::FILES[0], Language::R)),
    (environment_yml::FILES[1], |files| environment_yml::read(files, environment_yml::FILES[1], Language::R)),
];

/// A lock of uv belongs to the project beside it.
fn read_uv_lock(files: &FolderFiles) -> Result<Reading, BlockError> {
    match pyproject::read(files)? {
        Reading::Needs(project) => uv_lock::read(files, *project),
        Reading::Nothing(reason) | Reading::Unreadable(reason) => {
            Ok(Reading::Nothing(format!("it belongs to `{}`: {reason}", pyproject::FILE)))
        }
    }
}

/// Adds the needs in the files of a folder to a block.
pub(crate) fn add(loaded: &mut Loaded, folder: &Path, asked: Asked<'_>) -> Result<(), BlockError> {
    let files = FolderFiles::new(folder)?;
    let mut adding = Adding { files: &files, loaded };
    let (sources, others): (&[Source], &[Source]) = match adding.loaded.block.language {
        Language::Python => (&PYTHON, &R),
        Language::R => (&R, &PYTHON),
    };
    let image = adding.dockerfile(asked.image)?;
    let asked = Asked { packages: asked.packages.or(image), system_packages: asked.system_packages.or(image), ..asked };
    let listed = adding.packages(sources, asked.packages)?;
    adding.others(sources, others);
    adding.always((apt_txt::FILE, apt_txt::read), asked.system_packages)?;
    adding.always((apt_txt::RUNTIME, apt_txt::read_runtime), image)?;
    adding.not_read(listed)
}

struct Adding<'a> {
    files: &'a FolderFiles,
    loaded: &'a mut Loaded,
}

impl Adding<'_> {
    fn note(&mut self, file: &str, role: NeedsRole, about: String) {
        self.loaded.block.needs.push(NeedsFile { file: file.to_owned(), role, about });
    }

    /// A `Dockerfile` is the base of the block, and the other files are not read. Returns its name if it counts.
    fn dockerfile(&mut self, already: Option<&str>) -> Result<Option<&'static str>, BlockError> {
        /// As messages name it.
        const NAME: &str = "`Dockerfile`";
        if !self.files.has(dockerfile::FILE) {
            return Ok(None);
        }
        if let Some(reason) = already {
            self.note(dockerfile::FILE, NeedsRole::PassedOver, reason.to_owned());
            return Ok(None);
        }
        let found = dockerfile::read(self.files)?;
        if let Some(found) = &found {
            self.note(dockerfile::FILE, NeedsRole::Used, format!("base image, from `{}`", found.base));
        }
        self.loaded.block.dockerfile = found;
        Ok(self.loaded.block.dockerfile.as_ref().map(|_| NAME))
    }

    /// The first file that lists packages counts. Returns whether packages are listed anywhere.
    fn packages(&mut self, sources: &[Source], already: Option<&str>) -> Result<bool, BlockError> {
        let mut listed = already.map(str::to_owned);
        let mut unreadable = Vec::new();
        for (file, read) in sources {
            if !self.files.has(file) {
                continue;
            }
            if let Some(by) = &listed {
                let about = counting(by, "packages");
                self.note(file, NeedsRole::PassedOver, about);
                continue;
            }
            match read(self.files)? {
                Reading::Needs(parsed) => {
                    let about = parsed.about();
                    self.take(file, *parsed);
                    self.note(file, NeedsRole::Used, about);
                    listed = Some(format!("`{file}`"));
                }
                Reading::Nothing(reason) => self.note(file, NeedsRole::PassedOver, reason),
                Reading::Unreadable(reason) => {
                    unreadable.push(format!("`{file}` lists packages that are not installed: {reason}"));
                    self.note(file, NeedsRole::PassedOver, reason);
                }
            }
        }
        if listed.is_none() {
            self.loaded.warnings.append(&mut unreadable);
        }
        Ok(listed.is_some())
    }

    /// Files for scripts in the other language.
    fn others(&mut self, own: &[Source], others: &[Source]) {
        for (file, _) in others.iter().filter(|(file, _)| own.iter().all(|(known, _)| known != file)) {
            if self.files.has(file) {
                let language = self.loaded.block.language;
                self.note(file, NeedsRole::PassedOver, format!("the script is in {language}"));
            }
        }
    }

    /// A file that counts besides others.
    fn always(&mut self, (file, read): Source, already: Option<&str>) -> Result<(), BlockError> {
        if !self.files.has(file) {
            return Ok(());
        }
        if let Some(by) = already {
            self.note(file, NeedsRole::PassedOver, counting(by, "Debian packages"));
            return Ok(());
        }
        match read(self.files)? {
            Reading::Needs(parsed) => {
                let about = parsed.about();
                self.take(file, *parsed);
                self.note(file, NeedsRole::Used, about);
            }
            Reading::Nothing(reason) | Reading::Unreadable(reason) => self.note(file, NeedsRole::PassedOver, reason),
        }
        Ok(())
    }

    fn take(&mut self, file: &str, parsed: super::parsed::Parsed) {
        let block: &mut Block = &mut self.loaded.block;
        for (package, file, line) in parsed.places {
            block.origins.package(&package, format!("`{file}`, line {line}"));
        }
        block.dependencies.extend(parsed.dependencies);
        block.constraints.extend(parsed.constraints);
        if let Some(packages) = parsed.pinned {
            block.pinned = Some(Pinned { file: file.to_owned(), packages });
        }
        for package in parsed.system_packages {
            if !block.system_packages.contains(&package) {
                block.system_packages.push(package);
            }
        }
        block.listed_in(&format!("`{file}`"));
        match block.language {
            Language::Python => block.requires_python = block.requires_python.take().or(parsed.requires_python),
            Language::R => block.requires_r = RVersions::both(block.requires_r.take(), parsed.requires_r),
        }
        self.loaded.warnings.extend(parsed.warnings);
        self.loaded.remarks.extend(parsed.remarks);
    }

    /// Reports files of other tools: as a warning if nothing else lists packages.
    fn not_read(&mut self, listed: bool) -> Result<(), BlockError> {
        let names = self.files.names()?;
        for (file, reason) in not_read(&names) {
            if !listed {
                self.loaded.warnings.push(format!("`{file}` is not read: {reason}"));
            }
            self.note(file, NeedsRole::NotRead, reason.to_owned());
        }
        Ok(())
    }
}

/// Why a file does not count beside another.
fn counting(by: &str, what: &str) -> String {
    match by.trim_matches('`') {
        dockerfile::FILE => format!("the image of {by} counts"),
        _ => format!("the {what} of {by} count"),
    }
}
