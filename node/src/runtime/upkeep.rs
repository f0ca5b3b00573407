//! What a validator does beside its work: it watches the disk, forgets old blocks and reads old files again.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam::channel::{Receiver, RecvTimeoutError};
use tracing::{error, info, warn};

use super::admission::Gate;
use super::spawn;
use crate::metrics::Metrics;
use crate::store::{self, Index, Retention, Scrub, StoreError};

/// How often old files of the ledger are read again.
const SCRUB_EVERY: Duration = Duration::from_secs(24 * 3600);
/// How often free disk space is looked at.
const DISK_INTERVAL: Duration = Duration::from_millis(500);

/// Closes admission while the disk has less free than the reserve.
pub(super) fn watch_disk(
    home: PathBuf,
    reserve: u64,
    gate: Arc<Gate>,
) -> anyhow::Result<JoinHandle<()>> {
    spawn("bds-disk", move || {
        while !gate.stopping.load(Ordering::Acquire) {
            match store::free_bytes(&home) {
                Ok(free) => {
                    let low = free < reserve;
                    if gate.storage_low.swap(low, Ordering::AcqRel) != low {
                        warn!(
                            free,
                            reserve,
                            admission_open = !low,
                            "free disk space crossed the reserve"
                        );
                    }
                }
                Err(problem) => warn!(%problem, "cannot ask for free disk space"),
            }
            std::thread::sleep(DISK_INTERVAL);
        }
    })
}

/// Forgets the beginning of the ledger whenever a snapshot has been saved.
///
/// # Errors
/// Where the disk refused: nobody knows then what is on it.
pub(super) fn retain(
    retention: &Retention,
    index: &Index,
    saved: &Receiver<()>,
) -> Result<(), StoreError> {
    for () in saved {
        if let Some(base) = retention.run()? {
            info!(base, "the ledger up to this block is not kept any more");
            // What the index cannot remove now it removes when it is opened.
            let _ = index.forget_up_to(base);
        }
    }
    Ok(())
}

/// Reads sealed files of the ledger again, so many bytes a second, until `stop` is closed.
pub(super) fn scrub_daily(
    scrub: &Scrub,
    bytes_per_second: u64,
    metrics: &Metrics,
    stop: &Receiver<()>,
) {
    let goes_on = |pause| stop.recv_timeout(pause) == Err(RecvTimeoutError::Timeout);
    loop {
        let started = Instant::now();
        let mut pause = |bytes: u64| {
            metrics.scrubbed(bytes);
            goes_on(Duration::from_secs_f64(
                bytes as f64 / bytes_per_second as f64,
            ))
        };
        scrub.pass(&mut pause, &mut |damage| {
            metrics.damaged_file();
            error!(%damage, "a file of the ledger is damaged: see docs/healing.md");
        });
        if !goes_on(SCRUB_EVERY.saturating_sub(started.elapsed())) {
            return;
        }
    }
}
