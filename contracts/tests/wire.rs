//! Pins what others rely on: the encoding of every type that is signed or hashed, and the numbers of all codes.
//!
//! A pin that changes is a new version of the format: old ledgers would no longer be read as they were written.

use bds_contracts::amount::{Money, Price, Quantity};
use bds_contracts::block::{
    BatchDigest, BlockDigest, BlockHeader, MerkleRoot, Signature, Signatures, StateRoot, Statement,
};
use bds_contracts::call::NewOrder;
use bds_contracts::carbon::{InstrumentId, SerialRange};
use bds_contracts::code::CODES;
use bds_contracts::exchange::{OrderId, SelfTrade, Side, TimeInForce};
use bds_contracts::receipt::{MerkleNode, Receipt};
use bds_contracts::tx::{
    AccountId, ChainId, ContentHash, Millis, PublicKey, TX_DOMAIN, Transaction, TxId,
};
use bds_contracts::{Call, Code, Event, merkle};
use proptest::prelude::*;
use sha2::{Digest as _, Sha512_256};

fn pin(bytes: impl AsRef<[u8]>) -> String {
    hex::encode(&Sha512_256::digest(bytes)[..8])
}

fn transaction() -> Transaction {
    Transaction {
        domain: TX_DOMAIN,
        chain: ChainId([1; 32]),
        sender: PublicKey([2; 32]),
        nonce: 3,
        lock_time: Millis(4),
        expires_at: Millis(5),
        accounts: vec![AccountId(6), AccountId(7)],
        content_hash: Some(ContentHash([8; 64])),
        call: Call::Transfer {
            from: AccountId(6),
            to: AccountId(7),
            instrument: InstrumentId(9),
            quantity: Quantity(10),
        },
    }
}

fn order() -> NewOrder {
    NewOrder {
        number: 1,
        side: Side::Sell,
        limit: Some(Price(2)),
        quantity: Quantity(3),
        time_in_force: TimeInForce::FillOrKill,
        reserve: None,
        max_cash: Some(Money(4)),
        self_trade: SelfTrade::Off,
    }
}

/// The transaction above by hand, byte for byte: the encoding is borsh and nothing else.
#[test]
fn a_transaction_is_encoded_as_documented() {
    let mut expected = b"BDS-TX\0\x01".to_vec();
    expected.extend([1; 32]);
    expected.extend([2; 32]);
    for word in [3_u64, 4, 5] {
        expected.extend(word.to_le_bytes());
    }
    expected.extend(2_u32.to_le_bytes());
    expected.extend(6_u64.to_le_bytes());
    expected.extend(7_u64.to_le_bytes());
    expected.push(1);
    expected.extend([8; 64]);
    expected.push(9); // Transfer is variant 9, counted from 0.
    expected.extend(6_u64.to_le_bytes());
    expected.extend(7_u64.to_le_bytes());
    expected.extend(9_u32.to_le_bytes());
    expected.extend(10_u64.to_le_bytes());
    assert_eq!(transaction().signed_bytes(), expected);
}

#[test]
fn encodings_are_pinned() {
    let header = BlockHeader {
        chain: ChainId([1; 32]),
        height: 2,
        time: Millis(3),
        previous: BlockDigest([4; 32]),
        payload_root: MerkleRoot([5; 32]),
        receipts_root: MerkleRoot([6; 32]),
        tx_count: 7,
        dropped_count: 8,
        checkpoint: 9,
        state_root: StateRoot([10; 32]),
    };
    let receipt = Receipt {
        tx: TxId([1; 64]),
        height: 2,
        index: 3,
        code: Code::OK,
        message: "m".into(),
        events: vec![Event::Transferred {
            from: AccountId(1),
            to: AccountId(2),
            instrument: InstrumentId(3),
            blocks: vec![SerialRange { start: 4, end: 5 }],
        }],
    };
    let placed = Event::OrderPlaced {
        order: OrderId {
            account: AccountId(1),
            number: 2,
        },
        instrument: InstrumentId(3),
        terms: order(),
    };
    let call = Call::PlaceOrder {
        account: AccountId(1),
        instrument: InstrumentId(2),
        order: order(),
    };
    let bytes = |value: &dyn Fn() -> Vec<u8>| pin(value());
    let found = [
        ("transaction", bytes(&|| transaction().signed_bytes())),
        ("header", header.digest().to_string()[..16].to_owned()),
        (
            "receipt",
            bytes(&|| borsh::to_vec(&receipt).expect("memory")),
        ),
        (
            "order event",
            bytes(&|| borsh::to_vec(&placed).expect("memory")),
        ),
        (
            "order call",
            bytes(&|| borsh::to_vec(&call).expect("memory")),
        ),
        (
            "signatures",
            bytes(&|| {
                borsh::to_vec(&Signatures::from_iter([(1, Signature([2; 64]))])).expect("memory")
            }),
        ),
        (
            "batch",
            pin(Statement::Batch(BatchDigest([1; 32])).bytes(ChainId([2; 32]), 3)),
        ),
        (
            "commit",
            pin(Statement::Commit(1, 2, [3; 32]).bytes(ChainId([4; 32]), 5)),
        ),
        (
            "executed",
            pin(Statement::Executed(1, BlockDigest([2; 32])).bytes(ChainId([3; 32]), 4)),
        ),
        (
            "new view",
            pin(Statement::NewView(1, [2; 32]).bytes(ChainId([3; 32]), 4)),
        ),
    ];
    let found: Vec<String> = found
        .iter()
        .map(|(name, pin)| format!("{name} {pin}"))
        .collect();
    assert_eq!(found, PINS);
}

const PINS: [&str; 10] = [
    "transaction 20c17e9c673558be",
    "header 9c4bc8aebeae2205",
    "receipt 2bed0a3dceb0a201",
    "order event e2f24cab00e6b7db",
    "order call e69b8b37d28772ed",
    "signatures e5d0d35f6cefae69",
    "batch 46ca7c30a11bd063",
    "commit 0d906c5a70f0315f",
    "executed d06af80cc347e6a2",
    "new view 07337501edd3b372",
];

/// Number and name of every code, in one string: none may change, and new ones change only this pin.
#[test]
fn codes_are_pinned() {
    assert!(
        CODES.windows(2).all(|pair| pair[0].code < pair[1].code),
        "numbers rise"
    );
    let table: String = CODES
        .iter()
        .map(|info| format!("{} {}\n", info.code.0, info.name))
        .collect();
    assert_eq!(format!("{} codes {}", CODES.len(), pin(table)), CODES_PIN);
    assert_eq!(
        (
            Code::OK.name(),
            Code::EXPIRED.0,
            Code::ACCOUNT_NOT_DECLARED.0
        ),
        ("Ok", 5, 12)
    );
    assert_eq!(
        (Code(9_999).name(), Code(9_999).retryable()),
        ("Unknown", false)
    );
    assert!(Code::BUSY.retryable() && !Code::EXPIRED.retryable());
}

const CODES_PIN: &str = "76 codes b55a41598e0f47e9";

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
        let terms = bds_contracts::amount::Terms { units_per_contract: 10_u64.pow(scale), step_value, lot };
        let quantity = terms.affordable(Money(money), Price(price));
        prop_assert_eq!(quantity.0 % lot, 0);
        let fits = |q: u64| terms.amount(Quantity(q), Price(price)).is_some_and(|amount| amount.0 <= money);
        prop_assert!(fits(quantity.0));
        if let Some(more) = quantity.0.checked_add(lot) {
            prop_assert!(!fits(more));
        }
    }
}
