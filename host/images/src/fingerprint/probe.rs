//! Lists installed packages: the scripts that list them, in an image or on this machine, and the parser of their
//! output. An image may print anything, so its output is untrusted.

use super::error::FingerprintError;
use super::line::{Kind, Line};
use super::lines::Fingerprint;
use super::needs::Needs;
use longshore_engine::{Interpreters, Started};
use longshore_model::package_name::normal_name;
use std::collections::BTreeSet;

/// Maximum bytes read of the output: the largest images have 5,000 packages, each in a line of 60 bytes; this is 25
/// times that.
pub(super) const PRINTED_MAX: usize = 8 << 20;

/// Maximum bytes of one line: a name and a version of 200 bytes each, with every byte escaped.
const LINE_MAX: usize = 1200;

/// Bytes of standard error that are kept for an error: the end of a traceback.
const SAID_MAX: usize = 2000;

/// Maximum bytes of a line with the dependencies of a Debian package: the longest has 6 KB.
const DEPENDENCIES_MAX: usize = 64 << 10;

/// The prefix of relevant lines. Others are messages of the interpreters.
const MARK: &[u8] = b"longshore:";

/// What is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Listing {
    /// The packages.
    Packages,
    /// The packages, and which of them need which.
    Needs,
}

/// The command that lists the packages of these interpreters, and reads files below a root; `/` is empty.
pub(super) fn command(interpreters: &Interpreters, root: &str, listing: Listing) -> Vec<String> {
    let Interpreters { python, rscript, path, .. } = interpreters;
    let needs = if listing == Listing::Needs { "needs" } else { "" };
    let started_python = started(interpreters.start_python(), &["-c", include_str!("probe.py"), needs]);
    let started_r = started(interpreters.start_r(), &["-e", include_str!("probe.R"), needs]);
    let command = ["/bin/sh", "-c", include_str!("probe.sh"), "longshore-fingerprint"];
    let count = started_python.len().to_string();
    let arguments = command.into_iter().chain([root, path, python, rscript, needs, &count]).map(str::to_owned);
    arguments.chain(started_python).chain(started_r).collect()
}

/// How an interpreter is started, as arguments of `env`. No package is in a home folder, since each run has its own.
fn started(started: Started<'_>, program: &[&str]) -> Vec<String> {
    // An invalid name would be an option of `env`.
    let is_name = |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let variables = started.variables.into_iter().filter(|(name, _)| !name.is_empty() && is_name(name));
    let variables = variables.chain([("HOME", "/nonexistent")]).map(|(name, value)| format!("{name}={value}"));
    let program = program.iter().copied().filter(|argument| !argument.is_empty());
    variables.chain(started.command.into_iter().chain(program).map(str::to_owned)).collect()
}

/// The output so far, within bounds.
#[derive(Debug, Default)]
pub(super) struct Answer {
    out: Vec<u8>,
    err: Vec<u8>,
    too_much: bool,
}

impl Answer {
    /// Adds standard output. Returns whether more fits.
    pub(super) fn out(&mut self, bytes: &[u8]) -> bool {
        self.too_much |= self.out.len() + bytes.len() > PRINTED_MAX;
        if !self.too_much {
            self.out.extend_from_slice(bytes);
        }
        !self.too_much
    }

    /// Adds standard error, of which the end is kept.
    pub(super) fn err(&mut self, bytes: &[u8]) {
        self.err.extend_from_slice(bytes);
        let beyond = self.err.len().saturating_sub(SAID_MAX);
        self.err.drain(..beyond);
    }

    /// The fingerprint, if all lines are valid. `architecture` has priority over the output.
    pub(super) fn read(&self, place: &str, architecture: Option<&str>) -> Result<Fingerprint, FingerprintError> {
        Ok(self.told(place)?.fingerprint(architecture))
    }

    /// The packages, and which of them need which.
    pub(super) fn read_needs(&self, place: &str) -> Result<(Fingerprint, Needs), FingerprintError> {
        let mut told = self.told(place)?;
        let needs = std::mem::take(&mut told.needs);
        Ok((told.fingerprint(None), needs))
    }

