//! A second day-ahead market, as plain as can be: every price is tried, every search starts from nothing. It shares no code with the
//! contracts and is written from the rules alone.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha512};

/// A block; energies and prices as they are on the ledger.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Block {
    pub(crate) sells: bool,
    pub(crate) first: u8,
    pub(crate) count: u8,
    pub(crate) energy: i64,
    pub(crate) price: i64,
    pub(crate) least_ppm: u32,
    pub(crate) parent: Option<u32>,
    pub(crate) group: Option<u32>,
}

/// Account and number of a block.
pub(crate) type Name = (u64, u32);
/// How far blocks are accepted: 0 out, 1 least, 2 full.
pub(crate) type Standing = BTreeMap<Name, u8>;

/// All orders of a session.
#[derive(Debug, Clone)]
pub(crate) struct Book {
    pub(crate) session: u64,
    pub(crate) beacon: [u8; 32],
    pub(crate) lowest: i64,
    pub(crate) lot: i64,
    pub(crate) intervals: u8,
    /// By interval, account, and whether it sells: price and how much more.
    pub(crate) curves: BTreeMap<(u8, u64, bool), Vec<(i64, i64)>>,
    pub(crate) blocks: BTreeMap<Name, Block>,
}

/// What a session comes to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Results {
    /// Price and energy of each interval.
    pub(crate) prices: Vec<(i64, i64)>,
    /// Energy and money of accepted curves, by account, interval and whether they sell.
    pub(crate) awards: BTreeMap<(u64, u8, bool), (i64, i128)>,
    /// How each block was decided, its energy in an interval, and its money.
    pub(crate) blocks: BTreeMap<Name, (&'static str, i64, i128)>,
    /// What each account gets.
    pub(crate) money: BTreeMap<u64, i128>,
}

impl Block {
    fn covers(&self, interval: u8) -> bool {
        interval >= self.first && interval - self.first < self.count
    }

    /// Energy as it stands, the least of it being whole lots that are no less than its part.
    pub(crate) fn energy_at(&self, standing: u8, lot: i64) -> i64 {
        match standing {
            0 => 0,
            1 => {
                let mut energy = 0;
                while i128::from(energy) * 1_000_000
                    < i128::from(self.energy) * i128::from(self.least_ppm)
                {
                    energy += lot;
                }
                energy
            }
            _ => self.energy,
        }
    }

    fn sign(&self) -> i64 {
        if self.sells { 1 } else { -1 }
    }
}

impl Book {
    fn steps(&self, interval: u8, sells: bool) -> impl Iterator<Item = (u64, i64, i64)> {
        let all = self.curves.iter();
        let there = all.filter(move |((at, _, side), _)| *at == interval && *side == sells);
        there.flat_map(|((_, account, _), steps)| {
            steps
                .iter()
                .map(move |(price, energy)| (*account, *price, *energy))
        })
    }

    fn sum(&self, interval: u8, sells: bool, which: impl Fn(i64) -> bool) -> i64 {
        let steps = self.steps(interval, sells);
        steps
            .filter(|(_, price, _)| which(*price))
            .map(|(_, _, energy)| energy)
            .sum()
    }

    pub(crate) fn net(&self, interval: u8, standing: &Standing) -> i64 {
        let all = self.blocks.iter().filter(|(_, one)| one.covers(interval));
        all.map(|(name, one)| one.sign() * one.energy_at(standing[name], self.lot))
            .sum()
    }

    /// The lowest price at which some volume serves everybody who is better than it and nobody who is worse; it can only be that of
    /// a step, or the lowest there may be.
    pub(crate) fn price(&self, interval: u8, net: i64) -> Option<i64> {
        let mut tried: Vec<i64> = [true, false]
            .into_iter()
            .flat_map(|sells| self.steps(interval, sells).map(|(_, price, _)| price))
            .collect();
        tried.push(self.lowest);
        tried.sort_unstable();
        let fits = |price: &i64| {
            let price = *price;
            let buy = (
                self.sum(interval, false, |p| p > price),
                self.sum(interval, false, |p| p >= price),
            );
            let sell = (
                self.sum(interval, true, |p| p < price) + net,
                self.sum(interval, true, |p| p <= price) + net,
            );
            // Two ranges have something in common.
            buy.0 <= sell.1 && sell.0 <= buy.1
        };
        tried.into_iter().find(fits)
    }

