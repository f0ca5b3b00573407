//! Both roots against a second, naive implementation, and the proofs against them.

use std::collections::BTreeMap;

use bds_contracts::kernel::changes::{Changes, plain};
use bds_contracts::kernel::proof::{Digest, Shown};
use bds_contracts::kernel::tree::{Pending, Tree};
use sha2::{Digest as _, Sha512_256};

use super::purse::{self, Purse};
use super::stage::{ANNA, BERT, DORA, Random, draft, execute, machine, wire};

type State = BTreeMap<Vec<u8>, Vec<u8>>;

fn hash(parts: &[&[u8]]) -> Digest {
    let mut hasher = Sha512_256::new();
    parts.iter().for_each(|part| hasher.update(part));
    hasher.finalize().into()
}

fn leaf(key: &[u8], value: Option<&[u8]>) -> Vec<u8> {
    let mut leaf = (key.len() as u32).to_le_bytes().to_vec();
    leaf.extend_from_slice(key);
    leaf.push(u8::from(value.is_some()));
    leaf.extend_from_slice(value.unwrap_or_default());
    leaf
}

/// The root over these places and leaves at once, by the definition: more than eight are divided by the next bit.
fn naive_root(entries: &[(Digest, Digest)], depth: usize) -> Digest {
    if entries.len() <= 8 {
        let mut sorted = entries.to_vec();
        sorted.sort();
        let bytes: Vec<u8> = sorted.iter().flat_map(|(k, l)| [*k, *l].concat()).collect();
        return hash(&[&[2], &bytes]);
    }
    let (left, right): (Vec<_>, Vec<_>) = entries
        .iter()
        .partition(|(key, _)| key[depth / 8] & (0x80 >> (depth % 8)) == 0);
    hash(&[
        &[1],
        &naive_root(&left, depth + 1),
        &naive_root(&right, depth + 1),
    ])
}

fn is_closed(key: &[u8]) -> bool {
    key[0] >= 0x80
}

/// The open entries left, the closed ones right.
fn naive_state_root(state: &State) -> Digest {
    let half = |closed: bool| {
        let of_half = state.iter().filter(|(key, _)| is_closed(key) == closed);
        let entries = of_half.map(|(key, value)| {
            let mut place = hash(&[key]);
            place[0] = place[0] % 0x80 + 0x80 * u8::from(closed);
            (place, hash(&[&[0], &leaf(key, Some(value))]))
        });
        naive_root(&entries.collect::<Vec<_>>(), 1)
    };
    hash(&[&[1], &half(false), &half(true)])
}

/// RFC 9162, section 2.1.1, as it is written there.
fn naive_merkle(leaves: &[Vec<u8>]) -> Digest {
    match leaves.len() {
        0 => hash(&[]),
        1 => hash(&[&[0], &leaves[0]]),
        n => {
            let k = (n.next_power_of_two() / 2).max(1);
            let (left, right) = leaves.split_at(k);
            hash(&[&[1], &naive_merkle(left), &naive_merkle(right)])
        }
    }
}

/// Changes of two tables with keys and values of bytes: every third key is of a closed one.
fn changes(entries: &[(u64, Option<Vec<u8>>)]) -> Changes {
    let mut changes = Changes::default();
    for (prefix, closed) in [([0, 5, 0, 1], false), ([0x80, 5, 0, 1], true)] {
        for (key, value) in entries.iter().filter(|(key, _)| (key % 3 == 2) == closed) {
            changes.push(prefix, key, value.as_ref());
        }
        changes.end_table();
    }
    changes
}

#[test]
fn the_tree_agrees_with_the_definition_as_entries_come_and_go() {
    let mut random = Random(1);
    for spread in [4_u64, 12, 300, 5_000] {
        let (mut tree, mut state) = (Tree::new(), State::new());
        assert_eq!(tree.seal(&mut plain), naive_state_root(&state));
        for round in 0..40 {
            // Grows first, then shrinks to nothing.
            for _ in 0..1 + random.below(3) {
                let entries: BTreeMap<u64, Option<Vec<u8>>> = (0..random.below(spread))
                    .map(|_| {
                        let value = (random.below(40) > round).then(|| {
                            let length = random.below(200);
                            (0..length).map(|_| random.below(256) as u8).collect()
                        });
                        (random.below(spread), value)
                    })
                    .collect();
                let block = changes(&entries.into_iter().collect::<Vec<_>>());
                for change in block.iter() {
                    match change.value {
                        Some(value) => state.insert(change.key.to_vec(), value.to_vec()),
                        None => state.remove(change.key),
                    };
                }
                let leaves = block.leaf_hashes(&mut plain);
                tree.note(&block, &leaves);
            }
            let root = tree.seal(&mut plain);
            assert_eq!(root, naive_state_root(&state), "{spread}, round {round}");
            assert_eq!(tree.len(), state.len());

            let probe = (0..20).map(|_| random.below(2 * spread));
            for key in probe.map(|n| changes(&[(n, None)]).iter().next().unwrap().key.to_vec()) {
                let proof = tree.prove(&key);
                let value = state.get(&key).map(Vec::as_slice);
                assert_eq!(proof.verify(&root, &key, value), !is_closed(&key));
                // Nothing else can be shown with it.
                assert!(!proof.verify(&root, &key, Some(b"another value")));
                if value.is_some() {
                    assert!(!proof.verify(&root, &key, None));
                }
                assert!(!proof.verify(&[1; 32], &key, value));
            }
        }
    }
}

