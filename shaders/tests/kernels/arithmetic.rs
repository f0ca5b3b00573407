//! Field and scalar functions of the verifying kernel, run without a driver, against big integers.
//!
//! Operands are random or have limbs at their edges: 0, 1, the width's last value and the largest value a caller may give. The device panics
//! when anything in a field function wraps, so these tests are also the check of the limb bounds.

use bds_shaders::{Operation, Path, kernel};
use num_bigint::BigUint;

use crate::device::{Device, Value};

/// A small generator of numbers with a fixed start.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}

/// One limb layout as the documentation states it.
struct Layout {
    device: Device,
    positions: Vec<u32>,
    widths: Vec<u32>,
    /// A tight limb is less than its width's end plus this much.
    slack: Vec<u32>,
    /// The largest products formulas ask for, in tight units.
    units: [u32; 2],
}

fn layouts() -> [(Path, Layout); 2] {
    Path::ALL.map(|path| {
        let (widths, shift, units): (Vec<u32>, u32, _) = match path {
            Path::U64 => ((0..10).map(|i| 26 - i % 2).collect(), 7, [4, 3]),
            Path::U32 => (vec![13; 20], 5, [3, 1]),
        };
        let positions = (0..widths.len())
            .map(|i| widths[..i].iter().sum())
            .collect();
        let slack = widths.iter().map(|width| 1 << (width - shift)).collect();
        let device = Device::new(kernel(Operation::Ed25519, path).source);
        let layout = Layout {
            device,
            positions,
            widths,
            slack,
            units,
        };
        (path, layout)
    })
}

fn p() -> BigUint {
    (BigUint::from(1_u8) << 255) - 19_u8
}

fn order() -> BigUint {
    (BigUint::from(1_u8) << 252)
        + BigUint::parse_bytes(b"27742317777372353535851937790883648493", 10).expect("a number")
}

fn number(words: &[u32]) -> BigUint {
    BigUint::new(words.to_vec())
}

fn eight_words(number: &BigUint) -> Vec<u32> {
    let mut words = number.to_u32_digits();
    words.resize(8, 0);
    words
}

impl Layout {
    fn largest(&self, i: usize, units: u32) -> u32 {
        units * ((1 << self.widths[i]) - 1 + self.slack[i])
    }

    /// An element whose limbs are at most `units` tight ones, half of the time at an edge.
    fn element(&self, random: &mut Random, units: u32) -> Vec<u32> {
        let all = random.below(8);
        (0..self.widths.len())
            .map(|i| {
                let largest = self.largest(i, units);
                match if all < 4 { all } else { random.below(8) } {
                    0 => largest,
                    1 => (1 << self.widths[i]) - 1,
                    2 => 0,
                    3 => 1,
                    _ => random.below(u64::from(largest) + 1) as u32,
                }
            })
            .collect()
    }

    fn number(&self, limbs: &[u32]) -> BigUint {
        limbs
            .iter()
            .zip(&self.positions)
            .map(|(&limb, &position)| BigUint::from(limb) << position)
            .sum()
    }

    fn call(&mut self, function: &str, elements: &[&[u32]]) -> Vec<u32> {
        let arguments = elements.iter().map(|limbs| Value::words(limbs)).collect();
        self.device.call(function, arguments).to_words()
    }

    fn assert_tight(&self, what: &str, limbs: &[u32]) {
        for (i, &limb) in limbs.iter().enumerate() {
            assert!(limb <= self.largest(i, 1), "{what}: limb {i} is {limb}");
        }
    }
}

#[test]
fn products_and_squares() {
    for (path, mut layout) in layouts() {
        let mut random = Random(1);
        let [left_units, right_units] = layout.units;
        for round in 0..2_000 {
            let f = layout.element(&mut random, left_units);
            let g = layout.element(&mut random, right_units);
            let product = layout.call("fe_mul", &[&f, &g]);
            layout.assert_tight("fe_mul", &product);
            assert_eq!(
                layout.number(&product) % p(),
                layout.number(&f) * layout.number(&g) % p(),
                "{path:?} {round}: {f:?} * {g:?}"
            );
            let square = layout.call("fe_sq", &[&g]);
            layout.assert_tight("fe_sq", &square);
            assert_eq!(
                layout.number(&square) % p(),
                layout.number(&g) * layout.number(&g) % p(),
                "{path:?} {round}: {g:?} squared"
            );
        }
    }
}

