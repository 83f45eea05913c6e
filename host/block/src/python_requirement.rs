//! One requirement of a Python package, as standards define it (PEP 508): checked when a block is read, so that an error
//! has its place. What cannot be installed in a build is refused here: paths, and addresses that are not of the web.
//! Conditions are checked apart: reading them as the library does can take minutes.

use super::python_marker::is_marker;
use longshore_model::package_name::normal_name;
use pep508_rs::{Pep508ErrorSource, Requirement, VerbatimUrl, VersionOrUrl};
use std::str::FromStr;

/// The most characters of a requirement. The longest, which list a condition for each platform, have about 1,000.
pub(super) const LENGTH_MAX: usize = 4000;

/// A requirement.
#[derive(Debug)]
pub(super) struct PythonRequirement {
    /// Its normalized name.
    pub(super) name: String,
    /// The text, trimmed.
    pub(super) text: String,
    /// The version, if the requirement is `==` a single one.
    pub(super) exact: Option<String>,
    /// Its address.
    pub(super) url: Option<String>,
    /// The condition under which it counts.
    pub(super) marker: Option<String>,
}

/// Whether a text of a manifest is a requirement. What has an address is left to the installer of the image, which may
/// have programs for it that others lack.
#[must_use]
pub fn is_requirement(text: &str) -> bool {
    let text = text.trim();
    match text.contains("://") {
        true => {
            text.starts_with(|first: char| first.is_ascii_alphanumeric())
                && !text.starts_with("file:")
                && !text.chars().any(char::is_control)
        }
        false => read(text).is_ok(),
    }
}

/// The package name of a requirement, as indexes compare names; `None` for a bare URL or path.
#[must_use]
pub fn package_name(requirement: &str) -> Option<String> {
    let text = requirement.trim();
    let (name, rest) = cut_name(text);
    let known = rest.is_empty() || rest.starts_with(['[', '(', '@', ';', '=', '<', '>', '!', '~']);
    (known && !name.is_empty()).then(|| normal_name(name))
}

/// The name at the start of a requirement, and the rest.
#[must_use]
pub fn cut_name(text: &str) -> (&str, &str) {
    let inside = |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.');
    let end = text.find(|character| !inside(character)).unwrap_or(text.len());
    let starts = text.starts_with(|first: char| first.is_ascii_alphanumeric());
    if starts { (&text[..end], text[end..].trim_start()) } else { ("", text) }
}

/// Reads a requirement.
///
/// # Errors
/// The reason, with the text.
pub(super) fn read(text: &str) -> Result<PythonRequirement, String> {
    let text = text.trim();
    let wrong = |reason: &str| format!("`{}` is not a package requirement: {reason}", shown(text));
    if text.len() > LENGTH_MAX {
        return Err(wrong(&format!("it is longer than {LENGTH_MAX} characters")));
    }
    if text.chars().any(char::is_control) {
        return Err(wrong("it contains a control character"));
    }
    if let Some(reason) = unusable(text) {
        return Err(wrong(reason));
    }
    // An address may contain a semicolon, so white space precedes the one after it.
    let separator = if text.contains(" @ ") { " ;" } else { ";" };
    let (package, marker) = match text.split_once(separator) {
        Some((package, marker)) => (package.trim(), Some(marker.trim().to_owned())),
        None => (text, None),
    };
    if let Some(marker) = marker.as_ref().filter(|marker| !is_marker(marker)) {
        return Err(wrong(&format!("`{}` is not a valid condition", shown(marker))));
    }
    if !has_names(package) {
        return Err(wrong("a name has letters, digits, `.`, `_` and `-`, and ends with a letter or digit"));
    }
    let requirement = Requirement::<VerbatimUrl>::from_str(package).map_err(|error| match error.message {
        Pep508ErrorSource::String(reason) => wrong(reason.trim_end_matches('.')),
        other => wrong(&other.to_string()),
    })?;
    let (mut exact, mut url) = (None, None);
    match &requirement.version_or_url {
        Some(VersionOrUrl::VersionSpecifier(versions)) => {
            if let [only] = &versions[..]
                && *only.operator() == pep440_rs::Operator::Equal
            {
                exact = Some(only.version().to_string());
            }
        }
        Some(VersionOrUrl::Url(given)) => {
            let address = given.to_string();
            if !address.starts_with("https://") && !address.starts_with("http://") {
                return Err(wrong("its address must begin with `https://`: builds see no files of this machine"));
            }
            url = Some(address);
        }
        None => {}
    }
    Ok(PythonRequirement { name: requirement.name.to_string(), text: text.to_owned(), exact, url, marker })
}

