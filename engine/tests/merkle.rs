//! Are roots and proofs those of RFC 9162? Its recursive definitions, written down again, decide.

mod common;

use bds_engine::Portable;
use bds_engine::merkle::{
    Blake3, Frontier, Sha256, Sha512, Sha512_256, Tree, TreeHash, leaf_hashes, root,
    verify_consistency, verify_inclusion, verify_multi,
};
use common::{assert_device_trusted, painted, tested, vectors};

/// Largest power of two below `n`, by trying.
fn k(n: usize) -> usize {
    let mut k = 1;
    while k * 2 < n {
        k *= 2;
    }
    k
}

/// RFC 9162, 2.1.1: MTH(D_n), over leaf hashes.
fn mth<H: TreeHash>(leaves: &[H::Digest]) -> H::Digest {
    match leaves {
        [] => H::empty(),
        [one] => *one,
        _ => {
            let (left, right) = leaves.split_at(k(leaves.len()));
            H::node(&mth::<H>(left), &mth::<H>(right))
        }
    }
}

/// RFC 9162, 2.1.3.1: PATH(m, D_n).
fn path<H: TreeHash>(m: usize, leaves: &[H::Digest]) -> Vec<H::Digest> {
    if leaves.len() == 1 {
        return Vec::new();
    }
    let (left, right) = leaves.split_at(k(leaves.len()));
    let (mut path, other) = if m < left.len() {
        (path::<H>(m, left), right)
    } else {
        (path::<H>(m - left.len(), right), left)
    };
    path.push(mth::<H>(other));
    path
}

/// RFC 9162, 2.1.4.1: SUBPROOF(m, D_n, b); PROOF is this with b true.
fn subproof<H: TreeHash>(m: usize, leaves: &[H::Digest], whole: bool) -> Vec<H::Digest> {
    if m == leaves.len() {
        return if whole {
            Vec::new()
        } else {
            vec![mth::<H>(leaves)]
        };
    }
    let (left, right) = leaves.split_at(k(leaves.len()));
    let (mut path, other) = if m <= left.len() {
        (subproof::<H>(m, left, whole), right)
    } else {
        (subproof::<H>(m - left.len(), right, false), left)
    };
    path.push(mth::<H>(other));
    path
}

fn leaves(n: usize) -> Vec<Vec<u8>> {
    (0..n)
        .map(|i| [&(i as u32).to_le_bytes()[..], &painted(i % 70)].concat())
        .collect()
}

fn flip<H: TreeHash>(digest: &H::Digest) -> H::Digest {
    let mut bytes = digest.as_ref().to_vec();
    bytes[7] ^= 4;
    H::Digest::try_from(&bytes[..]).ok().unwrap()
}