#[test]
fn sums_differences_carries_and_choices() {
    for (path, mut layout) in layouts() {
        let mut random = Random(2);
        for _ in 0..2_000 {
            let f = layout.element(&mut random, 1);
            let g = layout.element(&mut random, 1);
            let (a, b) = (layout.number(&f), layout.number(&g));
            let sum = layout.call("fe_add", &[&f, &g]);
            assert_eq!(layout.number(&sum), &a + &b, "{path:?}");
            let difference = layout.call("fe_sub2", &[&f, &g]);
            assert_eq!(
                (layout.number(&difference) + &b) % p(),
                &a % p(),
                "{path:?}"
            );
            let wide = layout.element(&mut random, 8);
            let carried = layout.call("fe_carry", &[&wide]);
            layout.assert_tight("fe_carry", &carried);
            assert_eq!(
                layout.number(&carried) % p(),
                layout.number(&wide) % p(),
                "{path:?}: {wide:?}"
            );
            for condition in [false, true] {
                let chosen = layout.device.call(
                    "fe_select",
                    vec![Value::Bool(condition), Value::words(&f), Value::words(&g)],
                );
                assert_eq!(&chosen.to_words(), if condition { &f } else { &g });
            }
        }
    }
}

#[test]
fn words_are_the_one_representative_below_p() {
    for (path, mut layout) in layouts() {
        let mut random = Random(3);
        let mut elements: Vec<Vec<u32>> =
            (0..2_000).map(|_| layout.element(&mut random, 1)).collect();
        // 0 to 40 around multiples of p, where the reduction decides.
        for multiple in [0_u32, 1] {
            for offset in 0..40_u32 {
                let value = p() * multiple + offset;
                if let Some(value) = (value >= BigUint::from(20_u8)).then(|| value - 20_u8)
                    && value.bits() <= 255
                {
                    let words = eight_words(&value);
                    elements.push(layout.call("fe_from_words", &[&words]));
                }
            }
        }
        for limbs in &elements {
            let value = layout.number(limbs) % p();
            let words = layout.call("fe_to_words", &[limbs]);
            assert_eq!(number(&words), value, "{path:?}: {limbs:?}");
            let zero = layout.device.call("fe_is_zero", vec![Value::words(limbs)]);
            assert_eq!(zero, Value::Bool(value == BigUint::ZERO), "{limbs:?}");
            // Back again: canonical limbs, and bit 255 is dropped.
            let mut marked = words.clone();
            marked[7] |= 0x8000_0000;
            for words in [words, marked] {
                let back = layout.call("fe_from_words", &[&words]);
                assert_eq!(layout.number(&back), value, "{path:?}");
                for (limb, width) in back.iter().zip(&layout.widths) {
                    assert!(limb >> width == 0);
                }
            }
        }
    }
}

#[test]
fn the_power_of_decoding() {
    let exponent = (p() - 5_u8) >> 3;
    for (path, mut layout) in layouts() {
        let mut random = Random(4);
        for _ in 0..20 {
            let z = layout.element(&mut random, 1);
            let power = layout.call("fe_power_p58", &[&z]);
            layout.assert_tight("power", &power);
            assert_eq!(
                layout.number(&power) % p(),
                layout.number(&z).modpow(&exponent, &p()),
                "{path:?}: {z:?}"
            );
        }
    }
}

