//! Calls, halts, and what the order of commands and a gap in the data come to.

use bds_contracts::account::HolderId;
use bds_contracts::amount::{Price, Quantity};
use bds_contracts::exchange::Side;
use bds_contracts::exchange::book::Book;
use bds_contracts::exchange::event::Event;
use bds_contracts::exchange::index::HashKey;
use bds_contracts::exchange::limits::Band;
use bds_contracts::exchange::market_data::Applied;
use bds_contracts::exchange::reject::Reject;
use bds_contracts::exchange::request::{Amend, Request, Resize, Validity};
use bds_contracts::exchange::rules::Rules;
use bds_contracts::exchange::uncross::{Clearing, Curve, clearing};
use bds_contracts::tx::AccountId;

use super::{amend, book, buy, id, open, sell, traded, trades};
use crate::bytes;
use crate::generate::Random;

fn cleared(bids: &[(i64, u64)], asks: &[(i64, u64)], reference: Option<i64>) -> Option<Clearing> {
    let curve = |orders: &[(i64, u64)]| {
        let mut curve = Curve::default();
        for (price, quantity) in orders {
            curve.add(Some(*price), *quantity);
        }
        curve
    };
    clearing(&curve(bids), &curve(asks), reference, &Rules::PLAIN, None)
}

/// One rule after the other decides.
#[test]
fn a_call_clears_by_volume_then_surplus_then_side_then_reference() {
    let told = |found: Option<Clearing>| found.map(|c| (c.price, c.volume, c.surplus));
    // Most volume: at 101, 8; at 100, 5; at 102, 4.
    let bids = [(102, 4), (101, 4), (100, 4)];
    let asks = [(100, 5), (101, 3), (102, 4)];
    assert_eq!(told(cleared(&bids, &asks, None)), Some((101, 8, 0)));
    // Volume 10 from 99 to 103; least surplus 2 from 101 to 103, all of it bids: the highest.
    let bids = [(103, 12), (100, 5)];
    let asks = [(99, 10)];
    assert_eq!(told(cleared(&bids, &asks, Some(99))), Some((103, 10, 2)));
    // The same with asks left over: the lowest.
    let bids = [(103, 10)];
    let asks = [(99, 12), (101, 5)];
    assert_eq!(told(cleared(&bids, &asks, Some(200))), Some((99, 10, -2)));
    // Nothing left over from 97 to 103: nearest to the reference, between limits too.
    let bids = [(103, 10)];
    let asks = [(97, 10)];
    for (reference, price) in [(90, 97), (97, 97), (100, 100), (103, 103), (110, 103)] {
        assert_eq!(
            told(cleared(&bids, &asks, Some(reference))),
            Some((price, 10, 0))
        );
    }
    // At 100, 10 against 13; at 105, 13 against 10; in between nothing is left over.
    let bids = [(110, 10), (100, 3)];
    let asks = [(90, 10), (105, 3)];
    assert_eq!(told(cleared(&bids, &asks, Some(50))), Some((101, 10, 0)));
    assert_eq!(told(cleared(&bids, &asks, Some(500))), Some((104, 10, 0)));
    // Nothing crosses.
    assert_eq!(cleared(&[(99, 5)], &[(100, 5)], Some(99)), None);
    assert_eq!(cleared(&[], &[], Some(99)), None);
}