/// Roots, every inclusion path and every consistency path of every size from 0 to 130.
fn small_trees<H: TreeHash>() {
    let data = leaves(130);
    let data: Vec<&[u8]> = data.iter().map(Vec::as_slice).collect();
    let hashes: Vec<_> = data.iter().map(|d| H::leaf(d)).collect();
    for backend in tested() {
        let mut frontier = Frontier::<H>::new();
        for n in 0..=data.len() {
            let expected = mth::<H>(&hashes[..n]);
            let tree = Tree::<H>::build(&*backend, &data[..n]).unwrap();
            assert_eq!(tree.root(), expected, "{n} leaves");
            assert_eq!(
                root::<H>(&*backend, &data[..n]).unwrap(),
                expected,
                "{n} leaves"
            );
            assert_eq!((frontier.size(), frontier.root()), (n as u64, expected));
            let saved = Frontier::<H>::from_parts(n as u64, frontier.roots().to_vec()).unwrap();
            assert_eq!(saved.root(), expected);
            if n < data.len() {
                frontier.append(data[n]);
            }
            for m in 0..n {
                let found = tree.inclusion(m as u64).unwrap();
                assert_eq!(found, path::<H>(m, &hashes[..n]), "leaf {m} of {n}");
                let (n, m) = (n as u64, m as u64);
                let leaf = &hashes[m as usize];
                assert!(verify_inclusion::<H>(n, m, leaf, &found, &expected));
                assert!(!verify_inclusion::<H>(
                    n,
                    m,
                    &flip::<H>(leaf),
                    &found,
                    &expected
                ));
                assert!(!verify_inclusion::<H>(
                    n,
                    m,
                    leaf,
                    &found,
                    &flip::<H>(&expected)
                ));
                assert!(!verify_inclusion::<H>(n, m ^ 1, leaf, &found, &expected) || n == 1);
                let longer = [&found[..], &[expected]].concat();
                assert!(!verify_inclusion::<H>(n, m, leaf, &longer, &expected));
                if let Some((_, shorter)) = found.split_last() {
                    assert!(!verify_inclusion::<H>(n, m, leaf, shorter, &expected));
                }
                let before = mth::<H>(&hashes[..=m as usize]);
                let found = tree.consistency(m + 1).unwrap();
                assert_eq!(
                    found,
                    subproof::<H>(m as usize + 1, &hashes[..n as usize], true)
                );
                let check = |root1: &H::Digest, root2: &H::Digest, path: &[H::Digest]| {
                    verify_consistency::<H>(m + 1, n, root1, root2, path)
                };
                assert!(check(&before, &expected, &found));
                assert!(!check(&flip::<H>(&before), &expected, &found));
                assert!(!check(&before, &flip::<H>(&expected), &found));
                assert!(!check(
                    &before,
                    &expected,
                    &[&found[..], &[expected]].concat()
                ));
                for i in 0..found.len() {
                    let mut wrong = found.clone();
                    wrong[i] = flip::<H>(&wrong[i]);
                    assert!(!check(&before, &expected, &wrong), "{m} {n} {i}");
                    wrong.remove(i);
                    assert!(!check(&before, &expected, &wrong), "{m} {n} {i}");
                }
            }
            assert!(tree.inclusion(n as u64).is_none());
            assert!(tree.consistency(0).is_none() && tree.consistency(n as u64 + 1).is_none());
        }
    }
}

#[test]
fn small_trees_sha512_256() {
    small_trees::<Sha512_256>();
}

#[test]
fn small_trees_sha512() {
    small_trees::<Sha512>();
}

#[test]
fn small_trees_sha256() {
    small_trees::<Sha256>();
}

#[test]
fn small_trees_blake3() {
    small_trees::<Blake3>();
}

#[test]
fn several_leaves_in_one_proof() {
    type H = Sha512_256;
    let backend = Portable::exact();
    for n in 1..=70_usize {
        let hashes: Vec<_> = leaves(n).iter().map(|d| H::leaf(d)).collect();
        let tree = Tree::<H>::from_leaf_hashes(&backend, hashes.clone()).unwrap();
        for step in 1..=n {
            for first in 0..step.min(3).min(n) {
                let wanted: Vec<u64> = (first..n).step_by(step).map(|i| i as u64).collect();
                let known: Vec<_> = wanted.iter().map(|i| (*i, hashes[*i as usize])).collect();
                let proof = tree.multi_inclusion(&wanted).unwrap();
                let check = |known: &[(u64, [u8; 32])], path: &[[u8; 32]]| {
                    verify_multi::<H>(n as u64, known, path, &tree.root())
                };
                assert!(check(&known, &proof), "{wanted:?} of {n}");
                let single: usize = wanted
                    .iter()
                    .map(|i| tree.inclusion(*i).unwrap().len())
                    .sum();
                assert!(proof.len() <= single);
                for i in 0..known.len() {
                    let mut wrong = known.clone();
                    wrong[i].1[0] ^= 1;
                    assert!(!check(&wrong, &proof));
                }
                for i in 0..proof.len() {
                    let mut wrong = proof.clone();
                    wrong[i][31] ^= 1;
                    assert!(!check(&known, &wrong));
                    wrong.remove(i);
                    assert!(!check(&known, &wrong));
                }
                assert!(!check(&known, &[&proof[..], &[[0; 32]]].concat()));
            }
        }
        assert_eq!(tree.multi_inclusion(&[]).unwrap(), [tree.root()]);
        assert!(tree.multi_inclusion(&[n as u64]).is_none());
        assert!(tree.multi_inclusion(&[0, 0]).is_none());
        assert!(!verify_multi::<H>(
            n as u64,
            &[(0, hashes[0]), (0, hashes[0])],
            &[],
            &tree.root()
        ));
    }
    assert!(verify_multi::<H>(0, &[], &[], &H::empty()));
}

