//! Are trees and proofs those of RFC 9162 on every backend, and is a changed proof refused?
//!
//! The oracle is the recursion of the RFC, sections 2.1.1, 2.1.3.1 and 2.1.4.1, written here line by line over another
//! implementation of the hashes. Proofs are checked both ways: with the true size and root, a proof is accepted exactly
//! when it is the one proof there is; anything else would be a collision.

use bds_engine::merkle::{self, Frontier, Tree, TreeHash};
use bds_engine::{Backend, HashAlgorithm};
use sha2_plain::Digest as _;

use crate::choices::Choices as _;
use crate::input::Input;

const PROOFS_MAX: usize = 12;

/// One input.
///
/// # Panics
/// When a tree, a proof or an answer is not what the RFC says: that is the finding.
pub fn run(input: &[u8]) {
    let mut input = Input::new(input);
    match input.below(8) {
        0..=2 => run_with::<merkle::Sha512_256>(&mut input),
        3..=5 => run_with::<merkle::Sha512>(&mut input),
        6 => run_with::<merkle::Sha256>(&mut input),
        _ => run_with::<merkle::Blake3>(&mut input),
    }
}

fn run_with<H: TreeHash>(input: &mut Input<'_>) {
    let leaves = leaves(input);
    let leaves: Vec<&[u8]> = leaves.iter().map(Vec::as_slice).collect();
    let hashes: Vec<H::Digest> = leaves.iter().map(|leaf| leaf_hash::<H>(leaf)).collect();
    let root = mth::<H>(&hashes);
    // Where the frontier is filled up to one by one, and in how many pieces then.
    let (single, height) = (input.below(hashes.len() + 1), input.below(12) as u32);
    for backend in crate::backends() {
        let backend = &**backend;
        let fits = "a small tree";
        let name = backend.name();
        assert_eq!(
            merkle::leaf_hashes::<H>(backend, &leaves).expect(fits),
            hashes,
            "{name}"
        );
        assert_eq!(
            merkle::root::<H>(backend, &leaves).expect(fits),
            root,
            "{name}"
        );
        let over_hashes = merkle::root_of_hashes::<H>(backend, hashes.clone()).expect(fits);
        assert_eq!(over_hashes, root, "{name}");
        subtrees::<H>(backend, &leaves, &hashes, height);
        frontier::<H>(backend, &leaves, &hashes, single);
    }
    let trees: Vec<Tree<H>> = crate::backends()
        .iter()
        .map(|backend| Tree::build(&**backend, &leaves).expect("a small tree"))
        .collect();
    for tree in &trees {
        assert_eq!((tree.root(), tree.size()), (root, hashes.len() as u64));
        assert_eq!(tree.leaf_hash(hashes.len() as u64), None);
    }
    for _ in 0..PROOFS_MAX {
        match input.below(3) {
            0 => inclusion::<H>(input, &trees, &hashes, &root),
            1 => consistency::<H>(input, &trees, &hashes, &root),
            _ => multi::<H>(input, &trees, &hashes, &root),
        }
        if input.is_empty() {
            return;
        }
    }
}

/// Up to 2,100 short leaves; the larger trees are what cores share.
fn leaves(input: &mut Input<'_>) -> Vec<Vec<u8>> {
    let count = match input.below(16) {
        0..=8 => input.below(40),
        9..=13 => input.below(256),
        14 => 500 + input.below(50),
        _ => input.below(2100),
    };
    let kind = input.below(4);
    let mut content = input.seeded();
    (0..count)
        .map(|i| {
            let length = match kind {
                0 => 64,
                1 => content.below(130),
                // Equal leaves: neighbours that can stand for each other.
                2 => return vec![(i % 3 == 0).into(); 3],
                _ => content.below(4) * 111,
            };
            let mut leaf = vec![0; length];
            content.fill(&mut leaf);
            leaf
        })
        .collect()
}

