//! What is one compression of SHA-512, over vectors whose lanes are independent messages?
//!
//! Written once for any vector. `N` vectors are worked on side by side: their operations depend on nothing in each
//! other, so one's latency hides behind the other's work.
//!
//! Source: FIPS 180-4, sections 4.1.3 and 6.4.2.

use super::constants::K;

/// Most lanes any instruction set works on at once: two AVX-512 registers of eight words.
pub(in crate::backend) const LANES_MAX: usize = 16;

/// Chaining values of the messages in flight: word `w` of lane `l` is `state.0[w][l]`.
#[derive(Clone)]
#[repr(align(64))]
pub(in crate::backend) struct State(pub(super) [[u64; LANES_MAX]; 8]);

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
    sixteen!(T => {
        let k = V::splat(cpu, K[T]);
        round(&mut s, T, &add_to_all(w[T], k));
    });
    for k in K[16..].as_chunks::<16>().0 {
        sixteen!(T => {
            let k = V::splat(cpu, k[T]);
            extend(&mut w, T);
            round(&mut s, T, &add_to_all(w[T], k));
        });
    }
    add_to_state(cpu, state, &s);
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
    for (n, kw) in kw.iter().enumerate() {
        // Not through `map`: it would not always be inlined, and vectors would go through memory.
        let (a, b, c, d) = (
            s[place(0)][n],
            s[place(1)][n],
            s[place(2)][n],
            s[place(3)][n],
        );
        let (e, f, g, h) = (
            s[place(4)][n],
            s[place(5)][n],
            s[place(6)][n],
            s[place(7)][n],
        );
        let t1 = h.add(*kw).add(e.choose(f, g)).add(e.big_sigma1());
        let t2 = a.big_sigma0().add(a.majority(b, c));
        s[place(3)][n] = d.add(t1);
        s[place(7)][n] = t1.add(t2);
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
pub(super) fn schedule(block: &[u8; 128]) -> [u64; 80] {
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
