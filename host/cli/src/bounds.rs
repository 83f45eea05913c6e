//! The arguments that limit the versions of packages: `--as-of` and `--constraint`.

use clap::Args;
use longshore::small_file;
use longshore::{AsOf, Constraint};
use std::path::Path;

#[derive(Debug, Clone, Args)]
pub(crate) struct BoundsArguments {
    /// Choose packages as of this day, such as 2023-06-01: none that was published later is installed; `manifest` is the
    /// day of the script's last commit or change
    #[arg(long, value_name = "DATE|manifest")]
    pub(crate) as_of: Option<AsOf>,
    /// Limit the version of a Python package, as in 'scikit-learn<=1.7.2', or of those in a file; repeatable
    #[arg(long = "constraint", value_name = "REQUIREMENT|FILE")]
    pub(crate) constraints: Vec<String>,
}

impl BoundsArguments {
    /// The constraints, those of files included.
    pub(crate) fn constraints(&self) -> Result<Vec<Constraint>, String> {
        let mut all = Vec::new();
        for given in &self.constraints {
            match given.parse() {
                Ok(constraint) => all.push(constraint),
                Err(_) if Path::new(given).is_file() => {
                    let text = small_file::read_text(Path::new(given), small_file::WRITTEN_MAX);
                    let text = text.map_err(|error| format!("cannot read the constraints in `{given}`: {error}"))?;
                    all.extend(Constraint::lines(&text).map_err(|error| format!("`{given}`, {error}"))?);
                }
                Err(error) => return Err(format!("`--constraint {given}`: {error}, or a file of them")),
            }
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constraints_are_given_directly_or_in_files() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("constraints.txt");
        std::fs::write(&path, "# ours\nnumpy<2\n").unwrap();
        let read = |given: &[&str]| {
            let constraints = given.iter().map(|text| (*text).to_owned()).collect();
            BoundsArguments { as_of: None, constraints }.constraints()
        };
        let file = path.to_str().unwrap();
        let all = read(&["scikit-learn<=1.7.2", file]).unwrap();
        assert_eq!(all.iter().map(ToString::to_string).collect::<Vec<_>>(), ["scikit-learn<=1.7.2", "numpy<2"]);
        let error = read(&["numpy"]).unwrap_err();
        assert!(
            error.starts_with("`--constraint numpy`: `numpy` is not a constraint: it names no version;"),
            "{error}"
        );
        std::fs::write(&path, "numpy<2\n-r other\n").unwrap();
        let error = read(&[file]).unwrap_err();
        assert!(error.starts_with(&format!("`{file}`, line 2: `-r other` is not a constraint: ")), "{error}");
    }
}
