//! Clearing over several blocks of the ledger: pieces end with a block and go on in the next, in the order of sessions; results are
//! forgotten in time; and the largest session there can be fits.

use std::collections::BTreeSet;

use bds_contracts::Code;
use bds_contracts::amount::{Money as Amount, PPM, Price, WattHours};
use bds_contracts::block::BlockDigest;
use bds_contracts::exchange::Side;
use bds_contracts::kernel::context::BlockInfo;
use bds_contracts::kernel::wire::List;
use bds_contracts::money::{self, Money};
use bds_contracts::power::clearing::Stage as Piece;
use bds_contracts::power::rules::{PRICE_MAX, RESULT_LIFE, SESSION_STEPS_MAX, STEPS_MAX};
use bds_contracts::power::session::SessionPhase;
use bds_contracts::power::{Call, Event, Power, ZoneId};
use bds_contracts::tx::{AccountId, Millis};
use sha2::{Digest as _, Sha512};

use super::super::stage::{EUR, Random, Stage, Who, codes};
use super::*;

/// Who of three alike sold in the first interval: the one with the lowest lot by the definition, and nobody else.
pub(super) fn winner_by_lot(stage: &Stage, session: u64, beacon: u8) -> AccountId {
    let lot = |account: &&AccountId| -> [u8; 64] {
        let mut hash = Sha512::new();
        hash.update(session.to_le_bytes());
        hash.update([beacon; 32]);
        hash.update([0]);
        hash.update(account.0.to_le_bytes());
        hash.update(1_u32.to_le_bytes());
        hash.finalize().into()
    };
    let winner = *T[1..4].iter().min_by_key(lot).unwrap();
    for account in &T[1..4] {
        let (got, _) = award(stage, session, *account, Side::Sell, 0);
        assert_eq!(got, i64::from(*account == winner), "beacon {beacon}");
    }
    winner
}

pub(super) fn zone_day(zone: u32, gate: u64) -> Call<'static> {
    let mut call = plain_day();
    if let Call::OpenSession {
        zone: of, gate: at, ..
    } = &mut call
    {
        (*of, *at) = (ZoneId(zone), Millis(gate));
    }
    call
}

/// Nobody knows while orders are taken what decides lots: clearing begins in the block after the one in which the gate closes.
#[test]
fn clearing_begins_in_the_block_after_the_gate() {
    let (mut stage, session) = market();
    bid(&mut stage, session, T[0], Side::Buy, (0, 1), &[(9, 1)]);
    let told = at(&mut stage, GATE);
    assert_eq!(
        told,
        [Event::GateClosed {
            session,
            zone: ZONE
        }]
    );
    let found = tables(&stage).sessions.get(&session).copied().unwrap();
    assert_eq!(found.phase, SessionPhase::Clearing);
    let clearing = tables(&stage).waiting.get(&session).copied().flatten();
    let clearing = clearing.expect("its gate closed");
    assert_eq!(clearing.ready, stage.machine.block().height + 1);
    assert_eq!(clearing.stage, Piece::Admit(AccountId(0)));
    assert_eq!(clearing.beacon, None);
    let told = events(&stage.execute(&[]));
    assert!(matches!(told.last(), Some(Event::SessionCleared { .. })));
    let found = tables(&stage).sessions.get(&session).copied().unwrap();
    assert_eq!(found.phase, SessionPhase::Cleared);
}

/// The next block has this beacon; what happens in it by itself.
pub(super) fn with_beacon(stage: &mut Stage, beacon: u8) -> Vec<Event> {
    let height = stage.machine.block().height + 1;
    let block = BlockInfo {
        height,
        time: Millis(1_000 * height + stage.epoch),
        beacon: BlockDigest([beacon; 32]),
    };
    events(&stage.machine.execute_block(block, &[]))
}

