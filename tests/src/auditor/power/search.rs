//! Which blocks are accepted: the published search, begun anew at each question and with every price worked out from the steps.

use sha2::{Digest as _, Sha512};

use super::*;

/// Account, side and steps of a curve.
pub(super) type Own<'a> = (u64, u8, &'a [(i128, i128)]);
/// How blocks stand.
pub(super) type Standing = BTreeMap<BlockKey, u8>;

/// All orders of a session, by themselves.
pub(super) struct Market<'a> {
    pub(super) number: u64,
    pub(super) session: Session,
    pub(super) beacon: [u8; 32],
    pub(super) books: &'a Books,
    pub(super) blocks: BTreeMap<BlockKey, Block>,
}

impl<'a> Market<'a> {
    pub(super) fn of(books: &'a Books, number: u64, beacon: [u8; 32]) -> Result<Self, Finding> {
        Ok(Self {
            number,
            session: books.power_session(number)?,
            beacon,
            books,
            blocks: books.blocks_in(number).into_iter().collect(),
        })
    }

    /// The curves of an interval, by account and side.
    pub(super) fn curves(&self, interval: u8) -> Vec<Own<'a>> {
        let all = (self.number, interval, 0, 0)..=(self.number, interval, u64::MAX, u8::MAX);
        let all = self.books.power.curves.range(all);
        all.map(|((_, _, account, side), steps)| (*account, *side, steps.as_slice()))
            .collect()
    }

    /// Energy of all steps of a side of which this holds.
    pub(super) fn sum(&self, interval: u8, side: u8, holds: impl Fn(i128) -> bool) -> i128 {
        let curves = self.curves(interval).into_iter();
        let steps = curves
            .filter(|(_, of, _)| *of == side)
            .flat_map(|(_, _, steps)| steps);
        let steps = steps.filter(|(price, _)| holds(*price));
        steps.map(|(_, energy)| energy).sum()
    }

    pub(super) fn net(&self, interval: u8, standing: &Standing) -> i128 {
        let there = self.blocks.iter().filter(|(_, one)| one.covers(interval));
        there
            .map(|(key, one)| one.sign() * one.energy_as(standing[key], self.session.lot))
            .sum()
    }

    /// The lowest price, of steps or the lowest there may be, at which one volume suits both sides: all that is better than the
    /// price, and nothing that is worse.
    pub(super) fn price(&self, interval: u8, net: i128) -> Option<i128> {
        let curves = self.curves(interval);
        let mut prices: Vec<i128> = curves
            .iter()
            .flat_map(|(_, _, steps)| steps.iter().map(|(price, _)| *price))
            .collect();
        prices.push(self.session.lowest);
        prices.sort_unstable();
        prices.into_iter().find(|price| {
            let least_bought = self.sum(interval, BUY, |p| p > *price);
            let most_bought = self.sum(interval, BUY, |p| p >= *price);
            let least_sold = self.sum(interval, SELL, |p| p < *price) + net;
            let most_sold = self.sum(interval, SELL, |p| p <= *price) + net;
            least_bought <= most_sold && least_sold <= most_bought
        })
    }

    fn prices(&self, standing: &Standing) -> Vec<Option<i128>> {
        let all = 0..self.session.intervals;
        all.map(|interval| self.price(interval, self.net(interval, standing)))
            .collect()
    }

    pub(super) fn gain(&self, key: &BlockKey, as_of: u8, prices: &[Option<i128>]) -> i128 {
        let one = &self.blocks[key];
        let span = usize::from(one.first)..usize::from(one.first + one.count);
        let above = prices[span]
            .iter()
            .map(|price| price.unwrap_or(0) - one.price);
        one.sign() * one.energy_as(as_of, self.session.lot) * above.sum::<i128>()
    }

    /// What decides between two that are alike, the lowest first.
    pub(super) fn lot(&self, interval: u8, account: u64, last: u32) -> [u8; 64] {
        Sha512::new()
            .chain_update(self.number.to_le_bytes())
            .chain_update(self.beacon)
            .chain_update([interval])
            .chain_update(account.to_le_bytes())
            .chain_update(last.to_le_bytes())
            .finalize()
            .into()
    }

    fn rank(&self, key: &BlockKey) -> [u8; 64] {
        self.lot(u8::MAX, key.1, key.2)
    }

    fn has_parent(&self, key: &BlockKey, standing: &Standing) -> bool {
        let parent = self.blocks[key].parent;
        parent.is_none_or(|parent| standing[&(key.0, key.1, parent)] > 0)
    }

    fn same_group(&self, key: &BlockKey, other: &BlockKey) -> bool {
        let group = self.blocks[key].group;
        group.is_some() && key.1 == other.1 && self.blocks[other].group == group && key != other
    }

    /// How the blocks stand in the end, and which were tried once more.
    pub(super) fn search(&self) -> (Standing, Vec<BlockKey>) {
        let keys: Vec<BlockKey> = self.blocks.keys().copied().collect();
        let mut standing: Standing = keys.iter().map(|key| (*key, 0)).collect();
        // Who would not lose without any, of a group the best.
        let prices = self.prices(&standing);
        for key in &keys {
            let gain = self.gain(key, 2, &prices);
            let beaten = keys.iter().any(|other| {
                let that = self.gain(other, 2, &prices);
                let better = that > gain || that == gain && self.rank(other) < self.rank(key);
                self.same_group(key, other) && better
            });
            if gain >= 0 && !beaten && self.has_parent(key, &standing) {
                standing.insert(*key, 2);
            }
        }
        while let Some(key) = self.worst(&standing) {
            let one = &self.blocks[&key];
            let part = one.energy_as(1, self.session.lot) < one.energy;
            let to = u8::from(part && standing[&key] == 2);
            standing.insert(key, to);
            // Numbers rise from parents to children.
            for child in &keys {
                if !self.has_parent(child, &standing) {
                    standing.insert(*child, 0);
                }
            }
        }
        let mut tried = Vec::new();
        while let Some(key) = self.next(&standing, &tried) {
            tried.push(key);
            let one = &self.blocks[&key];
            let part = one.energy_as(1, self.session.lot) < one.energy;
            let least = (standing[&key] == 0 && part).then_some(1);
            for way in [Some(2), least].into_iter().flatten() {
                let mut other = standing.clone();
                other.insert(key, way);
                if self.suits_all(&other) {
                    standing = other;
                    break;
                }
            }
        }
        (standing, tried)
    }

    /// The block that is cut next, if one must be.
    fn worst(&self, standing: &Standing) -> Option<BlockKey> {
        let prices = self.prices(standing);
        let stand = self.blocks.iter().filter(|(key, _)| standing[*key] > 0);
        if let Some(interval) = (0..)
            .zip(&prices)
            .find(|(_, p)| p.is_none())
            .map(|(i, _)| i)
        {
            let too_much = if self.net(interval, standing) > 0 {
                SELL
            } else {
                BUY
            };
            let there = stand.filter(|(_, one)| one.covers(interval) && one.side == too_much);
            let worst = there.max_by_key(|(key, one)| (one.sign() * one.price, self.rank(key)));
            return worst.map(|(key, _)| *key);
        }
        let lose = stand.map(|(key, _)| (self.gain(key, standing[key], &prices), key));
        let lose = lose.filter(|(gain, _)| *gain < 0);
        let worst = lose.max_by_key(|(gain, key)| (-gain, self.rank(key)));
        worst.map(|(_, key)| *key)
    }

    /// The block that is tried next, if one may be.
    fn next(&self, standing: &Standing, tried: &[BlockKey]) -> Option<BlockKey> {
        let prices = self.prices(standing);
        let may = self.blocks.keys().filter(|key| {
            let taken = |other: &BlockKey| self.same_group(key, other) && standing[other] > 0;
            !tried.contains(key)
                && standing[*key] < 2
                && self.gain(key, 2, &prices) > 0
                && self.has_parent(key, standing)
                && !self.blocks.keys().any(taken)
        });
        let order = |key: &&BlockKey| {
            let gain = self.gain(key, 2, &prices);
            (gain, std::cmp::Reverse(self.rank(key)))
        };
        may.max_by_key(order).copied()
    }

    fn suits_all(&self, standing: &Standing) -> bool {
        let prices = self.prices(standing);
        let mut stand = self.blocks.keys().filter(|key| standing[*key] > 0);
        prices.iter().all(Option::is_some)
            && stand.all(|key| self.gain(key, standing[key], &prices) >= 0)
    }
}