/// Runs of `2^height` leaves, the last one shorter, and the same over nodes.
fn subtrees<H: TreeHash>(
    backend: &dyn Backend,
    leaves: &[&[u8]],
    hashes: &[H::Digest],
    height: u32,
) {
    let expected: Vec<H::Digest> = hashes.chunks(1 << height).map(mth::<H>).collect();
    let mut roots = vec![H::ZERO; expected.len()];
    backend
        .leaf_roots(H::ALGORITHM, leaves, height, H::flat_mut(&mut roots))
        .expect("a small tree");
    assert_eq!(
        roots,
        expected,
        "{}: leaf_roots, height {height}",
        backend.name()
    );
    if height > 0 {
        roots.fill(H::ZERO);
        backend
            .subtree_roots(
                H::ALGORITHM,
                H::flat(hashes),
                height,
                H::flat_mut(&mut roots),
            )
            .expect("a small tree");
        assert_eq!(
            roots,
            expected,
            "{}: subtree_roots, height {height}",
            backend.name()
        );
    }
}

/// Grows one by one up to `single`, then by the rest at once, and comes back from its parts.
fn frontier<H: TreeHash>(
    backend: &dyn Backend,
    leaves: &[&[u8]],
    hashes: &[H::Digest],
    single: usize,
) {
    let mut frontier = Frontier::<H>::new();
    for (i, leaf) in leaves[..single].iter().enumerate() {
        if i % 2 == 0 {
            frontier.append(leaf);
        } else {
            frontier.append_hash(hashes[i]);
        }
    }
    assert_eq!(
        frontier.root(),
        mth::<H>(&hashes[..single]),
        "{}",
        backend.name()
    );
    frontier
        .append_many(backend, &leaves[single..])
        .expect("a small tree");
    assert_eq!(frontier.size(), leaves.len() as u64);
    assert_eq!(frontier.root(), mth::<H>(hashes), "{}", backend.name());
    let roots = frontier.roots().to_vec();
    let again = Frontier::<H>::from_parts(frontier.size(), roots).expect("its own parts");
    assert_eq!(again.root(), frontier.root());
    assert!(
        Frontier::<H>::from_parts(2 * frontier.size() + 1, frontier.roots().to_vec()).is_none()
    );
}

fn inclusion<H: TreeHash>(
    input: &mut Input<'_>,
    trees: &[Tree<H>],
    hashes: &[H::Digest],
    root: &H::Digest,
) {
    let size = hashes.len() as u64;
    let index = input.below(hashes.len() + 2) as u64;
    let expected = hashes
        .get(index as usize)
        .map(|_| path::<H>(index as usize, hashes));
    for tree in trees {
        assert_eq!(tree.inclusion(index), expected, "leaf {index} of {size}");
    }
    let Some(true_path) = expected else { return };
    let leaf = hashes[index as usize];
    assert!(merkle::verify_inclusion::<H>(
        size, index, &leaf, &true_path, root
    ));

    let (mut at, mut claimed, mut path, mut end) = (index, leaf, true_path.clone(), *root);
    match input.below(4) {
        0 => at = input.below(hashes.len() + 2) as u64,
        1 => claimed = changed::<H>(input, hashes, &claimed),
        2 => end = changed::<H>(input, hashes, &end),
        _ => change_path::<H>(input, hashes, &mut path),
    }
    let accepted = merkle::verify_inclusion::<H>(size, at, &claimed, &path, &end);
    let right = at < size
        && claimed == hashes[at as usize]
        && path == self::path::<H>(at as usize, hashes)
        && end == *root;
    assert_eq!(accepted, right, "inclusion of {index} as {at} in {size}");
    // Sizes nobody has: any answer will do, a panic will not.
    let _ = merkle::verify_inclusion::<H>(u64::MAX - at, at, &claimed, &path, &end);
    let _ = merkle::verify_inclusion::<H>(at, size, &claimed, &path, &end);
}

