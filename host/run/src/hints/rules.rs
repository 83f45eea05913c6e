//! The hints: for each known cause of a failure, a sentence and what the caller can do.

use super::facts::Facts;
use super::files;
use super::script_error::ScriptError;
use super::system_libraries::package_of_library;
use longshore_block::{Language, package_of_module};
use longshore_model::note::Note;
use longshore_model::remedy::Remedy;
use longshore_model::size::format_size;

/// Most hints of a run: more than one is rare.
const HINTS_MAX: usize = 3;

/// Parts of messages about a connection that needs a network.
const NO_NETWORK: [&str; 11] = [
    "Temporary failure in name resolution",
    "Name or service not known",
    "NameResolutionError",
    "Network is unreachable",
    "Network unreachable",
    "Could not resolve host",
    "could not resolve host",
    "cannot resolve host",
    "Couldn't resolve host",
    "cannot open URL",
    "dns error",
];

/// Parts of messages about a full disk.
const FULL: [&str; 3] = ["No space left on device", "Disk quota exceeded", "os error 28"];

/// Parts of messages about memory that cannot be allocated.
const NO_MEMORY: [&str; 7] = [
    "MemoryError",
    "Unable to allocate",
    "std::bad_alloc",
    "Out of Memory Error",
    "malloc of size",
    "cannot allocate vector of size",
    "cannot allocate memory",
];

/// Parts of messages about threads and processes that cannot be started.
const NO_PROCESSES: [&str; 4] =
    ["can't start new thread", "Resource temporarily unavailable", "unable to fork", "cannot create thread"];

/// Parts of messages about missing values in a nullable column.
const AMBIGUOUS: [&str; 4] = ["boolean value of NA is ambiguous", "'NAType'", "type NAType", "cannot convert NA to"];

/// Parts of messages about an input that is `None` or `NULL`.
const NOTHING: [&str; 4] = ["NoneType", "NULL", "argument is of length zero", "argument of length 0"];

/// Parts of messages about a package that a library needs, before the package's name.
const OPTIONAL: [&str; 2] = ["Missing optional dependency '", "`Import "];

/// The message about a library of the system that a package needs.
const NO_LIBRARY: &str = ": cannot open shared object file";

/// Modules and packages of ours, which images have or lack as a whole.
const OURS: [&str; 3] = ["longshore", "omniscope", "omniscope.api"];

/// The hints about an error. Blocks: it looks for files of this machine that the error names.
pub(crate) fn hints(error: &ScriptError, facts: &Facts) -> Vec<Note> {
    let printed = error.printed.as_str();
    let rules: [fn(&ScriptError, &Facts) -> Option<Note>; 8] = [
        not_connected,
        hidden_module,
        missing_module,
        missing_package,
        missing_library,
        debugger,
        keyboard,
        missing_values,
    ];
    let of_files = [files::not_shared, files::not_readable, files::not_writable];
    let of_limits = [no_network, full, no_memory, no_processes];
    let of_error = rules.into_iter().filter_map(|rule| rule(error, facts));
    let of_printed = of_files.into_iter().chain(of_limits).filter_map(|rule| rule(printed, facts));
    of_error.chain(of_printed).take(HINTS_MAX).collect()
}

fn has(text: &str, parts: &[&str]) -> bool {
    parts.iter().any(|part| text.contains(part))
}

/// An input that the script read, and that had no table. Scripts may try an input that need not be given: then only an
/// error about nothing is blamed on it.
fn not_connected(error: &ScriptError, facts: &Facts) -> Option<Note> {
    let number = *facts.unconnected.first().filter(|_| !facts.connected || has(&error.summary, &NOTHING))?;
    let text = match facts.language {
        Language::Python => format!("the script read input {number}, and no table is connected to it"),
        Language::R => format!(
            "the script read input {}, which is input {number} for the caller, and no table is connected to it",
            number.saturating_add(1)
        ),
    };
    Some(Note::new(text, Some(Remedy::ConnectInput { number })))
}

/// A file of the block that hides a module of the same name.
fn hidden_module(error: &ScriptError, facts: &Facts) -> Option<Note> {
    let named = |start: &str, end: &str| {
        let (_, rest) = error.summary.split_once(start)?;
        rest.split_once(end).map(|(name, _)| name.split('.').next().unwrap_or(name).to_owned())
    };
    let circular = || named("partially initialized module '", "'");
    let no_package = || named("; '", "' is not a package");
    let module = circular().or_else(no_package).filter(|module| facts.modules.contains(module))?;
    Some(format!("the block's own file `{module}.py` hides another module of this name: rename the file").into())
}

