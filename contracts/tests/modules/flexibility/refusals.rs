//! Of several faults the first check answers: every call with all faults there are, mended one after the other.

use bds_contracts::Code;
use bds_contracts::amount::{Currency, Money as Amount, PPM, Watts};
use bds_contracts::energy::MicrogridId;
use bds_contracts::flexibility::rules::{OFFERS_MAX, PENALTY_MAX, PRICE_MAX, REQUESTS_MAX};
use bds_contracts::flexibility::{Call, PointId};
use bds_contracts::identity::account::AccountStatus;
use bds_contracts::identity::{self, Identity};
use bds_contracts::kernel::wire::List;
use bds_contracts::tx::Millis;

use super::super::energy::QUARTER;
use super::super::stage::{BANK_S, Who};
use super::*;

const DAY: u64 = 24 * 3_600_000;
const HUGE: Watts = Watts(i64::MAX);

/// How a message of the tests speaks of time: right, and wrong in one way after the other.
const FRAMES: [(u16, &str, Code); 5] = [
    (0, "Etc/UTC", Code::ISP_DURATION_MISMATCH),
    (30, ZONE, Code::ISP_DURATION_MISMATCH),
    (u16::MAX, ZONE, Code::ISP_DURATION_MISMATCH),
    (15, "Etc/UTC", Code::TIME_ZONE_MISMATCH),
    (15, "", Code::TIME_ZONE_MISMATCH),
];

/// Days that are none: too short, not in intervals, over, too far ahead, at the end of time.
fn no_days(now: u64) -> [(u64, u64); 7] {
    let far = (now / QUARTER + 2) * QUARTER + 31 * DAY;
    [
        (START, START + DAY - QUARTER),
        (START, START),
        (START, 0),
        (START + 1, START + DAY + 1),
        (0, DAY),
        (far, far + DAY),
        (u64::MAX - DAY, u64::MAX),
    ]
}

#[test]
fn a_point_that_is_wrong_in_several_ways() {
    let mut stage = super::super::energy::plant();
    let call = |point, microgrid, address, time_zone, penalty_ppm| Call::RegisterPoint {
        point: PointId(point),
        microgrid: MicrogridId(microgrid),
        address,
        time_zone,
        penalty_ppm,
    };
    done(&mut stage, Who::Bank, &register(PENALTY_MAX));
    for (call, code) in [
        (call(1, 9, "", "", u32::MAX), Code::POINT_EXISTS),
        (call(2, 9, "", "", u32::MAX), Code::UNKNOWN_MICROGRID),
        (call(2, 1, "", "z", 0), Code::POINT_INVALID),
        (call(2, 1, "a", "", 0), Code::POINT_INVALID),
        (call(2, 1, "a", "z", PENALTY_MAX + 1), Code::POINT_INVALID),
    ] {
        refused(&mut stage, Who::Bank, &call, code);
    }
    let tested = |point, isp_minutes, time_zone| Call::Test {
        point: PointId(point),
        isp_minutes,
        time_zone,
    };
    done(&mut stage, Who::Bank, &tested(1, None, None));
    done(&mut stage, Who::Bert, &tested(1, Some(15), Some(ZONE)));
    let unknown = tested(2, None, None);
    refused(&mut stage, Who::Bank, &unknown, Code::UNKNOWN_POINT);
    for (minutes, zone, code) in FRAMES {
        refused(
            &mut stage,
            Who::Bank,
            &tested(1, Some(minutes), Some(zone)),
            code,
        );
    }
}

