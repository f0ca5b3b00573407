//! The gate of an interval: the millisecond at which it closes, a trigger that is late, many orders that are cancelled in pieces, and what is
//! known afterwards.

use bds_contracts::Code;
use bds_contracts::genesis::Profile;
use bds_contracts::kernel::machine::Machine;
use bds_contracts::power::rules::RESULT_LIFE;
use bds_contracts::tx::ChainId;

use super::super::super::stage::codes;
use super::*;

#[test]
fn the_gate_closes_at_its_millisecond() {
    let (mut stage, session) = trading();
    let gate = START - LEAD;
    order(session, T[0], 1, Side::Buy, (50, 10)).done(&mut stage);
    wait(&mut stage, gate - 1);
    order(session, T[0], 2, Side::Buy, (40, 10)).done(&mut stage);
    // The book closes at the beginning of the block, before any order of it.
    wait(&mut stage, gate);
    let late = order(session, T[1], 1, Side::Sell, (50, 10)).call();
    let (code, told) = send(&mut stage, Who::Bert, &late);
    assert_eq!(code, Code::GATE_CLOSED);
    let lost = |number| Event::OrderReduced {
        session,
        interval: 0,
        account: T[0],
        number,
        energy: WattHours(MWH),
        open: WattHours(0),
        reason: Reason::Expired,
    };
    assert_eq!(
        told,
        [
            lost(1),
            lost(2),
            Event::BookClosed {
                session,
                interval: 0,
                zone: ZONE,
            },
        ]
    );
    assert_eq!((books(&stage), entries(&stage)), (([0; 6], [0; 6]), [0; 6]));
    assert!(tables(&stage).books.is_empty() && tables(&stage).desks.is_empty());
    let zone = tables(&stage).zones.get(&ZONE).expect("it is traded");
    assert_eq!(zone.books, 0);
    refused(&mut stage, Who::Bert, &late, Code::GATE_CLOSED);
    // The next interval goes on for a quarter of an hour.
    let next = Order {
        interval: 1,
        ..order(session, T[1], 1, Side::Sell, (50, 10))
    };
    next.done(&mut stage);
    assert_eq!(tables(&stage).books.len(), 1);
}

#[test]
fn the_gate_of_an_interval_without_a_book_closes_too() {
    let (mut stage, session) = trading();
    wait(&mut stage, START - LEAD);
    let late = order(session, T[1], 1, Side::Sell, (50, 10)).call();
    refused(&mut stage, Who::Bert, &late, Code::GATE_CLOSED);
    assert!(tables(&stage).periods.is_empty());
}

/// Triggers can be late: no order trades after the gate, and what rests can still be taken back.
#[test]
fn a_late_trigger_lets_nobody_trade() {
    let (mut stage, session) = trading();
    for number in [1, 2] {
        order(session, T[0], number, Side::Buy, (50, 10)).done(&mut stage);
    }
    let limits = *stage.machine.limits();
    let mut none = limits;
    none.triggers = 0;
    stage.machine.set_limits(none);
    wait(&mut stage, START - LEAD);
    let late = order(session, T[1], 1, Side::Sell, (50, 10)).call();
    refused(&mut stage, Who::Bert, &late, Code::GATE_CLOSED);
    let amend = Call::AmendOrder {
        session,
        interval: 0,
        account: T[0],
        number: 1,
        price: None,
        energy: Some(WattHours(MWH / 10)),
    };
    refused(&mut stage, Who::Anna, &amend, Code::GATE_CLOSED);
    let told = done(&mut stage, Who::Anna, &cancel(session, T[0], 1));
    assert_eq!(lost(&told), [(T[0].0, 1, 10, Reason::Cancelled)]);
    stage.machine.set_limits(limits);
    let told = events(&stage.execute(&[]));
    assert_eq!(lost(&told), [(T[0].0, 2, 10, Reason::Expired)]);
    assert!(matches!(told[..], [_, Event::BookClosed { .. }]));
    refused(
        &mut stage,
        Who::Anna,
        &cancel(session, T[0], 2),
        Code::UNKNOWN_ORDER,
    );
}

/// A book with 256 bids of each account, a tenth of a megawatt hour at 1 each.
fn full() -> (Stage, u64) {
    let (mut stage, session) = trading_by(Terms {
        orders_max: 16_384,
        account_orders_max: 256,
        ..PLAIN
    });
    for account in T {
        let txs: Vec<Vec<u8>> = (1..=256)
            .map(|number| {
                let one = order(session, account, number, Side::Buy, (1, 1));
                stage.tx::<Power>(owner(account), &one.call())
            })
            .collect();
        let outcome = stage.execute(&txs);
        assert_eq!(codes(&outcome), vec![Code::OK; 256]);
    }
    assert_eq!(books(&stage).1, [256 * MWH / 10; 6]);
    (stage, session)
}

