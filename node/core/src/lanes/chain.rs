//! Which of the known batches are a lane's chain, and so acknowledged.
//!
//! An author seals one batch a place, and then there is nothing to choose. One that has lost its home seals places again, and
//! different validators may hold different batches there, none of them held by enough to be certified. So that all come to hold
//! the same, the chain goes from what is ordered to the smallest batch that continues it, and so on; the author, which hears
//! what others acknowledged, fetches that and follows the same rule. In the first place behind what is ordered everyone takes a
//! smaller batch in the place of a larger one. It is certified then, and once it is ordered the next place is the first.
//!
//! What is fetched, because a peer acknowledged it or a certificate names it, counts in every place. An author that sends ever
//! smaller first batches on purpose is heard as often as there are validators, which is how often different ones can have come to hold
//! different batches. Certificates of two batches for one place do not contradict each other: a certificate says that a batch is
//! held, which stays true, and the order takes one of them.

use bds_contracts::block::{BatchDigest, ValidatorIndex};

use crate::batch::{BatchHeader, LaneTip, Position};
use crate::context::Cx;

use super::Lanes;

impl Lanes {
    /// This batch would begin the chain in the place of a larger one, none that would is being checked, and not too many have.
    pub(super) fn contends(&self, cx: &Cx<'_>, header: &BatchHeader, digest: &BatchDigest) -> bool {
        let lane = &self.lanes[usize::from(header.lane)];
        let first = lane.ordered.position + 1;
        let held = lane.acknowledged.get(&first);
        header.position == first
            && header.parent == lane.ordered.digest
            && held.is_some_and(|held| digest < held)
            && lane.contender.is_none()
            && self.batches.at(header.lane, first).len() <= cx.config.validators()
    }

    /// Works out the chain of a lane from this place on, and acknowledges what is new in it.
    pub(super) fn follow(&mut self, cx: &mut Cx<'_>, index: ValidatorIndex, place: Position) {
        let lane = &mut self.lanes[usize::from(index)];
        let place = place.clamp(lane.ordered.position + 1, lane.chain.position + 1);
        let left = lane.acknowledged.split_off(&place);
        let kept = lane.acknowledged.last_key_value();
        let mut tip = kept.map_or(lane.ordered, |(&position, &digest)| LaneTip {
            position,
            digest,
        });
        let mut joined = Vec::new();
        for (position, digest) in self.batches.chain_from(index, tip) {
            tip = LaneTip { position, digest };
            lane.acknowledged.insert(position, digest);
            if left.get(&position) != Some(&digest) {
                joined.push(tip);
            }
        }
        lane.chain = tip;
        self.settle_received(index);
        if index == cx.me() {
            let chain = &self.lanes[usize::from(index)].acknowledged;
            let left = left.into_iter();
            let given_up = left.filter(|(position, digest)| chain.get(position) != Some(digest));
            let given_up = given_up.map(|(_, digest)| digest).collect();
            self.give_up(cx, given_up);
            for tip in joined {
                self.offer(cx, tip);
            }
        } else {
            for tip in joined {
                Self::acknowledge(cx, &tip.of(index));
            }
        }
    }

    /// What is received beyond the chain counts only if it continues it.
    fn settle_received(&mut self, index: ValidatorIndex) {
        let lane = &mut self.lanes[usize::from(index)];
        let next = lane.chain.position + 1;
        lane.checking = lane.checking.split_off(&next);
        lane.checked = lane.checked.split_off(&next);
        let checking = lane.checking.get(&next);
        let parent = checking.and_then(|digest| self.batches.verifying_parent(digest));
        let checked = lane.checked.get(&next);
        let parent = parent.or_else(|| checked.map(|(_, batch)| batch.header.parent));
        if lane.received.position < next {
            lane.received = lane.chain;
        } else if parent != Some(lane.chain.digest) {
            lane.received = lane.chain;
            lane.checking.clear();
            lane.checked.clear();
        }
    }
}
