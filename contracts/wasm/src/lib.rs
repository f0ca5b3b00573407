//! Runs deployable contracts: an interpreter of WebAssembly behind the kernel's interface, so that whoever needs none builds without it.
//!
//! What is allowed is what gives the same on every machine: no floating point, no vectors, no threads, no start function, one bounded memory, no
//! function from outside but those of [`abi`]. Fuel is counted by instruction, so a run ends at the same place everywhere. Code is checked
//! and prepared as a whole when it is activated ([`rules`]); what is prepared is kept beside the state and never part of it ([`runtime`]).
//!
//! The version of the interpreter is fixed to the last digit: fuel, traps and what passes for a module are rules of the ledger. Another one is
//! taken only when a search as that of `tests/contracts/validators.rs` shows that both agree on all that contracts of that ledger do.
#![forbid(unsafe_code)]

pub mod abi;
mod bounds;
mod prepared;
pub mod rules;
pub mod runtime;

pub use prepared::Room;
pub use rules::examine;
pub use runtime::Runtime;
