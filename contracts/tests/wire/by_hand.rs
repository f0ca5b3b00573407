//! Every format byte for byte as it is documented, put together by hand.

use bds_contracts::Code;
use bds_contracts::account::{HolderId, Roles};
use bds_contracts::amount::{Currency, Price, Quantity};
use bds_contracts::block::{BatchDigest, BlockDigest, Statement};
use bds_contracts::carbon::installation::InstallationId;
use bds_contracts::exchange::Side;
use bds_contracts::exchange::orders::call::ValidityKind;
use bds_contracts::exchange::orders::{self, Exchange};
use bds_contracts::exchange::request::Prevention;
use bds_contracts::genesis::{GenesisInstallation, GenesisPhase};
use bds_contracts::identity::account::AccountKind;
use bds_contracts::identity::{self, Identity, endorse};
use bds_contracts::kernel::changes::plain;
use bds_contracts::kernel::envelope::{CallView, Draft, Envelope, Payload};
use bds_contracts::kernel::module::{Calls as _, Module};
use bds_contracts::kernel::receipt::{ReceiptId, ReceiptView};
use bds_contracts::kernel::tree::Tree;
use bds_contracts::kernel::wire::List;
use bds_contracts::ledger;
use bds_contracts::money::units::{self, Units};
use bds_contracts::receipt::{MerkleNode, ReceiptProof};
use bds_contracts::tx::{AccountId, ChainId, ContentHash, Millis, PublicKey, TxId};
use bds_contracts::{Genesis, merkle};
use sha2::{Digest as _, Sha512, Sha512_256};

use super::samples::{EUA, Hand, certified, execute, genesis, header, key, ledger, transfer};

fn hash(bytes: &[u8]) -> [u8; 32] {
    Sha512_256::digest(bytes).into()
}

fn unit_transfer() -> units::Call<'static> {
    units::Call::Transfer {
        from: AccountId(6),
        to: AccountId(7),
        instrument: EUA,
        quantity: Quantity(10),
    }
}

/// Everything before the payload.
fn head(content: Option<[u8; 64]>, after: u64) -> Hand {
    let head = Hand::default()
        .raw(b"BDS-TX\0\x02")
        .raw(&[1; 32])
        .raw(&[2; 32])
        .u64(3)
        .u64(4)
        .u64(5)
        .u64(after);
    match content {
        Some(hash) => head.u8(1).raw(&hash),
        None => head.u8(0),
    }
}

fn draft() -> Draft {
    let mut draft = Draft::new(ChainId([1; 32]), PublicKey([2; 32]), 3);
    draft.lock_time = Millis(4);
    draft.expires_at = Millis(5);
    draft
}

#[test]
fn a_transaction_is_encoded_as_documented() {
    let mut draft = draft();
    draft.after = Some(6);
    draft.content_hash = Some(ContentHash([8; 64]));
    let draft = draft
        .call::<Units>(&unit_transfer())
        .call::<Identity>(&identity::Call::Nothing {});
    let arguments = Hand::default().u64(6).u64(7).u32(9).u64(10).0;
    let expected = head(Some([8; 64]), 6)
        .u8(0)
        .u8(2) // calls
        .u16(3)
        .u16(1) // units.transfer
        .blob(&arguments)
        .u16(1)
        .u16(1) // identity.nothing
        .blob(&[])
        .0;
    assert_eq!(draft.signed_bytes(), expected);

    let wire = Hand(expected.clone()).raw(&[7; 64]).0;
    let tx = Envelope::parse(&wire).unwrap();
    assert_eq!(tx.signed_bytes(), expected);
    assert_eq!(tx.signature(), &[7; 64]);
    assert_eq!(tx.id().0[..], Sha512::digest(&expected)[..]);
    assert_eq!((tx.chain().0, tx.sender().0), ([1; 32], [2; 32]));
    assert_eq!(tx.nonce(), 3);
    assert_eq!((tx.lock_time(), tx.expires_at()), (Millis(4), Millis(5)));
    assert_eq!(tx.after(), Some(6));
    let (content, payload) = tx.payload().unwrap();
    assert_eq!(content, Some(ContentHash([8; 64])));
    let Payload::Clear(calls) = payload else {
        panic!("{payload:?}");
    };
    let call = |module, method, arguments| CallView {
        module,
        method,
        arguments,
    };
    let found: Vec<_> = calls.iter().collect();
    assert_eq!(found, [call(3, 1, &*arguments), call(1, 1, &[])]);
}

