//! Requirements in one form.

/// Sorted, each once.
pub(crate) fn normalised(requirements: &[String]) -> Vec<String> {
    let mut lines: Vec<String> = requirements.iter().map(|line| line.trim().to_owned()).collect();
    lines.sort();
    lines.dedup();
    lines
}
