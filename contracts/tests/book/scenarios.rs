//! Worked by hand: what each kind of order, mode and phase does, told in trades.

use bds_contracts::account::HolderId;
use bds_contracts::amount::{Money, Price, Quantity};
use bds_contracts::exchange::book::Book;
use bds_contracts::exchange::event::{Event, Reason};
use bds_contracts::exchange::index::HashKey;
use bds_contracts::exchange::limits::Band;
use bds_contracts::exchange::market_data::Applied;
use bds_contracts::exchange::reject::Reject;
use bds_contracts::exchange::request::{Amend, Prevention, Quote, Request, Resize, Validity};
use bds_contracts::exchange::rules::Rules;
use bds_contracts::exchange::uncross::{Clearing, Curve, clearing};
use bds_contracts::exchange::{OrderId, Side};
use bds_contracts::tx::{AccountId, Millis};

use crate::bytes;
use crate::generate::Random;

/// An order by its own holder: account, holder and number are one.
fn order(number: u64, side: Side, price: i64, quantity: u64) -> Request {
    Request::limit(
        id(number),
        HolderId(number),
        side,
        Price(price),
        Quantity(quantity),
    )
}

fn buy(number: u64, price: i64, quantity: u64) -> Request {
    order(number, Side::Buy, price, quantity)
}

fn sell(number: u64, price: i64, quantity: u64) -> Request {
    order(number, Side::Sell, price, quantity)
}

fn id(number: u64) -> OrderId {
    OrderId {
        account: AccountId(number),
        number,
    }
}

fn amend(number: u64) -> Amend {
    Amend {
        id: id(number),
        price: None,
        size: None,
        reserve: None,
        position: 0,
    }
}

fn book() -> Book {
    Book::new(Rules::PLAIN, HashKey::PUBLIC).expect("sound rules")
}

/// Places it, and returns its trades and those that followed as (maker, taker, price, quantity).
fn trades(book: &mut Book, request: &Request) -> Vec<(u64, u64, i64, u64)> {
    let mut events: Vec<Event> = Vec::new();
    book.place(request, &mut events).expect("good order");
    traded(&events)
}

fn traded(events: &[Event]) -> Vec<(u64, u64, i64, u64)> {
    let trade = |event: &Event| match event {
        Event::Traded(t) => Some((t.maker.number, t.taker.number, t.price.0, t.quantity.0)),
        _ => None,
    };
    events.iter().filter_map(trade).collect()
}

/// What is open as (number, open).
fn open(book: &Book, side: Side) -> Vec<(u64, u64)> {
    book.queue(side)
        .map(|order| (order.id.number, order.open().0))
        .collect()
}

#[test]
fn price_then_time_and_the_makers_price() {
    let mut book = book();
    for request in [sell(1, 101, 5), sell(2, 100, 5), sell(3, 100, 5)] {
        assert_eq!(trades(&mut book, &request), []);
    }
    assert_eq!(
        trades(&mut book, &buy(4, 102, 12)),
        [(2, 4, 100, 5), (3, 4, 100, 5), (1, 4, 101, 2)]
    );
    assert_eq!(open(&book, Side::Sell), [(1, 3)]);
    assert_eq!(trades(&mut book, &buy(5, 100, 1)), []);
    assert_eq!(open(&book, Side::Buy), [(5, 1)]);
}

/// Shown 10 of 25: each part that was taken brings the next, behind the order that came after it.
#[test]
fn an_iceberg_shows_its_next_part_behind_the_others() {
    let mut book = book();
    let iceberg = Request {
        display: Some(Quantity(10)),
        ..sell(1, 100, 25)
    };
    trades(&mut book, &iceberg);
    trades(&mut book, &sell(2, 100, 10));
    assert_eq!(book.depth(Side::Sell, 9)[0].quantity, 20);
    assert_eq!(
        trades(&mut book, &buy(3, 100, 35)),
        [
            (1, 3, 100, 10),
            (2, 3, 100, 10),
            (1, 3, 100, 10),
            (1, 3, 100, 5)
        ]
    );
    // An iceberg that comes in trades all of it, and shows a part of what is left.
    trades(&mut book, &buy(4, 99, 12));
    let iceberg = Request {
        display: Some(Quantity(10)),
        ..sell(5, 99, 40)
    };
    assert_eq!(trades(&mut book, &iceberg), [(4, 5, 99, 12)]);
    let rest = book.order(id(5)).expect("rests");
    assert_eq!(
        (rest.visible, rest.hidden, rest.filled),
        (Quantity(10), Quantity(18), Quantity(12))
    );
}

