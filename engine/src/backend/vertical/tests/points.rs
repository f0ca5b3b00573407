//! Do points, their encodings and sums of their multiples agree with curve25519-dalek?

use sha2::{Digest as _, Sha512};

use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT, EIGHT_TORSION};
use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::Identity as _;

use crate::backend::scalar::tests::inputs;
use crate::backend::vertical::runs::{self, best_width};
use crate::backend::vertical::{
    Digits, LANES_MAX, LaneField, Niels, Point, Scratch, decode, sum_is_small,
};

/// Points of every kind: identity, torsion, multiples of B, and sums of the two.
fn some_points(count: usize) -> Vec<EdwardsPoint> {
    let multiple = |i: usize| ED25519_BASEPOINT_POINT * scalar(&format!("point {i}"));
    (0..count)
        .map(|i| match i % 4 {
            0 => EIGHT_TORSION[i / 4 % 8],
            1 => multiple(i) + EIGHT_TORSION[i / 4 % 8],
            2 => -multiple(i),
            _ => multiple(i / 8),
        })
        .collect()
}

fn scalar(label: &str) -> Scalar {
    Scalar::from_bytes_mod_order_wide(&Sha512::digest(label).into())
}

/// Decoded rows of points that exist.
fn rows<F: LaneField>(isa: F::Isa, points: &[EdwardsPoint]) -> Vec<F::Row3> {
    let encodings: Vec<_> = points.iter().map(|p| p.compress().0).collect();
    let (mut rows, mut valid) = (Vec::new(), Vec::new());
    decode::<F>(
        isa,
        &encodings.iter().collect::<Vec<_>>(),
        &mut rows,
        &mut valid,
    );
    assert!(valid.iter().all(|v| *v));
    rows
}

/// True when a lane of `point` is `expected`: as affine coordinates, which dalek gives away in the encoding only.
fn lane_is<F: LaneField>(
    isa: F::Isa,
    point: &Point<F>,
    lane: usize,
    expected: &EdwardsPoint,
) -> bool {
    let niels = rows::<F>(isa, &[-expected]);
    let minus = Niels::<F>::load_signed(isa, [&niels[0]; LANES_MAX], 0);
    let difference = point.add_niels(&minus);
    // T is part of the claim: it takes part in the next addition.
    let again = difference.add_niels(&Niels::load_signed(isa, [&niels[0]; LANES_MAX], u8::MAX));
    let back = again.add_niels(&minus);
    let identities =
        difference.is_identity() & back.is_identity() & difference.double().is_identity();
    identities >> lane & 1 == 1
}

/// Additions of all kinds and doublings, against dalek's.
pub(in crate::backend) fn points_agree<F: LaneField>(isa: F::Isa) {
    let points = some_points(64);
    let all = rows::<F>(isa, &points);
    // Of the points with x = 0 one is the identity; no multiple by eight is ever the other.
    for (i, row) in all.iter().enumerate() {
        let point = Niels::<F>::load_signed(isa, [row; LANES_MAX], 0);
        let lanes = Point::from_niels(isa, &point).is_identity().count_ones();
        let is_identity = points[i] == EdwardsPoint::identity();
        assert_eq!(lanes as usize, if is_identity { F::LANES } else { 0 });
    }
    for start in (0..points.len()).step_by(F::LANES) {
        for shift in [0, 1, 4, 13, 32] {
            let (a, b) = (
                |i: usize| (start + i % F::LANES) % points.len(),
                |i: usize| (start + i % F::LANES + shift) % points.len(),
            );
            let left = Niels::<F>::load_signed(isa, std::array::from_fn(|i| &all[a(i)]), 0);
            let right = Niels::<F>::load_signed(isa, std::array::from_fn(|i| &all[b(i)]), 0);
            let minus =
                Niels::<F>::load_signed(isa, std::array::from_fn(|i| &all[b(i)]), 0b1010_0110);
            let left = Point::from_niels(isa, &left);
            let sum = left.add_niels(&right);
            let signed = left.add_niels(&minus);
            let cached = left.add_cached(&Point::from_niels(isa, &right).cached(isa));
            let stored = sum.double_without_t().store();
            let loaded =
                Point::<F>::load(isa, std::array::from_fn(|i| &stored[i % F::LANES])).double();
            for lane in 0..F::LANES {
                let (a, b) = (points[a(lane)], points[b(lane)]);
                assert!(lane_is(isa, &left, lane, &a), "lane {lane} alone");
                assert!(lane_is(isa, &sum, lane, &(a + b)), "lane {lane} sum");
                assert!(lane_is(isa, &cached, lane, &(a + b)), "lane {lane} cached");
                assert!(
                    lane_is(isa, &loaded, lane, &((a + b) * Scalar::from(4_u64))),
                    "lane {lane} doubled"
                );
                let negative = 0b1010_0110 >> lane & 1 == 1;
                let expected = if negative { a - b } else { a + b };
                assert!(lane_is(isa, &signed, lane, &expected), "lane {lane} signed");
            }
        }
    }
}

