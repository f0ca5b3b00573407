//! Does the arithmetic of an instruction set agree with big integers and with curve25519-dalek?
//!
//! Every function here runs the same checks for any [`LaneField`]; each backend calls them with its own.

use sha2::{Digest as _, Sha512};

use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT, EIGHT_TORSION};
use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::Identity as _;

use super::field::{Limbs, constants};
use super::runs::best_width;
use super::{Digits, LANES_MAX, LaneField, Niels, Point, Scratch, decode, runs, sum_is_small};

/// A number below 2^256 as four words, little endian: the plain arithmetic everything is compared with.
pub(in crate::backend) type Words = [u64; 4];

/// p = 2^255 - 19.
pub(in crate::backend) const P: Words = [u64::MAX - 18, u64::MAX, u64::MAX, u64::MAX >> 1];

/// Product mod p, by schoolbook multiplication and bit-by-bit division.
pub(in crate::backend) fn mul_mod(a: &Words, b: &Words) -> Words {
    let mut wide = [0_u64; 8];
    for i in 0..4 {
        let mut carry = 0_u128;
        for j in 0..4 {
            carry += u128::from(wide[i + j]) + u128::from(a[i]) * u128::from(b[j]);
            wide[i + j] = carry as u64;
            carry >>= 64;
        }
        wide[i + 4] = carry as u64;
    }
    let mut rest = [0; 4];
    for bit in (0..512).rev() {
        // rest < p < 2^255, so doubling does not overflow.
        for i in (0..4).rev() {
            rest[i] = rest[i] << 1 | if i > 0 { rest[i - 1] >> 63 } else { 0 };
        }
        rest[0] |= wide[bit / 64] >> (bit % 64) & 1;
        rest = once_mod(&rest);
    }
    rest
}

/// `x` or `x - p`, whichever is below p, for x < 2p.
fn once_mod(x: &Words) -> Words {
    let (mut out, mut borrow) = ([0; 4], false);
    for i in 0..4 {
        let (d, b1) = x[i].overflowing_sub(P[i]);
        let (d, b2) = d.overflowing_sub(u64::from(borrow));
        (out[i], borrow) = (d, b1 || b2);
    }
    if borrow { *x } else { out }
}

/// Sum mod p.
pub(in crate::backend) fn add_mod(a: &Words, b: &Words) -> Words {
    let (a, b) = (mul_mod(a, &[1, 0, 0, 0]), mul_mod(b, &[1, 0, 0, 0]));
    let (mut out, mut carry) = ([0; 4], 0_u128);
    for i in 0..4 {
        carry += u128::from(a[i]) + u128::from(b[i]);
        out[i] = carry as u64;
        carry >>= 64;
    }
    once_mod(&out)
}

/// p - x for 0 < x < p.
pub(in crate::backend) fn negate_mod(x: &Words) -> Words {
    mul_mod(x, &[P[0] - 1, P[1], P[2], P[3]])
}

/// A number below 2^255 from a label, the same in every run.
pub(in crate::backend) fn random_words(label: &str) -> Words {
    let hash = Sha512::digest(label);
    let mut words = std::array::from_fn(|i| {
        u64::from_le_bytes(*hash[8 * i..].first_chunk().expect("64 bytes"))
    });
    words[3] &= u64::MAX >> 1;
    words
}

/// Numbers where something may go wrong, then random ones; a multiple of eight.
pub(in crate::backend) fn edge_words() -> Vec<Words> {
    let p = |d: i64| [P[0].wrapping_add_signed(d), P[1], P[2], P[3]];
    let mut all = vec![
        [0; 4],
        [1, 0, 0, 0],
        [2, 0, 0, 0],
        [19, 0, 0, 0],
        p(-2),
        p(-1),
        p(0),
        p(1),
        p(18),
        [0, 0, 0, 1 << 62],
        [u64::MAX, u64::MAX, u64::MAX, u64::MAX >> 1],
        [(1 << 51) - 1, 0, 0, 0],
        [1 << 51, 0, 0, 0],
    ];
    // Every limb of 51 bits alone at its bound.
    for bit in [51, 102, 153, 204] {
        for below in [0, 1] {
            let mut words = [0_u64; 4];
            for b in bit - below * 51..bit + 1 - below {
                words[b / 64] |= 1 << (b % 64);
            }
            all.push(words);
        }
    }
    let random = 64 - all.len();
    all.extend((0..random).map(|i| random_words(&format!("edge {i}"))));
    all
}

/// The vector of these numbers, and back.
fn lanes<F: LaneField>(isa: F::Isa, words: &[Words]) -> F {
    let mut columns = [[0; LANES_MAX]; 4];
    for (lane, words) in words.iter().enumerate() {
        for i in 0..4 {
            columns[i][lane] = words[i];
        }
    }
    F::from_words(isa, &columns)
}

fn words<F: LaneField>(element: F) -> Vec<Words> {
    let columns = element.to_words();
    (0..F::LANES)
        .map(|lane| columns.map(|column| column[lane]))
        .collect()
}

fn limbs_words(limbs: &Limbs) -> Words {
    let mut words = [0; 4];
    for (i, limb) in limbs.iter().enumerate() {
        let bit = 51 * i;
        words[bit / 64] |= limb << (bit % 64);
        if bit % 64 > 13 && bit / 64 < 3 {
            words[bit / 64 + 1] |= limb >> (64 - bit % 64);
        }
    }
    words
}

