//! Does the field agree with big integers, on every pair of edges and lane by lane?

use super::numbers::{
    Words, add_mod, edge_words, lanes, limbs_mod, mul_mod, negate_mod, random_words, words,
};
use crate::backend::vertical::LaneField;
use crate::backend::vertical::field::constants;

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

#[test]
fn the_constants_are_those_of_the_curve() {
    let number = |limbs: &[u64; 5]| limbs_mod(limbs.map(u64::cast_signed));
    let d = number(&constants::D);
    let i = number(&constants::SQRT_MINUS_ONE);
    assert_eq!(
        mul_mod(&d, &[121_666, 0, 0, 0]),
        negate_mod(&[121_665, 0, 0, 0])
    );
    assert_eq!(number(&constants::D2), add_mod(&d, &d));
    let inverse = number(&constants::D_INVERSE);
    assert_eq!(mul_mod(&d, &inverse), [1, 0, 0, 0]);
    assert_eq!(mul_mod(&i, &i), negate_mod(&[1, 0, 0, 0]));
}
