//! Units of systemd for the resident host: a socket that starts it with its first caller, and the service.

use crate::{environment, failure, printer};
use longshore::Settings;
use longshore::shown::Shown;
use std::fs::Permissions;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// The names of the units.
const SOCKET: &str = "longshore.socket";
const SERVICE: &str = "longshore.service";

/// The units of this user that exist.
pub(crate) fn written() -> Vec<PathBuf> {
    let folder = environment::unit_folder();
    let paths = folder.iter().flat_map(|folder| [SOCKET, SERVICE].map(|name| folder.join(name)));
    paths.filter(|path| path.is_file()).collect()
}

/// Writes the units, and prints what was written and what to do next. Returns the exit status.
pub(crate) fn install(settings: &Settings, arguments: &[String]) -> u8 {
    let Some(folder) = environment::unit_folder() else {
        return failure::print_text("cannot write the units: neither `XDG_CONFIG_HOME` nor `HOME` is set", 2);
    };
    let Some(program) = environment::own_program() else {
        return failure::print_text("cannot write the units: the path of this program is unknown", 3);
    };
    let socket = socket(&settings.server_socket());
    let service = service(&program, arguments);
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

fn socket(path: &Path) -> String {
    let path = escaped(&path.to_string_lossy());
    format!(
        "[Unit]\nDescription=Socket of the resident Longshore host\n\n[Socket]\nListenStream={path}\nSocketMode=0600\n\
         DirectoryMode=0700\n\n[Install]\nWantedBy=sockets.target\n"
    )
}

fn service(program: &Path, arguments: &[String]) -> String {
    let program = escaped(&program.to_string_lossy());
    let arguments: String = arguments.iter().map(|argument| format!(" \"{}\"", escaped(argument))).collect();
    // The server's own deadline for runs is 30 s, and the ladder for those that are left takes seconds.
    format!(
        "[Unit]\nDescription=Resident Longshore host\nRequires={SOCKET}\n\n[Service]\n\
         ExecStart=\"{program}\" \"serve\"{arguments}\nTimeoutStopSec=90\n"
    )
}

/// A text in a unit: `%` begins a specifier there, and `$` a variable.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('%', "%%").replace('$', "$$")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_with_signs_of_units_stay_what_they_are() {
        let unit = service(&PathBuf::from("/opt/100%/a \"b/longshore"), &["--idle".into(), "10m".into()]);
        assert!(unit.contains("ExecStart=\"/opt/100%%/a \\\"b/longshore\" \"serve\" \"--idle\" \"10m\"\n"), "{unit}");
        assert!(socket(Path::new("/run/user/7/longshore-7/server.sock")).contains("\nListenStream=/run/user/7/"));
    }
}
