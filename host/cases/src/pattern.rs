//! Texts in which `…` stands for anything.

/// Matches anything.
const ANYTHING: char = '…';

/// Whether a text matches a pattern, from its start to its end.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split(ANYTHING);
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut last = None;
    for part in parts {
        if let Some(middle) = last.replace(part) {
            match rest.split_once(middle) {
                Some((_, after)) => rest = after,
                None => return false,
            }
        }
    }
    last.map_or(rest.is_empty(), |last| rest.ends_with(last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_stand_for_anything() {
        for pattern in ["a bc b", "…", "a…", "…b", "a…c…b", "a b…c b", "…a…", "a bc b…"] {
            assert!(matches(pattern, "a bc b"), "{pattern}");
        }
        for pattern in ["", "a", "…c", "b…", "a…x…b", "a bc b…b", "a…b…b…b"] {
            assert!(!matches(pattern, "a bc b"), "{pattern}");
        }
        assert!(matches("", ""));
    }
}
