//! Instructions that wait for a time or a height.

use bds_contracts::account::Roles;
use bds_contracts::exchange::Side;
use bds_contracts::exchange::orders::Exchange;
use bds_contracts::exchange::orders::call::ValidityKind;
use bds_contracts::identity::{self, Identity};
use bds_contracts::kernel::meter::Limits;
use bds_contracts::kernel::wire::List;

use super::super::exchange::{Order, floor};
use super::super::stage::{Stage, block};
use super::*;

#[test]
fn at_its_time_it_is_done_once_in_the_name_of_whoever_left_it() {
    let mut stage = Stage::new();
    let calls = pay(&[10]);
    let time = now(&stage) + 3_000;
    let number = left(&mut stage, &at(time, &calls));
    let before = stage.execute(&[]);
    assert_eq!((ran(&before), money(&stage)), (vec![], (1_000, 1_000)));
    let then = stage.execute(&[]);
    assert_eq!(now(&stage), time);
    assert_eq!(ran(&then), [Code::OK]);
    assert_eq!(told(&then), [came_up(number, 0), ended(number, End::Done)]);
    assert_eq!(money(&stage), (990, 1_010));
    nothing_left(&stage);
    let after = stage.execute(&[]);
    assert_eq!((ran(&after), money(&stage)), (vec![], (990, 1_010)));
}

#[test]
fn at_its_height_it_is_done() {
    let mut stage = Stage::new();
    let calls = pay(&[10]);
    let call = Call::AtHeight {
        account: ANNA_S,
        height: stage.machine.block().height + 3,
        calls: &calls,
    };
    left(&mut stage, &call);
    stage.execute(&[]);
    assert_eq!(money(&stage), (1_000, 1_000));
    stage.execute(&[]);
    assert_eq!(money(&stage), (990, 1_010));
    nothing_left(&stage);
}

/// Books know a block's time before what was left for later is done in it, so what comes up finds them as a transaction does.
#[test]
fn an_order_that_ends_when_it_comes_up_is_not_placed() {
    for (more, expected) in [(0, Code::EXPIRY_INVALID), (1, Code::OK)] {
        let mut stage = floor();
        let time = now(&stage) + 2_000;
        let order = Order {
            price: Some(9),
            validity: ValidityKind::GoodTillDate,
            until: Some(time + more),
            ..Order::of(ANNA_S, 1, Side::Buy, 5)
        };
        let draft = Draft::new(ChainId([0; 32]), Who::Anna.key(), 0);
        let calls = draft.call::<Exchange>(&order.call()).calls();
        left(&mut stage, &at(time, &calls));
        let then = stage.execute(&[]);
        assert_eq!((now(&stage), ran(&then)), (time, vec![expected]));
    }
}

/// That it came up stays told; nothing else of it.
#[test]
fn its_calls_are_done_all_or_none() {
    let mut stage = Stage::new();
    let calls = pay(&[10, 995]);
    let time = now(&stage) + 2_000;
    let number = left(&mut stage, &at(time, &calls));
    let outcome = stage.execute(&[]);
    assert_eq!(ran(&outcome), [Code::CASH_TOO_LOW]);
    assert_eq!(message(&outcome), "call 1 of the instruction is refused");
    assert_eq!(
        told(&outcome),
        [came_up(number, 0), ended(number, End::Done)]
    );
    assert_eq!(money(&stage), (1_000, 1_000));
    nothing_left(&stage);
}

fn every(first: u64, times: u32, calls: &[u8]) -> Call<'_> {
    Call::Every {
        account: ANNA_S,
        first: Millis(first),
        period: Millis(MINUTE),
        times,
        calls,
    }
}

/// Executes an empty block of this time.
fn block_at(stage: &mut Stage, time: u64) -> BlockOutcome {
    let next = block(stage.machine.block().height + 1).time.0;
    stage.epoch = time - next;
    stage.execute(&[])
}

