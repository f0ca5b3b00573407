//! The HTTP interface for platforms.

pub mod service;
