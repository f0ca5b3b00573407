//! Signatures with known verdicts, and the public vectors.
#![allow(dead_code, reason = "each test file uses its part of this module")]

use std::path::PathBuf;

use bds_engine::{Backend, SignatureItem, available};
use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT as B, EIGHT_TORSION};
use curve25519_dalek::edwards::EdwardsPoint;
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::IsIdentity as _;
use sha2::{Digest as _, Sha512};

/// The backends to be tested: all there are, or those that `BDS_TEST_BACKENDS` names, where the others are tested by
/// another run.
pub(crate) fn tested() -> Vec<Box<dyn Backend>> {
    let mut all = available();
    if let Ok(named) = std::env::var("BDS_TEST_BACKENDS") {
        all.retain(|backend| named.split(',').any(|name| name == backend.name()));
        assert!(!all.is_empty(), "BDS_TEST_BACKENDS={named} is not here");
    }
    all
}

/// Whether those of the CPU are among them.
pub(crate) fn tests_cpu() -> bool {
    tested().iter().any(|backend| backend.name() != "gpu")
}

/// A signature with its verdict by ZIP-215, known from its construction or its source.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) key: [u8; 32],
    pub(crate) signature: [u8; 64],
    pub(crate) message: Vec<u8>,
    pub(crate) valid: bool,
    pub(crate) what: String,
}

impl Case {
    pub(crate) fn item(&self) -> SignatureItem<'_> {
        SignatureItem {
            key: &self.key,
            signature: &self.signature,
            message: &self.message,
        }
    }
}

/// A scalar from a label: the same in every run.
pub(crate) fn scalar(label: &str) -> Scalar {
    Scalar::from_bytes_mod_order_wide(&Sha512::digest(label).into())
}

fn challenge(r: &[u8; 32], key: &[u8; 32], message: &[u8]) -> Scalar {
    let hash = Sha512::new()
        .chain_update(r)
        .chain_update(key)
        .chain_update(message);
    Scalar::from_bytes_mod_order_wide(&hash.finalize().into())
}

fn case(
    key: [u8; 32],
    r: [u8; 32],
    s: [u8; 32],
    message: &[u8],
    valid: bool,
    what: String,
) -> Case {
    let mut signature = [0; 64];
    signature[..32].copy_from_slice(&r);
    signature[32..].copy_from_slice(&s);
    Case {
        key,
        signature,
        message: message.to_vec(),
        valid,
        what,
    }
}

/// An ordinary signature by signer number `signer`.
pub(crate) fn signed(signer: usize, message: &[u8]) -> Case {
    let a = scalar(&format!("signer {signer}"));
    let r = Scalar::from_bytes_mod_order_wide(
        &Sha512::new()
            .chain_update(a.as_bytes())
            .chain_update(message)
            .finalize()
            .into(),
    );
    let key = (B * a).compress().to_bytes();
    let big_r = (B * r).compress().to_bytes();
    let s = r + challenge(&big_r, &key, message) * a;
    case(
        key,
        big_r,
        s.to_bytes(),
        message,
        true,
        format!("signer {signer}"),
    )
}

/// The same signature with S one too large.
pub(crate) fn spoiled(mut good: Case) -> Case {
    let s = Scalar::from_canonical_bytes(good.signature[32..].try_into().unwrap()).unwrap();
    good.signature[32..].copy_from_slice((s + Scalar::ONE).as_bytes());
    good.valid = false;
    good.what += ", S + 1";
    good
}

/// S + L as bytes, for S < L: the same number mod L, refused because it is not below L.
fn plus_order(s: &Scalar) -> [u8; 32] {
    // L = 2^252 + 27742317777372353535851937790883648493, little endian.
    const L: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde,
        0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut sum = [0; 32];
    let mut carry = 0;
    for i in 0..32 {
        carry += u16::from(s.as_bytes()[i]) + u16::from(L[i]);
        sum[i] = carry as u8;
        carry >>= 8;
    }
    assert_eq!(carry, 0, "2L is below 2^256");
    sum
}

