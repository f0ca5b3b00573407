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

use core::arch::x86_64::{
    __m512i, _MM_HINT_T0, _mm_prefetch, _mm256_loadu_si256, _mm512_add_epi64, _mm512_and_si512,
    _mm512_castsi256_si512, _mm512_cmpeq_epi64_mask, _mm512_loadu_si512, _mm512_madd52hi_epu64,
    _mm512_madd52lo_epu64, _mm512_mask_blend_epi64, _mm512_mask_broadcast_i64x4,
    _mm512_mask_sub_epi64, _mm512_mullo_epi64, _mm512_or_si512, _mm512_set1_epi64,
    _mm512_setzero_si512, _mm512_shuffle_i64x2, _mm512_slli_epi64, _mm512_srli_epi64,
    _mm512_storeu_si512, _mm512_sub_epi64, _mm512_test_epi64_mask, _mm512_unpackhi_epi64,
    _mm512_unpacklo_epi64,
};

use crate::backend::cpu::Avx512 as Isa;
use crate::backend::vertical::{LANES_MAX, LaneField};

/// Bits of a limb.
const MASK: u64 = (1 << 51) - 1;
/// 1072 p: what a difference of wide numbers adds so that no limb falls below zero.
const WIDE_BIAS: [u64; 2] = [1072 * (MASK - 18), 1072 * MASK];
/// 2 p: the same for a negation.
const BIAS: [u64; 2] = [2 * (MASK - 18), 2 * MASK];

/// Eight reduced numbers. That one exists proves the instructions: every constructor takes an [`Isa`].
#[derive(Clone, Copy)]
pub(in crate::backend) struct Field([__m512i; 5]);

/// Eight wide numbers.
#[derive(Clone, Copy)]
pub(in crate::backend) struct Wide([__m512i; 5]);

/// Limbs of three numbers, one after the other, filled up to whole vectors.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub(in crate::backend) struct Row3([u64; 16]);

/// Limbs of four numbers.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub(in crate::backend) struct Row4([u64; 24]);

/// Each of these is one instruction.
///
/// They are safe to call where a [`Field`], a [`Wide`] or an [`Isa`] exists, which is everywhere in this file: all
/// other functions take one.
mod op {
    use super::*;

    macro_rules! ops {
        ($($name:ident($($arg:ident: $type:ty),*) -> $out:ty = $intrinsic:expr;)*) => {$(
            #[inline(always)]
            pub(super) fn $name($($arg: $type),*) -> $out {
                // SAFETY: callers hold a value that only `Isa::detect` on a CPU with these instructions leads to.
                unsafe { $intrinsic }
            }
        )*};
    }

    ops! {
        zero() -> __m512i = _mm512_setzero_si512();
        splat(x: u64) -> __m512i = _mm512_set1_epi64(x.cast_signed());
        add(a: __m512i, b: __m512i) -> __m512i = _mm512_add_epi64(a, b);
        sub(a: __m512i, b: __m512i) -> __m512i = _mm512_sub_epi64(a, b);
        and(a: __m512i, b: __m512i) -> __m512i = _mm512_and_si512(a, b);
        or(a: __m512i, b: __m512i) -> __m512i = _mm512_or_si512(a, b);
        mul(a: __m512i, b: __m512i) -> __m512i = _mm512_mullo_epi64(a, b);
        madd_lo(sum: __m512i, a: __m512i, b: __m512i) -> __m512i = _mm512_madd52lo_epu64(sum, a, b);
        madd_hi(sum: __m512i, a: __m512i, b: __m512i) -> __m512i = _mm512_madd52hi_epu64(sum, a, b);
        select(mask: u8, yes: __m512i, no: __m512i) -> __m512i = _mm512_mask_blend_epi64(mask, no, yes);
        sub_if(mask: u8, no: __m512i, a: __m512i, b: __m512i) -> __m512i = _mm512_mask_sub_epi64(no, mask, a, b);
        equal(a: __m512i, b: __m512i) -> u8 = _mm512_cmpeq_epi64_mask(a, b);
        any_bit(a: __m512i, b: __m512i) -> u8 = _mm512_test_epi64_mask(a, b);
        interleave_low(a: __m512i, b: __m512i) -> __m512i = _mm512_unpacklo_epi64(a, b);
        interleave_high(a: __m512i, b: __m512i) -> __m512i = _mm512_unpackhi_epi64(a, b);
        // SAFETY (both): the reference spans the 64 bytes that are read or written.
        load(from: &[u64; 8]) -> __m512i = _mm512_loadu_si512(from.as_ptr().cast());
        store(to: &mut [u64; 8], x: __m512i) -> () = _mm512_storeu_si512(to.as_mut_ptr().cast(), x);
    }