#[test]
fn a_prognosis_that_is_wrong_in_several_ways() {
    let mut stage = grid();
    let now = stage.machine.block().time.0;
    foreseen(&mut stage, 5);
    let whole = [((0, 96), Watts(5))];
    let huge = [((0, 96), HUGE)];
    let hole = [((0, 95), Watts(5))];
    let call =
        |point, aggregator, frame: (u16, &'static str), day: (u64, u64), revision, powers| {
            Call::SubmitPrognosis {
                point: PointId(point),
                aggregator,
                isp_minutes: frame.0,
                time_zone: frame.1,
                start: Millis(day.0),
                end: Millis(day.1),
                revision,
                powers: List::Items(powers),
            }
        };
    let (good, day) = ((15, ZONE), (START, END));
    let unknown = AccountId(9_999);
    for (call, code) in [
        (
            call(9, unknown, (0, ""), (0, 0), 0, &huge),
            Code::UNKNOWN_ACCOUNT,
        ),
        (
            call(9, P[0], (0, ""), (0, 0), 0, &huge),
            Code::NOT_REPRESENTATIVE,
        ),
        (
            call(9, P[1], (0, ""), (0, 0), 0, &huge),
            Code::UNKNOWN_POINT,
        ),
        (call(1, P[3], good, day, 0, &whole), Code::NO_PORTFOLIO),
        (call(1, P[1], good, day, 1, &huge), Code::REVISION_INVALID),
        (call(1, P[1], good, day, 2, &huge), Code::ISPS_INVALID),
        (call(1, P[1], good, day, 2, &hole), Code::ISPS_INVALID),
        // It overlaps the other day by a quarter of an hour, or is as long as no day that begins there.
        (
            call(
                1,
                P[1],
                good,
                (END - QUARTER, END - QUARTER + DAY),
                9,
                &whole,
            ),
            Code::FLEX_PERIOD_INVALID,
        ),
        (
            call(
                1,
                P[1],
                good,
                (START - DAY + QUARTER, START + QUARTER),
                9,
                &whole,
            ),
            Code::FLEX_PERIOD_INVALID,
        ),
        (
            call(1, P[1], good, (START, END + 4 * QUARTER), 9, &whole),
            Code::FLEX_PERIOD_INVALID,
        ),
    ] {
        refused(&mut stage, Who::Bert, &call, code);
    }
    for (minutes, zone, code) in FRAMES {
        refused(
            &mut stage,
            Who::Bert,
            &call(1, P[1], (minutes, zone), (0, 0), 0, &huge),
            code,
        );
    }
    for day in no_days(now) {
        let call = call(1, P[1], good, day, 0, &huge);
        refused(&mut stage, Who::Bert, &call, Code::FLEX_PERIOD_INVALID);
    }
    wait(&mut stage, START);
    let late = call(1, P[1], good, day, 2, &whole);
    refused(&mut stage, Who::Bert, &late, Code::FLEX_PERIOD_INVALID);
}

#[test]
fn a_request_that_is_wrong_in_several_ways() {
    let mut stage = grid();
    let now = stage.machine.block().time.0;
    let need = |least, most, need| [((0, 96), ((Watts(least), Watts(most)), need))];
    let (free, wanted) = (Need::Available, Need::Requested);
    let good = need(1, 2, wanted);
    fn call<'a>(
        point: u32,
        aggregator: AccountId,
        frame: (u16, &'a str),
        day: (u64, u64),
        expires: u64,
        needs: Needs<'a>,
    ) -> Call<'a> {
        Call::Request {
            point: PointId(point),
            aggregator,
            isp_minutes: frame.0,
            time_zone: frame.1,
            start: Millis(day.0),
            end: Millis(day.1),
            expires: Millis(expires),
            needs: List::Items(needs),
        }
    }
    let (frame, day) = ((15, ZONE), (START, END));
    for (needs, code) in [
        (need(2, 1, wanted), Code::ISPS_INVALID),
        (need(1, 2, free), Code::ISPS_INVALID),
        (need(-1, 2, free), Code::ISPS_INVALID),
        (need(-1, i64::MAX, wanted), Code::ISPS_INVALID),
        (need(i64::MIN, 0, wanted), Code::ISPS_INVALID),
    ] {
        refused(
            &mut stage,
            Who::Bank,
            &call(1, P[1], frame, day, EXPIRES, &needs),
            code,
        );
    }
    for (call, code) in [
        (call(9, P[3], (0, ""), (0, 0), 0, &[]), Code::UNKNOWN_POINT),
        (
            call(1, P[3], frame, day, now, &[]),
            Code::FLEX_PERIOD_INVALID,
        ),
        (
            call(1, P[3], frame, day, END + 1, &[]),
            Code::FLEX_PERIOD_INVALID,
        ),
        (call(1, P[3], frame, day, END, &[]), Code::NO_PORTFOLIO),
        (call(1, P[1], frame, day, END, &[]), Code::ISPS_INVALID),
    ] {
        refused(&mut stage, Who::Bank, &call, code);
    }
    for (minutes, zone, code) in FRAMES {
        refused(
            &mut stage,
            Who::Bank,
            &call(1, P[3], (minutes, zone), (0, 0), 0, &[]),
            code,
        );
    }
    for day in no_days(now) {
        let call = call(1, P[3], frame, day, 0, &[]);
        refused(&mut stage, Who::Bank, &call, Code::FLEX_PERIOD_INVALID);
    }
    for _ in 0..REQUESTS_MAX {
        done(
            &mut stage,
            Who::Bank,
            &call(1, P[1], frame, day, END, &good),
        );
    }
    let more = call(1, P[1], frame, day, END, &good);
    refused(&mut stage, Who::Bank, &more, Code::FLEX_LIMIT);
}

