//! Worked by hand: what each kind of order, mode and phase does, told in trades.

mod call;
mod changes;

use bds_contracts::account::HolderId;
use bds_contracts::amount::{Money, Price, Quantity};
use bds_contracts::exchange::book::Book;
use bds_contracts::exchange::event::{Event, Reason};
use bds_contracts::exchange::index::HashKey;
use bds_contracts::exchange::reject::Reject;
use bds_contracts::exchange::request::{Amend, Prevention, Request, Validity};
use bds_contracts::exchange::rules::Rules;
use bds_contracts::exchange::{OrderId, Side};
use bds_contracts::tx::AccountId;

use crate::bytes;

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
