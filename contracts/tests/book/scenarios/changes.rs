//! What becomes of orders that rest: amendments, ends, bands, quotes.

use bds_contracts::account::HolderId;
use bds_contracts::amount::{Price, Quantity};
use bds_contracts::exchange::book::Book;
use bds_contracts::exchange::event::Event;
use bds_contracts::exchange::index::HashKey;
use bds_contracts::exchange::limits::Band;
use bds_contracts::exchange::reject::Reject;
use bds_contracts::exchange::request::{Amend, Quote, Request, Resize, Validity};
use bds_contracts::exchange::rules::Rules;
use bds_contracts::exchange::{OrderId, Side};
use bds_contracts::tx::{AccountId, Millis};

use super::{amend, book, buy, id, open, sell, traded, trades};
use crate::bytes;

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