#[test]
fn an_offer_that_is_wrong_in_several_ways() {
    let mut stage = grid();
    let needs = [
        ((0, 4), ((Watts(-5), Watts(7)), Need::Available)),
        ((4, 4), ((Watts(2), Watts(9)), Need::Requested)),
        ((8, 4), ((Watts(-9), Watts(-2)), Need::Requested)),
    ];
    done(&mut stage, Who::Bank, &request(&needs));
    let (number, _) = tables(&stage).requests.range(..).next().expect("it");
    let number = *number;
    let call = |request, frame: (u16, &'static str), start, expires, currency, options, powers| {
        Call::Offer {
            request,
            isp_minutes: frame.0,
            time_zone: frame.1,
            start: Millis(start),
            expires: Millis(expires),
            currency,
            options: List::Items(options),
            powers: List::Items(powers),
        }
    };
    let frame = (15, ZONE);
    let good: Powers<'_> = &[((0, 4), (1, Watts(1)))];
    let none: &[(Amount, u32)] = &[];
    let (wrong, off) = (Code::OPTIONS_INVALID, Code::OFFER_OUTSIDE_REQUEST);
    for (minutes, zone, code) in FRAMES {
        let call = call(number, (minutes, zone), 0, 0, Currency(*b"usd"), none, &[]);
        refused(&mut stage, Who::Bert, &call, code);
    }
    let usd = Currency(*b"USD");
    for (call, code) in [
        (
            call(9_999, (0, ""), 0, 0, usd, none, &[]),
            Code::UNKNOWN_FLEX_REQUEST,
        ),
        (
            call(number, frame, 0, 0, usd, none, &[]),
            Code::FLEX_PERIOD_INVALID,
        ),
        (call(number, frame, START, 0, usd, ONE, good), wrong),
        (call(number, frame, START, 0, EUR, none, good), wrong),
        (call(number, frame, START, 0, EUR, ONE, &[]), wrong),
        (
            call(number, frame, START, 0, EUR, ONE, good),
            Code::FLEX_OFFER_EXPIRED,
        ),
    ] {
        refused(&mut stage, Who::Bert, &call, code);
    }
    let many = [ONE[0]; 9];
    for options in [
        &[(Amount(-1), PPM)][..],
        &[(Amount(PRICE_MAX + 1), PPM)],
        &[(Amount(i64::MIN), PPM)],
        &[(Amount(1), 0)],
        &[(Amount(1), PPM + 1)],
        &many,
        // The second one has no power.
        &many[..2],
    ] {
        let call = call(number, frame, START, EXPIRES, EUR, options, good);
        refused(&mut stage, Who::Bert, &call, wrong);
    }
    for (powers, code) in [
        (&[((1, 4), (1, Watts(1)))][..], Code::ISPS_INVALID),
        (&[((0, 96), (1, Watts(1)))], Code::ISPS_INVALID),
        (&[((0, 4), (0, Watts(1)))], Code::ISPS_INVALID),
        (&[((0, 4), (255, Watts(1)))], Code::ISPS_INVALID),
        (&[((0, 4), (1, HUGE))], Code::ISPS_INVALID),
        (
            &[((0, 5), (1, Watts(1))), ((0, 4), (1, Watts(1)))],
            Code::ISPS_INVALID,
        ),
        (&[((0, 0), (1, Watts(8)))], off),
        (&[((0, 0), (1, Watts(-6)))], off),
        (&[((0, 4), (1, Watts(10)))], off),
        (&[((0, 4), (1, Watts(-1)))], off),
        (&[((0, 8), (1, Watts(1)))], off),
        (&[((0, 8), (1, Watts(-10)))], off),
        (&[((0, 12), (1, Watts(1)))], off),
    ] {
        let call = call(number, frame, START, EXPIRES, EUR, ONE, powers);
        refused(&mut stage, Who::Bert, &call, code);
    }
    // Less than is wanted is better than nothing.
    let edge = [
        ((0, 0), (1, Watts(7))),
        ((0, 4), (1, Watts(1))),
        ((0, 8), (1, Watts(-9))),
    ];
    for _ in 0..OFFERS_MAX {
        let call = call(number, frame, START, EXPIRES, EUR, ONE, &edge);
        done(&mut stage, Who::Bert, &call);
    }
    let more = call(number, frame, START, EXPIRES, EUR, ONE, &edge);
    refused(&mut stage, Who::Bert, &more, Code::FLEX_LIMIT);
}