/// One lot of three at the price is wanted. Which of them it is, the beacon of the first block after the gate decides, and no other
/// one, though the interval is settled two blocks later.
#[test]
fn lots_are_drawn_by_the_first_block_after_the_gate() {
    let mut winners = BTreeSet::new();
    for beacon in 1..=12 {
        let (mut stage, session) = market();
        bid(&mut stage, session, T[0], Side::Buy, (0, 1), &[(60, 1)]);
        for account in &T[1..4] {
            bid(
                &mut stage,
                session,
                *account,
                Side::Sell,
                (0, 1),
                &[(30, 1)],
            );
        }
        // A block that is not accepted: the search takes a block of the ledger for itself.
        let call = block(session, T[4], 1, Side::Sell, (50, 1), (3_000, 1));
        done(&mut stage, owner(T[4]), &call);
        wait(&mut stage, GATE);
        with_beacon(&mut stage, 100 + beacon);
        with_beacon(&mut stage, beacon);
        assert!(tables(&stage).prices.is_empty());
        with_beacon(&mut stage, 200 + beacon);
        with_beacon(&mut stage, 50 + beacon);
        winners.insert(winner_by_lot(&stage, session, beacon));
    }
    assert_eq!(winners.len(), 3);
}

/// Of sessions whose gates close together the oldest is cleared first.
#[test]
fn the_oldest_session_goes_first() {
    let mut stage = traders();
    let sessions = [3, 1, 2].map(|zone| opened(&mut stage, &zone_day(zone, GATE)));
    let told = cleared(&mut stage);
    let order: Vec<u64> = told
        .iter()
        .filter_map(|event| match event {
            Event::SessionCleared { session, .. } => Some(*session),
            _ => None,
        })
        .collect();
    assert_eq!(order, sessions);
}

/// 31 days after its day nothing of a session is left, and the day can be opened no more for it lies in the past.
#[test]
fn what_a_session_came_to_is_forgotten_31_days_after_its_day() {
    let (mut stage, session) = market();
    bid(&mut stage, session, T[0], Side::Buy, (0, 4), &[(90, 10)]);
    bid(&mut stage, session, T[1], Side::Sell, (0, 4), &[(10, 10)]);
    let call = block(session, T[1], 1, Side::Sell, (0, 4), (5, 1));
    done(&mut stage, Who::Bert, &call);
    cleared(&mut stage);
    let over = START + 96 * QUARTER + 31 * 24 * 3_600_000;
    assert_eq!(RESULT_LIFE, 2_678_400_000);
    assert_eq!(at(&mut stage, over - 1), []);
    assert_eq!(price(&stage, session, 0).0, 1_000);
    let all = tables(&stage);
    assert!(!all.awards.is_empty() && !all.decided.is_empty());
    at(&mut stage, over);
    stage.execute(&[]);
    let all = tables(&stage);
    assert!(all.sessions.is_empty() && all.days.is_empty() && all.forgotten.is_empty());
    assert!(all.awards.is_empty() && all.decided.is_empty());
    assert!(all.prices.is_empty() && all.participants.is_empty());
    let back = Call::WithdrawBlock {
        session,
        account: T[1],
        number: 1,
    };
    refused(&mut stage, Who::Bert, &back, Code::UNKNOWN_POWER_SESSION);
}

/// A result of more entries than are taken away in a block goes in pieces.
#[test]
fn a_large_result_is_forgotten_in_pieces() {
    let (mut stage, session) = market();
    for account in T {
        for first in (0..96).step_by(4) {
            bid(
                &mut stage,
                session,
                account,
                Side::Buy,
                (first, 4),
                &[(50, 1)],
            );
            bid(
                &mut stage,
                session,
                account,
                Side::Sell,
                (first, 4),
                &[(40, 1)],
            );
        }
    }
    cleared(&mut stage);
    // 6 accounts, 96 intervals, two sides.
    assert_eq!(tables(&stage).awards.len(), 1_152);
    // Each bought of all and sold to all: nobody has more or less than before.
    assert_eq!(books(&stage), ([0; 6], [0; 6]));
    let over = START + 96 * QUARTER + RESULT_LIFE;
    at(&mut stage, over);
    assert_eq!(tables(&stage).awards.len(), 128);
    assert_eq!(tables(&stage).sessions.len(), 1);
    stage.execute(&[]);
    assert!(tables(&stage).sessions.is_empty() && tables(&stage).awards.is_empty());
}

