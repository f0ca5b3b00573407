//! Who may ask what of standing instructions; and its calls for the test that makes every write fail once.

use bds_contracts::amount::{Price, Quantity};
use bds_contracts::genesis::Profile;
use bds_contracts::kernel::module::matrix;
use bds_contracts::kernel::rights::roles;
use bds_contracts::modules::Modules;
use bds_contracts::standing::Bound;

use super::super::stage::EUA;
use super::super::undo::Rehearsal;
use super::*;

/// Every member may leave instructions, everywhere; what they may do hangs on its roles when they come up.
#[test]
fn every_cell_of_the_matrix_is_as_the_design_says() {
    for profile in [Profile::Public, Profile::Consortium, Profile::Private] {
        let cells = matrix::<Modules>(profile).filter(|cell| cell.module == "standing");
        let allowed: Vec<bool> = cells.map(|cell| cell.allowed).collect();
        assert_eq!(allowed, vec![true; 8 * (1 + roles().len())]);
    }
}

/// Each of its calls, for times far away and states that are not.
pub(crate) fn rehearse(r: &mut Rehearsal) {
    let calls = pay(&[1]);
    let calls = calls.as_slice();
    let day = now(&r.stage) + 24 * 60 * MINUTE;
    let (time, until) = (Millis(day), Millis(day));
    let number = {
        let mut stage = r.stage.clone();
        left(&mut stage, &at(day, calls))
    };
    r.step::<Standing>(Who::Anna, &at(day, calls));
    let withdraw = Call::Withdraw {
        account: ANNA_S,
        number,
    };
    r.step::<Standing>(Who::Anna, &withdraw);
    let height = Call::AtHeight {
        account: ANNA_S,
        height: 1 << 20,
        calls,
    };
    let every = Call::Every {
        account: ANNA_S,
        first: time,
        period: Millis(MINUTE),
        times: 5,
        calls,
    };
    let money = Call::WhenMoney {
        account: ANNA_S,
        currency: EUR,
        bound: Bound::AtLeast,
        amount: Amount(i64::MAX),
        until,
        calls,
    };
    let units = Call::WhenUnits {
        account: ANNA_S,
        instrument: EUA,
        bound: Bound::AtLeast,
        quantity: Quantity(u64::MAX),
        until,
        calls,
    };
    let price = Call::WhenPrice {
        account: ANNA_S,
        instrument: EUA,
        bound: Bound::AtLeast,
        price: Price(i64::MAX),
        until,
        calls,
    };
    let event = on_transfer(1, day, calls);
    for call in [height, every, money, units, price, event] {
        r.step::<Standing>(Who::Anna, &call);
    }
}
