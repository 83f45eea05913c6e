//! Files of a block that hide a module which the script needs: Python looks for modules in the script's folder first,
//! so that a script named `csv.py` is found in place of Python's own `csv`.

use super::block_file::BlockFile;
use super::document;
use super::error::BlockError;
use super::model::{Block, Form, Language};
use super::python_imports::imports;
use super::python_modules::{is_needed, is_standard, package_of_module};
use std::collections::BTreeSet;

/// The Python modules at the top of a block's folder: `a.py` and `a/__init__.py`.
#[must_use]
pub fn modules(files: &[BlockFile]) -> BTreeSet<String> {
    let module = |file: &BlockFile| match file.path.split_once('/') {
        Some((folder, rest)) => (rest == "__init__.py").then(|| folder.to_owned()),
        None => file.path.strip_suffix(".py").map(str::to_owned),
    };
    files.iter().filter_map(module).collect()
}

/// Checks that no file of a block hides a module that its script needs.
///
/// # Errors
/// [`BlockError::Hides`].
pub fn check_hidden(block: &Block, files: &[BlockFile]) -> Result<(), BlockError> {
    if block.language != Language::Python {
        return Ok(());
    }
    let imported = imports(&document::source(&block.folder.join(&block.script)).unwrap_or_default());
    let tops: BTreeSet<&str> = imported.iter().filter_map(|import| import.top()).collect();
    let own = modules(files);
    // A script without packages needs none of the modules that they import.
    let needs_others = tops.iter().any(|top| !is_standard(top) && !own.contains(*top));
    let is_hidden = |module: &&String| {
        let breaks =
            is_needed(module) && (needs_others || block.form == Form::Snippet || tops.contains(module.as_str()));
        let itself = block.script == format!("{module}.py") && tops.contains(module.as_str());
        breaks || itself && (is_standard(module) || package_of_module(module).is_some())
    };
    match own.iter().find(is_hidden) {
        Some(module) => {
            let name = format!("{module}.py");
            let is_file = files.iter().any(|file| file.path == name);
            let file = block.folder.join(if is_file { &name } else { module });
            Err(BlockError::Hides { file, module: module.clone() })
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(script: &str, source: &str, others: &[&str]) -> Result<(), String> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(script), source).unwrap();
        for other in others {
            let path = folder.path().join(other);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        let manifest = format!("name = \"x\"\nlanguage = \"python\"\nscript = \"{script}\"\n");
        std::fs::write(folder.path().join("block.toml"), manifest).unwrap();
        let block = Block::load(folder.path()).unwrap().block;
        check_hidden(&block, &block.files().unwrap().files).map_err(|error| error.to_string())
    }

    const SDK: &str = "from longshore.api import Api";

    #[test]
    fn a_name_that_hides_a_needed_module_is_refused() {
        for script in ["csv.py", "types.py", "random.py", "pandas.py", "longshore.py"] {
            let error = checked(script, SDK, &[]).unwrap_err();
            let module = script.trim_end_matches(".py");
            assert!(
                error.ends_with(&format!("/{script}` hides the module `{module}`, which the script needs: rename it")),
                "{error}"
            );
        }
        assert!(checked("script.py", SDK, &["queue.py"]).is_err());
        assert!(checked("script.py", SDK, &["email/__init__.py"]).is_err());
        assert!(checked("turtle.py", "import turtle", &[]).is_err());
        assert!(checked("sklearn.py", "from sklearn import svm", &[]).is_err());
    }

    #[test]
    fn other_names_are_not_refused() {
        for (script, source, others) in [
            ("turtle.py", SDK, &[][..]),
            ("test.py", SDK, &["email/template.txt", "data/csv.py", "csv.txt"]),
            ("random.py", "print(1)", &[]),
            ("random.py", "import os, sys", &[]),
            ("main.py", "import main, pandas", &[]),
            ("math.py", SDK, &[]),
        ] {
            assert_eq!(checked(script, source, others), Ok(()), "{script}");
        }
    }
}
