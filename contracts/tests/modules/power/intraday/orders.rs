//! Orders that meet: at which price, who pays whom and out of what, and what becomes of what is left.

use bds_contracts::Code;
use bds_contracts::kernel::meter::UNITS_MAKER;
use bds_contracts::money::{self, Money};

use super::super::super::stage::CNY;
use super::*;

#[test]
fn an_order_trades_with_the_best_price_first_then_the_oldest_at_their_prices() {
    let (mut stage, session) = trading();
    let told = order(session, T[1], 1, Side::Sell, (50, 10)).done(&mut stage);
    assert_eq!(
        told,
        [
            Event::BookOpened {
                session,
                interval: 0,
                zone: ZONE,
                gate: Millis(START - LEAD),
            },
            Event::OrderAccepted {
                session,
                interval: 0,
                account: T[1],
                number: 1,
                side: Side::Sell,
                energy: WattHours(MWH),
                price: Price(50 * PER_MWH),
            },
        ]
    );
    for (account, price) in [(T[3], 40), (T[5], 40), (T[1], 60)] {
        order(session, account, 2, Side::Sell, (price, 10)).done(&mut stage);
    }
    // To sell above zero costs nothing.
    assert_eq!(books(&stage), ([0; 6], [0; 6]));
    assert_eq!(entries(&stage), [0, 1, 0, 1, 0, 1]);
    let told = order(session, T[0], 7, Side::Buy, (50, 35)).done(&mut stage);
    let (t, mwh) = (T.map(|account| account.0), MWH);
    assert_eq!(
        trades(&told),
        [
            (t[0], t[3], 40, 10, 40 * mwh),
            (t[0], t[5], 40, 10, 40 * mwh),
            (t[0], t[1], 50, 10, 50 * mwh),
        ]
    );
    // What is left rests, and sets aside what it may cost.
    assert_eq!(
        books(&stage),
        (
            [-130 * mwh, 50 * mwh, 0, 40 * mwh, 0, 40 * mwh],
            [25 * mwh, 0, 0, 0, 0, 0]
        )
    );
    // An order of each, and money that waits.
    assert_eq!(entries(&stage), [2, 1, 0, 0, 0, 0]);
    assert_eq!(
        position(&stage, session, T[0], 0),
        (30, 0, -130 * i128::from(mwh))
    );
    assert_eq!(
        position(&stage, session, T[1], 0),
        (0, 10, 50 * i128::from(mwh))
    );
    let period = tables(&stage).periods.get(&(session, 0)).copied();
    let period = period.expect("it is traded");
    assert_eq!(period.energy, 3 * i128::from(mwh));
    assert_eq!(period.turnover, 130 * i128::from(mwh));
    assert_eq!(period.last, Some(Price(50 * PER_MWH)));
    let ask = order(session, T[5], 3, Side::Sell, (10, 4)).done(&mut stage);
    assert_eq!(trades(&ask), [(t[0], t[5], 50, 4, 20 * mwh)]);
    assert_eq!(books(&stage).1[0], 5 * mwh);
    assert_eq!(open(&stage, (session, 0), T[0]), [(7, 1)]);
}

#[test]
fn below_zero_the_seller_pays_and_sets_it_aside() {
    let (mut stage, session) = trading();
    order(session, T[1], 1, Side::Sell, (-30, 20)).done(&mut stage);
    assert_eq!(books(&stage).1, [0, 60 * MWH, 0, 0, 0, 0]);
    // To buy below zero costs nothing.
    order(session, T[0], 1, Side::Buy, (-40, 20)).done(&mut stage);
    assert_eq!(books(&stage).1[0], 0);
    assert_eq!(entries(&stage), [1, 2, 0, 0, 0, 0]);
    let told = order(session, T[2], 1, Side::Buy, (-30, 5)).done(&mut stage);
    assert_eq!(trades(&told), [(T[2].0, T[1].0, -30, 5, -15 * MWH)]);
    assert_eq!(
        books(&stage),
        ([0, -15 * MWH, 15 * MWH, 0, 0, 0], [0, 45 * MWH, 0, 0, 0, 0])
    );
    // One that would take less pays what the other one asks for, and what it set aside beyond is free.
    let told = order(session, T[3], 1, Side::Sell, (-100, 20)).done(&mut stage);
    assert_eq!(trades(&told), [(T[0].0, T[3].0, -40, 20, -80 * MWH)]);
    let (got, aside) = books(&stage);
    assert_eq!((got[0], got[3], aside[3]), (80 * MWH, -80 * MWH, 0));
    // A bid above zero that meets an ask below: it is paid.
    let told = order(session, T[4], 1, Side::Buy, (10, 20)).done(&mut stage);
    assert_eq!(trades(&told), [(T[4].0, T[1].0, -30, 15, -45 * MWH)]);
    let (got, aside) = books(&stage);
    assert_eq!((got[1], got[4]), (-60 * MWH, 45 * MWH));
    assert_eq!(aside, [0, 0, 0, 0, 5 * MWH, 0]);
    assert_eq!(got.iter().sum::<i64>(), 0);
}

