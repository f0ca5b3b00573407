//! Curve arithmetic on several independent values at a time, one in each lane of a vector.
//!
//! The algorithms are here once, generic over [`LaneField`], the arithmetic of one instruction set on as many field
//! elements as its vectors have lanes. A function here is `#[inline(always)]` and has no instruction set of its own:
//! each backend calls it from a `#[target_feature]` function, into which everything is inlined and compiled for
//! that set. A function that is not inlined would still be right, and slow. Closures are functions too, and cannot be
//! told to be inlined: in the arithmetic of an instruction set a loop stands where elsewhere `map` would.
//!
//! No secret is ever handled here, so nothing runs in constant time.

mod buckets;
mod decode;
mod field;
mod kernel;
mod point;
mod runs;
mod straus;
#[cfg(test)]
pub(super) mod tests;
mod weights;

pub(super) use buckets::{Scratch, sum_is_small};
pub(super) use decode::decode;
pub(super) use field::{LANES_MAX, LaneField};
pub(super) use kernel::{Instructions, VerticalKernel};
pub(super) use point::{Cached, Niels, Point};
pub(super) use runs::{Digits, ScalarWords};
pub(super) use straus::{BASE_TABLE, Signature, verify};
pub(super) use weights::Weights;