    fn told(&self, place: &str) -> Result<Told, FingerprintError> {
        let place = || place.to_owned();
        if self.too_much {
            return Err(FingerprintError::TooMuch { place: place(), most: PRINTED_MAX });
        }
        let mut told = Told::default();
        for line in self.out.split(|byte| *byte == b'\n').filter_map(|line| line.strip_prefix(MARK)) {
            let fields: Vec<String> = line.split(|byte| *byte == b'\t').map(printable).collect();
            let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
            if let ["failed", program] = fields[..] {
                return Err(FingerprintError::Program {
                    place: place(),
                    program: program.to_owned(),
                    said: self.said(),
                });
            }
            let most = if fields[0] == "deb-needs" { DEPENDENCIES_MAX } else { LINE_MAX };
            if line.len() > most || !told.take(&fields) {
                let line = fields.join(" ").chars().take(80).collect();
                return Err(FingerprintError::Line { place: place(), line });
            }
        }
        if !told.ended {
            return Err(FingerprintError::Ended { place: place(), said: self.said() });
        }
        Ok(told)
    }

    /// The end of standard error, in one line without control characters.
    fn said(&self) -> String {
        let text = String::from_utf8_lossy(&self.err);
        let words: String =
            text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect();
        let said = words.split_whitespace().collect::<Vec<_>>().join(" ");
        if said.is_empty() { "it printed nothing to standard error".into() } else { said }
    }
}

/// The content of the lines, until all are read.
#[derive(Debug, Default)]
struct Told {
    machine: String,
    os: String,
    os_version: String,
    debian_version: String,
    seen: BTreeSet<(Kind, String)>,
    lines: Vec<Line>,
    needs: Needs,
    ended: bool,
}

impl Told {
    /// Reads a line's fields. Returns whether they are valid.
    fn take(&mut self, fields: &[&str]) -> bool {
        match *fields {
            _ if self.ended => return false,
            ["end"] => self.ended = true,
            ["machine", machine] => machine.clone_into(&mut self.machine),
            ["os-id", id] => self.os = unquoted(id),
            ["os-version", version] => self.os_version = unquoted(version),
            ["debian-version", version] => version.clone_into(&mut self.debian_version),
            ["python", version] if !version.is_empty() => self.lines.push(Line::single(Kind::Python, version)),
            ["r", version] if !version.is_empty() => self.lines.push(Line::single(Kind::R, version)),
            ["pip", name, version] => return self.package(Kind::Pip, &normal_name(name), version),
            ["r-package", name, version] => return self.package(Kind::RPackage, name, version),
            ["pip-needs", package, needed, extra] => self.needs.python(package, needed, extra),
            ["r-needs", package, needed] => self.needs.r(package, needed),
            ["deb-needs", package, dependencies] => self.needs.debian(package, dependencies),
            // The second letter is the actual state, the first the desired one.
            ["deb", status, name, version, architecture] => {
                let installed = status.as_bytes().get(1) == Some(&b'i');
                return !installed || self.system_package(Kind::Deb, name, version, architecture);
            }
            ["apk", name, version, architecture] => {
                return self.system_package(Kind::Apk, name, version, architecture);
            }
            ["rpm", name, version, architecture] => {
                return self.system_package(Kind::Rpm, name, version, architecture);
            }
            _ => return false,
        }
        true
    }

    /// Of equal names, the first is the one imported or attached.
    fn package(&mut self, kind: Kind, name: &str, version: &str) -> bool {
        if self.seen.insert((kind, name.to_owned())) {
            self.lines.push(Line::package(kind, name, version));
        }
        !name.is_empty() && !version.is_empty()
    }

    fn system_package(&mut self, kind: Kind, name: &str, version: &str, architecture: &str) -> bool {
        self.lines.push(Line::system_package(kind, name, version, architecture));
        !name.is_empty() && !version.is_empty() && !architecture.is_empty()
    }

    fn fingerprint(mut self, architecture: Option<&str>) -> Fingerprint {
        let architecture = architecture.map_or_else(|| of_machine(&self.machine), str::to_owned);
        if !architecture.is_empty() {
            self.lines.push(Line::single(Kind::Architecture, &printable(architecture.as_bytes())));
        }
        // Debian's `VERSION_ID` is the major version alone; on derivatives of Debian, `debian_version` is Debian's.
        let exact = self.os == "debian" && !self.debian_version.is_empty();
        let version = if exact { &self.debian_version } else { &self.os_version };
        let os = if self.os.is_empty() { "unknown" } else { &self.os };
        let os = if version.is_empty() { os.to_owned() } else { format!("{os} {version}") };
        self.lines.push(Line::single(Kind::Os, &os));
        Fingerprint::new(self.lines)
    }
}

