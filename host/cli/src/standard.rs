//! `-` on the command line: standard input as an input, and standard output as an output. The library gets open files.

use longshore::{InputSource, InputSpec, OutputSpec, OutputTarget};
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::path::Path;

/// The path that stands for standard input and standard output.
const STANDARD: &str = "-";

/// Whether a path stands for standard input or standard output.
pub(crate) fn is_standard(path: Option<&Path>) -> bool {
    path == Some(Path::new(STANDARD))
}

/// Connects standard input where an input names it.
pub(crate) fn connect_inputs(inputs: &mut [InputSpec]) -> Result<(), String> {
    let mut standard = inputs.iter_mut().filter(|input| is_standard(input.as_path()));
    let Some(input) = standard.next() else { return Ok(()) };
    if standard.next().is_some() {
        return Err("standard input can be used for one input only".into());
    }
    input.source =
        InputSource::File(open(io::stdin()).map_err(|error| format!("cannot read standard input: {error}"))?);
    (input.called, input.recorded) = ("standard input".into(), STANDARD.into());
    Ok(())
}

/// Connects standard output where outputs name it.
pub(crate) fn connect_outputs(outputs: &mut [OutputSpec]) -> Result<(), String> {
    for output in outputs.iter_mut().filter(|output| is_standard(output.as_path())) {
        if output.format.is_none() {
            let need = "standard output has no suffix that names its format";
            return Err(format!("{need}: add `--format`, such as `--format csv`"));
        }
        let file = open(io::stdout()).map_err(|error| format!("cannot write to standard output: {error}"))?;
        output.target = OutputTarget::File(file);
        output.called = STANDARD.into();
    }
    Ok(())
}

/// A second descriptor of the same stream.
pub(crate) fn open(stream: impl AsFd) -> io::Result<File> {
    stream.as_fd().try_clone_to_owned().map(File::from)
}
