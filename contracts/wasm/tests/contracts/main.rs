//! Contracts as WebAssembly on a ledger: what they may, what ends them, and that validators agree.

mod examples;
mod functions;
mod hostile;
mod rules;
mod scene;
mod sdk_rust;
#[path = "../../../tests/modules/stage.rs"]
#[allow(dead_code, reason = "the tests of the modules need more of it")]
mod stage;
mod validators;