#[test]
fn an_iceberg_shows_a_part_and_its_next_part_goes_behind_the_others() {
    let (mut stage, session) = trading();
    let iceberg = Order {
        display: Some(10),
        ..order(session, T[1], 1, Side::Sell, (50, 25))
    };
    iceberg.done(&mut stage);
    order(session, T[3], 1, Side::Sell, (50, 10)).done(&mut stage);
    let book = tables(&stage).books.get((session, 0)).expect("a book");
    let shown: Vec<u64> = book
        .queue(Side::Sell)
        .map(|order| order.visible.0 * 10 / MWH as u64)
        .collect();
    assert_eq!(shown, [10, 10]);
    let told = order(session, T[0], 1, Side::Buy, (50, 23)).done(&mut stage);
    let met: Vec<(u64, i64)> = trades(&told)
        .iter()
        .map(|trade| (trade.1, trade.3))
        .collect();
    assert_eq!(met, [(T[1].0, 10), (T[3].0, 10), (T[1].0, 3)]);
    assert_eq!(open(&stage, (session, 0), T[1]), [(1, 12)]);
    for display in [0, -1, 26] {
        let wrong = Order {
            number: 2,
            display: Some(display),
            ..iceberg
        };
        refused(&mut stage, Who::Bert, &wrong.call(), Code::DISPLAY_INVALID);
    }
}

#[test]
fn what_may_not_rest_is_cancelled_or_never_was() {
    let (mut stage, session) = trading();
    order(session, T[1], 1, Side::Sell, (50, 10)).done(&mut stage);
    let at_once = Order {
        standing: Standing::ImmediateOrCancel,
        ..order(session, T[0], 1, Side::Buy, (60, 15))
    };
    let told = at_once.done(&mut stage);
    assert_eq!(trades(&told), [(T[0].0, T[1].0, 50, 10, 50 * MWH)]);
    assert_eq!(lost(&told), [(T[0].0, 1, 5, Reason::NothingToTrade)]);
    assert_eq!(books(&stage).1, [0; 6]);
    assert_eq!(entries(&stage), [0; 6]);

    order(session, T[1], 1, Side::Sell, (50, 10)).done(&mut stage);
    order(session, T[3], 1, Side::Sell, (55, 10)).done(&mut stage);
    let whole = |number, price, energy| Order {
        standing: Standing::FillOrKill,
        ..order(session, T[0], number, Side::Buy, (price, energy))
    };
    for call in [whole(2, 54, 11), whole(2, 60, 21)] {
        refused(&mut stage, Who::Anna, &call.call(), Code::NOT_FILLABLE);
    }
    let told = whole(2, 55, 20).done(&mut stage);
    assert_eq!(trades(&told).len(), 2);
    assert_eq!(lost(&told), []);
    assert_eq!(entries(&stage), [0; 6]);
    // In a book that is not there, it fails and opens none.
    let elsewhere = Order {
        interval: 5,
        ..whole(3, 55, 20)
    };
    refused(&mut stage, Who::Anna, &elsewhere.call(), Code::NOT_FILLABLE);
    // Nor does what is done at once: a place among the books and the rule of one cost nothing then.
    let elsewhere = Order {
        standing: Standing::ImmediateOrCancel,
        ..elsewhere
    };
    refused(&mut stage, Who::Anna, &elsewhere.call(), Code::NOT_FILLABLE);
    let resting = Order {
        standing: Standing::UntilGate,
        ..elsewhere
    };
    resting.done(&mut stage);
}

/// Whether or not it comes to something, what an order meets is paid for.
#[test]
fn who_tries_in_vain_pays_for_what_was_met() {
    let (mut stage, session) = trading();
    for number in 1..=16 {
        order(session, T[1], number, Side::Sell, (50, 1)).done(&mut stage);
    }
    let mut units = |price| {
        let whole = Order {
            standing: Standing::FillOrKill,
            ..order(session, T[0], 1, Side::Buy, (price, 17))
        };
        let tx = stage.tx::<Power>(Who::Anna, &whole.call());
        let outcome = stage.execute(&[tx]);
        let receipt = outcome.receipts.views().next().expect("its receipt");
        assert_eq!(receipt.code, Code::NOT_FILLABLE);
        receipt.units
    };
    let (none, all) = (units(49), units(50));
    assert!(all >= none + 16 * UNITS_MAKER, "{none} {all}");
}

