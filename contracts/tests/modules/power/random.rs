//! Random sessions, driven through the calls, against the second implementation; and what must hold of any result, whoever found it.

use std::collections::BTreeMap;

use bds_contracts::Code;
use bds_contracts::amount::{Price, WattHours};
use bds_contracts::exchange::Side;
use bds_contracts::kernel::wire::List;
use bds_contracts::power::{Call, Power, ZoneId};
use bds_contracts::tx::{AccountId, Millis};

use super::super::stage::{EUR, Random, Stage, codes};
use super::naive::{self, Book, Name, Results};
use super::*;

/// Few prices and energies, so that many are alike.
struct Auction {
    stage: Stage,
    book: Book,
    start: u64,
    /// Prices are multiples of it.
    tick: i64,
}

fn side(sells: bool) -> Side {
    if sells { Side::Sell } else { Side::Buy }
}

/// Opens a session of a day as long as chance has it.
fn open(stage: &Stage, random: &mut Random) -> Auction {
    let mut stage = stage.clone();
    let intervals = [92, 96, 100][random.below(3) as usize];
    // Whole numbers of the currency and of 100 kWh, or some of which nothing comes out even.
    let (tick, lot) = [(PER_MWH, 100_000), (3_333, 13)][random.below(2) as usize];
    let call = Call::OpenSession {
        zone: ZoneId(5),
        start: Millis(START),
        end: Millis(START + u64::from(intervals) * QUARTER),
        gate: Millis(GATE),
        price_min: Price(-30 * tick),
        price_max: Price(60 * tick),
        tick: tick as u32,
        lot: WattHours(lot),
        currency: EUR,
        steps_max: 1_000,
        blocks_max: 20,
        account_blocks_max: 8,
    };
    let session = opened(&mut stage, &call);
    let book = Book {
        session,
        beacon: [0; 32],
        lowest: -30 * tick,
        lot,
        intervals,
        curves: BTreeMap::new(),
        blocks: BTreeMap::new(),
    };
    Auction {
        stage,
        book,
        start: 4 * random.below(u64::from(intervals) / 4),
        tick,
    }
}

impl Auction {
    /// One order or a withdrawal by chance, as a transaction; the book is as it will be when it is accepted.
    fn step(&mut self, random: &mut Random, blocks: u64) -> Vec<u8> {
        let account = T[random.below(T.len() as u64) as usize];
        let sells = random.below(2) == 1;
        let session = self.book.session;
        let who = owner(account);
        let kind = random.below(20);
        if kind < 2 {
            let own: Vec<u8> = self
                .book
                .curves
                .keys()
                .filter(|(_, id, side)| *id == account.0 && *side == sells)
                .map(|(interval, _, _)| *interval)
                .collect();
            if !own.is_empty() {
                let first = own[random.below(own.len() as u64) as usize];
                self.book.curves.remove(&(first, account.0, sells));
                let call = Call::WithdrawCurve {
                    session,
                    account,
                    side: side(sells),
                    first,
                    count: 1,
                };
                return self.stage.tx::<Power>(who, &call);
            }
        }
        if kind < 2 + blocks {
            return self.block(random, account, sells);
        }
        let count = [1, 1, 2, 4][random.below(4) as usize];
        let first = self.start + random.below(4 / count) * count;
        let steps = 1 + random.below(3) as i64;
        let base = random.below(50) as i64 - 20;
        let all: Vec<(i64, i64)> = (0..steps)
            .map(|n| {
                let price =
                    base + n * (1 + random.below(2) as i64 * 4) * if sells { 1 } else { -1 };
                (
                    price * self.tick,
                    (1 + random.below(9) as i64) * self.book.lot,
                )
            })
            .collect();
        let rises = all
            .windows(2)
            .all(|pair| (pair[0].0 < pair[1].0) == sells && pair[0].0 != pair[1].0);
        let all = if rises { all } else { all[..1].to_vec() };
        for interval in first..first + count {
            let key = (interval as u8, account.0, sells);
            self.book.curves.insert(key, all.clone());
        }
        let steps: Vec<_> = all
            .iter()
            .map(|(price, energy)| (Price(*price), WattHours(*energy)))
            .collect();
        let call = Call::SubmitCurve {
            session,
            account,
            side: side(sells),
            first: first as u8,
            count: count as u8,
            steps: List::Items(&steps),
        };
        self.stage.tx::<Power>(who, &call)
    }

