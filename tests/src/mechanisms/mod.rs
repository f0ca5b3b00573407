//! The mechanisms of the paper's Table 2 beside each other: what each costs and how long it takes until nothing is taken back.
//!
//! PBFT is measured: the product's core runs in the simulator. The other six are models of what their authors describe, over the same
//! links: every message goes from one validator to another in 20 to 80 milliseconds, nobody lies, nobody fails, all have the same weight.
//! A model counts messages and checked signatures and adds up delays; it has no bandwidth, no queues and no attacks, so its figures are
//! what the mechanism costs at best.
//!
//! | mechanism | final when | source |
//! |---|---|---|
//! | PoW | six blocks deep enough that an attacker with a tenth of the work replaces it once in a thousand times | Nakamoto 2008; `bds security tamper` |
//! | PoS | two checkpoints in a row, its own and the next, have the votes of two thirds | Buterin & Griffith 2017 |
//! | DPoS | more than two thirds of the delegates have built on it, one after the other | Larimer 2014; EOS.IO 2018 |
//! | PoA | as PoW, but the attacker needs stake as well: three holders of stake sign each block | Bentov, Lee, Mizrahi & Rosenfeld 2014 |
//! | PBFT | its block is executed and certified by two thirds | Castro & Liskov 1999; the core of this ledger |
//! | DBFT | two thirds of seven delegates have committed | Neo's dBFT 2.0 |
//! | RPCA | four fifths have validated it, after four rounds of proposals | Schwartz, Youngs & Britto 2014 |

mod chains;
mod links;
mod measured;
pub mod show;
mod votes;

/// How long one core takes to check a signature, in microseconds: one at a time, by ed25519-dalek on Zen 5
/// (`benches/results/2026-11-27-targets.md`).
pub const CHECK_US: f64 = 28.0;
/// A message from one validator to another takes at least and at most so long, in microseconds.
pub const DELAY_US: (u64, u64) = (20_000, 80_000);

/// A mechanism of Table 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mechanism {
    /// Whoever finds a number first.
    Work,
    /// Whoever is drawn by stake, and votes of all.
    Stake,
    /// Delegates that were elected, in turns.
    Delegates,
    /// Work finds an empty block, stake fills and signs it.
    Activity,
    /// Three phases among all.
    Pbft,
    /// Three phases among delegates.
    Dbft,
    /// Rounds of proposals with rising thresholds.
    Ripple,
}

/// What one costs among so many.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Which.
    pub mechanism: Mechanism,
    /// Among how many.
    pub nodes: usize,
    /// From a transaction's arrival until it is final, in milliseconds: mean and the 99th of a hundred.
    pub final_ms: (f64, f64),
    /// Messages for a block that stays.
    pub messages: f64,
    /// What all cores spend on a block that stays, in milliseconds.
    pub core_ms: f64,
    /// Blocks that were made in vain, of all.
    pub stale: f64,
}

impl Mechanism {
    /// All, in the order of the table.
    pub const ALL: [Self; 7] = [
        Self::Work,
        Self::Stake,
        Self::Delegates,
        Self::Activity,
        Self::Pbft,
        Self::Dbft,
        Self::Ripple,
    ];

    /// Its short name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Work => "PoW",
            Self::Stake => "PoS",
            Self::Delegates => "DPoS",
            Self::Activity => "PoA",
            Self::Pbft => "PBFT",
            Self::Dbft => "DBFT",
            Self::Ripple => "RPCA",
        }
    }

    /// Whether the figures are of the product, and not of a model.
    #[must_use]
    pub fn is_measured(self) -> bool {
        self == Self::Pbft
    }

    /// How many of so many with the same weight may be faulty; of delegates, how many of these.
    #[must_use]
    pub fn tolerates(self, nodes: usize) -> usize {
        match self {
            Self::Work | Self::Activity => (nodes - 1) / 2,
            Self::Stake | Self::Pbft => (nodes - 1) / 3,
            Self::Delegates => (chains::delegates(nodes) - 1) / 3,
            Self::Dbft => (votes::delegates(nodes) - 1) / 3,
            Self::Ripple => (nodes - 1) / 5,
        }
    }

    /// That bound in words.
    #[must_use]
    pub fn bound(self) -> &'static str {
        match self {
            Self::Work => "less than half of the work",
            Self::Stake => "less than a third of the stake",
            Self::Delegates => "less than a third of at most 21 delegates",
            Self::Activity => "less than half, of work and stake together",
            Self::Pbft => "less than a third of the weight",
            Self::Dbft => "less than a third of at most 7 delegates",
            Self::Ripple => "a fifth of the trusted list",
        }
    }

    /// Its row among so many; the same seed gives the same row.
    ///
    /// - `nodes`: at least 4, at most 100.
    ///
    /// # Errors
    /// What was violated, where the product's core ran.
    pub fn row(self, nodes: usize, seed: u64) -> Result<Row, String> {
        let links = links::Links::new(seed, nodes);
        Ok(match self {
            Self::Work => chains::work(links, 0),
            Self::Activity => chains::work(links, chains::SIGNERS),
            Self::Stake => chains::stake(links),
            Self::Delegates => chains::delegated(links),
            Self::Pbft => measured::pbft(nodes, seed)?,
            Self::Dbft => votes::dbft(links),
            Self::Ripple => votes::ripple(links),
        })
    }
}

