//! Bad input to every command: a stable code each, nothing changed, and no sum that can run over.

use bds_contracts::Code;
use bds_contracts::account::HolderId;
use bds_contracts::amount::{Money, Price, Quantity, Terms};
use bds_contracts::exchange::book::Book;
use bds_contracts::exchange::index::HashKey;
use bds_contracts::exchange::limits::Band;
use bds_contracts::exchange::reject::Reject;
use bds_contracts::exchange::request::{Amend, Quote, Request, Resize, Validity};
use bds_contracts::exchange::rules::Rules;
use bds_contracts::exchange::{OrderId, Side};
use bds_contracts::tx::{AccountId, Millis};

use crate::bytes;

fn id(account: u64, number: u64) -> OrderId {
    OrderId {
        account: AccountId(account),
        number,
    }
}

fn limit(account: u64, number: u64, side: Side, price: i64, quantity: u64) -> Request {
    let holder = HolderId(account);
    Request::limit(
        id(account, number),
        holder,
        side,
        Price(price),
        Quantity(quantity),
    )
}

fn amend(account: u64, number: u64) -> Amend {
    Amend {
        id: id(account, number),
        price: None,
        size: None,
        reserve: None,
        position: 0,
    }
}

fn rules() -> Rules {
    Rules {
        terms: Terms {
            lot: 10,
            ..Terms::PLAIN
        },
        tick: 5,
        price_max: Price(1_000_000),
        quantity_max: Quantity(1_000),
        orders_max: 4,
        account_orders_max: 3,
        stops_max: 1,
        long_max: Some(Quantity(600)),
        short_max: Some(Quantity(600)),
        messages_max: Some(5),
        ..Rules::PLAIN
    }
}

fn book(rules: Rules) -> Book {
    Book::new(rules, HashKey::PUBLIC).expect("sound rules")
}

/// The numbers are part of what clients are built on; these were given out and stay.
#[test]
fn every_refusal_has_its_number() {
    let numbers: Vec<u16> = Reject::ALL.iter().map(|reject| reject.code().0).collect();
    assert_eq!(
        numbers,
        [
            40, 71, 79, 70, 80, 78, 81, 77, 82, 83, 84, 85, 86, 87, 73, 72, 88, 76, 89, 30, 90, 91,
            92, 93, 94, 95, 96
        ]
    );
    for reject in Reject::ALL {
        let code: Code = (*reject).into();
        assert!(code.info().is_some(), "{reject:?} is not in the table");
    }
}

