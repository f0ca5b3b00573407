//! A whole network in one thread: virtual clock, lossy network, failing disks, lying validators, checkers after every event.
//!
//! The validators are the production core, on the production store, talking in production frames; only what surrounds them is
//! simulated: the medium below the store, the links, the clock, the clients. A seed decides everything: which faults are
//! on, how often they strike, who submits what and when. The same seed gives the same history, so a failing seed is
//! a bug report, and since no draw depends on another it can be shrunk. A run has a phase with faults, in which safety is
//! checked after every event, and a phase after healing, in which everything accepted must be executed everywhere.

pub mod byzantine;
pub mod checker;
pub mod client;
pub mod contracts;
mod effects;
pub mod faults;
mod lives;
pub mod machine;
pub mod medium;
pub mod mock;
pub mod network;
pub mod node;
pub mod plan;
pub mod random;
pub mod report;
pub mod scheme;
pub mod shrink;
mod traffic;
mod turns;
pub mod twins;
pub mod variant;
mod weather;
mod workload;
pub mod world;
