//! Random orders in a few intervals, driven through the calls, against the second implementation; the changes of the blocks come to the
//! same root as the entries that are there.

use std::collections::BTreeMap;

use bds_contracts::Code;
use bds_contracts::kernel::changes::{Changes, plain};
use bds_contracts::kernel::tree::Tree;

use super::super::super::stage::{Random, codes};
use super::naive::{Market, No, Open, Own, Stands};
use super::*;

/// Intervals that are traded; the gate of the first closes on the way.
const INTERVALS: u8 = 3;

fn code(found: Result<(), No>) -> Code {
    match found {
        Ok(()) => Code::OK,
        Err(No::Closed) => Code::GATE_CLOSED,
        Err(No::AccountFull) => Code::INTRADAY_ACCOUNT_FULL,
        Err(No::NumberUsed) => Code::ORDER_NUMBER_USED,
        Err(No::BookFull) => Code::BOOK_FULL,
        Err(No::TooPoor) => Code::CASH_TOO_LOW,
        Err(No::NotWhole) => Code::NOT_FILLABLE,
        Err(No::Unknown) => Code::UNKNOWN_ORDER,
        Err(No::Shut) => Code::ACCOUNT_NOT_OPEN,
        Err(No::Active) => Code::INTRADAY_ACCOUNT_ACTIVE,
    }
}

fn prevention(own: Own) -> Prevention {
    match own {
        Own::Less => Prevention::DecrementAndCancel,
        Own::Newest => Prevention::CancelNewest,
        Own::Oldest => Prevention::CancelOldest,
        Own::Both => Prevention::CancelBoth,
    }
}

/// Prices are multiples of the first, energies of the second.
fn base(tick: i64, lot: i64) -> (Stage, u64) {
    let mut stage = traders();
    let mut call = plain_day();
    if let Call::OpenSession {
        price_min,
        price_max,
        tick: step,
        lot: least,
        ..
    } = &mut call
    {
        (*price_min, *price_max) = (Price(-30 * tick), Price(60 * tick));
        (*step, *least) = (tick as u32, WattHours(lot));
    }
    let session = opened(&mut stage, &call);
    cleared(&mut stage);
    let terms = Terms {
        price_min: -20_000 * tick,
        price_max: 20_000 * tick,
        energy_max: 40_000 * lot,
        makers_max: 4,
        orders_max: 6,
        account_orders_max: 7,
        ..PLAIN
    };
    done(&mut stage, Who::Surveillance, &terms.call());
    (stage, session)
}

struct Play {
    stage: Stage,
    session: u64,
    market: Market,
    tick: i64,
    lot: i64,
    /// Prevention of the order that an amendment lets in again is the one it was placed with.
    own: BTreeMap<(u8, u64, u64), Own>,
    tree: Tree,
    seen: BTreeMap<Code, u32>,
}

fn take_in(tree: &mut Tree, changes: &Changes) {
    let leaves = changes.leaf_hashes(&mut plain);
    tree.note(changes, &leaves);
}

