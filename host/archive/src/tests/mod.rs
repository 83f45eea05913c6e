//! Handmade archives, valid and hostile, and the check's results.

mod faults;
mod made;
mod whole;

use super::check::CheckedImage;
use super::spool;
use longshore_model::platform::Platform;
use std::error::Error;
use std::io::Write;

/// Checks an archive as `import` does. An error is given with all its causes.
fn check(bytes: &[u8]) -> Result<CheckedImage, String> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    let platform = Platform { os: "linux".into(), architecture: "amd64".into() };
    let folder = file.path().parent().unwrap();
    spool::open(file.path(), folder)
        .and_then(|file| CheckedImage::of(file, Some(&platform)))
        .map_err(|error| said(&error))
}

fn said(error: &dyn Error) -> String {
    let causes = std::iter::successors(Some(error), |error| (*error).source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
