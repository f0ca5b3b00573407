//! The node: everything that does I/O, around the sans-io core.
#![deny(unsafe_code)]

pub mod advise;
pub mod api;
pub mod children;
pub mod cli;
pub mod config;
pub mod doctor;
pub mod engine;
pub mod execution;
pub mod import;
pub mod keys;
pub mod measure;
pub mod members;
pub mod metrics;
pub mod network;
pub mod roots;
pub mod runtime;
pub mod security;
pub mod setup;
pub mod store;
pub mod workload;
