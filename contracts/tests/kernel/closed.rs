//! Closed tables: their entries lie under a root of their own, which a secret keeps from being guessed, and no proof says
//! anything of them.

use bds_contracts::account::Roles;
use bds_contracts::genesis::Profile;
use bds_contracts::kernel::changes::{Changes, plain};
use bds_contracts::kernel::envelope::Envelope;
use bds_contracts::kernel::machine::{BlockOutcome, Machine};
use bds_contracts::kernel::meter::Limits;
use bds_contracts::kernel::proof::{Digest, Shown, is_closed, leaf_hash};
use bds_contracts::kernel::store::{entry_key, member_key};
use bds_contracts::kernel::tree::Tree;
use bds_contracts::tx::PublicKey;
use sha2::{Digest as _, Sha512_256};

use super::stage::{ANNA, BERT, CHAIN, block, draft};
use super::vault::{Call, Vault, Vaults};

const SECRET: [u8; 4] = [0x80, 0, 0, 5];

fn machine() -> Machine<Vaults> {
    let mut machine = Machine::new(CHAIN, Profile::Private, Limits::default());
    let set_up = machine.set_up(block(0), |cx| {
        for key in [ANNA, BERT] {
            cx.admit_member(key, Roles::TRADER)?;
        }
        Ok(())
    });
    let made = set_up.expect("the ledger can be set up");
    assert_eq!(made.changes.open(), made.changes.len());
    machine
}

/// A transaction with a signature of these bytes: the machine does not check it.
fn tx(sender: PublicKey, nonce: u64, signature: u8, call: Call) -> Vec<u8> {
    let mut bytes = draft(sender, nonce).call::<Vault>(&call).signed_bytes();
    bytes.extend([signature; 64]);
    bytes
}

fn put(number: u64, value: u64) -> Call {
    Call::Put { number, value }
}

fn note(number: u64, value: u64) -> Call {
    Call::Note { number, value }
}

fn execute(machine: &mut Machine<Vaults>, txs: &[Vec<u8>]) -> BlockOutcome {
    let parsed = txs.iter().map(|bytes| Envelope::parse(bytes).unwrap());
    let views: Vec<_> = parsed.map(|tx| (tx.id(), tx)).collect();
    let height = machine.block().height + 1;
    machine.execute_block(block(height), &views)
}

fn secret(machine: &Machine<Vaults>) -> Option<Digest> {
    let value = machine.stores().value(&SECRET)?;
    Some(value.try_into().expect("32 bytes"))
}

/// The secret after another one and a block with these signatures.
fn renewed(before: Digest, signatures: &[u8]) -> Digest {
    let signatures: Vec<u8> = signatures.iter().flat_map(|byte| [*byte; 64]).collect();
    let message = [&b"BDS-SC\0\x01"[..], &before, &signatures].concat();
    Sha512_256::digest(message).into()
}

fn tree_of(entries: &Changes) -> Tree {
    let mut tree = Tree::new();
    tree.note(entries, &entries.leaf_hashes(&mut plain));
    tree.seal(&mut plain);
    tree
}

fn changes_root(changes: &Changes) -> Digest {
    changes.root(&changes.leaf_hashes(&mut plain), &mut plain)
}

fn inside(number: u64) -> Vec<u8> {
    entry_key::<Vault>("inside", &number)
}

fn door(number: u64) -> Vec<u8> {
    entry_key::<Vault>("door", &number)
}

/// The transactions of a block, and the signatures that renew the secret, each by its byte; none where it stays.
type Block<'a> = (Vec<Vec<u8>>, Option<&'a [u8]>);

