//! Real data from outside, as genesis documents and calls.

pub mod eutl;
pub mod messages;
