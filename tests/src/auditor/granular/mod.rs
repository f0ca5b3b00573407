//! Granular certificates: every number of every interval and device with where it is, and what else the metered energy backs.
//!
//! Every refusal is worked out here to its code (`judge.rs`), every effect and every event to its last field (`follow.rs`). Numbers are
//! kept as pieces that join without a gap from the first to the last that was given out; bundles are what of them lies side by side,
//! has one owner and says one thing.

mod follow;
mod judge;

use std::collections::BTreeMap;

pub(super) use judge::BUNDLE_LIMIT;

use super::entries::{Bytes, Entries};
use super::{Ask, Books, Events, Finding, ensure};

/// Number of the module.
pub(super) const GRANULAR: u16 = 10;
/// A day in milliseconds, and how long a certificate lives.
const DAY: u64 = 24 * 3_600 * 1_000;
const LIFE: u64 = 546 * DAY;
/// How long what can be corrected is kept.
const KEPT: u64 = 3 * 366 * DAY + 3_600_000;
/// Entries of a table that go in a block.
const GONE_MAX: usize = 1_024;
/// Place of storage among the sources.
const STORAGE: u8 = 10;

/// Start of the interval, device, first number.
type Key = (u64, u64, u64);

#[derive(Debug, Clone)]
pub(super) struct Device {
    issuer: u64,
    source: u8,
    place: (i128, i128),
    intensity: u32,
    debt: i128,
}

/// What a number says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Says {
    source: u8,
    place: (i128, i128),
    issuer: u64,
    intensity: u32,
    charged: Option<Key>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Held(u64),
    Used,
    Void,
    Expired,
}

#[derive(Debug, Clone, Copy)]
struct Piece {
    last: u64,
    state: State,
    says: Says,
}

/// An interval of a device.
#[derive(Debug, Clone, Default)]
pub(super) struct Interval {
    /// By the first number of each.
    pieces: BTreeMap<u64, Piece>,
    paid: i128,
    withheld: i128,
    over: i128,
}

#[derive(Debug, Clone)]
pub(super) struct Claim {
    last: u64,
    account: u64,
    says: Says,
    point: u64,
    interval: u64,
    beneficiary: String,
    /// What is left in a storage, and what it emits.
    stored: Option<(u64, u32)>,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Granular {
    devices: BTreeMap<u64, Device>,
    intervals: BTreeMap<(u64, u64), Interval>,
    claims: BTreeMap<Key, Claim>,
    /// Energy, number of claims and emission, by interval and meter.
    points: BTreeMap<(u64, u64), (u64, u32, u128)>,
    claimants: BTreeMap<u64, u64>,
    residuals: BTreeMap<(u32, u64), u32>,
}

/// A range that a call names.
#[derive(Debug, Clone, Copy)]
struct Range {
    start: u64,
    device: u64,
    first: u64,
    last: u64,
}

impl Range {
    fn key(self) -> Key {
        (self.start, self.device, self.first)
    }

    fn count(self) -> u64 {
        self.last - self.first + 1
    }
}

fn ranges(ask: &Ask<'_>) -> Vec<Range> {
    let all = ask.call.list("ranges").iter();
    all.map(|range| {
        let (of, numbers) = range.pair();
        let ((start, device), (first, last)) = (of.pair(), numbers.pair());
        Range {
            start: start.u64(),
            device: device.u64(),
            first: first.u64(),
            last: last.u64(),
        }
    })
    .collect()
}

impl Interval {
    /// The highest number.
    fn numbers(&self) -> u64 {
        self.pieces.last_key_value().map_or(0, |(_, one)| one.last)
    }

    fn count(&self, is: impl Fn(State) -> bool) -> i128 {
        let all = self.pieces.iter().filter(|(_, one)| is(one.state));
        all.map(|(first, one)| i128::from(one.last - first) + 1)
            .sum()
    }

    fn held(&self) -> i128 {
        self.count(|state| matches!(state, State::Held(_)))
    }

    /// Everything that needs energy to back it.
    fn backed(&self) -> i128 {
        self.held() + self.count(|state| state == State::Used) + self.paid + self.withheld
    }

    /// First and last number, owner and words of each bundle.
    fn bundles(&self) -> Vec<(u64, u64, u64, Says)> {
        let mut all: Vec<(u64, u64, u64, Says)> = Vec::new();
        for (first, one) in &self.pieces {
            let State::Held(account) = one.state else {
                continue;
            };
            match all.last_mut() {
                Some(below)
                    if below.1 + 1 == *first && (below.2, below.3) == (account, one.says) =>
                {
                    below.1 = one.last;
                }
                _ => all.push((*first, one.last, account, one.says)),
            }
        }
        all
    }

    /// How many bundles an account has.
    fn owned_by(&self, account: u64) -> usize {
        let all = self.bundles();
        all.iter()
            .filter(|(.., owner, _)| *owner == account)
            .count()
    }

    /// The owner of all these numbers, and what they say, where both are one.
    fn owner(&self, first: u64, last: u64) -> Option<(u64, Says)> {
        let all = self.bundles();
        let found = all.iter().find(|one| one.0 <= first && last <= one.1)?;
        Some((found.2, found.3))
    }

    fn cut_at(&mut self, at: u64) {
        let Some((first, one)) = self.pieces.range_mut(..at).next_back() else {
            return;
        };
        if one.last >= at {
            let above = *one;
            debug_assert!(*first < at, "it lies below");
            one.last = at - 1;
            self.pieces.insert(at, above);
        }
    }

