//! Four numbers mod 2^255 - 19 in the 64-bit lanes of five registers, multiplied with floating-point FMA.
//!
//! Radix 2^51: number `x` is the sum of `x[i] * 2^(51 i)`, where `x[i]` is a signed integer held as a double. AVX2
//! multiplies integers of 32 bits only; a fused multiply-add rounds a product of 102 bits once, and where it rounds can
//! be chosen. With C = 3 * 2^102, whose last bit weighs 2^51, [`split`] takes a product apart at 2^51 exactly:
//! - high = a b + C, rounded, is C + 2^51 m for an integer m: its bits are those of C plus m.
//! - low = a b - 2^51 m + 3 * 2^51, with nothing left to round: its bits are those of 3 * 2^51 plus what m left over.
//!
//! So the columns of a product are sums of bits, taken as integers; what C and 3 * 2^51 bring is a constant.
//!
//! 25 products take 50 FMA; in integers, ten limbs of 25.5 bits take 109 multiplications, or 87 by Karatsuba's rule.
//! Measured on Zen 5, times four numbers: 14.7 ns, against 21.6 and 18.2; squaring 10.3 against 14.6.
//!
//! # Correctness
//! - *Reduced*: limbs of at most 2^50 + 2^13, of either sign. Every operation below takes and gives such numbers.
//! - *Split*: the product of two is at most 2^100 + 2^64.1, twice as much in a square. Below 2^102 in size, as here, a b +
//!   C stays in [2^103, 2^104], where the last bit weighs 2^51. m is at most 2^49 + 2^13.1 + 1/2 and what it leaves at
//!   most 2^50, so low lies in [2^52, 2^53], where the last bit weighs 1. (In the other rounding modes what is left is
//!   below 2^51 and all this still holds.)
//! - *Wide*, in units of 2^50: a column of a product holds at most 5 low parts, one unit each, and 5 high ones, half a
//!   unit; columns from 5 on come in 19-fold at `k - 5`. The most is at limb 0: 1 + 19 * (4 + 5 / 2) = 124.5, and less
//!   than 1 for the rest. Four products and two taken away are below 6 * 125 = 750 units, below 2^59.6.
//! - Carries of such a sum are at most 750 / 2 + 1 = 376, and 19 times that is below 2^13.

use core::arch::x86_64::{__m256d, __m256i};

use super::rows::{self, Row3, Row4};
use super::{Isa, op};
use crate::backend::vertical::{LANES_MAX, LaneField};

/// Bits of a limb.
const MASK: u64 = (1 << 51) - 1;
/// Half of a limb's range: limbs go from -HALF to HALF, and a little more.
const HALF: i64 = 1 << 50;
/// Most of a limb of a reduced number.
const REDUCED_MAX: i64 = HALF + (1 << 13);
/// Most of a limb of a wide number.
const WIDE_MAX: i64 = 750 << 50;
/// What makes every wide limb positive; a multiple of a limb's range.
const WIDE_BIAS: i64 = 1 << 60;

/// Where a product is rounded to multiples of 2^51.
const HIGH: f64 = 3.0 * (1_u128 << 102) as f64;
/// Added to an integer of at most 2^51 in size: the bits of the sum are those of `LOW` plus that integer.
const LOW: f64 = 3.0 * (1_u64 << 51) as f64;
/// As `LOW` for integers from 0 on: their bits go into the low bits of 2^52.
const UNSIGNED: f64 = (1_u64 << 52) as f64;

/// What the columns of a product hold too much: all that `HIGH` and `LOW` bring, folded.
const EXCESS_PRODUCT: [i64; 5] = excess(false);
const EXCESS_SQUARE: [i64; 5] = excess(true);

/// Four reduced numbers. That one exists proves the instructions: every constructor takes an [`Isa`].
#[derive(Clone, Copy)]
pub(in crate::backend) struct Field(pub(super) [__m256d; 5]);

/// Four wide numbers, limbs of 64 bits with sign.
#[derive(Clone, Copy)]
pub(in crate::backend) struct Wide([__m256i; 5]);

/// One bit a lane: the highest.
#[derive(Clone, Copy)]
pub(in crate::backend) struct Mask(__m256i);

impl LaneField for Field {
    const LANES: usize = 4;
    type Isa = Isa;
    type Mask = Mask;
    type Wide = Wide;
    type Row3 = Row3;
    type Row4 = Row4;

