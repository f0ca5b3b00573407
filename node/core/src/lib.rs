//! The validator as one sans-io state machine.
//!
//! [`core::Core::step`] takes one input and the time, and appends to a turn what must be written and what must then be
//! done. Nothing here reads a clock, a file or a socket, so the simulator and the node run the same code.

pub mod batch;
mod batches;
pub mod config;
pub mod core;
pub mod evidence;
mod execution;
mod gate;
pub mod lanes;
pub mod message;
pub mod order;
mod own_lane;
mod pbft;
pub mod recovery;
pub mod scheme;
mod slots;
mod sync;
pub mod turn;
mod view_change;