#[test]
fn bad_orders_are_refused_and_change_nothing() {
    let mut book = book(rules());
    book.set_time(Millis(100)).expect("forward");
    let good = limit(1, 1, Side::Buy, 100, 50);
    book.place(&good, &mut ()).expect("good");
    let before = bytes(&book);
    let stop = Request {
        price: None,
        trigger: Some(Price(200)),
        ..limit(2, 1, Side::Buy, 0, 50)
    };
    let market = Request {
        price: None,
        validity: Validity::ImmediateOrCancel,
        ..good
    };
    let other = limit(2, 9, Side::Buy, 100, 50);
    let with = |validity| Request { validity, ..other };
    let priced = |price| Request {
        price: Some(Price(price)),
        ..other
    };
    let sized = |quantity| Request {
        quantity: Quantity(quantity),
        ..other
    };
    let shown = |display, validity| Request {
        display: Some(Quantity(display)),
        validity,
        ..other
    };
    let bounded = |budget, request| Request {
        budget: Some(Money(budget)),
        ..request
    };
    let gtc = Validity::GoodTillCancelled;
    let ioc = Validity::ImmediateOrCancel;
    let bad = [
        (sized(0), Reject::QuantityZero),
        (sized(5), Reject::QuantityNotLot),
        (sized(u64::MAX), Reject::QuantityNotLot),
        (sized(1_010), Reject::QuantityTooLarge),
        (sized(u64::MAX - 5), Reject::QuantityTooLarge),
        (priced(0), Reject::PriceInvalid),
        (priced(-5), Reject::PriceInvalid),
        (priced(101), Reject::PriceInvalid),
        (priced(1_000_005), Reject::PriceInvalid),
        (priced(i64::MAX), Reject::PriceInvalid),
        (priced(i64::MIN), Reject::PriceInvalid),
        (
            Request {
                trigger: Some(Price(7)),
                ..stop
            },
            Reject::TriggerInvalid,
        ),
        (
            Request {
                trigger: Some(Price(i64::MIN)),
                ..stop
            },
            Reject::TriggerInvalid,
        ),
        (
            Request {
                validity: gtc,
                ..market
            },
            Reject::OrderInvalid,
        ),
        (
            Request {
                validity: Validity::Day,
                ..market
            },
            Reject::OrderInvalid,
        ),
        (
            Request {
                validity: ioc,
                ..stop
            },
            Reject::OrderInvalid,
        ),
        (
            Request {
                validity: Validity::FillOrKill,
                ..stop
            },
            Reject::OrderInvalid,
        ),
        (
            Request {
                validity: Validity::GoodAtAuction,
                ..stop
            },
            Reject::OrderInvalid,
        ),
        (shown(0, gtc), Reject::DisplayInvalid),
        (shown(5, gtc), Reject::DisplayInvalid),
        (shown(60, gtc), Reject::DisplayInvalid),
        (shown(u64::MAX, gtc), Reject::DisplayInvalid),
        (shown(10, ioc), Reject::DisplayInvalid),
        (shown(10, Validity::GoodAtAuction), Reject::DisplayInvalid),
        (
            Request {
                display: Some(Quantity(10)),
                ..stop
            },
            Reject::DisplayInvalid,
        ),
        (bounded(0, market), Reject::MaxCashInvalid),
        (bounded(i64::MIN, market), Reject::MaxCashInvalid),
        (bounded(100, other), Reject::MaxCashInvalid),
        (
            bounded(
                100,
                Request {
                    side: Side::Sell,
                    ..market
                },
            ),
            Reject::MaxCashInvalid,
        ),
        (
            with(Validity::GoodTillDate(Millis(100))),
            Reject::ExpiryInvalid,
        ),
        (
            with(Validity::GoodTillDate(Millis(0))),
            Reject::ExpiryInvalid,
        ),
        (
            Request {
                position: 551,
                ..other
            },
            Reject::PositionLimit,
        ),
        (
            Request {
                position: i64::MAX,
                ..other
            },
            Reject::PositionLimit,
        ),
        (
            Request {
                side: Side::Sell,
                price: Some(Price(500)),
                position: i64::MIN,
                ..other
            },
            Reject::PositionLimit,
        ),
        (good, Reject::OrderNumberUsed),
        (
            Request {
                validity: Validity::FillOrKill,
                ..other
            },
            Reject::NotFillable,
        ),
    ];
    for (request, reject) in bad {
        assert_eq!(book.place(&request, &mut ()), Err(reject), "{request:?}");
        assert_eq!(bytes(&book), before, "{request:?}");
    }

    // What is at its bound is good, and what is over it not.
    book.place(
        &Request {
            position: 550,
            ..other
        },
        &mut (),
    )
    .expect("600 in all");
    book.place(&stop, &mut ()).expect("one stop");
    let second = Request {
        id: id(3, 1),
        ..stop
    };
    assert_eq!(book.place(&second, &mut ()), Err(Reject::BookFull));
    book.place(&limit(2, 3, Side::Sell, 500, 10), &mut ())
        .expect("third of three");
    let fourth = limit(2, 4, Side::Sell, 500, 10);
    assert_eq!(book.place(&fourth, &mut ()), Err(Reject::OrderLimit));
    let fifth = limit(3, 4, Side::Sell, 500, 10);
    assert_eq!(book.place(&fifth, &mut ()), Err(Reject::BookFull));
    book.amend(&amend(2, 3), &mut ()).expect("fourth message");
    book.amend(&amend(2, 3), &mut ()).expect("fifth message");
    assert_eq!(book.amend(&amend(2, 3), &mut ()), Err(Reject::MessageLimit));
    book.set_time(Millis(1_099)).expect("next window");
    book.amend(&amend(2, 3), &mut ()).expect("first message");
}