#[test]
fn what_is_not_given_and_what_is_sealed_is_encoded_as_documented() {
    let plain = draft().call::<Units>(&unit_transfer()).signed_bytes();
    let beginning = head(None, u64::MAX).u8(0).u8(1).0;
    assert_eq!(plain[..beginning.len()], beginning);

    let sealed = draft().sealed_bytes(11, b"nobody reads this");
    let expected = head(None, u64::MAX)
        .u8(1)
        .u64(11)
        .blob(b"nobody reads this");
    assert_eq!(sealed, expected.0);
    let wire = expected.raw(&[0; 64]).0;
    let tx = Envelope::parse(&wire).unwrap();
    assert_eq!(tx.after(), None);
    let ciphertext = b"nobody reads this".as_slice();
    let payload = Payload::Sealed {
        epoch: 11,
        ciphertext,
    };
    assert_eq!(tx.payload(), Ok((None, payload)));
}

fn arguments<M: Module>(call: &M::Call<'_>) -> (u16, Vec<u8>) {
    let mut out = Vec::new();
    call.encode(&mut out);
    (call.number(), out)
}

/// Texts, lists, options, choices and names of every width.
#[test]
fn arguments_are_encoded_as_documented() {
    let register = identity::Call::RegisterMember {
        key: PublicKey([1; 32]),
        roles: Roles::REGULATOR.with(Roles::TRADER),
        name: "Grün",
    };
    let expected = Hand::default()
        .raw(&[1; 32])
        .u32(0b1_0001)
        .blob(b"Gr\xc3\xbcn");
    assert_eq!(arguments::<Identity>(&register), (3, expected.0));

    let keys = [PublicKey([1; 32]), PublicKey([2; 32])];
    let open = identity::Call::OpenAccount {
        account: AccountId(1),
        holder: HolderId(2),
        kind: AccountKind::Government,
        currency: Currency::CNY,
        threshold: 2,
        representatives: List::Items(&keys),
    };
    let expected = Hand::default()
        .u64(1)
        .u64(2)
        .u8(2) // the third kind
        .raw(b"CNY")
        .u8(2)
        .u32(2) // keys
        .raw(&[1; 32])
        .raw(&[2; 32]);
    assert_eq!(arguments::<Identity>(&open), (5, expected.0));

    let blocks = [(1, 5), (9, 9)];
    let transfer = units::Call::TransferBlocks {
        from: AccountId(6),
        to: AccountId(7),
        instrument: EUA,
        blocks: List::Items(&blocks),
    };
    let expected = Hand::default().u64(6).u64(7).u32(9).u32(2);
    let expected = expected.u64(1).u64(5).u64(9).u64(9);
    assert_eq!(arguments::<Units>(&transfer), (2, expected.0));

    let place = orders::Call::Place {
        account: AccountId(1),
        instrument: EUA,
        number: 3,
        side: Side::Sell,
        quantity: Quantity(4),
        price: Some(Price(-2)),
        trigger: None,
        display: Some(Quantity(5)),
        budget: None,
        validity: ValidityKind::FillOrKill,
        until: None,
        prevention: Prevention::CancelBoth,
    };
    let expected = Hand::default()
        .u64(1)
        .u32(9)
        .u64(3)
        .u8(1) // sell
        .u64(4)
        .u8(1)
        .raw(&(-2_i64).to_le_bytes())
        .u8(0)
        .u8(1)
        .u64(5)
        .u8(0)
        .u8(4) // fill-or-kill
        .u8(0)
        .u8(3); // cancel-both
    assert_eq!(arguments::<Exchange>(&place), (2, expected.0));
}

/// What a second member endorses: tag, module, method, arguments.
#[test]
fn an_endorsement_is_hashed_as_documented() {
    let bytes = Hand::default()
        .raw(b"BDS-EN\0\x02")
        .u16(3)
        .u16(1)
        .u64(6)
        .u64(7)
        .u32(9)
        .u64(10);
    let digest = endorse::digest::<Units>(&unit_transfer());
    assert_eq!(digest, hash(&bytes.0));
}

fn header_by_hand() -> Hand {
    Hand::default()
        .raw(&[1; 32])
        .u64(2)
        .u64(3)
        .raw(&[4; 32])
        .raw(&[5; 32])
        .raw(&[6; 32])
        .raw(&[7; 32])
        .u32(8)
        .u32(9)
        .u32(10)
        .u64(11)
        .raw(&[12; 32])
}

/// A bitmap of two bytes: bit 1 of the first is validator 1, bit 1 of the second validator 9.
fn certified_by_hand() -> Hand {
    header_by_hand()
        .u16(2)
        .raw(&[0b10, 0b10])
        .raw(&[1; 64])
        .raw(&[9; 64])
}

