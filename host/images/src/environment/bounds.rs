//! The bounds of an environment: the day as of which its packages are chosen, and constraints on their versions, from the
//! block, its caller and the settings. They are applied to a copy of the settings, with which everything else works.

use super::EnvironmentError;
use super::base_packages;
use super::last_change::last_change;
use super::lock::Lock;
use longshore_block::{Block, Language, Pandas};
use longshore_config::settings::{PackageSettings, Settings};
use longshore_model::constraint::Constraint;
use longshore_model::day::{AsOf, Day};
use longshore_model::package_name::normal_name;
use serde::Serialize;

/// The day of the first pyarrow with which the SDK reads tables: 14.0.1. It is never older.
const ARROW_DAY: &str = "2023-11-09";

/// The pandas of blocks that are written for pandas 2, or for an older one.
const PANDAS_2: &str = "pandas<3";

/// The bounds of an environment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Bounds {
    /// The last day of packages that may be installed.
    pub as_of: Option<Day>,
    /// Constraints on the versions of Python packages, sorted.
    pub constraints: Vec<Constraint>,
}

impl Bounds {
    /// The bounds of a block with its caller's and the settings' constraints.
    ///
    /// # Errors
    /// [`EnvironmentError::LastChange`]: the day of the script's last change cannot be determined.
    pub async fn of(block: &Block, settings: &Settings) -> Result<Self, EnvironmentError> {
        let as_of = match block.as_of {
            None => None,
            Some(AsOf::Day(day)) => Some(day),
            Some(AsOf::LastChange) => Some(last_change(block, settings).await?),
        };
        if block.language == Language::R {
            return Ok(Self { as_of, constraints: Vec::new() });
        }
        let packages = &settings.packages;
        let of_block = packages.block_constraints.get(&block.name).into_iter().flatten();
        // As of a day the image's own pandas is replaced, and must stay the block's.
        let older: Option<Constraint> =
            (block.pandas == Pandas::Two && as_of.is_some()).then(|| PANDAS_2.parse().ok()).flatten();
        let mut all: Vec<&Constraint> = packages
            .constraints
            .iter()
            .chain(of_block)
            .chain(&block.constraints)
            .chain(&block.caller_constraints)
            .collect();
        all.extend(&older);
        all.sort_by_key(|constraint| constraint.to_string());
        all.dedup();
        Ok(Self { as_of, constraints: all.into_iter().cloned().collect() })
    }

    /// The settings for one environment. As of a day, packages come from the repositories of that day alone.
    pub(super) fn applied(&self, settings: &Settings) -> Settings {
        let mut settings = settings.clone();
        let packages = &mut settings.packages;
        packages.constraints.clone_from(&self.constraints);
        packages.as_of = self.as_of;
        if let Some(day) = self.as_of {
            let dated = |address: &Option<String>, day: &str| Some(address.as_ref()?.replace("{date}", day));
            packages.cran = dated(&packages.cran_snapshot, &day.to_string()).into_iter().collect();
            // Debian's have the age of the Debian release.
            packages.debian_r_packages = false;
            packages.debian_mirror =
                dated(&packages.debian_snapshot, &day.compact()).or_else(|| packages.debian_mirror.take());
        }
        settings
    }
}

/// Whether the base's own packages need a new resolution for a block, where it has them: a script is bounded by what it
/// imports, not only by what it names.
pub(super) fn concern_base(block: &Block, packages: &PackageSettings) -> bool {
    let named = |constraint: &Constraint| base_packages::names().any(|name| name == constraint.name());
    block.language == Language::Python && (packages.as_of.is_some() || packages.constraints.iter().any(named))
}

/// Refuses R packages as of a day if no repository of that day is known.
pub(super) fn check_snapshot(block: &Block, packages: &PackageSettings) -> Result<(), EnvironmentError> {
    let needs_one = block.language == Language::R && !block.dependencies.is_empty() && packages.cran.is_empty();
    packages.as_of.filter(|_| needs_one).map_or(Ok(()), |day| Err(EnvironmentError::NoSnapshot { day }))
}

