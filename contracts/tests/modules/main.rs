//! The modules of the ledger on the kernel: rules, refusals in their order, and what a failure leaves behind.

mod exchange;
mod fuzz;
mod identity;
mod money;
mod stage;
mod undo;
mod units;
