//! The kernel with a scenario that was written outside of it: `escrow.rs`, one line of `modules!`.

mod closed;
mod escrow;
mod hostile;
mod purse;
mod roots;
mod scenario;
mod stage;
mod undo;
mod vault;
mod yielding;
