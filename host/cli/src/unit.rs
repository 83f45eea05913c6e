//! Units of systemd for the resident host: a socket that starts it with its first caller, and the service.

use crate::{environment, failure, printer};
use longshore::Settings;
use longshore::shown::Shown;
use std::fs::Permissions;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The names of the units.
const SOCKET: &str = "longshore.socket";
const SERVICE: &str = "longshore.service";

/// How long a host may take beyond the deadline of its runs: 6 s of signals to scripts, 10 s for the engine to kill their
/// containers, 5 s for callers to read records, and twice as much again on a busy machine.
const LADDER: Duration = Duration::from_secs(60);

/// The units of this user that exist.
pub(crate) fn written() -> Vec<PathBuf> {
    let folder = environment::unit_folder();
    let paths = folder.iter().flat_map(|folder| [SOCKET, SERVICE].map(|name| folder.join(name)));
    paths.filter(|path| path.is_file()).collect()
}

/// Writes the units, and prints what was written and what to do next. `drain` is how long the host's runs may go on once it
/// is told to end. Returns the exit status.
pub(crate) fn install(settings: &Settings, arguments: &[String], drain: Duration) -> u8 {
    let Some(folder) = environment::unit_folder() else {
        return failure::print_text("cannot write the units: neither `XDG_CONFIG_HOME` nor `HOME` is set", 2);
    };
    let Some(program) = environment::own_program() else {
        return failure::print_text("cannot write the units: the path of this program is unknown", 3);
    };
    let path = settings.server_socket();
    let (Some(listened), Some(started)) = (plain(&path), plain(&program)) else {
        let odd = if plain(&program).is_none() { program } else { path };
        let text = format!(
            "cannot write the units: systemd has no paths with quotes, backslashes, control characters or bytes that are not \
             UTF-8, and `{}` has one: move the program or the folder",
            odd.display()
        );
        return failure::print_text(&text, 2);
    };
    let socket = socket(&listened);
    let service = service(&started, arguments, drain);
    for (name, text) in [(SOCKET, socket), (SERVICE, service)] {
        let path = folder.join(name);
        match write(&path, &text) {
            Ok(()) => printer::err(&Shown::line(format!("written: {}", path.display()))),
            Err(error) => return failure::print_text(&format!("cannot write `{}`: {error}", path.display()), 3),
        }
    }
    let scope = if environment::is_root() { "" } else { " --user" };
    let next = format!("systemctl{scope} daemon-reload && systemctl{scope} enable --now {SOCKET}");
    printer::err(&Shown::line(format!("start it with: {next}")));
    0
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().unwrap_or(path);
    std::fs::create_dir_all(folder)?;
    let mut file = tempfile::Builder::new().permissions(Permissions::from_mode(0o644)).tempfile_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.persist(path)?;
    Ok(())
}

fn socket(path: &str) -> String {
    format!(
        "[Unit]\nDescription=Socket of the resident Longshore host\n\n[Socket]\nListenStream={path}\nSocketMode=0600\n\
         DirectoryMode=0700\n\n[Install]\nWantedBy=sockets.target\n"
    )
}

fn service(program: &str, arguments: &[String], drain: Duration) -> String {
    let arguments: String = arguments.iter().map(|argument| format!(" \"{}\"", escaped(argument))).collect();
    let stop = drain.saturating_add(LADDER).as_secs();
    format!(
        "[Unit]\nDescription=Resident Longshore host\nRequires={SOCKET}\n\n[Service]\n\
         ExecStart=\"{program}\" \"serve\"{arguments}\nTimeoutStopSec={stop}\n"
    )
}

/// A path that systemd takes, in which `%` would begin a specifier. Variables are not replaced in it.
fn plain(path: &Path) -> Option<String> {
    let is_odd = |character: char| character.is_control() || matches!(character, '"' | '\'' | '\\');
    path.to_str().filter(|text| !text.contains(is_odd)).map(|text| text.replace('%', "%%"))
}

/// An argument in a unit: `%` begins a specifier there, and `$` a variable.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('%', "%%").replace('$', "$$")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn paths_with_signs_of_units_stay_what_they_are() {
        let arguments = ["--idle".to_owned(), "10m".to_owned(), "a \"b $c\\".to_owned()];
        let program = plain(Path::new("/opt/100%/$a b/longshore")).unwrap();
        let unit = service(&program, &arguments, Duration::from_secs(300));
        let expected = r#"ExecStart="/opt/100%%/$a b/longshore" "serve" "--idle" "10m" "a \"b $$c\\""#;
        assert!(unit.contains(&format!("{expected}\nTimeoutStopSec=360\n")), "{unit}");
        assert!(socket("/run/user/7/longshore-7/server.sock").contains("\nListenStream=/run/user/7/"));
        for odd in ["/a\"b", "/a'b", "/a\\b", "/a\nb"] {
            assert_eq!(plain(Path::new(odd)), None);
        }
    }

    #[test]
    fn systemd_takes_the_units() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("100% of $HOME ü");
        std::fs::write(&program, "#!/bin/sh\n").unwrap();
        std::fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
        let arguments = ["--idle".to_owned(), "10m".to_owned(), "--drain".to_owned(), "a \"b $c\\ 5%".to_owned()];
        let units = [
            (SOCKET, socket(&plain(&folder.path().join("50% $x.sock")).unwrap())),
            (SERVICE, service(&plain(&program).unwrap(), &arguments, Duration::from_secs(30))),
        ];
        for (name, text) in &units {
            write(&folder.path().join(name), text).unwrap();
        }
        let mut command = Command::new("systemd-analyze");
        command.args(["verify", "--man=no"]).args(units.map(|(name, _)| folder.path().join(name)));
        match command.output() {
            Ok(output) => {
                let said = String::from_utf8_lossy(&output.stderr).into_owned();
                assert!(output.status.success() && !said.contains("longshore."), "{said}");
            }
            // A machine without systemd has no units.
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::NotFound),
        }
    }
}
