//! Sessions that are cleared one after the other: what a later one owes to those before it, which is nothing.

use std::collections::BTreeSet;

use bds_contracts::exchange::Side;
use bds_contracts::power::clearing::Stage as Piece;
use bds_contracts::tx::AccountId;
use sha2::{Digest as _, Sha512};

use super::stages::{with_beacon, zone_day};
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
        let lot = |account: &&AccountId| -> [u8; 64] {
            let mut hash = Sha512::new();
            hash.update(second.to_le_bytes());
            hash.update([beacon; 32]);
            hash.update([0]);
            hash.update(account.0.to_le_bytes());
            hash.update(1_u32.to_le_bytes());
            hash.finalize().into()
        };
        let winner = *T[1..4].iter().min_by_key(lot).unwrap();
        for account in &T[1..4] {
            let (got, _) = award(&stage, second, *account, Side::Sell, 0);
            assert_eq!(got, i64::from(*account == winner), "beacon {beacon}");
        }
        winners.insert(winner);
    }
    assert_eq!(winners.len(), 3);
}