/// A session with every step and block it may have, in all intervals or in one: no piece passes the units of a phase, and snapshot
/// and ledger agree wherever it stops.
#[test]
fn the_largest_sessions_are_cleared_within_the_units_of_a_phase() {
    for (spread, accounts) in [(true, 6), (false, 512)] {
        let mut stage = traders();
        let ids: Vec<AccountId> = (0..accounts).map(|n| AccountId(20_000 + n)).collect();
        for id in &ids {
            open_account(&mut stage, *id, 1, &[Who::Anna]);
            let deposit = money::Call::Deposit {
                account: *id,
                currency: EUR,
                amount: Amount(10_000_000_000_000),
            };
            assert_eq!(stage.call::<Money>(Who::Bank, &deposit), Code::OK);
        }
        let mut call = plain_day();
        if let Call::OpenSession {
            steps_max,
            blocks_max,
            account_blocks_max,
            ..
        } = &mut call
        {
            (*steps_max, *blocks_max, *account_blocks_max) = (SESSION_STEPS_MAX, 256, 64);
        }
        let session = opened(&mut stage, &call);
        let mut random = Random(3);
        let mut steps = 0;
        // Of six accounts each has 256 steps to buy and to sell in up to 43 intervals; of 512 accounts in the first one.
        let products = (0..96).flat_map(|first| ids.iter().map(move |id| (first, *id)));
        for (first, account) in products {
            let first = if spread { first } else { 0 };
            for side in [Side::Buy, Side::Sell] {
                let way = if side == Side::Buy { -1 } else { 1 };
                let base = 1_000 + random.below(1_000) as i64;
                let all: Vec<_> = (0..STEPS_MAX as i64)
                    .map(|n| {
                        let more = 1 + random.below(5) as i64;
                        (Price((base + way * n) * 100), WattHours(more * MWH / 10))
                    })
                    .collect();
                if steps + STEPS_MAX as u32 > SESSION_STEPS_MAX {
                    break;
                }
                let call = curve(session, account, side, (first, 1), &all);
                done(&mut stage, Who::Anna, &call);
                steps += STEPS_MAX as u32;
            }
            if !spread && account == *ids.last().unwrap() {
                break;
            }
        }
        let found = tables(&stage).sessions.get(&session).copied().unwrap();
        let full = found.steps > SESSION_STEPS_MAX - 512;
        assert!(full, "{} steps", found.steps);
        let last = if spread { 40 } else { 1 };
        for number in 0..256_u32 {
            let account = ids[number as usize % 6];
            let first = random.below(last) as u8;
            let count = 1 + random.below(last - u64::from(first)) as u8;
            let side = [Side::Buy, Side::Sell][random.below(2) as usize];
            let energy = 1 + random.below(300) as i64;
            let price = 8 + random.below(14) as i64;
            let call = block(
                session,
                account,
                number,
                side,
                (first, count),
                (price, energy),
            );
            let least = [PPM, 400_000][random.below(2) as usize];
            done(&mut stage, Who::Anna, &with(call, least, None, None));
        }
        let sum: i64 = ids.iter().map(|id| stage.held(*id, EUR).0).sum();
        // No receipt of the phase fails: `events` looks at each.
        let mut blocks = 0;
        at(&mut stage, GATE);
        let mut other: Option<Stage> = None;
        while !tables(&stage).waiting.is_empty() {
            events(&stage.execute(&[]));
            blocks += 1;
            assert!(blocks < 50, "it is never cleared");
            let now: i64 = ids.iter().map(|id| stage.held(*id, EUR).0).sum();
            assert_eq!(now, sum, "no money is anywhere else");
            if blocks == 2 {
                other = Some(restored(&stage));
            }
        }
        let mut other = other.expect("it takes more than two blocks");
        while !tables(&other).waiting.is_empty() {
            other.execute(&[]);
        }
        assert_eq!(
            stage.machine.stores().snapshot(),
            other.machine.stores().snapshot()
        );
    }
}

