//! Advice in the words of this command: the library says what a caller can do ([`Remedy`]), and here are the options and
//! commands that do it.

use longshore::{Note, PackageList, Remedy};
use serde_json::Value;

/// The advice for a remedy; `None` for one that this version does not know.
pub(crate) fn words(remedy: &Remedy) -> Option<String> {
    let words = match remedy {
        Remedy::RaiseMemory => "raise the limit with `--memory`",
        Remedy::SetChunkRows { most } => return Some(format!("give `--chunk-rows` a number from 1 to {most}")),
        Remedy::GiveInput { name: Some(name) } => return Some(format!("give the input with `--input {name}=FILE`")),
        Remedy::GiveInput { name: None } => "give input 0 a table with `-i PATH`",
        Remedy::ConnectInput { number: 0 } => "connect a table with `-i PATH`",
        Remedy::ConnectInput { number } => return Some(format!("connect a table with `-i {number}=PATH`")),
        Remedy::ShareFile { path } => return Some(share(path)),
        Remedy::ShareWritable { path } => {
            return Some(format!("allow the script to write there with `--mount {}:rw`", word(path)));
        }
        Remedy::LetOthersRead { path } => {
            return Some(format!("let other users read it with `chmod o+r {}`", word(path)));
        }
        Remedy::KeepFiles => {
            "write a table to an output and save it with `-o FILE`, or write files into the working folder and save them \
             with `--keep FOLDER`"
        }
        Remedy::RaiseProcesses => "raise the limit with `--pids`",
        Remedy::DeclarePackage { package, place } => return Some(declare(package, *place)),
        Remedy::DeclareSystemPackage { package, place } => return Some(declare_system(package, *place)),
        Remedy::DeclareOption => "declare an option in `block.toml`, and give its value with `--option NAME=VALUE`",
        Remedy::RunByHand => {
            "run the script by hand, in a shell that `longshore run --interactive` opens, or in a dry run, which `longshore \
             dry-run` sets up"
        }
        Remedy::LeaveOutOutput => "write to it in the script, or leave out its `--output`",
        Remedy::NameFormat => "add `--format`, such as `--format csv`",
        Remedy::PlaceWriteOptions => {
            "name the output that the options are for, as in `--write '0:delimiter=;'`, or write a file that ends in .csv"
        }
        Remedy::AllowFolder => "put the file into an allowed folder, or allow its folder with `--allow`",
        Remedy::AddNetwork => "add `--network bridge`",
        Remedy::LeaveOutPartition => "leave out `--partition-by`",
        Remedy::LeaveOutKeepOrPartition => "leave out `--keep` or `--partition-by`",
        Remedy::UseProcesses => {
            "`--engine process` runs scripts without isolation; `longshore doctor` gives details about the engine"
        }
        Remedy::UseContainers => "use `--engine docker`",
        Remedy::Diagnose => "`longshore doctor` gives details",
        Remedy::JoinEngineGroup => {
            "add the user to the group `docker` (`sudo usermod -aG docker $USER`), and log in again"
        }
        Remedy::NameImage => "name another image with `--image`",
        Remedy::FitBase => {
            "list versions that work with it, or choose another base for the block: `pandas = 2` for the packages with pandas \
             2, or an image of your own as `image`"
        }
        Remedy::BuildImages => {
            "provide Longshore's images with `longshore setup`, or name another image with `--image`"
        }
        Remedy::BuildImage { image } => return Some(format!("build it with `longshore setup {image}`")),
        Remedy::BuildAgent => {
            "install Longshore again, or name the agent in the environment variable `LONGSHORE_AGENT`"
        }
        Remedy::BuildSdk => {
            "install Longshore again, or name the folder of the SDKs in the environment variable `LONGSHORE_SDK_FOLDER`"
        }
        Remedy::InstallPython => {
            "install Python 3.11 or newer (`sudo apt-get install python3 python3-venv`), or name one in `LONGSHORE_PYTHON`"
        }
        Remedy::InstallR => {
            "install R (`sudo apt-get install r-base-core`), or name its `Rscript` in `LONGSHORE_RSCRIPT`"
        }
        Remedy::InstallUv => {
            "install Python's `venv` (`sudo apt-get install python3-venv`) or uv (`pip install uv`), or name uv in the \
             environment variable `LONGSHORE_UV`"
        }
        Remedy::BuildBlockImage { block } => {
            return Some(format!("build the image with `longshore images build {block}`"));
        }
        Remedy::WriteLock => "rewrite the lock with `longshore lock`",
        Remedy::PruneImages => "`longshore images prune --all` frees space",
        Remedy::ListImages => "`longshore images list` lists the images",
        Remedy::ImportUntrusted => {
            "`--trust` is for images that Longshore made for a block: leave it out to import any other image"
        }
        Remedy::TakeFingerprint => "`longshore fingerprint IMAGE --json` prints one",
        Remedy::WaitForFingerprint => "`longshore fingerprint` with the image waits longer",
        Remedy::ListRuns => "`longshore runs list` lists the runs",
        Remedy::MoveDatabase { path } => {
            let (path, away) = (word(path), word(&format!("{path}.damaged")));
            return Some(format!("begin a new history, and keep the damaged one, with `mv {path} {away}`"));
        }
        Remedy::UseNewerVersion => {
            "use that version of Longshore, or name another state folder in the environment variable \
             `LONGSHORE_STATE_FOLDER`"
        }
        Remedy::ShowSettings => "`longshore config show` shows where this setting is made",
        Remedy::UpdateCases => "`longshore test --update` writes the expected tables",
        _ => return None,
    };
    Some(words.to_owned())
}

