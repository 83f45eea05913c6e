//! The tables of `docs/settings.md`, generated from the list of settings.

use super::list::SETTINGS;
use super::setting::Setting;

/// Every setting with its type, default, variable and an example: a Markdown table for each table of a file.
#[must_use]
pub fn document() -> String {
    let mut text = String::new();
    let mut table = "";
    for setting in SETTINGS {
        if setting.table != table {
            table = setting.table;
            let gap = if text.is_empty() { "" } else { "\n" };
            text += &format!("{gap}### `[{table}]`\n\n| key | meaning | type | default | variable | example |\n");
            text += "|---|---|---|---|---|---|\n";
        }
        text += &row(setting);
    }
    text
}

fn row(setting: &Setting) -> String {
    let Setting { key, about, default, variable, example, .. } = setting;
    let common: Vec<String> = setting.common.iter().map(|name| format!("`{name}`")).collect();
    let common = if common.is_empty() { String::new() } else { format!("; below files {}", common.join(", ")) };
    let kind = setting.slot.kind();
    format!("| `{key}` | {about} | {kind} | {default} | `{variable}`{common} | `{key} = {example}` |\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    /// Set by `make docs`: writes the page instead of comparing it.
    const WRITE: &str = "LONGSHORE_WRITE_DOCS";

    #[test]
    fn docs_are_as_the_settings() {
        let own = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap());
        let path = own.join("../../docs/settings.md");
        let page = std::fs::read_to_string(&path).unwrap();
        let (before, after) = page.split_once("<!-- settings -->\n").unwrap();
        let (_, after) = after.split_once("<!-- end -->").unwrap();
        let wanted = format!("{before}<!-- settings -->\n{}<!-- end -->{after}", document());
        if std::env::var_os(WRITE).is_some() {
            return std::fs::write(path, wanted).unwrap();
        }
        assert!(page == wanted, "docs/settings.md is not as the list of settings: `make docs` writes it");
    }
}
