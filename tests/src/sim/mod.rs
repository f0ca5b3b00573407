//! A whole network in one thread: virtual clock, lossy network, failing disks, checkers after every event.
//!
//! The validators are the production core; only what surrounds it is simulated. A seed decides everything: which faults are
//! on, how often they strike, who submits what and when. The same seed gives the same history, so a failing seed is
//! a bug report. A run has a phase with faults, in which safety is checked after every event, and a phase after healing, in
//! which everything submitted must be executed everywhere.

pub mod byzantine;
pub mod checker;
pub mod disk;
pub mod execution;
pub mod faults;
pub mod node;
pub mod random;
pub mod report;
pub mod scheme;
pub mod world;
