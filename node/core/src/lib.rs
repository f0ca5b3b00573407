//! The validator as one sans-io state machine.
//!
//! [`core::Core::step`] takes one input and the time, and appends to a turn what must be written and what must then be
//! done. Nothing here reads a clock, a file or a socket, so the simulator and the node run the same code.

pub mod batch;
pub mod config;
mod context;
pub mod core;
pub mod evidence;
mod gate;
pub mod lanes;
pub mod message;
pub mod order;
pub mod recovery;
mod results;
pub mod scheme;
mod sync;
pub mod turn;
