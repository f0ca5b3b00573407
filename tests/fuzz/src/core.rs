//! The network of cores in one thread that the core's own tests use.

#[path = "../../../node/core/tests/common/mod.rs"]
pub mod common;