/// Random curves against every tick of the range, with market orders, ticks, bands and references off the grid.
#[test]
fn a_call_clears_where_trying_every_tick_does() {
    let mut random = Random(77);
    let (mut found, mut mixed) = (0, 0);
    for _ in 0..60_000 {
        let rules = Rules {
            tick: 1 + random.below(3) as i64,
            price_min: Price(-9 + random.below(4) as i64),
            price_max: Price(12 + random.below(4) as i64),
            ..Rules::PLAIN
        };
        let tick = |price: i64| price - price.rem_euclid(rules.tick);
        let band = random.one_in(4).then(|| {
            let low = tick(random.below(6) as i64 - 3);
            Band {
                low: Price(low),
                high: Price(low + rules.tick * random.below(4) as i64),
            }
        });
        let mut curves = [Curve::default(), Curve::default()];
        let mut orders = [Vec::new(), Vec::new()];
        for side in 0..2 {
            for _ in 0..random.below(5) {
                let price = match random.below(9) {
                    0 => None,
                    _ => Some(tick(random.below(18) as i64 - 5)),
                };
                let quantity = 1 + random.below(4);
                curves[side].add(price, quantity);
                orders[side].push((price, i128::from(quantity)));
            }
        }
        let reference = random.one_in(2).then(|| random.below(40) as i64 - 15);
        let (low, high) = match band {
            Some(band) => (band.low.0, band.high.0),
            None => (rules.price_min.0, rules.price_max.0),
        };
        let mut tries: Vec<(i64, i128, i128)> = Vec::new();
        for price in (low..=high).filter(|price| price % rules.tick == 0) {
            let sum = |side: usize, takes: &dyn Fn(i64) -> bool| -> i128 {
                let willing = orders[side]
                    .iter()
                    .filter(|(limit, _)| limit.is_none_or(takes));
                willing.map(|(_, quantity)| quantity).sum()
            };
            let bids = sum(0, &|limit| limit >= price);
            let asks = sum(1, &|limit| limit <= price);
            tries.push((price, bids.min(asks), bids - asks));
        }
        let most = tries.iter().map(|t| t.1).max().unwrap_or(0);
        tries.retain(|t| t.1 == most && most > 0);
        let least = tries.iter().map(|t| t.2.abs()).min().unwrap_or(0);
        tries.retain(|t| t.2.abs() == least);
        let bid_side = tries.iter().all(|t| t.2 > 0);
        let ask_side = tries.iter().all(|t| t.2 < 0);
        mixed += u32::from(tries.iter().any(|t| t.2 > 0) && tries.iter().any(|t| t.2 < 0));
        let expected = if bid_side {
            tries.last()
        } else if ask_side || reference.is_none() {
            tries.first()
        } else {
            let reference = reference.unwrap_or(0);
            tries.iter().min_by_key(|t| (t.0.abs_diff(reference), t.0))
        };
        let answer = clearing(&curves[0], &curves[1], reference, &rules, band);
        found += u32::from(answer.is_some());
        assert_eq!(
            answer.map(|c| (c.price, c.volume as i128, c.surplus)),
            expected.copied(),
            "{orders:?} {rules:?} {band:?} {reference:?}"
        );
    }
    assert!(
        found > 10_000 && mixed > 100,
        "{found} cleared, {mixed} with both sides"
    );
}

/// Orders collect, trade at one price by price and time, and those for the auction alone go.
#[test]
fn a_call_trades_at_one_price() {
    let mut book = book();
    let auction = |request: Request| Request {
        validity: Validity::GoodAtAuction,
        ..request
    };
    trades(&mut book, &auction(sell(1, 99, 4)));
    assert_eq!(
        trades(&mut book, &buy(2, 101, 3)),
        [],
        "waits for the auction"
    );
    book.open_call(&mut ()).expect("open");
    trades(&mut book, &buy(3, 102, 5));
    trades(
        &mut book,
        &auction(Request {
            price: None,
            ..sell(4, 0, 3)
        }),
    );
    trades(&mut book, &sell(5, 100, 5));
    let ioc = Request {
        validity: Validity::ImmediateOrCancel,
        ..buy(6, 101, 1)
    };
    assert_eq!(book.place(&ioc, &mut ()), Err(Reject::WrongPhase));
    // Bids 5 at 102, 3 at 101. Asks 3 at any price, 4 from 99, 5 from 100: 8 trade from 100 to 101, 4 asks are left
    // over at both: the lowest.
    let found = book
        .indicative(None)
        .map(|c| (c.price, c.volume, c.surplus));
    assert_eq!(found, Some((100, 8, -4)));
    let mut events: Vec<Event> = Vec::new();
    book.uncross(None, &mut events).expect("in a call");
    assert_eq!(
        traded(&events),
        [
            (3, 4, 100, 3),
            (1, 3, 100, 2),
            (1, 2, 100, 2),
            (2, 5, 100, 1)
        ]
    );
    assert_eq!(open(&book, Side::Sell), [(5, 4)]);
    assert_eq!(open(&book, Side::Buy), []);
    assert_eq!(book.len(), 1);
}

/// Both sides by one holder: the younger loses by its mode before the price is sought, and nothing trades with itself.
#[test]
fn a_call_knows_no_self_trade() {
    let mut book = book();
    book.open_call(&mut ()).expect("open");
    let own = |request: Request| Request {
        holder: HolderId(99),
        ..request
    };
    trades(&mut book, &own(sell(1, 100, 5)));
    trades(&mut book, &own(buy(2, 100, 8)));
    trades(&mut book, &sell(3, 100, 2));
    let mut events: Vec<Event> = Vec::new();
    book.uncross(None, &mut events).expect("in a call");
    assert_eq!(traded(&events), [(2, 3, 100, 2)]);
    assert_eq!(open(&book, Side::Buy), [(2, 1)]);
    assert_eq!(open(&book, Side::Sell), []);
}