impl Play {
    /// One thing that is asked, and the code it must come to.
    fn step(&mut self, random: &mut Random) -> (Vec<u8>, Code) {
        let account = T[random.below(4) as usize];
        let id = account.0;
        if self.market.shut.contains(&id) && random.below(4) == 0 {
            return self.shut_or_open(account);
        }
        let interval = random.below(u64::from(INTERVALS)) as u8;
        let number = 1 + random.below(6);
        let session = self.session;
        let level = |random: &mut Random| match random.below(30) {
            0 => 9_999,
            1 => -9_999,
            _ => random.below(14) as i64 - 7,
        };
        let size = |random: &mut Random| match random.below(30) {
            0 => 40_000,
            _ => 1 + random.below(12) as i64,
        };
        let (tick, lot) = (self.tick, self.lot);
        let (call, expected) = match random.below(22) {
            0..13 => {
                let sells = random.below(2) == 1;
                let energy = size(random);
                let display =
                    (random.below(4) == 0).then(|| 1 + random.below(energy as u64) as i64);
                let stands = [
                    Stands::On,
                    Stands::On,
                    Stands::On,
                    Stands::Now,
                    Stands::Whole,
                ];
                let stands = stands[random.below(5) as usize];
                let display = display.filter(|_| stands == Stands::On);
                let own = [Own::Less, Own::Newest, Own::Oldest, Own::Both];
                let own = own[random.below(4) as usize];
                let price = level(random) * tick;
                let new = Open {
                    interval,
                    account: id,
                    number,
                    sells,
                    price: price.into(),
                    open: (energy * lot).into(),
                    shown: 0,
                    display: display.map(|display| (display * lot).into()),
                    age: 0,
                };
                let found = self.market.place(&new, stands, own);
                if found.is_ok() {
                    self.own.insert((interval, id, number), own);
                }
                let call = Call::PlaceOrder {
                    session,
                    interval,
                    account,
                    number,
                    side: if sells { Side::Sell } else { Side::Buy },
                    energy: WattHours(energy * lot),
                    price: Price(price),
                    display: display.map(|display| WattHours(display * lot)),
                    standing: match stands {
                        Stands::On => Standing::UntilGate,
                        Stands::Now => Standing::ImmediateOrCancel,
                        Stands::Whole => Standing::FillOrKill,
                    },
                    prevention: prevention(own),
                };
                (call, code(found))
            }
            13..17 => {
                let price = (random.below(2) == 0).then(|| level(random) * tick);
                let energy = (random.below(2) == 0).then(|| (1 + random.below(12) as i64) * lot);
                let own = self.own.get(&(interval, id, number)).copied();
                let found = self.market.amend(
                    (interval, id, number),
                    price.map(i128::from),
                    energy.map(i128::from),
                    own.unwrap_or(Own::Less),
                );
                let call = Call::AmendOrder {
                    session,
                    interval,
                    account,
                    number,
                    price: price.map(Price),
                    energy: energy.map(WattHours),
                };
                (call, code(found))
            }
            17..19 => {
                let found = self.market.cancel(interval, id, number);
                let call = Call::CancelOrder {
                    session,
                    interval,
                    account,
                    number,
                };
                (call, code(found))
            }
            19 => return self.shut_or_open(account),
            20 => {
                let only = (random.below(2) == 0).then_some(interval);
                let found = self.market.withdraw_all(id, only);
                let call = withdraw_all(session, account, only);
                let tx = self.stage.tx::<Power>(Who::Surveillance, &call);
                return (tx, code(found));
            }
            _ => {
                let only = (random.below(2) == 0).then_some(interval);
                self.market.cancel_all(id, only);
                (cancel_all(session, account, only), Code::OK)
            }
        };
        (self.stage.tx::<Power>(owner(account), &call), expected)
    }

    fn shut_or_open(&mut self, account: AccountId) -> (Vec<u8>, Code) {
        let shut = &mut self.market.shut;
        let status = if shut.remove(&account.0) {
            AccountStatus::Open
        } else {
            shut.insert(account.0);
            AccountStatus::Blocked
        };
        let call = identity::Call::SetStatus {
            account,
            status,
            reason: "",
        };
        (self.stage.tx::<Identity>(Who::Regulator, &call), Code::OK)
    }

    fn block(&mut self, random: &mut Random) {
        let steps: Vec<_> = (0..1 + random.below(6))
            .map(|_| self.step(random))
            .collect();
        let (txs, expected): (Vec<_>, Vec<_>) = steps.into_iter().unzip();
        let outcome = self.stage.execute(&txs);
        assert_eq!(codes(&outcome), expected);
        take_in(&mut self.tree, &outcome.changes);
        for code in expected {
            *self.seen.entry(code).or_default() += 1;
        }
    }

    fn close(&mut self, interval: u8) {
        self.market.close(interval);
        let gate = START + u64::from(interval) * QUARTER - LEAD;
        wait(&mut self.stage, gate);
        let outcome = self.stage.execute(&[]);
        take_in(&mut self.tree, &outcome.changes);
    }