/// The bounds of the language's packages, for a hash.
pub(super) fn lines(packages: &PackageSettings) -> Vec<String> {
    let day = packages.as_of.iter().map(|day| format!("as_of={day}"));
    day.chain(packages.constraints.iter().map(|constraint| format!("constraint={constraint}"))).collect()
}

/// The days, for uv: for all packages, and for pyarrow, which the SDK needs.
pub(super) fn days(packages: &PackageSettings) -> Option<[String; 2]> {
    let day = packages.as_of?;
    let arrow = ARROW_DAY.parse().map_or(day, |first: Day| first.max(day));
    Some([day.end(), arrow.end()])
}

/// The arguments of uv for an installation within the bounds. As of a day, what is installed is not considered: an upgrade
/// would keep it if it is newer.
pub(super) fn installing(packages: &PackageSettings) -> Vec<String> {
    let reinstalling = packages.as_of.map(|_| "--reinstall".to_owned());
    resolving(packages).into_iter().chain(reinstalling).collect()
}

/// The arguments of uv for the day; none without one.
pub(super) fn resolving(packages: &PackageSettings) -> Vec<String> {
    let Some([day, arrow]) = days(packages) else { return Vec::new() };
    let arrow = format!("pyarrow={arrow}");
    ["--exclude-newer", &day, "--exclude-newer-package", &arrow].map(str::to_owned).to_vec()
}

/// The text of a file with the constraints.
pub(super) fn constraints(packages: &PackageSettings) -> String {
    packages.constraints.iter().map(|constraint| format!("{constraint}\n")).collect()
}