#[test]
fn a_halt_takes_cancellations_alone() {
    let mut book = book();
    trades(&mut book, &buy(1, 100, 5));
    trades(&mut book, &buy(2, 100, 5));
    book.halt(&mut ()).expect("open");
    assert_eq!(
        book.place(&buy(3, 100, 1), &mut ()),
        Err(Reject::MarketHalted)
    );
    assert_eq!(book.amend(&amend(1), &mut ()), Err(Reject::MarketHalted));
    assert_eq!(book.open_call(&mut ()), Err(Reject::MarketHalted));
    assert_eq!(book.uncross(None, &mut ()), Err(Reject::MarketHalted));
    assert_eq!(book.halt(&mut ()), Err(Reject::MarketHalted));
    book.cancel(id(1), &mut ()).expect("always");
    assert_eq!(book.cancel_all(AccountId(2), 1, &mut ()), 0);
    book.resume(&mut ()).expect("halted");
    // A call that was halted goes on as a call.
    book.open_call(&mut ()).expect("open");
    trades(&mut book, &buy(4, 100, 1));
    trades(&mut book, &sell(5, 100, 1));
    book.halt(&mut ()).expect("in a call");
    book.resume(&mut ()).expect("halted");
    assert_eq!(book.open_call(&mut ()), Err(Reject::WrongPhase));
    assert!(book.uncross(None, &mut ()).expect("in a call").is_some());
}

// Independence.

/// Commands that do not meet do the same in every order: the same bytes after cancelling, and after making smaller.
#[test]
fn independent_commands_do_the_same_in_every_order() {
    let mut random = Random(3);
    let mut start = book();
    for number in 0..200 {
        let away = 1 + random.below(20) as i64;
        let quantity = 5 + random.below(20);
        let request = match random.below(2) {
            0 => buy(number, 100 - away, quantity),
            _ => sell(number, 100 + away, quantity),
        };
        trades(&mut start, &request);
    }
    let commands: Vec<(u64, bool)> = (0..120).map(|number| (number, number % 2 == 0)).collect();
    let run = |commands: &[(u64, bool)], key| {
        let mut book = Book::decode(&bytes(&start), HashKey(key)).expect("own bytes");
        for (number, cancels) in commands {
            if *cancels {
                book.cancel(id(*number), &mut ()).expect("open");
            } else {
                let size = Some(Resize::Open(Quantity(3)));
                book.amend(
                    &Amend {
                        size,
                        ..amend(*number)
                    },
                    &mut (),
                )
                .expect("open");
            }
        }
        // Numbers of public events are no part of what is compared: each order has its own way there.
        bytes(&book)
    };
    let expected = run(&commands, [1, 2]);
    for seed in 0..20 {
        let mut shuffled = commands.clone();
        for place in (1..shuffled.len()).rev() {
            shuffled.swap(place, random.below(place as u64 + 1) as usize);
        }
        assert_eq!(run(&shuffled, [seed, !seed]), expected, "shuffle {seed}");
    }
}

/// A subscriber that lost an event learns it, and one that starts late catches up.
#[test]
fn a_gap_in_market_data_is_noticed() {
    let mut book = book();
    let mut events: Vec<(u64, Event)> = Vec::new();
    let mut snapshot = book.snapshot();
    book.place(&sell(1, 100, 5), &mut events).expect("good");
    let late = book.snapshot();
    book.place(&buy(2, 100, 2), &mut events).expect("good");
    book.place(&buy(3, 99, 2), &mut events).expect("good");
    let public: Vec<_> = events
        .iter()
        .filter_map(|(sequence, event)| event.public().map(|public| (*sequence, public)))
        .collect();
    assert_eq!(public.iter().map(|p| p.0).collect::<Vec<_>>(), [1, 2, 3]);
    let mut other = late.clone();
    for (sequence, event) in &public {
        let done = other.apply(*sequence, event);
        let expected = if *sequence <= late.sequence {
            Applied::Old
        } else {
            Applied::Done
        };
        assert_eq!(done, expected);
    }
    assert_eq!(other, book.snapshot());
    assert_eq!(snapshot.apply(2, &public[1].1), Applied::Gap);
    assert_eq!(snapshot.apply(1, &public[0].1), Applied::Done);
    assert_eq!(snapshot, late);
}
