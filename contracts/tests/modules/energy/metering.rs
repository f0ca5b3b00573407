//! What readings do: payments by hand, corrections that move only differences, and who may say what a meter says.

use bds_contracts::Code;
use bds_contracts::amount::{Money as Amount, WattHours};
use bds_contracts::energy::close::RESULT_LIFE;
use bds_contracts::energy::reading::LATE_MAX;
use bds_contracts::energy::rules::{ENERGY_MAX, Minutes, Quality};
use bds_contracts::energy::{Call, Energy, Event, MicrogridId, ResourceId};
use bds_contracts::kernel::wire::List;
use bds_contracts::tx::Millis;

use super::super::stage::{BANK_S, EUR, Stage, Who};
use super::*;

/// A plant of 9,000 Wh at 90, 10,000 at 120 and 1,000 at 120 EUR, whose delivery is over.
pub(super) fn delivered() -> (Stage, u64) {
    let mut stage = plant();
    let session = opened(&mut stage, &needs(20_000));
    for (account, energy, price) in [
        (P[2], 9_000, 900_000),
        (P[3], 10_000, 1_200_000),
        (P[1], 8_000, 1_200_000),
    ] {
        done(
            &mut stage,
            owner(account),
            &offer(session, account, energy, price),
        );
    }
    at(&mut stage, CLOSES);
    at(&mut stage, START + QUARTER);
    (stage, session)
}

/// Delivered 9,500 of 9,000, 6,543 of 10,000, and 50 taken instead of 1,000 given. Payments: 0.009 x 90 = 0.81; 0.006543 x 120 =
/// 0.78516; nothing. Charges at 200 EUR: nothing; 3,457 Wh are 0.6914; 1,000 Wh are 0.2.
#[test]
fn a_reading_pays_for_what_was_delivered_and_charges_what_is_missing() {
    let (mut stage, session) = delivered();
    let readings = [
        ((resource(P[2]), WattHours(9_500)), Quality::Measured),
        ((resource(P[3]), WattHours(6_543)), Quality::Estimated),
        ((resource(P[1]), WattHours(-50)), Quality::Measured),
    ];
    let events = done(&mut stage, Who::Verifier, &readings_of(&readings));
    let settled: Vec<Event> = events.iter().copied().filter(|e| !is_reading(e)).collect();
    let of = |account, allocated, delivered, payment, charge| Event::EnergySettled {
        session,
        account,
        initiator: P[0],
        operator: BANK_S,
        allocated: WattHours(allocated),
        delivered: WattHours(delivered),
        payment: Amount(payment),
        charge: Amount(charge),
    };
    assert_eq!(
        settled,
        [
            of(P[2], 9_000, 9_000, 810_000, 0),
            of(P[3], 10_000, 6_543, 785_160, 691_400),
            of(P[1], 1_000, 0, 0, 200_000),
        ]
    );
    assert_eq!(events.len(), 6, "and three readings");
    let (moved, reserved, operator) = books(&stage);
    assert_eq!(
        moved,
        [-1_595_160, -200_000, 810_000, 785_160 - 691_400, 0, 0]
    );
    assert_eq!(moved.iter().sum::<i64>() + operator, 0);
    assert_eq!(operator, 891_400);
    assert_eq!(reserved, [0; 6]);
    assert_eq!(entries(&stage), [0; 6]);
    let scores = [P[2], P[3], P[1]].map(|account| prosumer_of(&stage, account).score());
    assert_eq!(scores, [1_000_000, 654_300, 0]);
}

fn is_reading(event: &Event) -> bool {
    matches!(event, Event::MeterRead { .. })
}

/// Each amount is truncated once: 3 Wh at 0.3333 EUR are 0.9999 millionths, and nothing; 4 Wh are 1.3332, and one.
#[test]
fn what_is_truncated_is_lost_to_nobody() {
    for (wh, paid) in [(3, 0), (4, 1)] {
        let mut stage = plant();
        done(
            &mut stage,
            Who::Surveillance,
            &Call::SetRules {
                microgrid: GRID,
                ranking: Ranking::PriceArrival,
                last: Last::Cut,
                tick: 1,
                imbalance_price: Price(3_333),
            },
        );
        let session = opened(&mut stage, &needs(10));
        done(&mut stage, Who::Bert, &offer(session, P[1], 10, 3_333));
        at(&mut stage, CLOSES);
        // The whole 10 Wh cost 3.333 millionths: three are set aside.
        assert_eq!(books(&stage).1, [3, 3, 0, 0, 0, 0]);
        at(&mut stage, START + QUARTER);
        read(&mut stage, P[1], wh);
        let (moved, reserved, operator) = books(&stage);
        let charge = (10 - wh) * 3_333 * 100 / 1_000_000;
        assert_eq!(moved, [-paid, paid - charge, 0, 0, 0, 0]);
        assert_eq!((operator, reserved), (charge, [0; 6]));
    }
}

