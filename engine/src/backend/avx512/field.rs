//! Eight numbers mod 2^255 - 19 in the 64-bit lanes of five registers, multiplied with IFMA.
//!
//! Radix 2^51: number `x` is the sum of `x[i] * 2^(51 i)`. `vpmadd52luq` and `vpmadd52huq` take the low 52 bits of two
//! operands and add the low or the high 52 bits of their product, so what is multiplied has limbs below 2^52. A high
//! half at limb `i + j` weighs 2^(51 (i + j) + 52), which is 2 at limb `i + j + 1`.
//!
//! # Correctness
//! - *Reduced*: limbs below 2^51 + 2^16. Every operation below takes and gives such numbers unless it says otherwise.
//! - *Negated* numbers, from [`LaneField::negate_if`], have limbs below 2^52: they may be multiplied.
//! - *Wide*, in units of 2^52: column `k` of a product holds at most 5 low halves and twice 5 high ones; the columns
//!   from 5 on come in 19-fold at `k - 5`. The most is at limb 0: 1 + 19 * (4 + 2 * 5) = 267 units, below 2^60.1.
//!   A difference takes away at most two products, 534 units, and adds 1072 p, which is between 535 and 536 units at
//!   every limb. With four products before it is below 4 * 267 + 536 = 1,604 units, below 2^62.7.
//! - Carries of such a sum are at most 2 * 1,604 = 3,208, and 19 times that is below 2^16.

use core::arch::x86_64::__m512i;

use super::rows::{self, Row3, Row4};
use super::{Isa, op};
use crate::backend::vertical::{LANES_MAX, LaneField};

/// Bits of a limb.
const MASK: u64 = (1 << 51) - 1;
/// Limbs of reduced numbers are below this.
const REDUCED_BOUND: u64 = (1 << 51) + (1 << 16);
/// Limbs of what is multiplied are below this.
const FACTOR_BOUND: u64 = 1 << 52;
/// Limbs of wide numbers are below this.
const WIDE_BOUND: u64 = 1604 << 52;
/// 1072 p: what a difference of wide numbers adds so that no limb falls below zero.
const WIDE_BIAS: [u64; 2] = [1072 * (MASK - 18), 1072 * MASK];
/// 2 p: the same for a negation.
const BIAS: [u64; 2] = [2 * (MASK - 18), 2 * MASK];

/// Eight reduced numbers. That one exists proves the instructions: every constructor takes an [`Isa`].
#[derive(Clone, Copy)]
pub(in crate::backend) struct Field(pub(super) [__m512i; 5]);

/// Eight wide numbers.
#[derive(Clone, Copy)]
pub(in crate::backend) struct Wide([__m512i; 5]);

impl LaneField for Field {
    const LANES: usize = 8;
    type Isa = Isa;
    type Mask = u8;
    type Wide = Wide;
    type Row3 = Row3;
    type Row4 = Row4;

    #[inline(always)]
    fn splat(_: Isa, limbs: &[u64; 5]) -> Self {
        let mut out = [op::zero(); 5];
        for i in 0..5 {
            debug_assert!(limbs[i] <= MASK, "limb {i} is {:#x}", limbs[i]);
            out[i] = op::splat(limbs[i]);
        }
        Self(out)
    }

    #[inline(always)]
    fn from_words(_: Isa, words: &[[u64; LANES_MAX]; 4]) -> Self {
        let [a, b, c, d] = [
            op::load(&words[0]),
            op::load(&words[1]),
            op::load(&words[2]),
            op::load(&words[3]),
        ];
        let mask = op::splat(MASK);
        Self([
            op::and(a, mask),
            op::and(op::or(op::shr::<51>(a), op::shl::<13>(b)), mask),
            op::and(op::or(op::shr::<38>(b), op::shl::<26>(c)), mask),
            op::and(op::or(op::shr::<25>(c), op::shl::<39>(d)), mask),
            op::and(op::shr::<12>(d), mask),
        ])
    }

