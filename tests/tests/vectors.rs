//! Golden vectors of the wire: what every message of every direction looks like as bytes, and what exactly is said
//! of bytes that break a rule. The files in `vectors/v1` are the contract with images built long ago: a vector may be
//! added, never changed.

#![allow(clippy::unwrap_used, reason = "a test may")]

use longshore_protocol::{
    Decoder, Frame, FromAgent, FromScript, Hello, Message, Payload, ProtocolError, ReceiveWindow, SendWindow, Software,
    StreamId, ToAgent, ToScript, Version, VersionRange,
};
use serde::Deserialize;
use std::collections::BTreeSet;
use std::os::fd::OwnedFd;
use std::path::PathBuf;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File<V> {
    /// Whose messages these are: `hello`, `to_agent`, `from_agent`, `to_script`, `from_script`.
    direction: String,
    vector: Vec<V>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Good {
    /// What the vector shows.
    name: String,
    /// The control message, byte for byte.
    message: String,
    /// `none`, `inline` or `descriptor`.
    payload: String,
    /// Inline bytes.
    #[serde(default)]
    bytes: String,
    /// Bytes used in the descriptor.
    #[serde(default)]
    length: u64,
    /// Header, message and inline bytes. A descriptor travels beside them.
    frame: String,
    /// `false` for what a newer peer may say: it is understood, but this side would not write it so.
    #[serde(default = "yes")]
    rewritten: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Bad {
    name: String,
    /// The bytes as they come.
    bytes: String,
    /// Descriptors that come beside them.
    #[serde(default)]
    descriptors: usize,
    /// The error, word for word.
    error: String,
}

fn yes() -> bool {
    true
}

fn folder() -> PathBuf {
    PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap()).join("vectors/v1")
}

fn read<V: serde::de::DeserializeOwned>(name: &str) -> File<V> {
    let path = folder().join(name);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    assert_eq!(digits.len() % 2, 0, "hex comes in pairs: {text}");
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

fn descriptor() -> OwnedFd {
    std::fs::File::open("/dev/null").unwrap().into()
}

/// Checks every vector of one direction, and that every message of it has one.
fn check<M: Message + PartialEq + std::fmt::Debug>(name: &str) {
    let file: File<Good> = read(&format!("{name}.toml"));
    assert_eq!(file.direction, name);
    let mut seen = BTreeSet::new();
    for vector in &file.vector {
        let context = format!("{name}: {}", vector.name);
        let bytes = unhex(&vector.frame);
        let mut decoder = Decoder::new();
        if vector.payload == "descriptor" {
            decoder.push_descriptor(descriptor()).unwrap();
        }
        decoder.push(&bytes);
        let frame = decoder.next_frame().unwrap_or_else(|e| panic!("{context}: {e}")).expect("a whole frame");
        assert!(decoder.is_between_frames(), "{context}: bytes are left");
        assert_eq!(String::from_utf8_lossy(&frame.message), vector.message, "{context}");
        match &frame.payload {
            Payload::None => assert_eq!(vector.payload, "none", "{context}"),
            Payload::Inline(inline) => {
                assert_eq!((vector.payload.as_str(), inline), ("inline", &unhex(&vector.bytes)), "{context}");
            }
            Payload::Descriptor { length, .. } => {
                assert_eq!((vector.payload.as_str(), *length), ("descriptor", vector.length), "{context}");
            }
        }
        let message = M::from_json(&frame.message).unwrap_or_else(|error| panic!("{context}: {error}"));
        let again = Frame::with(&message, frame.payload);
        if vector.rewritten {
            let mut written = again.encode_header().unwrap().to_vec();
            written.extend_from_slice(&again.message);
            written.extend_from_slice(&unhex(&vector.bytes));
            assert_eq!(written, bytes, "{context}: {}", String::from_utf8_lossy(&again.message));
        }
        let value: serde_json::Value = serde_json::from_slice(&frame.message).unwrap();
        seen.insert(value["type"].as_str().unwrap().to_owned());
    }
    let known: BTreeSet<String> = M::NAMES.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(seen, known, "{name}: every message has a vector, and every vector a message");
}

#[test]
fn hello_is_decodable_for_ever() {
    check::<Hello>("hello");
}

#[test]
fn messages_to_the_agent() {
    check::<ToAgent>("to_agent");
}

#[test]
fn messages_from_the_agent() {
    check::<FromAgent>("from_agent");
}

#[test]
fn messages_to_the_script() {
    check::<ToScript>("to_script");
}

#[test]
fn messages_from_the_script() {
    check::<FromScript>("from_script");
}

/// Reads frames until one breaks a rule, as a message of its direction.
fn first_error(direction: &str, bytes: &[u8], descriptors: usize) -> ProtocolError {
    let mut decoder = Decoder::new();
    for _ in 0..descriptors {
        if let Err(error) = decoder.push_descriptor(descriptor()) {
            return error;
        }
    }
    decoder.push(bytes);
    loop {
        let frame = match decoder.next_frame() {
            Ok(Some(frame)) => frame,
            Ok(None) => panic!("no rule is broken, and {} bytes are there", bytes.len()),
            Err(error) => return error,
        };
        let read = match direction {
            "hello" => Hello::from_json(&frame.message).map(drop),
            "to_agent" => ToAgent::from_json(&frame.message).map(drop),
            "from_agent" => FromAgent::from_json(&frame.message).map(drop),
            "to_script" => ToScript::from_json(&frame.message).map(drop),
            "from_script" => FromScript::from_json(&frame.message).map(drop),
            other => panic!("no direction is called `{other}`"),
        };
        if let Err(error) = read {
            return error;
        }
    }
}

#[test]
fn broken_frames_have_their_exact_errors() {
    let names: Vec<String> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| name.starts_with("broken_"))
        .collect();
    assert!(names.len() >= 3, "negative vectors are there: {names:?}");
    let mut wrong = Vec::new();
    for name in names {
        let file: File<Bad> = read(&name);
        for vector in file.vector {
            let error = first_error(&file.direction, &unhex(&vector.bytes), vector.descriptors).to_string();
            if error != vector.error {
                wrong.push(format!("{name}: {}:\n  expected {}\n  was      {error}", vector.name, vector.error));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn broken_rules_between_frames_have_their_exact_errors() {
    let mut receiver = ReceiveWindow::new(StreamId(7));
    receiver.received(1).unwrap();
    assert_eq!(
        receiver.received(67_108_864).unwrap_err().to_string(),
        "stream 7 has 67108865 bytes under way, beyond its window of 67108864"
    );
    let mut sender = SendWindow::new(StreamId(7));
    sender.sent(10);
    assert_eq!(
        sender.acknowledged(11).unwrap_err().to_string(),
        "stream 7 acknowledges 11 bytes, but only 10 are under way"
    );
    let software = Software { name: "longshore-agent".into(), version: "9.0.0".into() };
    let future = VersionRange { oldest: Version(2), newest: Version(3) };
    let v1 = VersionRange { oldest: Version::V1, newest: Version::V1 };
    assert_eq!(
        v1.negotiate(future, &software).map_err(|error| ProtocolError::from(error).to_string()),
        Err("longshore-agent 9.0.0 speaks protocol 2 to 3, which is too new for this host (1): \
             update longshore on the host"
            .to_owned())
    );
    assert_eq!(
        Payload::None.into_descriptor("lend").unwrap_err().to_string(),
        "message `lend` must carry a descriptor"
    );
    assert_eq!(Payload::None.into_inline("log").unwrap_err().to_string(), "message `log` must carry an inline payload");
    assert_eq!(
        Payload::Inline(vec![1]).into_none("end").unwrap_err().to_string(),
        "message `end` must carry no payload"
    );
}
