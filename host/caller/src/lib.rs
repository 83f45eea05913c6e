//! The caller's side of the protocol: a program that asks a resident host for runs. It blocks, starts no threads and
//! links no part of the host; PROTOCOL.md describes what it sends and receives. One connection is one run. Until that has
//! been started, a host that does not answer is an error after seconds; then a wait is as long as the run.
//!
//! ```no_run
//! use longshore_caller::{Caller, Happening};
//! use longshore_protocol::{Software, Submission, SubmittedBlock};
//! # fn main() -> Result<(), longshore_caller::CallerError> {
//! let software = Software { name: "example".into(), version: "1".into() };
//! let caller = Caller::connect("/run/user/1000/longshore/server.sock".as_ref(), software)?;
//! let submission = Submission::new(SubmittedBlock::Path("/home/me/blocks/clusters".into()));
//! let mut run = caller.submit(&submission)?.start()?;
//! while let Some(happening) = run.next()? {
//!     if let Happening::Record(record) = happening {
//!         println!("{}", record["outcome"]);
//!     }
//! }
//! # Ok(())
//! # }
//! ```

mod connect;
mod error;
mod outgoing;
mod patience;
mod place;
mod process;
mod run;
mod submit;
mod table;

pub use connect::{Caller, is_served};
pub use error::CallerError;
pub use place::{SOCKET, runtime_folder, usual_socket};
pub use process::Process;
pub use run::{Canceller, Happening, Next, ReturnedTable, Run};
pub use submit::Submitting;
pub use table::{read_table, write_table};