fn consistency<H: TreeHash>(
    input: &mut Input<'_>,
    trees: &[Tree<H>],
    hashes: &[H::Digest],
    root: &H::Digest,
) {
    let size = hashes.len();
    let before = input.below(size + 2);
    let inside = before > 0 && before <= size;
    let expected = inside.then(|| proof::<H>(before, hashes));
    for tree in trees {
        assert_eq!(
            tree.consistency(before as u64),
            expected,
            "{before} of {size}"
        );
    }
    let Some(true_path) = expected else { return };
    let root_before = mth::<H>(&hashes[..before]);
    let verify = |before: usize, root_before: &_, root_after: &_, path: &[H::Digest]| {
        merkle::verify_consistency::<H>(before as u64, size as u64, root_before, root_after, path)
    };
    assert!(verify(before, &root_before, root, &true_path));

    let (mut at, mut start, mut end, mut path) = (before, root_before, *root, true_path);
    match input.below(4) {
        0 => at = input.below(size + 2),
        1 => start = changed::<H>(input, hashes, &start),
        2 => end = changed::<H>(input, hashes, &end),
        _ => change_path::<H>(input, hashes, &mut path),
    }
    let right = at > 0
        && at <= size
        && start == mth::<H>(&hashes[..at])
        && end == *root
        && path == proof::<H>(at, hashes);
    let accepted = verify(at, &start, &end, &path);
    assert_eq!(
        accepted, right,
        "consistency of {before} as {at} with {size}"
    );
    let (far, at) = (u64::MAX, at as u64);
    let _ = merkle::verify_consistency::<H>(at, far, &start, &end, &path);
    let _ = merkle::verify_consistency::<H>(far - at, far, &start, &end, &path);
}

fn multi<H: TreeHash>(
    input: &mut Input<'_>,
    trees: &[Tree<H>],
    hashes: &[H::Digest],
    root: &H::Digest,
) {
    let size = hashes.len() as u64;
    let mut indexes: Vec<u64> = (0..input.below(6))
        .map(|_| input.below(hashes.len() + 1) as u64)
        .collect();
    if input.below(8) > 0 {
        indexes.sort_unstable();
        indexes.dedup();
        indexes.retain(|i| *i < size);
    }
    let good = indexes.is_sorted_by(|a, b| a < b) && indexes.iter().all(|i| *i < size);
    let expected = good.then(|| {
        let mut path = Vec::new();
        if size > 0 {
            multi_path::<H>(0, hashes, &indexes, &mut path);
        }
        path
    });
    for tree in trees {
        assert_eq!(
            tree.multi_inclusion(&indexes),
            expected,
            "{indexes:?} of {size}"
        );
    }
    let Some(true_path) = expected else { return };
    let true_leaves: Vec<_> = indexes.iter().map(|i| (*i, hashes[*i as usize])).collect();
    assert!(merkle::verify_multi::<H>(
        size,
        &true_leaves,
        &true_path,
        root
    ));

    let (mut leaves, mut end, mut path) = (true_leaves.clone(), *root, true_path.clone());
    let at = input.below(leaves.len().max(1));
    match (input.below(4), leaves.get_mut(at)) {
        (0, Some(leaf)) => leaf.1 = changed::<H>(input, hashes, &leaf.1),
        (1, Some(leaf)) => leaf.0 = input.below(hashes.len() + 2) as u64,
        (2, _) => end = changed::<H>(input, hashes, &end),
        _ => change_path::<H>(input, hashes, &mut path),
    }
    let indexes: Vec<u64> = leaves.iter().map(|leaf| leaf.0).collect();
    let right = indexes.is_sorted_by(|a, b| a < b)
        && leaves
            .iter()
            .all(|(i, leaf)| hashes.get(*i as usize) == Some(leaf))
        && end == *root
        && {
            let mut expected = Vec::new();
            if size > 0 {
                multi_path::<H>(0, hashes, &indexes, &mut expected);
            }
            path == expected
        };
    let accepted = merkle::verify_multi::<H>(size, &leaves, &path, &end);
    assert_eq!(accepted, right, "{indexes:?} of {size}");
    let _ = merkle::verify_multi::<H>(u64::MAX, &leaves, &path, &end);
}

/// One bit turned, or another digest of the tree.
fn changed<H: TreeHash>(
    input: &mut Input<'_>,
    hashes: &[H::Digest],
    digest: &H::Digest,
) -> H::Digest {
    if !hashes.is_empty() && input.below(4) == 0 {
        return input.one_of(hashes);
    }
    let mut bytes = digest.as_ref().to_vec();
    let bit = input.below(8 * bytes.len());
    bytes[bit / 8] ^= 1 << (bit % 8);
    digest_of::<H>(&bytes)
}

