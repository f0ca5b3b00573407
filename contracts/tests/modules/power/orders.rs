//! Orders until the gate: handed in, replaced and taken back, what is set aside for them, and the moment at which the gate closes.

use bds_contracts::Code;
use bds_contracts::amount::{Money as Amount, Price, WattHours};
use bds_contracts::exchange::Side;
use bds_contracts::identity::account::AccountStatus;
use bds_contracts::identity::{self, Identity};
use bds_contracts::power::participant::Participant;
use bds_contracts::power::rules::PARTICIPANTS_MAX;
use bds_contracts::power::session::SessionPhase;
use bds_contracts::power::{Call, Event};
use bds_contracts::tx::{AccountId, Millis};

use super::super::stage::{EUR, Who};
use super::*;

#[test]
fn a_session_is_told_and_takes_orders_at_once() {
    let mut stage = traders();
    let told = done(&mut stage, Who::Surveillance, &plain_day());
    let [Event::SessionOpened { session, .. }] = told[..] else {
        panic!("{told:?}");
    };
    assert_eq!(
        told,
        [Event::SessionOpened {
            session,
            zone: ZONE,
            start: Millis(START),
            intervals: 96,
            gate: Millis(GATE),
            currency: EUR,
        }]
    );
    let found = tables(&stage).sessions.get(&session).copied().unwrap();
    assert_eq!(found.end(), Millis(START + 96 * QUARTER));
    assert_eq!(found.phase, SessionPhase::Open);
}

/// To buy 1 MWh at 90 and 4 more at 50 may cost 250 an interval; four of them 1,000 and a unit each. To sell costs nothing above zero.
#[test]
fn what_orders_may_come_to_cost_is_set_aside() {
    let (mut stage, session) = market();
    let all = steps(&[(90, 10), (50, 40)]);
    let told = done(
        &mut stage,
        Who::Anna,
        &curve(session, T[0], Side::Buy, (4, 4), &all),
    );
    assert_eq!(
        told,
        [Event::CurveSubmitted {
            session,
            account: T[0],
            side: Side::Buy,
            first: 4,
            count: 4,
        }]
    );
    assert_eq!(books(&stage).1, [1_000_000_004, 0, 0, 0, 0, 0]);
    bid(&mut stage, session, T[1], Side::Sell, (4, 4), &[(10, 10)]);
    assert_eq!(books(&stage).1, [1_000_000_004, 0, 0, 0, 0, 0]);
    // At -20 the seller of 2 MWh may have to pay 40.
    bid(
        &mut stage,
        session,
        T[1],
        Side::Sell,
        (4, 1),
        &[(-20, 20), (5, 1)],
    );
    assert_eq!(books(&stage).1[1], 40_000_001);
    // Of a sell block nothing but a unit an interval.
    let call = block(session, T[1], 7, Side::Sell, (0, 8), (30, 10));
    let told = done(&mut stage, Who::Bert, &call);
    assert_eq!(
        told,
        [Event::BlockSubmitted {
            session,
            account: T[1],
            number: 7,
        }]
    );
    assert_eq!(books(&stage).1[1], 40_000_009);
    // Each account is an entry of its own and what it set aside another one.
    assert_eq!(entries(&stage), [2, 2, 0, 0, 0, 0]);
    let part = tables(&stage).participants.get(&(session, T[1])).copied();
    assert_eq!(
        part,
        Some(Participant {
            curves: 4,
            steps: 5,
            blocks: 1,
            aside: Amount(40_000_009),
            ..Participant::default()
        })
    );
    let found = tables(&stage).sessions.get(&session).copied().unwrap();
    // Two steps in four intervals; one in three, and two in one.
    assert_eq!((found.steps, found.blocks, found.participants), (13, 1, 2));
}

