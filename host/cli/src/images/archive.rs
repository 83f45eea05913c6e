//! `longshore images export` and `import`.

use super::failed;
use crate::{BAD_INPUT, failure, printer, standard};
use longshore::Host;
use longshore::archive::Form;
use longshore::block::Block;
use longshore::collection::ImagesError;
use longshore::shown::Shown;
use longshore::transfer::{Source, Target, Trust};
use std::path::Path;

/// Exit status for an engine or an environment that failed.
const FAILED: u8 = 3;

/// Runs the command, and returns the exit status.
pub(crate) async fn export(image: &str, output: &Path, oci: bool, host: &Host) -> u8 {
    let form = if oci { Form::Oci } else { Form::Docker };
    let to_stdout = standard::is_standard(Some(output));
    let target = match to_stdout.then(printer::data_out) {
        None => Target::File(output.to_owned()),
        Some(Some(stdout)) => Target::Writer(stdout),
        Some(None) => {
            return failure::print_text(
                "cannot write an archive to a terminal: name a file, or redirect the output",
                BAD_INPUT,
            );
        }
    };
    let image = match image_of_block(image, host).await {
        Ok(of_block) => of_block.unwrap_or_else(|| image.to_owned()),
        Err(error) => return failed(&error),
    };
    match host.export(&image, target, form).await {
        // There is an archive on standard output.
        Ok(_) if to_stdout => 0,
        Ok(written) => {
            let what = written.name.map_or(written.id.clone(), |name| format!("{name} ({})", written.id));
            printer::out(&Shown::line(format!("{}: {what}, {} bytes", output.display(), written.bytes)))
        }
        Err(error) => failure::print_advised(&error, error.remedy(), if error.is_input() { BAD_INPUT } else { FAILED }),
    }
}

/// The name of the image that a block runs in; `None` if `named` is not a block's folder.
async fn image_of_block(named: &str, host: &Host) -> Result<Option<String>, ImagesError> {
    let folder = Path::new(named);
    if !folder.is_dir() || Block::load(folder).is_err() {
        return Ok(None);
    }
    Ok(Some(host.images().await?.find(named).await?.title()))
}

/// Runs the command, and returns the exit status.
pub(crate) async fn import(archive: &Path, trust: bool, host: &Host) -> u8 {
    let trust = if trust { Trust::Environment } else { Trust::None };
    let source = match standard::is_standard(Some(archive)).then(|| standard::open(std::io::stdin())) {
        None => Source::File(archive.to_owned()),
        Some(Ok(file)) => Source::Open { file, name: archive.to_owned() },
        Some(Err(error)) => {
            return failure::print_text(&format!("cannot read standard input: {error}"), BAD_INPUT);
        }
    };
    match host.import(source, trust).await {
        Ok(taken) => {
            let already = if taken.already { "already present, " } else { "" };
            let run = match trust {
                Trust::None => format!("; to run a block in it: longshore run BLOCK --image {}", taken.name),
                Trust::Environment => String::new(),
            };
            printer::out(&Shown::line(format!(
                "{}: {already}{}, {} bytes in layers{run}",
                taken.name, taken.id, taken.bytes
            )))
        }
        Err(error) => failure::print_advised(&error, error.remedy(), if error.is_input() { BAD_INPUT } else { FAILED }),
    }
}
