//! Tables of Python modules: those of the standard library, and the packages that have others. `tables/make_tables.py`
//! makes them, out of an interpreter and out of the packages themselves.

/// Modules of the standard library; `!` marks those that a file of the same name breaks.
const STANDARD: &str = include_str!("../tables/standard_modules.txt");

/// Modules whose package is chosen by hand, with the reason.
const CHOSEN: &str = include_str!("../tables/chosen_packages.txt");

/// Modules, their packages, and the versions of these in which they were found.
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
    let mut rows = lines(CHOSEN).chain(lines(PACKAGES)).filter_map(|line| line.split_once(' '));
    let (_, row) = rows.find(|(name, _)| *name == module)?;
    row.split(' ').next()
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
            ("PIL.Image", "pillow"),
            ("yaml", "PyYAML"),
            ("bs4", "beautifulsoup4"),
            ("dateutil.parser", "python-dateutil"),
            ("Crypto.Cipher", "pycryptodome"),
            ("psycopg2", "psycopg2-binary"),
            ("azure.storage.blob", "azure-storage-blob"),
            ("ruamel.yaml", "ruamel.yaml"),
            ("mpl_toolkits.mplot3d", "matplotlib"),
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
        let mut seen = BTreeSet::new();
        for (table, most) in [(STANDARD, 2), (PACKAGES, 3)] {
            let names: Vec<&str> = lines(table).filter_map(|line| line.split(' ').next()).collect();
            assert!(names.len() > 200 && names.is_sorted(), "the table is not sorted");
            assert!(lines(table).all(|line| line.split(' ').count() <= most && line.trim() == line));
            let head: String = table.lines().take_while(|line| line.starts_with('#')).collect();
            let day = head.trim_end_matches('.').rsplit(' ').next().unwrap();
            assert!(day.parse::<longshore_model::day::Day>().is_ok(), "`{day}` is not the day of the table");
        }
        for line in lines(CHOSEN).chain(lines(PACKAGES)) {
            let words: Vec<&str> = line.split(' ').collect();
            let is_part = |part: &str| {
                part.starts_with(|first: char| first.is_ascii_alphabetic())
                    && part.chars().all(|character| character.is_ascii_alphanumeric() || character == '_')
            };
            assert!(words[0].split('.').all(is_part), "`{}` is not the name of a module", words[0]);
            assert!(seen.insert(words[0]), "`{}` is there twice", words[0]);
            assert!(crate::package_name(words[1]).is_some(), "`{}` is not the name of a package", words[1]);
            assert!(!is_standard(words[0]) || words[0] == "distutils", "`{}` belongs to Python", words[0]);
        }
        assert!(lines(CHOSEN).all(|line| line.split(' ').count() > 4), "a choice without a reason");
    }

    #[test]
    fn each_package_of_the_images_has_its_modules_in_the_table() {
        let packages: BTreeSet<String> = lines(PACKAGES)
            .chain(lines(CHOSEN))
            .filter_map(|line| crate::package_name(line.split(' ').nth(1)?))
            .collect();
        for list in [
            include_str!("../../../images/python-requirements.txt"),
            include_str!("../../../images/python-pandas2-requirements.txt"),
        ] {
            for package in lines(list).filter_map(crate::package_name) {
                assert!(packages.contains(&package), "the table lacks `{package}`, which the images have");
            }
        }
    }

    #[test]
    fn standard_modules_are_marked_where_others_need_them() {
        assert!(is_needed("csv") && is_needed("types") && is_needed("random") && is_needed("pandas"));
        assert!(!is_needed("turtle") && !is_needed("util") && !is_needed("math") && !is_needed("csv !"));
        assert!(is_standard("csv") && is_standard("turtle") && !is_standard("pandas"));
    }
}
