//! Settlement: by readings less the prognosis, once, by statement or without, and by itself in the end.

use bds_contracts::Code;
use bds_contracts::amount::{Currency, Money as Amount, PPM, Watts};
use bds_contracts::flexibility::Call;
use bds_contracts::flexibility::rules::SETTLE_LIFE;
use bds_contracts::kernel::meter::Limits;
use bds_contracts::kernel::receipt::{ReceiptId, ReceiptView};
use bds_contracts::kernel::wire::List;

use super::super::stage::Who;
use super::*;

/// An order of 4 kW less than 8 kW in two intervals: 1,000 Wh in each. Both are over.
fn two_intervals(penalty_ppm: u32) -> (Stage, u64) {
    let mut stage = grid_of(penalty_ppm);
    foreseen(&mut stage, 8_000);
    let request = requested(&mut stage);
    let offer = offered(&mut stage, request, 40, 2, -4_000);
    let order = ordered(&mut stage, offer, 40, 2, -4_000);
    at(&mut stage, END);
    (stage, order)
}

#[test]
fn what_was_delivered_is_paid() {
    let (stage, order) = two_intervals(0);
    // What both meters read in both intervals, and what of six euros is paid.
    for (first, second, payment) in [
        ([500, 500], [1_000, 0], PRICE),
        ([400, 400], [-5_000, 0], PRICE),
        ([2_000, 0], [1_000, 0], PRICE / 2),
        ([1_250, 250], [1_000, 0], PRICE * 3 / 4),
        ([2_000, 0], [3_000, 3_000], 0),
        ([1_999, 0], [2_000, 0], PRICE / 2_000),
    ] {
        let mut stage = stage.clone();
        read(&mut stage, 40, first);
        read(&mut stage, 41, second);
        let entries = stage.account(AGGREGATOR).entries;
        done(&mut stage, Who::Bert, &settle(order));
        assert_eq!(books(&stage), (payment, 0, payment), "{first:?} {second:?}");
        assert_eq!(stage.account(AGGREGATOR).entries, entries - 1);
        let again = settle(order);
        refused(&mut stage, Who::Bank, &again, Code::FLEX_ORDER_SETTLED);
        assert!(at(&mut stage, END + SETTLE_LIFE).is_empty());
        assert_eq!(books(&stage), (payment, 0, payment));
        assert!(tables(&stage).orders.is_empty() && tables(&stage).ordered.is_empty());
    }
}

#[test]
fn a_penalty_is_kept_back() {
    for (penalty, payment) in [
        (0, 75),
        (PPM, 50),
        (2 * PPM, 25),
        (3 * PPM, 0),
        (10 * PPM, 0),
    ] {
        let (mut stage, order) = two_intervals(penalty);
        read(&mut stage, 40, [1_250, 250]);
        read(&mut stage, 41, [1_000, 0]);
        done(&mut stage, Who::Bank, &settle(order));
        let payment = PRICE * payment / 100;
        assert_eq!(books(&stage), (payment, 0, payment), "{penalty}");
    }
}

type Said = ((u8, u8), ((Watts, Watts), (Watts, Watts)));

/// What was foreseen, ordered, measured and delivered.
fn planned(
    baseline: i64,
    power: i64,
    actual: i64,
    delivered: i64,
) -> ((Watts, Watts), (Watts, Watts)) {
    (
        (Watts(baseline), Watts(power)),
        (Watts(actual), Watts(delivered)),
    )
}

fn stated(order: u64, statement: &[Said]) -> Call<'_> {
    Call::Settle {
        order,
        terms: None,
        statement: List::Items(statement),
    }
}

#[test]
fn a_statement_must_be_what_order_and_meters_say() {
    let (mut stage, order) = two_intervals(0);
    read(&mut stage, 40, [1_250, 250]);
    read(&mut stage, 41, [1_000, 0]);
    let watts = |actual, delivered| planned(8_000, -4_000, actual, delivered);
    let good = [
        ((40, 1), watts(6_000, -2_000)),
        ((41, 1), watts(4_000, -4_000)),
    ];
    let wrong = Code::SETTLEMENT_MISMATCH;
    let nothing = planned(8_000, 0, 8_000, 0);
    let other = |baseline, power| ((41, 1), planned(baseline, power, 4_000, -4_000));
    for (statement, code) in [
        ([good[0], ((41, 1), watts(4_000, -3_999))], wrong),
        ([good[0], ((41, 1), watts(4_001, -4_000))], wrong),
        ([good[0], other(8_001, -4_000)], wrong),
        ([good[0], other(8_000, -4_001)], wrong),
        ([good[0], other(8_000, 4_000)], wrong),
        // Nothing was ordered behind it, and nothing is read there.
        ([good[0], ((41, 2), good[1].1)], wrong),
        ([good[0], ((42, 1), nothing)], Code::UNKNOWN_READING),
        ([good[1], good[0]], Code::ISPS_INVALID),
        ([good[0], ((96, 1), good[1].1)], Code::ISPS_INVALID),
        ([good[0], ((41, 0), good[1].1)], Code::ISPS_INVALID),
    ] {
        refused(&mut stage, Who::Bank, &stated(order, &statement), code);
    }
    let settled = |start, price, currency| Call::Settle {
        order,
        terms: Some((Millis(start), (Amount(price), currency))),
        statement: List::Items(&good),
    };
    for call in [
        settled(START - 1, PRICE, EUR),
        settled(START, PRICE + 1, EUR),
        settled(START, PRICE, Currency(*b"USD")),
    ] {
        refused(&mut stage, Who::Bank, &call, wrong);
    }
    done(&mut stage.clone(), Who::Bank, &settled(START, PRICE, EUR));
    // Of an interval in which nothing was ordered, nothing was delivered.
    read(&mut stage, 42, [2_500, 0]);
    let beside = [good[0], good[1], ((42, 1), planned(8_000, 0, 10_000, 0))];
    done(&mut stage, Who::Bank, &stated(order, &beside));
    assert_eq!(books(&stage).0, PRICE * 3 / 4);
}

