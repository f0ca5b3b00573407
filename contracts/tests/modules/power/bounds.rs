//! Bounds of sessions and curves, one by one: the last value that is taken and the first that is not.

use bds_contracts::Code;
use bds_contracts::amount::{Money as Amount, Price, WattHours};
use bds_contracts::exchange::Side;
use bds_contracts::money::{self, Money};
use bds_contracts::power::rules::{ENERGY_MAX, PRICE_MAX, STEPS_MAX};

use super::super::stage::{EUR, Who};
use super::refusals::{Day, SOUND, refusing};
use super::*;

#[test]
fn every_bound_of_a_session() {
    let mut stage = traders();
    wait(&mut stage, 1_000_000);
    stage.execute(&[]);
    let now = 1_001_000;
    let day = 24 * 3_600_000;
    let sound = |call: Day| (call, Code::OK);
    let wrong = |call: Day| (call, Code::POWER_SESSION_INVALID);
    let far = 31 * day / QUARTER * QUARTER + QUARTER;
    let at = |start| Day {
        start,
        end: start + day,
        ..SOUND
    };
    for (call, code) in [
        sound(SOUND),
        sound(Day {
            end: START + 23 * 3_600_000,
            ..SOUND
        }),
        sound(Day {
            end: START + 25 * 3_600_000,
            ..SOUND
        }),
        wrong(Day {
            end: START + 22 * 3_600_000,
            ..SOUND
        }),
        wrong(Day {
            end: START + day + QUARTER,
            ..SOUND
        }),
        wrong(Day {
            end: START - day,
            ..SOUND
        }),
        wrong(Day {
            start: START + 1,
            end: START + 1 + day,
            ..SOUND
        }),
        sound(Day {
            gate: START,
            ..SOUND
        }),
        wrong(Day {
            gate: START + 1,
            ..SOUND
        }),
        sound(Day {
            gate: now + 1,
            ..SOUND
        }),
        wrong(Day { gate: now, ..SOUND }),
        // 31 days are 2,678,400,000 ms; quarters begin 899,000 ms before they end after now.
        sound(at(far)),
        wrong(at(far + QUARTER)),
        sound(Day {
            price_min: 99,
            ..SOUND
        }),
        wrong(Day {
            price_min: 100,
            ..SOUND
        }),
        sound(Day {
            price_min: -PRICE_MAX,
            ..SOUND
        }),
        wrong(Day {
            price_min: -PRICE_MAX - 1,
            ..SOUND
        }),
        sound(Day {
            price_max: PRICE_MAX,
            ..SOUND
        }),
        wrong(Day {
            price_max: PRICE_MAX + 1,
            ..SOUND
        }),
        wrong(Day {
            price_min: i64::MIN,
            ..SOUND
        }),
        wrong(Day { tick: 0, ..SOUND }),
        sound(Day {
            tick: u32::MAX,
            ..SOUND
        }),
        wrong(Day { lot: 0, ..SOUND }),
        wrong(Day { lot: -1, ..SOUND }),
        sound(Day {
            lot: ENERGY_MAX,
            ..SOUND
        }),
        wrong(Day {
            lot: ENERGY_MAX + 1,
            ..SOUND
        }),
        sound(Day {
            steps_max: 131_072,
            ..SOUND
        }),
        wrong(Day {
            steps_max: 131_073,
            ..SOUND
        }),
        sound(Day {
            blocks_max: 256,
            ..SOUND
        }),
        wrong(Day {
            blocks_max: 257,
            ..SOUND
        }),
        wrong(Day {
            account_blocks_max: 3,
            ..SOUND
        }),
        sound(Day {
            steps_max: 0,
            blocks_max: 0,
            account_blocks_max: 0,
            ..SOUND
        }),
    ] {
        let mut one = stage.clone();
        let call = call.call();
        assert_eq!(send(&mut one, Who::Surveillance, &call).0, code, "{call:?}");
    }
}

#[test]
fn days_of_a_zone_do_not_overlap() {
    let mut stage = traders();
    let hour = 3_600_000;
    let of = |start, hours| day(start, start + hours * hour, hour);
    opened(&mut stage, &of(START, 23));
    let exists = Code::POWER_SESSION_EXISTS;
    let operator = Who::Surveillance;
    for (start, hours) in [
        (START, 24),
        (START - QUARTER, 24),
        (START - 23 * hour + QUARTER, 23),
        (START + 23 * hour - QUARTER, 25),
    ] {
        refused(&mut stage, operator, &of(start, hours), exists);
    }
    opened(&mut stage, &of(START + 23 * hour, 25));
    refused(&mut stage, operator, &of(START + 47 * hour, 24), exists);
    opened(&mut stage, &of(START + 48 * hour, 24));
}