#[test]
fn nobody_trades_with_itself() {
    for (prevention, expected, left) in [
        (
            Prevention::DecrementAndCancel,
            vec![(1, 10, Reason::SelfTrade), (2, 10, Reason::SelfTrade)],
            vec![(2, 5)],
        ),
        (
            Prevention::CancelNewest,
            vec![(2, 15, Reason::SelfTrade)],
            vec![(1, 10)],
        ),
        (
            Prevention::CancelOldest,
            vec![(1, 10, Reason::SelfTrade)],
            vec![(2, 15)],
        ),
        (
            Prevention::CancelBoth,
            vec![(1, 10, Reason::SelfTrade), (2, 15, Reason::SelfTrade)],
            vec![],
        ),
    ] {
        let (mut stage, session) = trading();
        order(session, T[0], 1, Side::Sell, (-50, 10)).done(&mut stage);
        let told = Order {
            prevention,
            ..order(session, T[0], 2, Side::Buy, (20, 15))
        };
        let told = told.done(&mut stage);
        assert_eq!(trades(&told), []);
        let lost: Vec<_> = lost(&told)
            .into_iter()
            .map(|(_, number, energy, reason)| (number, energy, reason))
            .collect();
        assert_eq!(lost, expected);
        assert_eq!(open(&stage, (session, 0), T[0]), left);
        let aside: i64 = left
            .iter()
            .map(|(number, energy)| energy * MWH / 10 * if *number == 1 { 50 } else { 20 })
            .sum();
        assert_eq!(books(&stage), ([0; 6], [aside, 0, 0, 0, 0, 0]));
        let orders = u32::from(!left.is_empty());
        assert_eq!(entries(&stage)[0], orders + u32::from(aside > 0));
    }
}

/// Two accounts of one holder are one and the same.
#[test]
fn accounts_of_one_holder_never_trade() {
    let (mut stage, session) = trading();
    let other = identity::Call::OpenAccount {
        account: AccountId(301),
        holder: HolderId(T[0].0),
        kind: AccountKind::Trading,
        currency: EUR,
        threshold: 1,
        representatives: List::Items(&[Who::Anna.key()]),
    };
    assert_eq!(stage.call::<Identity>(Who::Administrator, &other), Code::OK);
    order(session, AccountId(301), 1, Side::Sell, (50, 10)).done(&mut stage);
    order(session, T[3], 1, Side::Sell, (60, 10)).done(&mut stage);
    let spared = Order {
        prevention: Prevention::CancelOldest,
        ..order(session, T[0], 1, Side::Buy, (60, 10))
    };
    let told = spared.done(&mut stage);
    assert_eq!(lost(&told), [(301, 1, 10, Reason::SelfTrade)]);
    assert_eq!(trades(&told), [(T[0].0, T[3].0, 60, 10, 60 * MWH)]);
}

/// Whoever bids in the auction trades afterwards.
#[test]
fn each_of_three_roles_trades() {
    let (mut stage, session) = trading();
    for (number, role) in [
        (1, Roles::TRADER),
        (2, Roles::PROSUMER),
        (3, Roles::AGGREGATOR),
    ] {
        let roles = identity::Call::SetRoles {
            key: Who::Anna.key(),
            roles: role,
        };
        let code = stage.call_of_two::<Identity>(Who::Administrator, Who::Administrator2, &roles);
        assert_eq!(code, Code::OK);
        order(session, T[0], number, Side::Sell, (50, 10)).done(&mut stage);
    }
    let told = order(session, T[1], 1, Side::Buy, (50, 30)).done(&mut stage);
    assert_eq!(trades(&told).len(), 3);
}

