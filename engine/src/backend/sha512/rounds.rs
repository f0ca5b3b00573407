//! What is one compression of SHA-512, over vectors whose lanes are independent messages?
//!
//! Written once for any vector. `N` vectors are worked on side by side: their operations depend on nothing in each
//! other, so one's latency hides behind the other's work.
//!
//! Source: FIPS 180-4, sections 4.1.3 and 6.4.2.

use super::constants::K;
use super::message::Padding;

/// Most lanes any instruction set works on at once: two AVX-512 registers of eight words.
pub(in crate::backend) const LANES_MAX: usize = 16;

/// Chaining values of the messages in flight: word `w` of lane `l` is `state.0[w][l]`.
#[derive(Clone)]
#[repr(align(64))]
pub(in crate::backend) struct State(pub(super) [[u64; LANES_MAX]; 8]);

impl State {
    /// The same initial value in every lane.
    #[inline(always)]
    pub(super) fn new(iv: &[u64; 8]) -> Self {
        let mut state = Self([[0; LANES_MAX]; 8]);
        for (word, iv) in state.0.iter_mut().zip(iv) {
            *word = [*iv; LANES_MAX];
        }
        state
    }

    /// Puts the initial value into one lane.
    #[inline(always)]
    pub(super) fn start(&mut self, lane: usize, iv: &[u64; 8]) {
        for (word, iv) in self.0.iter_mut().zip(iv) {
            word[lane] = *iv;
        }
    }
}

/// A vector of 64-bit words, one a lane. A value exists only where the CPU has the instructions for it.
pub(super) trait Vector: Copy {
    /// Proof that the CPU has the instructions.
    type Cpu: Copy;
    /// Words in one vector.
    const LANES: usize;

    /// The same word in every lane.
    fn splat(cpu: Self::Cpu, word: u64) -> Self;
    /// The first `LANES` words.
    fn load(cpu: Self::Cpu, words: &[u64]) -> Self;
    /// Writes the first `LANES` words.
    fn store(self, words: &mut [u64]);
    /// The sixteen big-endian words of one block a lane: the first `LANES` blocks.
    fn load_blocks(cpu: Self::Cpu, blocks: &[&[u8; 128]]) -> [Self; 16];
    /// The reverse for eight words: their big-endian bytes, one row a lane.
    fn store_rows(words: [Self; 8], rows: &mut [[u8; 64]]);
    /// The first nine words of a block that begins with `prefix`, then one row a lane, then the bit that ends a message.
    fn load_prefixed(cpu: Self::Cpu, prefix: u8, rows: &[&[u8; 64]]) -> [Self; 9];
    /// Writes big-endian bytes of four words, one row a lane.
    fn store_short_rows(words: [Self; 4], rows: &mut [[u8; 32]]);
    /// Sum modulo 2^64.
    fn add(self, other: Self) -> Self;
    /// Σ0: rotations by 28, 34 and 39.
    fn big_sigma0(self) -> Self;
    /// Σ1: rotations by 14, 18 and 41.
    fn big_sigma1(self) -> Self;
    /// σ0: rotations by 1 and 8, shift by 7.
    fn small_sigma0(self) -> Self;
    /// σ1: rotations by 19 and 61, shift by 6.
    fn small_sigma1(self) -> Self;
    /// Ch: where a bit of `self` is set, that of `then`, else that of `otherwise`.
    fn choose(self, then: Self, otherwise: Self) -> Self;
    /// Maj: each bit as most of the three have it.
    fn majority(self, b: Self, c: Self) -> Self;
}

/// Runs `$run` with `$t` a constant from 0 to 15: indexes become register names only when they are constants.
macro_rules! sixteen {
    ($t:ident => $run:expr) => {
        sixteen!(@ $t, $run, 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15)
    };
    (@ $t:ident, $run:expr, $($value:literal)*) => {
        $({ const $t: usize = $value; $run; })*
    };
}

/// Compresses one block of each of the first `N * V::LANES` lanes into `state`.
#[inline(always)]
pub(super) fn compress<V: Vector, const N: usize>(
    cpu: V::Cpu,
    state: &mut State,
    blocks: &[&[u8; 128]; LANES_MAX],
) {
    let mut words = [[V::splat(cpu, 0); N]; 16];
    for n in 0..N {
        let loaded = V::load_blocks(cpu, &blocks[n * V::LANES..]);
        for (word, loaded) in words.iter_mut().zip(loaded) {
            word[n] = loaded;
        }
    }
    compress_words(cpu, state, words);
}

