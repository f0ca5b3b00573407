//! What tests of several crates share.

pub mod agree;
pub mod auditor;
pub mod mechanisms;
pub mod process;
pub mod sim;
