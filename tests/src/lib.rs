//! What tests of several crates share.

pub mod auditor;
pub mod sim;