#[test]
fn headers_certificates_and_proofs_are_encoded_as_documented() {
    assert_eq!(borsh::to_vec(&header()).unwrap(), header_by_hand().0);
    assert_eq!(header().digest().0, hash(&header_by_hand().0));
    assert_eq!(borsh::to_vec(&certified()).unwrap(), certified_by_hand().0);

    let proof = ReceiptProof {
        receipt: b"a receipt".to_vec(),
        path: vec![MerkleNode([13; 32]), MerkleNode([14; 32])],
        block: certified(),
    };
    let expected = Hand::default()
        .blob(b"a receipt")
        .u32(2)
        .raw(&[13; 32])
        .raw(&[14; 32])
        .raw(&certified_by_hand().0);
    assert_eq!(borsh::to_vec(&proof).unwrap(), expected.0);
}

#[test]
fn statements_are_encoded_as_documented() {
    let digest = [3; 32];
    let hand = Hand::default;
    let statements = [
        (Statement::Batch(BatchDigest(digest)), hand().u8(0)),
        (
            Statement::Acknowledge(1, 2, BatchDigest(digest)),
            hand().u8(1).u16(1).u64(2),
        ),
        (
            Statement::PrePrepare(1, 2, digest),
            hand().u8(2).u64(1).u64(2),
        ),
        (Statement::Prepare(1, 2, digest), hand().u8(3).u64(1).u64(2)),
        (Statement::Commit(1, 2, digest), hand().u8(4).u64(1).u64(2)),
        (
            Statement::Executed(2, BlockDigest(digest)),
            hand().u8(5).u64(2),
        ),
        (Statement::ViewChange(1, digest), hand().u8(6).u64(1)),
        (Statement::NewView(1, digest), hand().u8(7).u64(1)),
        (Statement::Status(digest), hand().u8(8)),
    ];
    for (statement, body) in statements {
        // Each ends with its digest.
        let expected = hand()
            .raw(b"BDS-VT\0\x03")
            .raw(&[4; 32])
            .u64(5)
            .raw(&body.0)
            .raw(&digest);
        let bytes = statement.bytes(ChainId([4; 32]), 5);
        assert_eq!(bytes, expected.0, "{statement:?}");
    }
}

fn account_by_hand(hand: Hand, id: u64, seed: u8) -> Hand {
    hand.u64(id)
        .u64(id)
        .u8(1) // trading
        .raw(b"EUR")
        .u8(1)
        .u32(1)
        .raw(&key(seed).0)
}

#[test]
fn a_genesis_document_is_hashed_as_documented() {
    let bytes = Hand::default()
        .raw(b"BDS-GE\0\x02")
        .u32(2)
        .blob(b"wire")
        .u8(1) // consortium
        .u8(0) // verified
        .u64(1_000)
        .u64(8)
        .u64(0) // epoch of the validators
        .u32(1)
        .raw(&key(9).0)
        .u64(3)
        .u32(2) // members
        .raw(&key(1).0)
        .u32(1 << 4)
        .blob(b"trader 1")
        .raw(&key(2).0)
        .u32(1 << 4)
        .blob(b"trader 2")
        .u32(2); // accounts
    let bytes = account_by_hand(account_by_hand(bytes, 6, 1), 7, 2)
        .u32(1) // instruments
        .u32(9)
        .blob(b"EUA")
        .u8(0) // allowance
        .u8(0) // fungible
        .u16(2021)
        .u8(0)
        .raw(b"EUR")
        .u32(100)
        .u64(1)
        .u32(100)
        .u32(1) // markets
        .u32(9)
        .u64(100)
        .u64(1_000_000)
        .u64(10_000)
        .u32(500)
        .u32(3)
        .u32(1_000)
        .u32(100)
        .u32(10)
        .u8(0) // no limit of position
        .u8(1)
        .u32(20)
        .u64(1_000)
        .u32(1) // cash
        .u64(6)
        .raw(b"EUR")
        .u64(5_000_000)
        .u32(2) // holdings
        .u64(6)
        .u32(9)
        .u64(1_000)
        .u64(7)
        .u32(9)
        .u64(50)
        .u32(1) // phases
        .u16(2021)
        .u16(2030)
        .u32(1)
        .u32(9)
        .u32(1) // installations
        .u64(5)
        .u64(6)
        .blob(b"permit")
        .u16(20)
        .u16(2022)
        .u16(2029);
    let document = Genesis {
        phases: vec![GenesisPhase {
            first_year: 2021,
            last_year: 2030,
            instruments: vec![EUA],
        }],
        installations: vec![GenesisInstallation {
            installation: InstallationId(5),
            account: AccountId(6),
            permit: "permit".into(),
            activity: 20,
            first_year: 2022,
            last_year: 2029,
        }],
        ..genesis()
    };
    assert_eq!(document.chain_id().0, hash(&bytes.0));
}