/// Checks stand in the order that the book's documentation gives: with two faults the earlier one is told.
#[test]
fn the_first_check_that_fails_is_told() {
    let mut book = book(Rules {
        messages_max: None,
        ..rules()
    });
    let killed = AccountId(7);
    book.kill(killed, 9, &mut ());
    let mut request = Request {
        quantity: Quantity(0),
        price: Some(Price(7)),
        trigger: Some(Price(7)),
        display: Some(Quantity(0)),
        budget: Some(Money(0)),
        validity: Validity::ImmediateOrCancel,
        position: i64::MAX,
        ..limit(7, 1, Side::Buy, 0, 0)
    };
    let told = |book: &mut Book, request: &Request| book.place(request, &mut ()).unwrap_err();
    book.halt(&mut ()).expect("open");
    assert_eq!(told(&mut book, &request), Reject::MarketHalted);
    book.resume(&mut ()).expect("halted");
    book.open_call(&mut ()).expect("open");
    assert_eq!(told(&mut book, &request), Reject::WrongPhase);
    book.uncross(None, &mut ()).expect("call");
    assert_eq!(told(&mut book, &request), Reject::QuantityZero);
    request.quantity = Quantity(20);
    assert_eq!(told(&mut book, &request), Reject::PriceInvalid);
    request.price = Some(Price(100));
    assert_eq!(told(&mut book, &request), Reject::TriggerInvalid);
    request.trigger = Some(Price(100));
    assert_eq!(told(&mut book, &request), Reject::OrderInvalid);
    request.validity = Validity::GoodTillDate(Millis(0));
    assert_eq!(told(&mut book, &request), Reject::DisplayInvalid);
    request.display = None;
    assert_eq!(told(&mut book, &request), Reject::MaxCashInvalid);
    request.budget = None;
    assert_eq!(told(&mut book, &request), Reject::ExpiryInvalid);
    request.validity = Validity::GoodTillCancelled;
    let band = |low, high| Band {
        low: Price(low),
        high: Price(high),
    };
    book.set_band(Some(band(105, 200))).expect("good band");
    assert_eq!(told(&mut book, &request), Reject::OutsidePriceBand);
    book.set_band(Some(band(50, 100))).expect("good band");
    assert_eq!(told(&mut book, &request), Reject::AccountKilled);
    book.revive(killed, 9, &mut ());
    assert_eq!(told(&mut book, &request), Reject::PositionLimit);
    request.position = 0;
    book.place(&request, &mut ()).expect("good at last");
}

