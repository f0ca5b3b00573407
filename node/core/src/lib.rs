//! The validator as one sans-io state machine.

pub mod batch;
pub mod message;
pub mod scheme;
pub mod turn;
