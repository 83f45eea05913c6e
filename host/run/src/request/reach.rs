//! Outputs, kept files and the block below a writable mount, where the script may write too. They are held open from
//! the check on, so that the script cannot redirect them. A link there may have been made by an earlier script: no path
//! that is written, read or mounted may use one.

use super::{InputSpec, Mount, RequestError};
use crate::kept::CaptureTarget;
use crate::output::{Declared, Place};
use longshore_block::{Block, GivenValue, OptionValues};
use longshore_os::folder::links_to;
use longshore_os::publish::Destination;
use longshore_os::shared_file::SharedFile;
use std::path::{Path, PathBuf};

/// A path that the host writes.
struct Written<'a> {
    what: String,
    path: PathBuf,
    links: &'a [PathBuf],
}

/// The paths that a caller gives to be read or mounted.
pub(super) fn given(
    inputs: &[InputSpec],
    mounts: &[Mount],
    options: &[(String, GivenValue)],
    values: &OptionValues,
) -> Vec<(String, PathBuf)> {
    let files = inputs.iter().enumerate().filter_map(|(position, input)| {
        Some((format!("input {}", input.number.unwrap_or(position)), input.as_path()?.to_owned()))
    });
    let mounts = mounts.iter().map(|mount| (format!("the mount `{}`", mount.path.display()), mount.path.clone()));
    let options = options.iter().filter(|(name, _)| values.files().iter().any(|file| file.option == *name));
    let options = options.filter_map(|(name, value)| {
        let path = match value {
            GivenValue::Text(path) => path,
            GivenValue::Json(value) => value.as_str()?,
        };
        Some((format!("option `{name}`"), PathBuf::from(path)))
    });
    files.chain(mounts).chain(options).collect()
}

/// Checks the paths against the writable mounts. Returns notes for the caller.
pub(super) fn check(
    outputs: &Declared,
    keep: Option<&CaptureTarget>,
    block: &Block,
    given: Vec<(String, PathBuf)>,
    mounts: &[SharedFile],
) -> Result<Vec<String>, RequestError> {
    let mut written = Vec::new();
    for (number, target) in outputs.targets.iter().enumerate() {
        if let Some(Place::Named(Destination::File(place))) = target.as_ref().map(|target| &target.place) {
            written.push(Written { what: format!("output {number}"), path: place.path(), links: place.links() });
        }
    }
    written.extend(keep.map(|keep| Written { what: "the kept folder".into(), path: keep.real(), links: keep.links() }));
    let mut notes = Vec::new();
    if !mounts.iter().any(|mount| mount.writable) {
        return Ok(notes);
    }
    let read: Vec<_> = given.into_iter().map(|(what, path)| (what, links_to(&path))).collect();
    for mount in mounts.iter().filter(|mount| mount.writable) {
        let mut below = Vec::new();
        let of_read = read.iter().map(|(what, links)| (what, &links[..]));
        for (what, links) in of_read.chain(written.iter().map(|written| (&written.what, written.links))) {
            if let Some(link) = links.iter().find(|link| link.starts_with(&mount.path)) {
                let (what, link, mount) = (what.clone(), link.clone(), mount.path.clone());
                return Err(RequestError::LinkInMount { what, link, mount });
            }
        }
        for Written { what, path, .. } in &written {
            if *path == mount.path {
                return Err(RequestError::IsMount { what: what.clone(), path: path.clone() });
            }
            below.extend(path.starts_with(&mount.path).then_some(what.as_str()));
        }
        let mount = &mount.path;
        if !below.is_empty() {
            let (all, mount) = (below.join(", "), mount.display());
            notes.push(format!(
                "the script may write to `{mount}`, where the host writes too: {all}. If the script moves or replaces \
                 a folder there, the run fails"
            ));
        }
        if is_of_block(block, mount) {
            notes.push(format!(
                "the script may write to `{}`, and thereby to its own block: later runs execute its changes",
                mount.display()
            ));
        }
    }
    Ok(notes)
}

fn is_of_block(block: &Block, mount: &Path) -> bool {
    let folder = std::fs::canonicalize(&block.folder).unwrap_or_else(|_| block.folder.clone());
    let script = std::fs::canonicalize(folder.join(&block.script)).unwrap_or_else(|_| folder.join(&block.script));
    script.starts_with(mount) || block.whole_folder && mount.starts_with(folder)
}
