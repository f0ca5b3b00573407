//! What bounds the books: how many of a zone, of orders in one, of an account, and of those that one order meets.

use bds_contracts::Code;
use bds_contracts::power::intraday::rule::ALL_BOOKS_MAX;

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

/// Each zone has room, and all of them together have none; what closes makes some in the same block.
#[test]
fn all_zones_together_have_so_many_books() {
    let mut stage = traders();
    let zones = ALL_BOOKS_MAX.div_ceil(96) as u32;
    let many = Terms {
        account_orders_max: 256,
        ..PLAIN
    };
    let sessions: Vec<u64> = (1..=zones)
        .map(|zone| {
            done(&mut stage, Who::Surveillance, &of_zone(zone, many.call()));
            opened(&mut stage, &of_zone(zone, plain_day()))
        })
        .collect();
    cleared(&mut stage);
    let at_zero = |session, interval, number| Order {
        interval,
        ..order(session, T[0], number, Side::Buy, (0, 1))
    };
    let all = sessions
        .iter()
        .flat_map(|session| (0..96).map(|at| (*session, at)));
    let all: Vec<Vec<u8>> = all
        .take(ALL_BOOKS_MAX)
        .map(|(session, interval)| {
            stage.tx::<Power>(Who::Anna, &at_zero(session, interval, 1).call())
        })
        .collect();
    for txs in all.chunks(1_000) {
        assert_eq!(codes(&stage.execute(txs)), vec![Code::OK; txs.len()]);
    }
    assert_eq!(tables(&stage).books.len(), ALL_BOOKS_MAX);
    let last = *sessions.last().expect("a zone");
    let one_more = at_zero(last, 95, 1).call();
    let full = (Code::INTRADAY_BOOKS_FULL, Vec::new());
    assert_eq!(send(&mut stage, Who::Anna, &one_more), full);
    at_zero(last, 0, 2).done(&mut stage);
    // The books of the first interval of every zone close.
    wait(&mut stage, START - LEAD);
    done(&mut stage, Who::Anna, &one_more);
    let left = ALL_BOOKS_MAX - zones as usize + 1;
    assert_eq!(tables(&stage).books.len(), left);
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
        stage.execute(&txs);
    }
    let left = |stage: &Stage| tables(stage).books.get((session, 0)).map(|book| book.len());
    assert_eq!(left(&stage), Ok(1_024));
    let told = order(session, T[0], 1, Side::Buy, (0, 1_024)).done(&mut stage);
    assert_eq!(trades(&told).len(), 1_024);
    assert_eq!(left(&stage), Ok(0));
    assert_eq!(books(&stage).0[0], 1_024 * MWH / 10);
}
