//! Of several faults the first check answers: every call with all faults there are, mended one after the other.

use bds_contracts::Code;
use bds_contracts::amount::{Currency, PPM, Price, WattHours};
use bds_contracts::exchange::Side;
use bds_contracts::identity::account::AccountStatus;
use bds_contracts::identity::{self, Identity};
use bds_contracts::power::rules::{ENERGY_MAX, PRICE_MAX, SESSIONS_MAX};
use bds_contracts::power::{Call, Power, ZoneId};
use bds_contracts::tx::{AccountId, Millis};

use super::super::stage::{EUR, Stage, Who};
use super::*;

/// Of Anna and Bert, both of whom it takes.
const BOTH: AccountId = AccountId(220);

/// What a session is opened with.
#[derive(Clone, Copy)]
pub(super) struct Day {
    pub(super) zone: u32,
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) gate: u64,
    pub(super) price_min: i64,
    pub(super) price_max: i64,
    pub(super) tick: u32,
    pub(super) lot: i64,
    pub(super) currency: Currency,
    pub(super) steps_max: u32,
    pub(super) blocks_max: u32,
    pub(super) account_blocks_max: u32,
}

pub(super) const SOUND: Day = Day {
    zone: 1,
    start: START,
    end: START + 96 * QUARTER,
    gate: GATE,
    price_min: -100,
    price_max: 100,
    tick: 1,
    lot: 1,
    currency: EUR,
    steps_max: 10,
    blocks_max: 2,
    account_blocks_max: 2,
};

impl Day {
    pub(super) fn call(self) -> Call<'static> {
        Call::OpenSession {
            zone: ZoneId(self.zone),
            start: Millis(self.start),
            end: Millis(self.end),
            gate: Millis(self.gate),
            price_min: Price(self.price_min),
            price_max: Price(self.price_max),
            tick: self.tick,
            lot: WattHours(self.lot),
            currency: self.currency,
            steps_max: self.steps_max,
            blocks_max: self.blocks_max,
            account_blocks_max: self.account_blocks_max,
        }
    }
}

#[test]
fn a_session_that_is_wrong_in_several_ways() {
    let mut stage = traders();
    opened(&mut stage, &SOUND.call());
    let dollars = Currency(*b"usd");
    let operator = Who::Surveillance;
    let all = Day {
        tick: 0,
        currency: dollars,
        ..SOUND
    };
    refused(
        &mut stage,
        operator,
        &all.call(),
        Code::POWER_SESSION_INVALID,
    );
    let currency = Day {
        currency: dollars,
        ..SOUND
    };
    refused(
        &mut stage,
        operator,
        &currency.call(),
        Code::UNKNOWN_CURRENCY,
    );
    refused(
        &mut stage,
        operator,
        &SOUND.call(),
        Code::POWER_SESSION_EXISTS,
    );
    // As many as there may be: the zone's own day is told first.
    for zone in 2..=SESSIONS_MAX as u32 {
        opened(&mut stage, &Day { zone, ..SOUND }.call());
    }
    refused(
        &mut stage,
        operator,
        &SOUND.call(),
        Code::POWER_SESSION_EXISTS,
    );
    let more = Day {
        zone: 9_999,
        ..SOUND
    };
    refused(
        &mut stage,
        operator,
        &more.call(),
        Code::TOO_MANY_POWER_SESSIONS,
    );
    cleared(&mut stage);
    let later = START - 1_000;
    opened(
        &mut stage,
        &Day {
            gate: later,
            ..more
        }
        .call(),
    );
}

/// A ledger with an open session, one that is cleared, and an account of Anna's that is blocked.
pub(super) fn refusing() -> (Stage, u64, u64) {
    let mut stage = traders();
    open_account(&mut stage, BOTH, 2, &[Who::Anna, Who::Bert]);
    let early = Day {
        zone: 2,
        gate: 3_600_000,
        ..SOUND
    };
    let over = opened(&mut stage, &early.call());
    let session = opened(
        &mut stage,
        &Day {
            price_max: PRICE_MAX,
            price_min: -PRICE_MAX,
            ..SOUND
        }
        .call(),
    );
    at(&mut stage, 3_600_000);
    let status = identity::Call::SetStatus {
        account: T[4],
        status: AccountStatus::Blocked,
        reason: "",
    };
    let code = stage.call::<Identity>(Who::Regulator, &status);
    assert_eq!(code, Code::OK);
    (stage, session, over)
}