#[test]
fn bad_amendments_quotes_and_cancellations_change_nothing() {
    let mut book = book(rules());
    book.place(&limit(1, 1, Side::Buy, 100, 100), &mut ())
        .expect("good");
    book.place(&limit(2, 1, Side::Sell, 100, 40), &mut ())
        .expect("40 are filled");
    let stop = Request {
        price: None,
        trigger: Some(Price(200)),
        ..limit(3, 1, Side::Buy, 0, 50)
    };
    book.place(&stop, &mut ()).expect("sleeps");
    let before = bytes(&book);
    let total = |total| Amend {
        size: Some(Resize::Total(Quantity(total))),
        ..amend(1, 1)
    };
    let open = |open| Amend {
        size: Some(Resize::Open(Quantity(open))),
        ..amend(1, 1)
    };
    let priced = |account, price| Amend {
        price: Some(Price(price)),
        ..amend(account, 1)
    };
    let bad = [
        (amend(1, 2), Reject::UnknownOrder),
        (amend(2, 1), Reject::UnknownOrder),
        (amend(u64::MAX, u64::MAX), Reject::UnknownOrder),
        (total(0), Reject::QuantityZero),
        (total(30), Reject::AmendInvalid),
        (total(40), Reject::AmendInvalid),
        (total(45), Reject::QuantityNotLot),
        (total(1_010), Reject::QuantityTooLarge),
        (total(u64::MAX), Reject::QuantityNotLot),
        (open(0), Reject::QuantityZero),
        (open(5), Reject::QuantityNotLot),
        (open(970), Reject::QuantityTooLarge),
        (open(u64::MAX - 5), Reject::QuantityTooLarge),
        (
            Amend {
                position: 20,
                ..open(590)
            },
            Reject::PositionLimit,
        ),
        (priced(1, 0), Reject::PriceInvalid),
        (priced(1, 7), Reject::PriceInvalid),
        (priced(1, i64::MIN), Reject::PriceInvalid),
        (priced(3, 100), Reject::PriceInvalid),
    ];
    for (amend, reject) in bad {
        assert_eq!(book.amend(&amend, &mut ()), Err(reject), "{amend:?}");
        assert_eq!(bytes(&book), before, "{amend:?}");
    }
    assert_eq!(book.cancel(id(1, 2), &mut ()), Err(Reject::UnknownOrder));
    assert_eq!(book.cancel(id(2, 1), &mut ()), Err(Reject::UnknownOrder));
    assert_eq!(book.cancel_all(AccountId(9), 10, &mut ()), 0);
    assert_eq!(book.set_time(Millis(0)), Ok(()));
    let quote = |number, side, price, quantity| Quote {
        number,
        side,
        price: Price(price),
        quantity: Quantity(quantity),
        reserve: 0,
    };
    let good = quote(5, Side::Buy, 95, 10);
    let bad = [
        (vec![], (0, Reject::TooMany)),
        (vec![good; 129], (0, Reject::TooMany)),
        (vec![good, good], (1, Reject::TooMany)),
        (
            vec![good, quote(1, Side::Sell, 95, 10)],
            (1, Reject::OrderNumberUsed),
        ),
        (
            vec![good, quote(6, Side::Buy, 95, 0)],
            (1, Reject::QuantityZero),
        ),
        (
            vec![good, quote(1, Side::Buy, 7, 10)],
            (1, Reject::PriceInvalid),
        ),
        (
            vec![
                good,
                quote(1, Side::Buy, 90, 10),
                quote(6, Side::Buy, 95, 590),
            ],
            (2, Reject::PositionLimit),
        ),
    ];
    for (quotes, reject) in bad {
        let answer = book.mass_quote(AccountId(1), HolderId(1), 0, &quotes, &mut ());
        assert_eq!(answer, Err(reject), "{quotes:?}");
        assert_eq!(bytes(&book), before, "{quotes:?}");
    }
    assert_eq!(book.resume(&mut ()), Err(Reject::WrongPhase));
    assert_eq!(book.uncross(None, &mut ()), Err(Reject::WrongPhase));
    let bands = [(5, 0), (-5, 5), (7, 10), (5, i64::MAX), (i64::MIN, 5)];
    for (low, high) in bands {
        let band = Band {
            low: Price(low),
            high: Price(high),
        };
        assert_eq!(book.set_band(Some(band)), Err(Reject::RuleInvalid));
    }
    let mark = book.begin();
    assert_eq!(book.set_time(Millis(9)), Err(Reject::WrongPhase));
    book.commit(mark);
    assert_eq!(bytes(&book), before);
    book.set_time(Millis(9)).expect("forward");
    assert_eq!(book.set_time(Millis(8)), Err(Reject::TimeBack));
    // The largest total that fits, and one lot more.
    book.amend(
        &Amend {
            position: -900,
            ..total(1_000)
        },
        &mut (),
    )
    .expect("1,000 in all");
    assert_eq!(book.order(id(1, 1)).expect("open").open(), Quantity(960));
}

