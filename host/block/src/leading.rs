//! What a script imports before it does anything else, in both languages: the packages that an interpreter can import
//! before it gets the script.

use super::document;
use super::model::{Block, Form, Language};
use super::{python_imports, r_packages};

/// The imports at the beginning of a block's script, in order: in Python `a.b` for `import a.b` and `a:b,c` for
/// `from a import b, c`, in R the packages that are attached. None of a script that runs in a driver's code.
#[must_use]
pub fn leading_imports(block: &Block) -> Vec<String> {
    if block.form != Form::Script {
        return Vec::new();
    }
    // A script that cannot be read fails elsewhere.
    let source = document::source(&block.folder.join(&block.script)).unwrap_or_default();
    match block.language {
        Language::Python => python_imports::leading(&source),
        Language::R => r_packages::leading(&source),
    }
}
