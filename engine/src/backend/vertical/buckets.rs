//! Is eight times a sum of many multiples of points the identity? Pippenger's buckets, several at a time.
//!
//! As many windows as there are lanes are worked on together. First every lane adds up runs of points (see
//! [`super::runs`]), its sum staying in registers until the run ends. Then lane and window are the same: the sums are
//! weighed with their digits in all windows side by side.

use super::field::constants::{ONE, ZERO};
use super::runs::{Digits, LONG_BITS, Piece, Runs, window_count};
use super::{LANES_MAX, LaneField, Niels, Point};

/// Vectors of runs at a time, so that one has something to multiply while the other carries.
const VECTORS: usize = 2;

/// Room to work in, kept from sum to sum.
pub(in crate::backend) struct Scratch<F: LaneField> {
    pub(super) runs: Runs,
    /// Sum of every run: `LANES` windows of the same bucket side by side; then those of further pieces.
    pub(super) sums: Vec<F::Row4>,
}

impl<F: LaneField> Scratch<F> {
    pub(in crate::backend) fn new() -> Self {
        Self {
            runs: Runs::new(),
            sums: Vec::new(),
        }
    }
}

/// True when eight times the sum of all scalars times their points is the identity.
///
/// - `points`: affine, one a term of `digits`.
#[inline(always)]
pub(in crate::backend) fn sum_is_small<F: LaneField>(
    isa: F::Isa,
    points: &[&F::Row3],
    digits: &Digits<'_>,
    scratch: &mut Scratch<F>,
) -> bool {
    assert_eq!(points.len(), digits.terms, "a scalar a point");
    let width = digits.width;
    let groups = window_count(LONG_BITS, width).div_ceil(F::LANES);
    let mut total = Point::<F>::identity(isa);
    for group in (0..groups).rev() {
        scratch.runs.sort(digits, group * F::LANES, F::LANES);
        fill(isa, points, scratch);
        let sums = weigh(isa, &scratch.sums[F::LANES..scratch.runs.count()]);
        if group + 1 < groups {
            total = double_times(total, F::LANES * width).add_cached(&sums.cached(isa));
        } else {
            total = sums;
        }
    }
    let sum = across(isa, &total, width);
    double_times(sum, 3).is_identity() & 1 == 1
}

/// Adds up every piece into its place among the sums; a run of no points makes the identity.
#[inline(always)]
pub(super) fn fill<F: LaneField>(isa: F::Isa, points: &[&F::Row3], scratch: &mut Scratch<F>) {
    let Scratch { runs, sums } = scratch;
    let identity = Point::<F>::identity(isa).store()[0];
    sums.resize(runs.count() + runs.further.len(), identity);
    for run in runs.without_piece() {
        sums[run] = identity;
    }
    let (zero, one) = (F::splat(isa, &ZERO), F::splat(isa, &ONE));
    let idle = F::store3(&[one, one, zero])[0];
    for pieces in runs.pieces.chunks(VECTORS * F::LANES) {
        let mut lanes = [[Piece::default(); LANES_MAX]; VECTORS];
        for (i, piece) in pieces.iter().enumerate() {
            lanes[i / F::LANES][i % F::LANES] = *piece;
        }
        let mut accumulated = [Point::<F>::identity(isa); VECTORS];
        for v in 0..VECTORS {
            accumulated[v] = Point::from_niels(
                isa,
                &entry_points(isa, points, runs, &mut lanes[v], 0, &idle),
            );
        }
        for step in 1..pieces[0].length {
            for v in 0..VECTORS {
                let next = entry_points(isa, points, runs, &mut lanes[v], step, &idle);
                accumulated[v] = accumulated[v].add_niels(&next);
            }
        }
        for (v, pieces) in pieces.chunks(F::LANES).enumerate() {
            let rows = accumulated[v].store();
            for (piece, row) in pieces.iter().zip(rows) {
                sums[piece.sum as usize] = row;
            }
        }
    }
    for (i, run) in runs.further.iter().enumerate() {
        let further = Point::<F>::load(isa, [&sums[runs.count() + i]; LANES_MAX]);
        let sum = Point::<F>::load(isa, [&sums[*run as usize]; LANES_MAX]);
        sums[*run as usize] = sum.add_cached(&further.cached(isa)).store()[0];
    }
}

/// In each lane, the next point of its piece with its sign; `idle` where the piece has no point number `step`.
#[inline(always)]
fn entry_points<F: LaneField>(
    isa: F::Isa,
    points: &[&F::Row3],
    runs: &Runs,
    pieces: &mut [Piece; LANES_MAX],
    step: u16,
    idle: &F::Row3,
) -> Niels<F> {
    let mut rows = [idle; LANES_MAX];
    let mut negative = 0;
    for lane in 0..F::LANES {
        let piece = &mut pieces[lane];
        if step < piece.length {
            let point = usize::from(piece.entry / 2);
            rows[lane] = points[point];
            negative |= ((piece.entry & 1) as u8) << lane;
            piece.entry = runs.before(piece, point);
            if step + 1 < piece.length {
                F::prefetch(isa, points[usize::from(piece.entry / 2)]);
            }
        }
    }
    Niels::load_signed(isa, rows, negative)
}

/// In each lane, every bucket times its digit: the sum of the sums from each bucket up.
#[inline(always)]
pub(super) fn weigh<F: LaneField>(isa: F::Isa, sums: &[F::Row4]) -> Point<F> {
    let buckets = sums.len() / F::LANES;
    let mut above = bucket::<F>(isa, sums, buckets - 1);
    let mut total = Point::identity(isa);
    for b in (0..buckets - 1).rev() {
        // The two additions do not wait for each other.
        total = total.add_cached(&above.cached(isa));
        above = above.add_cached(&bucket::<F>(isa, sums, b).cached(isa));
    }
    total.add_cached(&above.cached(isa))
}

/// In each lane, the sum of bucket `b`.
#[inline(always)]
fn bucket<F: LaneField>(isa: F::Isa, sums: &[F::Row4], b: usize) -> Point<F> {
    let rows = &sums[b * F::LANES..(b + 1) * F::LANES];
    Point::load(isa, std::array::from_fn(|i| &rows[i % F::LANES]))
}

/// The sum over all lanes, lane `l` times 2^(l * width); in every lane the same.
#[inline(always)]
fn across<F: LaneField>(isa: F::Isa, point: &Point<F>, width: usize) -> Point<F> {
    let rows = point.store();
    let mut sum = Point::<F>::load(isa, [&rows[F::LANES - 1]; LANES_MAX]);
    for l in (0..F::LANES - 1).rev() {
        let lane = Point::<F>::load(isa, [&rows[l]; LANES_MAX]);
        sum = double_times(sum, width).add_cached(&lane.cached(isa));
    }
    sum
}

/// 2^times as much.
#[inline(always)]
pub(super) fn double_times<F: LaneField>(mut point: Point<F>, times: usize) -> Point<F> {
    for _ in 1..times {
        point = point.double_without_t();
    }
    point.double()
}