#[test]
fn bad_rules_make_no_book() {
    let good = rules();
    let bad = [
        Rules { tick: 0, ..good },
        Rules { tick: -1, ..good },
        Rules {
            terms: Terms {
                lot: 0,
                ..Terms::PLAIN
            },
            ..good
        },
        Rules {
            terms: Terms {
                units_per_contract: 0,
                ..Terms::PLAIN
            },
            ..good
        },
        Rules {
            terms: Terms {
                step_value: 0,
                ..Terms::PLAIN
            },
            ..good
        },
        Rules {
            price_min: Price(i64::MIN),
            ..good
        },
        Rules {
            price_min: Price(9),
            price_max: Price(8),
            ..good
        },
        Rules {
            quantity_max: Quantity(9),
            ..good
        },
        Rules {
            makers_max: 0,
            ..good
        },
        Rules {
            orders_max: 0,
            ..good
        },
        Rules {
            orders_max: u32::MAX,
            ..good
        },
        Rules {
            account_orders_max: 0,
            ..good
        },
        Rules {
            wakes_max: 0,
            ..good
        },
        Rules { window: 0, ..good },
    ];
    for rules in bad {
        assert_eq!(
            Book::new(rules, HashKey::PUBLIC).err(),
            Some(Reject::RuleInvalid),
            "{rules:?}"
        );
        assert!(Book::with_self_trades(rules, HashKey::PUBLIC).is_err());
    }
}

/// `filled` grew over cycles of filling and amending until an addition ran over: now the total is the bound.
#[test]
fn filled_never_passes_the_total_whatever_amendments_do() {
    let mut book = book(Rules {
        quantity_max: Quantity(u64::MAX),
        ..Rules::PLAIN
    });
    let half = u64::MAX / 2;
    book.place(&limit(1, 1, Side::Sell, 10, half), &mut ())
        .expect("good");
    let open = |open| Amend {
        size: Some(Resize::Open(Quantity(open))),
        ..amend(1, 1)
    };
    // Each round fills all but one and asks for as much again.
    book.place(&limit(2, 1, Side::Buy, 10, half - 1), &mut ())
        .expect("fills");
    book.amend(&open(half), &mut ())
        .expect("twice the half fits");
    book.place(&limit(2, 2, Side::Buy, 10, half - 1), &mut ())
        .expect("fills");
    let order = book.order(id(1, 1)).expect("one is open");
    assert_eq!((order.filled.0, order.open().0), (2 * (half - 1), 1));
    let room = u64::MAX - order.filled.0;
    for more in [room + 1, half, u64::MAX] {
        assert_eq!(
            book.amend(&open(more), &mut ()),
            Err(Reject::QuantityTooLarge)
        );
    }
    book.amend(&open(room), &mut ())
        .expect("exactly the largest total");
    let taker = Request {
        validity: Validity::FillOrKill,
        ..limit(2, 3, Side::Buy, 10, room)
    };
    book.place(&taker, &mut ()).expect("fills");
    assert!(book.is_empty());
}

/// Bytes that no book gives make no book, and no panic: cut, changed and lengthened at every place.
#[test]
fn only_the_bytes_of_a_book_are_read() {
    let mut book = book(rules());
    book.place(&limit(1, 1, Side::Buy, 100, 100), &mut ())
        .expect("good");
    book.place(&limit(2, 1, Side::Sell, 105, 40), &mut ())
        .expect("good");
    book.kill(AccountId(3), 0, &mut ());
    let good = bytes(&book);
    let read = |bytes: &[u8]| Book::decode(bytes, HashKey([1, 2]));
    assert_eq!(bytes(&read(&good).expect("own bytes")), good);
    for place in 0..good.len() {
        assert!(read(&good[..place]).is_err(), "cut at {place}");
        for change in [1, 0x80, 0xff] {
            let mut other = good.clone();
            other[place] ^= change;
            if let Ok(book) = read(&other) {
                assert_eq!(bytes(&book), other, "one book, one encoding");
            }
        }
    }
    let mut longer = good.clone();
    longer.push(0);
    assert!(read(&longer).is_err());
}