#[test]
fn receipts_are_encoded_as_documented() {
    let wire = transfer();
    let id = Envelope::parse(&wire).unwrap().id();
    let outcome = execute(&mut ledger(), std::slice::from_ref(&wire));
    let fields = Hand::default().u64(6).u64(7).u32(9).u64(10).u32(0).0;
    let events = Hand::default().u16(3).u16(1).blob(&fields).0;
    // A transaction 20, its bytes 207 / 16, the call 5, two holdings 4 each, the event's bytes 40 / 16; rounded up.
    assert_eq!((wire.len(), events.len()), (207, 40));
    let units = 20 + 13 + 5 + 2 * 4 + 3;
    let expected = Hand::default()
        .u8(0)
        .raw(&id.0)
        .u64(1)
        .u32(0)
        .u16(0)
        .u8(255)
        .u64(units)
        .blob(&events)
        .blob(b"");
    assert_eq!(outcome.receipts.len(), 1);
    assert_eq!(outcome.receipts.bytes(), expected.0);

    // Of a trigger that failed with a message, and of a phase.
    let trigger = Hand::default()
        .u8(1)
        .u64(5)
        .u64(7)
        .u32(1)
        .u16(41)
        .u8(2)
        .u64(90)
        .blob(&events)
        .blob(b"why");
    let view = ReceiptView::parse(&trigger.0).unwrap();
    assert_eq!(view.id, ReceiptId::Trigger(5));
    assert_eq!((view.height, view.index, view.units), (7, 1, 90));
    assert_eq!((view.code, view.call), (Code::BALANCE_TOO_LOW, Some(2)));
    assert_eq!((view.events().count(), view.message), (1, "why"));
    let event = view.events().next().unwrap();
    assert_eq!((event.module, event.number, event.fields), (3, 1, &*fields));
    let phase = Hand::default()
        .u8(2)
        .u16(4)
        .u8(1)
        .u64(7)
        .u32(0)
        .u16(0)
        .u8(255)
        .u64(9)
        .blob(b"")
        .blob(b"");
    let view = ReceiptView::parse(&phase.0).unwrap();
    let (module, end) = (4, true);
    assert_eq!(view.id, ReceiptId::Phase { module, end });
    assert_eq!((view.call, view.tx()), (None, None::<TxId>));
}

/// The entries of a ledger with one member: under its changes root, its state root, and in its snapshot.
#[test]
fn the_state_is_written_and_hashed_as_documented() {
    let mut members = genesis().members;
    members.truncate(1);
    let document = Genesis {
        members,
        accounts: vec![],
        instruments: vec![],
        markets: vec![],
        cash: vec![],
        holdings: vec![],
        phases: vec![],
        installations: vec![],
        ..genesis()
    };
    let (ledger, outcome) = ledger::from_genesis(&document).unwrap();
    // Module and table, big endian, the first bit set for closed tables; then the key.
    let table = |module: u8, number: u8| Hand::default().raw(&[0, module, 0, number]);
    let mut entries = [
        (
            // Number 1, trader, no nonce used.
            table(0, 1).raw(&key(1).0),
            Hand::default().u32(1).u32(1 << 4).u64(0).u64(0),
        ),
        (table(0, 2).u32(1), Hand::default().raw(&key(1).0)),
        (table(0, 4).u8(0), Hand::default().u64(1)), // the last number of a member
        (table(1, 3).u32(1), Hand::default().blob(b"trader 1")),
    ];

    let mut snapshot = b"BDS-SN\0\x03".to_vec();
    let mut leaves = Vec::new();
    for (key, value) in &entries {
        snapshot.extend(Hand::default().blob(&key.0).blob(&value.0).0);
        leaves.push(Hand::default().blob(&key.0).u8(1).raw(&value.0).0);
    }
    assert_eq!(ledger.stores().snapshot(), snapshot);

    let root = merkle::root(&leaves);
    // No entry of a closed table: the root of none.
    let expected = hash(&Hand::default().u8(3).u64(4).raw(&root).raw(&hash(b"")).0);
    let hashes = outcome.changes.leaf_hashes(&mut plain);
    assert_eq!(outcome.changes.root(&hashes, &mut plain), expected);

    // Eight open entries or fewer are one bucket, by rising hash of the key without its first bit; beside it lie the closed ones.
    let place = |key: &Hand| {
        let mut place = hash(&key.0);
        place[0] &= 0x7f;
        place
    };
    entries.sort_by_key(|(key, _)| place(key));
    let bucket = entries.iter().fold(Hand::default().u8(2), |hand, entry| {
        let leaf = Hand::default().u8(0).blob(&entry.0.0).u8(1).raw(&entry.1.0);
        hand.raw(&place(&entry.0)).raw(&hash(&leaf.0))
    });
    let pair = Hand::default().u8(1).raw(&hash(&bucket.0)).raw(&hash(&[2]));
    let mut tree = Tree::new();
    tree.note(&outcome.changes, &hashes);
    tree.seal(&mut plain);
    assert_eq!(tree.root(), hash(&pair.0));
}