    fn set(&mut self, first: u64, last: u64, state: State) {
        self.cut_at(first);
        self.cut_at(last + 1);
        for (_, one) in self.pieces.range_mut(first..=last) {
            one.state = state;
        }
    }
}

impl Books {
    /// What a meter says; none where it was not read.
    fn said_by(&self, start: u64, meter: u64) -> Option<i128> {
        let read = self.energy.readings.get(&(start, meter))?;
        Some(read.0)
    }

    /// Length of a meter's periods in milliseconds.
    fn period_of(&self, meter: u64) -> Option<u64> {
        let grid = self.energy.resources.get(&meter)?.microgrid;
        let minutes = self.energy.microgrids.get(&grid)?.minutes;
        Some([15, 30, 60][usize::from(minutes)] * 60_000)
    }

    fn owner_of(&self, meter: u64) -> u64 {
        self.energy.resources[&meter].account
    }

    fn is_over(&self, start: u64) -> bool {
        start.saturating_add(LIFE) <= self.time
    }

    /// What must hold after every block: numbers join without a gap, and no interval backs more than was metered and is owed for.
    pub(super) fn certificates_are_sound(&self) -> Result<(), Finding> {
        for ((start, device), one) in &self.granular.intervals {
            let mut next = 1;
            for (first, piece) in &one.pieces {
                ensure!(*first == next, "a gap before number {first} of {device}");
                next = piece.last + 1;
            }
            let Some(said) = self.said_by(*start, *device) else {
                continue;
            };
            let most = said.max(0) + one.over;
            ensure!(
                one.backed() <= most,
                "{} Wh of device {device} at {start} are backed by {most}",
                one.backed()
            );
        }
        let mut used: BTreeMap<(u64, u64), Vec<(u64, u64)>> = BTreeMap::new();
        for ((start, device, first), claim) in &self.granular.claims {
            used.entry((*start, *device))
                .or_default()
                .push((*first, claim.last));
        }
        for (key, claims) in used {
            let disjoint = claims.windows(2).all(|pair| pair[0].1 < pair[1].0);
            ensure!(disjoint, "a number of {key:?} is used twice");
            let Some(one) = self.granular.intervals.get(&key) else {
                continue;
            };
            let sum: u64 = claims.iter().map(|(first, last)| last - first + 1).sum();
            let counted = one.count(|state| state == State::Used);
            ensure!(
                i128::from(sum) == counted,
                "{sum} numbers of {key:?} are claimed and {counted} used"
            );
        }
        Ok(())
    }

    pub(super) fn granular_tables(&self, out: &mut Entries) {
        let granular = &self.granular;
        out.table(GRANULAR, 1);
        for (id, one) in &granular.devices {
            let value = put_place(Bytes::new().u64(one.issuer).u8(one.source), one.place);
            out.add(
                Bytes::new().u64(*id),
                value.u32(one.intensity).money(one.debt),
            );
        }
        for ((start, device), one) in &granular.intervals {
            let key = || Bytes::new().u64(*start).u64(*device);
            out.table(GRANULAR, 2);
            let value = Bytes::new()
                .u64(one.numbers())
                .money(one.held())
                .money(one.count(|state| state == State::Used))
                .money(one.count(|state| state == State::Void))
                .money(one.count(|state| state == State::Expired))
                .money(one.paid)
                .money(one.withheld)
                .money(one.over);
            out.add(key(), value);
            for (first, last, account, says) in one.bundles() {
                out.table(GRANULAR, 3);
                let value = Bytes::new().u64(last).u64(account);
                out.add(key().u64(first), put_says(value, &says));
                out.table(GRANULAR, 4);
                let own = Bytes::new().u64(account).put(&key().u64(first).0);
                out.add(own, Bytes::new());
            }
        }
        for ((start, device, first), one) in &granular.claims {
            let key = Bytes::new().u64(*start).u64(*device).u64(*first);
            out.table(GRANULAR, 6);
            let index = Bytes::new().u64(one.interval).u64(one.point).put(&key.0);
            out.add(index, Bytes::new());
            out.table(GRANULAR, 5);
            let value = put_says(Bytes::new().u64(one.last).u64(one.account), &one.says)
                .u64(one.point)
                .u64(one.interval)
                .text(&one.beneficiary)
                .option(one.stored, |b, (left, intensity)| {
                    b.u64(left).u32(intensity)
                });
            out.add(key, value);
        }
        out.table(GRANULAR, 7);
        for ((interval, point), (claimed, claims, micrograms)) in &granular.points {
            let value = Bytes::new().u64(*claimed).u32(*claims);
            let value = value.put(&micrograms.to_le_bytes());
            out.add(Bytes::new().u64(*interval).u64(*point), value);
        }
        out.table(GRANULAR, 8);
        for (point, account) in &granular.claimants {
            out.add(Bytes::new().u64(*point), Bytes::new().u64(*account));
        }
        out.table(GRANULAR, 9);
        for ((grid, from), intensity) in &granular.residuals {
            let key = Bytes::new().u32(*grid).u64(*from);
            out.add(key, Bytes::new().u32(*intensity));
        }
    }
}

fn put_place(bytes: Bytes, (latitude, longitude): (i128, i128)) -> Bytes {
    let bytes = bytes.put(&latitude.to_le_bytes()[..4]);
    bytes.put(&longitude.to_le_bytes()[..4])
}

fn put_says(bytes: Bytes, says: &Says) -> Bytes {
    let bytes = put_place(bytes.u8(says.source), says.place);
    let bytes = bytes.u64(says.issuer).u32(says.intensity);
    bytes.option(says.charged, |b, (start, device, first)| {
        b.u64(start).u64(device).u64(first)
    })
}
