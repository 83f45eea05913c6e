//! The blocks that the server knows: those in the folders that its operator names. They are read anew each time, so that
//! a changed one is as it is now.

use longshore::block::{Block, BlockError, FoundBlock, Loaded, blocks_below};
use std::path::{Component, Path, PathBuf};

/// Folders of blocks.
#[derive(Debug, Default)]
pub(crate) struct KnownBlocks {
    folders: Vec<PathBuf>,
}

/// A block, as it was found.
#[derive(Debug)]
pub(crate) struct KnownBlock {
    /// Its name: its path relative to the operator's folder, or that folder's name if it is a block itself.
    pub(crate) name: String,
    pub(crate) path: PathBuf,
    pub(crate) loaded: Result<Loaded, BlockError>,
}

impl KnownBlocks {
    pub(crate) fn new(folders: Vec<PathBuf>) -> Self {
        Self { folders }
    }

    /// All of them, by name. The first of several with the same name counts. Blocks.
    pub(crate) fn all(&self) -> Vec<KnownBlock> {
        let mut all: Vec<KnownBlock> = self.folders.iter().flat_map(|folder| Self::of(folder)).collect();
        all.sort_by(|one, other| one.name.cmp(&other.name));
        all.dedup_by(|one, other| one.name == other.name);
        all
    }

    /// The block with this name. Blocks.
    pub(crate) fn find(&self, name: &str) -> Option<KnownBlock> {
        let is_plain = Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
        // One that is named is read alone.
        let direct = |folder: &PathBuf| {
            let path = if is_itself(folder) {
                own_name(folder).filter(|own| own == name).map(|_| folder.clone())?
            } else {
                folder.join(name)
            };
            let loaded = Block::load(&path);
            let is_none = matches!(loaded, Err(BlockError::NoManifest { .. } | BlockError::SeveralScripts { .. }));
            (path.exists() && !is_none).then(|| KnownBlock { name: name.to_owned(), path, loaded })
        };
        if !is_plain || name.is_empty() || name.split('/').any(|part| part.starts_with('.')) {
            return None;
        }
        self.folders.iter().find_map(direct)
    }

    fn of(folder: &Path) -> Vec<KnownBlock> {
        if is_itself(folder) {
            let name = own_name(folder).unwrap_or_default();
            return vec![KnownBlock { name, path: folder.to_owned(), loaded: Block::load(folder) }];
        }
        let named = |FoundBlock { path, loaded }| {
            // A name that is not text cannot be asked for.
            let name = path.strip_prefix(folder).ok()?.to_str()?.to_owned();
            Some(KnownBlock { name, path, loaded })
        };
        blocks_below(folder).into_iter().filter_map(named).collect()
    }
}

/// Whether a folder of the operator's is a block, and not a folder of blocks.
fn is_itself(folder: &Path) -> bool {
    longshore::block::MANIFESTS.iter().any(|manifest| folder.join(manifest).is_file()) || folder.is_file()
}

fn own_name(folder: &Path) -> Option<String> {
    Some(folder.file_name()?.to_str()?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn blocks_have_the_names_of_their_paths_and_no_name_leads_elsewhere() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::create_dir_all(path("blocks/group/deep")).unwrap();
        fs::create_dir_all(path("blocks/.hidden")).unwrap();
        fs::create_dir_all(path("single")).unwrap();
        for script in ["blocks/one.py", "blocks/group/deep/main.py", "blocks/.hidden/x.py", "outside.py", "single/s.py"]
        {
            fs::write(path(script), "print(1)\n").unwrap();
        }
        fs::write(path("single/block.toml"), "name = \"S\"\nlanguage = \"python\"\nscript = \"s.py\"\n").unwrap();
        fs::write(path("blocks/notes.txt"), "").unwrap();
        let known = KnownBlocks::new(vec![path("blocks"), path("single"), path("missing")]);
        let names: Vec<String> = known.all().into_iter().map(|block| block.name).collect();
        assert_eq!(names, ["group/deep", "one.py", "single"]);
        for name in &names {
            let found = known.find(name).unwrap();
            assert_eq!((&found.name, found.loaded.is_ok()), (name, true));
        }
        for other in [
            "",
            "..",
            "../outside.py",
            "group/../one.py",
            "/etc/passwd",
            ".hidden/x.py",
            ".hidden",
            "two",
            "group",
            "s.py",
        ] {
            assert!(known.find(other).is_none(), "{other:?}");
        }
        fs::write(path("single/block.toml"), "name = 7\n").unwrap();
        assert!(known.find("single").unwrap().loaded.is_err());
    }
}
