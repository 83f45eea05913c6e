//! Hints for mistakes in a text: what was probably meant, and its line and column.

/// Suggests the nearest of `known`, if one is near.
pub fn did_you_mean<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    // Two thirds alike: finds a typing error or a missing ending, and little else.
    const NEAR: f64 = 0.66;
    let distance = |known: &&str| strsim::normalized_damerau_levenshtein(name, known);
    let nearest =
        known.into_iter().filter(|known| distance(known) >= NEAR).max_by(|a, b| distance(a).total_cmp(&distance(b)));
    nearest.map(|nearest| format!(": did you mean `{nearest}`?")).unwrap_or_default()
}

/// Line and column of an offset in a text, from 1.
pub fn place(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    (line, before.chars().rev().take_while(|character| *character != '\n').count() + 1)
}

/// Rewords a parser's message, with a hint for an unknown key.
pub fn reword(message: &str) -> String {
    let message = message.lines().collect::<Vec<_>>().join(", ");
    let Some(rest) = message.strip_prefix("unknown field `") else {
        return message.replace("missing field", "missing key").replace("field", "key");
    };
    let mut names = rest.split('`');
    let unknown = names.next().unwrap_or_default().to_owned();
    let known: Vec<&str> = names.skip(1).step_by(2).collect();
    let hint = did_you_mean(&unknown, known.iter().copied());
    let hint = if hint.is_empty() { format!(": known are {}", known.join(", ")) } else { hint };
    format!("unknown key `{unknown}`{hint}")
}