#[test]
fn a_curve_that_is_wrong_in_several_ways() {
    let (mut stage, session, over) = refusing();
    let stage = &mut stage;
    let s = |all: &[(i64, i64)]| -> Vec<(Price, WattHours)> {
        let all = all.iter();
        all.map(|(price, energy)| (Price(*price), WattHours(*energy)))
            .collect()
    };
    let bad = s(&[(PRICE_MAX + 1, 1), (PRICE_MAX + 1, 1)]);
    let beyond = s(&[(PRICE_MAX + 1, 1)]);
    let dear: Vec<_> = (0..11)
        .map(|n| (Price(PRICE_MAX - n), WattHours(1_000_000)))
        .collect();
    let costly = s(&[(PRICE_MAX, ENERGY_MAX)]);
    let buy = Side::Buy;
    let day = (96, 1);
    for (account, number, product, steps, code) in [
        (AccountId(999), 0, day, &bad, Code::UNKNOWN_ACCOUNT),
        (T[1], 0, day, &bad, Code::NOT_REPRESENTATIVE),
        (T[4], 0, day, &bad, Code::ACCOUNT_NOT_OPEN),
        (BOTH, 0, day, &bad, Code::UNKNOWN_POWER_SESSION),
        (BOTH, over, day, &bad, Code::GATE_CLOSED),
        (BOTH, session, day, &bad, Code::DELIVERY_INVALID),
        (BOTH, session, (95, 2), &bad, Code::DELIVERY_INVALID),
        (BOTH, session, (255, 255), &bad, Code::DELIVERY_INVALID),
        (BOTH, session, (0, 0), &bad, Code::DELIVERY_INVALID),
        (BOTH, session, (0, 3), &bad, Code::DELIVERY_INVALID),
        (BOTH, session, (1, 2), &bad, Code::DELIVERY_INVALID),
        (BOTH, session, (2, 4), &bad, Code::DELIVERY_INVALID),
        (BOTH, session, (92, 4), &bad, Code::CURVE_INVALID),
        (BOTH, session, (95, 1), &beyond, Code::POWER_PRICE_INVALID),
        (BOTH, session, (95, 1), &dear, Code::POWER_SESSION_FULL),
        (BOTH, session, (95, 1), &costly, Code::CASH_TOO_LOW),
    ] {
        refused(
            stage,
            Who::Anna,
            &curve(number, account, buy, product, steps),
            code,
        );
    }
    let one = s(&[(5, 1)]);
    let sound = curve(session, BOTH, buy, (95, 1), &one);
    refused(stage, Who::Anna, &sound, Code::NOT_ENDORSED);
    let code = stage.call_of_two::<Power>(Who::Anna, Who::Bert, &sound);
    assert_eq!(code, Code::OK);
}

#[test]
fn a_block_that_is_wrong_in_several_ways() {
    let (mut stage, session, over) = refusing();
    let stage = &mut stage;
    // The session takes two blocks, and has them.
    for number in [3, 4] {
        let call = Call::SubmitBlock {
            session,
            account: T[0],
            number,
            side: Side::Sell,
            first: 0,
            count: 4,
            energy: WattHours(1),
            price: Price(1),
            least_ppm: PPM,
            parent: None,
            group: None,
        };
        done(stage, Who::Anna, &call);
    }
    #[derive(Clone, Copy)]
    struct One {
        account: AccountId,
        session: u64,
        number: u32,
        intervals: (u8, u8),
        energy: i64,
        price: i64,
        least: u32,
        parent: Option<u32>,
    }
    let call = |one: One| Call::SubmitBlock {
        session: one.session,
        account: one.account,
        number: one.number,
        side: Side::Buy,
        first: one.intervals.0,
        count: one.intervals.1,
        energy: WattHours(one.energy),
        price: Price(one.price),
        least_ppm: one.least,
        parent: one.parent,
        group: Some(1),
    };
    let mut one = One {
        account: AccountId(999),
        session: 0,
        number: 9,
        intervals: (96, 1),
        energy: 0,
        price: PRICE_MAX + 1,
        least: 0,
        parent: Some(8),
    };
    refused(stage, Who::Anna, &call(one), Code::UNKNOWN_ACCOUNT);
    one.account = T[1];
    refused(stage, Who::Anna, &call(one), Code::NOT_REPRESENTATIVE);
    one.account = T[4];
    refused(stage, Who::Anna, &call(one), Code::ACCOUNT_NOT_OPEN);
    one.account = T[0];
    refused(stage, Who::Anna, &call(one), Code::UNKNOWN_POWER_SESSION);
    one.session = over;
    refused(stage, Who::Anna, &call(one), Code::GATE_CLOSED);
    one.session = session;
    for intervals in [(96, 1), (0, 97), (95, 2), (0, 0), (255, 255)] {
        let wrong = One { intervals, ..one };
        refused(stage, Who::Anna, &call(wrong), Code::DELIVERY_INVALID);
    }
    one.intervals = (0, 96);
    for (energy, least) in [
        (0, PPM),
        (-1, PPM),
        (ENERGY_MAX + 1, PPM),
        (1, 0),
        (1, PPM + 1),
    ] {
        let wrong = One {
            energy,
            least,
            ..one
        };
        refused(stage, Who::Anna, &call(wrong), Code::BLOCK_ORDER_INVALID);
    }
    (one.energy, one.least) = (ENERGY_MAX, 1);
    refused(stage, Who::Anna, &call(one), Code::POWER_PRICE_INVALID);
    one.price = PRICE_MAX;
    // Not there, itself, and one that comes later.
    for (number, parent) in [(9, 8), (3, 3), (3, 4)] {
        let wrong = One {
            number,
            parent: Some(parent),
            ..one
        };
        refused(stage, Who::Anna, &call(wrong), Code::LINK_INVALID);
    }
    one.parent = Some(4);
    refused(stage, Who::Anna, &call(one), Code::POWER_SESSION_FULL);
    // In place of another one there is room.
    (one.number, one.parent) = (4, Some(3));
    refused(stage, Who::Anna, &call(one), Code::CASH_TOO_LOW);
    one.energy = 1;
    done(stage, Who::Anna, &call(one));

    let both = Day { zone: 4, ..SOUND };
    one.session = opened(stage, &both.call());
    (one.account, one.parent, one.price) = (BOTH, None, 100);
    refused(stage, Who::Anna, &call(one), Code::NOT_ENDORSED);
    let code = stage.call_of_two::<Power>(Who::Anna, Who::Bert, &call(one));
    assert_eq!(code, Code::OK);
}

