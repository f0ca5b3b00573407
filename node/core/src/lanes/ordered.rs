//! Which batches a committed slot orders, and what becomes of a lane that is ordered.
//!
//! A tip orders every batch from it back to the lane's last ordered position, along the parents. A slot is taken whole or
//! not at all: what is not held is asked for, what is no longer in memory is read back, and the slot waits.

use bds_contracts::block::BatchDigest;

use crate::batch::{Batch, Tip};
use crate::context::Cx;
use crate::message::Proposal;
use crate::turn::Effect;

use super::Lanes;

impl Lanes {
    /// Takes the batches that this slot is the first to order, by lane from the tip down; `None` while one of them is missing.
    /// Slots are to be taken in order.
    pub(crate) fn take(&mut self, cx: &mut Cx<'_>, proposal: &Proposal) -> Option<Vec<Vec<Batch>>> {
        let chains = self.chains(cx, proposal)?;
        let digests = chains.concat();
        let mut batches = self.payloads(cx, &digests)?.into_iter();
        for tip in &proposal.tips {
            if tip.position <= self.lanes[usize::from(tip.lane)].ordered.position {
                continue;
            }
            if tip.lane == cx.me() {
                self.follow_own_lane(cx, tip.in_lane(), &digests);
            }
            let follows = self.lanes[usize::from(tip.lane)].order_up_to(tip.in_lane());
            self.batches.forget_ordered(tip.lane, tip.position);
            if !follows {
                self.follow(cx, tip.lane, tip.position + 1);
                self.take_waiting(cx, tip.lane);
            }
        }
        self.batches.forget_loaded(&digests);
        let of_lane = |chain: &Vec<_>| batches.by_ref().take(chain.len()).collect();
        Some(chains.iter().map(of_lane).collect())
    }

    /// The batches newly ordered, by lane from the tip down; `None` while one of them is not held.
    fn chains(&mut self, cx: &mut Cx<'_>, proposal: &Proposal) -> Option<Vec<Vec<BatchDigest>>> {
        let mut chains: Vec<Vec<BatchDigest>> = vec![Vec::new(); self.lanes.len()];
        let mut missing = false;
        for tip in &proposal.tips {
            match self.chain_down(tip) {
                Ok(chain) => chains[usize::from(tip.lane)] = chain,
                Err(lacking) => {
                    // Whoever acknowledged the tip holds all below it.
                    let holders = self.holders(tip);
                    self.want_batch(cx, cx.now, &lacking, holders);
                    missing = true;
                }
            }
        }
        (!missing).then_some(chains)
    }

    /// The batches from this tip down to what is ordered, along the parents; else the first that is not held, or not in this place.
    pub(super) fn chain_down(&self, tip: &Tip) -> Result<Vec<BatchDigest>, Tip> {
        let ordered = self.lanes[usize::from(tip.lane)].ordered.position;
        let mut chain = Vec::new();
        let mut at = *tip;
        while at.position > ordered {
            let known = self.batches.known(&at.digest);
            let known = known.filter(|known| known.is_at(&at)).ok_or(at)?;
            chain.push(at.digest);
            at.digest = known.parent;
            at.position -= 1;
        }
        Ok(chain)
    }

    /// Payloads for these; asks the store for what memory has lost and returns `None` then.
    fn payloads(&mut self, cx: &mut Cx<'_>, digests: &[BatchDigest]) -> Option<Vec<Batch>> {
        let mut batches = Vec::with_capacity(digests.len());
        let mut missing = Vec::new();
        for digest in digests {
            match self.batches.payload(digest) {
                Some(batch) => batches.push(batch.clone()),
                None => missing.push(*digest),
            }
        }
        if missing.is_empty() {
            return Some(batches);
        }
        let missing = self.batches.load(missing);
        if !missing.is_empty() {
            cx.effect(Effect::LoadBatches(missing));
        }
        None
    }

    /// True while the store has not answered: one question at a time, so that its answer says what it has not.
    pub(crate) fn is_loading(&self) -> bool {
        self.batches.is_loading()
    }

    /// What the store had; what it lacks although it was written is asked for from peers.
    pub(crate) fn on_loaded(&mut self, cx: &mut Cx<'_>, batches: Vec<Batch>) {
        for (digest, known) in self.batches.loaded(batches) {
            cx.count("batch_lost_on_disk");
            self.forget_returning(&digest);
            if let Some(known) = known {
                let tip = Tip {
                    lane: known.lane,
                    position: known.position,
                    digest,
                };
                self.want_batch(cx, cx.now, &tip, Vec::new());
            }
        }
        self.take_back(cx);
    }
}
