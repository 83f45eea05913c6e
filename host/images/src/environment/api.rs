//! The API in custom images: the agent, and the SDK of the block's language.

use super::EnvironmentError;
use super::job::{Job, file};
use super::sources::PROLOGUE;
use longshore_block::Language;
use longshore_config::settings::Settings;
use std::io;
use std::path::{Path, PathBuf};

/// Its arguments follow those of the SDK: the first and the last user of scripts. Ids without an account get one.
const AGENT: &str = r#"
cp longshore-agent /usr/local/bin/longshore-agent
chmod 755 /usr/local/bin/longshore-agent
if [ -f /etc/passwd ]; then
    user=$4
    while [ "$user" -le "$5" ]; do
        grep -q "^[^:]*:[^:]*:$user:" /etc/passwd || echo "longshore:x:$user:4357::/work:/usr/sbin/nologin"
        user=$((user + 1))
    done >/tmp/longshore-users
    cat /tmp/longshore-users >>/etc/passwd
    rm /tmp/longshore-users
fi
"#;

const PYTHON: &str = r#"
uv=/run/longshore/tools/uv
[ -x "$uv" ] || exit 97
python=$(command -v python3 || command -v python) ||
    { echo "longshore-reason: it has no python3, and Python 3.9 or newer is needed" >&2; exit 1; }
found=$("$python" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])')
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 9))' ||
    { echo "longshore-reason: it has Python $found, and Python 3.9 or newer is needed" >&2; exit 1; }
# What is there stays as it is; or else what the block does not list gives way.
"$uv" pip freeze -q --python "$python" | grep == > there.txt || true
install() {
    "$uv" pip install --python "$python" --break-system-packages --compile-bytecode --no-build "$@" -r listed.txt
}
install "./$1" "./$2" -c there.txt 2>/dev/null || install "./$1" "./$2" 2>said ||
    { cat said >&2
      why=$(sed -n '/No solution found/,$ { s/^ *cause: //; s/^ *//; /^error: /d; /^$/q; p }' said | tr '\n' ' ')
      if [ -n "$why" ]; then
          echo "longshore-reason: the packages of the block do not work with the SDK: $why" >&2
          exit 1
      fi
      libc=$(ldd --version 2>&1 | head -n 1)
      echo "longshore-reason: the package for its Python $found cannot be installed; the SDK needs Linux with glibc, found: ${libc:-no ldd}" >&2; exit 1; }
"$python" -c 'import longshore, omniscope.api' ||
    { echo "longshore-reason: its Python $found cannot import the SDK" >&2; exit 1; }
"#;

const R: &str = r#"
command -v Rscript >/dev/null || { echo "longshore-reason: it has no Rscript, and R $3 or newer is needed" >&2; exit 1; }
found=$(Rscript --vanilla -e 'cat(format(getRversion()))')
Rscript --vanilla -e 'quit(status = getRversion() < commandArgs(TRUE))' "$3" ||
    { echo "longshore-reason: it has R $found, and R $3 or newer is needed" >&2; exit 1; }
for package in "$1" "$2"; do
    R CMD INSTALL "$package" || { echo "longshore-reason: its R $found cannot install \`$package\`" >&2; exit 1; }
done
"#;

/// The oldest R that installs the package in the SDK's folder: that of Debian 12.
const R_VERSION: &str = "4.2";

/// The files of the SDK of a language, with the agent first.
fn files(language: Language, settings: &Settings) -> Result<Vec<PathBuf>, EnvironmentError> {
    let unreadable = |source| EnvironmentError::Sdk { folder: settings.sdk_folder.clone(), source };
    let packages = sdk_files(language, settings).map_err(unreadable)?;
    Ok(std::iter::once(settings.agent.clone()).chain(packages).collect())
}

/// The packages of the SDK of a language.
pub(super) fn sdk_files(language: Language, settings: &Settings) -> io::Result<Vec<PathBuf>> {
    let (kinds, suffix) = match language {
        Language::Python => (["longshore-", "omniscope_api-"], ".whl"),
        Language::R => (["longshore_", "omniscope.api_"], ".tar.gz"),
    };
    let found: Vec<PathBuf> = std::fs::read_dir(&settings.sdk_folder)?.flatten().map(|entry| entry.path()).collect();
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let newest = |kind: &str| {
        let file = found.iter().filter(|path| name(path).starts_with(kind) && name(path).ends_with(suffix)).max();
        file.cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    };
    kinds.into_iter().map(newest).collect()
}

/// The input of an API layer, for its hash: names, sizes and times of the files.
pub(super) fn description(language: Language, settings: &Settings) -> Result<Vec<String>, EnvironmentError> {
    let files = files(language, settings)?;
    let line = |path: &PathBuf| {
        let facts = std::fs::metadata(path).map_err(|source| EnvironmentError::File { path: path.clone(), source })?;
        let changed = facts.modified().ok().and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        Ok(format!("{name} {} {}", facts.len(), changed.unwrap_or_default().as_nanos()))
    };
    let users = format!("users {}-{}", settings.script_users.start(), settings.script_users.end());
    files.iter().map(line).chain(std::iter::once(Ok(users))).collect()
}

/// The job that installs it. `listed` are requirements of the block's packages below, which stay.
pub(super) fn job(language: Language, listed: &[String], settings: &Settings) -> Result<Job, EnvironmentError> {
    let paths = files(language, settings)?;
    let mut files = vec![("longshore-agent".to_owned(), 0o755, file(&paths[0])?)];
    if language == Language::Python {
        let lines: String = listed.iter().flat_map(|text| [text, "\n"]).collect();
        files.push(("listed.txt".to_owned(), 0o644, lines.into_bytes()));
    }
    let mut arguments = Vec::new();
    for path in &paths[1..] {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        files.push((name.clone(), 0o644, file(path)?));
        arguments.push(name);
    }
    arguments.push(R_VERSION.into());
    arguments.extend([settings.script_users.start().to_string(), settings.script_users.end().to_string()]);
    let script = match language {
        Language::Python => PYTHON,
        Language::R => R,
    };
    Ok(Job {
        script: format!("{PROLOGUE}{script}{AGENT}"),
        arguments,
        files,
        environment: vec![("UV_CACHE_DIR".into(), "/tmp/longshore-build/cache".into())],
        tools: language == Language::Python,
        // Packages of the block may be below, and run code whenever Python starts: no cache.
        ..Job::default()
    })
}
