//! How fast transactions come into the own lane and leave it executed, what is on its way between, and what follows from that: how long a
//! batch gathers, and how much more is asked for.

use std::collections::BTreeMap;

use bds_contracts::tx::Millis;

use crate::batch::Position;
use crate::config::Config;

/// So many full batches may be on their way, however slowly they are executed.
const QUEUE_BATCHES_MIN: u64 = 4;
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
    measured: u64,
    /// What it is.
    total: u64,
    bytes_per_ms: u64,
}

impl Pace {
    fn add(&mut self, now: Millis, bytes: u64) {
        let passed = now.0.saturating_sub(self.since.0);
        if passed >= PACE_MS {
            self.bytes_per_ms = (self.total - self.measured) / passed;
            self.since = now;
            self.measured = self.total;
        }
        self.total += bytes;
    }
}

/// The own lane from end to end, in packed bytes.
#[derive(Default)]
pub(super) struct Flow {
    submitted: Pace,
    executed: Pace,
    /// Of batches that left the mempool and are not executed. One whose transactions wait again is counted until another takes its place.
    under_way: BTreeMap<Position, u64>,
    under_way_bytes: u64,
}

impl Flow {
    /// So much was submitted.
    pub(super) fn submit(&mut self, now: Millis, bytes: u64) {
        self.submitted.add(now, bytes);
    }

    /// Ever submitted.
    pub(super) fn submitted_bytes(&self) -> u64 {
        self.submitted.total
    }

    /// A batch of this length is to be sealed.
    pub(super) fn leave(&mut self, position: Position, bytes: u64) {
        self.under_way_bytes += bytes;
        let before = self.under_way.insert(position, bytes);
        self.under_way_bytes -= before.unwrap_or(0);
    }

    /// That batch is sealed in another place, or not at all.
    pub(super) fn move_to(&mut self, from: Position, to: Option<Position>) {
        let bytes = self.under_way.remove(&from).unwrap_or(0);
        self.under_way_bytes -= bytes;
        if let Some(to) = to {
            self.leave(to, bytes);
        }
    }

    /// The lane is executed up to this place.
    pub(super) fn execute_up_to(&mut self, now: Millis, position: Position) {
        let left = self.under_way.split_off(&(position + 1));
        let executed = std::mem::replace(&mut self.under_way, left);
        let bytes = executed.values().sum();
        self.under_way_bytes -= bytes;
        self.executed.add(now, bytes);
    }

    /// In batches that are not executed.
    pub(super) fn under_way_bytes(&self) -> u64 {
        self.under_way_bytes
    }

    /// What may be on its way from submission to execution before clients are told to come again: what is executed within `queue_ms` at the
    /// pace of late, and some full batches in any case. Who is refused at once can go elsewhere, or think again; who waits for long can do
    /// neither.
    pub(super) fn queue_bytes(&self, config: &Config) -> u64 {
        let leaves = self.executed.bytes_per_ms.saturating_mul(config.queue_ms);
        let some = QUEUE_BATCHES_MIN.saturating_mul(config.batch_bytes_max as u64);
        leaves.max(some).min(config.mempool_bytes_max as u64)
    }

    /// How long the first transaction of a batch waits while nothing of this lane is on its way. Each batch costs every validator a
    /// sync, signatures and messages, so under load fewer and larger ones leave more for what is in them.
    pub(super) fn patience(&self, config: &Config) -> u64 {
        let plain = config.batch_delay_ms;
        let cheap = config.batch_bytes_max as u64 / CHEAP_PART;
        let gathers = self.submitted.bytes_per_ms.saturating_mul(plain);
        let longer = plain.saturating_mul(gathers) / cheap.max(1);
        longer.clamp(plain, plain.saturating_mul(LONGER_MAX))
    }

    /// The least time between two proposals: longer than the plain one while much comes in here.
    pub(super) fn slot_interval_ms(&self, config: &Config) -> u64 {
        let plain = config.slot_interval_min_ms;
        let longer = self.patience(config) / (2 * config.batch_delay_ms).max(1);
        plain * longer.clamp(1, SLOT_LONGER_MAX)
    }
}

#[cfg(test)]
mod tests {
    use bds_contracts::block::{Validator, ValidatorSet};
    use bds_contracts::tx::{ChainId, PublicKey};

    use super::*;

    fn config() -> Config {
        let validator = Validator {
            key: PublicKey([1; 32]),
            weight: 1,
        };
        let set = ValidatorSet {
            epoch: 0,
            validators: vec![validator],
        };
        Config::new(ChainId([1; 32]), set, 0)
    }

    /// 10 ms and batches of 512 KiB: a sixty-fourth of one is 8 KiB, so up to 819 bytes a millisecond nothing is gathered for longer.
    #[test]
    fn a_batch_gathers_for_longer_the_more_comes_in() {
        let config = config();
        assert_eq!(
            (config.batch_delay_ms, config.batch_bytes_max),
            (10, 512 << 10)
        );
        let mut flow = Flow::default();
        assert_eq!(flow.patience(&config), 10);
        let mut now = Millis(5_000);
        flow.submit(now, 0);
        for (bytes_per_ms, patience) in [
            (0, 10),
            (819, 10),
            (1_000, 12),
            (1_639, 20),
            (4_096, 50),
            (4_915, 59),
            (4_916, 60),
            (50_000, 60),
            (u64::MAX / 10_000, 60),
            (100, 10),
        ] {
            flow.submit(now, bytes_per_ms * 100);
            now.0 += 100;
            flow.submit(now, 0);
            assert_eq!(flow.patience(&config), patience, "{bytes_per_ms}");
            // A shorter span says too little.
            now.0 += 99;
            flow.submit(now, 0);
            assert_eq!(flow.patience(&config), patience, "{bytes_per_ms}");
            now.0 += 1;
            flow.submit(now, 0);
            assert_eq!(flow.patience(&config), 10, "nothing came in");
        }
    }

    #[test]
    fn what_is_under_way_is_what_left_and_is_not_executed() {
        let config = config();
        let mut flow = Flow::default();
        for (position, bytes) in [(1, 100), (2, 200), (3, 300)] {
            flow.leave(position, bytes);
        }
        assert_eq!(flow.under_way_bytes(), 600);
        // Another batch in the place of one that was given up.
        flow.leave(3, 50);
        assert_eq!(flow.under_way_bytes(), 350);
        flow.move_to(3, Some(4));
        assert_eq!(flow.under_way_bytes(), 350);
        flow.execute_up_to(Millis(5_000), 2);
        assert_eq!(flow.under_way_bytes(), 50);
        flow.move_to(4, None);
        assert_eq!(flow.under_way_bytes(), 0);
        flow.move_to(4, None);
        flow.execute_up_to(Millis(5_000), 9);
        assert_eq!(flow.under_way_bytes(), 0);
        // Four batches of 512 KiB, until more is executed within the time.
        assert_eq!(flow.queue_bytes(&config), 4 * 512 * 1024);
        // With the 300 bytes of before, in the same span.
        flow.leave(10, 999_700);
        flow.execute_up_to(Millis(5_000), 10);
        flow.execute_up_to(Millis(5_100), 10);
        assert_eq!(flow.queue_bytes(&config), 10_000 * config.queue_ms);
        flow.execute_up_to(Millis(5_200), 10);
        assert_eq!(flow.queue_bytes(&config), 4 * 512 * 1024);
    }
}
