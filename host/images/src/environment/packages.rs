//! Packages of the languages.

use super::base_packages;
use super::bounds;
use super::job::Job;
use super::sources::PROLOGUE;
use super::system::{APT, mirror};
use super::{Layer, Lock, tools};
use longshore_block::cut_name;
use longshore_config::settings::PackageSettings;
use longshore_engine::Step;

/// Finds the Python of the image's scripts, and what installs requirements into it.
const PYTHON: &str = r#"
python=$(command -v python3 || command -v python) ||
    { echo "longshore-reason: the image has no python3: name one that has, or none" >&2; exit 1; }
uv=/run/longshore/tools/uv
[ -x "$uv" ] || exit 97
# Bytecode in the cache is for one version of Python.
UV_CACHE_DIR=$UV_CACHE_DIR/$("$python" -I -S -c 'import sys; print(sys.implementation.cache_tag or "none")')
export UV_CACHE_DIR
exec 4</dev/null 5</dev/null
if [ -f lock.txt ]; then exec 4<lock.txt; fi
if [ -f constraints.txt ]; then exec 5<constraints.txt; fi
if [ -f base ]; then
    # With bounds, what the base has for scripts is resolved with what they name.
    for package in $("$uv" pip freeze --python "$python" | sed -n 's/==.*//p' | grep -Fx -f base); do
        set -- "$@" "$package"
    done
    for last; do :; done
    if [ "$last" = -- ]; then
        echo "nothing in the image is within these bounds or beyond them"
        exit 0
    fi
fi
"#;

/// Resolves the requirements, without building packages or with it.
const RESOLVE: &str = r#"
"$uv" pip install --python "$python" --break-system-packages ${only_wheels:+--no-build} --dry-run --output-format json "$@" >plan.json 2>said ||
    { status=$?; cat said >&2; exit "$status"; }
missing=$(sed -n 's/^Would download \([0-9]*\) .*/\1/p' said)
"#;

/// Prints what is about to be changed, and whether [`FETCH`] is needed.
const PREPARE: &str = r#"
"$python" -I -S bytecode.py changes plan.json "${missing:-0}"
"#;

/// Has the wheels in the cache, compiled. Nothing is installed yet, so the image's own programs may run. A failure here is
/// one of the installation too, or leaves packages to be compiled later.
const FETCH: &str = r#"
"$python" -I -S bytecode.py cache plan.json "${missing:-0}" "$uv" "$python" "$@" || true
"#;

/// Installs wheels while the cache is writable. They may contain programs of any name, so from the installation on only
/// uv runs, which is not part of the image; it has the build's files as open descriptors, and the files are removed
/// before.
const WHEELS: &str = r#"
exec 3<trust.crt
if [ -n "${SSL_CERT_FILE:-}" ]; then export SSL_CERT_FILE=/proc/self/fd/3; fi
cd /
rm -rf /tmp/longshore-build
exec "$uv" pip install --python "$python" --break-system-packages --no-build "$@"
"#;

/// Also installs packages without a wheel. What was built to resolve them is in a cache of this build.
const SOURCES: &str = r#"
"$uv" pip install --python "$python" --break-system-packages "$@"
rm -rf "$SOURCES_CACHE"
"#;

/// The cache of a build with packages without a wheel: it stays between its scripts, and is removed by the last.
const SOURCES_CACHE: &str = "/tmp/longshore-sources";

/// Compiles the installed packages, since a container cannot keep compiled files. Runs in a separate build container
/// without a cache: programs of the packages may have replaced those of the image.
const COMPILE: &str = r#"
python=$(command -v python3 || command -v python)
"$python" -I -S bytecode.py site
"#;

/// What compiles, and what tells whether there is something to compile.
pub(super) const BYTECODE: &str = include_str!("bytecode.py");