    #[cfg(test)]
    const REDUCED_LIMBS: [i64; 2] = [0, REDUCED_BOUND.cast_signed() - 1];
    #[cfg(test)]
    const FACTOR_LIMBS: [i64; 2] = [0, FACTOR_BOUND.cast_signed() - 1];
    #[cfg(test)]
    const WIDE_LIMBS: [i64; 2] = [0, WIDE_BOUND.cast_signed() - 1];

    #[cfg(test)]
    #[inline(always)]
    fn from_limbs(isa: Isa, limbs: &[[i64; LANES_MAX]; 5]) -> Self {
        Self(Self::wide_from_limbs(isa, limbs).0)
    }

    #[cfg(test)]
    #[inline(always)]
    fn wide_from_limbs(_: Isa, limbs: &[[i64; LANES_MAX]; 5]) -> Wide {
        Wide(limbs.map(|lanes| op::load(&lanes.map(i64::cast_unsigned))))
    }

    #[cfg(test)]
    #[inline(always)]
    fn to_words(self) -> [[u64; LANES_MAX]; 4] {
        let [a, b, c, d, e] = self.least().0;
        let mut words = [[0; LANES_MAX]; 4];
        op::store(&mut words[0], op::or(a, op::shl::<51>(b)));
        op::store(&mut words[1], op::or(op::shr::<13>(b), op::shl::<38>(c)));
        op::store(&mut words[2], op::or(op::shr::<26>(c), op::shl::<25>(d)));
        op::store(&mut words[3], op::or(op::shr::<39>(d), op::shl::<12>(e)));
        words
    }

    /// # Correctness
    /// Limbs of both below 2^52, so nothing is cut off; the sums are worked out at the head of this file.
    #[inline(always)]
    fn mul_wide(self, rhs: Self) -> Wide {
        check(&self.0, FACTOR_BOUND);
        check(&rhs.0, FACTOR_BOUND);
        let (a, b) = (&self.0, &rhs.0);
        let mut columns = [op::zero(); 10];
        for (k, column) in columns.iter_mut().enumerate() {
            let mut sum = op::zero();
            for i in 0..5 {
                if i < k && k - 1 - i < 5 {
                    sum = op::madd_hi(sum, a[i], b[k - 1 - i]);
                }
            }
            sum = op::add(sum, sum);
            for i in 0..5 {
                if i <= k && k - i < 5 {
                    sum = op::madd_lo(sum, a[i], b[k - i]);
                }
            }
            *column = sum;
        }
        fold(&columns)
    }

    /// # Correctness
    /// As for a product: what lies off the diagonal is summed once and doubled.
    #[inline(always)]
    fn square_wide(self) -> Wide {
        check(&self.0, FACTOR_BOUND);
        let a = &self.0;
        let mut columns = [op::zero(); 10];
        for (k, column) in columns.iter_mut().enumerate() {
            // High halves off the diagonal count four times, on it and low halves off it twice.
            let mut sum = op::zero();
            for i in 0..5 {
                if i < k && k - 1 - i < 5 && i < k - 1 - i {
                    sum = op::madd_hi(sum, a[i], a[k - 1 - i]);
                }
            }
            sum = op::add(sum, sum);
            if k % 2 == 1 {
                sum = op::madd_hi(sum, a[k / 2], a[k / 2]);
            }
            for i in 0..5 {
                if i < k && k - i < 5 && i < k - i {
                    sum = op::madd_lo(sum, a[i], a[k - i]);
                }
            }
            sum = op::add(sum, sum);
            if k % 2 == 0 {
                sum = op::madd_lo(sum, a[k / 2], a[k / 2]);
            }
            *column = sum;
        }
        fold(&columns)
    }

