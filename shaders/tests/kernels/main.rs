//! Tests of the shipped kernels that need no driver.

mod arithmetic;
mod budget;
mod device;
mod ed25519;
mod hashes;
mod text;