    fn block(&mut self, random: &mut Random, account: AccountId, sells: bool) -> Vec<u8> {
        let number = 1 + random.below(5) as u32;
        let parents = (1..number).filter(|n| self.book.blocks.contains_key(&(account.0, *n)));
        let parents: Vec<u32> = parents.collect();
        let parent = (!parents.is_empty() && random.below(2) == 1)
            .then(|| parents[random.below(parents.len() as u64) as usize]);
        let first = random.below(4) as u8;
        let count = 1 + random.below(4 - u64::from(first)) as u8;
        let one = naive::Block {
            sells,
            first: self.start as u8 + first,
            count,
            energy: (1 + random.below(15) as i64) * self.book.lot,
            price: (random.below(40) as i64 - 15) * self.tick,
            least_ppm: [1_000_000, 1_000_000, 500_000, 1, 333_333][random.below(5) as usize],
            parent,
            group: (random.below(3) == 0).then(|| random.below(2) as u32),
        };
        self.book.blocks.insert((account.0, number), one);
        let call = Call::SubmitBlock {
            session: self.book.session,
            account,
            number,
            side: side(sells),
            first: one.first,
            count,
            energy: WattHours(one.energy),
            price: Price(one.price),
            least_ppm: one.least_ppm,
            parent,
            group: one.group,
        };
        self.stage.tx::<Power>(owner(account), &call)
    }

    fn orders(&mut self, random: &mut Random, count: u64, blocks: u64) {
        let txs: Vec<Vec<u8>> = (0..count).map(|_| self.step(random, blocks)).collect();
        let outcome = self.stage.execute(&txs);
        assert_eq!(codes(&outcome), vec![Code::OK; txs.len()]);
    }

    /// What the ledger says it came to.
    fn results(&self) -> Results {
        let session = self.book.session;
        let tables = tables(&self.stage);
        let prices = tables.prices.range((session, 0)..=(session, 255));
        let awards = tables.awards.range(..);
        let decided = tables.decided.range(..);
        let money = T.map(|account| {
            let (balance, reserved) = self.stage.held(account, EUR);
            assert_eq!(reserved, 0);
            (account.0, i128::from(balance - CASH))
        });
        Results {
            prices: prices.map(|(_, one)| (one.price.0, one.energy.0)).collect(),
            awards: awards
                .map(|((_, account, interval, side), one)| {
                    let key = (account.0, *interval, *side == Side::Sell);
                    (key, (one.energy.0, i128::from(one.amount.0)))
                })
                .collect(),
            blocks: decided
                .map(|((_, account, number), one)| {
                    let told = (one.outcome.name(), one.energy.0, i128::from(one.amount.0));
                    ((account.0, *number), told)
                })
                .collect(),
            money: money.into_iter().filter(|(_, money)| *money != 0).collect(),
        }
    }
}

