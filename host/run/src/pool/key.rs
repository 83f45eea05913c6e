//! The key of the pool: everything that is read when a container and its interpreter start, and while packages are
//! imported. Interpreters of equal keys are interchangeable.

use crate::program::{Command, Program};
use longshore_block::{Form, Language};
use longshore_engine::{ScriptEnvironment, Shape};
use std::collections::BTreeSet;

/// Prefixes of the variables that interpreters and native libraries read when they start or are loaded.
const READ_AT_START: [&str; 24] = [
    "PYTHON",
    "R_",
    "LD_",
    "LANG",
    "LC_",
    "TZ",
    "OMP_",
    "GOMP_",
    "KMP_",
    "OPENBLAS_",
    "GOTO_",
    "MKL_",
    "BLIS_",
    "VECLIB_",
    "NUMEXPR_",
    "POLARS_",
    "ARROW_",
    "MPL",
    "MALLOC_",
    "GLIBC_",
    "SSL_CERT_",
    "TMP",
    "TEMP",
    "XDG_",
];

/// Files in the folder that an interpreter runs in, which packages read when they are imported. So are those whose names
/// begin with a dot, since the folder is also the user's home.
const READ_ON_IMPORT: [&str; 4] = ["matplotlibrc", "pyproject.toml", "setup.cfg", "pyvenv.cfg"];

/// The part of a key that two interpreters must have in common if one can stand in for the other.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Base {
    pub(crate) shape: Shape,
    pub(crate) program: Program,
}

/// The key of an interpreter.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) base: Base,
    /// What it has imported, in order, as `leading_imports` gives it.
    pub(crate) preload: Vec<String>,
}

/// What a run needs of an interpreter.
#[derive(Debug, Clone)]
pub(crate) struct Need<'a> {
    pub(crate) shape: &'a Shape,
    pub(crate) program: Program,
    /// The imports at the beginning of its script.
    pub(crate) imports: &'a [String],
    /// The names at the top of its folder.
    pub(crate) names: &'a BTreeSet<String>,
    /// The names of the variables that its caller sets.
    pub(crate) variables: Vec<&'a str>,
}

/// Why a run starts an interpreter of its own.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Miss {
    #[error("a program of the caller runs in its container")]
    Attended,
    #[error("files of this machine are mounted when a container is created")]
    Mounts,
    #[error("the variable `{0}` is read when an interpreter starts")]
    Variable(String),
    #[error("packages may read the block's file `{0}` when they are imported")]
    File(String),
    #[error("the block's `{0}` has the name of a module that was imported before")]
    Module(String),
    #[error("the image's agent cannot prepare an interpreter")]
    Agent,
    #[error("no interpreter waited for this block")]
    None,
    #[error("the host is shutting down")]
    ShuttingDown,
}

impl Need<'_> {
    /// The key of an interpreter that is like one which the run would start itself.
    pub(super) fn key(&self) -> Result<Key, Miss> {
        if !self.shape.mounts.is_empty() {
            return Err(Miss::Mounts);
        }
        if let Some(variable) = self.variables.iter().find(|name| is_read_at_start(name)) {
            return Err(Miss::Variable((*variable).to_owned()));
        }
        let mut program = self.program.clone();
        let mut preload = Vec::new();
        if program.language == Language::Python {
            // They can be given later. R keeps its own where nobody can change them.
            program.arguments.clear();
        }
        // What R's packages read when they are loaded cannot be observed.
        if program.form == Form::Script && (program.language == Language::Python || self.variables.is_empty()) {
            preload = self.own_imports();
        }
        if !preload.is_empty()
            && let Some(file) = self.names.iter().find(|name| may_be_read_on_import(name))
        {
            return Err(Miss::File(file.clone()));
        }
        Ok(Key { base: Base { shape: self.shape.clone(), program }, preload })
    }

    /// The imports up to the first one of a module of the block's own, whose code may do anything.
    fn own_imports(&self) -> Vec<String> {
        let tops = self.modules();
        let is_own = |import: &&String| !tops.contains(import.split(['.', ':']).next().unwrap_or_default());
        self.imports.iter().take_while(is_own).cloned().collect()
    }

    /// The names of modules that the block's files and folders may have.
    pub(super) fn modules(&self) -> BTreeSet<&str> {
        self.names.iter().map(|name| name.split('.').next().unwrap_or_default()).collect()
    }
}

