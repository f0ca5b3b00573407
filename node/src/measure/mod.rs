//! Measurement that others can believe: real processes, an open loop, and checks after the run.

pub mod audit;
pub mod cluster;
pub mod load;
pub mod machine;
pub mod process;
pub mod report;
pub mod run;
pub mod show;
