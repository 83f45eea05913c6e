//! Requirements of Python packages in normal form: equivalent requirements are written the same, so that hashes and
//! comparisons are equal. Only the resolver interprets them; an invalid requirement is unchanged.

use longshore_block::{cut_name, package_name};
use longshore_model::package_name::normal_name;

/// The requirements in their normal form, sorted, each once.
pub(crate) fn normalised(requirements: &[String]) -> Vec<String> {
    let mut all: Vec<String> = requirements.iter().map(|text| normal(text)).filter(|text| !text.is_empty()).collect();
    all.sort();
    all.dedup();
    all
}

fn normal(text: &str) -> String {
    let Some(name) = package_name(text) else { return text.trim().to_owned() };
    let (_, rest) = cut_name(text.trim());
    let (extras, rest) = match rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((extras, rest)) => (sorted(extras, |extra| normal_name(extra.trim())), rest.trim_start()),
        None => (Vec::new(), rest),
    };
    let extras = if extras.is_empty() { String::new() } else { format!("[{}]", extras.join(",")) };
    if let Some(address) = rest.strip_prefix('@') {
        return format!("{name}{extras} @ {}", address.trim());
    }
    let (versions, marker) = rest.split_once(';').map_or((rest, None), |(versions, marker)| (versions, Some(marker)));
    let versions = versions.trim().trim_start_matches('(').trim_end_matches(')');
    let versions = sorted(versions, |version| version.split_whitespace().collect()).join(",");
    let marker = marker.map(|marker| marker.split_whitespace().collect::<Vec<_>>().join(" "));
    let marker = marker.filter(|marker| !marker.is_empty()).map(|marker| format!("; {marker}")).unwrap_or_default();
    format!("{name}{extras}{versions}{marker}")
}

/// The parts between commas, each in its normal form, sorted and without the empty ones.
fn sorted(text: &str, normal: impl Fn(&str) -> String) -> Vec<String> {
    let mut parts: Vec<String> = text.split(',').map(normal).filter(|part| !part.is_empty()).collect();
    parts.sort();
    parts.dedup();
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_the_same_is_written_the_same() {
        for (text, expected) in [
            ("Scikit_Learn", "scikit-learn"),
            ("  zope.interface  ", "zope-interface"),
            ("a--b__c", "a-b-c"),
            ("numpy == 1.26.4", "numpy==1.26.4"),
            ("numpy<2, >=1.20", "numpy<2,>=1.20"),
            ("numpy >=1.20,<2", "numpy<2,>=1.20"),
            ("pandas (>= 2, < 3)", "pandas<3,>=2"),
            ("requests[ Socks, security ] >= 2.8", "requests[security,socks]>=2.8"),
            ("requests[]", "requests"),
            ("tomli >=1 ;  python_version   < '3.11'", "tomli>=1; python_version < '3.11'"),
            ("tomli;", "tomli"),
            ("A @  https://x.example/A.whl", "a @ https://x.example/A.whl"),
            ("a[x] @ file:///srv/a.whl", "a[x] @ file:///srv/a.whl"),
            ("https://x.example/a.whl", "https://x.example/a.whl"),
            ("./a.whl", "./a.whl"),
            ("--pre", "--pre"),
        ] {
            assert_eq!(normalised(&[text.to_owned()]), [expected], "{text}");
            assert_eq!(normalised(&[expected.to_owned()]), [expected], "{text} twice");
        }
    }

    #[test]
    fn order_and_repetition_do_not_count() {
        let list = |texts: &[&str]| normalised(&texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>());
        assert_eq!(list(&["b", "A", " ", "a", "b"]), ["a", "b"]);
        assert_eq!(list(&[]), Vec::<String>::new());
        assert_eq!(list(&["numpy", "numpy<2"]), ["numpy", "numpy<2"]);
    }

    #[test]
    fn a_requirement_is_about_a_package() {
        for (text, expected) in [
            ("Pandas[x]>=2", Some("pandas")),
            ("a @ https://x.example", Some("a")),
            ("a;b", Some("a")),
            ("https://x.example/a.whl", None),
            ("./a", None),
            ("-r x", None),
            ("a b", None),
            ("", None),
        ] {
            assert_eq!(package_name(text).as_deref(), expected, "{text}");
        }
    }
}
