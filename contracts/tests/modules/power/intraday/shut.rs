//! Accounts that may not trade any more: their orders go when they are met, and nothing goes out of them.

use super::super::super::stage::codes;
use super::*;

#[test]
fn orders_of_a_blocked_account_are_withdrawn_when_one_is_met() {
    let (mut stage, session) = trading();
    for (number, price) in [(1, -40), (2, 70)] {
        order(session, T[1], number, Side::Sell, (price, 10)).done(&mut stage);
    }
    order(session, T[3], 1, Side::Sell, (60, 10)).done(&mut stage);
    set_status(&mut stage, T[1], AccountStatus::Blocked);
    assert_eq!(books(&stage).1[1], 40 * MWH);
    let told = order(session, T[0], 1, Side::Buy, (60, 15)).done(&mut stage);
    assert_eq!(
        lost(&told),
        [
            (T[1].0, 1, 10, Reason::AccountShut),
            (T[1].0, 2, 10, Reason::AccountShut),
        ]
    );
    assert_eq!(trades(&told), [(T[0].0, T[3].0, 60, 10, 60 * MWH)]);
    assert_eq!(books(&stage).1, [30 * MWH, 0, 0, 0, 0, 0]);
    assert_eq!(books(&stage).0[1], 0);
    assert_eq!(entries(&stage)[1], 0);
}

/// A fill-or-kill order that would have to meet a shut account leaves everything as it was, and that account's orders too.
#[test]
fn a_refused_order_withdraws_nothing_but_what_is_shut() {
    let (mut stage, session) = trading();
    order(session, T[1], 1, Side::Sell, (50, 10)).done(&mut stage);
    set_status(&mut stage, T[1], AccountStatus::Suspended);
    let whole = Order {
        standing: Standing::FillOrKill,
        ..order(session, T[0], 1, Side::Buy, (60, 10))
    };
    refused(&mut stage, Who::Anna, &whole.call(), Code::NOT_FILLABLE);
    assert_eq!(open(&stage, (session, 0), T[1]), [(1, 10)]);
}

/// Whoever acts for a shut account takes back what is left; until then its orders keep it from closing, as all its entries do.
#[test]
fn an_account_is_kept_by_its_orders_until_they_are_taken_back() {
    let (mut stage, session) = trading();
    order(session, T[0], 1, Side::Sell, (50, 10)).done(&mut stage);
    order(session, T[0], 2, Side::Buy, (10, 10)).done(&mut stage);
    set_status(&mut stage, T[0], AccountStatus::Blocked);
    let more = order(session, T[0], 3, Side::Sell, (50, 10)).call();
    refused(&mut stage, Who::Anna, &more, Code::ACCOUNT_NOT_OPEN);
    assert_eq!(entries(&stage)[0], 2);
    done(&mut stage, Who::Anna, &cancel(session, T[0], 2));
    assert_eq!(entries(&stage)[0], 1);
    done(&mut stage, Who::Anna, &cancel_all(session, T[0], None));
    assert_eq!(entries(&stage)[0], 0);
}

/// Nobody acts for it who may trade.
#[test]
fn orders_go_with_the_role_of_whoever_placed_them() {
    let (mut stage, session) = trading();
    order(session, T[1], 1, Side::Sell, (50, 10)).done(&mut stage);
    let roles = identity::Call::SetRoles {
        key: Who::Bert.key(),
        roles: Roles::OPERATOR_REPRESENTATIVE,
    };
    let code = stage.call_of_two::<Identity>(Who::Administrator, Who::Administrator2, &roles);
    assert_eq!(code, Code::OK);
    let told = order(session, T[0], 1, Side::Buy, (60, 10)).done(&mut stage);
    assert_eq!(lost(&told), [(T[1].0, 1, 10, Reason::AccountShut)]);
    assert_eq!(trades(&told), []);
    assert_eq!(open(&stage, (session, 0), T[0]), [(1, 10)]);
}