/// Converts the kernel's name of a processor to OCI's.
fn of_machine(machine: &str) -> String {
    match machine {
        "x86_64" => "amd64",
        "aarch64" | "arm64" => "arm64",
        "i386" | "i686" => "386",
        machine if machine.starts_with("arm") => "arm",
        other => other,
    }
    .to_owned()
}

/// A field as one printable word, without surrounding blanks: every other byte, and the escape itself, becomes `%` and
/// two digits, so that different fields stay different.
fn printable(field: &[u8]) -> String {
    let mut text = String::with_capacity(field.len());
    for byte in field.trim_ascii() {
        match byte {
            b'%' => text.push_str("%25"),
            byte if byte.is_ascii_graphic() => text.push(char::from(*byte)),
            byte => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

/// A value of `os-release`, which is quoted like in a shell.
fn unquoted(value: &str) -> String {
    let quoted = |mark: char| value.strip_prefix(mark).and_then(|value| value.strip_suffix(mark));
    quoted('"').or_else(|| quoted('\'')).unwrap_or(value).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(printed: &[u8]) -> Result<Vec<String>, String> {
        let mut answer = Answer::default();
        answer.out(printed);
        answer.err(b"Traceback:\n  \x1b[31mno\n");
        let fingerprint = answer.read("it", None).map_err(|error| error.to_string())?;
        Ok(fingerprint.lines().iter().map(ToString::to_string).collect())
    }

    #[test]
    fn what_is_printed_becomes_lines() {
        let printed = "hello\nlongshore:machine\tx86_64\nlongshore:os-id\tdebian\nlongshore:os-version\t\"12\"\n\
            longshore:debian-version\t12.9\nlongshore:deb\tii \tlibc6\t2.36\tamd64\nlongshore:deb\trc \tgone\t1\tall\n\
            longshore:deb\thi \theld\t1\tall\nlongshore:python\t3.11.2\nlongshore:pip\tScikit__Learn\t1.7.2\n\
            longshore:pip\tscikit-learn\t1.5.0\nlongshore:r-package\tdata.table\t1.14.8\nlongshore:end\nbye";
        let lines = [
            "architecture amd64",
            "deb held 1 all",
            "deb libc6 2.36 amd64",
            "os debian 12.9",
            "pip scikit-learn 1.7.2",
            "python 3.11.2",
            "r-package data.table 1.14.8",
        ];
        assert_eq!(read(printed.as_bytes()).unwrap(), lines);
        let others = [
            (
                "longshore:os-id\t'ubuntu'\nlongshore:debian-version\tbookworm/sid\nlongshore:os-version\t24.04\n",
                "os ubuntu 24.04",
            ),
            ("longshore:os-id\talpine\nlongshore:os-version\t3.20.0\n", "os alpine 3.20.0"),
            ("longshore:os-id\tarch\n", "os arch"),
            ("", "os unknown"),
        ];
        for (printed, os) in others {
            assert_eq!(read(format!("{printed}longshore:end\n").as_bytes()).unwrap(), [os]);
        }
    }

    #[test]
    fn the_script_asks_without_python_r_and_packages_of_debian() {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("usr/lib/os-release", "NAME=\"Alpine Linux\"\nID=alpine\nVERSION_ID=3.20.3\n# x\n");
        write("lib/apk/db/installed", "C:Q1\nP:musl\nV:1.2.5-r0\nA:x86_64\n\nP:b\\n\nV:1\nA:noarch");
        let interpreters = Interpreters {
            python: String::new(),
            rscript: "none".into(),
            r_library: None,
            path: "/usr/bin:/bin".into(),
            environment: Vec::new(),
        };
        let command = super::command(&interpreters, root.path().to_str().unwrap(), Listing::Packages);
        let output = std::process::Command::new(&command[0]).args(&command[1..]).output().unwrap();
        assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
        let mut answer = Answer::default();
        answer.out(&output.stdout);
        let lines = answer.read("it", Some("amd64")).unwrap();
        let lines: Vec<String> = lines.lines().iter().map(ToString::to_string).collect();
        let expected = ["apk b\\n 1 noarch", "apk musl 1.2.5-r0 x86_64", "architecture amd64", "os alpine 3.20.3"];
        assert_eq!(lines, expected);
    }

    #[test]
    fn interpreters_are_asked_as_they_run_scripts() {
        let root = tempfile::tempdir().unwrap();
        let (python, r) = (root.path().join("python3"), root.path().join("Rscript"));
        for program in [&python, &r] {
            // Instead of the listing, prints its own environment and first argument.
            std::fs::write(program, "#!/bin/sh\nFIRST=$1 env >&2\nexit 1\n").unwrap();
            std::fs::set_permissions(program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        }
        let variable = |name: &str| (name.to_owned(), "a b".to_owned());
        let interpreters = Interpreters {
            python: python.display().to_string(),
            rscript: r.display().to_string(),
            r_library: Some("/library".into()),
            path: "/usr/bin:/bin".into(),
            environment: vec![variable("MODEL"), variable("HOME"), variable("-u"), variable("")],
        };
        let command = super::command(&interpreters, root.path().to_str().unwrap(), Listing::Packages);
        let output = std::process::Command::new(&command[0]).args(&command[1..]).env("SECRET", "1").output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        let mut variables: Vec<&str> = said.lines().filter(|line| !line.starts_with("PWD=")).collect();
        variables.sort_unstable();
        let both = ["HOME=/nonexistent", "LANG=C.UTF-8", "MODEL=a b", "PATH=/usr/bin:/bin"];
        let python = ["FIRST=-c", "PYTHONDONTWRITEBYTECODE=1", "PYTHONUNBUFFERED=1", "PYTHONUTF8=1"];
        let mut expected = [&both[..], &both, &python, &["FIRST=--vanilla", "R_LIBS=/library"]].concat();
        expected.sort_unstable();
        assert_eq!(variables, expected);
        let failed = b"longshore:failed\tpython3\nlongshore:failed\tRscript\nlongshore:end\n";
        assert!(output.stdout.ends_with(failed), "{}", String::from_utf8_lossy(&output.stdout));
    }

    #[test]
    fn every_line_can_be_read_back() {
        let printed: Vec<u8> =
            [b"longshore:pip\t".as_slice(), b"\xff\xfe a%\x1b[2J\xe2\x80\xae", b"\t1 0\0\nlongshore:end\n"].concat();
        let lines = read(&printed).unwrap();
        assert_eq!(lines, ["os unknown", "pip %ff%fe%20a%25%1b[2j%e2%80%ae 1%200%00"]);
        assert!(lines.iter().all(|line| line.parse::<Line>().is_ok()));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let wrong = |line: &str| format!("the package listing of it has an invalid line: `{line}`");
        let long = format!("longshore:pip\t{}\t1\nlongshore:end\n", "a".repeat(2000));
        let cases: [(&str, String); 10] = [
            ("longshore:pip\ta\t1\n", "the package listing of it ended early: Traceback: [31mno".into()),
            ("", "the package listing of it ended early: Traceback: [31mno".into()),
            (
                "longshore:failed\tpython3\nlongshore:end\n",
                "cannot list the packages of it: `python3` failed: Traceback: [31mno".into(),
            ),
            ("longshore:pip\ta\nlongshore:end\n", wrong("pip a")),
            ("longshore:pip\t\t1\nlongshore:end\n", wrong("pip  1")),
            ("longshore:python\t \nlongshore:end\n", wrong("python ")),
            ("longshore:deb\tii \ta\t1\nlongshore:end\n", wrong("deb ii a 1")),
            ("longshore:conda\ta\t1\x1b[2J\nlongshore:end\n", wrong("conda a 1%1B[2J")),
            ("longshore:end\nlongshore:pip\ta\t1\n", wrong("pip a 1")),
            (&long, wrong(&format!("pip {}", "a".repeat(76)))),
        ];
        for (printed, expected) in cases {
            assert_eq!(read(printed.as_bytes()).unwrap_err(), expected, "{printed}");
        }
        let endless = vec![b'x'; PRINTED_MAX + 1];
        assert!(read(&endless).unwrap_err().contains("the package listing of it exceeds 8388608 bytes"));
    }
}
