//! Settlement: by readings less the prognosis, once, by statement or without, and by itself in the end.

use bds_contracts::Code;
use bds_contracts::amount::{PPM, Watts};
use bds_contracts::flexibility::Call;
use bds_contracts::flexibility::rules::SETTLE_LIFE;
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

#[test]
fn a_statement_must_be_what_meters_say() {
    let (mut stage, order) = two_intervals(0);
    read(&mut stage, 40, [1_250, 250]);
    read(&mut stage, 41, [1_000, 0]);
    type Said = ((u8, u8), (Watts, Watts));
    fn stated(order: u64, statement: &[Said]) -> Call<'_> {
        let statement = List::Items(statement);
        Call::Settle { order, statement }
    }
    let watts = |actual, delivered| (Watts(actual), Watts(delivered));
    let good = [
        ((40, 1), watts(6_000, -2_000)),
        ((41, 1), watts(4_000, -4_000)),
    ];
    let wrong = Code::SETTLEMENT_MISMATCH;
    for (statement, code) in [
        ([good[0], ((41, 1), watts(4_000, -3_999))], wrong),
        ([good[0], ((41, 1), watts(4_001, -4_000))], wrong),
        ([good[0], ((41, 2), good[1].1)], Code::UNKNOWN_READING),
        ([good[1], good[0]], Code::ISPS_INVALID),
        ([good[0], ((96, 1), good[1].1)], Code::ISPS_INVALID),
        ([good[0], ((41, 0), good[1].1)], Code::ISPS_INVALID),
    ] {
        refused(&mut stage, Who::Bank, &stated(order, &statement), code);
    }
    // Of an interval in which nothing was ordered, nothing was delivered.
    read(&mut stage, 42, [2_500, 0]);
    let beside = [good[0], good[1], ((42, 1), watts(10_000, 0))];
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
