//! Programs with a name similar to a missing one: `python3.11` for `python3`. They are listed in the error, so that the
//! image's author sees what it has.

/// Maximum number of programs listed.
const NAMED_MAX: usize = 5;

/// Programs in the folders of a `PATH` whose names differ from this one only in the version.
pub(crate) fn programs(missing: &str, path: &str) -> Vec<String> {
    let is_version = |character: char| character.is_ascii_digit() || character == '.';
    let stem = missing.trim_end_matches(is_version);
    let folders = path.split(':').filter_map(|folder| std::fs::read_dir(folder).ok());
    let names = folders.flatten().flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let is_similar = |name: &String| name.strip_prefix(stem).is_some_and(|version| version.chars().all(is_version));
    let mut found: Vec<String> = names.filter(|name| is_similar(name) && name != missing).collect();
    found.sort();
    found.dedup();
    found.truncate(NAMED_MAX);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_a_program_are_found_and_nothing_else() {
        let folder = std::env::temp_dir().join(format!("longshore-similar-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        for name in ["python", "python3.11", "python3", "python3-config", "pythonic", "perl"] {
            std::fs::write(folder.join(name), "").unwrap();
        }
        let path = format!("/no/such/folder:{}", folder.display());
        let found = programs("python3", &path);
        std::fs::remove_dir_all(&folder).unwrap();
        assert_eq!(found, ["python", "python3.11"]);
        assert!(programs("Rscript", &path).is_empty());
    }
}
