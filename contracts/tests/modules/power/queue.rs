//! Sessions that are cleared one after the other: what a later one owes to those before it, which is nothing.

use std::collections::BTreeSet;

use bds_contracts::Code;
use bds_contracts::exchange::Side;
use bds_contracts::kernel::meter::Limits;
use bds_contracts::power::Event;
use bds_contracts::power::clearing::{RETRY_BLOCKS, Stage as Piece};
use bds_contracts::power::rules::RESULT_LIFE;
use bds_contracts::tx::AccountId;

use super::refusals::{Day, SOUND};
use super::stages::{winner_by_lot, with_beacon, zone_day};
use super::*;

/// The gates of two sessions close together, and the first one takes several blocks. Lots of the second are drawn by the first block
/// after its gate all the same, and not by that in which its turn comes.
#[test]
fn who_waits_in_the_queue_has_its_beacon_already() {
    let mut winners = BTreeSet::new();
    for beacon in 1..=12 {
        let mut stage = traders();
        let [first, second] = [3, 1].map(|zone| opened(&mut stage, &zone_day(zone, GATE)));
        // The search for one block takes a block of the ledger for itself.
        let call = block(first, T[4], 1, Side::Sell, (50, 1), (3_000, 1));
        done(&mut stage, owner(T[4]), &call);
        bid(&mut stage, second, T[0], Side::Buy, (0, 1), &[(60, 1)]);
        for account in &T[1..4] {
            bid(&mut stage, second, *account, Side::Sell, (0, 1), &[(30, 1)]);
        }
        wait(&mut stage, GATE);
        with_beacon(&mut stage, 100 + beacon);
        with_beacon(&mut stage, beacon);
        let waits = tables(&stage).waiting.get(&second).copied().flatten();
        let waits = waits.expect("its gate closed");
        assert_eq!(waits.stage, Piece::Admit(AccountId(0)));
        assert_eq!(waits.beacon, Some([beacon; 32]));
        for later in 0..10 {
            with_beacon(&mut stage, 200 + later);
        }
        assert!(tables(&stage).waiting.is_empty());
        winners.insert(winner_by_lot(&stage, second, beacon));
    }
    assert_eq!(winners.len(), 3);
}

/// So few writes in a block that 64 blocks cannot be paid in one piece: their session is passed over, and nothing of it moves. The next
/// session is cleared and an old one is forgotten all the same; and once there is room, the first one is cleared as well.
#[test]
fn a_session_that_cannot_be_cleared_stops_nobody() {
    let (mut stage, old) = market();
    cleared(&mut stage);
    let over = START + 96 * QUARTER + RESULT_LIFE;
    let start = over.next_multiple_of(QUARTER) + QUARTER;
    // Six blocks before the old one is to be forgotten.
    let gate = over - 6_000;
    wait(&mut stage, over - 3_600_000);
    stage.execute(&[]);
    let of = |zone| {
        let end = start + 96 * QUARTER;
        let (price_min, price_max) = (-40_000_000, 40_000_000);
        let limits = (64, 16);
        Day {
            zone,
            start,
            end,
            gate,
            price_min,
            price_max,
            blocks_max: limits.0,
            account_blocks_max: limits.1,
            ..SOUND
        }
        .call()
    };
    let [failing, next] = [7, 8].map(|zone| opened(&mut stage, &of(zone)));
    for number in 0..64 {
        let account = T[number as usize % 4];
        let call = block(failing, account, number, Side::Sell, (0, 2), (3_000, 1));
        done(&mut stage, owner(account), &call);
    }
    let call = block(next, T[4], 1, Side::Sell, (0, 2), (3_000, 1));
    done(&mut stage, owner(T[4]), &call);
    let aside = books(&stage).1;
    let limits = *stage.machine.limits();
    let few = Limits {
        tx_writes: 120,
        ..limits
    };
    stage.machine.set_limits(few);
    let mut told = at(&mut stage, gate);
    let mut failed_at = 0;
    for _ in 0..20 {
        let more = events(&stage.execute(&[]));
        if more
            .iter()
            .any(|event| matches!(event, Event::SessionPassedOver { .. }))
        {
            failed_at = stage.machine.block().height;
        }
        told.extend(more);
    }
    let passed = Event::SessionPassedOver {
        session: failing,
        code: Code::METER_EXCEEDED.0,
        again: failed_at + RETRY_BLOCKS,
    };
    assert_eq!(told.iter().filter(|event| **event == passed).count(), 1);
    let is_cleared = |told: &[Event], number| {
        let mut all = told.iter();
        all.any(
            |event| matches!(event, Event::SessionCleared { session, .. } if *session == number),
        )
    };
    assert!(is_cleared(&told, next) && !is_cleared(&told, failing));
    assert!(!tables(&stage).sessions.contains(&old), "it is forgotten");
    assert_eq!(books(&stage).1[..4], aside[..4]);
    assert_eq!(tables(&stage).blocks.len(), 64);

    stage.machine.set_limits(limits);
    let mut told = Vec::new();
    while stage.machine.block().height + 1 < failed_at + RETRY_BLOCKS {
        told.extend(events(&stage.execute(&[])));
    }
    assert_eq!(told, []);
    let told = events(&stage.execute(&[]));
    assert!(is_cleared(&told, failing));
    assert_eq!(books(&stage), ([0; 6], [0; 6]));
}