#[test]
fn the_secret_is_renewed_by_blocks_that_change_closed_entries_and_by_no_others() {
    let mut machine = machine();
    let mut expected = None;
    let refused = tx(BERT, 2, 7, put(8, 1_001));
    let blocks: [Block<'_>; 9] = [
        (vec![], None),
        (vec![tx(ANNA, 0, 1, note(1, 1))], None),
        (vec![tx(ANNA, 1, 2, put(1, 5))], Some(&[2])),
        // What is written as it was, written and taken back, or refused, changes nothing.
        (vec![tx(ANNA, 2, 3, put(1, 5))], None),
        (
            vec![tx(ANNA, 3, 3, put(2, 5)), tx(ANNA, 4, 3, put(2, 0))],
            None,
        ),
        (vec![tx(ANNA, 5, 3, put(2, 1_001))], None),
        // In their order, what is dropped and what is refused too.
        (
            vec![
                tx(BERT, 0, 4, put(3, 1)),
                tx(ANNA, 1, 5, note(2, 1)),
                refused,
            ],
            Some(&[4, 5, 7]),
        ),
        (vec![tx(BERT, 1, 6, note(2, 2))], None),
        (vec![tx(ANNA, 6, 6, put(1, 0))], Some(&[6])),
    ];
    for (place, (txs, signatures)) in blocks.into_iter().enumerate() {
        let changes = execute(&mut machine, &txs).changes;
        let closed: Vec<_> = changes.iter().skip(changes.open()).collect();
        assert_eq!(closed.is_empty(), signatures.is_none(), "block {place}");
        if let Some(signatures) = signatures {
            let next = renewed(expected.unwrap_or_default(), signatures);
            expected = Some(next);
            assert_eq!(closed[0].key, SECRET);
            assert_eq!(closed[0].value, Some(&next[..]));
        }
        assert!(changes.iter().map(|change| change.key).is_sorted());
        assert!(
            changes
                .iter()
                .skip(changes.open())
                .all(|c| is_closed(c.key))
        );
        assert_eq!(secret(&machine), expected, "block {place}");
    }
    assert_ne!(renewed([0; 32], &[4, 5]), renewed([0; 32], &[5, 4]));
}

#[test]
fn neither_root_depends_on_the_order_of_writes_or_on_a_snapshot_between() {
    let txs = |order: [usize; 4]| {
        let all = [
            tx(ANNA, 0, 1, put(3, 7)),
            tx(ANNA, 1, 1, put(1, 9)),
            tx(BERT, 0, 1, note(5, 1)),
            tx(BERT, 1, 1, put(2, 8)),
        ];
        order.map(|place| all[place].clone())
    };
    let begin = machine();
    let orders = [[0, 1, 2, 3], [2, 3, 1, 0], [3, 0, 2, 1]];
    let ends = orders.map(|order| {
        let mut machine = begin.clone();
        let mut tree = tree_of(&machine.stores().entries());
        let changes = execute(&mut machine, &txs(order)).changes;
        tree.note(&changes, &changes.leaf_hashes(&mut plain));
        let root = tree.seal(&mut plain);
        assert_eq!(root, tree_of(&machine.stores().entries()).root());
        let snapshot = machine.stores().snapshot();
        let again = Machine::<Vaults>::restore(
            CHAIN,
            Profile::Private,
            Limits::default(),
            *machine.block(),
            &snapshot,
        );
        let mut again = again.expect("its own snapshot");
        assert_eq!(root, tree_of(&again.stores().entries()).root());
        assert_eq!(again.stores().snapshot(), snapshot);
        // It goes on from the same secret.
        let next = [tx(ANNA, 2, 9, put(3, 0))];
        let [one, other] = [&mut machine, &mut again].map(|machine| execute(machine, &next));
        assert_eq!(changes_root(&one.changes), changes_root(&other.changes));
        assert_eq!(secret(&machine), secret(&again));
        (changes_root(&changes), root)
    });
    assert!(ends.iter().all(|end| *end == ends[0]));
}

/// Two ledgers that differ in one closed value, and in nothing else: their signatures are the same, and so is their secret.
#[test]
fn a_closed_value_changes_the_closed_root_alone_and_no_proof_goes_with_another_one() {
    let with = |value| {
        let mut machine = machine();
        let txs = [
            tx(ANNA, 0, 1, put(3, value)),
            tx(BERT, 0, 1, note(5, 1)),
            tx(BERT, 1, 1, note(9, 1)),
        ];
        let changes = execute(&mut machine, &txs).changes;
        (machine, changes)
    };
    let ledgers = [with(700), with(701)];
    assert_eq!(secret(&ledgers[0].0), secret(&ledgers[1].0));
    let keys = (0..20).map(door).chain([member_key(&ANNA), Vec::new()]);
    for key in keys {
        let states = ledgers.each_ref().map(|(machine, _)| {
            let tree = tree_of(&machine.stores().entries());
            (tree.prove(&key), tree.root())
        });
        let value = ledgers[0].0.stores().value(&key);
        let value = value.as_deref();
        let [(one, root), (other, other_root)] = &states;
        assert!(one.verify(root, &key, value) && other.verify(other_root, &key, value));
        assert_eq!(one.bucket, other.bucket);
        assert_eq!(one.path[1..], other.path[1..]);
        assert_ne!(one.path[0], other.path[0]);
        let mut swapped = one.clone();
        swapped.path[0] = other.path[0];
        assert!(!swapped.verify(root, &key, value));

        let blocks = ledgers.each_ref().map(|(_, changes)| {
            let leaves = changes.leaf_hashes(&mut plain);
            let root = changes.root(&leaves, &mut plain);
            (changes.prove(&leaves, &key, &mut plain), root)
        });
        let [(one, root), (other, other_root)] = &blocks;
        let shown = one.verify(root, &key);
        assert_eq!(shown.is_some(), other.verify(other_root, &key).is_some());
        assert_eq!(shown, Some(value.map_or(Shown::Untouched, Shown::Value)));
        assert_eq!((one.count, &one.leaves), (other.count, &other.leaves));
        assert_ne!(one.closed, other.closed);
        let mut swapped = one.clone();
        swapped.closed = other.closed;
        assert_eq!(swapped.verify(root, &key), None);
    }
}

