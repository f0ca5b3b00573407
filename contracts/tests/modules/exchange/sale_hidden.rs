//! What proofs give out of a sale that is open: nothing. Once they held the hash of a neighbour's leaf, and whoever found a key
//! beside a sale's tried reserve prices until one of them gave that hash.

use std::collections::BTreeMap;

use bds_contracts::amount::Price;
use bds_contracts::exchange::orders::Exchange;
use bds_contracts::identity::Identity;
use bds_contracts::kernel::changes::{Changes, plain};
use bds_contracts::kernel::proof::{Digest, StateProof, leaf_hash};
use bds_contracts::kernel::store::entry_key;
use bds_contracts::kernel::tree::Tree;
use bds_contracts::tx::AccountId;

use super::super::stage::{ANNA_S, Stage, Who};
use super::sale::{TERMS, Terms, bid, execute, hall};

/// Keys that are asked for: more than there are buckets, so each is seen.
const ASKED: u64 = 500;

/// A sale with a reserve price, and a bid; the changes of both blocks.
fn open(reserve: i64) -> (Stage, [Changes; 2]) {
    let mut stage = hall();
    let terms = Terms { reserve, ..TERMS };
    let mut sold = stage.clone();
    let sale = terms.open(&mut sold);
    let calls = [
        (Who::Regulator, terms.call()),
        (Who::Anna, bid(sale, ANNA_S, 1, 1_500, 987_600)),
    ];
    let changes = calls.map(|(who, call)| {
        let tx = stage.tx::<Exchange>(who, &call);
        execute(&mut stage, &[tx]).changes
    });
    assert!(
        stage
            .machine
            .stores()
            .read::<Exchange>()
            .sales
            .contains(&sale)
    );
    (stage, changes)
}

/// Key and value of the sale and of the bid.
fn hidden(stage: &Stage) -> [(Vec<u8>, Vec<u8>); 2] {
    let tables = stage.machine.stores().read::<Exchange>();
    let (sale, _) = tables.sales.range(..).next().expect("the sale");
    let (bid, _) = tables.bids.range(..).next().expect("the bid");
    let keys = [
        entry_key::<Exchange>("sales", sale),
        entry_key::<Exchange>("bids", bid),
    ];
    keys.map(|key| {
        let value = stage.machine.stores().value(&key).expect("it is there");
        (key, value)
    })
}

/// Bytes as they are.
struct Raw<'a>(&'a [u8]);

impl borsh::BorshSerialize for Raw<'_> {
    fn serialize<W: std::io::Write>(&self, writer: &mut W) -> std::io::Result<()> {
        writer.write_all(self.0)
    }
}

/// The key as it was when closed entries lay among the others.
fn among_others(key: &[u8]) -> Vec<u8> {
    [&[key[0] & 0x7f], &key[1..]].concat()
}

fn tree_of(entries: &Changes) -> Tree {
    let mut tree = Tree::new();
    tree.note(entries, &entries.leaf_hashes(&mut plain));
    tree.seal(&mut plain);
    tree
}

/// The tree as it would be with closed entries among the others.
fn one_tree(stage: &Stage) -> Tree {
    let entries = stage.machine.stores().entries();
    let sorted: BTreeMap<Vec<u8>, &[u8]> = entries
        .iter()
        .map(|entry| (among_others(entry.key), entry.value.expect("a value")))
        .collect();
    let mut all = Changes::default();
    for (key, value) in sorted {
        let (prefix, own) = key.split_first_chunk().expect("module and table");
        all.push(*prefix, &Raw(own), Some(&Raw(value)));
        all.end_table();
    }
    tree_of(&all)
}

/// What may be asked of anybody: accounts that there are, and many that there are not.
fn asked() -> impl Iterator<Item = Vec<u8>> {
    (0..ASKED).map(|number| entry_key::<Identity>("accounts", &AccountId(number)))
}

fn hashes(proof: &StateProof) -> Vec<Digest> {
    let bucket = proof
        .bucket
        .iter()
        .flat_map(|(place, leaf)| [*place, *leaf]);
    bucket.chain(proof.path.iter().copied()).collect()
}

#[test]
fn no_key_shows_the_hash_of_a_sale_or_of_a_bid() {
    let (stage, blocks) = open(635_700);
    let (before, now) = (one_tree(&stage), tree_of(&stage.machine.stores().entries()));
    for (key, value) in hidden(&stage) {
        let old_key = among_others(&key);
        let old_leaf = leaf_hash(&old_key, &value);
        let beside = |key: &Vec<u8>| hashes(&before.prove(key)).contains(&old_leaf);
        let found = asked().find(beside).expect("a key in the same bucket");
        assert!(before.prove(&found).verify(&before.root(), &found, None));

        // Every hash that says something of the entry: its place, its leaf, and both as they were.
        let leaf = leaf_hash(&key, &value);
        let [place, old_place] = [&key, &old_key].map(|key| -> Digest {
            use sha2::Digest as _;
            sha2::Sha512_256::digest(key).into()
        });
        let either = |place: Digest| {
            let [high, rest @ ..] = place;
            [high & 0x7f, high | 0x80].map(|high| {
                let mut place = [high; 32];
                place[1..].copy_from_slice(&rest);
                place
            })
        };
        let telling = [either(place), either(old_place), [leaf, old_leaf]].concat();
        let mut shown: Vec<Digest> = Vec::new();
        for key in asked().chain([found, key, old_key]) {
            shown.extend(hashes(&now.prove(&key)));
            for block in &blocks {
                let leaves = block.leaf_hashes(&mut plain);
                let proof = block.prove(&leaves, &key, &mut plain);
                shown.push(proof.closed);
                for one in &proof.leaves {
                    assert!(one.leaf[4] < 0x80, "a leaf of a closed table");
                    shown.extend(&one.path);
                }
            }
        }
        assert!(shown.len() > 1_000);
        assert!(telling.iter().all(|hash| !shown.contains(hash)));
    }
}

/// Ledgers that differ in the reserve price alone: the tests' signatures are the same, and so the secret is.
#[test]
fn proofs_of_two_reserve_prices_differ_in_the_closed_root_alone() {
    let ledgers = [635_700, 635_800].map(open);
    let values = ledgers.each_ref().map(|(stage, _)| hidden(stage));
    assert_ne!(values[0][0].1, values[1][0].1, "the sales");
    assert_eq!(values[0][1], values[1][1], "the bids");
    let trees = ledgers
        .each_ref()
        .map(|(stage, _)| tree_of(&stage.machine.stores().entries()));
    for key in asked() {
        let [mut one, other] = trees.each_ref().map(|tree| tree.prove(&key));
        assert_ne!(one.path[0], other.path[0]);
        one.path[0] = other.path[0];
        assert_eq!(one, other);
        for block in 0..2 {
            let [mut one, other] = ledgers.each_ref().map(|(_, blocks)| {
                let leaves = blocks[block].leaf_hashes(&mut plain);
                blocks[block].prove(&leaves, &key, &mut plain)
            });
            assert_ne!(one.closed, other.closed);
            one.closed = other.closed;
            assert_eq!(one, other);
        }
    }
    let reserves = ledgers.map(|(stage, _)| {
        let sales = &stage.machine.stores().read::<Exchange>().sales;
        sales.range(..).next().map(|(_, sale)| sale.offer.reserve)
    });
    assert_eq!(reserves, [Some(Price(635_700)), Some(Price(635_800))]);
}