/// Checks a condition of a requirement.
///
/// # Errors
/// The reason.
pub(super) fn check_marker(marker: &str) -> Result<(), String> {
    match is_marker(marker) && marker.len() <= LENGTH_MAX && !marker.chars().any(char::is_control) {
        true => Ok(()),
        false => Err(format!("`{}` is not a valid condition", shown(marker))),
    }
}

/// Whether the names of a package and its extras end as they must, which the library takes for granted.
fn has_names(text: &str) -> bool {
    let is_name = |text: &str| {
        let inside = |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.');
        let alphanumeric = |character: char| character.is_ascii_alphanumeric();
        text.starts_with(alphanumeric) && text.ends_with(alphanumeric) && text.chars().all(inside)
    };
    let end = text.find(|next: char| next.is_whitespace() || "[(@<>=!~;".contains(next)).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let extras = match rest.trim_start().strip_prefix('[') {
        Some(extras) => extras.split(']').next().unwrap_or_default(),
        None => "",
    };
    is_name(name) && (extras.trim().is_empty() || extras.split(',').all(|extra| is_name(extra.trim())))
}

/// Why a text of a common form cannot be used.
fn unusable(text: &str) -> Option<&'static str> {
    let is_path = text.starts_with(['.', '/', '~']) || text.ends_with(".whl") && !text.contains("://");
    if is_path {
        return Some("it is a path, and builds see no files of this machine: name the package");
    }
    let scheme = text.split_once("://").map(|(scheme, _)| scheme.rsplit(['@', ' ']).next().unwrap_or(scheme));
    match scheme {
        Some(scheme) if scheme.contains('+') => Some("packages are not installed from version control: name a release"),
        Some(scheme) if text.starts_with(scheme) => Some("it has no name: write `NAME @ URL`"),
        _ => None,
    }
}

/// The beginning of a text, for a message.
fn shown(text: &str) -> String {
    /// More than most requirements have.
    const MOST: usize = 100;
    let start: String = text.chars().take(MOST).collect();
    if start.len() < text.len() { format!("{start}…") } else { start }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requirements_are_read_and_others_have_their_reason() {
        let pandas = read(" Pandas[excel] == 2.1.* ; python_version >= '3.9'").unwrap();
        assert_eq!((pandas.name.as_str(), pandas.exact, pandas.url), ("pandas", None, None));
        assert_eq!(pandas.marker.as_deref(), Some("python_version >= '3.9'"));
        assert_eq!(read("six==1.16.0").unwrap().exact.as_deref(), Some("1.16.0"));
        assert_eq!(read("a @ https://x.example/a.whl").unwrap().url.as_deref(), Some("https://x.example/a.whl"));
        let reason = |text: &str| read(text).unwrap_err();
        for (text, expected) in [
            ("./a.whl", "it is a path"),
            ("a-1-py3-none-any.whl", "it is a path"),
            ("a @ file:///etc/x.whl", "must begin with `https://`"),
            ("git+https://x.example/a", "not installed from version control"),
            ("a @ git+https://x.example/a", "not installed from version control"),
            ("https://x.example/a.whl", "it has no name"),
            ("-r x.txt", "`-r x.txt` is not a package requirement: "),
            ("a; b == 'c'", "`b == 'c'` is not a valid condition"),
            ("a-", "ends with a letter or digit"),
            ("a[b_]", "ends with a letter or digit"),
            ("a b", "`a b` is not a package requirement: "),
            ("a>=", "`a>=` is not a package requirement: "),
            ("", "`` is not a package requirement: a name has letters"),
            ("a\u{1b}", "control character"),
        ] {
            assert!(reason(text).contains(expected), "{text}: {}", reason(text));
        }
        assert!(check_marker("python_version < '3'").is_ok() && check_marker("python_version <").is_err());
    }

    #[test]
    fn long_requirements_take_no_time() {
        let names = ["os_name", "sys_platform", "platform_machine", "platform_system", "implementation_name"];
        let parts: Vec<String> =
            (0..60).map(|at| format!("({} == 'a{at}' or {} != 'b{at}')", names[at % 5], names[(at + 2) % 5])).collect();
        let begun = std::time::Instant::now();
        read(&format!("a; {}", parts.join(" and "))).unwrap();
        read(&format!("a{}", ">=1,".repeat(900).trim_end_matches(','))).unwrap();
        read(&format!("a[{}]", "b,".repeat(1500).trim_end_matches(','))).unwrap();
        assert!(begun.elapsed().as_secs() < 5, "{:?}", begun.elapsed());
    }
}