/// A Python module that is neither installed nor among the block's files.
fn missing_module(error: &ScriptError, facts: &Facts) -> Option<Note> {
    if facts.language != Language::Python {
        return None;
    }
    let optional = OPTIONAL.iter().find_map(|start| error.summary.split_once(start)?.1.split(['\'', '`']).next());
    let missing = || {
        let (_, rest) = error.summary.split_once("No module named '")?;
        rest.split_once('\'').filter(|(_, rest)| !rest.contains("is not a package")).map(|(name, _)| name)
    };
    let module = optional.or_else(missing)?;
    let top = module.split('.').next().unwrap_or(module);
    if OURS.contains(&top) {
        return None;
    }
    // The error names the first part that is missing, such as `google`; the import has the whole name.
    let imported = facts.undeclared.iter().find(|undeclared| undeclared.module == top);
    let package = package_of_module(module).or_else(|| imported?.package.as_deref());
    Some(match package {
        Some(package) => Note::new(
            format!("the module `{module}` is in the package `{package}`, which the script's environment lacks"),
            Some(Remedy::DeclarePackage { package: package.to_owned(), place: facts.packages }),
        ),
        None => format!(
            "the module `{module}` is neither in the script's environment nor among the block's files, and no well-known \
             package has it"
        )
        .into(),
    })
}

/// An R package that is not installed.
fn missing_package(error: &ScriptError, facts: &Facts) -> Option<Note> {
    if facts.language != Language::R {
        return None;
    }
    let (_, rest) = error.summary.split_once("there is no package called ")?;
    let package = rest.trim_start_matches(['‘', '\'', '"']).split(['’', '\'', '"']).next()?;
    if OURS.contains(&package) || package.is_empty() {
        return None;
    }
    let remedy = Remedy::DeclarePackage { package: package.to_owned(), place: facts.packages };
    Some(Note::new(format!("the script's environment lacks the R package `{package}`"), Some(remedy)))
}

/// A library of the system, such as `libGL.so.1`, that a package needs.
fn missing_library(error: &ScriptError, facts: &Facts) -> Option<Note> {
    let (before, _) = error.summary.split_once(NO_LIBRARY)?;
    let library = before.rsplit([' ', '\'', '"', '/']).next().filter(|library| library.contains(".so"))?;
    let place = if facts.isolated { "the image" } else { "this machine" };
    let lacks = format!("{place} lacks the system library `{library}`");
    Some(match package_of_library(library) {
        Some(package) => {
            let text = format!("{lacks}, which is in the Debian package `{package}`");
            let remedy = Remedy::DeclareSystemPackage { package: package.to_owned(), place: facts.packages };
            Note::new(text, facts.isolated.then_some(remedy))
        }
        None if facts.isolated => {
            format!("{lacks}: declare the Debian package that has it in `system_packages`").into()
        }
        None => lacks.into(),
    })
}

fn debugger(error: &ScriptError, _: &Facts) -> Option<Note> {
    let text = "the script stopped in a debugger, and a run has no keyboard to continue it";
    error.summary.starts_with("BdbQuit").then(|| Note::new(text, Some(Remedy::RunByHand)))
}

fn keyboard(error: &ScriptError, _: &Facts) -> Option<Note> {
    let text = "the script asked for a line from the keyboard, and a run has none";
    error.summary.contains("EOF when reading a line").then(|| Note::new(text, Some(Remedy::DeclareOption)))
}

fn missing_values(error: &ScriptError, _: &Facts) -> Option<Note> {
    let text = if has(&error.summary, &AMBIGUOUS) {
        "a column with missing values has a nullable type such as `Int64`: fill the values with `fillna`, or read the input \
         with `dtypes=\"numpy\"`"
    } else if has(&error.summary, &["cannot convert float NaN to integer", "Cannot convert non-finite values"]) {
        "a column has missing values, which numpy's integers cannot represent: fill them with `fillna`, or read the input \
         with `dtypes=\"nullable\"`"
    } else if error.summary.contains("missing value where TRUE/FALSE needed") {
        "a condition of the script is `NA`, because a value is missing: test for it with `is.na`"
    } else {
        return None;
    };
    Some(text.into())
}

fn no_network(printed: &str, facts: &Facts) -> Option<Note> {
    let found = facts.isolated && !facts.networked && has(printed, &NO_NETWORK);
    found.then(|| Note::new("the run has no network", Some(Remedy::AddNetwork)))
}

fn full(printed: &str, facts: &Facts) -> Option<Note> {
    if !has(printed, &FULL) {
        return None;
    }
    if !facts.isolated {
        return Some("the disk of this machine with the run's working folder is full".into());
    }
    let limit = format_size(facts.memory_bytes);
    let text = format!("the working folder and `/tmp` are in memory, which the run has {limit} of");
    Some(Note::new(text, Some(Remedy::RaiseMemory)))
}

