//! Which points do these 32-byte encodings mean, many at a time?
//!
//! By the rule of the ledger: y is the low 255 bits mod p, also when they are p or more, and the sign bit is applied
//! also when x = 0.

use super::field::constants::{D, D2, ONE, SQRT_MINUS_ONE};
use super::{LANES_MAX, LaneField, Niels};

/// Vectors decoded at a time: with three chains of squarings no multiplier waits for a result.
const VECTORS: usize = 3;

/// Appends the point of each encoding to `points` and whether there is one to `valid`; where there is none, the point
/// means nothing.
///
/// Cost: 255 squarings and 22 multiplications a vector.
#[inline(always)]
pub(in crate::backend) fn decode<F: LaneField>(
    isa: F::Isa,
    encodings: &[&[u8; 32]],
    points: &mut Vec<F::Row3>,
    valid: &mut Vec<bool>,
) {
    let mut rest = encodings;
    while !rest.is_empty() {
        rest = if rest.len() > 2 * F::LANES {
            decode_vectors::<F, VECTORS>(isa, rest, points, valid)
        } else if rest.len() > F::LANES {
            decode_vectors::<F, 2>(isa, rest, points, valid)
        } else {
            decode_vectors::<F, 1>(isa, rest, points, valid)
        };
    }
}

/// Decodes up to `K` vectors of encodings and returns those left.
#[inline(always)]
fn decode_vectors<'a, 'b, F: LaneField, const K: usize>(
    isa: F::Isa,
    encodings: &'a [&'b [u8; 32]],
    points: &mut Vec<F::Row3>,
    valid: &mut Vec<bool>,
) -> &'a [&'b [u8; 32]] {
    let (now, later) = encodings.split_at(encodings.len().min(K * F::LANES));
    let one = F::splat(isa, &ONE);
    let mut y = [one; K];
    let mut signs = [0; K];
    for (k, lanes) in now.chunks(F::LANES).enumerate() {
        let mut words = [[0; LANES_MAX]; 4];
        for (lane, encoding) in lanes.iter().enumerate() {
            for (i, word) in encoding.as_chunks::<8>().0.iter().enumerate() {
                words[i][lane] = u64::from_le_bytes(*word);
            }
            signs[k] |= (words[3][lane] >> 63) as u8 * (1 << lane);
        }
        y[k] = F::from_words(isa, &words);
    }
    let (niels, squares) = points_of(isa, y, signs);
    for (k, lanes) in now.chunks(F::LANES).enumerate() {
        let rows = F::store3(&[niels[k].sum, niels[k].difference, niels[k].t2d]);
        points.extend_from_slice(&rows[..lanes.len()]);
        for lane in 0..lanes.len() {
            valid.push(squares[k] >> lane & 1 == 1);
        }
    }
    later
}

/// The points with these y, x odd where `signs` says so, and lanes where there is one.
///
/// x^2 = u/v with u = y^2 - 1 and v = d y^2 + 1. With r = u v^3 (u v^7)^((p - 5)/8), v r^2 is u, -u, or u times a root of
/// -1 of either sign; in the first case x = r, in the second r times a root of -1, else u/v is no square (RFC 8032,
/// section 5.1.3).
#[inline(always)]
fn points_of<F: LaneField, const K: usize>(
    isa: F::Isa,
    y: [F; K],
    signs: [u8; K],
) -> ([Niels<F>; K], [u8; K]) {
    let one = F::splat(isa, &ONE);
    let d = F::splat(isa, &D);
    let (mut u, mut v, mut uv3, mut uv7) = (y, y, y, y);
    for k in 0..K {
        let yy = y[k].square();
        u[k] = yy.sub(one);
        v[k] = yy.mul(d).add(one);
        let v3 = v[k].square().mul(v[k]);
        uv3[k] = u[k].mul(v3);
        uv7[k] = uv3[k].mul(v3.mul(v[k]));
    }
    let power = power_p58(uv7);
    let mut points = [Niels {
        sum: one,
        difference: one,
        t2d: one,
    }; K];
    let mut squares = [0; K];
    for k in 0..K {
        let root = uv3[k].mul(power[k]);
        let vxx = v[k].mul(root.square());
        let is_u = vxx.sub(u[k]).is_zero();
        let is_minus_u = vxx.add(u[k]).is_zero();
        let turned = root.mul(F::splat(isa, &SQRT_MINUS_ONE));
        let root = F::select(is_minus_u, turned, root);
        squares[k] = F::mask_bits(is_u) | F::mask_bits(is_minus_u);
        // Negated numbers may only be multiplied; a product with 1 makes it one that may be added.
        let flip = F::mask(isa, F::mask_bits(root.is_odd()) ^ signs[k]);
        let x = root.negate_if(flip).mul(one);
        points[k] = Niels {
            sum: y[k].add(x),
            difference: y[k].sub(x),
            t2d: x.mul(y[k]).mul(F::splat(isa, &D2)),
        };
    }
    (points, squares)
}

/// `x^((p - 5)/8)`, which is `x^(2^252 - 3)`. 252 squarings and 11 multiplications.
#[inline(always)]
fn power_p58<F: LaneField, const K: usize>(x: [F; K]) -> [F; K] {
    // `ones(n)` stands for x^(2^n - 1).
    let x2 = square_times(x, 1);
    let x9 = product(x, square_times(x2, 2));
    let x11 = product(x2, x9);
    let ones_5 = product(x9, square_times(x11, 1));
    let ones_10 = product(ones_5, square_times(ones_5, 5));
    let ones_20 = product(ones_10, square_times(ones_10, 10));
    let ones_40 = product(ones_20, square_times(ones_20, 20));
    let ones_50 = product(ones_10, square_times(ones_40, 10));
    let ones_100 = product(ones_50, square_times(ones_50, 50));
    let ones_200 = product(ones_100, square_times(ones_100, 100));
    let ones_250 = product(ones_50, square_times(ones_200, 50));
    product(x, square_times(ones_250, 2))
}

#[inline(always)]
fn square_times<F: LaneField, const K: usize>(mut x: [F; K], times: usize) -> [F; K] {
    for _ in 0..times {
        for k in 0..K {
            x[k] = x[k].square();
        }
    }
    x
}

#[inline(always)]
fn product<F: LaneField, const K: usize>(mut x: [F; K], y: [F; K]) -> [F; K] {
    for k in 0..K {
        x[k] = x[k].mul(y[k]);
    }
    x
}
