//! Docker's current context, from the files of its client: the engine that `docker` itself would use. The settings and
//! `DOCKER_HOST` have priority. The caller reads the environment.

use longshore::digest::Digest;
use longshore::small_file;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Bytes of a file that are read: Docker's own have a few hundred, and credentials of many registries some thousand.
const FILE_MAX: u64 = 1 << 20;

/// The context without a file: the engine at its usual socket.
const DEFAULT: &str = "default";

/// The socket of the context that `named` or the client's configuration file selects; `None` for the default one, and
/// for an engine on another machine, which could not mount sockets of this one.
pub(crate) fn socket(configuration: &Path, named: Option<String>) -> Option<PathBuf> {
    let current = || Some(read(configuration)?.get("currentContext")?.as_str()?.to_owned());
    let name = named.or_else(current).filter(|name| !name.is_empty() && name != DEFAULT)?;
    let folder = configuration.parent()?.join("contexts/meta").join(Digest::of(name.as_bytes()).hex());
    let meta = read(&folder.join("meta.json"))?;
    let address = meta.get("Endpoints")?.get("docker")?.get("Host")?.as_str()?;
    let socket = PathBuf::from(address.strip_prefix("unix://")?);
    socket.is_absolute().then_some(socket)
}

/// A JSON file; `None` if it cannot be read, which is for `docker` itself to report.
fn read(path: &Path) -> Option<Value> {
    serde_json::from_slice(&small_file::read(path, FILE_MAX).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_socket_of_the_current_context_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let configuration = folder.path().join("config.json");
        let socket = |named: Option<&str>| socket(&configuration, named.map(str::to_owned));
        let context = |name: &str, meta: &str| {
            // As Docker names them.
            let digest = Digest::of(name.as_bytes()).hex();
            let meta_folder = folder.path().join("contexts/meta").join(digest);
            std::fs::create_dir_all(&meta_folder).unwrap();
            std::fs::write(meta_folder.join("meta.json"), meta).unwrap();
        };
        let host = |host: &str| format!("{{\"Name\": \"x\", \"Endpoints\": {{\"docker\": {{\"Host\": \"{host}\"}}}}}}");
        assert_eq!(socket(None), None);
        assert_eq!(socket(Some("colima")), None);
        context("colima", &host("unix:///home/ada/.colima/docker.sock"));
        context("away", &host("ssh://ada@away.example"));
        context("broken", "{\"Endpoints\": []}");
        context("relative", &host("unix://docker.sock"));
        std::fs::write(&configuration, "{\"currentContext\": \"colima\", \"auths\": {}}").unwrap();
        let colima = Some(PathBuf::from("/home/ada/.colima/docker.sock"));
        assert_eq!(socket(None), colima);
        for (name, found) in
            [("colima", colima), ("default", None), ("away", None), ("broken", None), ("relative", None)]
        {
            assert_eq!(socket(Some(name)), found, "{name}");
        }
        for text in ["", "{", "[]", "{\"currentContext\": 1}", "{\"currentContext\": \"\"}"] {
            std::fs::write(&configuration, text).unwrap();
            assert_eq!(socket(None), None, "{text}");
        }
    }

    #[test]
    fn contexts_are_named_by_digest() {
        // What `docker context create desktop-linux` makes.
        let digest = "fe9c6bd7a66301f49ca9b6a70b217107cd1284598bfc254700c989b916da791e";
        assert_eq!(Digest::of(b"desktop-linux").hex(), digest);
    }
}
