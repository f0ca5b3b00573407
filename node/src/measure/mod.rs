//! Measurement that others can believe: real processes, an open loop, and checks after the run.

mod assemble;
pub mod audit;
pub mod cluster;
pub mod engine;
pub mod happened;
pub mod load;
pub mod machine;
pub mod opening;
pub mod process;
pub mod report;
pub mod row;
pub mod run;
mod samples;
pub mod schema;
pub mod show;
pub mod soak;
pub mod sweep;
pub mod tally;
mod text;
pub mod timing;
pub mod window;

/// Runs a future to its end on this thread: validators on the same machine need the others.
///
/// # Errors
/// The future's, or that of a system without room for a runtime.
pub fn block_on<T, E: Into<anyhow::Error>>(
    work: impl Future<Output = Result<T, E>>,
) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(work).map_err(Into::into)
}
