//! Rules that every program must share: trees and paths, admissible keys, what money buys.

use bds_contracts::amount::{Money, Price, Quantity, Terms};
use bds_contracts::merkle;
use bds_contracts::receipt::MerkleNode;
use bds_contracts::tx::PublicKey;
use proptest::prelude::*;
use sha2::{Digest as _, Sha512_256};

/// RFC 9162, section 2.1.1, by its own recursion.
fn root_by_the_book(leaves: &[Vec<u8>]) -> [u8; 32] {
    match leaves {
        [] => Sha512_256::digest([]).into(),
        [leaf] => Sha512_256::digest([&[0], leaf.as_slice()].concat()).into(),
        _ => {
            let split = leaves.len().next_power_of_two() / 2;
            let (left, right) = (
                root_by_the_book(&leaves[..split]),
                root_by_the_book(&leaves[split..]),
            );
            Sha512_256::digest([&[1], left.as_slice(), right.as_slice()].concat()).into()
        }
    }
}

#[test]
fn roots_and_paths_follow_the_rfc() {
    for size in 0..70_usize {
        let leaves: Vec<Vec<u8>> = (0..size).map(|i| vec![i as u8; i % 5]).collect();
        let root = merkle::root(&leaves);
        assert_eq!(root, root_by_the_book(&leaves), "{size} leaves");
        for index in 0..size {
            let path: Vec<MerkleNode> = merkle::path(&leaves, index)
                .expect("inside")
                .into_iter()
                .map(MerkleNode)
                .collect();
            let verify = |leaf: &[u8], index, size, path: &[MerkleNode]| {
                merkle::verify_inclusion(leaf, index, size, path, &root)
            };
            let (index, size) = (index as u64, size as u64);
            assert!(verify(&leaves[index as usize], index, size, &path));
            assert!(!verify(b"another", index, size, &path));
            assert!(!verify(&leaves[index as usize], size, size, &path));
            if !path.is_empty() {
                assert!(!verify(&leaves[index as usize], index, size, &path[1..]));
            }
            let longer: Vec<MerkleNode> =
                path.iter().copied().chain([MerkleNode([0; 32])]).collect();
            assert!(!verify(&leaves[index as usize], index, size, &longer));
        }
    }
}

/// Keys that must not be admitted: small order, no canonical form, no point. Source: the eight-torsion points of the curve.
#[test]
fn bad_keys_are_not_admissible() {
    let key = |hex: &str| -> PublicKey { hex.parse().expect("64 digits") };
    let zeros = "00".repeat(30);
    for bad in [
        format!("01{zeros}00"),             // the neutral element
        format!("00{zeros}00"),             // order 4
        format!("00{zeros}80"),             // order 4, other sign
        format!("01{zeros}80"),             // neutral element with a sign it cannot have
        format!("ec{}7f", "ff".repeat(30)), // order 2
        format!("ee{}7f", "ff".repeat(30)), // y = p + 1
        format!("02{zeros}00"),             // y = 2 is on no point
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05".to_owned(), // order 8
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a".to_owned(), // order 8
    ] {
        assert!(!bds_contracts::key::is_admissible(&key(&bad)), "{bad}");
    }
    // RFC 8032, section 7.1, test 1.
    let good = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
    assert!(bds_contracts::key::is_admissible(&key(good)));
}

proptest! {
    /// Worth is exact, monotone in its parts, and `affordable` is the largest quantity that fits.
    #[test]
    fn affordable_is_the_most_that_fits(
        money in 1..i64::MAX, price in 1..i64::MAX, scale in 0..10_u32, step_value in 1..u32::MAX, lot in 1..1_000_u64,
    ) {
        let terms = Terms { units_per_contract: 10_u64.pow(scale), step_value, lot };
        let quantity = terms.affordable(Money(money), Price(price));
        prop_assert_eq!(quantity.0 % lot, 0);
        let fits = |q: u64| terms.amount(Quantity(q), Price(price)).is_some_and(|amount| amount.0 <= money);
        prop_assert!(fits(quantity.0));
        if let Some(more) = quantity.0.checked_add(lot) {
            prop_assert!(!fits(more));
        }
    }
}