/// As [`compress`], of words that are loaded already.
#[inline(always)]
pub(super) fn compress_words<V: Vector, const N: usize>(
    cpu: V::Cpu,
    state: &mut State,
    mut w: [[V; N]; 16],
) {
    let mut s = load_state::<V, N>(cpu, state);
    first_rounds(cpu, &mut s, &w);
    for k in K.as_chunks().0[1..].iter() {
        later_rounds(cpu, &mut s, &mut w, k);
    }
    add_to_state(cpu, state, &s);
}

/// SHA-512 with the initial value `iv`, cut to 32 bytes, of messages of 65 bytes: `prefix`, then one row a lane, of the
/// first `N * V::LANES` lanes. Pairs of nodes have this form, and leaves of 64 bytes.
///
/// Seven words of the only block are constants. With the first extension written out by itself the compiler folds
/// them, which saves a thirtieth of the work.
#[inline(always)]
pub(super) fn hash_prefixed<V: Vector, const N: usize>(
    cpu: V::Cpu,
    iv: &[u64; 8],
    prefix: u8,
    rows: &[&[u8; 64]; LANES_MAX],
    digests: &mut [[u8; 32]; LANES_MAX],
) {
    let mut w = [[V::splat(cpu, 0); N]; 16];
    for n in 0..N {
        let loaded = V::load_prefixed(cpu, prefix, &rows[n * V::LANES..]);
        for (word, loaded) in w.iter_mut().zip(loaded) {
            word[n] = loaded;
        }
    }
    w[15] = [V::splat(cpu, 65 * 8); N];
    let mut s = [[V::splat(cpu, 0); N]; 8];
    for (s, iv) in s.iter_mut().zip(iv) {
        *s = [V::splat(cpu, *iv); N];
    }
    let k = K.as_chunks().0;
    first_rounds(cpu, &mut s, &w);
    later_rounds(cpu, &mut s, &mut w, &k[1]);
    for k in &k[2..] {
        later_rounds(cpu, &mut s, &mut w, k);
    }
    for n in 0..N {
        let mut words = [s[0][n]; 4];
        for ((word, s), iv) in words.iter_mut().zip(&s).zip(iv) {
            *word = s[n].add(V::splat(cpu, *iv));
        }
        V::store_short_rows(words, &mut digests[n * V::LANES..]);
    }
}

/// Rounds 0 to 15.
#[inline(always)]
fn first_rounds<V: Vector, const N: usize>(cpu: V::Cpu, s: &mut [[V; N]; 8], w: &[[V; N]; 16]) {
    sixteen!(T => {
        let k = V::splat(cpu, K[T]);
        round(s, T, &add_to_all(w[T], k));
    });
}

/// Sixteen rounds more, with their constants.
#[inline(always)]
fn later_rounds<V: Vector, const N: usize>(
    cpu: V::Cpu,
    s: &mut [[V; N]; 8],
    w: &mut [[V; N]; 16],
    k: &[u64; 16],
) {
    sixteen!(T => {
        let k = V::splat(cpu, k[T]);
        extend(w, T);
        round(s, T, &add_to_all(w[T], k));
    });
}

/// As [`compress`], of one block that all lanes share: `schedule[t]` is K_t + W_t. A third of the work is saved.
#[inline(always)]
pub(super) fn compress_shared<V: Vector, const N: usize>(
    cpu: V::Cpu,
    state: &mut State,
    schedule: &[u64; 80],
) {
    let mut s = load_state::<V, N>(cpu, state);
    for kw in schedule.as_chunks::<16>().0 {
        sixteen!(T => round(&mut s, T, &[V::splat(cpu, kw[T]); N]));
    }
    add_to_state(cpu, state, &s);
}

/// The chaining value of each of the first `N * V::LANES` lanes as bytes: the digest, where the message is over.
#[inline(always)]
pub(super) fn digests<V: Vector, const N: usize>(
    cpu: V::Cpu,
    state: &State,
    digests: &mut [[u8; 64]; LANES_MAX],
) {
    let s = load_state::<V, N>(cpu, state);
    for n in 0..N {
        let mut words = [s[0][n]; 8];
        for (word, s) in words.iter_mut().zip(&s) {
            *word = s[n];
        }
        V::store_rows(words, &mut digests[n * V::LANES..]);
    }
}