/// A trade at 105 wakes the stop at 103 before the one at 105; what they trade wakes the sale at 101.
#[test]
fn stops_wake_in_order_and_may_wake_others() {
    let mut book = book();
    let stop = |request: Request, trigger| Request {
        trigger: Some(Price(trigger)),
        ..request
    };
    let market = |request: Request| Request {
        price: None,
        ..request
    };
    trades(&mut book, &sell(1, 105, 1));
    trades(&mut book, &sell(2, 106, 2));
    trades(&mut book, &buy(3, 101, 1));
    trades(&mut book, &buy(4, 95, 9));
    trades(&mut book, &stop(market(buy(5, 0, 1)), 105));
    trades(&mut book, &stop(buy(6, 106, 1), 103));
    trades(&mut book, &stop(market(sell(7, 0, 1)), 101));
    trades(&mut book, &stop(market(sell(8, 0, 1)), 100));
    assert_eq!(
        trades(&mut book, &buy(9, 105, 1)),
        [(1, 9, 105, 1), (2, 6, 106, 1), (2, 5, 106, 1)]
    );
    assert_eq!(
        trades(&mut book, &sell(10, 101, 1)),
        [(3, 10, 101, 1), (4, 7, 95, 1), (4, 8, 95, 1)]
    );
    // A stop whose price was reached already does not sleep.
    assert_eq!(
        trades(&mut book, &stop(sell(11, 95, 1), 95)),
        [(4, 11, 95, 1)]
    );
}

/// Two thousand stops wake at one trade; 64 enter a command.
#[test]
fn a_cascade_goes_on_in_the_next_commands() {
    let mut book = book();
    trades(&mut book, &sell(1, 100, 10_000));
    for number in 2..2_002 {
        let stop = Request {
            price: None,
            trigger: Some(Price(100)),
            ..buy(number, 0, 1)
        };
        trades(&mut book, &stop);
    }
    assert_eq!(trades(&mut book, &buy(5_000, 100, 1)).len(), 1 + 64);
    assert_eq!(book.wake(&mut ()), 2_000 - 2 * 64);
    while book.wake(&mut ()) > 0 {}
    assert_eq!(open(&book, Side::Sell), [(1, 10_000 - 2_001)]);
}

#[test]
fn each_mode_keeps_a_holder_from_itself() {
    // Own ask 5, another's ask 5 behind it; the holder buys 7: what trades, what is left of both sides.
    let after = |prevention| {
        let mut book = book();
        let own = |request: Request| Request {
            holder: HolderId(99),
            prevention,
            ..request
        };
        trades(&mut book, &own(sell(1, 100, 5)));
        trades(&mut book, &sell(2, 100, 5));
        let trades = trades(&mut book, &own(buy(3, 100, 7)));
        (trades, open(&book, Side::Sell), open(&book, Side::Buy))
    };
    let decrement = after(Prevention::DecrementAndCancel);
    assert_eq!(decrement, (vec![(2, 3, 100, 2)], vec![(2, 3)], vec![]));
    let oldest = after(Prevention::CancelOldest);
    assert_eq!(oldest, (vec![(2, 3, 100, 5)], vec![], vec![(3, 2)]));
    let newest = after(Prevention::CancelNewest);
    assert_eq!(newest, (vec![], vec![(1, 5), (2, 5)], vec![]));
    let both = after(Prevention::CancelBoth);
    assert_eq!(both, (vec![], vec![(2, 5)], vec![]));
}

#[test]
fn a_fill_or_kill_order_does_not_count_what_it_lost_to_itself() {
    let mut book = book();
    trades(
        &mut book,
        &Request {
            holder: HolderId(99),
            ..sell(1, 100, 5)
        },
    );
    trades(&mut book, &sell(2, 100, 5));
    let before = bytes(&book);
    let all = |quantity, prevention| Request {
        holder: HolderId(99),
        validity: Validity::FillOrKill,
        prevention,
        ..buy(3, 100, quantity)
    };
    for prevention in [
        Prevention::DecrementAndCancel,
        Prevention::CancelNewest,
        Prevention::CancelBoth,
    ] {
        let answer = book.place(&all(5, prevention), &mut ());
        assert_eq!(answer, Err(Reject::NotFillable));
        assert_eq!(bytes(&book), before);
    }
    assert_eq!(
        book.place(&all(6, Prevention::CancelOldest), &mut ()),
        Err(Reject::NotFillable)
    );
    assert_eq!(bytes(&book), before);
    assert_eq!(
        trades(&mut book, &all(5, Prevention::CancelOldest)),
        [(2, 3, 100, 5)]
    );
}

