//! Tables of Python modules: those of the standard library, and the packages that have others. `tables/make_tables.py`
//! makes and checks them.

/// Modules of the standard library; `!` marks those that a file of the same name breaks.
const STANDARD: &str = include_str!("../tables/standard_modules.txt");

/// Modules and their packages.
const PACKAGES: &str = include_str!("../tables/packages_of_modules.txt");

/// Packages that a script with the SDK imports, and that a file of the same name hides.
const OF_THE_SDK: [&str; 6] = ["longshore", "omniscope", "pandas", "numpy", "polars", "pyarrow"];

/// The package on the Python Package Index that has a module, such as `a.b`; `None` if no well-known one has it.
#[must_use]
pub fn package_of_module(module: &str) -> Option<&'static str> {
    let mut name = module;
    loop {
        if let Some(package) = package(name) {
            return Some(package);
        }
        name = name.rsplit_once('.')?.0;
    }
}

fn package(module: &str) -> Option<&'static str> {
    lines(PACKAGES).find_map(|line| match line.split_once(' ') {
        Some((name, package)) => (name == module).then_some(package),
        None => (line.replace('-', "_") == module).then_some(line),
    })
}

/// Whether a module belongs to the standard library.
pub(super) fn is_standard(module: &str) -> bool {
    lines(STANDARD).any(|line| line.trim_end_matches(" !") == module)
}

/// Whether a file with the name of this module breaks the SDK, or what scripts with the SDK import.
pub(super) fn is_needed(module: &str) -> bool {
    OF_THE_SDK.contains(&module) || lines(STANDARD).any(|line| line.strip_suffix(" !") == Some(module))
}

fn lines(table: &'static str) -> impl Iterator<Item = &'static str> {
    table.lines().filter(|line| !line.is_empty() && !line.starts_with('#'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_package_of_a_module_is_found_by_its_longest_known_name() {
        for (module, package) in [
            ("sklearn", "scikit-learn"),
            ("sklearn.linear_model", "scikit-learn"),
            ("cv2", "opencv-python-headless"),
            ("PIL.Image", "Pillow"),
            ("yaml", "PyYAML"),
            ("bs4", "beautifulsoup4"),
            ("google.cloud.storage.blob", "google-cloud-storage"),
            ("more_itertools", "more-itertools"),
            ("scipy.stats", "scipy"),
        ] {
            assert_eq!(package_of_module(module), Some(package), "{module}");
        }
        for unknown in ["", ".", "google", "google.cloud", "our_helpers", "more-itertools", "#"] {
            assert_eq!(package_of_module(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn the_tables_have_each_module_once_in_their_form() {
        for table in [STANDARD, PACKAGES] {
            let names: Vec<&str> = lines(table).map(|line| line.split(' ').next().unwrap_or(line)).collect();
            assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
            assert!(names.len() > 200 && lines(table).all(|line| line.split(' ').count() <= 2 && line.trim() == line));
        }
        assert!(
            lines(PACKAGES)
                .all(|line| !is_standard(line.split(' ').next().unwrap_or(line)) || line.contains("distutils"))
        );
    }

    #[test]
    fn standard_modules_are_marked_where_others_need_them() {
        assert!(is_needed("csv") && is_needed("types") && is_needed("random") && is_needed("pandas"));
        assert!(!is_needed("turtle") && !is_needed("util") && !is_needed("math") && !is_needed("csv !"));
        assert!(is_standard("csv") && is_standard("turtle") && !is_standard("pandas"));
    }
}
