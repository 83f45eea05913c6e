//! What stands where the script may write too, because it has a writable mount above: outputs, kept files, the block. They
//! are held open from the check on, so that it changes nothing of where they go; a link there may be a script's of before.

use super::{SharedFile, SpecError};
use crate::block::Block;
use crate::kept::KeepTarget;
use crate::output::Declared;
use crate::publish::Destination;
use std::path::{Path, PathBuf};

/// Something that the host writes.
struct Written<'a> {
    what: String,
    path: PathBuf,
    links: &'a [PathBuf],
}

/// Returns what a caller should know of it.
pub(super) fn check(
    outputs: &Declared,
    keep: Option<&KeepTarget>,
    block: &Block,
    mounts: &[SharedFile],
) -> Result<Vec<String>, SpecError> {
    let mut written = Vec::new();
    for (number, target) in outputs.targets.iter().enumerate() {
        if let Some(Destination::File(place)) = target.as_ref().and_then(|target| target.destination.as_ref()) {
            written.push(Written { what: format!("output {number}"), path: place.path(), links: place.links() });
        }
    }
    written.extend(keep.map(|keep| Written { what: "what is kept".into(), path: keep.real(), links: keep.links() }));
    let mut notes = Vec::new();
    for mount in mounts.iter().filter(|mount| mount.writable) {
        let mut below = Vec::new();
        for Written { what, path, links } in &written {
            if let Some(link) = links.iter().find(|link| link.starts_with(&mount.path)) {
                let (what, link, mount) = (what.clone(), link.clone(), mount.path.clone());
                return Err(SpecError::LinkInMount { what, link, mount });
            }
            if *path == mount.path {
                return Err(SpecError::IsMount { what: what.clone(), path: path.clone() });
            }
            below.extend(path.starts_with(&mount.path).then_some(what.as_str()));
        }
        let mount = &mount.path;
        if !below.is_empty() {
            let (all, mount) = (below.join(", "), mount.display());
            notes.push(format!(
                "the script may write to `{mount}`, where this goes too: {all}. If it moves or replaces a folder there, \
                 the run fails"
            ));
        }
        if is_of_block(block, mount) {
            notes.push(format!(
                "the script may write to `{}`, and so to its own block: later runs execute what it leaves there",
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