    fn prices(&self, standing: &Standing) -> Vec<Option<i64>> {
        let all = 0..self.intervals;
        all.map(|interval| self.price(interval, self.net(interval, standing)))
            .collect()
    }

    /// What a block gains at these prices with so much energy in each interval.
    fn gain(&self, name: &Name, energy: i64, prices: &[Option<i64>]) -> i128 {
        let one = &self.blocks[name];
        let all = (one.first..one.first + one.count)
            .map(|interval| prices[usize::from(interval)].unwrap_or(0) - one.price);
        i128::from(one.sign()) * i128::from(energy) * i128::from(all.sum::<i64>())
    }

    fn gain_as(&self, name: &Name, standing: u8, prices: &[Option<i64>]) -> i128 {
        self.gain(
            name,
            self.blocks[name].energy_at(standing, self.lot),
            prices,
        )
    }

    /// Whether every interval is in balance, no block loses, no child stands without its parent and no group with more than one.
    pub(crate) fn holds(&self, standing: &Standing) -> bool {
        let prices = self.prices(standing);
        let all = self.blocks.iter().filter(|(name, _)| standing[*name] > 0);
        let mut groups = BTreeMap::new();
        prices.iter().all(Option::is_some)
            && all.into_iter().all(|(name, one)| {
                let alone = one.group.is_none_or(|group| {
                    let count = groups.entry((name.0, group)).or_insert(0);
                    *count += 1;
                    *count == 1
                });
                let linked = one
                    .parent
                    .is_none_or(|parent| standing[&(name.0, parent)] > 0);
                alone && linked && self.gain_as(name, standing[name], &prices) >= 0
            })
    }

    fn lot_of(&self, interval: u8, account: u64, number: u32) -> Vec<u8> {
        let mut hash = Sha512::new();
        hash.update(self.session.to_le_bytes());
        hash.update(self.beacon);
        hash.update([interval]);
        hash.update(account.to_le_bytes());
        hash.update(number.to_le_bytes());
        hash.finalize().to_vec()
    }

    fn is_free(&self, name: &Name, standing: &Standing) -> bool {
        let one = &self.blocks[name];
        let others = self.blocks.iter().filter(|(other, that)| {
            *other != name && other.0 == name.0 && that.group == one.group && standing[*other] > 0
        });
        let parent = one.parent.map(|parent| standing[&(name.0, parent)]);
        (one.group.is_none() || others.count() == 0) && parent != Some(0)
    }