    /// Everything that the ledger keeps of it is as the second implementation says.
    fn compare(&self) {
        let kept = tables(&self.stage);
        for account in T {
            let id = account.0;
            let (balance, reserved) = self.stage.held(account, EUR);
            assert_eq!(i128::from(balance), self.market.money[&id], "money of {id}");
            assert_eq!(i128::from(reserved), self.market.aside(id), "aside of {id}");
            let own = self.market.orders.iter().filter(|one| one.account == id);
            let orders = own.count() as u32;
            let desk = kept.desks.get(&(self.session, account));
            assert_eq!(desk.map_or(0, |desk| desk.orders), orders);
            let entries = u32::from(orders > 0) + u32::from(reserved > 0);
            assert_eq!(self.stage.account(account).entries, entries);
        }
        let positions = kept
            .positions
            .range(..)
            .map(|((_, account, interval), one)| {
                ((account.0, *interval), (one.bought, one.sold, one.amount))
            });
        assert_eq!(positions.collect::<BTreeMap<_, _>>(), self.market.positions);
        for interval in 0..INTERVALS {
            let mut found = Vec::new();
            if let Ok(book) = kept.books.get((self.session, interval)) {
                for side in [Side::Buy, Side::Sell] {
                    found.extend(book.queue(side).map(|one| {
                        let price = one.price.expect("it has a limit").0;
                        let open = i128::from(one.open().0);
                        (
                            one.id.account.0,
                            one.id.number,
                            i128::from(price),
                            open,
                            i128::from(one.visible.0),
                        )
                    }));
                }
            }
            let here = self
                .market
                .orders
                .iter()
                .filter(|one| one.interval == interval);
            let mut expected: Vec<&Open> = here.collect();
            expected.sort_by_key(|one| {
                let worse = if one.sells { one.price } else { -one.price };
                (one.sells, worse, one.age)
            });
            let expected = expected.into_iter();
            let expected =
                expected.map(|one| (one.account, one.number, one.price, one.open, one.shown));
            assert_eq!(found, expected.collect::<Vec<_>>(), "interval {interval}");
        }
    }
}

/// 300 plays of about 150 calls.
#[test]
fn random_orders_trade_and_pay_as_by_a_second_implementation() {
    let bases = [(PER_MWH, 100_000), (3_333, 13)];
    let bases = bases.map(|(tick, lot)| (base(tick, lot), tick, lot));
    let mut seen: BTreeMap<Code, u32> = BTreeMap::new();
    let (mut trades, mut below_zero) = (0, 0);
    for seed in 0..300 {
        let ((stage, session), tick, lot) = &bases[(seed % 2) as usize];
        let mut tree = Tree::new();
        take_in(&mut tree, &stage.machine.stores().entries());
        let mut play = Play {
            stage: stage.clone(),
            session: *session,
            market: Market::new((4, 6, 7), T.map(|account| (account.0, CASH.into()))),
            tick: *tick,
            lot: *lot,
            own: BTreeMap::new(),
            tree,
            seen: BTreeMap::new(),
        };
        let mut random = Random(seed);
        for round in 0..44 {
            if round == 30 {
                play.close(0);
            }
            play.block(&mut random);
            play.compare();
        }
        for interval in 1..INTERVALS {
            play.close(interval);
            play.compare();
        }
        let sum: i128 = play.market.money.values().sum();
        assert_eq!(sum, i128::from(CASH) * T.len() as i128);
        assert_eq!(
            (books(&play.stage).1, entries(&play.stage)),
            ([0; 6], [0; 6])
        );
        assert!(tables(&play.stage).books.is_empty());
        let mut whole = Tree::new();
        take_in(&mut whole, &play.stage.machine.stores().entries());
        assert_eq!(
            play.tree.seal(&mut plain),
            whole.seal(&mut plain),
            "seed {seed}"
        );
        trades += play.market.trades;
        below_zero += play.market.below_zero;
        for (code, count) in play.seen {
            *seen.entry(code).or_default() += count;
        }
    }
    assert!(
        trades > 4_000 && below_zero > 1_000,
        "{trades} {below_zero}"
    );
    for code in [
        Code::GATE_CLOSED,
        Code::INTRADAY_ACCOUNT_FULL,
        Code::ORDER_NUMBER_USED,
        Code::BOOK_FULL,
        Code::CASH_TOO_LOW,
        Code::NOT_FILLABLE,
        Code::UNKNOWN_ORDER,
        Code::ACCOUNT_NOT_OPEN,
        Code::INTRADAY_ACCOUNT_ACTIVE,
    ] {
        assert!(seen.contains_key(&code), "{code} never came up");
    }
}