#[test]
fn an_order_that_is_wrong_in_several_ways() {
    let mut stage = grid();
    let request = requested(&mut stage);
    let made = offered(&mut stage, request, 40, 4, -4_000);
    let good = [((40, 4), Watts(-4_000))];
    let usd = Currency(*b"USD");
    let call =
        |offer, frame: (u16, &'static str), start, option, currency, price, powers| Call::Order {
            offer,
            option,
            part_ppm: PPM,
            isp_minutes: frame.0,
            time_zone: frame.1,
            start: Millis(start),
            prognosis: 7,
            price: Amount(price),
            currency,
            powers: List::Items(powers),
        };
    let frame = (15, ZONE);
    for (minutes, zone, code) in FRAMES {
        let call = call(made, (minutes, zone), 0, 9, usd, 0, &[]);
        refused(&mut stage, Who::Bank, &call, code);
    }
    let other = Code::FLEX_ORDER_MISMATCH;
    let huge = [((40, 4), HUGE)];
    let longer = [((40, 5), Watts(-4_000))];
    for (call, code) in [
        (
            call(9_999, (0, ""), 0, 9, usd, 0, &[]),
            Code::UNKNOWN_FLEX_OFFER,
        ),
        (
            call(made, frame, 0, 9, usd, 0, &[]),
            Code::FLEX_PERIOD_INVALID,
        ),
        (call(made, frame, START, 9, usd, 0, &[]), other),
        (
            call(made, frame, START, 9, EUR, 0, &[]),
            Code::OPTIONS_INVALID,
        ),
        (call(made, frame, START, 0, EUR, 0, &good), other),
        (call(made, frame, START, 0, EUR, PRICE + 1, &good), other),
        (call(made, frame, START, 0, EUR, PRICE, &[]), other),
        (call(made, frame, START, 0, EUR, PRICE, &huge), other),
        (call(made, frame, START, 0, EUR, PRICE, &longer), other),
        (
            call(made, frame, START, 0, EUR, PRICE, &good),
            Code::UNKNOWN_PROGNOSIS,
        ),
    ] {
        refused(&mut stage, Who::Bank, &call, code);
    }
    // Another revision, then the right one and too little money.
    foreseen(&mut stage, 0);
    let right = order(made, 1, &good);
    let named = call(made, frame, START, 0, EUR, PRICE, &good);
    refused(&mut stage, Who::Bank, &named, Code::UNKNOWN_PROGNOSIS);
    let away = money::Call::Transfer {
        from: BANK_S,
        to: P[5],
        currency: EUR,
        amount: Amount(CASH - PRICE + 1),
    };
    assert_eq!(stage.call::<Money>(Who::Bank, &away), Code::OK);
    refused(&mut stage, Who::Bank, &right, Code::CASH_TOO_LOW);
    for (who, call) in paid_in(1) {
        assert_eq!(stage.call::<Money>(who, &call), Code::OK);
    }
    let status = |status| identity::Call::SetStatus {
        account: BANK_S,
        status,
        reason: "",
    };
    let blocked = status(AccountStatus::Blocked);
    assert_eq!(stage.call::<Identity>(Who::Regulator, &blocked), Code::OK);
    refused(&mut stage, Who::Bank, &right, Code::ACCOUNT_NOT_OPEN);
    let open = status(AccountStatus::Open);
    assert_eq!(stage.call::<Identity>(Who::Regulator, &open), Code::OK);
    done(&mut stage, Who::Bank, &right);
}
