//! The node: everything that does I/O, around the sans-io core.

pub mod api;
pub mod config;
pub mod import;
pub mod keys;
pub mod measure;
pub mod network;
pub mod setup;
pub mod store;
pub mod workload;
