//! One requirement of a Python package, as standards define it (PEP 508): checked when a block is read, so that an error
//! has its place, and compared with what is installed. What cannot be installed in a build is refused here: paths, and
//! addresses that are not of the web. Conditions are checked apart: reading them as the library does can take minutes.

use super::python_marker::{holds, is_marker};
use longshore_model::address::masked;
use longshore_model::package_name::normal_name;
use pep440_rs::{Version, VersionSpecifiers};
use pep508_rs::{Pep508ErrorSource, Requirement, VerbatimUrl, VersionOrUrl};
use std::collections::BTreeMap;
use std::str::FromStr;

/// The most characters of a requirement. The longest, which list a condition for each platform, have about 1,000.
pub(super) const LENGTH_MAX: usize = 4000;

/// A requirement.
#[derive(Debug)]
pub struct PythonRequirement {
    /// Its normalized name.
    pub name: String,
    /// The text, trimmed.
    pub(super) text: String,
    /// The normalized names of the extras.
    pub extras: Vec<String>,
    /// The versions that fit: any, if there are none.
    pub versions: VersionSpecifiers,
    /// The version, if the requirement is `==` a single one.
    pub(super) exact: Option<String>,
    /// Its address.
    pub url: Option<String>,
    /// The condition under which it counts.
    pub(super) marker: Option<String>,
}

impl PythonRequirement {
    /// Reads a requirement; `None` if the text is not one.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        read(text).ok()
    }

    /// Whether it counts for an interpreter with these values of the variables of conditions, and for an extra of the
    /// package that needs it, which may be empty.
    #[must_use]
    pub fn applies(&self, values: &BTreeMap<String, String>, extra: &str) -> bool {
        self.marker.as_ref().is_none_or(|marker| holds(marker, values, extra) == Some(true))
    }

    /// Whether a version fits. A text that is not a version does not, unless any version fits.
    #[must_use]
    pub fn allows(&self, version: &str) -> bool {
        let fits = |version: Version| self.versions.contains(&version);
        self.versions.is_empty() || Version::from_str(version).is_ok_and(fits)
    }
}

/// What the package of a requirement is installed from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PythonSource {
    /// The package index.
    Index,
    /// An archive at an address.
    Archive,
    /// A repository of git, which the installer gets with the program `git`.
    Git,
}