/// By themselves: shapes of curves at their bounds. The lot is 1 and the session takes ten steps.
#[test]
fn every_bound_of_a_curve() {
    let (mut stage, session, _) = refusing();
    let (buy, sell) = (Side::Buy, Side::Sell);
    let wrong = Code::CURVE_INVALID;
    const HALF: i64 = ENERGY_MAX / 2;
    type Case = (Side, &'static [(i64, i64)], Code);
    let cases: &[Case] = &[
        (buy, &[], wrong),
        (sell, &[], wrong),
        (buy, &[(2, 1), (2, 1)], wrong),
        (buy, &[(1, 1), (2, 1)], wrong),
        (buy, &[(2, 1), (1, 1)], Code::OK),
        (sell, &[(2, 1), (1, 1)], wrong),
        (sell, &[(2, 1), (2, 1)], wrong),
        (sell, &[(1, 1), (2, 1)], Code::OK),
        (sell, &[(1, 0)], wrong),
        (sell, &[(1, -1)], wrong),
        (sell, &[(1, i64::MIN), (2, i64::MAX)], wrong),
        (sell, &[(1, ENERGY_MAX)], Code::OK),
        (sell, &[(1, ENERGY_MAX + 1)], wrong),
        (sell, &[(1, HALF), (2, HALF)], Code::OK),
        (sell, &[(1, HALF), (2, HALF + 1)], wrong),
        (sell, &[(PRICE_MAX, 1)], Code::OK),
        (sell, &[(PRICE_MAX + 1, 1)], Code::POWER_PRICE_INVALID),
        (buy, &[(-PRICE_MAX, 1)], Code::OK),
        (buy, &[(-PRICE_MAX - 1, 1)], Code::POWER_PRICE_INVALID),
        (buy, &[(i64::MIN, 1)], Code::POWER_PRICE_INVALID),
    ];
    for (side, all, code) in cases {
        let steps: Vec<_> = all
            .iter()
            .map(|(price, energy)| (Price(*price), WattHours(*energy)))
            .collect();
        let call = curve(session, T[0], *side, (0, 1), &steps);
        let mut one = stage.clone();
        assert_eq!(send(&mut one, Who::Anna, &call).0, *code, "{call:?}");
    }
    // As many steps as a curve may have, and one more.
    let wide = Day {
        zone: 3,
        // A quarter of them is one product of the most steps.
        steps_max: 16 * STEPS_MAX as u32,
        price_max: PRICE_MAX,
        ..SOUND
    };
    let session = opened(&mut stage, &wide.call());
    let many: Vec<_> = (0..=STEPS_MAX as i64)
        .map(|n| (Price(n), WattHours(1)))
        .collect();
    let call = curve(session, T[0], sell, (0, 4), &many);
    refused(&mut stage, Who::Anna, &call, wrong);
    let call = curve(session, T[0], sell, (0, 4), &many[..STEPS_MAX]);
    done(&mut stage, Who::Anna, &call);
    let one = curve(session, T[0], buy, (0, 1), &many[..1]);
    refused(&mut stage, Who::Anna, &one, Code::POWER_ACCOUNT_FULL);
    // In place of the old ones there is room.
    let call = curve(session, T[0], sell, (0, 4), &many[..STEPS_MAX]);
    done(&mut stage, Who::Anna, &call);
    let less = curve(session, T[0], sell, (0, 1), &many[..STEPS_MAX - 1]);
    done(&mut stage, Who::Anna, &less);
    done(&mut stage, Who::Anna, &one);
}

/// Of ten steps an account has three, so that at least four accounts find room; and then the session is full.
#[test]
fn no_account_uses_up_the_steps_of_all() {
    let (mut stage, session, _) = refusing();
    let all: Vec<_> = (0..4).map(|n| (Price(n), WattHours(1))).collect();
    let of = |account, first, count: usize| {
        let steps = &all[..count];
        curve(session, account, Side::Sell, (first, 1), steps)
    };
    let full = Code::POWER_ACCOUNT_FULL;
    refused(&mut stage, Who::Anna, &of(T[0], 0, 4), full);
    for account in &T[..3] {
        done(&mut stage, owner(*account), &of(*account, 0, 2));
        done(&mut stage, owner(*account), &of(*account, 1, 1));
        refused(&mut stage, owner(*account), &of(*account, 2, 1), full);
        refused(&mut stage, owner(*account), &of(*account, 1, 2), full);
    }
    done(&mut stage, Who::Bert, &of(T[3], 0, 1));
    refused(
        &mut stage,
        Who::Bert,
        &of(T[3], 1, 1),
        Code::POWER_SESSION_FULL,
    );
    // What is taken back makes room for the account and the others.
    let back = Call::WithdrawCurve {
        session,
        account: T[0],
        side: Side::Sell,
        first: 0,
        count: 1,
    };
    done(&mut stage, Who::Anna, &back);
    done(&mut stage, Who::Bert, &of(T[3], 1, 1));
    done(&mut stage, Who::Anna, &of(T[0], 2, 1));
    let part = tables(&stage).participants.get(&(session, T[0])).copied();
    assert_eq!(part.map(|part| (part.curves, part.steps)), Some((2, 2)));
}

/// All of its money but one unit is gone: what a buyer may come to pay must be there to the last unit.
#[test]
fn money_suffices_to_the_unit() {
    let (mut stage, session) = market();
    let all = steps(&[(50, 10)]);
    // 1 MWh at 50, and one unit for the rounding of a sum.
    let need = 50_000_001;
    let spend = money::Call::Transfer {
        from: T[0],
        to: T[1],
        currency: EUR,
        amount: Amount(CASH - need + 1),
    };
    assert_eq!(stage.call::<Money>(Who::Anna, &spend), Code::OK);
    let call = curve(session, T[0], Side::Buy, (0, 1), &all);
    refused(&mut stage, Who::Anna, &call, Code::CASH_TOO_LOW);
    let back = money::Call::Transfer {
        from: T[1],
        to: T[0],
        currency: EUR,
        amount: Amount(1),
    };
    assert_eq!(stage.call::<Money>(Who::Bert, &back), Code::OK);
    done(&mut stage, Who::Anna, &call);
    assert_eq!(stage.held(T[0], EUR), (need, need));
    // The same again takes its place and needs no more.
    done(&mut stage, Who::Anna, &call);
    let dearer = steps(&[(51, 10)]);
    let call = curve(session, T[0], Side::Buy, (0, 1), &dearer);
    refused(&mut stage, Who::Anna, &call, Code::CASH_TOO_LOW);
}