/// A long way over points, by every operation in turn: one wrong result makes all that follow wrong.
pub(in crate::backend) fn walks_agree<F: LaneField>(isa: F::Isa) {
    let points = some_points(64);
    let all = rows::<F>(isa, &points);
    let mut ours = Point::<F>::identity(isa);
    let mut theirs = [EdwardsPoint::identity(); LANES_MAX];
    let steps = (inputs() / F::LANES).next_multiple_of(500);
    for step in 0..steps {
        let of = |lane: usize| (7 * step + 13 * lane + step / 64) % points.len();
        let negative = (step as u8).wrapping_mul(0b1011_0101);
        let next = Niels::<F>::load_signed(
            isa,
            std::array::from_fn(|i| &all[of(i % F::LANES)]),
            negative,
        );
        ours = match step % 4 {
            0 => ours.add_niels(&next),
            1 => ours.add_cached(&Point::from_niels(isa, &next).cached(isa)),
            2 => ours.double().add_niels(&next),
            _ => ours.double_without_t().double().add_niels(&next),
        };
        for (lane, sum) in theirs.iter_mut().enumerate().take(F::LANES) {
            let doubled = (0..[0, 0, 1, 2][step % 4]).fold(*sum, |sum, _| sum + sum);
            let point = points[of(lane)];
            *sum = doubled
                + if negative >> lane & 1 == 1 {
                    -point
                } else {
                    point
                };
        }
        if step % 500 == 499 {
            for (lane, expected) in theirs.iter().enumerate().take(F::LANES) {
                assert!(
                    lane_is(isa, &ours, lane, expected),
                    "step {step} lane {lane}"
                );
            }
        }
    }
}

/// The same bytes are points as for dalek, and the same ones, however many are decoded together.
pub(in crate::backend) fn decoding_agrees<F: LaneField>(isa: F::Isa) {
    let mut encodings: Vec<[u8; 32]> = some_points(40).iter().map(|p| p.compress().0).collect();
    // Anything at all: half of these are points. Then y near 0 and near p, and all ones, with either sign.
    encodings.extend((0..200).map(|i| -> [u8; 32] {
        Sha512::digest(format!("encoding {i}"))[..32]
            .try_into()
            .expect("64 bytes")
    }));
    for low in 0..=u8::MAX {
        for (rest, top) in [(0xff, 0x7f), (0xff, 0xff), (0, 0), (0, 0x80)] {
            let mut bytes = [rest; 32];
            (bytes[0], bytes[31]) = (low, top);
            encodings.push(bytes);
        }
    }
    let lengths = [
        1,
        2,
        7,
        8,
        9,
        15,
        16,
        17,
        23,
        24,
        25,
        31,
        48,
        49,
        encodings.len(),
    ];
    for length in lengths {
        for part in encodings.chunks(length).take(40) {
            let (mut found, mut valid) = (Vec::new(), Vec::new());
            decode::<F>(
                isa,
                &part.iter().collect::<Vec<_>>(),
                &mut found,
                &mut valid,
            );
            assert_eq!((found.len(), valid.len()), (part.len(), part.len()));
            for (i, bytes) in part.iter().enumerate() {
                let expected = CompressedEdwardsY(*bytes).decompress();
                assert_eq!(valid[i], expected.is_some(), "{bytes:x?}");
                if let Some(expected) = expected {
                    let point = Niels::<F>::load_signed(isa, [&found[i]; LANES_MAX], 0);
                    let point = Point::from_niels(isa, &point);
                    assert!(lane_is(isa, &point, F::LANES - 1, &expected), "{bytes:x?}");
                }
            }
        }
    }
}

