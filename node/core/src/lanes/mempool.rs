//! Transactions that wait for a batch of the own lane, in the order in which they came; bounded in bytes.

use std::collections::VecDeque;
use std::sync::Arc;

use bds_contracts::tx::Millis;

use crate::batch::Payload;
use crate::config::Config;
use crate::context::Cx;
use crate::turn::Submission;

/// A transaction that waits for a batch.
struct Waiting {
    /// Of its submission, from 1; 0 for one that was in a batch before.
    number: u64,
    transaction: Arc<[u8]>,
}

/// What waits.
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
}

impl Mempool {
    /// Bytes and number of transactions.
    pub(super) fn level(&self) -> (usize, usize) {
        (self.bytes, self.waiting.len())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Packed bytes that the bound counts.
    pub(super) fn counted_bytes(&self) -> usize {
        self.bytes - self.returned_bytes
    }

    /// Takes in what fits, and puts in the place of what waits what is to replace it; of each such one whether it did.
    pub(super) fn submit(&mut self, cx: &mut Cx<'_>, submissions: Vec<Submission>) -> Vec<bool> {
        let mut replaced = Vec::new();
        for submission in submissions {
            let Submission {
                transaction,
                replaces,
            } = submission;
            let bytes = Payload::packed_bytes(&transaction);
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
        let counted = self.counted_bytes() - without;
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
        Payload::pack(taken.iter().map(|waiting| waiting.transaction.as_ref()))
    }
}