    #[inline(always)]
    fn splat(_: Isa, limbs: &[u64; 5]) -> Self {
        let mut out = [op::splat_f(0.0); 5];
        let mut carry = 0;
        for i in 0..5 {
            debug_assert!(limbs[i] <= MASK, "limb {i} is {:#x}", limbs[i]);
            let limb = limbs[i].cast_signed() + carry;
            carry = (limb + HALF) >> 51;
            out[i] = op::splat_f((limb - (carry << 51)) as f64);
        }
        // At most 1 is carried out.
        out[0] = op::add_f(out[0], op::splat_f((19 * carry) as f64));
        Self(out)
    }

    #[inline(always)]
    fn from_words(_: Isa, words: &[[u64; LANES_MAX]; 4]) -> Self {
        let mut loaded = [op::zero(); 4];
        for i in 0..4 {
            loaded[i] = op::load(words[i].first_chunk().expect("8 lanes"));
        }
        let [a, b, c, d] = loaded;
        let mask = op::splat(MASK.cast_signed());
        Self::reduce(Wide([
            op::and(a, mask),
            op::and(op::or(op::shr::<51>(a), op::shl::<13>(b)), mask),
            op::and(op::or(op::shr::<38>(b), op::shl::<26>(c)), mask),
            op::and(op::or(op::shr::<25>(c), op::shl::<39>(d)), mask),
            op::and(op::shr::<12>(d), mask),
        ]))
    }

    #[cfg(test)]
    const REDUCED_LIMBS: [i64; 2] = [-REDUCED_MAX, REDUCED_MAX];
    #[cfg(test)]
    const FACTOR_LIMBS: [i64; 2] = Self::REDUCED_LIMBS;
    #[cfg(test)]
    const WIDE_LIMBS: [i64; 2] = [-WIDE_MAX, WIDE_MAX];

    #[cfg(test)]
    #[inline(always)]
    fn from_limbs(_: Isa, limbs: &[[i64; LANES_MAX]; 5]) -> Self {
        Self(limbs.map(|lanes| {
            let lanes = lanes.map(|limb| (limb as f64).to_bits());
            op::float(op::load(lanes.first_chunk().expect("8 lanes")))
        }))
    }

    #[cfg(test)]
    #[inline(always)]
    fn wide_from_limbs(_: Isa, limbs: &[[i64; LANES_MAX]; 5]) -> Wide {
        Wide(limbs.map(|lanes| {
            let lanes = lanes.map(i64::cast_unsigned);
            op::load(lanes.first_chunk().expect("8 lanes"))
        }))
    }

    #[cfg(test)]
    #[inline(always)]
    fn to_words(self) -> [[u64; LANES_MAX]; 4] {
        let [a, b, c, d, e] = self.least();
        let mut words = [[0; LANES_MAX]; 4];
        for (words, x) in words.iter_mut().zip([
            op::or(a, op::shl::<51>(b)),
            op::or(op::shr::<13>(b), op::shl::<38>(c)),
            op::or(op::shr::<26>(c), op::shl::<25>(d)),
            op::or(op::shr::<39>(d), op::shl::<12>(e)),
        ]) {
            op::store(words.first_chunk_mut().expect("8 lanes"), x);
        }
        words
    }

    #[inline(always)]
    fn mul_wide(self, rhs: Self) -> Wide {
        self.check();
        rhs.check();
        let mut columns = [op::zero(); 10];
        for k in (0..9).rev() {
            for i in 0..5 {
                if i <= k && k - i < 5 {
                    let (high, low) = split(self.0[i], rhs.0[k - i]);
                    columns[k] = op::add(columns[k], low);
                    columns[k + 1] = op::add(columns[k + 1], high);
                }
            }
        }
        fold(&columns, &EXCESS_PRODUCT)
    }

    /// # Correctness
    /// What lies off the diagonal is doubled before it is split: half as many parts, the high ones twice as large.
    #[inline(always)]
    fn square_wide(self) -> Wide {
        self.check();
        let mut twice = self.0;
        for x in &mut twice {
            *x = op::add_f(*x, *x);
        }
        let mut columns = [op::zero(); 10];
        for k in (0..9).rev() {
            for i in 0..5 {
                if i <= k && k - i < 5 && i <= k - i {
                    let x = if i == k - i { self.0[i] } else { twice[i] };
                    let (high, low) = split(x, self.0[k - i]);
                    columns[k] = op::add(columns[k], low);
                    columns[k + 1] = op::add(columns[k + 1], high);
                }
            }
        }
        fold(&columns, &EXCESS_SQUARE)
    }

