//! Instructions that wait for a state.

use bds_contracts::amount::{Price, Quantity};
use bds_contracts::exchange::Side;
use bds_contracts::exchange::orders::Exchange;
use bds_contracts::money::units::{self, Units};
use bds_contracts::standing::{Bound, STATES_OWN_MAX};

use super::super::exchange::{UKA, floor, limit};
use super::super::stage::{EUA, Stage};
use super::*;

fn when_money(bound: Bound, amount: i64, calls: &[u8]) -> Call<'_> {
    Call::WhenMoney {
        account: ANNA_S,
        currency: EUR,
        bound,
        amount: Amount(amount),
        until: Millis(900_000),
        calls,
    }
}

#[test]
fn free_money_at_its_bound_brings_it_up() {
    // Exactly there counts, on both sides.
    for (bound, amount, paid) in [(Bound::AtLeast, 1_003, true), (Bound::AtMost, 1_000, false)] {
        let mut stage = Stage::new();
        let calls = pay(&[10]);
        let number = left(&mut stage, &when_money(bound, amount, &calls));
        if paid {
            for _ in 0..2 {
                let tx = bert_pays(&mut stage, ANNA_S);
                stage.execute(&[tx]);
                assert_eq!(ran(&stage.execute(&[])), [], "below it");
            }
            let tx = bert_pays(&mut stage, ANNA_S);
            stage.execute(&[tx]);
        }
        let outcome = stage.execute(&[]);
        assert_eq!(ran(&outcome), [Code::OK], "{bound:?}");
        assert_eq!(told(&outcome)[0], came_up(number, 0));
        nothing_left(&stage);
    }
}

/// What is set aside is not free.
#[test]
fn reserved_money_does_not_count() {
    let mut stage = Stage::new();
    let calls = pay(&[10]);
    left(&mut stage, &when_money(Bound::AtMost, 600, &calls));
    assert_eq!(ran(&stage.execute(&[])), []);
    let hold = money::Call::Hold {
        from: ANNA_S,
        to: BERT_S,
        currency: EUR,
        amount: Amount(400),
        until: Millis(800_000),
    };
    assert_eq!(stage.call::<Money>(Who::Anna, &hold), Code::OK);
    assert_eq!(ran(&stage.execute(&[])), [Code::OK]);
}

#[test]
fn units_at_their_bound_bring_it_up() {
    let mut stage = Stage::new();
    let calls = pay(&[10]);
    let call = Call::WhenUnits {
        account: ANNA_S,
        instrument: EUA,
        bound: Bound::AtLeast,
        quantity: Quantity(305),
        until: Millis(900_000),
        calls: &calls,
    };
    left(&mut stage, &call);
    for (quantity, expected) in [(4, vec![]), (1, vec![Code::OK])] {
        let issue = units::Call::Issue {
            account: ANNA_S,
            instrument: EUA,
            quantity: Quantity(quantity),
        };
        assert_eq!(stage.call::<Units>(Who::Regulator, &issue), Code::OK);
        assert_eq!(ran(&stage.execute(&[])), expected);
    }
    nothing_left(&stage);
}

#[test]
fn the_price_of_the_last_trade_brings_it_up() {
    let mut stage = floor();
    let calls = pay(&[10]);
    let when = |bound, price| Call::WhenPrice {
        account: ANNA_S,
        instrument: UKA,
        bound,
        price: Price(price),
        until: Millis(900_000),
        calls: &calls,
    };
    let low = left(&mut stage, &when(Bound::AtMost, 1_000));
    let high = left(&mut stage, &when(Bound::AtLeast, 50));
    assert_eq!(ran(&stage.execute(&[])), [], "there was no trade");
    for (price, expected) in [(49, vec![came_up(low, 0)]), (50, vec![came_up(high, 0)])] {
        let number = price as u64;
        let ask = stage.tx::<Exchange>(Who::Anna, &limit(ANNA_S, number, Side::Sell, 5, price));
        let bid = stage.tx::<Exchange>(Who::Bert, &limit(BERT_S, number, Side::Buy, 5, price));
        assert_eq!(codes(&stage.execute(&[ask, bid])), [Code::OK; 2]);
        let outcome = stage.execute(&[]);
        let came: Vec<Event> = told(&outcome)
            .into_iter()
            .filter(|event| matches!(event, Event::Ran { .. }))
            .collect();
        assert_eq!(came, expected, "a trade at {price}");
    }
    nothing_left(&stage);
}

/// A state that is so from the start is so at the end of its first block; one that is not any more when it comes up is done
/// nevertheless, since it was so.
#[test]
fn it_comes_up_in_the_block_after_the_one_that_ended_so() {
    let mut stage = Stage::new();
    let calls = pay(&[10]);
    left(&mut stage, &when_money(Bound::AtLeast, 1_000, &calls));
    let tx = stage.tx::<Money>(Who::Anna, &payment(ANNA_S, BERT_S, 500));
    let outcome = stage.execute(&[tx]);
    assert_eq!(ran(&outcome), [Code::OK]);
    assert_eq!(money(&stage), (490, 1_510));
}

/// Sixteen members with nothing but states that never are took all the places of the ledger, for four hundred days.
#[test]
fn a_member_waits_for_so_many_states_and_no_more() {
    let mut stage = Stage::new();
    let calls = pay(&[10]);
    let never = when_money(Bound::AtLeast, i64::MAX, &calls);
    let limit = Code::INSTRUCTION_LIMIT;
    let mut numbers = Vec::new();
    for _ in 0..STATES_OWN_MAX {
        numbers.push(left(&mut stage, &never));
    }
    assert_eq!(stage.call::<Standing>(Who::Anna, &never), limit);
    let others = Call::WhenMoney {
        account: BERT_S,
        currency: EUR,
        bound: Bound::AtLeast,
        amount: Amount(i64::MAX),
        until: Millis(900_000),
        calls: &calls,
    };
    assert_eq!(stage.call::<Standing>(Who::Bert, &others), Code::OK);
    // Of what is no state there is room.
    left(&mut stage, &on_transfer(1, 900_000, &calls));
    // One that is taken back makes room for one.
    let withdraw = Call::Withdraw {
        account: ANNA_S,
        number: numbers[0],
    };
    assert_eq!(stage.call::<Standing>(Who::Anna, &withdraw), Code::OK);
    let soon = when_money(Bound::AtMost, 1_000, &calls);
    let number = left(&mut stage, &soon);
    // It has come up, and is not looked at any more; once it ran it makes no room again.
    left(&mut stage, &never);
    let tables = stage.machine.stores().read::<Standing>();
    assert!(tables.instructions.get(&number).is_none(), "it ran");
    assert_eq!(stage.call::<Standing>(Who::Anna, &never), limit);
    // One that was never so makes room when it is over.
    stage.epoch += 1_000_000;
    stage.execute(&[]);
    nothing_left(&stage);
}