    #[inline(always)]
    fn widen(self) -> Wide {
        Wide(self.0)
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
            let bias = op::splat(WIDE_BIAS[usize::from(i > 0)]);
            out[i] = op::sub(op::add(a.0[i], bias), b.0[i]);
        }
        Wide(out)
    }

    #[inline(always)]
    fn reduce(Wide(wide): Wide) -> Self {
        check(&wide, WIDE_BOUND);
        let mask = op::splat(MASK);
        let mut out = wide;
        for i in 1..5 {
            out[i] = op::add(op::and(wide[i], mask), op::shr::<51>(wide[i - 1]));
        }
        let over = op::shr::<51>(wide[4]);
        out[0] = op::madd_lo(op::and(wide[0], mask), over, op::splat(19));
        check(&out, REDUCED_BOUND);
        Self(out)
    }

    /// # Correctness
    /// Limbs of 2 p are above 2^51 + 2^16, so none falls below zero, and below 2^52.
    #[inline(always)]
    fn negate_if(self, mask: u8) -> Self {
        let mut out = self.0;
        for i in 0..5 {
            let bias = op::splat(BIAS[usize::from(i > 0)]);
            out[i] = op::sub_if(mask, self.0[i], bias, self.0[i]);
        }
        Self(out)
    }

    #[inline(always)]
    fn select(mask: u8, yes: Self, no: Self) -> Self {
        let mut out = no.0;
        for i in 0..5 {
            out[i] = op::select(mask, yes.0[i], no.0[i]);
        }
        Self(out)
    }

    #[inline(always)]
    fn is_zero(self) -> u8 {
        let [a, b, c, d, e] = self.least().0;
        let any = op::or(op::or(op::or(a, b), op::or(c, d)), e);
        op::equal(any, op::zero())
    }

    #[inline(always)]
    fn is_odd(self) -> u8 {
        op::any_bit(self.least().0[0], op::splat(1))
    }

    #[inline(always)]
    fn mask(_: Isa, bits: u8) -> u8 {
        bits
    }

    #[inline(always)]
    fn mask_bits(mask: u8) -> u8 {
        mask
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
    fn prefetch(_: Isa, row: &Row3) {
        rows::prefetch(row);
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
    /// The least number not below 0, limbs below 2^51.
    ///
    /// # Correctness
    /// After one round of carries the number is below 2^255 + 19, so at most one p goes off; `x + 19` reaches
    /// 2^255 exactly when it must. The second round of carries is exact: each carry is at most 1.
    #[inline(always)]
    fn least(self) -> Self {
        let mask = op::splat(MASK);
        let mut x = self.0;
        for i in 0..4 {
            x[i + 1] = op::add(x[i + 1], op::shr::<51>(x[i]));
            x[i] = op::and(x[i], mask);
        }
        let over = op::shr::<51>(x[4]);
        x[4] = op::and(x[4], mask);
        x[0] = op::madd_lo(x[0], over, op::splat(19));
        // Limb 0 may hold one carry more now; it goes along with the +19 that asks whether x is p or more.
        let mut carry = op::shr::<51>(op::add(x[0], op::splat(19)));
        for limb in &x[1..] {
            carry = op::shr::<51>(op::add(*limb, carry));
        }
        x[0] = op::madd_lo(x[0], carry, op::splat(19));
        for i in 0..4 {
            x[i + 1] = op::add(x[i + 1], op::shr::<51>(x[i]));
            x[i] = op::and(x[i], mask);
        }
        x[4] = op::and(x[4], mask);
        Self(x)
    }
}

/// In debug builds: every limb is below `bound`.
#[inline(always)]
fn check(limbs: &[__m512i; 5], bound: u64) {
    /// Apart, so that a build with assertions has them once and not at every use.
    #[inline(never)]
    fn check_each(limbs: &[__m512i; 5], bound: u64) {
        for (i, limb) in limbs.iter().enumerate() {
            let mut lanes = [0; 8];
            op::store(&mut lanes, *limb);
            for x in lanes {
                assert!(x < bound, "limb {i} is {x:#x}, not below {bound:#x}");
            }
        }
    }
    if cfg!(debug_assertions) {
        check_each(limbs, bound);
    }
}

/// Columns from 5 on weigh 2^255 = 19 at the limb five below.
#[inline(always)]
fn fold(columns: &[__m512i; 10]) -> Wide {
    let mut out = [op::zero(); 5];
    for i in 0..5 {
        out[i] = op::add(columns[i], op::mul(columns[i + 5], op::splat(19)));
    }
    Wide(out)
}