/// The jobs that install requirements. The first one installs only wheels, which runs none of their code: so it may
/// fill the cache, which environments of other blocks read. The second builds packages without a wheel, and has a cache of
/// its own. Neither compiles.
pub(super) fn python(wanted: &[String], lock: Option<&Lock>, settings: &PackageSettings) -> Vec<Job> {
    let cache = |folder: &str| ("UV_CACHE_DIR".to_owned(), folder.to_owned());
    let job = |wheels_only: bool| {
        let before = |last: &str| format!("{PROLOGUE}{PYTHON}{RESOLVE}{last}");
        let mut arguments = settings.pip_arguments.clone();
        let mut files = Vec::new();
        match lock {
            None => {
                arguments.extend(bounds::installing(settings));
                if settings.as_of.is_some() || !settings.constraints.is_empty() {
                    files.push((
                        "base".to_owned(),
                        0o644,
                        base_packages::names().flat_map(|name| [name, "\n"]).collect::<String>().into_bytes(),
                    ));
                }
                if !settings.constraints.is_empty() {
                    files.push(("constraints.txt".to_owned(), 0o644, bounds::constraints(settings).into_bytes()));
                    arguments.extend(["-c", "/proc/self/fd/5"].map(str::to_owned));
                }
                arguments.push("--".into());
                arguments.extend(wanted.iter().cloned());
            }
            Some(lock) => {
                let hashes = if lock.is_hashed() { "--require-hashes" } else { "--verify-hashes" };
                arguments.extend(["--no-deps", hashes, "-r", "/proc/self/fd/4"].map(str::to_owned));
                files.push(("lock.txt".to_owned(), 0o644, lock.requirements().into_bytes()));
            }
        }
        files.push(("bytecode.py".to_owned(), 0o644, BYTECODE.into()));
        Job {
            prepare: Some(before(PREPARE)),
            fetch: wheels_only.then(|| before(FETCH)),
            script: format!("{PROLOGUE}{PYTHON}{}", if wheels_only { WHEELS } else { SOURCES }),
            arguments,
            files,
            environment: match wheels_only {
                true => vec![cache(tools::CACHE_FOLDER), ("only_wheels".into(), "1".into())],
                false => vec![cache(SOURCES_CACHE), ("SOURCES_CACHE".into(), SOURCES_CACHE.into())],
            },
            tools: true,
            cache: wheels_only,
        }
    };
    vec![job(true), job(false)]
}

/// A job that installs exactly these packages of another, without their dependencies.
pub(super) fn exactly(job: &Job, pins: &[String], lock: Option<&Lock>) -> Job {
    let mut job = job.clone();
    // What is needed is known: the image is not asked.
    job.files.retain(|(name, ..)| !matches!(name.as_str(), "base" | "lock.txt"));
    if let Some(lock) = lock {
        job.files.push(("lock.txt".to_owned(), 0o644, lock.only(pins).requirements().into_bytes()));
    } else {
        job.arguments.truncate(job.arguments.iter().position(|argument| argument == "--").unwrap_or_default());
        job.arguments.extend(["--no-deps", "--"].map(str::to_owned).into_iter().chain(pins.iter().cloned()));
    }
    job
}

/// A job that also resolves these requirements of packages of the image. Only what the block lists is built.
pub(super) fn together(job: &Job, requirements: &[String]) -> Job {
    let mut job = job.clone();
    let end = job.arguments.iter().position(|argument| argument == "--").unwrap_or_default();
    if !job.cache {
        let names = requirements.iter().map(|text| cut_name(text).0.to_owned());
        let wheels = names.flat_map(|name| ["--only-binary".to_owned(), name]);
        job.arguments.splice(end..end, wheels);
    }
    job.arguments.extend(requirements.iter().cloned());
    job
}

/// The command that succeeds if the installed packages are compiled.
pub(super) fn check_compiled() -> Step {
    const CHECK: &str = r#"exec "$(command -v python3 || command -v python)" -I -S -c "$1" check"#;
    let command = ["sh", "-c", CHECK, "check", BYTECODE].map(str::to_owned).to_vec();
    Step { command, environment: Vec::new() }
}

/// The job that compiles the installed packages.
pub(super) fn compile() -> Job {
    let files = vec![("bytecode.py".to_owned(), 0o644, BYTECODE.into())];
    Job { script: format!("{PROLOGUE}{COMPILE}"), files, ..Job::default() }
}