/// 3 makers at most: the fourth is not met and the rest does not rest before it.
#[test]
fn an_order_meets_so_many_makers_and_no_more() {
    let rules = Rules {
        makers_max: 3,
        ..Rules::PLAIN
    };
    let mut book = Book::new(rules, HashKey::PUBLIC).expect("sound rules");
    for number in 1..=4 {
        trades(&mut book, &sell(number, 100, 1));
    }
    let mut events: Vec<Event> = Vec::new();
    let kill = Request {
        validity: Validity::FillOrKill,
        ..buy(9, 100, 4)
    };
    assert_eq!(book.place(&kill, &mut ()), Err(Reject::NotFillable));
    assert_eq!(book.place(&buy(5, 100, 9), &mut events), Ok(Quantity(3)));
    let Some(Event::Reduced(reduced)) = events.last() else {
        panic!("{events:?}");
    };
    assert_eq!(
        (reduced.quantity, reduced.reason),
        (Quantity(6), Reason::MakersBound)
    );
    assert_eq!(open(&book, Side::Sell), [(4, 1)]);
    assert_eq!(open(&book, Side::Buy), []);
    // Exactly three are not too many.
    trades(&mut book, &sell(6, 100, 1));
    trades(&mut book, &sell(7, 100, 1));
    assert_eq!(trades(&mut book, &buy(8, 100, 4)).len(), 3);
    assert_eq!(open(&book, Side::Buy), [(8, 1)]);
}

/// 1,000 of money at 30 buys 33 and leaves 10, which buys nothing at 30.
#[test]
fn a_market_bid_spends_no_more_than_its_bound() {
    let mut book = book();
    trades(&mut book, &sell(1, 30, 20));
    trades(&mut book, &sell(2, 31, 20));
    let bid = |number, money| Request {
        price: None,
        validity: Validity::ImmediateOrCancel,
        budget: Some(Money(money)),
        ..buy(number, 0, 100)
    };
    // 20 x 30 = 600, and 400 / 31 = 12.9.
    assert_eq!(
        trades(&mut book, &bid(3, 1_000)),
        [(1, 3, 30, 20), (2, 3, 31, 12)]
    );
    assert_eq!(trades(&mut book, &bid(4, 30)), []);
    assert_eq!(trades(&mut book, &bid(5, 31)), [(2, 5, 31, 1)]);
}

#[test]
fn amendments_keep_or_lose_their_place() {
    let mut book = book();
    for number in 1..=3 {
        trades(&mut book, &sell(number, 100, 10));
    }
    trades(&mut book, &buy(9, 100, 4));
    assert_eq!(open(&book, Side::Sell), [(1, 6), (2, 10), (3, 10)]);
    let size = |number, size| Amend {
        size: Some(size),
        ..amend(number)
    };
    // In all 9 with 4 filled: 5 open, and still first.
    book.amend(&size(1, Resize::Total(Quantity(9))), &mut ())
        .expect("smaller");
    assert_eq!(open(&book, Side::Sell), [(1, 5), (2, 10), (3, 10)]);
    // Open 9 is more than 5: last.
    book.amend(&size(1, Resize::Open(Quantity(9))), &mut ())
        .expect("larger");
    assert_eq!(open(&book, Side::Sell), [(2, 10), (3, 10), (1, 9)]);
    assert_eq!(
        book.order(id(1)).map(|order| order.filled),
        Some(Quantity(4))
    );
    // The same price and size: nothing moves. Another price and back: last.
    book.amend(&size(2, Resize::Open(Quantity(10))), &mut ())
        .expect("the same");
    assert_eq!(open(&book, Side::Sell)[0], (2, 10));
    for price in [101, 100] {
        let price = Some(Price(price));
        book.amend(&Amend { price, ..amend(2) }, &mut ())
            .expect("another price");
    }
    assert_eq!(open(&book, Side::Sell), [(3, 10), (1, 9), (2, 10)]);
    // A price that crosses trades.
    trades(&mut book, &buy(10, 90, 4));
    let mut events: Vec<Event> = Vec::new();
    let price = Some(Price(90));
    book.amend(&Amend { price, ..amend(3) }, &mut events)
        .expect("crosses");
    assert_eq!(traded(&events), [(10, 3, 90, 4)]);
    assert_eq!(open(&book, Side::Sell), [(3, 6), (1, 9), (2, 10)]);
}

