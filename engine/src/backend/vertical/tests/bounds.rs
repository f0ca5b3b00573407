//! Is the field right where limbs are as large as they may be, in every position at once?
//!
//! Numbers that come out of operations rarely have such limbs, so here they are put together limb by limb.

use super::numbers::{Words, add_mod, limbs_mod, mul_mod, negate_mod, words};
use crate::backend::scalar::tests::inputs;
use crate::backend::vertical::{LANES_MAX, LaneField};

type SignedLimbs = [i64; 5];

/// Pairs of numbers with nothing but extremes.
const EXTREMES: usize = 1 << 10;

/// Every operation on numbers with limbs between the stated bounds: all pairs with nothing but extremes, and mixtures of
/// extremes, their neighbours, numbers around zero and random ones.
pub(in crate::backend) fn bounds_agree<F: LaneField>(isa: F::Isa) {
    for start in (0..EXTREMES + inputs()).step_by(F::LANES) {
        let pairs = |limbs| -> Vec<_> {
            let numbers = start..start + F::LANES;
            numbers.map(|number| pair(limbs, number)).collect()
        };
        let reduced = pairs(F::REDUCED_LIMBS);
        reduced_agree::<F>(isa, &reduced);
        factors_agree::<F>(isa, &reduced);
        factors_agree::<F>(isa, &pairs(F::FACTOR_LIMBS));
        let pairs = &pairs(F::WIDE_LIMBS);
        let wide = F::wide_from_limbs(isa, &lanes(pairs, |pair| pair.0));
        for ((limbs, _), got) in pairs.iter().zip(words(F::reduce(wide))) {
            assert_eq!(got, limbs_mod(*limbs), "{limbs:x?} reduced");
        }
    }
}

/// What any reduced numbers may be given to.
fn reduced_agree<F: LaneField>(isa: F::Isa, pairs: &[(SignedLimbs, SignedLimbs)]) {
    let (x, y) = vectors::<F>(isa, pairs);
    let (values, sums, differences) = (words(x), words(x.add(y)), words(x.sub(y)));
    let (zero, odd) = (F::mask_bits(x.is_zero()), F::mask_bits(x.is_odd()));
    let negated = words(x.negate_if(F::mask(isa, u8::MAX)).mul(y));
    for (lane, (a, b)) in pairs.iter().enumerate() {
        let (x, y) = (limbs_mod(*a), limbs_mod(*b));
        assert_eq!(values[lane], x, "{a:x?}");
        assert_eq!(sums[lane], add_mod(&x, &y), "{a:x?} + {b:x?}");
        let difference = add_mod(&x, &negate_mod(&y));
        assert_eq!(differences[lane], difference, "{a:x?} - {b:x?}");
        let minus = negate_mod(&mul_mod(&x, &y));
        assert_eq!(negated[lane], minus, "-{a:x?} * {b:x?}");
        assert_eq!(zero >> lane & 1 == 1, x == [0; 4], "{a:x?} is 0");
        assert_eq!(odd >> lane & 1 == 1, x[0] & 1 == 1, "{a:x?} is odd");
    }
}

/// What negated numbers may be given to as well: products, and the largest sums and differences of them.
fn factors_agree<F: LaneField>(isa: F::Isa, pairs: &[(SignedLimbs, SignedLimbs)]) {
    let (x, y) = vectors::<F>(isa, pairs);
    let products = words(x.mul(y));
    let squares = words(x.square());
    let (xy, yy) = (x.mul_wide(y), y.square_wide());
    let xy2 = F::wide_add(xy, xy);
    let (four, two) = (F::wide_add(xy2, xy2), F::wide_add(yy, yy));
    let (most, widest) = (
        words(F::reduce(four)),
        words(F::reduce(F::wide_sub(four, two))),
    );
    for (lane, (a, b)) in pairs.iter().enumerate() {
        let (x, y) = (limbs_mod(*a), limbs_mod(*b));
        let (xy, yy) = (mul_mod(&x, &y), mul_mod(&y, &y));
        assert_eq!(products[lane], xy, "{a:x?} * {b:x?}");
        assert_eq!(squares[lane], mul_mod(&x, &x), "{a:x?} squared");
        let four = mul_mod(&xy, &[4, 0, 0, 0]);
        assert_eq!(most[lane], four, "4 * {a:x?} * {b:x?}");
        let two = mul_mod(&yy, &[2, 0, 0, 0]);
        let difference: Words = add_mod(&four, &negate_mod(&two));
        assert_eq!(widest[lane], difference, "4 * {a:x?} * {b:x?} - 2 yy");
    }
}

fn vectors<F: LaneField>(isa: F::Isa, pairs: &[(SignedLimbs, SignedLimbs)]) -> (F, F) {
    (
        F::from_limbs(isa, &lanes(pairs, |pair| pair.0)),
        F::from_limbs(isa, &lanes(pairs, |pair| pair.1)),
    )
}

/// Limb by limb, one lane a pair.
fn lanes(
    pairs: &[(SignedLimbs, SignedLimbs)],
    of: impl Fn(&(SignedLimbs, SignedLimbs)) -> SignedLimbs,
) -> [[i64; LANES_MAX]; 5] {
    let mut limbs = [[0; LANES_MAX]; 5];
    for (lane, pair) in pairs.iter().enumerate() {
        for (limbs, limb) in limbs.iter_mut().zip(of(pair)) {
            limbs[lane] = limb;
        }
    }
    limbs
}

/// Pair `number` of numbers with limbs from `least` to `most`.
fn pair([least, most]: [i64; 2], number: usize) -> (SignedLimbs, SignedLimbs) {
    if number < EXTREMES {
        let extreme = |bits: usize| -> SignedLimbs {
            std::array::from_fn(|i| if bits >> i & 1 == 1 { most } else { least })
        };
        return (extreme(number % 32), extreme(number / 32));
    }
    let mut bytes = [0; 96];
    blake3::Hasher::new_derive_key("bds bounds test")
        .update(&number.to_le_bytes())
        .finalize_xof()
        .fill(&mut bytes);
    let mixed = |bytes: &[u8]| -> SignedLimbs {
        std::array::from_fn(|i| {
            let random = u64::from_le_bytes(*bytes[8 * i..].first_chunk().expect("48 bytes"));
            let range = most.wrapping_sub(least).cast_unsigned() as u128 + 1;
            match bytes[40 + i] % 8 {
                0 => least,
                1 => least + 1,
                2 => most,
                3 => most - 1,
                4 => 0,
                5 => 1,
                6 => (-1).max(least),
                _ => least.wrapping_add_unsigned((u128::from(random) % range) as u64),
            }
        })
    };
    (mixed(&bytes[..48]), mixed(&bytes[48..]))
}
