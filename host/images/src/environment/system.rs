//! Debian packages.

use super::Lock;
use super::job::Job;
use super::sources::PROLOGUE;
use longshore_config::settings::PackageSettings;

/// apt's options: the settings' mirror instead of the image's, and certificates for `https`. Package lists and
/// downloads are not kept in the image.
pub(super) const APT: &str = r#"
command -v apt-get >/dev/null || { echo "longshore-reason: the image has no apt-get: packages of the system come from Debian" >&2; exit 1; }
if [ -n "${LONGSHORE_DEBIAN_MIRROR:-}" ]; then
    . /etc/os-release
    echo "deb $LONGSHORE_DEBIAN_MIRROR $VERSION_CODENAME main" > sources.list
    set_sources="-o Dir::Etc::sourcelist=/tmp/longshore-build/sources.list -o Dir::Etc::sourceparts=-"
else
    set_sources=""
fi
apt() {
    apt-get -qq $set_sources -o Acquire::https::CAInfo=/tmp/longshore-build/trust.crt -o Acquire::Retries=2 \
        -o APT::Sandbox::User=root -o APT::Update::Error-Mode=any -o Dpkg::Use-Pty=0 "$@"
}
apt_update() { apt update -o quiet::NoUpdate=1 2> update.log || { cat update.log >&2; exit 1; }; }
apt_clean() {
    apt clean
    rm -rf /var/lib/apt/lists/* /var/log/apt /var/log/dpkg.log /var/cache/ldconfig/aux-cache
}
"#;

const INSTALL: &str = r#"
apt_update
apt install -y --no-install-recommends -- "$@"
apt_clean
"#;

/// The job that installs packages.
pub(super) fn job(wanted: &[String], lock: Option<&Lock>, settings: &PackageSettings) -> Job {
    let exact = lock.filter(|lock| lock.has_debian());
    let exact =
        exact.map(|lock| lock.debian.iter().map(|package| format!("{}={}", package.name, package.version)).collect());
    Job {
        script: format!("{PROLOGUE}{APT}{INSTALL}"),
        arguments: exact.unwrap_or_else(|| wanted.to_vec()),
        environment: mirror(settings),
        ..Job::default()
    }
}

/// The variable with the mirror.
pub(super) fn mirror(settings: &PackageSettings) -> Vec<(String, String)> {
    settings.debian_mirror.iter().map(|mirror| ("LONGSHORE_DEBIAN_MIRROR".to_owned(), mirror.clone())).collect()
}
