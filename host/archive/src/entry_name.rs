//! Names in tar archives, and whether they are safe: a safe name stays below the folder that it is unpacked into, with
//! any unpacker.

use super::fault::TarFault;

/// The prefix of whiteout files, which delete the file with the rest of the name.
const WHITEOUT: &[u8] = b".wh.";

/// Normalizes a name: no leading `./`, no trailing `/`, no redundant parts. Fails if it leaves its folder.
pub(super) fn normal(name: &[u8]) -> Result<Vec<u8>, TarFault> {
    let shown = || shown(name);
    if name.contains(&0) {
        return Err(TarFault::NameZero { name: shown() });
    }
    if name.starts_with(b"/") {
        return Err(TarFault::NameAbsolute { name: shown() });
    }
    let mut normal = Vec::with_capacity(name.len());
    for part in name.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => continue,
            b".." => return Err(TarFault::NameEscapes { name: shown() }),
            _ => {}
        }
        // A whiteout deletes the rest of its name in the layers below; it may not delete its own folder or the parent.
        if part.strip_prefix(WHITEOUT).is_some_and(|rest| matches!(rest, b"" | b"." | b"..")) {
            return Err(TarFault::NameEscapes { name: shown() });
        }
        if !normal.is_empty() {
            normal.push(b'/');
        }
        normal.extend_from_slice(part);
    }
    Ok(normal)
}

/// The target of the link `name`, if it is within the archive.
pub(super) fn follow(name: &[u8], target: &[u8]) -> Result<Vec<u8>, TarFault> {
    let folder = name.iter().rposition(|byte| *byte == b'/').map_or(&b""[..], |at| &name[..at]);
    let escapes = || TarFault::LinkEscapes { name: shown(name), target: shown(target) };
    let mut parts: Vec<&[u8]> = folder.split(|byte| *byte == b'/').filter(|part| !part.is_empty()).collect();
    for part in target.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => drop(parts.pop().ok_or_else(escapes)?),
            part => parts.push(part),
        }
    }
    Ok(parts.join(&b'/'))
}

/// A name for display, with any odd characters.
pub(super) fn shown(name: &[u8]) -> String {
    const SHOWN: usize = 200;
    let text: String = String::from_utf8_lossy(name).chars().flat_map(char::escape_debug).take(SHOWN).collect();
    if text.chars().count() == SHOWN { format!("{text}…") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_in_their_folder() {
        for (name, expected) in [
            ("a/b", "a/b"),
            ("./a/b/", "a/b"),
            ("a//b/./c", "a/b/c"),
            ("./", ""),
            ("a/...", "a/..."),
            ("a/.wh.b", "a/.wh.b"),
            ("a/.wh..wh..opq", "a/.wh..wh..opq"),
        ] {
            assert_eq!(normal(name.as_bytes()).unwrap(), expected.as_bytes(), "{name}");
        }
        for (name, said) in [
            ("/a", "the name `/a` is absolute"),
            ("../a", "the name `../a` leads out of its folder"),
            ("a/../../b", "the name `a/../../b` leads out of its folder"),
            ("a/..", "the name `a/..` leads out of its folder"),
            ("a/.wh...", "the name `a/.wh...` leads out of its folder"),
            ("a\0b", "the name `a\\0b` contains a zero byte"),
        ] {
            assert_eq!(normal(name.as_bytes()).unwrap_err().to_string(), said);
        }
    }

    #[test]
    fn links_stay_in_their_archive() {
        for (name, target, expected) in
            [("a/b", "../c", "c"), ("a/b/c", "d", "a/b/d"), ("a", "./b", "b"), ("a/b", "/usr/bin", "a/usr/bin")]
        {
            assert_eq!(follow(name.as_bytes(), target.as_bytes()).unwrap(), expected.as_bytes(), "{name}");
        }
        let error = follow(b"a/b", b"../../c").unwrap_err();
        assert_eq!(error.to_string(), "the link `a/b` leads out of the archive, to `../../c`");
    }
}