#[test]
fn orders_end_at_their_time_and_with_their_session() {
    let mut book = book();
    let dated = Request {
        validity: Validity::GoodTillDate(Millis(1_000)),
        ..sell(1, 100, 5)
    };
    let day = Request {
        validity: Validity::Day,
        ..sell(2, 101, 5)
    };
    trades(&mut book, &dated);
    trades(&mut book, &day);
    book.set_time(Millis(999)).expect("forward");
    assert_eq!(trades(&mut book, &buy(3, 101, 1)), [(1, 3, 100, 1)]);
    // At its time it is over although it was not swept.
    book.set_time(Millis(1_000)).expect("forward");
    assert_eq!(book.amend(&amend(1), &mut ()), Err(Reject::UnknownOrder));
    assert_eq!(trades(&mut book, &buy(4, 101, 1)), [(2, 4, 101, 1)]);
    assert_eq!(open(&book, Side::Sell), [(2, 4)]);
    book.end_session();
    assert_eq!(trades(&mut book, &buy(5, 101, 1)), []);
    assert_eq!(open(&book, Side::Sell), []);
    assert_eq!(open(&book, Side::Buy), [(5, 1)]);
    for number in 6..9 {
        let day = Request {
            validity: Validity::Day,
            ..sell(number, 200, 5)
        };
        trades(&mut book, &day);
    }
    assert!(!book.sweep(9, &mut ()));
    book.end_session();
    assert!(book.sweep(2, &mut ()));
    assert_eq!(open(&book, Side::Sell), [(8, 5)]);
    assert!(!book.sweep(1, &mut ()));
    assert_eq!(open(&book, Side::Sell), []);
}

#[test]
fn a_killed_account_trades_no_more() {
    let mut book = book();
    for number in [1, 2] {
        let id = OrderId {
            account: AccountId(7),
            number,
        };
        trades(
            &mut book,
            &Request {
                id,
                ..sell(number, 100, 5)
            },
        );
    }
    trades(&mut book, &sell(3, 100, 5));
    assert_eq!(book.kill(AccountId(7), 1, &mut ()), 1);
    assert_eq!(trades(&mut book, &buy(4, 100, 1)), [(3, 4, 100, 1)]);
    assert_eq!(open(&book, Side::Sell), [(3, 4)]);
    let id = OrderId {
        account: AccountId(7),
        number: 9,
    };
    let again = Request {
        id,
        ..sell(9, 100, 5)
    };
    assert_eq!(book.place(&again, &mut ()), Err(Reject::AccountKilled));
    assert_eq!(book.revive(AccountId(7), 9, &mut ()), 0);
    book.place(&again, &mut ()).expect("alive");
}

/// Market orders end at the band; a resting order that the band left behind goes when it is met.
#[test]
fn nothing_trades_outside_the_band() {
    let mut book = book();
    for (number, price) in [(1, 100), (2, 105), (3, 110)] {
        trades(&mut book, &sell(number, price, 5));
    }
    let band = Band {
        low: Price(103),
        high: Price(107),
    };
    book.set_band(Some(band)).expect("good band");
    let market = Request {
        price: None,
        validity: Validity::ImmediateOrCancel,
        ..buy(4, 0, 20)
    };
    assert_eq!(trades(&mut book, &market), [(2, 4, 105, 5)]);
    assert_eq!(open(&book, Side::Sell), [(3, 5)]);
    assert_eq!(
        book.place(&buy(5, 108, 1), &mut ()),
        Err(Reject::OutsidePriceBand)
    );
    assert_eq!(
        book.place(&sell(5, 102, 1), &mut ()),
        Err(Reject::OutsidePriceBand)
    );
    trades(&mut book, &buy(5, 107, 1));
    trades(&mut book, &sell(6, 103, 1));
}

/// What an entry trades counts for the next: ten bought at once leave no room for five more.
#[test]
fn a_mass_quote_counts_what_it_traded() {
    let rules = Rules {
        long_max: Some(Quantity(10)),
        ..Rules::PLAIN
    };
    let mut book = Book::new(rules, HashKey::PUBLIC).expect("sound rules");
    trades(&mut book, &sell(1, 100, 20));
    let bid = |number, price, quantity| Quote {
        number,
        side: Side::Buy,
        price: Price(price),
        quantity: Quantity(quantity),
        reserve: 0,
    };
    let before = bytes(&book);
    let quotes = [bid(1, 100, 10), bid(2, 90, 5)];
    let mut quote = |quotes: &[Quote], position| {
        book.mass_quote(AccountId(7), HolderId(7), position, quotes, &mut ())
    };
    assert_eq!(quote(&quotes, 0), Err((1, Reject::PositionLimit)));
    assert_eq!(quote(&quotes, -4), Err((1, Reject::PositionLimit)));
    assert_eq!(quote(&quotes, -5), Ok(()));
    assert_ne!(bytes(&book), before);
    assert_eq!(open(&book, Side::Buy), [(2, 5)]);
    assert_eq!(open(&book, Side::Sell), [(1, 10)]);
}

// Call auctions.

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
