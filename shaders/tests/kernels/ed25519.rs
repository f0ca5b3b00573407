//! Points and verdicts of the verifying kernel, run without a driver, against curve25519-dalek and ed25519-zebra.

use bds_shaders::generate::base_table;
use bds_shaders::{Operation, Path, kernel};
use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT, EIGHT_TORSION};
use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::scalar::Scalar;
use num_bigint::BigUint;
use sha2::{Digest, Sha512};

use crate::device::{Device, Value, words};

const NONCE: u32 = 0x2468_ace1;

fn p() -> BigUint {
    (BigUint::from(1_u8) << 255) - 19_u8
}

/// A scalar that depends on `seed` only.
fn scalar(seed: u64) -> Scalar {
    Scalar::from_bytes_mod_order_wide(&Sha512::digest(seed.to_le_bytes()).into())
}

/// The number of limbs, in the layout their count tells.
fn number(limbs: &Value) -> BigUint {
    let limbs = limbs.to_words();
    let mut position = 0;
    let mut sum = BigUint::ZERO;
    for (i, &limb) in limbs.iter().enumerate() {
        sum += BigUint::from(limb) << position;
        position += match limbs.len() {
            10 => 26 - (i as u32 % 2),
            _ => 13,
        };
    }
    sum % p()
}

/// The encoding of a point in extended coordinates, and that T fits them.
fn encode(point: &Value) -> [u8; 32] {
    let [x, y, z, t] = [0, 1, 2, 3].map(|i| number(&point.parts()[i]));
    assert_eq!(&x * &y % p(), &t * &z % p(), "T is XY/Z");
    let inverse = z.modpow(&(p() - 2_u8), &p());
    let (x, y) = (x * &inverse % p(), y * &inverse % p());
    let mut bytes = [0; 32];
    let digits = y.to_bytes_le();
    bytes[..digits.len()].copy_from_slice(&digits);
    bytes[31] |= (x.bit(0) as u8) << 7;
    bytes
}

/// Points of every kind: small order, the base point and its like, and such with a part of small order.
fn points() -> Vec<EdwardsPoint> {
    let mut points = EIGHT_TORSION.to_vec();
    for (seed, torsion) in EIGHT_TORSION.iter().enumerate() {
        points.push(ED25519_BASEPOINT_POINT * scalar(seed as u64) + torsion);
    }
    points.push(ED25519_BASEPOINT_POINT);
    points
}

fn decoded(device: &mut Device, encoding: &[u8; 32]) -> Option<Value> {
    let result = device.call("decode_negative", vec![Value::words(&words(encoding))]);
    (result.parts()[1] == Value::Bool(true)).then(|| result.parts()[0].clone())
}

#[test]
fn points_double_and_add_as_dalek_says() {
    for path in Path::ALL {
        let mut device = Device::new(kernel(Operation::Ed25519, path).source);
        let points = points();
        for (i, point) in points.iter().enumerate() {
            let minus = decoded(&mut device, &point.compress().0).expect("an encoding");
            assert_eq!(encode(&minus), (-point).compress().0, "{path:?}, point {i}");
            let projective = Value::composite(minus.parts()[..3].to_vec());
            let doubled = device.call("point_double", vec![projective]);
            let doubled = device.call("to_extended", vec![doubled]);
            assert_eq!(
                encode(&doubled),
                (-(point + point)).compress().0,
                "{path:?}, twice point {i}"
            );
            // Doubled first, so that Z is not 1.
            for (j, other) in points.iter().enumerate() {
                for negative in [false, true] {
                    let other_minus = decoded(&mut device, &other.compress().0).expect("encoded");
                    let cached = device.call("to_cached", vec![other_minus]);
                    let cached = device.call("cached_signed", vec![cached, Value::Bool(negative)]);
                    let sum = device.call("point_add", vec![doubled.clone(), cached]);
                    let sum = device.call("to_extended", vec![sum]);
                    let signed = if negative { *other } else { -other };
                    assert_eq!(
                        encode(&sum),
                        (signed - (point + point)).compress().0,
                        "{path:?}, points {i} and {j}"
                    );
                }
            }
        }
    }
}

