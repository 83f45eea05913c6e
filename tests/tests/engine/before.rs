//! What stands before the engine, and decides what becomes of what is asked.

use super::socket;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

/// What becomes of what was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// The engine gets it.
    PassedOn,
    /// Nobody gets it, and nobody answers.
    Held,
    /// The connection ends.
    BrokenOff,
}

/// Listens at `path`, and passes on to the engine what `fate` lets it have.
pub(crate) fn stand_before(path: &Path, fate: impl Fn(&str) -> Fate + Clone + Send + 'static) {
    let (listener, engine_socket) = (UnixListener::bind(path).unwrap(), socket());
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let mut client = client.unwrap();
            let mut engine = UnixStream::connect(&engine_socket).unwrap();
            let (mut answers, mut back) = (engine.try_clone().unwrap(), client.try_clone().unwrap());
            std::thread::spawn(move || {
                // Either side may hang up at any time.
                let _ = std::io::copy(&mut answers, &mut back);
                let _ = back.shutdown(Shutdown::Both);
            });
            let fate = fate.clone();
            std::thread::spawn(move || {
                let mut bytes = [0; 65536];
                while let Ok(length @ 1..) = client.read(&mut bytes) {
                    match fate(&String::from_utf8_lossy(&bytes[..length])) {
                        Fate::PassedOn if engine.write_all(&bytes[..length]).is_ok() => {}
                        Fate::PassedOn => break,
                        Fate::Held => return,
                        Fate::BrokenOff => {
                            let _ = client.shutdown(Shutdown::Both);
                            break;
                        }
                    }
                }
                let _ = engine.shutdown(Shutdown::Write);
            });
        }
    });
}
