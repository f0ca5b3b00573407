//! What can be said on the ledger and what it does.
//!
//! Everything here is a pure function of the blocks executed so far: no clock, no randomness, no input or
//! output, no floating point, no hash map. Two validators that execute the same blocks hold the same bytes.
#![forbid(unsafe_code)]

pub mod account;
pub mod amount;
pub mod block;
pub mod carbon;
pub mod code;
pub mod draw;
pub mod energy;
pub mod exchange;
pub mod flexibility;
pub mod genesis;
pub mod granular;
pub mod identity;
pub mod kernel;
pub mod key;
pub mod ledger;
pub mod merkle;
pub mod modules;
pub mod money;
pub mod power;
pub mod query;
pub mod receipt;
pub mod records;
pub mod retail;
pub mod signatures;
pub mod standing;
pub mod tx;
pub mod wasm;

pub use genesis::Genesis;
pub use ledger::Ledger;
pub use receipt::Code;
