//! Folders as projects have them, in `tests/folders`: what each becomes is in its `expected.toml`. With
//! `LONGSHORE_WRITE_FOLDERS=1` the test writes these files anew.

#![allow(clippy::unwrap_used, reason = "a test may")]

use longshore_block::{Block, Dockerfile, Loaded, NeedsRole, PinnedPackage};
use std::path::{Path, PathBuf};
use toml::{Table, Value};

/// The file with what a folder must become.
const EXPECTED: &str = "expected.toml";

fn folders() -> Vec<PathBuf> {
    let all = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/folders");
    let entries = std::fs::read_dir(all).unwrap().map(|entry| entry.unwrap().path());
    let mut folders: Vec<PathBuf> = entries.filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

fn texts<T: ToString>(list: impl IntoIterator<Item = T>) -> Value {
    Value::Array(list.into_iter().map(|one| Value::String(one.to_string())).collect())
}

fn pinned(package: &PinnedPackage) -> String {
    match package.hashes.len() {
        0 => package.requirement(),
        hashes => format!("{}, hashes: {hashes}", package.requirement()),
    }
}

/// The files of the folder that a `Dockerfile` copies.
fn copied(block: &Block, dockerfile: &Dockerfile) -> Vec<String> {
    match block.build_context(dockerfile) {
        Ok(files) => files.into_iter().map(|file| file.path).filter(|path| path != EXPECTED).collect(),
        Err(error) => vec![error.to_string()],
    }
}

/// What a block became, as far as its folder decides.
fn became(loaded: Loaded) -> Table {
    let Loaded { block, warnings, remarks, .. } = loaded;
    let mut table = Table::new();
    table.insert("name".into(), block.name.clone().into());
    table.insert("script".into(), block.script.clone().into());
    for (key, list) in [
        ("dependencies", texts(&block.dependencies)),
        ("found_in_script", texts(&block.dependencies_found)),
        ("constraints", texts(&block.constraints)),
        ("pinned", texts(block.pinned.iter().flat_map(|file| file.packages.iter().map(pinned)))),
        ("system_packages", texts(&block.system_packages)),
        ("requires_python", texts(&block.requires_python)),
        ("requires_r", texts(&block.requires_r)),
        ("images", texts(block.dockerfile.iter().flat_map(|dockerfile| dockerfile.images.clone()))),
        ("copied", texts(block.dockerfile.iter().flat_map(|dockerfile| copied(&block, dockerfile)))),
        ("inputs", texts(block.input_names())),
        ("warnings", texts(warnings)),
        ("notes", texts(remarks)),
    ] {
        if list.as_array().is_some_and(|list| !list.is_empty()) {
            table.insert(key.into(), list);
        }
    }
    let role = |role| match role {
        NeedsRole::Used => "counts",
        NeedsRole::PassedOver => "does not count",
        _ => "is not read",
    };
    let files = block.needs.iter().map(|file| format!("{} {}: {}", file.file, role(file.role), file.about));
    table.insert("files".into(), texts(files));
    table
}

#[test]
fn folders_become_what_is_expected() {
    let write = std::env::var_os("LONGSHORE_WRITE_FOLDERS").is_some();
    let folders = folders();
    assert!(folders.len() >= 30, "{folders:?}");
    for folder in &folders {
        let file = folder.join(EXPECTED);
        let expected: Table = toml::from_str(&std::fs::read_to_string(&file).unwrap_or_default()).unwrap();
        let run = expected.get("run").cloned();
        let path = run.as_ref().map_or(folder.clone(), |run| folder.join(run.as_str().unwrap()));
        let mut found = match Block::load(&path) {
            Ok(loaded) => became(loaded),
            Err(error) => {
                let text = error.to_string().replace(&folder.display().to_string(), "FOLDER");
                Table::from_iter([("error".to_owned(), Value::from(text))])
            }
        };
        found.extend(run.map(|run| ("run".to_owned(), run)));
        if write {
            std::fs::write(&file, toml::to_string(&found).unwrap()).unwrap();
        } else {
            assert_eq!(found, expected, "{}", folder.display());
        }
    }
}

/// Numbers that look random and are the same each time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit.max(1) as u64).unwrap()
    }
}

/// A text with a few bytes changed, repeated or left out.
fn mutated(text: &[u8], numbers: &mut Numbers) -> Vec<u8> {
    const PIECES: [&[u8]; 16] = [
        b"\"", b"'", b"[", b"]", b"{", b"}", b"\n", b"\\", b"#", b"--hash=", b"-r ", b" ; ", b"==", b"\xff", b"\x00",
        b"&a *a",
    ];
    let mut bytes = text.to_vec();
    for _ in 0..=numbers.below(6) {
        let at = numbers.below(bytes.len());
        let end = (at + numbers.below(40)).min(bytes.len());
        match numbers.below(4) {
            0 => drop(bytes.drain(at..end)),
            1 => drop(bytes.splice(at..at, PIECES[numbers.below(PIECES.len())].iter().copied()).count()),
            2 => drop(bytes.splice(at..at, bytes[at..end].to_vec()).count()),
            _ => bytes.truncate(end),
        }
    }
    bytes
}

#[test]
fn changed_files_never_panic_and_take_no_time() {
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    for folder in folders() {
        let copy = tempfile::tempdir().unwrap();
        let names: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        let files: Vec<_> = names.iter().filter(|path| path.is_file()).collect();
        for path in &files {
            std::fs::copy(path, copy.path().join(path.file_name().unwrap())).unwrap();
        }
        for path in files {
            let (name, text) = (path.file_name().unwrap(), std::fs::read(path).unwrap());
            for _ in 0..40 {
                std::fs::write(copy.path().join(name), mutated(&text, &mut numbers)).unwrap();
                let begun = std::time::Instant::now();
                for path in [copy.path().to_owned(), copy.path().join("tool.py"), copy.path().join("tool.R")] {
                    let error = Block::load(&path).map(drop).err().map(|error| error.to_string());
                    assert!(error.is_none_or(|text| text.contains('`')), "an error names its file");
                }
                assert!(begun.elapsed().as_secs() < 20, "{}: {:?}", path.display(), begun.elapsed());
            }
            std::fs::write(copy.path().join(name), text).unwrap();
        }
    }
}
