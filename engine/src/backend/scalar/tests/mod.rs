//! Every kind of scalar arithmetic against curve25519-dalek and against big integers.
//!
//! `BDS_LONG=1 cargo test --release -p bds-engine --lib -- scalar arithmetic points` tries each property on 10^7 inputs,
//! here and in the tests of the vertical algorithms.

mod arithmetic;
mod digits;
mod kinds;
mod products;
mod samples;

pub(in crate::backend) use kinds::Kind;
pub(in crate::backend) use samples::inputs;
