//! Interpreters that wait for runs: each in a container of its own, started, with the packages imported that scripts begin
//! with, and used once. `key` decides which runs one is good for, `demand` which wait and how many, `hold` makes an
//! interpreter wait, `member` owns one, `state` keeps account of them, and `waiting`
//! puts them together. Runs that get none start their own.

mod demand;
mod hold;
mod key;
mod member;
mod state;
mod waiting;

pub(crate) use key::{Miss, Need};
pub use state::PoolStatus;
pub(crate) use waiting::Claimed;
pub use waiting::Pool;