#[test]
fn a_new_order_takes_the_place_of_the_old_one_and_withdrawal_frees_it() {
    let (mut stage, session) = market();
    bid(&mut stage, session, T[0], Side::Buy, (0, 4), &[(90, 10)]);
    assert_eq!(books(&stage).1[0], 360_000_004);
    bid(&mut stage, session, T[0], Side::Buy, (1, 1), &[(10, 10)]);
    assert_eq!(books(&stage).1[0], 280_000_004);
    // A curve to sell in the same interval stands beside it.
    bid(&mut stage, session, T[0], Side::Sell, (1, 1), &[(20, 10)]);
    assert_eq!(tables(&stage).curves.len(), 5);
    let call = block(session, T[0], 1, Side::Buy, (0, 2), (10, 10));
    done(&mut stage, Who::Anna, &call);
    assert_eq!(books(&stage).1[0], 300_000_006);
    let call = block(session, T[0], 1, Side::Buy, (0, 4), (10, 10));
    done(&mut stage, Who::Anna, &call);
    assert_eq!(books(&stage).1[0], 320_000_008);
    let call = Call::WithdrawBlock {
        session,
        account: T[0],
        number: 1,
    };
    let told = done(&mut stage, Who::Anna, &call);
    assert_eq!(
        told,
        [Event::BlockWithdrawn {
            session,
            account: T[0],
            number: 1
        }]
    );
    let back = |side, first, count| Call::WithdrawCurve {
        session,
        account: T[0],
        side,
        first,
        count,
    };
    let told = done(&mut stage, Who::Anna, &back(Side::Buy, 0, 4));
    assert_eq!(
        told,
        [Event::CurveWithdrawn {
            session,
            account: T[0],
            side: Side::Buy,
            first: 0,
            count: 4
        }]
    );
    assert_eq!((books(&stage).1[0], entries(&stage)[0]), (0, 1));
    done(&mut stage, Who::Anna, &back(Side::Sell, 1, 1));
    assert_eq!(entries(&stage), [0; 6]);
    let found = tables(&stage).sessions.get(&session).copied().unwrap();
    assert_eq!((found.steps, found.blocks, found.participants), (0, 0, 0));
    assert!(tables(&stage).participants.is_empty());
}

/// The tick of the session is 0.01 of the currency, the lot a tenth of a megawatt hour.
#[test]
fn prices_stand_on_the_tick_and_energies_on_the_lot() {
    let (mut stage, session) = market();
    let one = |price, energy| [(Price(price), WattHours(energy))];
    let (price, energy) = (-500 * PER_MWH, MWH / 10);
    for (side, steps, code) in [
        (Side::Buy, one(price, energy), Code::OK),
        (
            Side::Buy,
            one(price - 100, energy),
            Code::POWER_PRICE_INVALID,
        ),
        (Side::Buy, one(price + 1, energy), Code::POWER_PRICE_INVALID),
        (Side::Sell, one(4_000 * PER_MWH, energy), Code::OK),
        (
            Side::Sell,
            one(4_000 * PER_MWH + 100, energy),
            Code::POWER_PRICE_INVALID,
        ),
        (Side::Sell, one(100, energy + 1), Code::CURVE_INVALID),
        (Side::Sell, one(100, energy / 2), Code::CURVE_INVALID),
    ] {
        let call = curve(session, T[0], side, (0, 1), &steps);
        assert_eq!(send(&mut stage, Who::Anna, &call).0, code, "{call:?}");
        let [(Price(price), WattHours(energy))] = steps;
        let mut call = block(session, T[0], 1, side, (0, 2), (0, 1));
        if let Call::SubmitBlock {
            energy: of,
            price: at,
            ..
        } = &mut call
        {
            (of.0, at.0) = (energy, price);
        }
        let code = match code {
            Code::CURVE_INVALID => Code::BLOCK_ORDER_INVALID,
            other => other,
        };
        assert_eq!(send(&mut stage, Who::Anna, &call).0, code, "{call:?}");
    }
}

