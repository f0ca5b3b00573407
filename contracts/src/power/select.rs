//! Which blocks are accepted: a search with published rules and a bounded number of rounds, on curves that are added up already.
//!
//! A block asks for the same energy in each of some intervals, at an average price that is no worse than its own. It stands in full,
//! at its least acceptance, or out. The search finds blocks that no interval is out of balance with and none of which loses:
//!
//! 1. *Begin.* Blocks that would not lose at the prices without any block stand in full; of an exclusive group the one that would
//!    gain most; a linked one only if its parent does.
//! 2. *Throw.* While an interval is out of balance, the block of the side that is too much there with the worst price, in the first
//!    such interval, is cut; else the block that loses most. To be cut is to fall to the least acceptance, or where it stands there
//!    already, or takes all or nothing, to be out with all that are linked to it. Nobody is cut more than twice, so this ends.
//! 3. *Return.* Each block that is out or cut and would gain in full at the prices as they are, whose parent stands and whose group
//!    is free, the one that would gain most first, is tried once: in full, else at its least. It stays if no interval is out of
//!    balance and nobody loses.
//!
//! Equal ones are ordered by rank, which is drawn by lot: the lower rank is tried first and cut last. What is out in the end although
//! it would gain at the final prices is rejected paradoxically, and listed. The search does not promise the greatest welfare:
//! finding that is hard, and a rule that everybody can follow is worth more here.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use borsh::{BorshDeserialize, BorshSerialize};

use super::crossing::{Curves, Imbalance};
use crate::amount::{Price, WattHours};
use crate::exchange::Side;

crate::choices! {
    /// How far a block is accepted.
    pub enum Standing {
        /// Not at all.
        Out "out",
        /// At its least acceptance.
        Least "least",
        /// In full.
        Full "full",
    }
}

impl Standing {
    /// The energy of a block that stands so: of one of so much in full, and at its least.
    pub(super) fn energy(self, full: WattHours, least: WattHours) -> WattHours {
        match self {
            Self::Out => WattHours::ZERO,
            Self::Least => least,
            Self::Full => full,
        }
    }
}

/// What curves must take in for so much energy of a block: below zero where it buys.
fn net(side: Side, WattHours(energy): WattHours) -> i64 {
    match side {
        Side::Sell => energy,
        Side::Buy => -energy,
    }
}

/// What a block gains with so much energy in each of its intervals, whose prices come to `sum`: in watt hours times price.
pub(super) fn gain(side: Side, energy: WattHours, count: u8, price: Price, sum: i64) -> i128 {
    // Correctness: at most 100 prices within `PRICE_MAX`.
    let above = sum - i64::from(count) * price.0;
    i128::from(net(side, energy)) * i128::from(above)
}

/// A block as the search sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    /// Which way it trades.
    pub side: Side,
    /// Its first interval.
    pub first: u8,
    /// How many it spans; above zero.
    pub count: u8,
    /// Energy in each of them.
    pub energy: WattHours,
    /// Energy at its least acceptance; all of it for one that takes all or nothing.
    pub least: WattHours,
    /// The average price it takes: the highest to buy at, the lowest to sell at.
    pub price: Price,
    /// Place of its parent, which is before its own.
    pub parent: Option<usize>,
    /// Its exclusive group, of which one stands at most; numbered from 0 on.
    pub group: Option<usize>,
    /// Its place among equals; no other one has it.
    pub rank: u32,
}

impl Candidate {
    /// Its intervals.
    #[must_use]
    pub fn intervals(&self) -> std::ops::Range<usize> {
        let first = usize::from(self.first);
        first..first + usize::from(self.count)
    }

    /// Its energy in an interval as it stands.
    #[must_use]
    pub fn energy_at(&self, standing: Standing) -> WattHours {
        standing.energy(self.energy, self.least)
    }

    /// What curves must take in for it.
    fn net_at(&self, standing: Standing) -> i64 {
        net(self.side, self.energy_at(standing))
    }
}

/// How far the search has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Progress {
    /// Blocks are thrown out.
    Throw,
    /// Blocks return.
    Return,
    /// It is over.
    Done,
}

/// A block's part of the search, which may be put down and taken up again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Place {
    /// How far it is accepted so far.
    pub standing: Standing,
    /// It was tried once more.
    pub tried: bool,
}