#[test]
fn large_trees_agree_with_the_recursion() {
    type H = Sha512_256;
    for backend in tested() {
        // Around the subtree handed to one core (1,024), and a size with many odd levels.
        for n in [1023, 1024, 1025, 2047, 2048, 2049, 10_007, 65_535, 65_537] {
            let data = leaves(n);
            let data: Vec<&[u8]> = data.iter().map(Vec::as_slice).collect();
            let hashes = leaf_hashes::<H>(&*backend, &data).unwrap();
            let expected = mth::<H>(&hashes);
            assert_eq!(root::<H>(&*backend, &data).unwrap(), expected, "{n} leaves");
            let tree = Tree::<H>::build(&*backend, &data).unwrap();
            assert_eq!(tree.root(), expected);
            for m in [0, 1, n / 3, n - 2, n - 1] {
                assert_eq!(tree.inclusion(m as u64).unwrap(), path::<H>(m, &hashes));
            }
        }
    }
}

/// Leaves of 64 bytes have a form of their own in lanes; so have pairs.
fn trees_of_equal_leaves<H: TreeHash>(sizes: impl Iterator<Item = usize>) {
    for n in sizes {
        for bytes in [0, 63, 64, 65, 127, 128] {
            let data: Vec<_> = (0..n)
                .map(|i| painted(bytes + i % 251)[i % 251..].to_vec())
                .collect();
            let data: Vec<&[u8]> = data.iter().map(Vec::as_slice).collect();
            let hashes: Vec<_> = data.iter().map(|d| H::leaf(d)).collect();
            let expected = mth::<H>(&hashes);
            for backend in tested() {
                let what = format!("{}: {n} leaves of {bytes} bytes", backend.name());
                assert_eq!(
                    leaf_hashes::<H>(&*backend, &data).unwrap(),
                    hashes,
                    "{what}"
                );
                assert_eq!(root::<H>(&*backend, &data).unwrap(), expected, "{what}");
                let tree = Tree::<H>::from_leaf_hashes(&*backend, hashes.clone()).unwrap();
                assert_eq!(tree.root(), expected, "{what}");
            }
        }
    }
    assert_device_trusted();
}

#[test]
fn trees_of_equal_leaves_sha512_256() {
    trees_of_equal_leaves::<Sha512_256>((0..=130).chain([1023, 1025, 3001, 65_537]));
}

#[test]
fn trees_of_equal_leaves_sha512() {
    trees_of_equal_leaves::<Sha512>((0..=130).chain([1023, 1025, 3001, 65_537]));
}

/// Every height over every small number of nodes, with the last run short or not.
fn subtrees_of_every_height<H: TreeHash>() {
    let data = leaves(131);
    let data: Vec<&[u8]> = data.iter().map(Vec::as_slice).collect();
    let hashes: Vec<_> = data.iter().map(|d| H::leaf(d)).collect();
    for backend in tested() {
        for n in 0..=data.len() {
            for height in [0, 1, 2, 3, 5, 7, 8, 20, 32] {
                let what = format!("{}: {n} nodes, height {height}", backend.name());
                let runs = hashes[..n].chunks(1 << height);
                let expected: Vec<_> = runs.map(mth::<H>).collect();
                let mut found = vec![H::ZERO; expected.len()];
                backend
                    .leaf_roots(H::ALGORITHM, &data[..n], height, H::flat_mut(&mut found))
                    .unwrap();
                assert_eq!(found, expected, "leaves, {what}");
                if height > 0 {
                    found.fill(H::ZERO);
                    let nodes = H::flat(&hashes[..n]);
                    backend
                        .subtree_roots(H::ALGORITHM, nodes, height, H::flat_mut(&mut found))
                        .unwrap();
                    assert_eq!(found, expected, "nodes, {what}");
                }
            }
        }
    }
}

#[test]
fn subtrees_of_every_height_and_hash() {
    subtrees_of_every_height::<Sha512_256>();
    subtrees_of_every_height::<Sha512>();
    subtrees_of_every_height::<Sha256>();
    subtrees_of_every_height::<Blake3>();
}

