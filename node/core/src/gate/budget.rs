//! What one peer may cost: a budget of signature checks that fills with time, and questions answered at a pace.
//!
//! A correct validator stays far below: its budget covers fifty full slots a second, a new view of the largest size at once,
//! and a reserve. Whoever sends more is heard again when the budget has filled up; what was dropped is counted. Bytes are
//! bounded by the network, which takes no more from a peer than the core has finished with.

use bds_contracts::block::ValidatorIndex;
use bds_contracts::tx::Millis;

use crate::config::Config;
use crate::message::{Message, Proofs, STATE_PIECE_BYTES};

/// Checks a second that every peer has, whatever the size of the set.
const CHECKS_PER_SECOND: u64 = 20_000;
/// Full slots a second the budget allows for beyond: a pre-prepare with a certificate for each lane.
const SLOTS_PER_SECOND: u64 = 50;
/// Bytes read from memory or disk for a peer that count as much as one check.
const BYTES_PER_CHECK: usize = 16 * 1024;

/// A purse that fills up to its size.
struct Purse {
    /// Thousandths of a check.
    left: u64,
    filled_at: Millis,
}

/// One purse a validator.
pub(crate) struct Budgets {
    per_second: u64,
    left_max: u64,
    answer_checks: u64,
    purses: Vec<Purse>,
}

impl Budgets {
    pub(crate) fn new(config: &Config, now: Millis) -> Self {
        let n = u64::try_from(config.validators()).unwrap_or(u64::MAX);
        let per_second = CHECKS_PER_SECOND + SLOTS_PER_SECOND * n.saturating_mul(n);
        let new_view = config.window.saturating_mul(n) + 2 * n;
        let left_max = (2 * per_second + new_view).saturating_mul(1_000);
        let purse = || Purse {
            left: left_max,
            filled_at: now,
        };
        let answer = config.batch_bytes_max / BYTES_PER_CHECK;
        Self {
            per_second,
            left_max,
            answer_checks: u64::try_from(answer).unwrap_or(u64::MAX).max(1),
            purses: (0..config.validators()).map(|_| purse()).collect(),
        }
    }

    /// Takes what hearing this message may cost out of its sender's purse; false when there is too little in it.
    pub(crate) fn spend(&mut self, now: Millis, from: ValidatorIndex, message: &Message) -> bool {
        let cost = self.cost(message).saturating_mul(1_000);
        let (per_second, left_max) = (self.per_second, self.left_max);
        let Some(purse) = self.purses.get_mut(usize::from(from)) else {
            return false;
        };
        let elapsed = now.0.saturating_sub(purse.filled_at.0);
        purse.left = purse
            .left
            .saturating_add(elapsed.saturating_mul(per_second))
            .min(left_max);
        purse.filled_at = Millis(purse.filled_at.0.max(now.0));
        let enough = purse.left >= cost;
        if enough {
            purse.left -= cost;
        }
        enough
    }

    /// Signature checks, or work worth as much, that hearing a message may cause.
    fn cost(&self, message: &Message) -> u64 {
        let signatures = match message {
            Message::Batch(_)
            | Message::Acknowledge { .. }
            | Message::Prepare(_)
            | Message::Commit(_)
            | Message::Remember(_)
            | Message::Executed { .. } => 1,
            Message::Certificate(certificate) => certificate.signatures.len(),
            Message::PrePrepare(proposed) => {
                let tips = proposed.certificates.iter().map(|c| c.len());
                1 + tips.sum::<usize>()
            }
            Message::ViewChange(proven) => 1 + shown(&proven.proofs),
            Message::NewView(new_view) => 1 + new_view.changes.len() + shown(&new_view.proofs),
            // What is repeated for a status is paced by the sync machine.
            Message::Status(_) => 4,
            Message::FetchBatches(digests) => {
                let answers = u64::try_from(digests.len()).unwrap_or(u64::MAX);
                return answers.saturating_mul(self.answer_checks);
            }
            Message::FetchSlots { .. } | Message::FetchHeaders { .. } | Message::FetchStates => 64,
            Message::FetchPiece { .. } => STATE_PIECE_BYTES / BYTES_PER_CHECK,
            // Refused unread unless it was asked for, and asking is this validator's choice.
            Message::Slots(_) | Message::Headers(_) | Message::State(_) | Message::Piece { .. } => {
                1
            }
        };
        u64::try_from(signatures).unwrap_or(u64::MAX)
    }
}

fn shown(proofs: &Proofs) -> usize {
    let header = proofs.stable.iter().map(|h| h.signatures.len());
    let slots = proofs.prepared.iter();
    let slots = slots.map(|slot| slot.certificate.signatures.len());
    header.chain(slots).sum()
}