/// While the next root is computed, in whatever pieces, the tree shows entries under the last one.
#[test]
fn between_two_slices_the_tree_shows_the_last_root() {
    let mut random = Random(9);
    let mut draw = |count: u64, gone: u64| -> Vec<(u64, Option<Vec<u8>>)> {
        let entries: BTreeMap<u64, Option<Vec<u8>>> = (0..count)
            .map(|_| {
                let value = (random.below(100) >= gone).then(|| vec![random.below(256) as u8; 9]);
                (random.below(30_000), value)
            })
            .collect();
        entries.into_iter().collect()
    };
    let (mut tree, mut pending, mut state) = (Tree::new(), Pending::new(), State::new());
    tree.seal(&mut plain);
    for (count, gone) in [(20_000, 0), (9_000, 30), (30_000, 95), (12_000, 10)] {
        let before = state.clone();
        let old_root = naive_state_root(&before);
        let block = changes(&draw(count, gone));
        for change in block.iter() {
            match change.value {
                Some(value) => state.insert(change.key.to_vec(), value.to_vec()),
                None => state.remove(change.key),
            };
        }
        let shows = |tree: &Tree, root: &Digest, state: &State| {
            assert_eq!(tree.root(), *root);
            for change in block.iter().step_by(997) {
                let proof = tree.prove(change.key);
                let value = state.get(change.key).map(Vec::as_slice);
                let shown = proof.verify(root, change.key, value);
                assert_eq!(shown, !is_closed(change.key));
            }
        };
        pending.note(&block, &block.leaf_hashes(&mut plain));
        let mut updates = pending.take(&mut plain);
        let mut slices = 0;
        while tree.take_in(&mut updates) {
            shows(&tree, &old_root, &before);
            slices += 1;
        }
        let root = loop {
            shows(&tree, &old_root, &before);
            match tree.hash_some(&mut plain) {
                None => slices += 1,
                Some(root) => break root,
            }
        };
        assert!(slices > 4, "{slices} slices");
        shows(&tree, &old_root, &before);
        tree.publish();
        assert_eq!(root, naive_state_root(&state));
        shows(&tree, &root, &state);
    }
}

#[test]
fn the_changes_root_and_its_proofs_agree_with_the_definition() {
    let mut random = Random(2);
    for count in (0..40).chain([63, 64, 65, 100, 257]) {
        let entries: BTreeMap<u64, Option<Vec<u8>>> = (0..count)
            .map(|n| {
                let value = (random.below(4) > 0).then(|| vec![n as u8; n as usize % 50]);
                (2 * n + 10, value)
            })
            .collect();
        let mut shuffled: Vec<_> = entries.into_iter().collect();
        for at in (1..shuffled.len()).rev() {
            shuffled.swap(at, random.below(at as u64 + 1) as usize);
        }
        let block = changes(&shuffled);
        let mut sorted: Vec<_> = block.iter().map(|c| (c.key, c.value)).collect();
        sorted.sort();
        assert!(
            block
                .iter()
                .map(|c| (c.key, c.value))
                .eq(sorted.iter().copied())
        );
        let half = |closed: bool| -> Vec<Vec<u8>> {
            let of_half = sorted.iter().filter(|(key, _)| is_closed(key) == closed);
            of_half.map(|(key, value)| leaf(key, *value)).collect()
        };
        let (open, closed) = (half(false), half(true));
        let expected = hash(&[
            &[3],
            &(open.len() as u64).to_le_bytes(),
            &naive_merkle(&open),
            &naive_merkle(&closed),
        ]);
        let hashes = block.leaf_hashes(&mut plain);
        let root = block.root(&hashes, &mut plain);
        assert_eq!(root, expected, "{count} changes");

        for n in 0..2 * count + 30 {
            let other = changes(&[(n, None)]);
            let key = other.iter().next().unwrap().key;
            let proof = block.prove(&hashes, key, &mut plain);
            let expected = match sorted.iter().find(|(k, _)| *k == key) {
                _ if is_closed(key) => None,
                Some((_, Some(value))) => Some(Shown::Value(value)),
                Some((_, None)) => Some(Shown::Gone),
                None => Some(Shown::Untouched),
            };
            assert_eq!(proof.verify(&root, key), expected, "{n} of {count}");
            assert_eq!(proof.verify(&[0; 32], key), None);
            // A proof for one key shows another one untouched at most where it does lie between the same neighbours.
            let far = changes(&[(n + 4 + u64::from(n % 3 == 1), None)]);
            let far = far.iter().next().unwrap().key;
            let far_proof = block.prove(&hashes, far, &mut plain);
            let honest = far_proof.verify(&root, far).unwrap();
            if let Some(shown) = proof.verify(&root, far) {
                assert_eq!(shown, honest);
            }
        }
    }
}