/// Every operation of the field on every pair of edges.
pub(in crate::backend) fn field_agrees<F: LaneField>(isa: F::Isa) {
    let edges = edge_words();
    let one = [1, 0, 0, 0];
    let all = F::mask(isa, u8::MAX);
    for shift in 0..edges.len() {
        for start in (0..edges.len()).step_by(F::LANES) {
            let a: Vec<Words> = (0..F::LANES).map(|i| edges[start + i]).collect();
            let b: Vec<Words> = (0..F::LANES)
                .map(|i| edges[(start + i + shift) % edges.len()])
                .collect();
            let (x, y) = (lanes::<F>(isa, &a), lanes::<F>(isa, &b));
            let product = words(x.mul(y));
            let sum = words(x.add(y));
            let difference = words(x.sub(y));
            let negated = words(x.negate_if(all).mul(y));
            // 4 xy - 2 yy, the widest there may be; and with both factors negated.
            let quad = |x: F, y: F| {
                let (p, q) = (x.mul_wide(y), y.square_wide());
                let p2 = F::wide_add(p, p);
                F::reduce(F::wide_sub(F::wide_add(p2, p2), F::wide_add(q, q)))
            };
            let widest = words(quad(x, y));
            let widest_negated = words(quad(x.negate_if(all), y.negate_if(all)));
            for lane in 0..F::LANES {
                let (a, b) = (&a[lane], &b[lane]);
                let xy = mul_mod(a, b);
                assert_eq!(product[lane], xy, "{a:x?} * {b:x?}");
                assert_eq!(sum[lane], add_mod(a, b), "{a:x?} + {b:x?}");
                let minus = add_mod(a, &negate_mod(b));
                assert_eq!(difference[lane], minus, "{a:x?} - {b:x?}");
                assert_eq!(negated[lane], negate_mod(&xy), "-{a:x?} * {b:x?}");
                let yy = mul_mod(b, b);
                let expected = add_mod(
                    &mul_mod(&xy, &[4, 0, 0, 0]),
                    &negate_mod(&mul_mod(&yy, &[2, 0, 0, 0])),
                );
                assert_eq!(widest[lane], expected, "4 * {a:x?} * {b:x?} - 2 yy");
                assert_eq!(widest_negated[lane], expected, "the same, negated");
            }
            let squares = words(x.square());
            let (zero, odd) = (F::mask_bits(x.is_zero()), F::mask_bits(x.is_odd()));
            for lane in 0..F::LANES {
                let least = mul_mod(&a[lane], &one);
                assert_eq!(words(x)[lane], least);
                assert_eq!(squares[lane], mul_mod(&a[lane], &a[lane]));
                assert_eq!(zero >> lane & 1 == 1, least == [0; 4]);
                assert_eq!(odd >> lane & 1 == 1, least[0] & 1 == 1);
            }
        }
    }
}

/// Rows hold what was stored, each lane its own; selections take the lanes they should.
pub(in crate::backend) fn lanes_keep_apart<F: LaneField>(isa: F::Isa) {
    let numbers: Vec<Words> = (0..4 * F::LANES)
        .map(|i| random_words(&format!("row {i}")))
        .collect();
    let element = |k: usize| lanes::<F>(isa, &numbers[k * F::LANES..][..F::LANES]);
    let four = [element(0), element(1), element(2), element(3)];
    let three = [element(0), element(1), element(2)];
    // Lane i from row (3 i + 1) mod LANES.
    let turn = |i: usize| (3 * i + 1) % F::LANES;
    let rows = F::store3(&three);
    let back = F::load3(isa, std::array::from_fn(|i| &rows[turn(i % F::LANES)]));
    for (k, element) in back.iter().enumerate() {
        for (i, words) in words(*element).iter().enumerate() {
            assert_eq!(*words, numbers[k * F::LANES + turn(i)]);
        }
    }
    let rows = F::store4(&four);
    let back = F::load4(isa, std::array::from_fn(|i| &rows[turn(i % F::LANES)]));
    for (k, element) in back.iter().enumerate() {
        for (i, words) in words(*element).iter().enumerate() {
            assert_eq!(*words, numbers[k * F::LANES + turn(i)]);
        }
    }
    for bits in 0..1_u16 << F::LANES {
        let mask = F::mask(isa, bits as u8);
        assert_eq!(F::mask_bits(mask), bits as u8);
        let chosen = words(F::select(mask, four[0], four[1]));
        let negated = words(four[0].negate_if(mask).mul(F::splat(isa, &constants::ONE)));
        for i in 0..F::LANES {
            let set = bits >> i & 1 == 1;
            let (yes, no) = (numbers[i], numbers[F::LANES + i]);
            assert_eq!(chosen[i], if set { yes } else { no });
            assert_eq!(negated[i], if set { negate_mod(&yes) } else { yes });
        }
    }
}

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

#[test]
fn the_constants_are_those_of_the_curve() {
    let d = limbs_words(&constants::D);
    let i = limbs_words(&constants::SQRT_MINUS_ONE);
    assert_eq!(
        mul_mod(&d, &[121_666, 0, 0, 0]),
        negate_mod(&[121_665, 0, 0, 0])
    );
    assert_eq!(limbs_words(&constants::D2), add_mod(&d, &d));
    let inverse = limbs_words(&constants::D_INVERSE);
    assert_eq!(mul_mod(&d, &inverse), [1, 0, 0, 0]);
    assert_eq!(mul_mod(&i, &i), negate_mod(&[1, 0, 0, 0]));
}