#[test]
fn the_table_holds_multiples_of_the_base_point() {
    let table = base_table();
    assert_eq!(table.len(), 129 * 24);
    for path in Path::ALL {
        let mut device = Device::new(kernel(Operation::Ed25519, path).source);
        let start = ED25519_BASEPOINT_POINT * scalar(7) + EIGHT_TORSION[3];
        let minus_start = decoded(&mut device, &start.compress().0).expect("an encoding");
        for (i, entry) in table.chunks_exact(24).enumerate() {
            let mut fields: Vec<Value> = entry
                .chunks_exact(8)
                .map(|words| {
                    assert!(BigUint::new(words.to_vec()) < p(), "entry {i} is reduced");
                    device.call("fe_from_words", vec![Value::words(words)])
                })
                .collect();
            // 2 Z stands before the last field; Z is 1.
            let two = device.call(
                "fe_from_words",
                vec![Value::words(&[2, 0, 0, 0, 0, 0, 0, 0])],
            );
            fields.insert(2, two);
            let entry = Value::composite(fields);
            for negative in [false, true] {
                let entry =
                    device.call("cached_signed", vec![entry.clone(), Value::Bool(negative)]);
                let sum = device.call("point_add", vec![minus_start.clone(), entry]);
                let sum = device.call("to_extended", vec![sum]);
                let multiple = ED25519_BASEPOINT_POINT * Scalar::from(i as u64);
                let multiple = if negative { -multiple } else { multiple };
                assert_eq!(
                    encode(&sum),
                    (multiple - start).compress().0,
                    "{path:?}, {i} B"
                );
            }
        }
    }
}

#[test]
fn encodings_are_accepted_by_the_rule_and_not_by_the_standard() {
    // y from 0 to 40 and from p - 1 to 2^255 - 1, with either sign: encodings that are no point, not reduced, or a zero with a sign.
    let mut encodings = Vec::new();
    for low in (0..=40_u8).chain(0xec..=0xff) {
        for sign in [0, 0x80] {
            let mut encoding = [if low > 40 { 0xff } else { 0 }; 32];
            encoding[0] = low;
            encoding[31] = if low > 40 { 0x7f } else { 0 } | sign;
            encodings.push(encoding);
        }
    }
    for seed in 0..20_u64 {
        let digest = Sha512::digest(seed.to_le_bytes());
        encodings.push(digest[..32].try_into().expect("32 bytes"));
    }
    for path in Path::ALL {
        let mut device = Device::new(kernel(Operation::Ed25519, path).source);
        for encoding in &encodings {
            // dalek's decompression takes y modulo p and x = 0 with a sign, as ZIP-215 wants.
            let expected = CompressedEdwardsY(*encoding).decompress();
            let found = decoded(&mut device, encoding);
            assert_eq!(
                found.map(|point| encode(&point)),
                expected.map(|point| (-point).compress().0),
                "{path:?}: {encoding:02x?}"
            );
        }
    }
}

/// A signature and what ed25519-zebra says of it.
struct Case {
    what: String,
    key: [u8; 32],
    signature: [u8; 64],
    message: Vec<u8>,
    valid: bool,
}

impl Case {
    fn new(what: String, key: [u8; 32], signature: [u8; 64], message: Vec<u8>) -> Self {
        let valid = ed25519_zebra::VerificationKey::try_from(key).is_ok_and(|parsed| {
            parsed
                .verify(&ed25519_zebra::Signature::from(signature), &message)
                .is_ok()
        });
        Self {
            what,
            key,
            signature,
            message,
            valid,
        }
    }

