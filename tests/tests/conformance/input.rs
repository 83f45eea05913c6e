//! Puts a case's inputs where the command will look for them.

use crate::Suite;
use crate::case::{Input, Kind};
use std::io::Write;
use std::path::{Path, PathBuf};

/// An input as it goes to the command.
pub(crate) struct Placed {
    /// The argument of `--input`.
    pub(crate) argument: String,
    /// What is written to standard input.
    pub(crate) stdin: Option<Vec<u8>>,
}

/// Makes an input in `folder`.
pub(crate) fn place(suite: &Suite, input: &Input, folder: &Path) -> Result<Placed, String> {
    let path = folder.join(&input.name);
    let path = match source(suite, input, &path)? {
        Source::There(path) => path,
        Source::Bytes(mut bytes) => {
            bytes = pack(bytes, input.packed.as_deref())?;
            bytes.truncate(input.cut.unwrap_or(usize::MAX));
            if input.stdin {
                return Ok(Placed { argument: argument(input, "-"), stdin: Some(bytes) });
            }
            write(&path, &bytes)?;
            path
        }
    };
    Ok(Placed { argument: argument(input, &path.display().to_string()), stdin: None })
}

enum Source {
    There(PathBuf),
    Bytes(Vec<u8>),
}

fn source(suite: &Suite, input: &Input, path: &Path) -> Result<Source, String> {
    if let Some(text) = &input.text {
        return Ok(Source::Bytes(text.clone().into_bytes()));
    }
    if let Some(hex) = &input.hex {
        return unhex(hex).map(Source::Bytes);
    }
    if let Some(file) = &input.file {
        return read(&suite.cases.join("files").join(file)).map(Source::Bytes);
    }
    if let Some(name) = &input.fetch {
        return fetch(&suite.examples.join(name)).map(Source::There);
    }
    if let Some(file) = &input.example {
        return Ok(Source::There(suite.examples.join(file)));
    }
    if let Some(table) = &input.generate {
        let large = suite.cache.file(table, &input.name)?;
        return if input.packed.is_some() || input.cut.is_some() || input.stdin {
            read(&large).map(Source::Bytes)
        } else {
            Ok(Source::There(large))
        };
    }
    match input.kind {
        Some(Kind::Missing) => Ok(Source::There(path.to_owned())),
        Some(Kind::Folder) => {
            std::fs::create_dir_all(path).map_err(|error| error.to_string())?;
            Ok(Source::There(path.to_owned()))
        }
        // A link to itself, which not even root can follow.
        Some(Kind::Unreadable) => {
            std::os::unix::fs::symlink(path, path).map_err(|error| error.to_string())?;
            Ok(Source::There(path.to_owned()))
        }
        None => Err(format!("input `{}` has no source", input.name)),
    }
}

fn argument(input: &Input, path: &str) -> String {
    let name = input.named.clone().or_else(|| input.number.map(|number| number.to_string()));
    name.map_or_else(|| path.to_owned(), |name| format!("{name}={path}"))
}

/// Packs bytes as a suffix says.
pub(crate) fn pack(bytes: Vec<u8>, how: Option<&str>) -> Result<Vec<u8>, String> {
    match how {
        None => Ok(bytes),
        Some("gz") => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(&bytes).and_then(|()| encoder.finish()).map_err(|error| error.to_string())
        }
        Some("zst") => zstd::encode_all(&bytes[..], 1).map_err(|error| error.to_string()),
        Some(other) => Err(format!("nothing is packed as `{other}`")),
    }
}

fn fetch(example: &Path) -> Result<PathBuf, String> {
    let program = example.join("fetch");
    let output =
        std::process::Command::new(&program).output().map_err(|error| format!("{}: {error}", program.display()))?;
    if !output.status.success() {
        return Err(format!("{}: {}", program.display(), String::from_utf8_lossy(&output.stderr)));
    }
    Ok(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()))
}

fn unhex(text: &str) -> Result<Vec<u8>, String> {
    let digits: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let pair = |pair: &[u8]| u8::from_str_radix(&String::from_utf8_lossy(pair), 16).map_err(|error| error.to_string());
    digits.chunks(2).map(pair).collect()
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))
}

/// Writes a file and the folders above it.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), String> {
    let folder = path.parent().expect("a file is in a folder");
    std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::write(path, bytes))
        .map_err(|error| format!("{}: {error}", path.display()))
}