/// Orders are taken to the last millisecond before the gate, whether or not its trigger runs.
#[test]
fn no_order_is_taken_from_the_gate_on() {
    let (mut stage, session) = market();
    bid(&mut stage, session, T[0], Side::Buy, (0, 1), &[(90, 10)]);
    let call = block(session, T[0], 1, Side::Buy, (0, 2), (10, 10));
    done(&mut stage, Who::Anna, &call);
    wait(&mut stage, GATE - 1);
    bid(&mut stage, session, T[1], Side::Sell, (0, 1), &[(10, 10)]);
    assert_eq!(stage.machine.block().time, Millis(GATE - 1));
    let all = steps(&[(10, 10)]);
    let calls = [
        curve(session, T[0], Side::Buy, (0, 1), &all),
        Call::WithdrawCurve {
            session,
            account: T[0],
            side: Side::Buy,
            first: 0,
            count: 1,
        },
        call,
        Call::WithdrawBlock {
            session,
            account: T[0],
            number: 1,
        },
    ];
    for triggers in [0, 256] {
        for call in &calls {
            let mut now = stage.clone();
            let mut limits = *now.machine.limits();
            limits.triggers = triggers;
            now.machine.set_limits(limits);
            wait(&mut now, GATE);
            assert_eq!(send(&mut now, Who::Anna, call).0, Code::GATE_CLOSED);
        }
    }
    // The trigger being late delays the clearing and opens nothing.
    let mut late = stage.clone();
    let mut limits = *late.machine.limits();
    limits.triggers = 0;
    late.machine.set_limits(limits);
    for time in [GATE, GATE + 1_000, GATE + 2_000] {
        assert_eq!(at(&mut late, time), []);
    }
    limits.triggers = 256;
    late.machine.set_limits(limits);
    let told = cleared_from(&mut late, GATE + 3_000);
    assert_eq!(told, cleared(&mut stage));
}

/// A shut account's orders are passed over, and what it set aside is free; without them there is nothing to buy.
#[test]
fn who_may_not_take_part_at_the_gate_is_passed_over() {
    let (mut stage, session) = market();
    bid(&mut stage, session, T[0], Side::Buy, (0, 4), &[(90, 10)]);
    bid(&mut stage, session, T[0], Side::Sell, (95, 1), &[(-90, 10)]);
    let call = block(session, T[0], 1, Side::Buy, (2, 1), (20, 10));
    done(&mut stage, Who::Anna, &call);
    bid(&mut stage, session, T[1], Side::Sell, (0, 4), &[(10, 10)]);
    bid(&mut stage, session, T[2], Side::Buy, (0, 1), &[(60, 5)]);
    let status = identity::Call::SetStatus {
        account: T[0],
        status: AccountStatus::Suspended,
        reason: "",
    };
    stage.call::<Identity>(Who::Regulator, &status);
    let told = cleared(&mut stage);
    assert_eq!(
        told[0],
        Event::GateClosed {
            session,
            zone: ZONE
        }
    );
    assert_eq!(
        told[1],
        Event::OrdersShut {
            session,
            account: T[0]
        }
    );
    assert_eq!(price(&stage, session, 0), (1_000, 5));
    assert_eq!(price(&stage, session, 1), (-50_000, 0));
    assert_eq!(price(&stage, session, 2), (-50_000, 0));
    assert!(tables(&stage).decided.is_empty());
    assert_eq!(books(&stage), ([0, 5_000_000, -5_000_000, 0, 0, 0], [0; 6]));
    assert_eq!(entries(&stage), [0; 6]);
    // Nobody else bid: of a session without orders only the prices are left.
    assert_eq!(tables(&stage).prices.len(), 96);
}

/// With one order an account, the last but one of 1,025 accounts is taken.
#[test]
fn a_session_has_so_many_accounts() {
    let mut stage = traders();
    for number in 0..=u64::from(PARTICIPANTS_MAX) {
        open_account(&mut stage, AccountId(10_000 + number), 1, &[Who::Anna]);
    }
    let session = opened(&mut stage, &plain_day());
    let one = steps(&[(5, 1)]);
    let call = |number| {
        curve(
            session,
            AccountId(10_000 + number),
            Side::Sell,
            (0, 1),
            &one,
        )
    };
    for number in 0..u64::from(PARTICIPANTS_MAX) {
        done(&mut stage, Who::Anna, &call(number));
    }
    let last = u64::from(PARTICIPANTS_MAX);
    refused(&mut stage, Who::Anna, &call(last), Code::POWER_SESSION_FULL);
    let more = block(
        session,
        AccountId(10_000 + last),
        1,
        Side::Sell,
        (0, 2),
        (1, 1),
    );
    refused(&mut stage, Who::Anna, &more, Code::POWER_SESSION_FULL);
    // Who is in already may bid on.
    let more = block(session, AccountId(10_000), 1, Side::Sell, (0, 2), (1, 1));
    done(&mut stage, Who::Anna, &more);
    let found = tables(&stage).sessions.get(&session).copied().unwrap();
    assert_eq!(found.participants, PARTICIPANTS_MAX);
    assert_eq!(WattHours(MWH / 10), found.terms.lot);
    cleared(&mut stage);
}