/// 6,543 Wh, then 8,000, then 5,000, then 5,000 again: each time only the difference moves.
#[test]
fn a_correction_moves_the_difference_and_nothing_twice() {
    let (mut stage, session) = delivered();
    read(&mut stage, P[3], 6_543);
    let (first, _, _) = books(&stage);
    assert_eq!(first[0], -785_160);
    let again = |delivered, payment, charge| Event::EnergyResettled {
        session,
        account: P[3],
        initiator: P[0],
        operator: BANK_S,
        delivered: WattHours(delivered),
        payment: Amount(payment),
        charge: Amount(charge),
    };
    // 1,457 Wh more: 0.17484 at 120, and 0.2914 less at 200 EUR.
    let events = done(&mut stage, Who::Verifier, &correction(P[3], 2, 8_000));
    assert_eq!(events[1..], [again(8_000, 174_840, -291_400)]);
    let (moved, _, operator) = books(&stage);
    assert_eq!((moved[0], moved[3]), (-960_000, 960_000 - 400_000));
    assert_eq!(operator, 400_000);
    // 3,000 Wh less.
    let events = done(&mut stage, Who::Verifier, &correction(P[3], 3, 5_000));
    assert_eq!(events[1..], [again(5_000, -360_000, 600_000)]);
    let (moved, reserved, operator) = books(&stage);
    assert_eq!((moved[0], moved[3]), (-600_000, 600_000 - 1_000_000));
    assert_eq!(operator, 1_000_000);
    // The other two allocations still wait, of the initiator 0.81 + 0.12 EUR.
    assert_eq!(reserved, [930_000, 200_000, 1_800_000, 0, 0, 0]);
    let events = done(&mut stage, Who::Verifier, &correction(P[3], 4, 5_000));
    assert_eq!(events.len(), 1, "the reading alone: {events:?}");
    assert_eq!(prosumer_of(&stage, P[3]).score(), 500_000);
}

#[test]
fn a_version_counts_once_and_in_turn() {
    let (mut stage, _) = delivered();
    let who = Who::Verifier;
    refused(
        &mut stage,
        who,
        &correction(P[3], 1, 5),
        Code::UNKNOWN_READING,
    );
    read(&mut stage, P[3], 6_000);
    let reading = [((resource(P[3]), WattHours(1)), Quality::Measured)];
    refused(
        &mut stage,
        who,
        &readings_of(&reading),
        Code::READING_EXISTS,
    );
    for version in [0, 1, 3, u16::MAX] {
        refused(
            &mut stage,
            who,
            &correction(P[3], version, 5),
            Code::READING_VERSION,
        );
    }
    done(&mut stage, who, &correction(P[3], 2, 5));
    refused(
        &mut stage,
        who,
        &correction(P[3], 2, 5),
        Code::READING_VERSION,
    );
}

/// One resource in two sessions: the reading fills the allocation of the first session, then that of the second.
#[test]
fn a_reading_is_used_once_however_many_sessions_it_is_for() {
    let mut stage = plant();
    let first = opened(&mut stage, &needs(6_000));
    let other = Call::InitVpp {
        account: P[2],
        role: Role::Consume,
        resource: None,
        energy: WattHours(4_000),
        start: Millis(START),
        price: Price(1_500_000),
        closes: Millis(CLOSES),
        deposit: Amount(600_000),
    };
    let second = opened(&mut stage, &other);
    // Joined in the other order; sessions count.
    done(
        &mut stage,
        Who::Bert,
        &offer(second, P[1], 4_000, 1_000_000),
    );
    done(&mut stage, Who::Bert, &offer(first, P[1], 6_000, 1_000_000));
    at(&mut stage, CLOSES);
    at(&mut stage, START + QUARTER);
    read(&mut stage, P[1], 7_500);
    // 0.6 EUR of the first; 0.15 of the second, which misses 2,500 Wh: 0.5.
    let (moved, _, operator) = books(&stage);
    assert_eq!(moved, [-600_000, 750_000 - 500_000, -150_000, 0, 0, 0]);
    assert_eq!(operator, 500_000);
    done(&mut stage, Who::Verifier, &correction(P[1], 2, 5_000));
    let (moved, _, operator) = books(&stage);
    assert_eq!(moved, [-500_000, 500_000 - 1_000_000, 0, 0, 0, 0]);
    assert_eq!(operator, 1_000_000);
}

