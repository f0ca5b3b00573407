//! How do the numbers of a lane lie in memory, and how do four such rows become vectors?

use core::arch::x86_64::{__m128d, __m256d};

use super::field::Field;
use super::{Isa, op};
use crate::backend::vertical::LANES_MAX;

/// Limbs of three numbers, one after the other, and one more to make pairs.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub(in crate::backend) struct Row3([f64; 16]);

/// Limbs of four numbers.
#[derive(Clone, Copy, Debug)]
#[repr(align(32))]
pub(in crate::backend) struct Row4([f64; 20]);

#[inline(always)]
pub(super) fn load3(_: Isa, rows: [&Row3; LANES_MAX]) -> [Field; 3] {
    elements(&gather(rows.map(|row| &row.0)))
}

#[inline(always)]
pub(super) fn load4(_: Isa, rows: [&Row4; LANES_MAX]) -> [Field; 4] {
    elements(&gather(rows.map(|row| &row.0)))
}

#[inline(always)]
pub(super) fn store3(elements: &[Field; 3]) -> [Row3; LANES_MAX] {
    scatter(&flatten(elements)).map(Row3)
}

#[inline(always)]
pub(super) fn store4(elements: &[Field; 4]) -> [Row4; LANES_MAX] {
    scatter(&flatten(elements)).map(Row4)
}

/// Limb `i` of row `l` to lane `l` of vector `i`.
#[inline(always)]
fn gather<const LIMBS: usize>(rows: [&[f64; LIMBS]; LANES_MAX]) -> [__m256d; LIMBS] {
    let mut limbs = [op::splat_f(0.0); LIMBS];
    for (pair, limbs) in limbs.as_chunks_mut::<2>().0.iter_mut().enumerate() {
        let of = |lane: usize| op::load_pair(&rows[lane].as_chunks().0[pair]);
        let (even, odd) = (op::join(of(0), of(2)), op::join(of(1), of(3)));
        *limbs = [
            op::interleave_low(even, odd),
            op::interleave_high(even, odd),
        ];
    }
    limbs
}

/// The reverse of [`gather`].
#[inline(always)]
fn scatter<const LIMBS: usize>(limbs: &[__m256d; LIMBS]) -> [[f64; LIMBS]; LANES_MAX] {
    let mut rows = [[0.0; LIMBS]; LANES_MAX];
    for (pair, [even, odd]) in limbs.as_chunks().0.iter().enumerate() {
        for (row, pair_of_row) in rows.iter_mut().zip(pairs(*even, *odd)) {
            op::store_pair(&mut row.as_chunks_mut().0[pair], pair_of_row);
        }
    }
    rows
}

/// Two limbs of each lane side by side.
#[inline(always)]
fn pairs(even: __m256d, odd: __m256d) -> [__m128d; 4] {
    let (low, high) = (
        op::interleave_low(even, odd),
        op::interleave_high(even, odd),
    );
    [
        op::low_half(low),
        op::low_half(high),
        op::high_half(low),
        op::high_half(high),
    ]
}

#[inline(always)]
fn elements<const N: usize>(limbs: &[__m256d]) -> [Field; N] {
    let mut out = [Field([op::splat_f(0.0); 5]); N];
    for (i, element) in out.iter_mut().enumerate() {
        element.0.copy_from_slice(&limbs[5 * i..5 * i + 5]);
    }
    out
}

#[inline(always)]
fn flatten<const N: usize, const LIMBS: usize>(elements: &[Field; N]) -> [__m256d; LIMBS] {
    let mut limbs = [op::splat_f(0.0); LIMBS];
    for (i, element) in elements.iter().enumerate() {
        limbs[5 * i..5 * i + 5].copy_from_slice(&element.0);
    }
    limbs
}