/// The search.
pub struct Search<'a> {
    curves: &'a [Curves],
    candidates: &'a [Candidate],
    /// Exclusive groups are below this.
    groups: usize,
    places: Vec<Place>,
    progress: Progress,
    net: Vec<i64>,
    prices: Vec<Result<Price, Imbalance>>,
    /// Sums of the prices before each interval, where all are in balance.
    sums: Vec<i64>,
}

impl<'a> Search<'a> {
    /// Step 1.
    ///
    /// - `curves`: one an interval; every candidate's intervals are among them.
    #[must_use]
    pub fn begin(curves: &'a [Curves], candidates: &'a [Candidate]) -> Self {
        let out = Place {
            standing: Standing::Out,
            tried: false,
        };
        let places = vec![out; candidates.len()];
        let mut search = Self::resume(curves, candidates, places, Progress::Throw);
        let gains: Vec<i128> = (0..candidates.len())
            .map(|block| search.gain(block, Standing::Full))
            .collect();
        // Of each group the one that would gain most, the lowest rank first.
        let mut best = BTreeMap::new();
        for (candidate, gain) in candidates.iter().zip(&gains) {
            if let Some(group) = candidate.group {
                let order = (*gain, Reverse(candidate.rank));
                let so_far = best.entry(group).or_insert(order);
                *so_far = order.max(*so_far);
            }
        }
        for (block, candidate) in candidates.iter().enumerate() {
            let of_group = candidate.group.map(|group| best[&group]);
            let beaten = of_group.is_some_and(|(_, rank)| rank != Reverse(candidate.rank));
            let waits = candidate
                .parent
                .is_some_and(|parent| search.places[parent].standing == Standing::Out);
            if gains[block] >= 0 && !beaten && !waits {
                search.places[block].standing = Standing::Full;
            }
        }
        let places = std::mem::take(&mut search.places);
        Self::resume(curves, candidates, places, Progress::Throw)
    }

    /// Takes up a search where it was put down.
    #[must_use]
    pub fn resume(
        curves: &'a [Curves],
        candidates: &'a [Candidate],
        places: Vec<Place>,
        progress: Progress,
    ) -> Self {
        let mut net = vec![0; curves.len()];
        for (candidate, place) in candidates.iter().zip(&places) {
            for interval in candidate.intervals() {
                net[interval] += candidate.net_at(place.standing);
            }
        }
        let prices = curves.iter().zip(&net);
        let prices = prices.map(|(curves, net)| curves.price(*net)).collect();
        let groups = candidates.iter().filter_map(|candidate| candidate.group);
        let mut search = Self {
            curves,
            candidates,
            groups: groups.max().map_or(0, |highest| highest + 1),
            places,
            progress,
            net,
            prices,
            sums: vec![0; curves.len() + 1],
        };
        search.add_up();
        search
    }

    /// Does at most so many rounds of steps 2 and 3; how far it has come then.
    ///
    /// Cost of a round: a few crossings for each interval of a block, and of those that fall with it, and a look at each block.
    pub fn run(&mut self, rounds: usize) -> Progress {
        for _ in 0..rounds {
            let (goes_on, next) = match self.progress {
                Progress::Throw => (self.throw(), Progress::Return),
                Progress::Return => (self.bring_back(), Progress::Done),
                Progress::Done => break,
            };
            if !goes_on {
                self.progress = next;
            }
        }
        self.progress
    }

    /// How the blocks stand, in the order of the candidates.
    #[must_use]
    pub fn places(&self) -> &[Place] {
        &self.places
    }

    /// What a block would gain if it stood so, at the prices as they are: in watt hours times price.
    #[must_use]
    pub fn gain(&self, block: usize, standing: Standing) -> i128 {
        let candidate = &self.candidates[block];
        let intervals = candidate.intervals();
        let sum = self.sums[intervals.end] - self.sums[intervals.start];
        let energy = candidate.energy_at(standing);
        gain(
            candidate.side,
            energy,
            candidate.count,
            candidate.price,
            sum,
        )
    }

