//! The files of a block's folder that the build of its `Dockerfile` gets: those that it copies, without those in
//! `.dockerignore`. They are files of the block, so that links out of the folder, and too many or too large ones, are errors.

use super::block_file::BlockFile;
use super::error::BlockError;
use super::model::Block;
use super::needed::{BuildFiles, Dockerfile};
use super::needs::Ignored;

impl Block {
    /// The files for the build of the block's `Dockerfile`, in the order of their paths.
    ///
    /// # Errors
    /// [`BlockError`] for a wrong `.dockerignore`, a link that leads out of the folder, or a folder that is too large.
    pub fn build_context(&self, dockerfile: &Dockerfile) -> Result<Vec<BlockFile>, BlockError> {
        if matches!(&dockerfile.files, BuildFiles::Named(named) if named.is_empty()) {
            return Ok(Vec::new());
        }
        let ignored = Ignored::of(&self.folder)?;
        let mut files = self.files()?.files;
        files.retain(|file| dockerfile.copies(&file.path) && !ignored.has(&file.path));
        files.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(files)
    }
}

impl Dockerfile {
    /// Whether it may copy a file of the folder.
    fn copies(&self, path: &str) -> bool {
        let is_in = |folder: &String| {
            path.strip_prefix(folder.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        match &self.files {
            BuildFiles::Named(named) => named.iter().any(is_in),
            BuildFiles::All => true,
        }
    }

    /// Its text with a `LABEL` at the start of each stage.
    #[must_use]
    pub fn with_label(&self, label: &str) -> String {
        let mut text = String::new();
        for (index, line) in self.text.lines().enumerate() {
            text.push_str(line);
            text.push('\n');
            if self.stage_lines.contains(&(index + 1)) {
                text.push_str(&format!("LABEL {label}\n"));
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_build_gets_what_it_copies() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            std::fs::create_dir_all(folder.path().join(name).parent().unwrap()).unwrap();
            std::fs::write(folder.path().join(name), text).unwrap();
        };
        let context = |dockerfile: &str| {
            write("Dockerfile", dockerfile);
            let block = Block::load(folder.path()).unwrap().block;
            let files = block.build_context(block.dockerfile.as_ref().unwrap());
            files
                .map(|files| files.into_iter().map(|file| file.path).collect::<Vec<_>>())
                .map_err(|error| error.to_string())
        };
        for name in ["main.py", "data/a.csv", "data/b.csv", "database", ".git/config"] {
            write(name, "x");
        }
        assert_eq!(context("FROM a\nRUN x\n").unwrap(), [""; 0]);
        assert_eq!(context("FROM a\nCOPY data /d\n").unwrap(), ["data/a.csv", "data/b.csv"]);
        let all = ["Dockerfile", "data/a.csv", "data/b.csv", "database", "main.py"];
        assert_eq!(context("FROM a\nCOPY . /d\n").unwrap(), all);
        write(".dockerignore", "data\n!data/b.csv\n.*\n");
        assert_eq!(context("FROM a\nCOPY data /d\n").unwrap(), ["data/b.csv"]);
        symlink("/etc/passwd", folder.path().join("link")).unwrap();
        assert!(context("FROM a\nCOPY . /d\n").unwrap_err().contains("/link`"));
    }
}