/// All byte strings that decode to a point of small order: 8 canonical ones and 6 that are not.
pub(crate) fn small_order_encodings() -> Vec<[u8; 32]> {
    let mut all: Vec<[u8; 32]> = EIGHT_TORSION
        .iter()
        .map(|t| t.compress().to_bytes())
        .collect();
    // y = p and y = p + 1 (for 0 and 1), with and without sign bit; y = 1 and y = -1 with the sign of x = 0 set.
    let p = |low: u8, high: u8| {
        let mut bytes = [0xff; 32];
        bytes[0] = low;
        bytes[31] = high;
        bytes
    };
    all.extend([
        p(0xed, 0x7f),
        p(0xed, 0xff),
        p(0xee, 0x7f),
        p(0xee, 0xff),
        p(0xec, 0xff),
    ]);
    let mut one = [0; 32];
    one[0] = 1;
    one[31] = 0x80;
    all.push(one);
    all
}

/// Signatures around every pair of torsion points: A = aB + T1, R = rB + T2, all 64 pairs, a and r either random or 0,
/// and S right, one too large, right plus L, or right for another message: 1,024 in all. With a = 0 or r = 0 the point
/// is of small order, and every second such encoding is taken in a form that is not canonical where one exists.
pub(crate) fn torsion_cases() -> Vec<Case> {
    let encodings = small_order_encodings();
    let mut cases = Vec::with_capacity(1024);
    for pair in 0..64 {
        for kind in 0..4 {
            let (t1, t2) = (EIGHT_TORSION[pair / 8], EIGHT_TORSION[pair % 8]);
            let a = if kind & 1 == 0 {
                scalar(&format!("a {pair} {kind}"))
            } else {
                Scalar::ZERO
            };
            let r = if kind & 2 == 0 {
                scalar(&format!("r {pair} {kind}"))
            } else {
                Scalar::ZERO
            };
            for fault in 0..4 {
                let odd = (pair + fault) % 2 == 1;
                let key = encode(B * a + t1, odd, &encodings);
                let big_r = encode(B * r + t2, odd, &encodings);
                let message = format!("message {pair} {kind} {fault}").into_bytes();
                let s = r + challenge(&big_r, &key, &message) * a;
                let what = format!("T{} T{} a{} r{}", pair / 8, pair % 8, kind & 1, kind >> 1);
                cases.push(match fault {
                    0 => case(key, big_r, s.to_bytes(), &message, true, what),
                    1 => {
                        let s = s + Scalar::ONE;
                        case(key, big_r, s.to_bytes(), &message, false, what + ", S + 1")
                    }
                    2 => case(
                        key,
                        big_r,
                        plus_order(&s),
                        &message,
                        false,
                        what + ", S + L",
                    ),
                    // For a key of small order [8]k·A is the identity whatever was signed.
                    _ => {
                        let valid = a == Scalar::ZERO;
                        case(
                            key,
                            big_r,
                            s.to_bytes(),
                            b"another",
                            valid,
                            what + ", other message",
                        )
                    }
                });
            }
        }
    }
    cases
}

fn encode(point: EdwardsPoint, odd: bool, encodings: &[[u8; 32]]) -> [u8; 32] {
    let canonical = point.compress().to_bytes();
    let same = |bytes: &&[u8; 32]| {
        let other = curve25519_dalek::edwards::CompressedEdwardsY(**bytes)
            .decompress()
            .unwrap();
        (other - point).is_identity()
    };
    match encodings[8..].iter().find(same) {
        Some(bytes) if odd => *bytes,
        _ => canonical,
    }
}

/// The folder of public test data: `$BDS_SHARED/vectors` or `../shared/vectors` beside the workspace. `None` when it
/// is not there, which is a failure on CI and told elsewhere.
pub(crate) fn vectors() -> Option<PathBuf> {
    let shared = std::env::var_os("BDS_SHARED").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared")),
        PathBuf::from,
    );
    let folder = shared.join("vectors");
    if folder.is_dir() {
        return Some(folder);
    }
    let on_ci = std::env::var_os("CI").is_some();
    assert!(!on_ci, "{} is missing; set BDS_SHARED", folder.display());
    eprintln!("skipped: {} is missing; set BDS_SHARED", folder.display());
    None
}

/// Bytes 0, 1, ..., 250, 0, 1, ...: a period that is no power of two shows swapped blocks.
pub(crate) fn painted(length: usize) -> Vec<u8> {
    (0..length).map(|i| (i % 251) as u8).collect()
}

/// Fails when a device that is here did not do all the work it was given: its answers would be those of the CPU.
pub(crate) fn assert_device_trusted() {
    #[cfg(feature = "gpu")]
    if let Ok(gpu) = bds_engine::gpu::Gpu::shared() {
        let stats = gpu.stats();
        assert_eq!(
            (stats.fallback_calls, stats.resting),
            (0, false),
            "{stats:?}"
        );
    }
}
