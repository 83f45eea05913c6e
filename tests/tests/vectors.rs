//! Golden vectors of the wire: what every message of every direction looks like as bytes, and what exactly is said
//! of bytes that break a rule. The files in `vectors/v1` are the contract with images built long ago: a vector may be
//! added, never changed, but for errors that list all names there are.

#![allow(clippy::unwrap_used, reason = "a test may")]

use longshore_protocol::{
    Frame, FromAgent, FromCaller, FromScript, HEADER_BYTES, Hello, Message, Payload, ProtocolError, Reader,
    ReceiveWindow, SendWindow, Sending, Software, StreamId, ToAgent, ToCaller, ToScript, Version, VersionRange,
};
use serde::Deserialize;
use std::collections::BTreeSet;
use std::os::fd::OwnedFd;
use std::path::PathBuf;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File<V> {
    /// Whose messages these are: `hello`, `to_agent`, `from_agent`, `to_script`, `from_script`, `to_caller`, `from_caller`.
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
    /// `false` where the two sides have not agreed to pass any.
    #[serde(default = "yes")]
    agreed: bool,
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
        assert_eq!(bytes[HEADER_BYTES..].get(..vector.message.len()), Some(vector.message.as_bytes()), "{context}");
        let mut reader = Reader::<M>::new();
        if vector.payload == "descriptor" {
            reader.push_descriptor(descriptor()).unwrap();
        }
        reader.push(&bytes);
        let read = reader.next_message().unwrap_or_else(|error| panic!("{context}: {error}"));
        let (message, payload) = read.expect("a whole frame");
        assert!(reader.is_between_frames(), "{context}: bytes are left");
        match &payload {
            Payload::None => assert_eq!(vector.payload, "none", "{context}"),
            Payload::Inline(inline) => {
                assert_eq!((vector.payload.as_str(), inline), ("inline", &unhex(&vector.bytes)), "{context}");
            }
            Payload::Descriptor { length, .. } => {
                assert_eq!((vector.payload.as_str(), *length), ("descriptor", vector.length), "{context}");
            }
        }
        if vector.rewritten {
            let written = Sending::new(Frame::with(&message, payload)).unwrap().parts().concat();
            assert_eq!(written, bytes, "{context}: {}", String::from_utf8_lossy(&message.to_json()));
        }
        let value: serde_json::Value = serde_json::from_str(&vector.message).unwrap();
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

#[test]
fn messages_to_a_caller() {
    check::<ToCaller>("to_caller");
}

#[test]
fn messages_from_a_caller() {
    check::<FromCaller>("from_caller");
}

/// The named fields of the structs of a source.
fn fields(path: &str) -> BTreeSet<String> {
    let root = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap());
    let source = syn::parse_file(&std::fs::read_to_string(root.join(path)).unwrap()).unwrap();
    let structs =
        source.items.iter().filter_map(|item| if let syn::Item::Struct(item) = item { Some(item) } else { None });
    let named = structs.flat_map(|item| item.fields.iter().filter_map(|field| field.ident.as_ref()));
    named.map(ToString::to_string).collect()
}

fn collect_keys(value: &serde_json::Value, found: &mut BTreeSet<String>) {
    match value {
        serde_json::Value::Object(object) => object.iter().for_each(|(key, value)| {
            found.insert(key.clone());
            collect_keys(value, found);
        }),
        serde_json::Value::Array(values) => values.iter().for_each(|value| collect_keys(value, found)),
        _ => {}
    }
}

/// Tests of the callers in Python and R read from the vectors which keys there are.
#[test]
fn every_key_of_a_submission_is_in_a_vector() {
    let file: File<Good> = read("from_caller.toml");
    let mut found = BTreeSet::new();
    for vector in file.vector.iter().filter(|vector| vector.rewritten) {
        collect_keys(&serde_json::from_str(&vector.message).unwrap(), &mut found);
    }
    let missing: Vec<_> = ["submission", "chain"]
        .iter()
        .flat_map(|file| fields(&format!("../agent/protocol/src/{file}.rs")))
        .filter(|key| !found.contains(key))
        .collect();
    assert_eq!(missing, [""; 0]);
}

/// Reads messages until one breaks a rule.
fn first_error<M: Message>(bytes: &[u8], descriptors: usize, agreed: bool) -> ProtocolError {
    let mut reader = Reader::<M>::new();
    if !agreed {
        reader.refuse_descriptors();
    }
    for _ in 0..descriptors {
        if let Err(error) = reader.push_descriptor(descriptor()) {
            return error;
        }
    }
    reader.push(bytes);
    loop {
        match reader.next_message() {
            Ok(Some(_)) => {}
            Ok(None) => panic!("no rule is broken, and {} bytes are there", bytes.len()),
            Err(error) => return error,
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
        let first_error = match file.direction.as_str() {
            "hello" => first_error::<Hello>,
            "to_agent" => first_error::<ToAgent>,
            "from_agent" => first_error::<FromAgent>,
            "to_script" => first_error::<ToScript>,
            "from_script" => first_error::<FromScript>,
            "to_caller" => first_error::<ToCaller>,
            "from_caller" => first_error::<FromCaller>,
            other => panic!("no direction is called `{other}`"),
        };
        for vector in file.vector {
            let error = first_error(&unhex(&vector.bytes), vector.descriptors, vector.agreed).to_string();
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
}