/// E1, E2, E3 and what blocks are promised, from orders and results alone: nothing here knows how they were found.
fn check(book: &Book, results: &Results) {
    let mut bought = vec![0_i64; usize::from(book.intervals)];
    let mut sold = bought.clone();
    for ((_, interval, sells), (energy, _)) in &results.awards {
        let of = if *sells { &mut sold } else { &mut bought };
        of[usize::from(*interval)] += energy;
    }
    for (name, (_, energy, _)) in &results.blocks {
        let one = &book.blocks[name];
        for interval in one.first..one.first + one.count {
            let of = if one.sells { &mut sold } else { &mut bought };
            of[usize::from(interval)] += energy;
        }
    }
    assert_eq!(bought, sold, "E1");
    let told: Vec<i64> = results.prices.iter().map(|(_, energy)| *energy).collect();
    assert_eq!(told, sold);
    for ((interval, account, sells), steps) in &book.curves {
        let (price, _) = results.prices[usize::from(*interval)];
        let got = results.awards.get(&(*account, *interval, *sells));
        let got = got.map_or(0, |(energy, _)| *energy);
        let sum = |which: &dyn Fn(i64) -> bool| -> i64 {
            let steps = steps.iter().filter(|(p, _)| which(*p));
            steps.map(|(_, energy)| energy).sum()
        };
        let better = sum(&|p| if *sells { p < price } else { p > price });
        let worse = sum(&|p| if *sells { p > price } else { p < price });
        let all = sum(&|_| true);
        // E2: what is better than the price is accepted in full; nothing is accepted that is worse.
        assert!(got >= better && got <= all - worse, "E2");
    }
    for (name, (outcome, energy, money)) in &results.blocks {
        let one = &book.blocks[name];
        let span = usize::from(one.first)..usize::from(one.first + one.count);
        let prices = results.prices[span].iter().map(|(price, _)| *price);
        let above: i64 = prices.map(|price| price - one.price).sum();
        let gains = if one.sells { above } else { -above };
        let stands = *energy > 0;
        let parent = one.parent.map(|parent| results.blocks[&(name.0, parent)].1);
        match *outcome {
            "accepted" => assert!(gains >= 0 && *energy == one.energy),
            "cut" => {
                assert!(gains >= 0 && *energy < one.energy);
                assert!(energy * 1_000_000 >= one.energy * i64::from(one.least_ppm));
            }
            "rejected" => assert!(gains <= 0 && !stands && *money == 0),
            "paradoxical" => assert!(gains > 0 && !stands && *money == 0),
            other => panic!("{other}"),
        }
        assert!(!stands || parent != Some(0), "a child without its parent");
        let group = results.blocks.iter().filter(|(other, (_, energy, _))| {
            let that = &book.blocks[*other];
            other.0 == name.0 && one.group.is_some() && that.group == one.group && *energy > 0
        });
        assert!(group.count() <= 1, "two of a group");
        // E2 of blocks: whoever gains and is out has a condition, or it would not be a block, and is listed.
        // No loss in money either, but for the rounding of a sum in each interval.
        let limit = i128::from(*energy) * i128::from(one.count) * i128::from(one.price) / 10_000;
        let limit = if one.sells { limit } else { -limit };
        assert!(
            money + i128::from(one.count) + 1 >= limit,
            "a block that loses"
        );
    }
    let sum: i128 = results.money.values().sum();
    assert_eq!(sum, 0, "money");
}

/// 5,000 sessions, half of them with blocks.
#[test]
fn random_sessions_are_cleared_and_paid_as_by_a_second_implementation() {
    let base = traders();
    let mut random = Random(11);
    let (mut searched, mut best, mut traded) = (0, 0, 0);
    let mut lost = (0_i128, 0_i128);
    let mut outcomes: BTreeMap<&str, u32> = BTreeMap::new();
    for round in 0..5_000 {
        let mut auction = open(&base, &mut random);
        let blocks = if round % 2 == 0 { 0 } else { 6 };
        let count = 1 + random.below(24);
        auction.orders(&mut random, count, blocks);
        cleared(&mut auction.stage);
        let found = auction.results();
        let mut expected = auction.book.clear();
        expected.money.retain(|_, money| *money != 0);
        assert_eq!(found, expected, "round {round}: {:?}", auction.book);
        check(&auction.book, &found);
        traded += u32::from(found.prices.iter().any(|(_, energy)| *energy > 0));
        for (outcome, _, _) in found.blocks.values() {
            *outcomes.entry(outcome).or_default() += 1;
        }
        let tables = tables(&auction.stage);
        assert!(tables.curves.is_empty() && tables.blocks.is_empty());
        assert_eq!(entries(&auction.stage), [0; 6]);
        let names: Vec<Name> = auction.book.blocks.keys().copied().collect();
        if (1..=4).contains(&names.len()) {
            let stands = |name: &Name| match found.blocks[name].0 {
                "accepted" => 2,
                "cut" => 1,
                _ => 0,
            };
            let standing = names.iter().map(|name| (*name, stands(name))).collect();
            let (ours, most) = (auction.book.welfare(&standing), auction.book.best_welfare());
            assert!(ours <= most, "more than there is");
            searched += 1;
            best += u32::from(ours == most);
            lost = (lost.0 + most - ours, lost.1 + most);
        }
    }
    // The search is no optimum, and says so; but it must not fall far behind: when this was written, 2,548 of 2,574 searches found
    // the greatest welfare, and 0.3 % of it was lost in all.
    assert!(traded > 4_000 && searched > 1_000, "{traded} {searched}");
    assert!(best * 10 >= searched * 9, "{best} of {searched}");
    assert!(lost.0 * 100 <= lost.1, "{lost:?}");
    assert_eq!(outcomes.len(), 4, "{outcomes:?}");
}