/// Sums that are small and sums that are not, of every make-up that changes the way: many and few terms, long and short
/// scalars, digits that are all in one bucket.
pub(in crate::backend) fn sums_agree<F: LaneField>(isa: F::Isa) {
    let points = some_points(300);
    let mut scratch = Scratch::<F>::new();
    for (long, short) in [
        (1, 0),
        (1, 1),
        (2, 7),
        (9, 60),
        (65, 64),
        (150, 149),
        (3, 290),
    ] {
        for kind in 0..3 {
            let mut scalars: Vec<Scalar> = (0..long + short)
                .map(|i| match kind {
                    0 => scalar(&format!("term {i}")),
                    1 => Scalar::from(i as u64 % 3),
                    _ => -Scalar::from(i as u64 % 5),
                })
                .collect();
            for s in &mut scalars[long..] {
                let low = s.to_bytes().first_chunk().map(|b| u128::from_le_bytes(*b));
                *s = Scalar::from(low.expect("32 bytes"));
            }
            let mut terms = points[..long + short].to_vec();
            // Term 0 takes back what the others make: its point is minus their sum, its scalar 1.
            scalars[0] = Scalar::ONE;
            terms[0] = -(1..terms.len()).fold(EdwardsPoint::identity(), |sum, i| {
                sum + terms[i] * scalars[i]
            });
            let small = sum_of::<F>(isa, &terms, &scalars, long, &mut scratch);
            assert!(small, "{long} {short} {kind}");
            terms[0] += EIGHT_TORSION[long % 8];
            let small = sum_of::<F>(isa, &terms, &scalars, long, &mut scratch);
            assert!(small, "{long} {short} {kind} and torsion");
            let last = terms.len() - 1;
            terms[last / 2] += ED25519_BASEPOINT_POINT;
            let expected = scalars[last / 2] == Scalar::ZERO;
            let small = sum_of::<F>(isa, &terms, &scalars, long, &mut scratch);
            assert_eq!(small, expected, "{long} {short} {kind} and B");
        }
    }
}

fn sum_of<F: LaneField>(
    isa: F::Isa,
    points: &[EdwardsPoint],
    scalars: &[Scalar],
    long: usize,
    scratch: &mut Scratch<F>,
) -> bool {
    let rows = rows::<F>(isa, points);
    let words = |s: &Scalar| -> [u64; 4] {
        std::array::from_fn(|i| u64::from_le_bytes(s.as_bytes().as_chunks().0[i]))
    };
    let (first, rest) = scalars.split_at(long);
    let first: Vec<_> = first.iter().map(words).collect();
    let rest: Vec<_> = rest
        .iter()
        .map(words)
        .map(|w| u128::from(w[0]) | u128::from(w[1]) << 64)
        .collect();
    let width = best_width(long, rest.len(), F::LANES);
    let (values, stride) = runs::tests::written(&first, &rest, width);
    let digits = Digits {
        values: &values,
        stride,
        width,
        long,
        terms: points.len(),
    };
    sum_is_small(isa, &rows.iter().collect::<Vec<_>>(), &digits, scratch)
}
