//! A block's own tests: cases with inputs and expected outputs, and the comparison of tables. A case is a file
//! `cases/NAME.toml` of the block's folder; `docs/testing-blocks.md` has every key.
//!
//! ```no_run
//! # async fn example(bench: &longshore_cases::Bench) -> Result<(), longshore_cases::CaseError> {
//! use longshore_cases::Case;
//! use longshore_model::cancel::Cancel;
//!
//! for case in Case::find("blocks/totals".as_ref(), &[])? {
//!     let result = case.run(bench, &Cancel::new()).await?;
//!     println!("{}: {}", result.name, if result.passed() { "passed" } else { "failed" });
//!     for problem in &result.problems {
//!         println!("{}", problem.describe());
//!     }
//! }
//! # Ok(())
//! # }
//! ```

mod align;
mod case;
mod case_file;
mod cell;
mod compare;
mod difference;
mod error;
mod find;
mod pattern;
mod result;
mod run;
mod table;

pub use case::{Case, ExpectedOutput, TableText};
pub use compare::{Comparison, compare};
pub use difference::{NumberedRow, RowDifference, TableDifference, TypeDifference};
pub use error::CaseError;
pub use result::{CaseResult, Problem};
pub use run::Bench;
pub use table::Table;
