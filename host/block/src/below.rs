//! The blocks of a folder: its scripts, and the folders below it that are blocks. Folders that begin with a dot are left out.

use super::error::BlockError;
use super::model::{Block, Loaded};
use super::needs::scripts;
use std::path::{Path, PathBuf};

/// Most folders that are searched: a repository with thousands of blocks has fewer.
const FOLDERS_MAX: usize = 10_000;

/// Folders within each other that are searched.
const DEPTH_MAX: usize = 8;

/// A block that was found.
#[derive(Debug)]
pub struct FoundBlock {
    /// Its path.
    pub path: PathBuf,
    /// The block, or why it is not a valid one.
    pub loaded: Result<Loaded, BlockError>,
}

/// The blocks in a folder that is not a block itself, in the order of their paths: its scripts, and the blocks below it.
#[must_use]
pub fn blocks_below(folder: &Path) -> Vec<FoundBlock> {
    let mut search = Search { blocks: Vec::new(), folders: 0 };
    search.folder(folder, 0);
    search.blocks
}

struct Search {
    blocks: Vec<FoundBlock>,
    folders: usize,
}

impl Search {
    fn folder(&mut self, folder: &Path, depth: usize) {
        self.folders += 1;
        if depth > DEPTH_MAX || self.folders > FOLDERS_MAX {
            return;
        }
        // A folder that cannot be read has no block that can be run.
        let scripts = scripts(folder).unwrap_or_default().into_iter().map(|name| folder.join(name));
        self.blocks.extend(scripts.map(|path| FoundBlock { loaded: Block::load(&path), path }));
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let is_shown = |path: &PathBuf| path.file_name().is_some_and(|name| !name.as_encoded_bytes().starts_with(b"."));
        let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        let mut folders: Vec<PathBuf> = folders.map(|entry| entry.path()).filter(is_shown).collect();
        folders.sort();
        for folder in folders {
            match Block::load(&folder) {
                Err(BlockError::NoManifest { .. } | BlockError::SeveralScripts { .. }) => {
                    self.folder(&folder, depth + 1)
                }
                loaded => self.blocks.push(FoundBlock { path: folder, loaded }),
            }
        }
    }
}