    #[inline(always)]
    fn widen(self) -> Wide {
        Wide(self.integers())
    }

    #[inline(always)]
    fn wide_add(a: Wide, b: Wide) -> Wide {
        let mut out = a.0;
        for i in 0..5 {
            out[i] = op::add(a.0[i], b.0[i]);
        }
        Wide(out)
    }

    #[inline(always)]
    fn wide_sub(a: Wide, b: Wide) -> Wide {
        let mut out = a.0;
        for i in 0..5 {
            out[i] = op::sub(a.0[i], b.0[i]);
        }
        Wide(out)
    }

    /// # Correctness
    /// With half a limb's range added, the low 51 bits are what remains and that half; what is carried is too much by
    /// the bias. Both go off with the 2^52 that made the sum a double.
    #[inline(always)]
    fn reduce(wide: Wide) -> Self {
        wide.check();
        let mask = op::splat(MASK.cast_signed());
        let mut rest = wide.0;
        let mut carry = wide.0;
        for i in 0..5 {
            let positive = op::add(wide.0[i], op::splat(WIDE_BIAS + HALF));
            rest[i] = op::and(positive, mask);
            carry[(i + 1) % 5] = op::shr::<51>(positive);
        }
        carry[0] = op::mul_u32(carry[0], op::splat(19));
        let mut out = [op::splat_f(0.0); 5];
        for i in 0..5 {
            let sum = op::or(
                op::add(rest[i], carry[i]),
                op::splat(UNSIGNED.to_bits().cast_signed()),
            );
            let carried = (WIDE_BIAS >> 51) * if i == 0 { 19 } else { 1 };
            let excess = UNSIGNED + (HALF + carried) as f64;
            out[i] = op::sub_f(op::float(sum), op::splat_f(excess));
        }
        let out = Self(out);
        out.check();
        out
    }

    #[inline(always)]
    fn negate_if(self, mask: Mask) -> Self {
        let sign = op::and(mask.0, op::splat(i64::MIN));
        let mut out = self.0;
        for x in &mut out {
            *x = op::float(op::xor(op::bits(*x), sign));
        }
        Self(out)
    }

    #[inline(always)]
    fn select(mask: Mask, yes: Self, no: Self) -> Self {
        let mut out = no.0;
        for i in 0..5 {
            out[i] = op::select(mask.0, yes.0[i], no.0[i]);
        }
        Self(out)
    }

    #[inline(always)]
    fn is_zero(self) -> Mask {
        let [a, b, c, d, e] = self.least();
        let any = op::or(op::or(op::or(a, b), op::or(c, d)), e);
        Mask(op::equal(any, op::zero()))
    }

    #[inline(always)]
    fn is_odd(self) -> Mask {
        Mask(op::shl::<63>(self.least()[0]))
    }

    #[inline(always)]
    fn mask(_: Isa, bits: u8) -> Mask {
        Mask(op::shl_each(
            op::splat(bits.into()),
            op::lanes([63, 62, 61, 60]),
        ))
    }

    #[inline(always)]
    fn mask_bits(mask: Mask) -> u8 {
        op::highest_bits(mask.0) as u8
    }

    #[inline(always)]
    fn load3(isa: Isa, rows: [&Row3; LANES_MAX]) -> [Self; 3] {
        rows::load3(isa, rows)
    }

    #[inline(always)]
    fn load4(isa: Isa, rows: [&Row4; LANES_MAX]) -> [Self; 4] {
        rows::load4(isa, rows)
    }

    #[inline(always)]
    fn store3(elements: &[Self; 3]) -> [Row3; LANES_MAX] {
        rows::store3(elements)
    }

    #[inline(always)]
    fn store4(elements: &[Self; 4]) -> [Row4; LANES_MAX] {
        rows::store4(elements)
    }
}

impl Field {
    /// The limbs as integers with sign.
    #[inline(always)]
    fn integers(self) -> [__m256i; 5] {
        let excess = op::splat(LOW.to_bits().cast_signed());
        let mut out = [op::zero(); 5];
        for i in 0..5 {
            out[i] = op::sub(op::bits(op::add_f(self.0[i], op::splat_f(LOW))), excess);
        }
        out
    }

