//! The results: committed slots executed in order, and agreement on what came out.
//!
//! | file | question |
//! |---|---|
//! | `execution_order` | in which order the batches of a slot are executed |
//! | `outcomes` | what each validator signed as the result of a block |
//! | `certified` | which results a quorum has signed |
//!
//! The machine takes slots from `order` and their batches from `lanes`. The result never depends on when payloads arrived. Every
//! validator signs the header it got; a quorum of equal ones is a certified block, which `order` is told of, and an own header
//! that differs from a quorum's stops the node.

mod certified;
pub(crate) mod execution_order;
mod outcomes;

use std::collections::{BTreeMap, VecDeque};

use bds_contracts::block::{
    BlockDigest, BlockHeader, CertifiedHeader, Height, Signature, Statement, ValidatorIndex,
};
use bds_contracts::tx::Millis;

use crate::batch::LaneTip;
use crate::config::Config;
use crate::context::Cx;
use crate::gate::notary::Notary;
use crate::lanes::Lanes;
use crate::message::{Message, Proposal};
use crate::order::HandedOn;
use crate::recovery::RecoveredResults;
use crate::turn::Effect;
use execution_order::SlotBatches;
use outcomes::{Outcome, Outcomes};

/// Results repeated to one peer for one status.
const OUTCOMES_REPEATED_MAX: u64 = 16;

/// The machine.
pub(crate) struct Results {
    /// Slots that are final and wait for execution; the first is the one after `dispatched`.
    waiting: VecDeque<Proposal>,
    /// Last slot handed out.
    dispatched: Height,
    /// Last slot answered.
    executed: Height,
    /// Newest certified height that is executed here too.
    certified: Height,
    /// Digest of the last executed header, to check the chain.
    last_digest: Option<BlockDigest>,
    /// Time of the last slot handed out.
    time: Millis,
    /// Nothing has changed since `dispatch` found something missing.
    blocked: bool,
    /// Lane tips after each slot handed out and not answered, and after the last answered one.
    tips: BTreeMap<Height, Vec<LaneTip>>,
    /// Own headers above `certified`, and the last ones below for those who lag.
    headers: BTreeMap<Height, BlockHeader>,
    /// Signed results above `certified`.
    outcomes: Outcomes,
    /// A certified header above what is executed here, to be compared when execution gets there.
    ahead: Option<CertifiedHeader>,
    /// Checked certified headers of a peer above `certified`, each taken when execution has got there. As many as one
    /// answer holds at the most, beside those of the answer before.
    proofs: BTreeMap<Height, CertifiedHeader>,
    /// Blocks at or below the state on disk that were executed before the restart and not certified here: first and last.
    /// Their headers are gone, but peers have them with the signatures of a quorum.
    gap: Option<(Height, Height)>,
    /// Blocks above `certified` whose certificates nobody has any more, first and last: they are passed over.
    lost: Option<(Height, Height)>,
    /// Certified before the restart: re-execution must give the same.
    expected: BTreeMap<Height, BlockDigest>,
    /// The newest certified header that `order` has not been told of.
    handed_on: Option<CertifiedHeader>,
}

impl Results {
    /// Goes on from what is on disk, with every lane ordered up to these tips, and from what `order` found there.
    pub(crate) fn restore(
        config: &Config,
        notary: &Notary,
        recovered: RecoveredResults,
        tips: Vec<LaneTip>,
        handed_on: HandedOn,
    ) -> Self {
        let base = recovered.base.as_ref();
        let height = base.map_or(0, |header| header.height);
        let mut results = Self {
            waiting: handed_on.committed.into(),
            dispatched: height,
            executed: height,
            certified: recovered.certified,
            last_digest: base.map(BlockHeader::digest),
            time: base.map_or(Millis(0), |header| header.time),
            blocked: false,
            tips: BTreeMap::from([(height, tips)]),
            headers: BTreeMap::new(),
            outcomes: Outcomes::new(config.validators()),
            ahead: None,
            proofs: BTreeMap::new(),
            gap: None,
            lost: None,
            expected: recovered.expected,
            handed_on: None,
        };
        if let Some(header) = recovered.base.filter(|h| h.height > results.certified) {
            results.restore_base(config, notary, header);
        }
        let ahead = handed_on.certified;
        results.ahead = ahead.filter(|ahead| ahead.header.height > results.certified);
        results
    }

    /// The state on disk may be ahead of the last certified header: the headers of the blocks between are gone, so their
    /// certificates are asked of peers; the one the state is at can be certified here, and the own result counts again.
    fn restore_base(&mut self, config: &Config, notary: &Notary, header: BlockHeader) {
        let (height, digest) = (header.height, header.digest());
        let first = self.certified + 1;
        self.gap = (first < height).then_some((first, height - 1));
        self.certified = height - 1;
        let signature = notary.sign(&Statement::Executed(height, digest));
        self.outcomes
            .cast(config.me, height, Outcome::own(digest, signature));
        self.headers.insert(height, header);
    }

