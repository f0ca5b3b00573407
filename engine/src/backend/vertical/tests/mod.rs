//! Does the arithmetic of an instruction set agree with big integers and with curve25519-dalek?
//!
//! Every function here runs the same checks for any [`LaneField`](super::LaneField); each instruction set calls them with
//! its own.

mod bounds;
mod field;
mod numbers;
mod points;

pub(in crate::backend) use bounds::bounds_agree;
pub(in crate::backend) use field::{field_agrees, lanes_keep_apart};
pub(in crate::backend) use points::{decoding_agrees, points_agree, sums_agree, walks_agree};