    /// The least number not below 0, limbs from 0 to 2^51 - 1.
    ///
    /// # Correctness
    /// With 2 p added all limbs are positive and below 2^52.6. After one round of carries the number is below 2^255 +
    /// 3 * 19, so at most one p goes off; `x + 19` reaches 2^255 exactly when it must. The second round of carries is
    /// exact: each carry is at most 1.
    #[inline(always)]
    fn least(self) -> [__m256i; 5] {
        let mask = op::splat(MASK.cast_signed());
        let mut x = self.integers();
        for i in 0..5 {
            let p = MASK - if i == 0 { 18 } else { 0 };
            x[i] = op::add(x[i], op::splat(2 * p.cast_signed()));
        }
        for i in 0..4 {
            x[i + 1] = op::add(x[i + 1], op::shr::<51>(x[i]));
            x[i] = op::and(x[i], mask);
        }
        let over = op::shr::<51>(x[4]);
        x[4] = op::and(x[4], mask);
        x[0] = op::add(x[0], op::mul_u32(over, op::splat(19)));
        // Limb 0 may hold one carry more now; it goes along with the +19 that asks whether x is p or more.
        let mut carry = op::shr::<51>(op::add(x[0], op::splat(19)));
        for limb in &x[1..] {
            carry = op::shr::<51>(op::add(*limb, carry));
        }
        x[0] = op::add(x[0], op::mul_u32(carry, op::splat(19)));
        for i in 0..4 {
            x[i + 1] = op::add(x[i + 1], op::shr::<51>(x[i]));
            x[i] = op::and(x[i], mask);
        }
        x[4] = op::and(x[4], mask);
        x
    }

    /// In debug builds: the number is reduced.
    #[inline(always)]
    fn check(self) {
        /// Apart, so that a build with assertions has them once and not at every use.
        #[inline(never)]
        fn check_each(limbs: &[__m256d; 5]) {
            for (i, limb) in limbs.iter().enumerate() {
                let mut lanes = [0; 4];
                op::store(&mut lanes, op::bits(*limb));
                for x in lanes.map(f64::from_bits) {
                    let fits = x.abs() <= REDUCED_MAX as f64 && x.trunc() == x;
                    assert!(fits, "limb {i} is {x}");
                }
            }
        }
        if cfg!(debug_assertions) {
            check_each(&self.0);
        }
    }
}

impl Wide {
    /// In debug builds: the number may be reduced.
    #[inline(always)]
    fn check(self) {
        /// As above.
        #[inline(never)]
        fn check_each(limbs: &[__m256i; 5]) {
            for (i, limb) in limbs.iter().enumerate() {
                let mut lanes = [0; 4];
                op::store(&mut lanes, *limb);
                for x in lanes.map(u64::cast_signed) {
                    assert!(x.abs() <= WIDE_MAX, "limb {i} is {x:#x}");
                }
            }
        }
        if cfg!(debug_assertions) {
            check_each(&self.0);
        }
    }
}

/// A product, cut at 2^51; see the head of this file.
#[inline(always)]
fn split(a: __m256d, b: __m256d) -> (__m256i, __m256i) {
    let high = op::mul_add_f(a, b, op::splat_f(HIGH));
    // Exact: a multiple of 2^51, and that multiple is below 2^53.
    let rest = op::sub_f(op::splat_f(HIGH + LOW), high);
    let low = op::mul_add_f(a, b, rest);
    (op::bits(high), op::bits(low))
}

/// Columns from 5 on weigh 2^255 = 19 at the limb five below.
#[inline(always)]
fn fold(columns: &[__m256i; 10], excess: &[i64; 5]) -> Wide {
    let mut out = [op::zero(); 5];
    for i in 0..5 {
        let once = columns[i + 5];
        let times_19 = op::add(op::add(once, op::shl::<1>(once)), op::shl::<4>(once));
        out[i] = op::sub(op::add(columns[i], times_19), op::splat(excess[i]));
    }
    Wide(out)
}

/// The bits of `HIGH` and `LOW` in every column, as often as a product adds them there, mod 2^64 like all sums of bits.
const fn excess(square: bool) -> [i64; 5] {
    let mut columns = [0_i64; 10];
    let (mut i, mut j) = (0, 0);
    while i < 5 {
        if !square || i <= j {
            columns[i + j] = columns[i + j].wrapping_add(LOW.to_bits().cast_signed());
            columns[i + j + 1] = columns[i + j + 1].wrapping_add(HIGH.to_bits().cast_signed());
        }
        j += 1;
        if j == 5 {
            (i, j) = (i + 1, 0);
        }
    }
    let mut out = [0; 5];
    while j < 5 {
        out[j] = columns[j].wrapping_add(columns[j + 5].wrapping_mul(19));
        j += 1;
    }
    out
}