#[test]
fn withdrawals_that_are_wrong_in_several_ways() {
    let (mut stage, session, over) = refusing();
    let stage = &mut stage;
    let steps = [(Price(5), WattHours(1))];
    done(
        stage,
        Who::Anna,
        &curve(session, T[0], Side::Buy, (0, 2), &steps),
    );
    let back = |session, account, first, count| Call::WithdrawCurve {
        session,
        account,
        side: Side::Buy,
        first,
        count,
    };
    for (call, code) in [
        (back(0, AccountId(999), 96, 1), Code::UNKNOWN_ACCOUNT),
        (back(0, T[1], 96, 1), Code::NOT_REPRESENTATIVE),
        (back(0, T[0], 96, 1), Code::UNKNOWN_POWER_SESSION),
        (back(over, T[0], 96, 1), Code::GATE_CLOSED),
        (back(session, T[0], 96, 1), Code::DELIVERY_INVALID),
        (back(session, T[0], 0, 0), Code::DELIVERY_INVALID),
        (back(session, T[0], 0, 3), Code::UNKNOWN_CURVE),
        (back(session, T[0], 2, 1), Code::UNKNOWN_CURVE),
        (back(session, T[2], 0, 1), Code::UNKNOWN_CURVE),
    ] {
        refused(stage, Who::Anna, &call, code);
    }
    done(stage, Who::Anna, &back(session, T[0], 1, 1));
    refused(
        stage,
        Who::Anna,
        &back(session, T[0], 0, 2),
        Code::UNKNOWN_CURVE,
    );

    let new = |number, parent| Call::SubmitBlock {
        session,
        account: T[0],
        number,
        side: Side::Buy,
        first: 0,
        count: 4,
        energy: WattHours(1),
        price: Price(1),
        least_ppm: PPM,
        parent,
        group: None,
    };
    done(stage, Who::Anna, &new(1, None));
    done(stage, Who::Anna, &new(2, Some(1)));
    let back = |session, account, number| Call::WithdrawBlock {
        session,
        account,
        number,
    };
    for (call, code) in [
        (back(0, AccountId(999), 9), Code::UNKNOWN_ACCOUNT),
        (back(0, T[1], 9), Code::NOT_REPRESENTATIVE),
        (back(0, T[0], 9), Code::UNKNOWN_POWER_SESSION),
        (back(over, T[0], 9), Code::GATE_CLOSED),
        (back(session, T[0], 9), Code::UNKNOWN_BLOCK_ORDER),
        (back(session, T[2], 1), Code::UNKNOWN_BLOCK_ORDER),
        (back(session, T[0], 1), Code::BLOCK_ORDER_LINKED),
    ] {
        refused(stage, Who::Anna, &call, code);
    }
    // A blocked account takes back what it has.
    let status = identity::Call::SetStatus {
        account: T[0],
        status: AccountStatus::Suspended,
        reason: "",
    };
    stage.call::<Identity>(Who::Regulator, &status);
    done(stage, Who::Anna, &back(session, T[0], 2));
    done(stage, Who::Anna, &back(session, T[0], 1));
    let curve = Call::WithdrawCurve {
        session,
        account: T[0],
        side: Side::Buy,
        first: 0,
        count: 1,
    };
    done(stage, Who::Anna, &curve);
    assert_eq!(stage.held(T[0], EUR).1, 0);
    assert!(tables(stage).participants.is_empty());
    assert_eq!(stage.account(T[0]).entries, 0);
}
