//! The R binding of the Longshore client. Bindings are parse, call, convert: checking arguments, raising conditions and
//! making data frames is the R side's, where nothing of Rust's is alive when R jumps.

#![allow(missing_docs, reason = "what the module macro makes has none")]

mod altrep;
mod atomic;
mod cast;
mod client;
mod columns;
mod failure;
mod forms;
mod guard;
mod how;
mod intervals;
mod json;
mod leaves;
mod message;
mod nodes;
mod numbers;
mod refusal;
mod stream;
mod text;
mod times;
mod vectors;
mod write;

use extendr_api::prelude::*;

extendr_module! {
    mod longshore;
    use client;
    use json;
    use message;
    use stream;
}
