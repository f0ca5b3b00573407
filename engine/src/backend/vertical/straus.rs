//! Is each of these signatures valid, exactly and by itself? One signature a lane.
//!
//! [8](k·A + R - S·B) with the doublings shared between both multiples (Straus): signed digits of k from a table of A's
//! multiples that is made on the spot, those of S from one of B's that is fixed. No randomness and nothing between
//! lanes: a verdict depends on its own signature only.

use super::buckets::double_times;
use super::runs::{LONG_BITS, ScalarWords, add_words, digits, halves, window_count};
use super::{Cached, LANES_MAX, LaneField, Niels, Point};

/// Bits of a digit of k; its table has half of 2^width multiples.
const KEY_WIDTH: usize = 4;
const KEY_TABLE: usize = 1 << (KEY_WIDTH - 1);
const KEY_WINDOWS: usize = window_count(LONG_BITS, KEY_WIDTH);
/// Bits of a digit of S: two windows of k at a time.
const BASE_WIDTH: usize = 2 * KEY_WIDTH;
const BASE_WINDOWS: usize = window_count(LONG_BITS, BASE_WIDTH);
/// Multiples of B in its table: from 0 to half of 2^width.
pub(in crate::backend) const BASE_TABLE: usize = (1 << (BASE_WIDTH - 1)) + 1;

/// One signature, all of whose parts decoded.
pub(in crate::backend) struct Signature<'a, F: LaneField> {
    pub(in crate::backend) key: &'a F::Row3,
    pub(in crate::backend) r: &'a F::Row3,
    pub(in crate::backend) s: ScalarWords,
    pub(in crate::backend) k: ScalarWords,
}

/// Verdicts of up to `LANES` signatures, bit `i` for the `i`-th.
///
/// - `base`: 0·B, 1·B, ..., [`BASE_TABLE`] multiples.
#[inline(always)]
pub(in crate::backend) fn verify<F: LaneField>(
    isa: F::Isa,
    signatures: &[Signature<'_, F>],
    base: &[F::Row3; BASE_TABLE],
) -> u8 {
    // Idle lanes repeat the last one.
    let of = |lane: usize| &signatures[lane.min(signatures.len() - 1)];
    let mut k = [[0; KEY_WINDOWS]; LANES_MAX];
    let mut s = [[0; BASE_WINDOWS]; LANES_MAX];
    let halves_k = halves::<5>(KEY_WINDOWS, KEY_WIDTH);
    let halves_s = halves::<5>(BASE_WINDOWS, BASE_WIDTH);
    for lane in 0..F::LANES {
        let Signature {
            k: scalar,
            s: response,
            ..
        } = of(lane);
        digits(
            &add_words(scalar, &halves_k),
            KEY_WINDOWS,
            0,
            KEY_WIDTH,
            &mut k[lane],
        );
        digits(
            &add_words(response, &halves_s),
            BASE_WINDOWS,
            0,
            BASE_WIDTH,
            &mut s[lane],
        );
    }
    let keys = Niels::<F>::load_signed(isa, std::array::from_fn(|i| of(i).key), 0);
    let table = multiples(isa, &keys);

    let mut sum = Point::<F>::identity(isa);
    for window in (0..KEY_WINDOWS).rev() {
        if window + 1 < KEY_WINDOWS {
            sum = double_times(sum, KEY_WIDTH);
        }
        let mut negative = 0;
        let rows = std::array::from_fn(|i| {
            let lane = i % F::LANES;
            let digit = k[lane][window];
            negative |= u8::from(digit < 0) << lane;
            &table[usize::from(digit.unsigned_abs())][lane]
        });
        sum = sum.add_cached(&Cached::load_signed(isa, rows, negative));
        if window % 2 == 0 {
            let mut negative = 0;
            let rows = std::array::from_fn(|i| {
                let lane = i % F::LANES;
                let digit = s[lane][window / 2];
                // S·B is subtracted.
                negative |= u8::from(digit > 0) << lane;
                &base[usize::from(digit.unsigned_abs())]
            });
            sum = sum.add_niels(&Niels::load_signed(isa, rows, negative));
        }
    }
    let r = Niels::load_signed(isa, std::array::from_fn(|i| of(i).r), 0);
    let verdicts = double_times(sum.add_niels(&r), 3).is_identity();
    verdicts & u8::MAX >> (8 - signatures.len())
}

/// 0 to [`KEY_TABLE`] times the points, in the form to add.
#[inline(always)]
fn multiples<F: LaneField>(isa: F::Isa, point: &Niels<F>) -> [[F::Row4; LANES_MAX]; KEY_TABLE + 1] {
    let zero = Point::<F>::identity(isa);
    let mut table = [zero.cached(isa).store(); KEY_TABLE + 1];
    let mut multiple = Point::from_niels(isa, point);
    for (i, rows) in table.iter_mut().enumerate().skip(1) {
        if i > 1 {
            multiple = multiple.add_niels(point);
        }
        *rows = multiple.cached(isa).store();
    }
    table
}