#[test]
fn leaves_that_are_no_neighbours_show_nothing() {
    let entries: Vec<_> = (0..9).map(|n| (30 * n, Some(vec![n as u8]))).collect();
    let block = changes(&entries);
    let hashes = block.leaf_hashes(&mut plain);
    let root = block.root(&hashes, &mut plain);
    let prove = |n| {
        let key = changes(&[(n, None)]).iter().next().unwrap().key.to_vec();
        (block.prove(&hashes, &key, &mut plain), key)
    };
    // 120 was changed; the leaves of 90 and 150 are under the root, but not next to each other.
    let (mut forged, key) = prove(120);
    let (below, above) = (prove(90).0.leaves.remove(0), prove(150).0.leaves.remove(0));
    forged.leaves = vec![below.clone(), above.clone()];
    assert_eq!(forged.verify(&root, &key), None);
    // One end alone shows nothing of what lies between.
    for one in [below, above] {
        forged.leaves = vec![one];
        assert_eq!(forged.verify(&root, &key), None);
    }
    // Nor does another count.
    let (mut honest, key) = prove(135);
    assert_eq!(honest.verify(&root, &key), Some(Shown::Untouched));
    honest.count += 1;
    assert_eq!(honest.verify(&root, &key), None);
    honest.leaves.clear();
    honest.count = 0;
    assert_eq!(honest.verify(&root, &key), None);
}

#[test]
fn equal_content_has_an_equal_root_whatever_the_way_to_it() {
    // Two histories with the same end: points go around, in another order, over other blocks, through a snapshot.
    let pay = |from, nonce, to, points| {
        wire(&draft(from, nonce).call::<Purse>(&purse::Call::Pay { to, points }))
    };
    let one = [
        pay(ANNA, 0, BERT, 40),
        pay(ANNA, 1, DORA, 60),
        pay(BERT, 0, ANNA, 5),
        pay(BERT, 1, ANNA, 5),
    ];
    let mut first = machine();
    let mut second = machine();
    let mut tree = Tree::new();
    let begin = first.stores().entries();
    tree.note(&begin, &begin.leaf_hashes(&mut plain));
    for tx in [0, 2, 1, 3] {
        let outcome = execute(&mut first, &one[tx..=tx]);
        tree.note(&outcome.changes, &outcome.changes.leaf_hashes(&mut plain));
    }
    execute(&mut second, &[2, 3, 1, 0].map(|tx| one[tx].clone()));
    let mut third = bds_contracts::kernel::machine::Machine::<super::stage::Ledger>::restore(
        super::stage::CHAIN,
        bds_contracts::genesis::Profile::Private,
        *second.limits(),
        *second.block(),
        &second.stores().snapshot(),
    )
    .unwrap();
    let whole = |entries: Changes| {
        let mut tree = Tree::new();
        tree.note(&entries, &entries.leaf_hashes(&mut plain));
        tree.seal(&mut plain)
    };
    let root = tree.seal(&mut plain);
    assert_eq!(root, whole(first.stores().entries()));
    assert_eq!(root, whole(second.stores().entries()));
    assert_eq!(root, whole(third.stores().entries()));
    // The restored ledger goes on as the other does.
    let next = [pay(DORA, 0, ANNA, 1)];
    let (a, b) = (execute(&mut second, &next), execute(&mut third, &next));
    assert_eq!(a.receipts.bytes(), b.receipts.bytes());
    assert!(a.changes.iter().eq(b.changes.iter()));
}

#[test]
fn a_block_that_leaves_an_entry_as_it_was_does_not_list_it() {
    let mut machine = machine();
    let pay = |from, to| wire(&draft(from, 0).call::<Purse>(&purse::Call::Pay { to, points: 9 }));
    let outcome = execute(&mut machine, &[pay(ANNA, BERT), pay(BERT, ANNA)]);
    // The two members' nonces, and nothing of their purses.
    assert!(
        outcome
            .changes
            .iter()
            .all(|change| change.key.starts_with(&[0, 0, 0, 1]))
    );
    assert_eq!(outcome.changes.len(), 2);
}
