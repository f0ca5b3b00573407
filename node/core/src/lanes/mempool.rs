//! Transactions that wait for a batch of the own lane: in which order, how many, and for how long.
//!
//! The mempool is bounded in bytes, and asks for no more than leaves it within `queue_ms`. How fast transactions come in and leave is measured as
//! they do.

use std::collections::VecDeque;
use std::sync::Arc;

use bds_contracts::tx::Millis;

use crate::batch::Payload;
use crate::config::Config;
use crate::context::Cx;
use crate::turn::Submission;

/// So many full batches may wait, however slowly they leave.
const QUEUE_BATCHES_MIN: usize = 4;
/// How much comes in and leaves, measured over spans of this many milliseconds and more.
const PACE_MS: u64 = 100;
/// A batch that leaves after the plain delay with this part of its bounds is cheap enough; what comes in faster gathers for longer.
const CHEAP_PART: u64 = 64;
/// By so much at the most.
const LONGER_MAX: u64 = 6;
/// What a slot costs is shared by the batches in it, so under load slots wait as well, by half as much and so much at the most.
const SLOT_LONGER_MAX: u64 = 2;

/// How fast a total of bytes grows.
#[derive(Default)]
struct Pace {
    since: Millis,
    /// What it was by then.
    total: u64,
    bytes_per_ms: u64,
}

impl Pace {
    fn measure(&mut self, now: Millis, total: u64) {
        let passed = now.0.saturating_sub(self.since.0);
        if passed >= PACE_MS {
            self.bytes_per_ms = total.saturating_sub(self.total) / passed;
            self.since = now;
            self.total = total;
        }
    }

    /// How long the first transaction of a batch waits while nothing of this lane is on its way. Each batch costs every validator a
    /// sync, signatures and messages, so under load fewer and larger ones leave more for what is in them.
    fn patience(&self, config: &Config) -> u64 {
        let plain = config.batch_delay_ms;
        let cheap = config.batch_bytes_max as u64 / CHEAP_PART;
        let gathers = self.bytes_per_ms.saturating_mul(plain);
        let longer = plain.saturating_mul(gathers) / cheap.max(1);
        longer.clamp(plain, plain.saturating_mul(LONGER_MAX))
    }
}

/// A transaction that waits for a batch.
struct Waiting {
    /// Of its submission, from 1; 0 for one that was in a batch before.
    number: u64,
    transaction: Arc<[u8]>,
}

/// What waits, and the pace at which it comes and goes.
#[derive(Default)]
pub(super) struct Mempool {
    /// By rising numbers.
    waiting: VecDeque<Waiting>,
    /// Packed bytes of all of it.
    bytes: usize,
    /// Those of what was in a batch before. The bound does not count them: there was room for them once, and what was promised since then
    /// has its own.
    returned_bytes: usize,
    /// When the oldest transaction came.
    since: Millis,
    /// Submissions so far that replaced nothing.
    submissions: u64,
    /// Packed bytes ever submitted.
    submitted_bytes: u64,
    /// How fast they come in.
    pace: Pace,
    /// Packed bytes ever put into a batch.
    sealed_bytes: u64,
    /// How fast they leave.
    leaving: Pace,
}