/// Mean, and the 99th of a hundred.
fn spread(mut all: Vec<f64>) -> (f64, f64) {
    all.sort_unstable_by(f64::total_cmp);
    let mean = all.iter().sum::<f64>() / all.len() as f64;
    (mean, all[all.len() * 99 / 100])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(mechanism: Mechanism, nodes: usize) -> Row {
        mechanism.row(nodes, 7).expect("no violation")
    }

    fn near(found: f64, right: f64, percent: f64) {
        let off = (found - right).abs() / right * 100.0;
        assert!(off < percent, "{found} is {off} % off {right}");
    }

    /// Bounds as their authors give them.
    #[test]
    fn so_many_may_be_faulty() {
        let all = |nodes| Mechanism::ALL.map(|one| one.tolerates(nodes));
        assert_eq!(all(4), [1, 1, 1, 1, 1, 1, 0]);
        assert_eq!(all(7), [3, 2, 2, 3, 2, 2, 1]);
        assert_eq!(all(100), [49, 33, 6, 49, 33, 2, 19]);
    }

    /// Blocks come at random, so whoever arrives waits a whole interval for the next and five more until it is deep enough; whatever
    /// is found while the last block is on its way is in vain.
    #[test]
    fn work_takes_six_intervals_and_all_cores() {
        let found = row(Mechanism::Work, 10);
        near(found.final_ms.0, 6.0 * chains::WORK_INTERVAL_MS, 10.0);
        let on_the_way = 50.0 * 0.9 / chains::WORK_INTERVAL_MS;
        assert!(
            found.stale > on_the_way / 3.0 && found.stale < on_the_way * 3.0,
            "{found:?}"
        );
        near(found.core_ms, 10.0 * chains::WORK_INTERVAL_MS, 10.0);
        near(found.messages, 9.0, 5.0);
        // Who needs stake as well replaces far less: one block on top is enough.
        near(
            row(Mechanism::Activity, 10).final_ms.0,
            2.0 * chains::WORK_INTERVAL_MS,
            15.0,
        );
    }

    /// Half a slot until the next one begins, and then so many slots.
    #[test]
    fn slots_take_their_time() {
        let stake = row(Mechanism::Stake, 10);
        near(stake.final_ms.0, 2.5 * chains::STAKE_SLOT_MS + 50.0, 3.0);
        assert!((stake.messages - 18.0).abs() < 1e-9, "{stake:?}");
        // Ten delegates: seven must have built on it.
        let delegated = row(Mechanism::Delegates, 10);
        near(
            delegated.final_ms.0,
            7.5 * chains::DELEGATE_SLOT_MS + 50.0,
            3.0,
        );
        near(
            row(Mechanism::Delegates, 100).final_ms.0,
            15.5 * chains::DELEGATE_SLOT_MS + 50.0,
            3.0,
        );
    }

    /// Messages by the formulas; a round of votes is never faster than the fastest and never slower than the slowest message.
    #[test]
    fn rounds_of_votes_follow_their_messages() {
        let dbft = row(Mechanism::Dbft, 40);
        assert!(
            (dbft.messages - f64::from(6 + 2 * 7 * 6 + 33)).abs() < 1e-9,
            "{dbft:?}"
        );
        // Four messages one after the other: proposal, two votes, the block; and half as long until the next round.
        assert!(
            dbft.final_ms.0 > 1.5 * 80.0 && dbft.final_ms.1 < 2.0 * 320.0,
            "{dbft:?}"
        );
        let ripple = row(Mechanism::Ripple, 40);
        assert!(
            (ripple.messages - f64::from(5 * 40 * 39)).abs() < 1e-9,
            "{ripple:?}"
        );
        assert!(
            ripple.final_ms.0 > 1.5 * 100.0 && ripple.final_ms.1 < 2.0 * 400.0,
            "{ripple:?}"
        );
    }

    /// The core orders, executes and certifies; a transaction takes more than the three phases and less than a second.
    #[test]
    fn the_core_is_measured() {
        let found = row(Mechanism::Pbft, 4);
        assert!(
            found.final_ms.0 > 3.0 * 20.0 && found.final_ms.0 < 1_000.0,
            "{found:?}"
        );
        // A batch, a proposal and two votes among four, at least.
        assert!(found.messages > 12.0 && found.core_ms > 0.0, "{found:?}");
        assert_eq!(found, row(Mechanism::Pbft, 4), "one seed, one row");
    }
}