#[test]
fn an_order_that_only_shrinks_keeps_its_place() {
    let (mut stage, session) = trading();
    for (account, energy) in [(T[0], 20), (T[2], 10)] {
        order(session, account, 1, Side::Buy, (50, energy)).done(&mut stage);
    }
    let amend = |price: Option<i64>, energy: Option<i64>| Call::AmendOrder {
        session,
        interval: 0,
        account: T[0],
        number: 1,
        price: price.map(|price| Price(price * PER_MWH)),
        energy: energy.map(|energy| WattHours(energy * MWH / 10)),
    };
    let told = done(&mut stage, Who::Anna, &amend(None, Some(10)));
    assert_eq!(
        told,
        [Event::OrderAmended {
            session,
            interval: 0,
            account: T[0],
            number: 1,
            price: Price(50 * PER_MWH),
            energy: WattHours(MWH),
            kept_place: true,
        }]
    );
    assert_eq!(books(&stage).1[0], 50 * MWH);
    let told = order(session, T[1], 1, Side::Sell, (50, 5)).done(&mut stage);
    assert_eq!(trades(&told), [(T[0].0, T[1].0, 50, 5, 25 * MWH)]);
    // Larger, it goes behind the other one.
    done(&mut stage, Who::Anna, &amend(None, Some(20)));
    assert_eq!(books(&stage).1[0], 100 * MWH);
    let told = order(session, T[1], 2, Side::Sell, (50, 10)).done(&mut stage);
    assert_eq!(trades(&told)[0].0, T[2].0);
    // Dearer, it needs more; below zero, nothing.
    done(&mut stage, Who::Anna, &amend(Some(70), None));
    assert_eq!(books(&stage).1[0], 140 * MWH);
    done(&mut stage, Who::Anna, &amend(Some(-70), None));
    assert_eq!((books(&stage).1[0], entries(&stage)[0]), (0, 1));
    // At a price that meets another one it trades, and is gone when nothing is left.
    order(session, T[3], 1, Side::Sell, (45, 20)).done(&mut stage);
    let told = done(&mut stage, Who::Anna, &amend(Some(60), None));
    assert_eq!(trades(&told), [(T[0].0, T[3].0, 45, 20, 90 * MWH)]);
    assert_eq!(open(&stage, (session, 0), T[0]), []);
    assert_eq!((entries(&stage), books(&stage).1), ([0; 6], [0; 6]));
}

#[test]
fn orders_are_cancelled_one_by_one_or_all_at_once() {
    let (mut stage, session) = trading();
    for interval in [0, 7, 95] {
        for number in [1, 2] {
            for account in [T[0], T[2]] {
                let one = order(session, account, number, Side::Buy, (50, 10));
                Order { interval, ..one }.done(&mut stage);
            }
        }
    }
    assert_eq!(books(&stage).1[0], 300 * MWH);
    let told = done(&mut stage, Who::Anna, &cancel(session, T[0], 2));
    assert_eq!(lost(&told), [(T[0].0, 2, 10, Reason::Cancelled)]);
    assert_eq!(books(&stage).1[0], 250 * MWH);
    let told = done(&mut stage, Who::Anna, &cancel_all(session, T[0], Some(7)));
    assert_eq!(lost(&told).len(), 2);
    let told = done(&mut stage, Who::Anna, &cancel_all(session, T[0], None));
    assert_eq!(lost(&told).len(), 3);
    assert_eq!((books(&stage).1[0], entries(&stage)[0]), (0, 0));
    // Nothing is left, and none is no mistake.
    let told = done(&mut stage, Who::Anna, &cancel_all(session, T[0], None));
    assert_eq!(told, []);
    assert_eq!(books(&stage).1[2], 300 * MWH);
}

/// Money beside the main currency lies elsewhere: an entry comes and goes with it.
#[test]
fn a_session_in_another_currency_pays_in_it() {
    let (mut stage, _) = trading();
    for account in [T[0], T[1]] {
        let deposit = money::Call::Deposit {
            account,
            currency: CNY,
            amount: Amount(100 * MWH),
        };
        assert_eq!(stage.call::<Money>(Who::Bank, &deposit), Code::OK);
    }
    let mut call = day(START + 96 * QUARTER, START + 192 * QUARTER, GATE + 60_000);
    if let Call::OpenSession { currency, .. } = &mut call {
        *currency = CNY;
    }
    let session = opened(&mut stage, &call);
    cleared_from(&mut stage, GATE + 60_000);
    order(session, T[0], 1, Side::Buy, (100, 10)).done(&mut stage);
    assert_eq!(stage.held(T[0], CNY), (100 * MWH, 100 * MWH));
    assert_eq!(entries(&stage)[0], 3);
    // All it has goes, and the entry of that money with it.
    order(session, T[1], 1, Side::Sell, (100, 10)).done(&mut stage);
    assert_eq!(stage.held(T[0], CNY), (0, 0));
    assert_eq!(stage.held(T[1], CNY), (200 * MWH, 0));
    assert_eq!(entries(&stage)[..2], [0, 1]);
    assert_eq!(books(&stage), ([0; 6], [0; 6]));
}