#[test]
fn again_and_again_until_it_was_done_so_often() {
    let mut stage = Stage::new();
    let calls = pay(&[10]);
    let number = left(&mut stage, &every(10_000, 3, &calls));
    // Due at 10, 70, 130 … seconds. The second and third are late, and one time is made up for, not two.
    let times = [
        (9_999, None),
        (10_000, Some(2)),
        (69_999, None),
        (195_000, Some(1)),
        (249_999, None),
        (250_000, Some(0)),
        (400_000, None),
    ];
    let mut paid = 0;
    for (time, expected) in times {
        let outcome = block_at(&mut stage, time);
        let came = expected.map(|left| came_up(number, left));
        let found = told(&outcome);
        assert_eq!(found.first().copied(), came, "at {time}");
        paid += 10 * i64::from(expected.is_some());
        assert_eq!(money(&stage), (1_000 - paid, 1_000 + paid), "at {time}");
    }
    nothing_left(&stage);
}

/// A call that fails is tried again the next time.
#[test]
fn what_fails_once_is_done_the_next_time() {
    let mut stage = Stage::new();
    let calls = pay(&[600]);
    left(&mut stage, &every(10_000, 3, &calls));
    assert_eq!(ran(&block_at(&mut stage, 10_000)), [Code::OK]);
    assert_eq!(ran(&block_at(&mut stage, 70_000)), [Code::CASH_TOO_LOW]);
    let back = stage.tx::<Money>(Who::Bert, &payment(BERT_S, ANNA_S, 600));
    stage.execute(&[back]);
    assert_eq!(ran(&block_at(&mut stage, 130_000)), [Code::OK]);
    nothing_left(&stage);
}

/// It is done with the roles its member has when it comes up.
#[test]
fn whoever_lost_the_role_leaves_nothing_behind() {
    let mut stage = Stage::new();
    let calls = pay(&[10]);
    let time = now(&stage) + 5_000;
    left(&mut stage, &at(time, &calls));
    let roles = identity::Call::SetRoles {
        key: Who::Anna.key(),
        roles: Roles::AUDITOR,
    };
    let (first, second) = (Who::Administrator, Who::Administrator2);
    let done = stage.call_of_two::<Identity>(first, second, &roles);
    assert_eq!(done, Code::OK);
    stage.execute(&[]);
    let outcome = stage.execute(&[]);
    assert_eq!(ran(&outcome), [Code::WRONG_ROLE]);
    assert_eq!(money(&stage), (1_000, 1_000));
    nothing_left(&stage);
}

#[test]
fn whoever_no_longer_represents_the_account_leaves_nothing_behind() {
    let mut stage = Stage::new();
    let calls = pay(&[10]);
    let number = left(&mut stage, &every(5_000, 9, &calls));
    let replace = identity::Call::SetRepresentatives {
        account: ANNA_S,
        threshold: 1,
        representatives: List::Items(&[Who::Bert.key()]),
    };
    let (first, second) = (Who::Administrator, Who::Administrator2);
    let done = stage.call_of_two::<Identity>(first, second, &replace);
    assert_eq!(done, Code::OK);
    let outcome = block_at(&mut stage, 5_000);
    assert_eq!(ran(&outcome), [Code::NOT_REPRESENTATIVE]);
    let expected = [came_up(number, 8), ended(number, End::NotRepresented)];
    assert_eq!(told(&outcome), expected);
    assert_eq!(money(&stage), (1_000, 1_000));
    nothing_left(&stage);
}

/// Where an account takes two, the call still takes both.
#[test]
fn an_account_of_two_is_asked_for_its_second() {
    use super::super::stage::JOINT;
    let mut stage = Stage::new();
    let calls = pay_from(JOINT, &[10]);
    let leave = |time: u64| Call::At {
        account: JOINT,
        time: Millis(time),
        calls: &calls,
    };
    let time = now(&stage) + 2_000;
    left(&mut stage, &leave(time));
    assert_eq!(ran(&stage.execute(&[])), [Code::NOT_ENDORSED]);
    let endorse = identity::Call::Endorse {
        digest: identity::endorse::digest::<Money>(&payment(JOINT, BERT_S, 10)),
        until: Millis(time + MINUTE),
    };
    assert_eq!(stage.call::<Identity>(Who::Bert, &endorse), Code::OK);
    left(&mut stage, &leave(time + 3_000));
    assert_eq!(ran(&stage.execute(&[])), [Code::OK]);
    assert_eq!(stage.held(JOINT, EUR).0, 90);
}