/// Though nothing happened for a month: what rests in a book is cancelled before its session is forgotten, and its money is free.
#[test]
fn a_session_waits_for_its_books_before_it_is_forgotten() {
    let (mut stage, session) = full();
    at(&mut stage, START + 96 * QUARTER + RESULT_LIFE);
    assert!(tables(&stage).sessions.contains(&session));
    assert_eq!(books(&stage).1[4..], [256 * MWH / 10; 2]);
    stage.execute(&[]);
    assert_eq!((books(&stage), entries(&stage)), (([0; 6], [0; 6]), [0; 6]));
    stage.execute(&[]);
    let left = tables(&stage);
    assert!(left.sessions.is_empty() && left.periods.is_empty());
}

/// More orders than are cancelled in one piece: they go in two blocks, and nothing trades in between.
#[test]
fn a_full_book_closes_in_pieces() {
    let (mut stage, session) = full();
    let told = at(&mut stage, START - LEAD);
    assert_eq!(lost(&told).len(), 1_024);
    assert_eq!(books(&stage).1[..4], [0; 4]);
    assert_eq!(books(&stage).1[4..], [256 * MWH / 10; 2]);
    let late = order(session, T[0], 1, Side::Sell, (1, 1)).call();
    let (code, told) = send(&mut stage, Who::Anna, &late);
    assert_eq!(code, Code::GATE_CLOSED);
    assert_eq!(lost(&told).len(), 512);
    assert!(matches!(told.last(), Some(Event::BookClosed { .. })));
    assert_eq!((books(&stage), entries(&stage)), (([0; 6], [0; 6]), [0; 6]));
    assert_eq!(events(&stage.execute(&[])), []);
}

/// A rule holds for books that are opened from then on, and opens none that was closed. The gate and the largest energy of one that is there
/// stay what they were.
#[test]
fn a_new_rule_moves_no_gate_of_a_book() {
    let (mut stage, session) = trading();
    let of = |interval: u8, number, energy| Order {
        interval,
        ..order(session, T[0], number, Side::Buy, (50, energy))
    };
    let at_interval = |interval: u8, number| of(interval, number, 5);
    at_interval(0, 1).done(&mut stage);
    let later = Terms {
        lead: 0,
        energy_max: 5 * MWH / 10,
        ..PLAIN
    };
    done(&mut stage, Who::Surveillance, &later.call());
    at_interval(1, 1).done(&mut stage);
    of(0, 3, 10).done(&mut stage);
    for interval in [1, 2] {
        let call = of(interval, 3, 6).call();
        refused(&mut stage, Who::Anna, &call, Code::INTRADAY_ENERGY_INVALID);
    }
    let gate = |stage: &Stage, interval: u8| {
        let period = tables(stage).periods.get(&(session, interval));
        period.expect("it is traded").gate.0
    };
    assert_eq!(gate(&stage, 0), START - LEAD);
    assert_eq!(gate(&stage, 1), START + QUARTER);
    at(&mut stage, START - LEAD);
    refused(
        &mut stage,
        Who::Anna,
        &at_interval(0, 2).call(),
        Code::GATE_CLOSED,
    );
    wait(&mut stage, START + QUARTER - 1);
    at_interval(1, 2).done(&mut stage);
    assert_eq!(lost(&at(&mut stage, START + QUARTER)).len(), 2);
}

#[test]
fn what_was_traded_is_forgotten_with_the_session() {
    let (mut stage, session) = trading();
    order(session, T[1], 1, Side::Sell, (50, 10)).done(&mut stage);
    order(session, T[0], 1, Side::Buy, (50, 10)).done(&mut stage);
    let over = START + 96 * QUARTER + RESULT_LIFE;
    at(&mut stage, over - 1);
    assert_eq!(tables(&stage).periods.len(), 1);
    assert_eq!(tables(&stage).positions.len(), 2);
    at(&mut stage, over);
    let left = tables(&stage);
    assert!(left.sessions.is_empty() && left.periods.is_empty() && left.positions.is_empty());
    let rule = order(session, T[0], 2, Side::Buy, (50, 10)).call();
    refused(&mut stage, Who::Anna, &rule, Code::UNKNOWN_POWER_SESSION);
}

/// A snapshot is the whole of it, and what was restored goes on alike.
#[test]
fn books_go_on_after_a_snapshot() {
    let (mut stage, session) = trading();
    for (account, price) in [(T[1], 50), (T[3], 40), (T[5], 50)] {
        let iceberg = Order {
            display: Some(5),
            ..order(session, account, 1, Side::Sell, (price, 20))
        };
        iceberg.done(&mut stage);
    }
    order(session, T[0], 1, Side::Buy, (40, 7)).done(&mut stage);
    let mut other = stage.clone();
    let restored = Machine::restore(
        ChainId([7; 32]),
        Profile::Private,
        *stage.machine.limits(),
        *stage.machine.block(),
        &stage.machine.stores().snapshot(),
    );
    other.machine = restored.expect("its own snapshot");
    for stage in [&mut stage, &mut other] {
        let told = order(session, T[2], 1, Side::Buy, (50, 30)).done(stage);
        assert_eq!(trades(&told).len(), 7);
        at(stage, START - LEAD);
    }
    assert_eq!(
        stage.machine.stores().snapshot(),
        other.machine.stores().snapshot()
    );
}
