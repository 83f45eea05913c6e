//! Names of Python packages, in the normal form in which indexes and installers compare them.

/// A name normalized by PEP 503: lower case, and one hyphen for each run of hyphens, dots and underscores.
pub fn normal_name(name: &str) -> String {
    let mut normal = String::with_capacity(name.len());
    for character in name.chars() {
        match character {
            '-' | '_' | '.' if normal.ends_with('-') => {}
            '-' | '_' | '.' => normal.push('-'),
            other => normal.push(other.to_ascii_lowercase()),
        }
    }
    normal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_mean_one_package_are_one() {
        for (name, normal) in [
            ("Scikit_Learn", "scikit-learn"),
            ("zope.interface", "zope-interface"),
            ("a--b__c._-d", "a-b-c-d"),
            ("-a_", "-a-"),
            ("É", "É"),
            ("", ""),
        ] {
            assert_eq!(normal_name(name), normal);
            assert_eq!(normal_name(normal), normal);
        }
    }
}