/// A path as one word of a shell.
pub(crate) fn word(path: &str) -> String {
    let is_plain = |character: char| character.is_alphanumeric() || "/._-+@%,=:".contains(character);
    match path.chars().all(is_plain) {
        true => path.to_owned(),
        false => format!("'{}'", path.replace('\'', "'\\''")),
    }
}

fn share(path: &str) -> String {
    let path = word(path);
    format!(
        "connect a table as an input with `-i {path}`, or share the file with `--mount {path}`, and open it by that path"
    )
}

fn declare(package: &str, place: PackageList) -> String {
    match place {
        PackageList::PythonScript | PackageList::RScript => format!(
            "declare it in lines at the top of the script: `# /// script`, `# dependencies = [\"{package}\"]`, `# ///`"
        ),
        PackageList::ManifestJson => format!("add `{package}` to `dependencies` in `manifest.json`"),
        PackageList::Requirements => format!("add the line `{package}` to `requirements.txt`"),
        _ => format!("add `\"{package}\"` to `dependencies` in `block.toml`"),
    }
}

fn declare_system(package: &str, place: PackageList) -> String {
    match place {
        PackageList::PythonScript | PackageList::RScript => format!(
            "declare it in lines at the top of the script: `# /// script`, `# [tool.longshore]`, \
             `# system_packages = [\"{package}\"]`, `# ///`"
        ),
        PackageList::ManifestJson => format!("add `{package}` to `customSystemLibraries` in `manifest.json`"),
        PackageList::Requirements => format!("add the line `{package}` to `apt.txt`"),
        _ => format!("add `\"{package}\"` to `system_packages` in `block.toml`"),
    }
}

/// A note with its advice.
pub(crate) fn note(note: &Note) -> String {
    advised(&note.text, note.remedy.as_ref())
}

fn advised(text: &str, remedy: Option<&Remedy>) -> String {
    match remedy.and_then(words) {
        Some(words) => format!("{text}: {words}"),
        None => text.to_owned(),
    }
}

/// A record of a run as JSON, with advice in words: the key `help` in place of `remedy`, and in the texts of notes.
pub(crate) fn in_record(record: Value) -> Value {
    let Value::Object(record) = record else { return record };
    let worded = |(key, value): (String, Value)| match (key.as_str(), value) {
        ("remedy", remedy) => ("help".to_owned(), remedy_in(&remedy).and_then(|remedy| words(&remedy)).into()),
        ("notes" | "hints", Value::Array(notes)) => (key, notes.iter().map(note_in_record).collect()),
        ("partitions" | "steps", Value::Array(parts)) => (key, parts.into_iter().map(in_record).collect()),
        (_, value) => (key, value),
    };
    Value::Object(record.into_iter().map(worded).collect())
}

/// A note of a record in words.
pub(crate) fn note_in_record(note: &Value) -> String {
    let text = note.as_str().or_else(|| note.get("text")?.as_str()).unwrap_or_default();
    advised(text, note.get("remedy").and_then(remedy_in).as_ref())
}

/// The advice of a record, or of its part.
pub(crate) fn of_record(record: &Value) -> Option<String> {
    record.get("remedy").and_then(remedy_in).and_then(|remedy| words(&remedy))
}

/// Another version may have written it.
fn remedy_in(value: &Value) -> Option<Remedy> {
    serde_json::from_value(value.clone()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_remedy_has_words() {
        // The error of an unknown kind lists all kinds.
        let unknown = serde_json::from_value::<Remedy>(json!({"kind": "?"})).unwrap_err().to_string();
        let kinds: Vec<&str> = unknown.split('`').skip(3).step_by(2).collect();
        assert!(kinds.len() > 20 && kinds.contains(&"raise_memory"), "{unknown}");
        for kind in kinds {
            let remedy = json!({
                "kind": kind, "most": 1, "name": null, "block": "b", "image": "i", "number": 1, "path": "/p", "package": "p",
                "place": "block_toml",
            });
            let remedy: Remedy = serde_json::from_value(remedy).unwrap();
            assert!(words(&remedy).is_some_and(|words| words.contains('`')), "{remedy:?} has no words");
        }
    }

    #[test]
    fn paths_in_advice_are_one_word_of_a_shell() {
        for (path, shown) in [("/a/b-1.csv", "/a/b-1.csv"), ("/a b; c", "'/a b; c'"), ("/it's", "'/it'\\''s'")] {
            let advice = words(&Remedy::ShareFile { path: path.into() }).unwrap();
            assert!(advice.contains(&format!("`--mount {shown}`")), "{advice}");
        }
    }

    #[test]
    fn a_record_has_its_advice_in_words() {
        let record = json!({
            "message": "too little",
            "remedy": Remedy::RaiseMemory,
            "outputs": [],
            "notes": ["slow", Note::new("no network", Some(Remedy::AddNetwork)), {"text": "new", "remedy": {"kind": "x"}}],
            "partitions": [{"value": "a", "remedy": {"kind": "from another version"}}],
        });
        assert_eq!(of_record(&record).as_deref(), Some("raise the limit with `--memory`"));
        let expected = json!({
            "message": "too little",
            "help": "raise the limit with `--memory`",
            "outputs": [],
            "notes": ["slow", "no network: add `--network bridge`", "new"],
            "partitions": [{"value": "a", "help": null}],
        });
        let worded = in_record(record);
        assert_eq!(worded, expected);
        assert_eq!(worded.as_object().unwrap().keys().nth(1).unwrap(), "help");
    }
}
