//! Input of a build from outside: sources of packages, certificates and proxies, as variables and files of one command.
//! All of it is removed before an image is committed.

use super::EnvironmentError;
use longshore_config::settings::PackageSettings;
use std::path::Path;

/// The folder of a build's own files in a build container.
pub(super) const FOLDER: &str = "/tmp/longshore-build";

/// The certificates that a build trusts: the image's own, and those of the settings.
const TRUST: &str = "/tmp/longshore-build/trust.crt";

/// The start of every script of a build. The build's input is removed when the script ends, in any way: an image is
/// made only from the result of a successful script.
pub(super) const PROLOGUE: &str = "\
set -eu
trap 'cd / && rm -rf /tmp/longshore-build' EXIT
cd /tmp/longshore-build
{ cat /etc/ssl/certs/ca-certificates.crt 2>/dev/null || true; cat ca.crt 2>/dev/null || true; } > trust.crt
if [ ! -s trust.crt ]; then unset SSL_CERT_FILE PIP_CERT REQUESTS_CA_BUNDLE CURL_CA_BUNDLE; fi
";

/// The variables of proxies. Programs differ in the case of their names.
pub(super) fn proxies(settings: &PackageSettings) -> impl Iterator<Item = (&'static str, &str)> {
    let named = [
        (["http_proxy", "HTTP_PROXY"], &settings.http_proxy),
        (["https_proxy", "HTTPS_PROXY"], &settings.https_proxy),
        (["no_proxy", "NO_PROXY"], &settings.no_proxy),
    ];
    let named = named.into_iter().filter_map(|(names, value)| Some((names, value.as_deref()?)));
    named.flat_map(|(names, value)| names.map(|name| (name, value)))
}

/// The variables of indexes of Python packages, for uv and for pip, with their values, between which there are blanks.
pub(super) fn indexes(settings: &PackageSettings) -> [([&'static str; 2], &[String]); 3] {
    [
        (["UV_DEFAULT_INDEX", "PIP_INDEX_URL"], settings.index_url.as_slice()),
        (["UV_INDEX", "PIP_EXTRA_INDEX_URL"], &settings.extra_index_urls),
        (["UV_INSECURE_HOST", "PIP_TRUSTED_HOST"], &settings.trusted_hosts),
    ]
}

/// The variables of a build's commands.
pub(super) fn variables(settings: &PackageSettings) -> Vec<(String, String)> {
    let mut variables = Vec::new();
    let mut set = |name: &str, value: &str| variables.push((name.to_owned(), value.to_owned()));
    for name in ["SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"] {
        set(name, TRUST);
    }
    for (name, value) in proxies(settings) {
        set(name, value);
    }
    for (names, values) in indexes(settings) {
        if !values.is_empty() {
            names.into_iter().for_each(|name| set(name, &values.join(" ")));
        }
    }
    for (name, value) in [
        ("HOME", FOLDER),
        ("LANG", "C.UTF-8"),
        ("UV_NO_CONFIG", "1"),
        ("UV_PYTHON_DOWNLOADS", "never"),
        ("UV_LINK_MODE", "copy"),
        ("PIP_DISABLE_PIP_VERSION_CHECK", "1"),
        ("DEBIAN_FRONTEND", "noninteractive"),
    ] {
        set(name, value);
    }
    variables
}

/// A tar archive of a build's files: their names below the build's folder, or absolute, and their modes.
pub(super) fn archive(files: &[(String, u32, Vec<u8>)]) -> Result<Vec<u8>, EnvironmentError> {
    let failed = |source| EnvironmentError::File { path: Path::new(FOLDER).to_owned(), source };
    let mut archive = tar::Builder::new(Vec::new());
    for (name, mode, content) in files {
        let path = Path::new(FOLDER).join(name);
        let mut header = tar::Header::new_gnu();
        header.set_mode(*mode);
        header.set_size(content.len() as u64);
        let path = path.strip_prefix("/").unwrap_or(&path);
        archive.append_data(&mut header, path, content.as_slice()).map_err(failed)?;
    }
    archive.into_inner().map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxies_are_given_in_both_spellings_and_nothing_is_without_a_value() {
        let mut settings = PackageSettings::default();
        settings.https_proxy = Some("http://proxy:3128".into());
        let variables = variables(&settings);
        let of = |name: &str| variables.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        assert_eq!((of("https_proxy"), of("HTTPS_PROXY")), (Some("http://proxy:3128"), Some("http://proxy:3128")));
        assert_eq!((of("http_proxy"), of("UV_DEFAULT_INDEX")), (None, None));
    }
}