/// What the package of a requirement in a manifest is installed from. Unlike the files of other tools, a manifest may name
/// addresses without a name, and repositories of git: its image may have the program.
///
/// # Errors
/// The reason, with the text.
pub fn python_source(text: &str) -> Result<PythonSource, String> {
    let text = text.trim();
    let has_name = package_name(text).is_some();
    match address(text).map(|address| (address, Kind::of(address))) {
        Some((_, Kind::Git)) => check_length(text).map(|()| PythonSource::Git),
        Some((_, Kind::Archive)) if !has_name => check_length(text).map(|()| PythonSource::Archive),
        _ => Ok(read(text)?.url.map_or(PythonSource::Index, |_| PythonSource::Archive)),
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
    let wrong = |reason: &str| wrong(text, reason);
    check_length(text)?;
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
    let (mut exact, mut url, mut versions) = (None, None, VersionSpecifiers::empty());
    match requirement.version_or_url {
        Some(VersionOrUrl::VersionSpecifier(read)) => {
            if let [only] = &read[..]
                && *only.operator() == pep440_rs::Operator::Equal
            {
                exact = Some(only.version().to_string());
            }
            versions = read;
        }
        Some(VersionOrUrl::Url(given)) => {
            url = Some(given.to_string());
        }
        None => {}
    }
    let extras = requirement.extras.iter().map(ToString::to_string).collect();
    let name = requirement.name.to_string();
    Ok(PythonRequirement { name, text: text.to_owned(), extras, versions, exact, url, marker })
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

/// What is behind the address of a requirement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A file that installers read.
    Archive,
    /// A repository of git.
    Git,
    /// A repository of git that is reached with keys or in files, or one of another system.
    OtherRepository,
    /// A file or folder.
    Path,
    /// An address of the web with something else.
    OtherFile,
    /// Another server.
    OtherServer,
}

impl Kind {
    fn of(address: &str) -> Self {
        /// The ends of what the installer accepts.
        const ARCHIVES: [&str; 3] = [".whl", ".tar.gz", ".zip"];
        let Some((scheme, rest)) = address.split_once("://") else {
            return if address.starts_with("git@") { Self::OtherRepository } else { Self::Path };
        };
        let path = rest.split(['?', '#']).next().unwrap_or(rest);
        match scheme {
            "git+https" | "git+http" => Self::Git,
            "http" | "https" if path.ends_with(".git") => Self::Git,
            "http" | "https" if path.contains(".git@") => Self::OtherRepository,
            "http" | "https" if ARCHIVES.iter().any(|end| path.ends_with(end)) => Self::Archive,
            "http" | "https" => Self::OtherFile,
            "file" => Self::Path,
            "git" | "ssh" => Self::OtherRepository,
            scheme if scheme.contains('+') => Self::OtherRepository,
            _ => Self::OtherServer,
        }
    }
}

/// The address of a requirement, or its path: what follows `@` after the name, or the whole if it does not begin with a
/// name.
fn address(text: &str) -> Option<&str> {
    let (name, rest) = cut_name(text);
    let word = |text: &'_ str| text.find(char::is_whitespace).unwrap_or(text.len());
    let is_bare = name.is_empty() || rest.starts_with([':', '/', '+', '\\']) || text.starts_with("git@");
    if is_bare {
        return text.contains(['/', '\\', ':']).then(|| &text[..word(text)]);
    }
    let rest = match rest.strip_prefix('[') {
        Some(extras) => extras.split_once(']')?.1.trim_start(),
        None => rest,
    };
    let address = rest.strip_prefix('@')?.trim_start();
    Some(&address[..word(address)])
}

/// Why a text of a common form cannot be used.
fn unusable(text: &str) -> Option<&'static str> {
    const PATH: &str = "it is a path, and builds see no files of this machine: name the package";
    if text.starts_with('-') {
        return Some("it is an option of pip: list the packages themselves");
    }
    let is_wheel = text.ends_with(".whl") && !text.contains("://");
    if is_wheel || text.starts_with(['.', '/', '~']) {
        return Some(PATH);
    }
    match Kind::of(address(text)?) {
        Kind::Git | Kind::OtherRepository => {
            Some("packages are not installed from version control: name a release, or the address of an archive")
        }
        Kind::Path => Some(PATH),
        Kind::OtherServer => Some("its address must begin with `https://`"),
        Kind::OtherFile => {
            Some("its address must be that of a wheel or a source archive (`.whl`, `.tar.gz` or `.zip`)")
        }
        Kind::Archive if package_name(text).is_none() => Some("it has no name: write `NAME @ URL`"),
        Kind::Archive => None,
    }
}

fn check_length(text: &str) -> Result<(), String> {
    if text.len() > LENGTH_MAX {
        return Err(wrong(text, &format!("it is longer than {LENGTH_MAX} characters")));
    }
    match text.chars().any(char::is_control) {
        true => Err(wrong(text, "it contains a control character")),
        false => Ok(()),
    }
}

fn wrong(text: &str, reason: &str) -> String {
    format!("`{}` is not a package requirement: {reason}", shown(text))
}

