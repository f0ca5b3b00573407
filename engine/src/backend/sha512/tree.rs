//! How are the leaves and the pairs of a tree hashed, one in each lane?

use super::rounds::LANES_MAX;
use super::{SHA512_256_IV, SHA512_IV, Simd, hash_many};
use crate::merkle::{LEAF, NODE, Sha512, Sha512_256, TreeHash};

/// A hash whose trees have a form for lanes.
pub(in crate::backend) trait LaneHash: TreeHash {
    /// `H(0x00 || leaves[i])` into `digests[i]`.
    fn leaves<S: Simd>(simd: S, leaves: &[&[u8]], digests: &mut [Self::Digest]);
    /// `H(0x01 || pair)` of the pairs in `nodes`, of which there is an even number.
    fn parents<S: Simd>(simd: S, nodes: &[Self::Digest], parents: &mut [Self::Digest]);
}

impl LaneHash for Sha512_256 {
    fn leaves<S: Simd>(simd: S, leaves: &[&[u8]], digests: &mut [[u8; 32]]) {
        if leaves.iter().all(|leaf| leaf.len() == 64) {
            let row = |i: usize| leaves[i].first_chunk().expect("64 bytes");
            return hash_rows(simd, LEAF, row, digests);
        }
        let parts = |i: usize| [&[LEAF][..], leaves[i], &[]];
        hash_many(simd, leaves.len(), &SHA512_256_IV, parts, |i, digest| {
            digests[i] = *digest.first_chunk().expect("64 bytes");
        });
    }

    fn parents<S: Simd>(simd: S, nodes: &[[u8; 32]], parents: &mut [[u8; 32]]) {
        let (pairs, _) = nodes.as_flattened().as_chunks::<64>();
        hash_rows(simd, NODE, |i| &pairs[i], parents);
    }
}

impl LaneHash for Sha512 {
    fn leaves<S: Simd>(simd: S, leaves: &[&[u8]], digests: &mut [[u8; 64]]) {
        let parts = |i: usize| [&[LEAF][..], leaves[i], &[]];
        hash_many(simd, leaves.len(), &SHA512_IV, parts, |i, digest| {
            digests[i] = *digest;
        });
    }

    fn parents<S: Simd>(simd: S, nodes: &[[u8; 64]], parents: &mut [[u8; 64]]) {
        let (pairs, _) = nodes.as_flattened().as_chunks::<128>();
        let parts = |i: usize| [&[NODE][..], &pairs[i], &[]];
        hash_many(simd, parents.len(), &SHA512_IV, parts, |i, digest| {
            parents[i] = *digest;
        });
    }
}

/// SHA-512/256 of `prefix` and row `i` into `digests[i]`.
fn hash_rows<'a, S: Simd>(
    simd: S,
    prefix: u8,
    row: impl Fn(usize) -> &'a [u8; 64],
    digests: &mut [[u8; 32]],
) {
    let mut out = Digests([[0; 32]; LANES_MAX]);
    let count = digests.len();
    for (group, digests) in digests.chunks_mut(S::LANES).enumerate() {
        let first = group * S::LANES;
        // Leaves lie wherever the caller has them: those of the group after the next are asked for while this one is
        // hashed, which in a tree larger than the caches hides most of the memory's latency.
        for later in (first + 2 * S::LANES..count).take(S::LANES) {
            simd.prefetch(row(later));
        }
        let mut rows = [row(first); LANES_MAX];
        for (lane, to) in rows[..digests.len()].iter_mut().enumerate() {
            *to = row(first + lane);
        }
        if digests.len() <= S::LANES_NARROW {
            simd.hash_prefixed_narrow(&SHA512_256_IV, prefix, &rows, &mut out.0);
        } else {
            simd.hash_prefixed(&SHA512_256_IV, prefix, &rows, &mut out.0);
        }
        digests.copy_from_slice(&out.0[..digests.len()]);
    }
}

/// What one call gives, aligned so that no store crosses a line.
#[repr(align(64))]
struct Digests([[u8; 32]; LANES_MAX]);

/// Roots of neighbouring subtrees of `2^height` nodes each, the last may have fewer; `scratch` is memory to work in.
pub(super) fn fold<S: Simd, H: LaneHash>(
    simd: S,
    nodes: &[H::Digest],
    height: u32,
    roots: &mut [H::Digest],
    scratch: &mut [Vec<H::Digest>; 2],
) {
    // Every run but the last is full, so that all of them can be paired up together, level by level.
    let [level, above] = scratch;
    let mut below = nodes;
    for _ in 1..height {
        if below.len() == 1 {
            break;
        }
        above.clear();
        above.resize(below.len().div_ceil(2), H::ZERO);
        pair_up::<S, H>(simd, below, above);
        std::mem::swap(level, above);
        below = level;
    }
    pair_up::<S, H>(simd, below, roots);
}

/// One level from the one below: a last node without a partner rises unchanged.
fn pair_up<S: Simd, H: LaneHash>(simd: S, below: &[H::Digest], above: &mut [H::Digest]) {
    let pairs = below.len() / 2;
    if let [parent, ..] = above
        && pairs == 1
    {
        *parent = H::node(&below[0], &below[1]);
    } else {
        H::parents(simd, &below[..2 * pairs], &mut above[..pairs]);
    }
    if below.len() % 2 == 1 {
        above[pairs] = below[2 * pairs];
    }
}
