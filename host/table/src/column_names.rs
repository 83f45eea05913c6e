//! Unique column names.

use std::collections::HashSet;

/// Names that are all different: a column without a name is named by its position, a name's repetitions are numbered.
pub(super) fn unique(names: Vec<String>) -> Vec<String> {
    let mut taken = HashSet::new();
    let name = |(index, name): (usize, String)| {
        let name = if name.is_empty() { format!("column_{}", index + 1) } else { name };
        let name = numbered(&name, |name| taken.contains(name));
        taken.insert(name.clone());
        name
    };
    names.into_iter().enumerate().map(name).collect()
}

/// A name that is not taken: itself, or with a number.
pub(super) fn numbered(name: &str, is_taken: impl Fn(&str) -> bool) -> String {
    let repeated = (1..).map(|number| format!("{name}.{number}"));
    std::iter::once(name.to_owned()).chain(repeated).find(|name| !is_taken(name)).unwrap_or_default()
}