/// The closed root is that of the secret and the entry; who knows everything but the secret does not find it.
#[test]
fn the_closed_root_is_no_hash_of_what_can_be_guessed() {
    let mut machine = machine();
    let changes = execute(&mut machine, &[tx(ANNA, 0, 1, put(3, 700))]).changes;
    let tree = tree_of(&machine.stores().entries());
    let in_state = tree.prove(&door(1)).path[0];
    let leaves = changes.leaf_hashes(&mut plain);
    let in_block = changes.prove(&leaves, &door(1), &mut plain).closed;

    let hash = |message: &[u8]| -> Digest { Sha512_256::digest(message).into() };
    let roots = |secret: &Digest| {
        let leaves = [
            leaf_hash(&SECRET, secret),
            leaf_hash(&inside(3), &700_u64.to_le_bytes()),
        ];
        let mut bucket = [&SECRET[..], &inside(3)].map(|key| {
            let mut place = hash(key);
            place[0] |= 0x80;
            place
        });
        let mut items: Vec<_> = bucket.iter_mut().zip(&leaves).collect();
        items.sort();
        let bucket: Vec<u8> = items
            .iter()
            .flat_map(|(k, l)| [**k, **l].concat())
            .collect();
        let pair = [&[1][..], &leaves[0], &leaves[1]].concat();
        (hash(&[&[2][..], &bucket].concat()), hash(&pair))
    };
    assert_eq!(roots(&secret(&machine).unwrap()), (in_state, in_block));
    for guess in [[0; 32], renewed([0; 32], &[]), renewed([0; 32], &[2])] {
        let (state, block) = roots(&guess);
        assert!(state != in_state && block != in_block);
    }
}

/// Neither what a closed key holds, nor that it holds nothing, is ever shown: also where there are no entries at all.
#[test]
fn no_proof_is_about_a_closed_key() {
    let mut machine = machine();
    let put_in = [tx(ANNA, 0, 1, put(3, 700)), tx(ANNA, 1, 1, note(3, 700))];
    let outcomes = [execute(&mut machine, &[]), execute(&mut machine, &put_in)];
    let tree = tree_of(&machine.stores().entries());
    let entries = machine.stores().entries();
    let mut hashes = entries.leaf_hashes(&mut plain);
    hashes.drain(..entries.open());
    assert_eq!(hashes.len(), 2, "the secret and the entry");
    for key in [inside(3), inside(4), SECRET.to_vec(), vec![0xff]] {
        assert!(is_closed(&key));
        let value = machine.stores().value(&key);
        for value in [value.as_deref(), None] {
            let proof = tree.prove(&key);
            assert!(!proof.verify(&tree.root(), &key, value));
            let held = proof.bucket.iter().flat_map(|(place, leaf)| [place, leaf]);
            let mut held = held.chain(&proof.path);
            assert!(held.all(|held| !hashes.contains(held)));
        }
        for outcome in &outcomes {
            let changes = &outcome.changes;
            let leaves = changes.leaf_hashes(&mut plain);
            let proof = changes.prove(&leaves, &key, &mut plain);
            assert_eq!(proof.verify(&changes_root(changes), &key), None);
            let mut held = proof.leaves.iter().flat_map(|leaf| &leaf.path);
            assert!(held.all(|held| !hashes.contains(held)));
        }
    }
    // The same key without its first bit is of no table.
    let mut open = inside(3);
    open[0] = 0;
    assert_eq!(machine.stores().value(&open), None);
    assert!(tree.prove(&open).verify(&tree.root(), &open, None));
}

#[test]
fn words_do_not_say_the_secret() {
    let mut machine = machine();
    execute(&mut machine, &[tx(ANNA, 0, 1, put(3, 700))]);
    let value = machine.stores().value(&SECRET);
    let words = machine.stores().in_words(&SECRET, value.as_deref());
    assert_eq!(words, Some(("secret", "()".into(), "Secret".into())));
}