/// The beginning of a text, for a message. Addresses may have passwords.
fn shown(text: &str) -> String {
    /// More than most requirements have.
    const MOST: usize = 100;
    let text = if text.contains("://") { masked(text) } else { text.to_owned() };
    let start: String = text.chars().take(MOST).collect();
    if start.len() < text.len() { format!("{start}…") } else { start }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::dice::Dice;

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
            ("a @ file:///etc/x.whl", "it is a path"),
            ("a @ ../x", "it is a path"),
            ("a[b]@/x/y.zip", "it is a path"),
            ("team/tool", "it is a path"),
            ("C:\\x\\a.zip", "it is a path"),
            ("a @ ftp://x.example/a.whl", "must begin with `https://`"),
            ("git+https://x.example/a", "not installed from version control"),
            ("a @ git+https://x.example/a", "not installed from version control"),
            ("a[b]@git+ssh://git@x.example/a.git@v1#egg=a", "not installed from version control"),
            ("git@x.example:team/a.git", "not installed from version control"),
            ("https://x.example/team/a.git@v1", "not installed from version control"),
            ("hg+https://x.example/a", "not installed from version control"),
            ("a @ svn+https://x.example/a ; python_version > '3'", "not installed from version control"),
            ("a @ https://x.example/team/a", "that of a wheel or a source archive"),
            ("https://x.example/team/a", "that of a wheel or a source archive"),
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
        assert!(reason("git+https://user:secret@x.example/a").starts_with("`git+https://user:***@x.example/a` is not"));
        let six = PythonRequirement::of("six[A_b]>=1,!=1.5; os_name == 'nt' or extra == 'x'").unwrap();
        assert_eq!(
            (six.extras.as_slice(), six.allows("1.5"), six.allows("1.6")),
            (&["a-b".to_owned()][..], false, true)
        );
        assert!(six.applies(&BTreeMap::new(), "x") && !six.applies(&BTreeMap::new(), "") && !six.allows("new"));
        assert!(check_marker("python_version < '3'").is_ok() && check_marker("python_version <").is_err());
    }

    #[test]
    fn manifests_may_name_archives_without_a_name_and_git() {
        let source = |text: &str| python_source(text);
        for text in ["six", "Pandas[excel] >= 2 ; python_version >= '3.9'", "a(>=1)"] {
            assert_eq!(source(text), Ok(PythonSource::Index), "{text}");
        }
        for text in
            ["a @ https://x.example/a.whl", "https://x.example/a-1.tar.gz#sha256=00", "a@http://x.example/a.zip?b=c"]
        {
            assert_eq!(source(text), Ok(PythonSource::Archive), "{text}");
        }
        for text in
            ["git+https://x.example/a", " a[b] @ git+https://x.example/a@v1#egg=a", "a @ https://x.example/a.git"]
        {
            assert_eq!(source(text), Ok(PythonSource::Git), "{text}");
        }
        for text in [
            "git+ssh://x.example/a",
            "a @ git+file:///x",
            "hg+https://x.example/a",
            "git+https://x\ny",
            "-e ./x",
            "./x",
            "",
        ] {
            assert!(source(text).is_err(), "{text}");
        }
    }

    /// Texts of the parts of requirements in any order: what is accepted has a name or an address that can be installed.
    #[test]
    fn any_text_is_read_or_refused() {
        const PIECES: [&str; 22] = [
            "a",
            "[b]",
            " @ ",
            "@",
            "git+",
            "hg+",
            "https",
            "ssh",
            "file",
            "://",
            "/",
            "x.example",
            ".git",
            ".whl",
            "../",
            "#egg=a",
            " ; ",
            "os_name == 'a'",
            ">=1",
            ":",
            "é",
            "~",
        ];
        let mut dice = Dice(7);
        for _ in 0..20_000 {
            let text: String = (0..dice.roll(9)).map(|_| dice.one(&PIECES)).collect();
            if let Ok(read) = read(&text) {
                assert!(!read.name.is_empty() && is_web(read.url.as_deref()), "{text}");
                assert_ne!(python_source(&text), Ok(PythonSource::Git), "{text}");
            }
            if let Err(reason) = python_source(&text) {
                assert!(reason.contains("is not a package requirement: "), "{text}: {reason}");
            }
        }
    }

    fn is_web(url: Option<&str>) -> bool {
        url.is_none_or(|url| url.starts_with("https://") || url.starts_with("http://"))
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