#[test]
fn challenges_reduce_to_the_same_residue_in_the_range_digits_take() {
    let limit = (BigUint::from(1_u8) << 254) + (BigUint::from(1_u8) << 248);
    for (path, mut layout) in layouts() {
        let mut random = Random(5);
        let mut inputs: Vec<Vec<u32>> = (0..500)
            .map(|_| (0..16).map(|_| random.next() as u32).collect())
            .collect();
        inputs.extend([vec![0; 16], vec![u32::MAX; 16]]);
        // Ones from or up to each word, multiples of L and of 2^252, and their neighbours.
        for word in 0..16 {
            inputs.push(
                (0..16)
                    .map(|i| if i < word { u32::MAX } else { 0 })
                    .collect(),
            );
            inputs.push(
                (0..16)
                    .map(|i| if i < word { 0 } else { u32::MAX })
                    .collect(),
            );
        }
        let all = (BigUint::from(1_u8) << 512) - 1_u8;
        for unit in [order(), BigUint::from(1_u8) << 252] {
            for multiple in [BigUint::from(1_u8), BigUint::from(8_u8), &all / &unit] {
                for offset in 0..3_u8 {
                    let mut words = (&unit * &multiple + offset - 1_u8).to_u32_digits();
                    words.resize(16, 0);
                    inputs.push(words[..16].to_vec());
                }
            }
        }
        for x in inputs {
            let reduced = number(&layout.call("reduce", &[&x]));
            assert_eq!(&reduced % order(), number(&x) % order(), "{path:?}: {x:?}");
            assert!(reduced < limit, "{path:?}: {x:?} gives {reduced}");
        }
    }
}

#[test]
fn the_order_is_the_first_scalar_refused() {
    for (_, mut layout) in layouts() {
        let edges = [
            (BigUint::ZERO, true),
            (order() - 1_u8, true),
            (order(), false),
            (order() + 1_u8, false),
            (order() - (BigUint::from(1_u8) << 32), true),
            (order() + (BigUint::from(1_u8) << 128), false),
            ((BigUint::from(1_u8) << 252) - 1_u8, true),
            (BigUint::from(1_u8) << 253, false),
            ((BigUint::from(1_u8) << 256) - 1_u8, false),
        ];
        for (scalar, below) in edges {
            let words = eight_words(&scalar);
            let verdict = layout
                .device
                .call("is_below_order", vec![Value::words(&words)]);
            assert_eq!(verdict, Value::Bool(below), "{scalar}");
        }
    }
}

#[test]
fn digits_add_up_to_the_scalar() {
    for (_, mut layout) in layouts() {
        let mut random = Random(6);
        for _ in 0..200 {
            let mut scalar: Vec<u32> = (0..8).map(|_| random.next() as u32).collect();
            scalar[7] &= 0x3fff_ffff;
            for (each, bits) in [(0x8888_8888_u32, 4_u32), (0x8080_8080, 8)] {
                let digits = layout
                    .device
                    .call(
                        "offset_digits",
                        vec![Value::words(&scalar), Value::U32(each)],
                    )
                    .to_words();
                let half = 1_i64 << (bits - 1);
                let (mut plus, mut minus) = (BigUint::ZERO, BigUint::ZERO);
                for place in (0..256).step_by(bits as usize) {
                    let digit = digits[place / 32] >> (place % 32) & ((1 << bits) - 1);
                    let signed = i64::from(digit) - half;
                    let size = BigUint::from(signed.unsigned_abs()) << place;
                    if signed < 0 {
                        minus += size;
                    } else {
                        plus += size;
                    }
                }
                assert_eq!(plus, number(&scalar) + minus);
            }
        }
    }
}

#[test]
fn products_of_words_at_their_edges() {
    let edges = [0, 1, 0xffff, 0x1_0000, 0x8000_0000, u32::MAX - 1, u32::MAX];
    for (path, mut layout) in layouts() {
        for a in edges {
            for b in edges {
                for c in edges {
                    for d in edges {
                        let arguments = [a, b, c, d].map(Value::U32).to_vec();
                        let result = layout.device.call("multiply_add", arguments).to_words();
                        let wide = u64::from(a) * u64::from(b) + u64::from(c) + u64::from(d);
                        assert_eq!(
                            u64::from(result[1]) << 32 | u64::from(result[0]),
                            wide,
                            "{path:?}: {a} * {b} + {c} + {d}"
                        );
                    }
                }
            }
        }
    }
}