impl Mempool {
    /// Bytes and number of transactions.
    pub(super) fn level(&self) -> (usize, usize) {
        (self.bytes, self.waiting.len())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Packed bytes ever submitted.
    pub(super) fn submitted_bytes(&self) -> u64 {
        self.submitted_bytes
    }

    /// Packed bytes that may wait before clients are told to come again: what leaves within `queue_ms` as fast as of late, and some full
    /// batches in any case. Who is refused at once can go elsewhere, or think again; who waits for long can do neither.
    pub(super) fn queue_bytes(&self, config: &Config) -> usize {
        let leaves = self.leaving.bytes_per_ms.saturating_mul(config.queue_ms);
        let leaves = usize::try_from(leaves).unwrap_or(usize::MAX);
        let some = QUEUE_BATCHES_MIN.saturating_mul(config.batch_bytes_max);
        leaves.max(some).min(config.mempool_bytes_max)
    }

    /// How long the first transaction of a batch waits while nothing of this lane is on its way.
    pub(super) fn patience(&self, config: &Config) -> u64 {
        self.pace.patience(config)
    }

    /// The least time between two proposals: longer than the plain one while much comes in here.
    pub(super) fn slot_interval_ms(&self, config: &Config) -> u64 {
        let plain = config.slot_interval_min_ms;
        let longer = self.pace.patience(config) / (2 * config.batch_delay_ms).max(1);
        plain * longer.clamp(1, SLOT_LONGER_MAX)
    }

    /// Takes in what fits, and puts in the place of what waits what is to replace it; of each such one whether it did.
    pub(super) fn submit(&mut self, cx: &mut Cx<'_>, submissions: Vec<Submission>) -> Vec<bool> {
        self.pace.measure(cx.now, self.submitted_bytes);
        let mut replaced = Vec::new();
        for submission in submissions {
            let Submission {
                transaction,
                replaces,
            } = submission;
            let bytes = Payload::packed_bytes(&transaction);
            self.submitted_bytes += u64::try_from(bytes).unwrap_or(u64::MAX);
            match replaces {
                Some(number) => replaced.push(self.replace(cx, number + 1, transaction)),
                None => {
                    self.submissions += 1;
                    if !self.has_room(cx.config, bytes, 0) {
                        cx.count("submit_refused_full");
                        continue;
                    }
                    if self.waiting.is_empty() {
                        self.since = cx.now;
                    }
                    self.bytes += bytes;
                    self.waiting.push_back(Waiting {
                        number: self.submissions,
                        transaction,
                    });
                }
            }
        }
        replaced
    }

    /// Whether so many packed bytes may wait, once so many others do not.
    fn has_room(&self, config: &Config, bytes: usize, without: usize) -> bool {
        let counted = self.bytes - self.returned_bytes - without;
        bytes <= config.batch_bytes_max && counted.saturating_add(bytes) <= config.mempool_bytes_max
    }

    /// Puts a transaction where the one with this number waits; false when that waits no more.
    fn replace(&mut self, cx: &mut Cx<'_>, number: u64, transaction: Arc<[u8]>) -> bool {
        let found = self
            .waiting
            .binary_search_by_key(&number, |waiting| waiting.number);
        let Ok(at) = found else {
            return false;
        };
        let before = Payload::packed_bytes(&self.waiting[at].transaction);
        let after = Payload::packed_bytes(&transaction);
        if !self.has_room(cx.config, after, before) {
            cx.count("submit_refused_full");
            return false;
        }
        self.bytes = self.bytes - before + after;
        self.waiting[at].transaction = transaction;
        true
    }

    /// Puts what was in a batch in front of all that waits; false when it cannot be read.
    pub(super) fn put_back(&mut self, now: Millis, payload: &Payload) -> bool {
        let Some(transactions) = payload.transactions() else {
            return false;
        };
        if self.waiting.is_empty() {
            self.since = now;
        }
        for tx in transactions.into_iter().rev() {
            let bytes = Payload::packed_bytes(tx);
            self.bytes += bytes;
            self.returned_bytes += bytes;
            self.waiting.push_front(Waiting {
                number: 0,
                transaction: Arc::from(tx),
            });
        }
        true
    }

    /// When a batch is due if the first of it may wait so long: at once when it is full.
    pub(super) fn due(&self, config: &Config, patience: u64) -> Millis {
        let full = self.bytes >= config.batch_bytes_max
            || self.waiting.len() >= config.batch_transactions_max;
        if full {
            Millis(0)
        } else {
            Millis(self.since.0 + patience)
        }
    }

    /// The next batch.
    pub(super) fn take(&mut self, cx: &Cx<'_>) -> Payload {
        let (mut bytes, mut count) = (0, 0);
        for waiting in self.waiting.iter().take(cx.config.batch_transactions_max) {
            let more = Payload::packed_bytes(&waiting.transaction);
            if bytes + more > cx.config.batch_bytes_max {
                break;
            }
            bytes += more;
            count += 1;
        }
        let taken: Vec<_> = self.waiting.drain(..count).collect();
        self.bytes -= bytes;
        self.returned_bytes = self.returned_bytes.saturating_sub(bytes);
        self.since = cx.now;
        self.sealed_bytes += u64::try_from(bytes).unwrap_or(u64::MAX);
        self.leaving.measure(cx.now, self.sealed_bytes);
        Payload::pack(taken.iter().map(|waiting| waiting.transaction.as_ref()))
    }
}

#[cfg(test)]
mod tests {
    use bds_contracts::block::{Validator, ValidatorSet};
    use bds_contracts::tx::{ChainId, PublicKey};

    use super::*;

    /// 10 ms and batches of 512 KiB: a sixty-fourth of one is 8 KiB, so up to 819 bytes a millisecond nothing is gathered for longer.
    #[test]
    fn a_batch_gathers_for_longer_the_more_comes_in() {
        let validator = Validator {
            key: PublicKey([1; 32]),
            weight: 1,
        };
        let set = ValidatorSet {
            epoch: 0,
            validators: vec![validator],
        };
        let config = Config::new(ChainId([1; 32]), set, 0);
        assert_eq!(
            (config.batch_delay_ms, config.batch_bytes_max),
            (10, 512 << 10)
        );
        let mut pace = Pace::default();
        assert_eq!(pace.patience(&config), 10);
        let (mut now, mut submitted) = (Millis(5_000), 0);
        for (bytes_per_ms, patience) in [
            (0, 10),
            (819, 10),
            (1_000, 12),
            (1_639, 20),
            (4_096, 50),
            (4_915, 59),
            (4_916, 60),
            (50_000, 60),
            (u64::MAX / 1_000, 60),
            (100, 10),
        ] {
            now.0 += 100;
            submitted += bytes_per_ms * 100;
            pace.measure(now, submitted);
            assert_eq!(pace.patience(&config), patience, "{bytes_per_ms}");
            // A shorter span says too little.
            now.0 += 99;
            pace.measure(now, submitted);
            assert_eq!(pace.patience(&config), patience, "{bytes_per_ms}");
            now.0 += 1;
            pace.measure(now, submitted);
            assert_eq!(pace.patience(&config), 10, "nothing came in");
        }
    }
}