fn change_path<H: TreeHash>(
    input: &mut Input<'_>,
    hashes: &[H::Digest],
    path: &mut Vec<H::Digest>,
) {
    let at = input.below(path.len() + 1);
    let what = input.below(6);
    match path.get(at).copied() {
        Some(digest) if what < 3 => path[at] = changed::<H>(input, hashes, &digest),
        Some(_) if what == 3 => drop(path.remove(at)),
        Some(_) if what == 4 => {
            let other = input.below(path.len());
            path.swap(at, other);
        }
        digest => {
            let added = digest.or(hashes.first().copied()).unwrap_or(H::ZERO);
            // Longer than any tree is high.
            (0..1 + input.below(2) * 130).for_each(|_| path.insert(at, added));
        }
    }
}

/// MTH of section 2.1.1, over leaves hashed already.
fn mth<H: TreeHash>(d: &[H::Digest]) -> H::Digest {
    match d.len() {
        0 => hash::<H>(&[]),
        1 => d[0],
        n => {
            let k = k(n);
            node_hash::<H>(&mth::<H>(&d[..k]), &mth::<H>(&d[k..]))
        }
    }
}

/// PATH of section 2.1.3.1.
fn path<H: TreeHash>(m: usize, d: &[H::Digest]) -> Vec<H::Digest> {
    if d.len() == 1 {
        return Vec::new();
    }
    let k = k(d.len());
    let (mut path, beside) = if m < k {
        (self::path::<H>(m, &d[..k]), mth::<H>(&d[k..]))
    } else {
        (self::path::<H>(m - k, &d[k..]), mth::<H>(&d[..k]))
    };
    path.push(beside);
    path
}

/// PROOF of section 2.1.4.1.
fn proof<H: TreeHash>(m: usize, d: &[H::Digest]) -> Vec<H::Digest> {
    subproof::<H>(m, d, true)
}

/// SUBPROOF of section 2.1.4.1.
fn subproof<H: TreeHash>(m: usize, d: &[H::Digest], whole: bool) -> Vec<H::Digest> {
    if m == d.len() {
        return if whole { Vec::new() } else { vec![mth::<H>(d)] };
    }
    let k = k(d.len());
    let (mut proof, beside) = if m <= k {
        (subproof::<H>(m, &d[..k], whole), mth::<H>(&d[k..]))
    } else {
        (subproof::<H>(m - k, &d[k..], false), mth::<H>(&d[..k]))
    };
    proof.push(beside);
    proof
}

/// Roots of the largest subtrees without any of `indexes`, from the left; `d` begins at leaf `start`.
fn multi_path<H: TreeHash>(
    start: u64,
    d: &[H::Digest],
    indexes: &[u64],
    path: &mut Vec<H::Digest>,
) {
    let inside = |i: &&u64| (start..start + d.len() as u64).contains(*i);
    if indexes.iter().find(inside).is_none() {
        path.push(mth::<H>(d));
    } else if d.len() > 1 {
        let k = k(d.len());
        multi_path::<H>(start, &d[..k], indexes, path);
        multi_path::<H>(start + k as u64, &d[k..], indexes, path);
    }
}

/// Largest power of two below `n`.
fn k(n: usize) -> usize {
    let mut k = 1;
    while 2 * k < n {
        k *= 2;
    }
    k
}

fn leaf_hash<H: TreeHash>(data: &[u8]) -> H::Digest {
    hash::<H>(&[&[0], data].concat())
}

fn node_hash<H: TreeHash>(left: &H::Digest, right: &H::Digest) -> H::Digest {
    hash::<H>(&[&[1], left.as_ref(), right.as_ref()].concat())
}

fn hash<H: TreeHash>(bytes: &[u8]) -> H::Digest {
    match H::ALGORITHM {
        HashAlgorithm::Sha512 => digest_of::<H>(&sha2_plain::Sha512::digest(bytes)),
        HashAlgorithm::Sha512_256 => digest_of::<H>(&sha2_plain::Sha512_256::digest(bytes)),
        HashAlgorithm::Sha256 => digest_of::<H>(&sha2_plain::Sha256::digest(bytes)),
        HashAlgorithm::Blake3 => digest_of::<H>(blake3::hash(bytes).as_bytes()),
    }
}

fn digest_of<H: TreeHash>(bytes: &[u8]) -> H::Digest {
    H::Digest::try_from(bytes)
        .ok()
        .expect("as long as a digest")
}