/// Installs the R packages that are missing, or there in another version: as binaries from Debian if its versions fit,
/// otherwise from the repositories and their archives. Compilers are installed for packages that need them, and removed
/// again. With a lock of Longshore, `debs` has Debian's exact packages.
const R: &str = r#"
command -v Rscript >/dev/null || { echo "longshore-reason: the image has no Rscript: name one that has, or none" >&2; exit 1; }
has_apt() { command -v apt-get >/dev/null; }
Rscript --vanilla install.R missing "$@" > missing
if [ -s missing ] && has_apt && [ -n "${LONGSHORE_DEBIAN_R:-}" ]; then
    # Without Debian's lists the repositories may still have all of it.
    (apt_update) || true
    if [ ! -f debs ]; then Rscript --vanilla install.R offers $(cat missing) > debs; fi
    if [ -s debs ]; then apt install -y --no-install-recommends -- $(cat debs); fi
    Rscript --vanilla install.R missing "$@" > missing
fi
if [ -s missing ]; then
    LONGSHORE_LISTED="$*" Rscript --vanilla install.R fetch $(cat missing)
    if [ -s compile ] && ! command -v gcc >/dev/null && has_apt; then
        dpkg-query -W -f '${Package}\n' | sort > kept
        apt_update
        apt install -y --no-install-recommends -- r-base-dev
        dpkg-query -W -f '${Package}\n' | sort | comm -13 kept - > compilers
    fi
    Rscript --vanilla install.R install
    remove_compilers
fi
if has_apt; then apt_clean; fi
"#;

/// Removes the compilers that a build installed. Libraries that what was compiled is linked with stay.
const REMOVE_COMPILERS: &str = r#"
remove_compilers() {
    if [ -s compilers ]; then
        find /usr/local/lib/R/site-library -name '*.so' -exec ldd {} + 2>/dev/null | sed -n 's/.*=> \(\/[^ ]*\).*/\1/p' |
            sort -u | xargs -r -n 1 readlink -f | xargs -r dpkg-query -S 2>/dev/null | sed 's/:.*//' | sort -u > linked || true
        apt purge -y -- $(comm -23 compilers linked)
    fi
}
"#;

/// The script that installs R packages.
const INSTALL_R: &str = concat!(include_str!("repositories.R"), include_str!("choose.R"), include_str!("install.R"));

/// The R packages that are installed for a list: its own, and exactly those of a lock. A lock of another tool has all.
pub(super) fn r_requirements(wanted: &[String], lock: Option<&Lock>) -> Vec<String> {
    let own = if lock.is_some_and(|lock| lock.foreign.is_some()) { &[] } else { wanted };
    let exact = lock.into_iter().flat_map(|lock| &lock.r);
    own.iter().cloned().chain(exact.map(|package| format!("{}=={}", package.name, package.version))).collect()
}

/// The job that installs R packages.
pub(super) fn r(layer: &Layer, lock: Option<&Lock>, settings: &PackageSettings) -> Job {
    let mut environment = mirror(settings);
    environment.push(("LONGSHORE_CRAN".into(), settings.cran.join("\n")));
    if settings.debian_r_packages {
        environment.push(("LONGSHORE_DEBIAN_R".into(), "1".into()));
    }
    environment.push(("LONGSHORE_OPTIONAL".into(), layer.optional.join(" ")));
    let mut files = vec![("install.R".to_owned(), 0o644, INSTALL_R.as_bytes().to_vec())];
    if let Some(lock) = lock {
        let name = match &lock.foreign {
            Some(file) => format!("`{file}`"),
            None => {
                // Exactly the packages of the lock, and none that became available since.
                let debs = lock.debian.iter().map(|package| format!("{}={}\n", package.name, package.version));
                files.push(("debs".into(), 0o644, debs.collect::<String>().into_bytes()));
                "the lock".into()
            }
        };
        environment.push(("LONGSHORE_LOCK".into(), name));
    }
    let arguments = r_requirements(&layer.wanted, lock);
    Job { script: format!("{PROLOGUE}{APT}{REMOVE_COMPILERS}{R}"), arguments, files, environment, ..Job::default() }
}
