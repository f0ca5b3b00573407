//! Accounts that may not trade any more: their orders go when they are met, and nothing goes out of them.

use bds_contracts::Code;
use bds_contracts::identity::account::AccountStatus;

use super::*;

fn set_status(stage: &mut Stage, account: AccountId, status: AccountStatus) {
    let call = identity::Call::SetStatus {
        account,
        status,
        reason: "",
    };
    assert_eq!(stage.call::<Identity>(Who::Regulator, &call), Code::OK);
}

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