#[test]
fn a_frontier_grows_by_many_leaves_as_by_one() {
    type H = Sha512_256;
    let data = leaves(300);
    let data: Vec<&[u8]> = data.iter().map(Vec::as_slice).collect();
    for backend in tested() {
        for first in 0..40 {
            for count in [0, 1, 2, 3, 15, 16, 17, 100, 255, 256] {
                let mut one = Frontier::<H>::new();
                data[..first + count].iter().for_each(|d| one.append(d));
                let mut many = Frontier::<H>::new();
                many.append_many(&*backend, &data[..first]).unwrap();
                many.append_many(&*backend, &data[first..first + count])
                    .unwrap();
                assert_eq!(many.roots(), one.roots(), "{first} and {count} leaves");
                assert_eq!((many.size(), many.root()), (one.size(), one.root()));
            }
        }
    }
}

#[test]
fn places_near_the_largest_number_do_not_overflow() {
    type H = Sha512_256;
    let node = [7; 32];
    let path = vec![node; 64];
    assert!(!verify_inclusion::<H>(
        u64::MAX,
        u64::MAX - 1,
        &node,
        &path,
        &node
    ));
    assert!(!verify_inclusion::<H>(
        u64::MAX,
        u64::MAX,
        &node,
        &path,
        &node
    ));
    assert!(!verify_consistency::<H>(
        u64::MAX - 1,
        u64::MAX,
        &node,
        &node,
        &path
    ));
    assert!(!verify_multi::<H>(
        u64::MAX,
        &[(u64::MAX - 1, node)],
        &path,
        &node
    ));
}

#[test]
fn vectors_of_transparency_dev() {
    let Some(folder) = vectors() else { return };
    let folder = folder.join("merkle_rfc6962");
    let text = std::fs::read_to_string(folder.join("roots_8leaf_sha256.json")).unwrap();
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    let hex_of = |v: &serde_json::Value| hex::decode(v.as_str().unwrap()).unwrap();
    let data: Vec<_> = json["leaves"]
        .as_array()
        .unwrap()
        .iter()
        .map(hex_of)
        .collect();
    let data: Vec<&[u8]> = data.iter().map(Vec::as_slice).collect();
    for backend in tested() {
        for (n, expected) in json["roots"].as_array().unwrap().iter().enumerate() {
            assert_eq!(
                root::<Sha256>(&*backend, &data[..n]).unwrap()[..],
                hex_of(expected)
            );
        }
    }
    let (mut inclusions, mut consistencies) = (0, 0);
    for kind in ["inclusion", "consistency"] {
        for file in files(&folder.join(kind)) {
            let json: serde_json::Value =
                serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
            let right = !json["wantErr"].as_bool().unwrap();
            let found = if kind == "inclusion" {
                inclusions += 1;
                inclusion_vector(&json)
            } else {
                consistencies += 1;
                consistency_vector(&json)
            };
            // Some vectors hold "digests" of another length; such a proof never gets as far as the check.
            assert_eq!(found.unwrap_or(right), right, "{}", file.display());
        }
    }
    assert_eq!((inclusions, consistencies), (98, 98));
}

/// Every file below a folder.
fn files(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| {
            if path.is_dir() {
                files(&path)
            } else {
                vec![path]
            }
        })
        .collect()
}

fn inclusion_vector(json: &serde_json::Value) -> Option<bool> {
    let path = digests(&json["proof"])?;
    Some(verify_inclusion::<Sha256>(
        json["treeSize"].as_u64()?,
        json["leafIdx"].as_u64()?,
        &digest(&json["leafHash"])?,
        &path,
        &digest(&json["root"])?,
    ))
}

fn consistency_vector(json: &serde_json::Value) -> Option<bool> {
    let path = digests(&json["proof"])?;
    Some(verify_consistency::<Sha256>(
        json["size1"].as_u64()?,
        json["size2"].as_u64()?,
        &digest(&json["root1"])?,
        &digest(&json["root2"])?,
        &path,
    ))
}

fn digests(json: &serde_json::Value) -> Option<Vec<[u8; 32]>> {
    json.as_array()
        .map_or(Some(Vec::new()), |list| list.iter().map(digest).collect())
}

/// Base64 (RFC 4648, with padding) of exactly 32 bytes, else nothing.
fn digest(json: &serde_json::Value) -> Option<[u8; 32]> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut bytes = Vec::new();
    let (mut bits, mut count) = (0_u32, 0);
    for symbol in json.as_str()?.bytes().filter(|b| *b != b'=') {
        bits = bits << 6 | ALPHABET.iter().position(|a| *a == symbol)? as u32;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    bytes.try_into().ok()
}
