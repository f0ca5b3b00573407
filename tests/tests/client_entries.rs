//! Does the client believe an entry of the state only with a quorum behind the root and evidence under it?

mod client_block;

use bds_client::json::{EntryDocument, EntryDocumentError};
use bds_client::{ReceiptError, Trust};
use bds_contracts::account::{HolderId, Roles};
use bds_contracts::amount::{Currency, Money};
use bds_contracts::block::{CertifiedHeader, MerkleRoot, StateRoot};
use bds_contracts::genesis::{
    GENESIS_VERSION, Genesis, GenesisAccount, GenesisCash, GenesisMember, Mode, Profile,
};
use bds_contracts::identity::account::AccountKind;
use bds_contracts::kernel::changes::{Changes, plain};
use bds_contracts::kernel::proof::{EntryProof, Evidence};
use bds_contracts::kernel::tree::Tree;
use bds_contracts::ledger;
use bds_contracts::tx::{AccountId, Millis};
use client_block::{block, certificate, signers, trust};
use serde_json::{Value, json};

/// What a ledger with a member, an account and money begins with.
fn changes() -> Changes {
    let key = signers()[0].public_key();
    let genesis = Genesis {
        version: GENESIS_VERSION,
        name: "entries".into(),
        profile: Profile::Consortium,
        mode: Mode::Verified,
        time: Millis(1),
        checkpoint_interval: 16,
        validators: trust().validators,
        members: vec![GenesisMember {
            key,
            roles: Roles::TRADER,
            name: "trader".into(),
        }],
        accounts: vec![GenesisAccount {
            account: AccountId(1),
            holder: HolderId(1),
            kind: AccountKind::Trading,
            currency: Currency::EUR,
            threshold: 1,
            representatives: vec![key],
        }],
        instruments: Vec::new(),
        markets: Vec::new(),
        cash: vec![GenesisCash {
            account: AccountId(1),
            currency: Currency::EUR,
            amount: Money(1000),
        }],
        holdings: Vec::new(),
        phases: Vec::new(),
        installations: Vec::new(),
    };
    let (_, outcome) = ledger::from_genesis(&genesis).expect("a sound document");
    outcome.changes
}

/// A block with these roots, certified.
fn certified(changes_root: [u8; 32], state_root: [u8; 32]) -> CertifiedHeader {
    let mut header = block(1).block.header;
    header.changes_root = MerkleRoot(changes_root);
    header.state_root = StateRoot(state_root);
    let signatures = certificate(&header, &[0, 1, 2]);
    CertifiedHeader { header, signatures }
}

/// Every entry by both kinds of evidence, and a key that there is not.
fn proofs() -> Vec<EntryProof> {
    let changes = changes();
    let leaves = changes.leaf_hashes(&mut plain);
    let mut tree = Tree::new();
    tree.note(&changes, &leaves);
    let state_root = tree.seal(&mut plain);
    let block = certified(changes.root(&leaves, &mut plain), state_root);
    let mut proofs = Vec::new();
    for change in changes.iter() {
        let state = Evidence::State(tree.prove(change.key));
        let changed = Evidence::Change(changes.prove(&leaves, change.key, &mut plain));
        proofs.extend([state, changed].map(|evidence| EntryProof {
            key: change.key.to_vec(),
            value: change.value.map(<[u8]>::to_vec),
            evidence,
            block: block.clone(),
        }));
    }
    let nobody = [0, 0, 0, 1, 9];
    proofs.push(EntryProof {
        key: nobody.to_vec(),
        value: None,
        evidence: Evidence::State(tree.prove(&nobody)),
        block,
    });
    proofs
}

fn value<'a>(trust: &Trust, proof: &'a EntryProof) -> Result<Option<&'a [u8]>, ReceiptError> {
    trust.verify_entry(proof)
}

#[test]
fn entries_are_believed_as_they_are_and_no_other_way() {
    let proofs = proofs();
    assert!(proofs.len() > 6, "{} entries", proofs.len());
    for good in &proofs {
        assert_eq!(value(&trust(), good), Ok(good.value.as_deref()));
        let changes: [fn(&mut EntryProof); 3] = [
            |proof| proof.key.push(0),
            |proof| match &mut proof.value {
                Some(value) => value.push(0),
                None => proof.value = Some(vec![0]),
            },
            |proof| proof.value = proof.value.is_none().then(Vec::new),
        ];
        // What shows that one key is not there may well show it of another.
        let changes = &changes[usize::from(good.value.is_none())..];
        for change in changes {
            let mut bad = good.clone();
            change(&mut bad);
            assert_eq!(value(&trust(), &bad), Err(ReceiptError::NotShown));
        }
        let mut other = good.clone();
        other.block.header.state_root.0[0] ^= 1;
        assert_eq!(value(&trust(), &other), Err(ReceiptError::BadSignature(0)));
        let mut few = good.clone();
        few.block.signatures = certificate(&few.block.header, &[0, 1]);
        assert!(matches!(
            value(&trust(), &few),
            Err(ReceiptError::NoQuorum { .. })
        ));
    }
}

#[test]
fn an_entry_survives_its_document() {
    for proof in proofs() {
        let json = serde_json::to_value(EntryDocument::from(proof.clone())).expect("memory");
        let height = json["height"].as_u64().expect("a height");
        let read = |json: Value| {
            let document: EntryDocument = serde_json::from_value(json).expect("the fields");
            EntryProof::try_from(document)
        };
        assert_eq!(read(json.clone()), Ok(proof));
        let mut later = json.clone();
        later["height"] = json!(height + 1);
        let wrong = EntryDocumentError::WrongHeight {
            shown: height + 1,
            found: height,
        };
        assert_eq!(read(later), Err(wrong));
        for name in ["key", "value", "evidence"] {
            let mut bent = json.clone();
            bent[name] = json!("0g");
            let malformed = EntryDocumentError::Malformed(name);
            assert_eq!(read(bent), Err(malformed));
        }
    }
}