    /// The search for blocks, by its published rules.
    pub(crate) fn search(&self) -> Standing {
        let rank = |name: &Name| self.lot_of(255, name.0, name.1);
        let mut standing: Standing = self.blocks.keys().map(|name| (*name, 0)).collect();
        // Begin.
        let prices = self.prices(&standing);
        let names: Vec<Name> = self.blocks.keys().copied().collect();
        for name in &names {
            let one = &self.blocks[name];
            let gain = self.gain_as(name, 2, &prices);
            let best = names.iter().all(|other| {
                let same = other.0 == name.0
                    && one.group.is_some()
                    && self.blocks[other].group == one.group;
                let that = self.gain_as(other, 2, &prices);
                !same || other == name || that < gain || (that == gain && rank(other) > rank(name))
            });
            let parent = one.parent.map(|parent| standing[&(name.0, parent)]);
            if gain >= 0 && best && parent != Some(0) {
                standing.insert(*name, 2);
            }
        }
        // Throw.
        loop {
            let prices = self.prices(&standing);
            let stands = names.iter().filter(|name| standing[*name] > 0);
            let off = prices.iter().position(Option::is_none);
            let cut = if let Some(interval) = off {
                let interval = interval as u8;
                let too_much = self.net(interval, &standing) > 0;
                let there = stands.filter(|name| {
                    let one = &self.blocks[*name];
                    one.covers(interval) && one.sells == too_much
                });
                there.max_by_key(|name| {
                    let one = &self.blocks[*name];
                    (one.sign() * one.price, rank(name))
                })
            } else {
                let loses = stands.filter(|name| self.gain_as(name, standing[*name], &prices) < 0);
                loses.max_by_key(|name| (-self.gain_as(name, standing[*name], &prices), rank(name)))
            };
            let Some(cut) = cut else { break };
            let least = self.blocks[cut].energy_at(1, self.lot);
            let to = u8::from(standing[cut] == 2 && least < self.blocks[cut].energy);
            standing.insert(*cut, to);
            loop {
                let orphan = names.iter().find(|name| {
                    let parent = self.blocks[*name].parent;
                    standing[*name] > 0
                        && parent.is_some_and(|parent| standing[&(name.0, parent)] == 0)
                });
                let Some(orphan) = orphan else { break };
                standing.insert(*orphan, 0);
            }
        }
        // Return.
        let mut left = names.clone();
        loop {
            let prices = self.prices(&standing);
            let may = left.iter().filter(|name| {
                standing[*name] < 2
                    && self.gain_as(name, 2, &prices) > 0
                    && self.is_free(name, &standing)
            });
            let best = may.max_by_key(|name| {
                (
                    self.gain_as(name, 2, &prices),
                    std::cmp::Reverse(rank(name)),
                )
            });
            let Some(best) = best.copied() else { break };
            left.retain(|name| *name != best);
            let one = &self.blocks[&best];
            let mut ways = vec![2];
            if standing[&best] == 0 && one.energy_at(1, self.lot) < one.energy {
                ways.push(1);
            }
            for way in ways {
                let mut tried = standing.clone();
                tried.insert(best, way);
                if self.holds(&tried) {
                    standing = tried;
                    break;
                }
            }
        }
        standing
    }

    /// What is gained by all: what buyers would pay at most less what sellers would take at least, in price times energy.
    pub(crate) fn welfare(&self, standing: &Standing) -> i128 {
        let mut sum = 0;
        for (name, one) in &self.blocks {
            let energy = one.energy_at(standing[name], self.lot) * i64::from(one.count);
            sum -= i128::from(one.sign()) * i128::from(energy) * i128::from(one.price);
        }
        for interval in 0..self.intervals {
            let net = self.net(interval, standing);
            let price = self.price(interval, net).expect("in balance");
            let bought = self
                .sum(interval, false, |p| p >= price)
                .min(self.sum(interval, true, |p| p <= price) + net);
            for (sells, volume) in [(false, bought), (true, bought - net)] {
                let better = |p: i64| if sells { p < price } else { p > price };
                let steps = self.steps(interval, sells);
                let full = steps.filter(|(_, p, _)| better(*p));
                let full: Vec<(i64, i64)> = full.map(|(_, p, energy)| (p, energy)).collect();
                let rest = volume - full.iter().map(|(_, energy)| energy).sum::<i64>();
                let value: i128 = full
                    .iter()
                    .chain(&[(price, rest)])
                    .map(|(p, energy)| i128::from(*p) * i128::from(*energy))
                    .sum();
                sum += if sells { -value } else { value };
            }
        }
        sum
    }

    /// The greatest welfare of all ways in which blocks can stand.
    pub(crate) fn best_welfare(&self) -> i128 {
        let names: Vec<Name> = self.blocks.keys().copied().collect();
        let ways = 3_u32.pow(names.len() as u32);
        let all = (0..ways).filter_map(|mut way| {
            let mut standing = Standing::new();
            for name in &names {
                standing.insert(*name, (way % 3) as u8);
                way /= 3;
            }
            self.holds(&standing).then(|| self.welfare(&standing))
        });
        all.max().expect("nobody standing always holds")
    }