/// The initiator supplies 10,000 Wh for 7,000 at 80 and 3,000 at 70 EUR. It gives 9,000; of those who take one takes all, the other
/// 1,000: 0.56 and 0.07 are paid, 1,000 and 2,000 Wh missing cost 0.2 and 0.4.
#[test]
fn a_supplying_initiator_is_read_as_everyone() {
    let mut stage = plant();
    let session = opened(&mut stage, &gives(10_000));
    done(
        &mut stage,
        Who::Anna,
        &demand(session, P[2], 7_000, 800_000),
    );
    done(
        &mut stage,
        Who::Bert,
        &demand(session, P[3], 5_000, 700_000),
    );
    at(&mut stage, CLOSES);
    at(&mut stage, START + QUARTER);
    read(&mut stage, P[0], 9_000);
    read(&mut stage, P[2], -8_000);
    read(&mut stage, P[3], -1_000);
    let (moved, reserved, operator) = books(&stage);
    assert_eq!(
        moved,
        [630_000 - 200_000, 0, -560_000, -70_000 - 400_000, 0, 0]
    );
    assert_eq!((operator, reserved), (600_000, [0; 6]));
    assert_eq!(entries(&stage), [0; 6]);
}

fn call(
    microgrid: MicrogridId,
    start: u64,
    minutes: Minutes,
    readings: &[((ResourceId, WattHours), Quality)],
) -> Call<'_> {
    Call::SubmitMeter {
        microgrid,
        start: Millis(start),
        minutes,
        readings: List::Items(readings),
    }
}

#[test]
fn readings_are_refused_in_their_order() {
    let (mut stage, _) = delivered();
    let quarter = Minutes::Fifteen;
    let reading = |id, energy, quality| [((id, WattHours(energy)), quality)];
    let measured = |id, energy| reading(id, energy, Quality::Measured);
    let good = measured(resource(P[1]), 5);
    let nowhere = measured(ResourceId(5), ENERGY_MAX + 1);
    let start = START;
    refused(
        &mut stage,
        Who::Verifier,
        &call(MicrogridId(9), start, quarter, &[]),
        Code::UNKNOWN_MICROGRID,
    );
    refused(
        &mut stage,
        Who::Verifier,
        &call(GRID, 1, Minutes::Sixty, &[]),
        Code::TOO_MANY,
    );
    for (start, minutes) in [
        (start, Minutes::Thirty),
        (start + 1, quarter),
        (start + QUARTER, quarter),
    ] {
        let call = call(GRID, start, minutes, &nowhere);
        refused(&mut stage, Who::Verifier, &call, Code::READING_INVALID);
    }
    for (readings, code) in [
        (nowhere, Code::UNKNOWN_RESOURCE),
        (
            measured(resource(P[1]), ENERGY_MAX + 1),
            Code::READING_INVALID,
        ),
        (
            measured(resource(P[1]), -ENERGY_MAX - 1),
            Code::READING_INVALID,
        ),
        (
            reading(resource(P[1]), 5, Quality::Corrected),
            Code::READING_INVALID,
        ),
    ] {
        refused(
            &mut stage,
            Who::Verifier,
            &call(GRID, start, quarter, &readings),
            code,
        );
    }
    // All or none: the second one is not read by the sender.
    let reader = Call::SetReader {
        resource: resource(P[2]),
        reader: Who::Guest.key(),
    };
    done(&mut stage, Who::Bank, &reader);
    let both = [good[0], measured(resource(P[2]), 5)[0]];
    let both = call(GRID, start, quarter, &both);
    refused(&mut stage, Who::Verifier, &both, Code::NOT_ITS_READER);
    refused(
        &mut stage,
        Who::Verifier,
        &correction(P[2], 2, 5),
        Code::NOT_ITS_READER,
    );
    // Twice in a list is twice.
    let twice = [good[0], good[0]];
    refused(
        &mut stage,
        Who::Verifier,
        &call(GRID, start, quarter, &twice),
        Code::READING_EXISTS,
    );
    done(
        &mut stage,
        Who::Verifier,
        &call(GRID, start, quarter, &good),
    );
    for who in [Who::Anna, Who::Bank, Who::Regulator] {
        refused(
            &mut stage,
            who,
            &call(GRID, start, quarter, &good),
            Code::WRONG_ROLE,
        );
    }
}