/// What waits is part of the state: whoever starts from a snapshot goes on as the others do.
#[test]
fn a_snapshot_brings_along_what_waits() {
    use bds_contracts::genesis::Profile;
    use bds_contracts::kernel::machine::Machine;
    let mut stage = Stage::new();
    let calls = pay(&[10]);
    left(&mut stage, &every(20_000, 5, &calls));
    left(&mut stage, &on_transfer(2, 900_000, &calls));
    let mut other = stage.clone();
    let machine = &stage.machine;
    other.machine = Machine::restore(
        machine.chain(),
        Profile::Private,
        *machine.limits(),
        *machine.block(),
        &machine.stores().snapshot(),
    )
    .expect("its own snapshot");
    for stage in [&mut stage, &mut other] {
        block_at(stage, 20_000);
        block_at(stage, 80_000);
        stage.execute(&[]);
    }
    assert_eq!(
        stage.machine.stores().snapshot(),
        other.machine.stores().snapshot()
    );
    assert_eq!(money(&other), (1_000 - 40, 1_000 + 40));
}

/// Nobody pays for a run: it spends a part of what a transaction may, and what it did not finish is undone.
#[test]
fn a_run_spends_no_more_than_its_share() {
    use super::super::wasm;
    use bds_contracts::kernel::meter::UNITS_KEPT;
    use bds_contracts::standing::RUN_UNITS;
    use bds_contracts::wasm::Wasm;
    let mut stage = wasm::scene();
    let burn = wasm::run("desk", "burn", &[]);
    let draft = Draft::new(ChainId([0; 32]), Who::Anna.key(), 0);
    let draft = draft.call::<Money>(&payment(ANNA_S, BERT_S, 10));
    let calls = draft.call::<Wasm>(&burn).calls();
    let time = now(&stage) + 2_000;
    let number = left(&mut stage, &at(time, &calls));
    let outcome = stage.execute(&[]);
    assert_eq!(ran(&outcome), [Code::METER_EXCEEDED]);
    assert_eq!(told(&outcome)[0], came_up(number, 0));
    assert_eq!(money(&stage), (1_000, 1_000));
    let mut receipts = outcome.receipts.views();
    let units = receipts.next().expect("its receipt").units;
    assert!(units <= RUN_UNITS + UNITS_KEPT, "{units} units");
    // A transaction may spend more than that.
    let tx = stage.tx::<Wasm>(Who::Anna, &burn);
    let outcome = stage.execute(&[tx]);
    let mut receipts = outcome.receipts.views();
    let units = receipts.next().expect("its receipt").units;
    assert!(units > RUN_UNITS + UNITS_KEPT, "{units} units");
}

/// Instructions that come up at one moment took every place of a block, for as many blocks as it took, and gates closed late.
#[test]
fn instructions_keep_nothing_waiting_that_the_rules_left() {
    let mut stage = Stage::new();
    stage.machine.set_limits(Limits {
        triggers: 4,
        ..Limits::default()
    });
    let calls = pay(&[1]);
    let time = now(&stage) + 60_000;
    for _ in 0..20 {
        left(&mut stage, &at(time, &calls));
    }
    // A hold that ends at the same moment, asked for behind them.
    let hold = money::Call::Hold {
        from: BERT_S,
        to: ANNA_S,
        currency: EUR,
        amount: Amount(400),
        until: Millis(time),
    };
    assert_eq!(stage.call::<Money>(Who::Bert, &hold), Code::OK);
    assert_eq!(stage.held(BERT_S, EUR).1, 400);
    stage.epoch = 60_000;
    let outcome = stage.execute(&[]);
    assert_eq!(ran(&outcome), [Code::OK; 4]);
    assert_eq!(stage.held(BERT_S, EUR).1, 0, "it has ended");
    // With nothing else to do they have the whole block.
    for _ in 0..4 {
        assert_eq!(ran(&stage.execute(&[])), [Code::OK; 4]);
    }
    assert_eq!(ran(&stage.execute(&[])), [Code::OK]);
    nothing_left(&stage);
}