    /// What is at the price, in whole lots: whole parts of it, and the rest by the largest remainders.
    fn share(&self, interval: u8, sells: bool, price: i64, volume: i64) -> BTreeMap<u64, i64> {
        let at: Vec<(u64, i64)> = self
            .steps(interval, sells)
            .filter(|(_, p, _)| *p == price)
            .map(|(account, _, energy)| (account, energy / self.lot))
            .collect();
        let all: i64 = at.iter().map(|(_, lots)| lots).sum();
        let lots = volume / self.lot;
        let mut parts = BTreeMap::new();
        if all == 0 {
            return parts;
        }
        let mut rests = Vec::new();
        for (account, weight) in at {
            let exact = i128::from(weight) * i128::from(lots);
            parts.insert(account, (exact / i128::from(all)) as i64);
            let side = u32::from(sells);
            let lot = self.lot_of(interval, account, side);
            rests.push((-(exact % i128::from(all)), lot, account));
        }
        rests.sort();
        let left = lots - parts.values().sum::<i64>();
        for (_, _, account) in rests.into_iter().take(left as usize) {
            *parts.get_mut(&account).expect("it has a part") += 1;
        }
        parts
    }

    /// Everything.
    pub(crate) fn clear(&self) -> Results {
        let standing = self.search();
        let mut results = Results::default();
        let mut block_money: BTreeMap<Name, i128> = BTreeMap::new();
        let mut prices = Vec::new();
        for interval in 0..self.intervals {
            let net = self.net(interval, &standing);
            let price = self.price(interval, net).expect("in balance");
            prices.push(Some(price));
            let bought = self
                .sum(interval, false, |p| p >= price)
                .min(self.sum(interval, true, |p| p <= price) + net);
            let mut turnover = 0;
            for (sells, volume) in [(false, bought), (true, bought - net)] {
                let better = |p: i64| if sells { p < price } else { p > price };
                let full = self.sum(interval, sells, better);
                let shares = self.share(interval, sells, price, volume - full);
                // Curves by account, then blocks by account and number.
                let mut sum = 0_i128;
                let mut next = |energy: i64| {
                    let before = sum * i128::from(price) / 10_000;
                    sum += i128::from(energy);
                    let part = sum * i128::from(price) / 10_000 - before;
                    if sells { part } else { -part }
                };
                for ((at, account, side), steps) in &self.curves {
                    if *at != interval || *side != sells {
                        continue;
                    }
                    let full: i64 = steps.iter().filter(|(p, _)| better(*p)).map(|s| s.1).sum();
                    let share = shares.get(account).copied().unwrap_or(0) * self.lot;
                    let energy = full + share;
                    let money = next(energy);
                    if energy > 0 {
                        let key = (*account, interval, sells);
                        results.awards.insert(key, (energy, money));
                    }
                    *results.money.entry(*account).or_default() += money;
                }
                for (name, one) in &self.blocks {
                    if one.sells != sells || !one.covers(interval) {
                        continue;
                    }
                    let money = next(one.energy_at(standing[name], self.lot));
                    *block_money.entry(*name).or_default() += money;
                    *results.money.entry(name.0).or_default() += money;
                }
                turnover = sum as i64;
            }
            results.prices.push((price, turnover));
        }
        for (name, one) in &self.blocks {
            let energy = one.energy_at(standing[name], self.lot);
            let outcome = match standing[name] {
                2 => "accepted",
                1 => "cut",
                _ if self.gain(name, one.energy, &prices) > 0 => "paradoxical",
                _ => "rejected",
            };
            let money = block_money.get(name).copied().unwrap_or(0);
            results.blocks.insert(*name, (outcome, energy, money));
        }
        results
    }
}
