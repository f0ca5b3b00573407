//! The plain arithmetic that everything is compared with, and the numbers that the tests run on.

use sha2::{Digest as _, Sha512};

use crate::backend::vertical::{LANES_MAX, LaneField};

/// A number below 2^256 as four words, little endian: the plain arithmetic everything is compared with.
pub(super) type Words = [u64; 4];

/// p = 2^255 - 19.
pub(super) const P: Words = [u64::MAX - 18, u64::MAX, u64::MAX, u64::MAX >> 1];

/// Product mod p, by schoolbook multiplication.
pub(super) fn mul_mod(a: &Words, b: &Words) -> Words {
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
    remainder(&wide)
}

/// Mod p: 2^256 is 38 more than twice p, so words from the fourth on count 38 times, four places lower.
fn remainder(number: &[u64; 8]) -> Words {
    let mut rest = *number;
    // After the first time at most 38 is left above, after the second at most 1, and then next to nothing below it.
    for _ in 0..3 {
        let mut carry = 0_u128;
        for i in 0..4 {
            carry += u128::from(rest[i]) + 38 * u128::from(rest[i + 4]);
            rest[i] = carry as u64;
            carry >>= 64;
        }
        rest = [rest[0], rest[1], rest[2], rest[3], carry as u64, 0, 0, 0];
    }
    assert_eq!(rest[4], 0);
    // Below 2^256, which is 2 p and 38.
    let [a, b, c, d, ..] = rest;
    once_mod(&once_mod(&[a, b, c, d]))
}

/// The sum of limbs of any size and sign, `limbs[i]` times 2^(51 i), mod p.
pub(super) fn limbs_mod(limbs: [i64; 5]) -> Words {
    // 2^16 p is more than the limbs can take away, which is less than 2^268.
    let mut number = [0; 8];
    for i in 0..4 {
        number[i] |= P[i] << 16;
        number[i + 1] = P[i] >> 48;
    }
    for (i, limb) in limbs.into_iter().enumerate() {
        let (word, shift) = (51 * i / 64, 51 * i % 64);
        let mut rest = i128::from(limb) << shift;
        for word in &mut number[word..] {
            rest += i128::from(*word);
            *word = rest as u64;
            rest >>= 64;
        }
    }
    remainder(&number)
}

/// `x - p`, or `x` if that is below p already.
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
pub(super) fn add_mod(a: &Words, b: &Words) -> Words {
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
pub(super) fn negate_mod(x: &Words) -> Words {
    mul_mod(x, &[P[0] - 1, P[1], P[2], P[3]])
}

/// A number below 2^255 from a label, the same in every run.
pub(super) fn random_words(label: &str) -> Words {
    let hash = Sha512::digest(label);
    let mut words = std::array::from_fn(|i| {
        u64::from_le_bytes(*hash[8 * i..].first_chunk().expect("64 bytes"))
    });
    words[3] &= u64::MAX >> 1;
    words
}

/// Numbers where something may go wrong, then random ones; a multiple of eight.
pub(super) fn edge_words() -> Vec<Words> {
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
pub(super) fn lanes<F: LaneField>(isa: F::Isa, words: &[Words]) -> F {
    let mut columns = [[0; LANES_MAX]; 4];
    for (lane, words) in words.iter().enumerate() {
        for i in 0..4 {
            columns[i][lane] = words[i];
        }
    }
    F::from_words(isa, &columns)
}

pub(super) fn words<F: LaneField>(element: F) -> Vec<Words> {
    let columns = element.to_words();
    (0..F::LANES)
        .map(|lane| columns.map(|column| column[lane]))
        .collect()
}
