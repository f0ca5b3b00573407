//! What could this machine reach at best? Instructions counted, and the clock measured.
//!
//! Bare arithmetic with every lane busy: no loads, stores, carries or scalars. What is measured stays above it; how far
//! says where there is time to be won.

use std::hint::black_box;
use std::time::Instant;

/// Where the counts come from, for whoever reads the table.
pub(crate) const WHERE_FROM: &str = "\nThe limit counts instructions and divides by what a core can start in a cycle, \
    taken as four additions or logic operations, two shifts or rotations, two multiplications, each of a whole vector: bare \
    arithmetic with every lane busy, no loads, stores, carries or scalar arithmetic. SHA-512 on AVX-512: a round is 7 \
    additions, 6 rotations, 4 three-way operations, a schedule step 3, 6 (two of them shifts) and 2; 2,064 for a block, \
    1,360 where all lanes share the padding. AVX2 rotates by two shifts and an `or` and has no three-way operation: 4,144 \
    and 2,800. A field multiplication is 50 multiply-adds, a squaring 30, eight or four numbers at a time. Equation: a decoding \
    is 254 squarings and 12 multiplications, R of each signature and each new key; an addition to a bucket 7 \
    multiplications, one for each window of 253 bits of a key and 128 of R, two additions of 8 for each bucket, with the \
    window that costs least; two blocks of hash. Each by itself: two decodings, 252 doublings of 4 squarings and 3 or (before \
    an addition) 4 multiplications, 64 additions of 8, 40 of 7, two blocks.\n";

/// What the vectors of an instruction set do.
pub(crate) struct Vectors {
    lanes: f64,
    /// Cycles of a field multiplication and of a squaring, all lanes.
    multiply: f64,
    square: f64,
    /// Cycles of a block of SHA-512, and of one that all lanes share, all lanes.
    block: f64,
    block_shared: f64,
}

pub(crate) const AVX512: Vectors = Vectors {
    lanes: 8.0,
    multiply: 50.0 / 2.0,
    square: 30.0 / 2.0,
    block: 2064.0 / 4.0,
    block_shared: 1360.0 / 4.0,
};

pub(crate) const AVX2: Vectors = Vectors {
    lanes: 4.0,
    multiply: 50.0 / 2.0,
    square: 30.0 / 2.0,
    block: 4144.0 / 4.0,
    block_shared: 2800.0 / 4.0,
};

/// Most signatures under one equation.
const CHUNK_ITEMS: usize = 2048;

/// The clock of this machine.
pub(crate) struct Limits {
    pub(crate) ghz: f64,
}

impl Limits {
    /// Finds the clock by a chain of multiplications, each waiting three cycles for the one before.
    pub(crate) fn here() -> Self {
        // Many short chains: some run without being interrupted, and the fastest counts.
        let count = 1_000_000_u64;
        let mut ghz = 0.0_f64;
        for _ in 0..100 {
            let factor = black_box(0x9e37_79b9_7f4a_7c15_u64);
            let mut product = black_box(1_u64);
            let start = Instant::now();
            for _ in 0..count {
                product = black_box(factor).wrapping_mul(product);
            }
            black_box(product);
            ghz = ghz.max(3.0 * count as f64 / start.elapsed().as_nanos() as f64);
        }
        Self { ghz }
    }

    /// A message of 128 bytes: its block, and one of padding.
    pub(crate) fn message_ns(&self, vectors: &Vectors) -> f64 {
        self.ns(vectors, vectors.block + vectors.block_shared)
    }

    /// A leaf of 64 bytes and its share of the nodes above: a block each.
    pub(crate) fn leaf_ns(&self, vectors: &Vectors) -> f64 {
        self.ns(vectors, 2.0 * vectors.block)
    }

    /// A signature under an equation over `n` by `keys` keys, none of them known.
    pub(crate) fn batch_ns(&self, vectors: &Vectors, n: usize, keys: usize) -> f64 {
        let chunk = n.min(CHUNK_ITEMS);
        let multiplications = multiplications(chunk, keys.min(chunk)) / chunk as f64;
        let points = 1.0 + keys as f64 / n as f64;
        let cycles = points * vectors.decode() + multiplications * vectors.multiply;
        self.ns(vectors, cycles + 2.0 * vectors.block)
    }

    /// A signature by itself, among `n` by `keys` keys, none of them known.
    pub(crate) fn single_ns(&self, vectors: &Vectors, n: usize, keys: usize) -> f64 {
        let points = 1.0 + keys as f64 / n as f64;
        let multiplications = 252.0 * 3.0 + 64.0 + 64.0 * 8.0 + 40.0 * 7.0;
        let squarings = 252.0 * 4.0;
        let sum = multiplications * vectors.multiply + squarings * vectors.square;
        self.ns(
            vectors,
            points * vectors.decode() + sum + 2.0 * vectors.block,
        )
    }

    /// One lane's share of so many cycles.
    fn ns(&self, vectors: &Vectors, cycles: f64) -> f64 {
        cycles / vectors.lanes / self.ghz
    }
}

impl Vectors {
    fn decode(&self) -> f64 {
        254.0 * self.square + 12.0 * self.multiply
    }
}

/// Field multiplications of the sums of one equation, with the window that takes least.
fn multiplications(signatures: usize, keys: usize) -> f64 {
    let with = |bits: usize| {
        let (long, short) = (254_usize.div_ceil(bits), 129_usize.div_ceil(bits));
        let buckets = long << (bits - 1);
        7 * ((keys + 1) * long + signatures * short) + 2 * 8 * buckets
    };
    (4..=11).map(with).min().expect("some widths") as f64
}
