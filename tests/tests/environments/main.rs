//! Environments, through the command and the real engine: images made from what blocks name, found again, locked, raced
//! for and taken away. Packages come from the package index, or from a server that the test starts beside the engine.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod bounds;
#[path = "../command/mod.rs"]
mod command;
mod dockerfile;
#[path = "../engine/mod.rs"]
mod engine;
mod failing;
mod images;
mod locking;
mod nearest;
mod place;
mod poison;
mod projects;
mod racing;
mod served;
mod together;
