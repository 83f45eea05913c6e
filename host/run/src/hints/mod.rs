//! What a script's own messages tell about its failure: the error that ended it, and hints where the host knows the
//! cause. The texts come from the script, so they decide no outcome; they only describe one.

mod facts;
mod files;
mod printed;
mod python_error;
mod r_error;
mod rules;
mod script_error;
mod system_libraries;

pub(crate) use facts::Facts;
pub(crate) use printed::Printed;
pub(crate) use rules::hints;
pub(crate) use script_error::{ScriptError, last_words};