/// The operator needs no order that meets them; interval by interval, or all at once.
#[test]
fn the_operator_withdraws_orders_of_a_shut_account() {
    let (mut stage, session) = trading();
    for (interval, number, price) in [(0, 1, -40), (0, 2, 70), (1, 1, -40), (2, 1, -40)] {
        let one = order(session, T[1], number, Side::Sell, (price, 10));
        Order { interval, ..one }.done(&mut stage);
    }
    order(session, T[3], 1, Side::Sell, (-40, 10)).done(&mut stage);
    set_status(&mut stage, T[1], AccountStatus::Suspended);
    assert_eq!((books(&stage).1[1], entries(&stage)[1]), (120 * MWH, 2));
    let withdrawn = |interval| Event::OrdersWithdrawn {
        session,
        interval,
        account: T[1],
    };
    let shut = |number| (T[1].0, number, 10, Reason::AccountShut);

    let told = done(
        &mut stage,
        Who::Surveillance,
        &withdraw_all(session, T[1], Some(0)),
    );
    assert_eq!(told[0], withdrawn(Some(0)));
    assert_eq!(lost(&told), [shut(1), shut(2)]);
    assert_eq!((books(&stage).1[1], entries(&stage)[1]), (80 * MWH, 2));
    let told = done(
        &mut stage,
        Who::Surveillance,
        &withdraw_all(session, T[1], None),
    );
    assert_eq!(told[0], withdrawn(None));
    assert_eq!(lost(&told), [shut(1), shut(1)]);
    assert_eq!((books(&stage).1[1], entries(&stage)[1]), (0, 0));
    assert_eq!(open(&stage, (session, 0), T[3]), [(1, 10)]);
    // Nothing is left, which is no mistake.
    let told = done(
        &mut stage,
        Who::Surveillance,
        &withdraw_all(session, T[1], None),
    );
    assert_eq!(told, [withdrawn(None)]);
}

/// As many orders as an account may have, in every interval of the day: all of them go in one transaction, and nothing of them is left.
#[test]
fn the_most_that_can_be_withdrawn_fits_into_a_transaction() {
    let (mut stage, session) = trading_by(Terms {
        account_orders_max: 256,
        ..PLAIN
    });
    // Two in each of 96 intervals, and a third in the first 64.
    let all = || (0..3).flat_map(|round| (0..96).map(move |interval| (interval, round + 1)));
    let txs: Vec<Vec<u8>> = all()
        .take(256)
        .map(|(interval, number)| {
            let one = order(session, T[1], number, Side::Sell, (-40, 1));
            stage.tx::<Power>(Who::Bert, &Order { interval, ..one }.call())
        })
        .collect();
    assert_eq!(codes(&stage.execute(&txs)), vec![Code::OK; 256]);
    order(session, T[3], 1, Side::Sell, (-40, 10)).done(&mut stage);
    assert_eq!((books(&stage).1[1], entries(&stage)[1]), (1_024 * MWH, 2));
    let mut gone: Vec<(u8, u64)> = all().take(256).collect();
    gone.sort_unstable();
    let gone = |reason| -> Vec<_> {
        let all = gone.iter();
        all.map(|(_, number)| (T[1].0, *number, 1, reason))
            .collect()
    };
    let nothing_left = |stage: &Stage| {
        assert_eq!((books(stage).1[1], entries(stage)[1]), (0, 0));
        let orders = (0..96).flat_map(|interval| open(stage, (session, interval), T[1]));
        assert_eq!(orders.collect::<Vec<_>>(), []);
        assert!(!tables(stage).desks.contains(&(session, T[1])));
        assert_eq!(open(stage, (session, 0), T[3]), [(1, 10)]);
    };
    let mut own = stage.clone();
    let told = done(&mut own, Who::Bert, &cancel_all(session, T[1], None));
    assert_eq!(lost(&told), gone(Reason::Cancelled));
    nothing_left(&own);

    set_status(&mut stage, T[1], AccountStatus::Suspended);
    let withdraw = withdraw_all(session, T[1], None);
    let told = done(&mut stage, Who::Surveillance, &withdraw);
    let withdrawn = Event::OrdersWithdrawn {
        session,
        interval: None,
        account: T[1],
    };
    assert_eq!(told[0], withdrawn);
    assert_eq!((told.len(), lost(&told)), (257, gone(Reason::AccountShut)));
    nothing_left(&stage);
    // The books stay until their gates, and there is nothing to withdraw any more.
    assert_eq!(tables(&stage).books.len(), 96);
    assert_eq!(done(&mut stage, Who::Surveillance, &withdraw), [withdrawn]);
}