fn no_memory(printed: &str, facts: &Facts) -> Option<Note> {
    let found = facts.isolated && has(printed, &NO_MEMORY);
    let text =
        || format!("the run has {} of memory, files in its working folder included", format_size(facts.memory_bytes));
    found.then(|| Note::new(text(), Some(Remedy::RaiseMemory)))
}

fn no_processes(printed: &str, facts: &Facts) -> Option<Note> {
    let found = facts.isolated && has(printed, &NO_PROCESSES);
    let text = || format!("the run may have {} processes and threads", facts.pids);
    found.then(|| Note::new(text(), Some(Remedy::RaiseProcesses)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use longshore_model::remedy::PackageList;
    use std::collections::BTreeSet;

    fn of(language: Language, summary: &str, change: impl FnOnce(&mut Facts)) -> Vec<Note> {
        let mut facts = Facts::of_nothing(language);
        change(&mut facts);
        let error = ScriptError { summary: summary.to_owned(), printed: summary.to_owned() };
        hints(&error, &facts)
    }

    fn one(language: Language, summary: &str) -> (String, Option<Remedy>) {
        let mut notes = of(language, summary, |_| ());
        assert_eq!(notes.len(), 1, "{summary}: {notes:?}");
        let note = notes.remove(0);
        (note.text, note.remedy)
    }

    /// Pieces of what interpreters print, and characters on which searches fail.
    const PIECES: [&str; 26] = [
        "Traceback (most recent call last):\n",
        "  File \"",
        "\", line 7, in f\n",
        "    x\n",
        "ValueError: ",
        "SyntaxError: ",
        "\n",
        "Error in ",
        "Error: ",
        "Execution halted\n",
        "No module named '",
        "there is no package called ‘",
        "’",
        "'",
        "\"",
        "`",
        "No such file or directory",
        "Permission denied: ",
        "Read-only file system: ",
        "  | ",
        "+ Exception Group ",
        "é",
        "partially initialized module '",
        "is not a package",
        "\u{fffd}",
        ": ",
    ];

    #[test]
    fn any_output_has_an_end() {
        // A linear congruential generator: the same texts in each run.
        let mut state: u64 = 5;
        let mut next = |below: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(state >> 33).unwrap() % below
        };
        for _ in 0..20_000 {
            let printed: String = (0..next(16)).map(|_| PIECES[next(PIECES.len())]).collect();
            for language in [Language::Python, Language::R] {
                let status = Some(longshore_protocol::ExitStatus::Code(1));
                let error = ScriptError::find(language, &printed, status);
                let error = error.unwrap_or_else(|| ScriptError { summary: printed.clone(), printed: printed.clone() });
                assert!(
                    printed.contains(error.printed.as_str()) && !error.summary.contains('\n')
                        || error.summary == printed
                );
                assert!(hints(&error, &Facts::of_nothing(language)).len() <= HINTS_MAX);
            }
        }
    }

    #[test]
    fn a_missing_package_is_named_with_where_to_declare_it() {
        let declare =
            |package: &str| Some(Remedy::DeclarePackage { package: package.to_owned(), place: PackageList::BlockToml });
        for (summary, package) in [
            ("ModuleNotFoundError: No module named 'sklearn'", "scikit-learn"),
            ("ModuleNotFoundError: No module named 'google.cloud.storage'", "google-cloud-storage"),
            ("ImportError: Missing optional dependency 'openpyxl'.  Use pip or conda to install openpyxl.", "openpyxl"),
            ("ImportError: `Import tabulate` failed.  Use pip or conda to install the tabulate package.", "tabulate"),
        ] {
            assert_eq!(one(Language::Python, summary).1, declare(package), "{summary}");
        }
        for quotes in ["‘x.y’", "'x.y'"] {
            let summary = format!("Error in library(x.y) : there is no package called {quotes}");
            assert_eq!(one(Language::R, &summary).1, declare("x.y"));
        }
        let (text, remedy) = one(Language::Python, "ModuleNotFoundError: No module named 'our_helpers'");
        assert!(text.contains("nor among the block's files") && remedy.is_none(), "{text}");
        for ours in ["No module named 'longshore'", "there is no package called ‘longshore’"] {
            assert!(of(Language::Python, ours, |_| ()).is_empty() && of(Language::R, ours, |_| ()).is_empty());
        }
    }

    #[test]
    fn the_import_tells_which_package_of_a_namespace_is_missing() {
        let folder = tempfile::tempdir().unwrap();
        let script = folder.path().join("s.py");
        std::fs::write(&script, "from google.cloud import storage").unwrap();
        let undeclared = longshore_block::Block::load(&script).unwrap().block.undeclared();
        let notes = of(Language::Python, "ModuleNotFoundError: No module named 'google'", |facts| {
            facts.undeclared = undeclared;
        });
        assert!(notes[0].text.contains("`google-cloud-storage`"), "{notes:?}");
    }

    #[test]
    fn a_missing_library_of_the_system_is_named() {
        let summary = "ImportError: libGL.so.1: cannot open shared object file: No such file or directory";
        let (text, remedy) = one(Language::Python, summary);
        assert_eq!(text, "the image lacks the system library `libGL.so.1`, which is in the Debian package `libgl1`");
        let declared = Remedy::DeclareSystemPackage { package: "libgl1".into(), place: PackageList::BlockToml };
        assert_eq!(remedy, Some(declared));
        let process = &of(Language::Python, summary, |facts| facts.isolated = false)[0];
        assert!(process.text.starts_with("this machine lacks") && process.remedy.is_none(), "{process:?}");
        let (text, remedy) = one(Language::R, &summary.replace("libGL.so.1", "/work/libours.so.1"));
        assert!(text.contains("`libours.so.1`: declare the Debian package") && remedy.is_none(), "{text}");
    }

    #[test]
    fn an_input_without_a_table_is_named_where_it_explains_the_error() {
        let read = |summary: &str, connected: bool| {
            of(Language::Python, summary, |facts| {
                facts.unconnected = BTreeSet::from([1, 2]);
                facts.connected = connected;
            })
        };
        assert_eq!(read("ValueError: x", false)[0].remedy, Some(Remedy::ConnectInput { number: 1 }));
        assert!(read("TypeError: 'NoneType' object is not subscriptable", true)[0].text.contains("input 1"));
        assert!(read("ValueError: x", true).is_empty());
        let in_r = of(Language::R, "Error in f : argument is of length zero", |facts| facts.unconnected = [0].into());
        assert_eq!(in_r[0].remedy, Some(Remedy::ConnectInput { number: 0 }));
        assert!(in_r[0].text.starts_with("the script read input 1, which is input 0 for the caller"));
    }

    #[test]
    fn a_hidden_module_is_one_of_the_block() {
        let summaries = [
            "ImportError: cannot import name 'a' from partially initialized module 'random' (most likely due to a circular \
             import) (/work/random.py)",
            "AttributeError: partially initialized module 'random' has no attribute 'a' (most likely due to a circular \
             import)",
            "ModuleNotFoundError: No module named 'random.x'; 'random' is not a package",
        ];
        for summary in summaries {
            let hidden = of(Language::Python, summary, |facts| facts.modules = BTreeSet::from(["random".into()]));
            assert_eq!(hidden.len(), 1, "{summary}");
            assert!(hidden[0].text.contains("`random.py`"));
            assert!(of(Language::Python, summary, |_| ()).is_empty(), "{summary}");
        }
    }

    #[test]
    fn limits_and_the_network_are_named_only_where_they_are() {
        for (summary, remedy) in [
            ("OSError: [Errno 28] No space left on device", Remedy::RaiseMemory),
            ("_ArrayMemoryError: Unable to allocate 7 TiB", Remedy::RaiseMemory),
            ("Error: cannot allocate vector of size 74.5 Gb", Remedy::RaiseMemory),
            ("RuntimeError: can't start new thread", Remedy::RaiseProcesses),
            ("URLError: <urlopen error [Errno -3] Temporary failure in name resolution>", Remedy::AddNetwork),
            ("Error in url() : cannot open URL 'http://x.example'", Remedy::AddNetwork),
        ] {
            assert_eq!(one(Language::R, summary).1, Some(remedy), "{summary}");
        }
        let networked = of(Language::Python, "Name or service not known", |facts| facts.networked = true);
        let process = of(Language::Python, "MemoryError", |facts| facts.isolated = false);
        assert_eq!((networked, process), (Vec::new(), Vec::new()));
        let full = of(Language::Python, "No space left on device", |facts| facts.isolated = false);
        assert_eq!(full[0].remedy, None);
    }

    #[test]
    fn what_a_script_asks_for_and_cannot_have_is_explained() {
        assert_eq!(one(Language::Python, "BdbQuit").1, Some(Remedy::RunByHand));
        assert_eq!(one(Language::Python, "EOFError: EOF when reading a line").1, Some(Remedy::DeclareOption));
        for (summary, word) in [
            ("TypeError: boolean value of NA is ambiguous", "Int64"),
            ("TypeError: float() argument must be a string or a real number, not 'NAType'", "Int64"),
            ("IntCastingNaNError: Cannot convert non-finite values (NA or inf) to integer", "nullable"),
            ("Error in if (x > 1) y : missing value where TRUE/FALSE needed", "is.na"),
        ] {
            assert!(one(Language::R, summary).0.contains(word), "{summary}");
        }
        assert!(of(Language::Python, "ValueError: x", |_| ()).is_empty());
    }
}
