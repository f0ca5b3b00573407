//! What bounds the books: how many of a zone, of orders in one, of an account, and of those that one order meets.

use bds_contracts::Code;

use super::super::super::stage::codes;
use super::*;

#[test]
fn a_zone_has_so_many_books() {
    let (mut stage, session) = trading_by(Terms {
        books_max: 2,
        ..PLAIN
    });
    let at_interval = |interval: u8| Order {
        interval,
        ..order(session, T[0], 1, Side::Buy, (50, 10))
    };
    for interval in [0, 1] {
        at_interval(interval).done(&mut stage);
    }
    let third = at_interval(2).call();
    refused(&mut stage, Who::Anna, &third, Code::INTRADAY_BOOKS_FULL);
    // Those that are there go on.
    order(session, T[2], 1, Side::Buy, (50, 10)).done(&mut stage);
    at(&mut stage, START - LEAD);
    at_interval(2).done(&mut stage);
    let none = Terms {
        books_max: 0,
        ..PLAIN
    };
    done(&mut stage, Who::Surveillance, &none.call());
    refused(
        &mut stage,
        Who::Anna,
        &at_interval(3).call(),
        Code::INTRADAY_BOOKS_FULL,
    );
}

/// The same call for another zone.
fn of_zone(zone: u32, call: Call<'static>) -> Call<'static> {
    let mut call = call;
    if let Call::OpenSession { zone: of, .. } | Call::SetIntraday { zone: of, .. } = &mut call {
        *of = ZoneId(zone);
    }
    call
}

/// Zones whose rules let them have so many books each.
fn let_books(stage: &mut Stage, zones: &[(u32, u32)]) {
    for (zone, books_max) in zones {
        done(stage, Who::Surveillance, &books_of(*zone, *books_max));
    }
}

fn books_of(zone: u32, books_max: u32) -> Call<'static> {
    let terms = Terms { books_max, ..PLAIN };
    of_zone(zone, terms.call())
}

/// So an order is refused for what its own zone has, and never for what others have.
#[test]
fn rules_let_all_zones_together_have_so_many_books() {
    let mut stage = traders();
    let refuse = |stage: &mut Stage, zone, books_max| {
        let call = books_of(zone, books_max);
        refused(stage, Who::Surveillance, &call, Code::INTRADAY_BOOKS_FULL);
    };
    // 3 x 1,024 + 1,023 + 1.
    let most = [(1, 1_024), (2, 1_024), (3, 1_024), (4, 1_023), (5, 1)];
    let_books(&mut stage, &most);
    for (zone, books_max) in [(4, 1_024), (5, 2), (6, 1)] {
        refuse(&mut stage, zone, books_max);
    }
    // A zone without books takes nothing, and what one zone gives up another can have.
    let_books(&mut stage, &[(6, 0), (1, 1_000), (6, 24)]);
    refuse(&mut stage, 6, 25);
    let_books(&mut stage, &[(1, 1_000), (1, 0), (6, 1_024)]);
    // What no zone may have is told first.
    let wrong = books_of(7, 1_025);
    let invalid = Code::INTRADAY_RULE_INVALID;
    refused(&mut stage, Who::Surveillance, &wrong, invalid);
}

/// Books that are open count until they close, though the rule of their zone lets fewer be by then.
#[test]
fn open_books_count_under_a_smaller_rule() {
    let (mut stage, session) = trading_by(Terms {
        books_max: 2,
        ..PLAIN
    });
    for interval in [0, 1] {
        let one = order(session, T[0], 1, Side::Buy, (50, 10));
        Order { interval, ..one }.done(&mut stage);
    }
    let most = [(2, 1_024), (3, 1_024), (4, 1_024), (1, 0), (5, 1_022)];
    let_books(&mut stage, &most);
    let full = Code::INTRADAY_BOOKS_FULL;
    for (gate, more) in [(0, 1_023), (1, 1_024)] {
        let call = books_of(5, more);
        refused(&mut stage, Who::Surveillance, &call, full);
        at(&mut stage, START + gate * QUARTER - LEAD);
        done(&mut stage, Who::Surveillance, &call);
    }
}

#[test]
fn a_book_and_an_account_have_so_many_orders() {
    let (mut stage, session) = trading_by(Terms {
        orders_max: 4,
        account_orders_max: 3,
        ..PLAIN
    });
    for (interval, number) in [(0, 1), (0, 2), (1, 1)] {
        Order {
            interval,
            ..order(session, T[0], number, Side::Buy, (50, 10))
        }
        .done(&mut stage);
    }
    // Its orders count in all books of the session.
    let fourth = Order {
        interval: 2,
        ..order(session, T[0], 1, Side::Buy, (50, 10))
    };
    refused(
        &mut stage,
        Who::Anna,
        &fourth.call(),
        Code::INTRADAY_ACCOUNT_FULL,
    );
    // What does not rest is taken.
    let at_once = Order {
        standing: Standing::ImmediateOrCancel,
        ..order(session, T[0], 3, Side::Sell, (5_000, 10))
    };
    at_once.done(&mut stage);
    for (number, account) in [(1, T[2]), (2, T[2])] {
        order(session, account, number, Side::Buy, (50, 10)).done(&mut stage);
    }
    let fifth = order(session, T[4], 1, Side::Buy, (50, 10)).call();
    refused(&mut stage, Who::Anna, &fifth, Code::BOOK_FULL);
    done(&mut stage, Who::Anna, &cancel(session, T[0], 1));
    done(&mut stage, Who::Anna, &fifth);
    fourth.done(&mut stage);
}

#[test]
fn an_order_meets_so_many_others() {
    let (mut stage, session) = trading_by(Terms {
        makers_max: 3,
        ..PLAIN
    });
    for number in 1..=4 {
        order(session, T[1], number, Side::Sell, (50, 1)).done(&mut stage);
    }
    let told = order(session, T[0], 1, Side::Buy, (50, 10)).done(&mut stage);
    assert_eq!(trades(&told).len(), 3);
    assert_eq!(lost(&told), [(T[0].0, 1, 7, Reason::MakersBound)]);
    assert_eq!(open(&stage, (session, 0), T[0]), []);
    assert_eq!(books(&stage).1, [0; 6]);
}

/// The most that can come of one order fits into a transaction: it meets as many others as may be, of 256 accounts.
#[test]
fn an_order_that_meets_the_most_fits_into_a_transaction() {
    let (mut stage, session) = trading_by(Terms {
        makers_max: 1_024,
        orders_max: 16_384,
        account_orders_max: 256,
        energy_max: 2_000 * MWH / 10,
        ..PLAIN
    });
    let accounts: Vec<AccountId> = (0..256).map(|n| AccountId(1_001 + n)).collect();
    for account in &accounts {
        open_account(&mut stage, *account, 1, &[owner(*account)]);
    }
    for number in 1..=4 {
        let txs: Vec<Vec<u8>> = accounts
            .iter()
            .map(|account| {
                let one = order(session, *account, number, Side::Sell, (-1, 1));
                stage.tx::<Power>(owner(*account), &one.call())
            })
            .collect();
        assert_eq!(codes(&stage.execute(&txs)), vec![Code::OK; txs.len()]);
    }
    let left = |stage: &Stage| tables(stage).books.get((session, 0)).map(|book| book.len());
    assert_eq!(left(&stage), Ok(1_024));
    let told = order(session, T[0], 1, Side::Buy, (0, 1_024)).done(&mut stage);
    assert_eq!(trades(&told).len(), 1_024);
    assert_eq!(left(&stage), Ok(0));
    assert_eq!(books(&stage).0[0], 1_024 * MWH / 10);
}