impl Key {
    /// The same interpreter with only the first imports.
    pub(super) fn with_first(&self, imports: usize) -> Self {
        Self { base: self.base.clone(), preload: self.preload.iter().take(imports).cloned().collect() }
    }

    /// How its interpreter is started in a container.
    pub(super) fn command(&self, script_environment: &ScriptEnvironment) -> Command {
        self.base.program.command(script_environment, self.base.shape.image.is_some())
    }
}

fn is_read_at_start(name: &str) -> bool {
    READ_AT_START.iter().any(|prefix| name.starts_with(prefix))
}

fn may_be_read_on_import(name: &str) -> bool {
    name.starts_with('.') || READ_ON_IMPORT.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use longshore_engine::RunImage;
    use longshore_model::limits::Limits;
    use longshore_model::network::Network;

    fn shape() -> Shape {
        Shape {
            image: Some(RunImage::default()),
            resources: (&Limits::default()).into(),
            network: Network::None,
            mounts: Vec::new(),
            python: None,
            r_libraries: Vec::new(),
        }
    }

    fn key(language: Language, imports: &[&str], names: &[&str], variables: &[&str]) -> Result<Key, Miss> {
        let imports: Vec<String> = imports.iter().map(|import| (*import).to_owned()).collect();
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        let program = Program {
            language,
            form: Form::Script,
            script: "script".into(),
            tables: Vec::new(),
            arguments: vec!["a".into()],
        };
        let need = Need { shape: &shape(), program, imports: &imports, names: &names, variables: variables.to_vec() };
        need.key()
    }

    #[test]
    fn what_a_run_gets_after_its_start_is_not_in_the_key() {
        let python = key(Language::Python, &["pandas", "a.b:c"], &["script.py", "data.csv"], &["API_URL"]).unwrap();
        assert_eq!(python.preload, ["pandas", "a.b:c"]);
        assert!(python.base.program.arguments.is_empty());
        let r = key(Language::R, &["dplyr"], &["script.R"], &[]).unwrap();
        assert_eq!((r.preload.len(), r.base.program.arguments.len()), (1, 1));
        assert!(key(Language::R, &["dplyr"], &["script.R"], &["API_URL"]).unwrap().preload.is_empty());
        assert_eq!(python.with_first(1).preload, ["pandas"]);
    }

    #[test]
    fn modules_of_the_block_end_what_is_imported_before() {
        for own in ["local.py", "local", "local.so", "local.cpython-311-x86_64-linux-gnu.so"] {
            let imports = ["os", "local:x", "pandas"];
            assert_eq!(key(Language::Python, &imports, &[own], &[]).unwrap().preload, ["os"], "{own}");
            assert_eq!(key(Language::Python, &["local.a"], &[own], &[]).unwrap().preload, Vec::<String>::new());
        }
    }

    #[test]
    fn what_is_read_at_the_start_makes_a_run_start_its_own() {
        for name in ["PYTHONHASHSEED", "OMP_NUM_THREADS", "TZ", "LC_ALL", "LD_PRELOAD", "R_LIBS_USER", "MPLBACKEND"] {
            assert_eq!(key(Language::Python, &[], &[], &[name]), Err(Miss::Variable(name.into())));
        }
        for name in [".env", "matplotlibrc"] {
            assert_eq!(key(Language::Python, &["a"], &[name], &[]), Err(Miss::File(name.into())));
            assert!(key(Language::Python, &[], &[name], &[]).is_ok());
        }
    }
}