    /// `low`, then `high`.
    #[inline(always)]
    pub(super) fn load_halves(low: &[u64; 4], high: &[u64; 4]) -> __m512i {
        // SAFETY: as above; both references span the 32 bytes that are read.
        unsafe {
            let low = _mm512_castsi256_si512(_mm256_loadu_si256(low.as_ptr().cast()));
            _mm512_mask_broadcast_i64x4(low, 0xf0, _mm256_loadu_si256(high.as_ptr().cast()))
        }
    }

    #[inline(always)]
    pub(super) fn shr<const BITS: u32>(x: __m512i) -> __m512i {
        // SAFETY: as above.
        unsafe { _mm512_srli_epi64::<BITS>(x) }
    }

    #[inline(always)]
    pub(super) fn shl<const BITS: u32>(x: __m512i) -> __m512i {
        // SAFETY: as above.
        unsafe { _mm512_slli_epi64::<BITS>(x) }
    }

    /// Quarters of `a` and `b`: two of `a`, then two of `b`.
    #[inline(always)]
    pub(super) fn quarters<const WHICH: i32>(a: __m512i, b: __m512i) -> __m512i {
        // SAFETY: as above.
        unsafe { _mm512_shuffle_i64x2::<WHICH>(a, b) }
    }
}

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
        self.check(1 << 52);
        rhs.check(1 << 52);
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
        self.check(1 << 52);
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
        let mask = op::splat(MASK);
        let mut out = wide;
        for i in 1..5 {
            out[i] = op::add(op::and(wide[i], mask), op::shr::<51>(wide[i - 1]));
        }
        let over = op::shr::<51>(wide[4]);
        out[0] = op::madd_lo(op::and(wide[0], mask), over, op::splat(19));
        let out = Self(out);
        out.check((1 << 51) + (1 << 16));
        out
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
    fn load3(_: Isa, rows: [&Row3; LANES_MAX]) -> [Self; 3] {
        let mut limbs = [op::zero(); 16];
        for part in 0..4 {
            let mut quarters = [&[0; 4]; LANES_MAX];
            for lane in 0..8 {
                quarters[lane] = four(&rows[lane].0, part);
            }
            limbs[4 * part..4 * part + 4].copy_from_slice(&gather(&quarters));
        }
        elements(&limbs)
    }

    #[inline(always)]
    fn prefetch(_: Isa, row: &Row3) {
        for line in row.0.as_chunks::<8>().0 {
            // SAFETY: a hint; nothing is read, and every x86-64 CPU has it.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(line.as_ptr().cast()) };
        }
    }

    #[inline(always)]
    fn store3(elements: &[Self; 3]) -> [Row3; LANES_MAX] {
        let limbs = flatten::<3, 16>(elements);
        let mut rows = [Row3([0; 16]); LANES_MAX];
        for part in 0..2 {
            let square = transpose(limbs[8 * part..].first_chunk().expect("16 limbs"));
            for lane in 0..8 {
                op::store(eight_mut(&mut rows[lane].0, part), square[lane]);
            }
        }
        rows
    }

    #[inline(always)]
    fn load4(_: Isa, rows: [&Row4; LANES_MAX]) -> [Self; 4] {
        let mut limbs = [op::zero(); 20];
        for part in 0..5 {
            let mut quarters = [&[0; 4]; LANES_MAX];
            for lane in 0..8 {
                quarters[lane] = four(&rows[lane].0, part);
            }
            limbs[4 * part..4 * part + 4].copy_from_slice(&gather(&quarters));
        }
        elements(&limbs)
    }

    #[inline(always)]
    fn store4(elements: &[Self; 4]) -> [Row4; LANES_MAX] {
        let limbs = flatten::<4, 24>(elements);
        let mut rows = [Row4([0; 24]); LANES_MAX];
        for part in 0..3 {
            let square = transpose(limbs[8 * part..].first_chunk().expect("24 limbs"));
            for lane in 0..8 {
                op::store(eight_mut(&mut rows[lane].0, part), square[lane]);
            }
        }
        rows
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

    /// In debug builds: every limb is below `bound`.
    #[inline(always)]
    fn check(self, bound: u64) {
        if cfg!(debug_assertions) {
            for (i, limb) in self.0.iter().enumerate() {
                let mut lanes = [0; 8];
                op::store(&mut lanes, *limb);
                for x in lanes {
                    assert!(x < bound, "limb {i} is {x:#x}, not below {bound:#x}");
                }
            }
        }
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

/// Four limbs of eight rows become four vectors of eight lanes.
///
/// Rows are loaded in pairs into the halves of a vector: that takes a load, no shuffle.
#[inline(always)]
fn gather(rows: &[&[u64; 4]; 8]) -> [__m512i; 4] {
    let [a, b] = [
        op::load_halves(rows[0], rows[2]),
        op::load_halves(rows[1], rows[3]),
    ];
    let [c, d] = [
        op::load_halves(rows[4], rows[6]),
        op::load_halves(rows[5], rows[7]),
    ];
    let (even, even2) = (op::interleave_low(a, b), op::interleave_low(c, d));
    let (odd, odd2) = (op::interleave_high(a, b), op::interleave_high(c, d));
    [
        op::quarters::<0x88>(even, even2),
        op::quarters::<0x88>(odd, odd2),
        op::quarters::<0xdd>(even, even2),
        op::quarters::<0xdd>(odd, odd2),
    ]
}

/// Rows become columns.
#[inline(always)]
fn transpose(rows: &[__m512i; 8]) -> [__m512i; 8] {
    let [a, b, c, d, e, f, g, h] = *rows;
    let pairs = [
        op::interleave_low(a, b),
        op::interleave_high(a, b),
        op::interleave_low(c, d),
        op::interleave_high(c, d),
        op::interleave_low(e, f),
        op::interleave_high(e, f),
        op::interleave_low(g, h),
        op::interleave_high(g, h),
    ];
    let mut out = [op::zero(); 8];
    for odd in 0..2 {
        let [ab, cd, ef, gh] = [pairs[odd], pairs[2 + odd], pairs[4 + odd], pairs[6 + odd]];
        // Quarter q of a pair holds limbs 2q and 2q + 1 of its two rows.
        let (low, high) = (op::quarters::<0x44>(ab, cd), op::quarters::<0xee>(ab, cd));
        let (low2, high2) = (op::quarters::<0x44>(ef, gh), op::quarters::<0xee>(ef, gh));
        out[odd] = op::quarters::<0x88>(low, low2);
        out[2 + odd] = op::quarters::<0xdd>(low, low2);
        out[4 + odd] = op::quarters::<0x88>(high, high2);
        out[6 + odd] = op::quarters::<0xdd>(high, high2);
    }
    out
}

#[inline(always)]
fn elements<const N: usize>(limbs: &[__m512i]) -> [Field; N] {
    let mut out = [Field([op::zero(); 5]); N];
    for (i, element) in out.iter_mut().enumerate() {
        element.0.copy_from_slice(&limbs[5 * i..5 * i + 5]);
    }
    out
}

#[inline(always)]
fn flatten<const N: usize, const M: usize>(elements: &[Field; N]) -> [__m512i; M] {
    let mut limbs = [op::zero(); M];
    for (i, element) in elements.iter().enumerate() {
        limbs[5 * i..5 * i + 5].copy_from_slice(&element.0);
    }
    limbs
}

#[inline(always)]
fn four(row: &[u64], part: usize) -> &[u64; 4] {
    row[4 * part..].first_chunk().expect("whole vectors")
}

#[inline(always)]
fn eight_mut(row: &mut [u64], part: usize) -> &mut [u64; 8] {
    row[8 * part..].first_chunk_mut().expect("whole vectors")
}