#[inline(always)]
fn load_state<V: Vector, const N: usize>(cpu: V::Cpu, state: &State) -> [[V; N]; 8] {
    let mut s = [[V::splat(cpu, 0); N]; 8];
    for (s, word) in s.iter_mut().zip(&state.0) {
        for (n, s) in s.iter_mut().enumerate() {
            *s = V::load(cpu, &word[n * V::LANES..]);
        }
    }
    s
}

#[inline(always)]
fn add_to_state<V: Vector, const N: usize>(cpu: V::Cpu, state: &mut State, s: &[[V; N]; 8]) {
    for (word, s) in state.0.iter_mut().zip(s) {
        for (n, s) in s.iter().enumerate() {
            let word = &mut word[n * V::LANES..];
            V::load(cpu, word).add(*s).store(word);
        }
    }
}

#[inline(always)]
fn add_to_all<V: Vector, const N: usize>(mut words: [V; N], k: V) -> [V; N] {
    for word in &mut words {
        *word = word.add(k);
    }
    words
}

/// Round `t`. The eight working variables are not moved: instead their names rotate, `a` of round `t` is
/// `s[-t mod 8]`.
#[inline(always)]
fn round<V: Vector, const N: usize>(s: &mut [[V; N]; 8], t: usize, kw: &[V; N]) {
    let place = |variable: usize| (variable + 8 - t % 8) % 8;
    let (a, b, c, d) = (s[place(0)], s[place(1)], s[place(2)], place(3));
    let (e, f, g, h) = (s[place(4)], s[place(5)], s[place(6)], place(7));
    for (n, kw) in kw.iter().enumerate() {
        let t1 = s[h][n]
            .add(*kw)
            .add(e[n].choose(f[n], g[n]))
            .add(e[n].big_sigma1());
        let t2 = a[n].big_sigma0().add(a[n].majority(b[n], c[n]));
        s[d][n] = s[d][n].add(t1);
        s[h][n] = t1.add(t2);
    }
}

/// W_t from the sixteen words before it, in the place of W_{t-16}.
#[inline(always)]
fn extend<V: Vector, const N: usize>(w: &mut [[V; N]; 16], t: usize) {
    let [before15, before7, before2] = [w[(t + 1) % 16], w[(t + 9) % 16], w[(t + 14) % 16]];
    for (n, word) in w[t].iter_mut().enumerate() {
        *word = word
            .add(before7[n])
            .add(before15[n].small_sigma0())
            .add(before2[n].small_sigma1());
    }
}

/// K_t + W_t of one block, for [`compress_shared`].
#[cold]
fn schedule(block: &[u8; 128]) -> [u64; 80] {
    let mut w = [0_u64; 80];
    for (w, bytes) in w.iter_mut().zip(block.as_chunks::<8>().0) {
        *w = u64::from_be_bytes(*bytes);
    }
    for t in 16..80 {
        let (w15, w2) = (w[t - 15], w[t - 2]);
        let sigma0 = w15.rotate_right(1) ^ w15.rotate_right(8) ^ (w15 >> 7);
        let sigma1 = w2.rotate_right(19) ^ w2.rotate_right(61) ^ (w2 >> 6);
        w[t] = w[t - 16]
            .wrapping_add(sigma0)
            .wrapping_add(w[t - 7])
            .wrapping_add(sigma1);
    }
    std::array::from_fn(|t| w[t].wrapping_add(K[t]))
}

/// The schedule of the last block that all lanes had in common: in a batch of equal lengths it stays the same.
pub(super) struct Shared {
    padding: Option<Padding>,
    schedule: [u64; 80],
}

impl Shared {
    #[inline(always)]
    pub(super) fn new() -> Self {
        Self {
            padding: None,
            schedule: [0; 80],
        }
    }

    /// K_t + W_t of the block that is nothing but this padding.
    #[inline(always)]
    pub(super) fn schedule(&mut self, padding: Padding) -> &[u64; 80] {
        if self.padding != Some(padding) {
            self.schedule = schedule(&padding.block());
            self.padding = Some(padding);
        }
        &self.schedule
    }
}