#[test]
fn nobody_else_settles_and_not_before_all_is_read() {
    let (mut stage, order) = two_intervals(0);
    refused(&mut stage, Who::Bert, &settle(order), Code::UNKNOWN_READING);
    read(&mut stage, 40, [1_250, 250]);
    refused(&mut stage, Who::Bert, &settle(order), Code::UNKNOWN_READING);
    read(&mut stage, 41, [1_000, 0]);
    refused(
        &mut stage,
        Who::Bert,
        &settle(9_999),
        Code::UNKNOWN_FLEX_ORDER,
    );
    refused(&mut stage, Who::Guest, &settle(order), Code::WRONG_ROLE);
    done(&mut stage, Who::Bert, &settle(order));
}

#[test]
fn in_the_end_it_is_settled_by_what_was_read() {
    let (mut stage, order) = two_intervals(0);
    read(&mut stage, 41, [0, 0]);
    assert!(at(&mut stage, END + SETTLE_LIFE - 1).is_empty());
    assert_eq!(books(&stage), (0, PRICE, 0));
    let told = at(&mut stage, END + SETTLE_LIFE);
    assert_eq!(told.len(), 1);
    assert!(told[0].starts_with("FlexSettled"), "{told:?}");
    assert_eq!(books(&stage), (PRICE / 2, 0, PRICE / 2));
    assert!(tables(&stage).orders.is_empty() && tables(&stage).ordered.is_empty());
    refused(
        &mut stage,
        Who::Bert,
        &settle(order),
        Code::UNKNOWN_FLEX_ORDER,
    );
}

/// The only trigger of an order failed by its meter, a reading never came, and the money stayed aside for ever.
#[test]
fn what_its_trigger_failed_to_settle_is_settled_by_a_call() {
    let (mut stage, order) = two_intervals(0);
    read(&mut stage, 41, [1_000, 0]);
    let entries = stage.account(AGGREGATOR).entries;
    let plain = *stage.machine.limits();
    let late = END + SETTLE_LIFE;
    let mut waiting = stage.clone();
    stage.machine.set_limits(Limits {
        tx_units: 3,
        ..plain
    });
    wait(&mut stage, late);
    let outcome = stage.execute(&[]);
    let receipts = outcome.receipts.iter();
    let codes: Vec<Code> = receipts
        .map(|bytes| ReceiptView::parse(bytes).expect("a receipt of the machine"))
        .filter(|receipt| matches!(receipt.id, ReceiptId::Trigger(_)))
        .map(|receipt| receipt.code)
        .collect();
    assert_eq!(codes, [Code::METER_EXCEEDED]);
    assert_eq!(books(&stage), (0, PRICE, 0));
    stage.machine.set_limits(plain);
    // A statement of what was read is compared still, and nothing of what was not.
    let said = |delivered| [((40, 2), planned(8_000, -4_000, 4_000, delivered))];
    let (wrong, right) = (said(-3_999), said(-4_000));
    let mismatch = Code::SETTLEMENT_MISMATCH;
    refused(&mut stage, Who::Bank, &stated(order, &wrong), mismatch);
    done(&mut stage, Who::Bank, &stated(order, &right));
    let half = PRICE / 2;
    assert_eq!(books(&stage), (half, 0, half));
    assert_eq!(stage.account(AGGREGATOR).entries, entries - 1);
    assert!(tables(&stage).orders.is_empty() && tables(&stage).ordered.is_empty());

    // Where the trigger is only late, it finds nothing left to do.
    waiting.machine.set_limits(Limits {
        triggers: 0,
        ..plain
    });
    wait(&mut waiting, late - 1);
    refused(
        &mut waiting,
        Who::Bert,
        &settle(order),
        Code::UNKNOWN_READING,
    );
    wait(&mut waiting, late);
    done(&mut waiting, Who::Bert, &settle(order));
    assert_eq!(books(&waiting), (half, 0, half));
    waiting.machine.set_limits(plain);
    assert!(told(&waiting.execute(&[])).is_empty());
    assert_eq!(books(&waiting), (half, 0, half));
}

/// What nobody ordered or states costs nothing to settle.
#[test]
fn only_intervals_that_count_are_charged() {
    let (mut stage, order) = two_intervals(0);
    read(&mut stage, 40, [500, 500]);
    read(&mut stage, 41, [1_000, 0]);
    let units = |stage: &Stage, statement| {
        let mut stage = stage.clone();
        let tx = stage.tx::<Flexibility>(Who::Bert, &stated(order, statement));
        let outcome = stage.execute(&[tx]);
        let receipts = outcome.receipts.iter();
        let mut own = receipts
            .map(|bytes| ReceiptView::parse(bytes).expect("a receipt of the machine"))
            .filter(|receipt| matches!(receipt.id, ReceiptId::Tx(_)));
        own.next().expect("it").units
    };
    read(&mut stage, 42, [1_000, 0]);
    let none = units(&stage, &[]);
    let one = units(&stage, &[((42, 1), planned(8_000, 0, 4_000, 0))]);
    // Two connections, two units each, besides the 34 bytes of the statement.
    assert!((4..10).contains(&(one - none)), "{none} {one}");
    assert!(none < 300, "{none}: 96 intervals of two would be 384 alone");
}