#[test]
fn orders_of_whoever_may_trade_are_nobody_elses() {
    let (mut stage, session) = trading();
    order(session, T[1], 1, Side::Sell, (50, 10)).done(&mut stage);
    let operator = |stage: &mut Stage, call: &Call<'_>, code| {
        refused(stage, Who::Surveillance, call, code);
    };
    // Each line is wrong in what the one before it was, and in one thing less.
    let call = withdraw_all(999, AccountId(999), Some(96));
    operator(&mut stage, &call, Code::UNKNOWN_ACCOUNT);
    let call = withdraw_all(999, T[1], Some(96));
    operator(&mut stage, &call, Code::UNKNOWN_POWER_SESSION);
    let call = withdraw_all(session, T[1], Some(96));
    operator(&mut stage, &call, Code::DELIVERY_INVALID);
    let call = withdraw_all(session, T[1], Some(0));
    operator(&mut stage, &call, Code::INTRADAY_ACCOUNT_ACTIVE);
    set_status(&mut stage, T[1], AccountStatus::Blocked);
    for who in [Who::Anna, Who::Bert, Who::Regulator, Who::Guest] {
        refused(&mut stage, who, &call, Code::WRONG_ROLE);
    }
    set_status(&mut stage, T[1], AccountStatus::Open);
    operator(&mut stage, &call, Code::INTRADAY_ACCOUNT_ACTIVE);
    assert_eq!(open(&stage, (session, 0), T[1]), [(1, 10)]);
}

/// Behind many orders stand those of shut accounts, one behind the other. Each that is met has the whole command done again without it, and no
/// transaction has the units for all of them; the operator takes them out one by one.
#[test]
fn a_crowd_of_shut_accounts_keeps_no_book_shut() {
    let (mut stage, session) = trading_by(Terms {
        makers_max: 1_024,
        orders_max: 16_384,
        account_orders_max: 256,
        energy_max: 1_000 * MWH / 10,
        ..PLAIN
    });
    for account in [T[1], T[3], T[5]] {
        let txs: Vec<Vec<u8>> = (1..=256)
            .map(|number| {
                let one = order(session, account, number, Side::Sell, (40, 1));
                stage.tx::<Power>(Who::Bert, &one.call())
            })
            .collect();
        assert_eq!(codes(&stage.execute(&txs)), vec![Code::OK; 256]);
    }
    let crowd: Vec<AccountId> = (0..24).map(|n| AccountId(1_001 + n)).collect();
    for account in &crowd {
        open_account(&mut stage, *account, 1, &[owner(*account)]);
        order(session, *account, 1, Side::Sell, (50, 1)).done(&mut stage);
    }
    for account in &crowd {
        set_status(&mut stage, *account, AccountStatus::Blocked);
    }
    let bid = order(session, T[0], 1, Side::Buy, (60, 769));
    let jammed = (Code::METER_EXCEEDED, Vec::new());
    assert_eq!(send(&mut stage, Who::Anna, &bid.call()), jammed);
    for account in &crowd {
        let call = withdraw_all(session, *account, Some(0));
        let told = done(&mut stage, Who::Surveillance, &call);
        assert_eq!(lost(&told), [(account.0, 1, 1, Reason::AccountShut)]);
    }
    assert_eq!(trades(&bid.done(&mut stage)).len(), 768);
    assert_eq!(open(&stage, (session, 0), T[0]), [(1, 1)]);
}