impl Lock {
    /// Refuses a lock of another day, or with versions that constraints do not allow. A lock that was made as of a day holds
    /// for callers that name none.
    pub(super) fn check_bounds(
        &self,
        block: &Block,
        as_of: Option<Day>,
        constraints: &[Constraint],
    ) -> Result<(), EnvironmentError> {
        let wrong = |reason: String| Err(EnvironmentError::LockBounds { path: Self::path(block), reason });
        // A lock of another tool knows neither; its versions must be allowed.
        let is_foreign = self.foreign.is_some();
        if let Some(day) =
            as_of.filter(|_| !is_foreign).filter(|day| self.as_of.as_deref() != Some(day.to_string().as_str()))
        {
            let own = self.as_of.as_ref().map_or_else(|| "without a day".into(), |own| format!("as of {own}"));
            return wrong(format!("it was made {own}, and {day} is requested"));
        }
        for constraint in constraints {
            let locked = self.python.iter().find(|package| normal_name(&package.name) == constraint.name());
            let was_known = self.constraints.contains(&constraint.to_string());
            match locked {
                Some(package) if constraint.is_conditional() && !was_known && !is_foreign => {
                    return wrong(format!(
                        "it has {} {}, and was made without `{constraint}`",
                        package.name, package.version
                    ));
                }
                Some(package) if !constraint.is_conditional() && !constraint.allows(&package.version) => {
                    return wrong(format!(
                        "it has {} {}, and `{constraint}` is required",
                        package.name, package.version
                    ));
                }
                // The base's own version counts.
                None if base_packages::names().any(|name| name == constraint.name()) && !was_known && !is_foreign => {
                    return wrong(format!("it was made without `{constraint}`"));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    fn constraints_of(texts: &[&str]) -> Vec<Constraint> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn block(language: Language) -> Block {
        let mut block = Block::empty(PathBuf::from("/nowhere"), language);
        block.name = "Sales".into();
        block
    }

    #[tokio::test]
    async fn constraints_of_all_origins_are_one_list() {
        let mut settings = Settings::default();
        settings.packages.constraints = constraints_of(&["numpy<2", "b<3"]);
        settings.packages.block_constraints.insert("Sales".into(), constraints_of(&["a<1"]));
        settings.packages.block_constraints.insert("Other".into(), constraints_of(&["z<1"]));
        let mut python = block(Language::Python);
        python.restrict(None, constraints_of(&["b < 3", "c<4"]));
        let bounds = Bounds::of(&python, &settings).await.unwrap();
        assert_eq!(bounds.constraints, constraints_of(&["a<1", "b<3", "c<4", "numpy<2"]));
        let applied = bounds.applied(&settings).packages;
        assert_eq!(constraints(&applied), "a<1\nb<3\nc<4\nnumpy<2\n");
        assert!(concern_base(&python, &applied));
        settings.packages.constraints.clear();
        let applied = Bounds::of(&python, &settings).await.unwrap().applied(&settings).packages;
        assert!(!concern_base(&python, &applied) && installing(&applied).is_empty());
        assert_eq!(Bounds::of(&block(Language::R), &settings).await.unwrap(), Bounds::default());
    }

    #[tokio::test]
    async fn a_day_decides_the_repositories() {
        let mut settings = Settings::default();
        settings.packages.cran = vec!["https://cran.example".into()];
        settings.packages.cran_snapshot = Some("https://p:x@cran.example/{date}/".into());
        settings.packages.debian_snapshot = Some("http://debian.example/{date}T235959Z".into());
        let mut block = block(Language::Python);
        block.restrict(Some("2023-06-01".parse().unwrap()), []);
        let bounds = Bounds::of(&block, &settings).await.unwrap();
        let applied = bounds.applied(&settings).packages;
        assert_eq!(applied.cran, ["https://p:x@cran.example/2023-06-01/"]);
        assert_eq!(applied.debian_mirror.as_deref(), Some("http://debian.example/20230601T235959Z"));
        assert!(!applied.debian_r_packages && concern_base(&block, &applied));
        assert_eq!(days(&applied).unwrap(), ["2023-06-02T00:00:00Z", "2023-11-10T00:00:00Z"]);
        assert_eq!(lines(&applied), ["as_of=2023-06-01"]);
        settings.packages.cran_snapshot = None;
        assert!(bounds.applied(&settings).packages.cran.is_empty());
        block.restrict(Some("2024-06-01".parse().unwrap()), []);
        let later = Bounds::of(&block, &settings).await.unwrap().applied(&settings).packages;
        assert_eq!(days(&later).unwrap(), ["2024-06-02T00:00:00Z", "2024-06-02T00:00:00Z"]);
    }

    #[test]
    fn a_lock_must_keep_the_bounds() {
        let lock = |head: &str| {
            let text = format!(
                "version = 1\nbase = \"b\"\narchitecture = \"amd64\"\ndependencies = []\nsystem_packages = []\n{head}\n\
                 [[python]]\nname = \"scikit_learn\"\nversion = \"1.8.0\"\n"
            );
            toml::from_str::<Lock>(&text).unwrap()
        };
        let block = block(Language::Python);
        let said = |head: &str, day: Option<&str>, constraints: &[&str]| {
            let day = day.map(|day| day.parse().unwrap());
            let checked = lock(head).check_bounds(&block, day, &constraints_of(constraints));
            checked.err().map(|error| error.to_string().split(": ").skip(1).collect::<Vec<_>>().join(": "))
        };
        assert_eq!(said("", None, &["scikit-learn<2", "other<1"]), None);
        let broken = said("", None, &["scikit-learn<=1.7.2"]).unwrap();
        assert_eq!(broken, "it has scikit_learn 1.8.0, and `scikit-learn<=1.7.2` is required");
        let day = said("", Some("2023-06-01"), &[]).unwrap();
        assert_eq!(day, "it was made without a day, and 2023-06-01 is requested");
        assert_eq!(said("as_of = \"2023-06-01\"", Some("2023-06-01"), &[]), None);
        assert_eq!(said("as_of = \"2023-06-01\"", None, &[]), None);
        assert!(
            said("as_of = \"2023-06-01\"", Some("2023-06-02"), &[])
                .unwrap()
                .starts_with("it was made as of 2023-06-01,")
        );
        assert_eq!(said("", None, &["numpy<2"]).unwrap(), "it was made without `numpy<2`");
        assert_eq!(said("constraints = [\"numpy<2\"]", None, &["numpy<2"]), None);
        assert!(said("", None, &["scikit-learn<2; sys_platform == 'linux'"]).unwrap().contains("was made without"));
    }
}
