//! Missing files, where that is not an error.

use std::io;

/// What was found; `None` if nothing is at the path. A path through a file stays an error.
pub fn if_there<T>(found: io::Result<T>) -> io::Result<Option<T>> {
    match found {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        found => found.map(Some),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_not_there_is_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        assert!(if_there(std::fs::remove_file(&file)).unwrap().is_none());
        std::fs::write(&file, "text").unwrap();
        assert_eq!(if_there(std::fs::read(&file)).unwrap().as_deref(), Some(&b"text"[..]));
        let error = if_there(std::fs::read_dir(file.join("below"))).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotADirectory);
    }
}