/// A meter is read for three years; then what it said is forgotten, and no later.
#[test]
fn readings_come_up_to_three_years_late_and_are_forgotten_then() {
    let (mut stage, session) = delivered();
    read(&mut stage, P[3], 6_543);
    let end = START + QUARTER;
    let mut early = stage.clone();
    wait(&mut early, end + LATE_MAX);
    done(&mut early, Who::Verifier, &correction(P[3], 2, 7_000));
    let mut late = stage.clone();
    at(&mut late, end + LATE_MAX);
    refused(
        &mut late,
        Who::Verifier,
        &correction(P[3], 2, 7_000),
        Code::READING_TOO_LATE,
    );
    assert!(position_of(&late, session, P[3]).is_some());
    at(&mut stage, START + LATE_MAX + 3_600_000);
    assert!(position_of(&stage, session, P[3]).is_some());
    at(&mut stage, START + LATE_MAX + 3_600_001);
    let tables = stage.machine.stores().read::<Energy>();
    assert!(tables.readings.is_empty() && tables.positions.is_empty());
    assert!(tables.balances.is_empty() && tables.sessions.is_empty());
    assert!(tables.offers.is_empty() && tables.initiated.is_empty());
    assert_eq!(entries(&stage), [0; 6]);
}

/// A ledger that stood still for three years: the trigger that lets an allocation go has not run when its time is over.
#[test]
fn what_still_waits_is_not_forgotten_before_its_trigger_ran() {
    let (mut stage, session) = delivered();
    let mut limits = *stage.machine.limits();
    let triggers = std::mem::replace(&mut limits.triggers, 0);
    stage.machine.set_limits(limits);
    at(&mut stage, START + LATE_MAX + 3_600_001);
    assert!(position_of(&stage, session, P[3]).is_some());
    limits.triggers = triggers;
    stage.machine.set_limits(limits);
    at(&mut stage, START + LATE_MAX + 3_600_002);
    assert_eq!((books(&stage).1, entries(&stage)), ([0; 6], [0; 6]));
    at(&mut stage, START + LATE_MAX + 3_600_003);
    assert!(position_of(&stage, session, P[3]).is_none());
}

/// 31 days without a reading: what waits is free, and a later reading still pays.
#[test]
fn an_allocation_waits_for_its_reading_so_long() {
    let (mut stage, session) = delivered();
    read(&mut stage, P[2], 9_000);
    let end = START + QUARTER;
    assert_eq!(at(&mut stage, end + RESULT_LIFE - 1), []);
    let released = |account| Event::AllocationReleased {
        session,
        account,
        initiator: P[0],
    };
    assert_eq!(
        at(&mut stage, end + RESULT_LIFE),
        [released(P[1]), released(P[3])]
    );
    let (moved, reserved, _) = books(&stage);
    assert_eq!((moved[0], reserved), (-810_000, [0; 6]));
    assert_eq!(entries(&stage), [0; 6]);
    // 4,000 Wh at 120 EUR, and 6,000 at 200.
    let events = read(&mut stage, P[3], 4_000);
    assert!(matches!(
        events[1],
        Event::EnergySettled {
            payment: Amount(480_000),
            ..
        }
    ));
    let (moved, _, operator) = books(&stage);
    assert_eq!(
        (moved[0], moved[3], operator),
        (-1_290_000, 480_000 - 1_200_000, 1_200_000)
    );
    assert_eq!(stage.held(P[0], EUR).1, 0);
}