/// Nine intervals of 600 curves each are settled in one block of the ledger, and then the tenth, with all steps there may be: no order
/// of pieces passes the units of a phase.
#[test]
fn small_intervals_before_the_largest_one_fit_into_a_block() {
    let mut stage = traders();
    let ids: Vec<AccountId> = (0..600).map(|n| AccountId(20_000 + n)).collect();
    for id in &ids {
        open_account(&mut stage, *id, 1, &[Who::Anna]);
    }
    let mut call = plain_day();
    if let Call::OpenSession { steps_max, .. } = &mut call {
        *steps_max = SESSION_STEPS_MAX;
    }
    let session = opened(&mut stage, &call);
    let small = steps(&[(10, 1)]);
    let of = |way: i64| -> Vec<_> {
        (0..STEPS_MAX as i64)
            .map(|n| (Price((1_500 + way * n) * 100), WattHours(MWH / 10)))
            .collect()
    };
    let (falls, rises) = (of(-1), of(1));
    for first in 0..10 {
        let mut txs = Vec::new();
        for id in &ids {
            if first < 9 {
                let call = curve(session, *id, Side::Sell, (first, 1), &small);
                txs.push(stage.tx::<Power>(Who::Anna, &call));
            } else if *id < AccountId(20_245) {
                for (side, all) in [(Side::Buy, &falls), (Side::Sell, &rises)] {
                    let call = curve(session, *id, side, (first, 1), all);
                    txs.push(stage.tx::<Power>(Who::Anna, &call));
                }
            }
        }
        let outcome = stage.execute(&txs);
        assert_eq!(codes(&outcome), vec![Code::OK; txs.len()]);
    }
    let found = tables(&stage).sessions.get(&session).copied().unwrap();
    assert!(found.steps > SESSION_STEPS_MAX - 512, "{}", found.steps);
    at(&mut stage, GATE);
    // The receipt of the phase is good: `events` looks at it.
    events(&stage.execute(&[]));
    assert_eq!(tables(&stage).prices.len(), 10);
    events(&stage.execute(&[]));
    assert!(tables(&stage).waiting.is_empty());
}

/// The ledger as a snapshot has it.
fn restored(stage: &Stage) -> Stage {
    let mut other = stage.clone();
    let machine = &stage.machine;
    other.machine = bds_contracts::kernel::machine::Machine::restore(
        machine.chain(),
        bds_contracts::genesis::Profile::Private,
        *machine.limits(),
        *machine.block(),
        &machine.stores().snapshot(),
    )
    .expect("a snapshot");
    other
}

/// Orders of several accounts in one block, at the bounds of price and energy: nothing leaves its range.
#[test]
fn the_highest_prices_and_energies_are_paid() {
    let mut stage = traders();
    let all = 2_000_000_000_000_000_000;
    for account in [T[0], T[1]] {
        let deposit = money::Call::Deposit {
            account,
            currency: EUR,
            amount: Amount(all),
        };
        assert_eq!(stage.call::<Money>(Who::Bank, &deposit), Code::OK);
    }
    let mut call = plain_day();
    if let Call::OpenSession {
        price_min,
        price_max,
        ..
    } = &mut call
    {
        (price_min.0, price_max.0) = (-PRICE_MAX, PRICE_MAX);
    }
    let session = opened(&mut stage, &call);
    let energy = bds_contracts::power::rules::ENERGY_MAX;
    let high = [(Price(PRICE_MAX), WattHours(energy))];
    let low = [(Price(-PRICE_MAX), WattHours(energy))];
    let txs: Vec<Vec<u8>> = (0..96)
        .flat_map(|first| {
            let of = |account, side, steps| Call::SubmitCurve {
                session,
                account,
                side,
                first,
                count: 1,
                steps: List::Items(steps),
            };
            // In even intervals the buyer pays the highest price, in odd ones the seller the lowest.
            let (buy, sell) = if first % 2 == 0 {
                (&high, &high)
            } else {
                (&low, &low)
            };
            [
                stage.tx::<Power>(Who::Anna, &of(T[0], Side::Buy, buy)),
                stage.tx::<Power>(Who::Bert, &of(T[1], Side::Sell, sell)),
            ]
        })
        .collect();
    let outcome = stage.execute(&txs);
    assert_eq!(codes(&outcome), vec![Code::OK; txs.len()]);
    cleared(&mut stage);
    assert_eq!(price(&stage, session, 0).0, PRICE_MAX / 100);
    assert_eq!(price(&stage, session, 1).0, -PRICE_MAX / 100);
    // 48 times 10^16 either way.
    assert_eq!(
        award(&stage, session, T[0], Side::Buy, 0).1,
        -10_000_000_000_000_000
    );
    assert_eq!(
        award(&stage, session, T[0], Side::Buy, 1).1,
        10_000_000_000_000_000
    );
    let (money, reserved) = books(&stage);
    assert_eq!(money[..2], [all, all]);
    assert_eq!(reserved, [0; 6]);
}