    /// The newest certified header since the last call.
    pub(crate) fn hand_on(&mut self) -> Option<CertifiedHeader> {
        self.handed_on.take()
    }

    /// A slot that is final: the one after all before.
    pub(crate) fn commit(&mut self, proposal: Proposal) {
        self.waiting.push_back(proposal);
    }

    /// What a slot waits for may have come.
    pub(crate) fn retry(&mut self) {
        self.blocked = false;
    }

    /// Hands committed slots to execution, in order, while their batches are there and the engine keeps up.
    pub(crate) fn dispatch(&mut self, cx: &mut Cx<'_>, lanes: &mut Lanes) {
        while !self.blocked
            && !lanes.is_loading()
            && self.dispatched - self.executed < cx.config.executions_in_flight
            && let Some(proposal) = self.waiting.front()
        {
            let height = proposal.slot;
            assert!(
                height == self.dispatched + 1,
                "slot {height} is handed out after {}",
                self.dispatched
            );
            let Some(batches) = lanes.take(cx, proposal) else {
                self.blocked = true;
                return;
            };
            self.time = self.time.max(proposal.time);
            self.waiting.pop_front();
            self.dispatched = height;
            self.tips.insert(height, lanes.ordered());
            cx.effect(Effect::Execute {
                height,
                time: self.time,
                batches: SlotBatches::new(batches),
            });
        }
    }

    /// A slot is executed: sign the result and say so.
    pub(crate) fn on_executed(&mut self, cx: &mut Cx<'_>, header: BlockHeader) {
        if header.height != self.executed + 1 || header.height > self.dispatched {
            cx.count("executed_unasked");
            return;
        }
        let height = header.height;
        let digest = header.digest();
        if self
            .last_digest
            .is_some_and(|previous| previous != header.previous)
        {
            cx.effect(Effect::Halt(format!(
                "block {height} does not extend the block before it"
            )));
            return;
        }
        if let Some(expected) = self.expected.remove(&height)
            && expected != digest
        {
            cx.effect(Effect::Halt(format!(
                "block {height} was certified as {expected:?} and is now executed as {digest:?}"
            )));
            return;
        }
        self.executed = height;
        self.last_digest = Some(digest);
        self.tips = self.tips.split_off(&height);
        self.headers.insert(height, header);
        while self.headers.len() > usize::try_from(cx.config.window).unwrap_or(256)
            && self
                .headers
                .first_key_value()
                .is_some_and(|(lowest, _)| *lowest < self.certified)
        {
            self.headers.pop_first();
        }
        if height > self.certified {
            let signature = cx.notary.sign(&Statement::Executed(height, digest));
            self.outcomes
                .cast(cx.me(), height, Outcome::own(digest, signature));
            cx.broadcast(Message::Executed {
                height,
                digest,
                signature,
            });
        }
        self.certify_headers(cx);
        self.compare_ahead(cx);
    }

    /// The result another validator got.
    pub(crate) fn on_outcome(
        &mut self,
        cx: &mut Cx<'_>,
        from: ValidatorIndex,
        height: Height,
        digest: BlockDigest,
        signature: Signature,
    ) {
        let low = self.certified;
        if height <= low || height > low + cx.config.window {
            return;
        }
        self.outcomes
            .cast(from, height, Outcome::heard(digest, signature));
        self.certify_headers(cx);
    }

    /// Own results above what the peer knows to be certified.
    pub(crate) fn repeat_outcomes(&self, cx: &mut Cx<'_>, to: ValidatorIndex, certified: Height) {
        // What is certified here the peer asks for by itself.
        let low = certified.max(self.certified);
        let high = self.executed.min(low + OUTCOMES_REPEATED_MAX);
        for height in low + 1..=high {
            let Some(header) = self.headers.get(&height) else {
                continue;
            };
            let digest = header.digest();
            let signature = cx.notary.sign(&Statement::Executed(height, digest));
            cx.send(
                to,
                Message::Executed {
                    height,
                    digest,
                    signature,
                },
            );
        }
    }
}

/// What others read of it.
impl Results {
    /// Last block executed.
    pub(crate) fn executed(&self) -> Height {
        self.executed
    }

    /// Last block whose result a quorum signed and that is executed here.
    pub(crate) fn certified(&self) -> Height {
        self.certified
    }

    /// Up to where each lane was ordered by the blocks executed so far.
    pub(crate) fn executed_tips(&self) -> &[LaneTip] {
        self.tips.get(&self.executed).map_or(&[], Vec::as_slice)
    }
}
