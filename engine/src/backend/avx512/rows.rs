//! How do the numbers of a lane lie in memory, and how do eight such rows become vectors?

use core::arch::x86_64::{__m512i, _MM_HINT_T0, _mm_prefetch};

use super::field::Field;
use super::{Isa, op};
use crate::backend::vertical::LANES_MAX;

/// Limbs of three numbers, one after the other, filled up to whole vectors.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub(in crate::backend) struct Row3([u64; 16]);

/// Limbs of four numbers.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub(in crate::backend) struct Row4([u64; 24]);

/// Of the last vector of a row, whatever is not used is not loaded either: these are the limbs that are.
const LIMBS_3: usize = 16;
const LIMBS_4: usize = 20;

#[inline(always)]
pub(super) fn load3(_: Isa, rows: [&Row3; LANES_MAX]) -> [Field; 3] {
    elements(&gather::<LIMBS_3>(rows.map(|row| &row.0[..])))
}

#[inline(always)]
pub(super) fn load4(_: Isa, rows: [&Row4; LANES_MAX]) -> [Field; 4] {
    elements(&gather::<LIMBS_4>(rows.map(|row| &row.0[..])))
}

#[inline(always)]
pub(super) fn store3(elements: &[Field; 3]) -> [Row3; LANES_MAX] {
    scatter(&flatten(elements)).map(Row3)
}

#[inline(always)]
pub(super) fn store4(elements: &[Field; 4]) -> [Row4; LANES_MAX] {
    scatter(&flatten(elements)).map(Row4)
}

/// Starts loading a row.
#[inline(always)]
pub(super) fn prefetch(row: &Row3) {
    for line in row.0.as_chunks::<8>().0 {
        // SAFETY: a hint; nothing is read, and every x86-64 CPU has it.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(line.as_ptr().cast()) };
    }
}

/// Limb `i` of row `l` to lane `l` of vector `i`, four limbs at a time.
#[inline(always)]
fn gather<const LIMBS: usize>(rows: [&[u64]; LANES_MAX]) -> [__m512i; LIMBS] {
    let mut limbs = [op::zero(); LIMBS];
    for (part, limbs) in limbs.as_chunks_mut().0.iter_mut().enumerate() {
        *limbs = transpose_four(rows.map(|row| &row.as_chunks().0[part]));
    }
    limbs
}

/// The reverse of [`gather`], eight limbs at a time.
#[inline(always)]
fn scatter<const LIMBS: usize>(limbs: &[__m512i; LIMBS]) -> [[u64; LIMBS]; LANES_MAX] {
    let mut rows = [[0; LIMBS]; LANES_MAX];
    for (part, limbs) in limbs.as_chunks().0.iter().enumerate() {
        for (row, eight) in rows.iter_mut().zip(transpose(limbs)) {
            op::store(&mut row.as_chunks_mut().0[part], eight);
        }
    }
    rows
}

/// Four limbs of eight rows become four vectors of eight lanes.
///
/// Rows are loaded in pairs into the halves of a vector: that takes a load, no shuffle.
#[inline(always)]
fn transpose_four(rows: [&[u64; 4]; LANES_MAX]) -> [__m512i; 4] {
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
fn flatten<const N: usize, const LIMBS: usize>(elements: &[Field; N]) -> [__m512i; LIMBS] {
    let mut limbs = [op::zero(); LIMBS];
    for (i, element) in elements.iter().enumerate() {
        limbs[5 * i..5 * i + 5].copy_from_slice(&element.0);
    }
    limbs
}
