//! Whether a lane batch of a peer is what its header says, with every client signature good.

use bds_contracts::genesis::Mode;
use bds_contracts::tx::TxView;
use bds_core::batch::Batch;

use crate::engine::Engine;

/// Well-formed payload, count and root as the header says, and (in verified mode) every signature valid.
///
/// The author's own signature is the core's business. One bad transaction makes the whole batch bad: an honest author
/// has checked each before sealing.
#[must_use]
pub fn check_batch(engine: &Engine, mode: Mode, batch: &Batch) -> bool {
    let Some(wires) = batch.payload.transactions() else {
        return false;
    };
    let header = &batch.header;
    if wires.len() != header.count as usize
        || batch.payload.as_bytes().len() != header.bytes as usize
    {
        return false;
    }
    if engine.root(&wires) != header.transactions_root.0 {
        return false;
    }
    match mode {
        Mode::Opaque => true,
        Mode::Verified => {
            let Ok(views) = wires
                .iter()
                .map(|w| TxView::parse(w))
                .collect::<Result<Vec<_>, _>>()
            else {
                return false;
            };
            let checks: Vec<_> = views
                .iter()
                .map(|v| (v.sender_bytes(), v.signature(), v.signed_bytes()))
                .collect();
            engine.verify(&checks).into_iter().all(|valid| valid)
        }
    }
}