    /// Cuts one block, if there is need.
    fn throw(&mut self) -> bool {
        let stands =
            |(block, place): (usize, &Place)| (place.standing != Standing::Out).then_some(block);
        let standing: Vec<usize> = self.places.iter().enumerate().filter_map(stands).collect();
        let unbalanced = (0..).zip(&self.prices);
        let unbalanced = unbalanced
            .filter_map(|(interval, price)| price.err().map(|imbalance| (interval, imbalance)))
            .next();
        let worst = if let Some((interval, imbalance)) = unbalanced {
            let too_much = match imbalance {
                Imbalance::Surplus => Side::Sell,
                Imbalance::Shortage => Side::Buy,
            };
            let there = standing.into_iter().filter(|block| {
                let candidate = &self.candidates[*block];
                candidate.side == too_much && candidate.intervals().contains(&interval)
            });
            there.max_by_key(|block| {
                let candidate = &self.candidates[*block];
                let price = match too_much {
                    Side::Sell => candidate.price.0,
                    Side::Buy => -candidate.price.0,
                };
                (price, candidate.rank)
            })
        } else {
            let losing = standing
                .into_iter()
                .filter(|block| self.gain(*block, self.places[*block].standing) < 0);
            losing.max_by_key(|block| {
                let loss = -self.gain(*block, self.places[*block].standing);
                (loss, self.candidates[*block].rank)
            })
        };
        let Some(block) = worst else { return false };
        let candidate = &self.candidates[block];
        let whole = self.places[block].standing == Standing::Full;
        if whole && candidate.least < candidate.energy {
            self.set(block, Standing::Least);
        } else {
            self.set(block, Standing::Out);
            // A child comes after its parent, so one walk finds all of them.
            for child in block + 1..self.candidates.len() {
                let parent = self.candidates[child].parent;
                let orphan =
                    parent.is_some_and(|parent| self.places[parent].standing == Standing::Out);
                if orphan && self.places[child].standing != Standing::Out {
                    self.set(child, Standing::Out);
                }
            }
        }
        self.add_up();
        true
    }

    /// Tries one block, if there is one to try.
    fn bring_back(&mut self) -> bool {
        let taken = self.taken();
        let may = |block: &usize| {
            let (candidate, place) = (&self.candidates[*block], &self.places[*block]);
            let parent = candidate.parent;
            let of_group = candidate.group.and_then(|group| taken[group]);
            !place.tried
                && place.standing != Standing::Full
                && self.gain(*block, Standing::Full) > 0
                && parent.is_none_or(|parent| self.places[parent].standing != Standing::Out)
                && of_group.is_none_or(|other| other == *block)
        };
        let best = (0..self.candidates.len()).filter(may).max_by_key(|block| {
            let rank = Reverse(self.candidates[*block].rank);
            (self.gain(*block, Standing::Full), rank)
        });
        let Some(block) = best else { return false };
        self.places[block].tried = true;
        let before = self.places[block].standing;
        let candidate = &self.candidates[block];
        let mut ways = vec![Standing::Full];
        if before == Standing::Out && candidate.least < candidate.energy {
            ways.push(Standing::Least);
        }
        for way in ways {
            self.set(block, way);
            self.add_up();
            if self.holds(block) {
                return true;
            }
        }
        self.set(block, before);
        self.add_up();
        true
    }

    /// Which block of each group stands; one does at most.
    fn taken(&self) -> Vec<Option<usize>> {
        let mut taken = vec![None; self.groups];
        let all = self.candidates.iter().zip(&self.places).enumerate();
        for (block, (candidate, place)) in all {
            if let (Some(group), true) = (candidate.group, place.standing != Standing::Out) {
                taken[group] = Some(block);
            }
        }
        taken
    }

    /// Whether every interval of a block is in balance and nobody loses.
    fn holds(&self, block: usize) -> bool {
        let mut intervals = self.candidates[block].intervals();
        let stand = |other: &usize| self.places[*other].standing != Standing::Out;
        intervals.all(|interval| self.prices[interval].is_ok())
            && (0..self.candidates.len())
                .filter(stand)
                .all(|other| self.gain(other, self.places[other].standing) >= 0)
    }

    /// Lets a block stand so, and finds the prices of its intervals anew.
    fn set(&mut self, block: usize, standing: Standing) {
        let candidate = &self.candidates[block];
        let before = std::mem::replace(&mut self.places[block].standing, standing);
        let change = candidate.net_at(standing) - candidate.net_at(before);
        for interval in candidate.intervals() {
            self.net[interval] += change;
            self.prices[interval] = self.curves[interval].price(self.net[interval]);
        }
    }

    fn add_up(&mut self) {
        let mut sum = 0;
        for (place, price) in self.prices.iter().enumerate() {
            sum += price.map_or(0, |price| price.0);
            self.sums[place + 1] = sum;
        }
    }
}