    /// A = aB + T, R = rB + U and the S that fits, moved by `shift` and by `orders` times L.
    fn crafted(seed: u64, torsion: [usize; 2], shift: u64, orders: u32) -> Self {
        let (a, r) = (scalar(2 * seed), scalar(2 * seed + 1));
        let message = seed.to_le_bytes().to_vec();
        let key = (ED25519_BASEPOINT_POINT * a + EIGHT_TORSION[torsion[0]])
            .compress()
            .0;
        let nonce = (ED25519_BASEPOINT_POINT * r + EIGHT_TORSION[torsion[1]])
            .compress()
            .0;
        let k = Sha512::new()
            .chain_update(nonce)
            .chain_update(key)
            .chain_update(&message)
            .finalize();
        let k = Scalar::from_bytes_mod_order_wide(&k.into());
        let s = BigUint::from_bytes_le((r + k * a + Scalar::from(shift)).as_bytes());
        let order = BigUint::from_bytes_le((-Scalar::ONE).as_bytes()) + 1_u8;
        let s = (s + order * orders).to_bytes_le();
        let mut signature = [0; 64];
        signature[..32].copy_from_slice(&nonce);
        signature[32..32 + s.len()].copy_from_slice(&s);
        Self::new(
            format!("torsion {torsion:?}, S + {shift} + {orders} L"),
            key,
            signature,
            message,
        )
    }
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for seed in 0..8 {
        cases.push(Case::crafted(seed, [0, 0], 0, 0));
        cases.push(Case::crafted(
            seed,
            [seed as usize, (3 * seed as usize + 1) % 8],
            0,
            0,
        ));
    }
    cases.push(Case::crafted(20, [0, 0], 1, 0));
    cases.push(Case::crafted(21, [5, 2], 1, 0));
    cases.push(Case::crafted(22, [0, 0], 0, 1));
    cases.push(Case::crafted(23, [1, 0], 0, 2));
    // Small-order A and R in encodings canonical and not, S = 0; then the same with S = 1.
    let mut small: Vec<[u8; 32]> = EIGHT_TORSION.map(|point| point.compress().0).to_vec();
    let mut one_and_p = [0xff; 32];
    one_and_p[0] = 0xee;
    small.push(one_and_p);
    one_and_p[31] = 0x7f;
    small.push(one_and_p);
    let mut zero_and_p = one_and_p;
    zero_and_p[0] = 0xed;
    small.push(zero_and_p);
    for (i, key) in small.iter().enumerate() {
        for s in [0, 1] {
            let mut signature = [0; 64];
            signature[..32].copy_from_slice(&small[(5 * i + 3) % small.len()]);
            signature[32] = s;
            cases.push(Case::new(
                format!("small order {i}, S = {s}"),
                *key,
                signature,
                b"Zcash".to_vec(),
            ));
        }
    }
    // One bit wrong: in R, in S, in A, in the message.
    for (place, bit) in [(3, 4), (31, 0x80), (32, 1), (50, 2), (63, 0x10)] {
        let good = Case::crafted(30 + place as u64, [0, 0], 0, 0);
        let mut signature = good.signature;
        signature[place] ^= bit;
        cases.push(Case::new(
            format!("bit of byte {place}"),
            good.key,
            signature,
            good.message,
        ));
    }
    let good = Case::crafted(99, [0, 0], 0, 0);
    let mut key = good.key;
    key[7] ^= 8;
    cases.push(Case::new(
        String::from("bit of A"),
        key,
        good.signature,
        good.message,
    ));
    cases.push(Case::new(
        String::from("other message"),
        good.key,
        good.signature,
        b"other".to_vec(),
    ));
    cases
}

#[test]
fn verdicts_are_those_of_zebra() {
    let cases = cases();
    assert!(cases.iter().filter(|case| case.valid).count() > 20);
    assert!(cases.iter().filter(|case| !case.valid).count() > 10);
    let count = cases.len() as u32;
    let mut keys = Vec::new();
    let mut signatures = Vec::new();
    let mut challenges = Vec::new();
    for case in &cases {
        keys.extend(words(&case.key));
        signatures.extend(words(&case.signature));
        let digest = Sha512::new()
            .chain_update(&case.signature[..32])
            .chain_update(case.key)
            .chain_update(&case.message)
            .finalize();
        challenges.extend(words(&digest));
    }
    for path in Path::ALL {
        let mut device = Device::new(kernel(Operation::Ed25519, path).source);
        let mut buffers = vec![
            vec![count, NONCE, 128, 0],
            keys.clone(),
            signatures.clone(),
            challenges.clone(),
            base_table(),
            vec![0; cases.len()],
        ];
        device.dispatch(128, &mut buffers);
        for (case, &echo) in cases.iter().zip(&buffers[5]) {
            let expected = if case.valid { NONCE } else { !NONCE };
            assert_eq!(echo, expected, "{path:?}, {}", case.what);
        }
    }
}
