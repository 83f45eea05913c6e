//! The needs of blocks in the files of other tools: which packages a folder's `requirements.txt`, `uv.lock`, `renv.lock`
//! and others list, and which of these files count. A parser for each file; all of them are bounded, and an error names
//! the file, the place and what to do. Installing is left to the crate `images`.

mod apt_txt;
mod conda;
mod description;
mod dockerfile;
mod dockerignore;
mod environment_yml;
mod folder;
mod folder_files;
mod main_script;
mod not_read;
mod parsed;
mod pylock;
mod pyproject;
mod renv_lock;
mod requirements_txt;
mod uv_lock;
mod yaml;

pub(super) use dockerignore::Ignored;
pub(super) use folder::{Asked, add};
pub use main_script::{is_script, scripts};
pub(super) use main_script::{language, language_of, main_script};
pub(super) use pyproject::requires_python;
