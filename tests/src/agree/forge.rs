//! How are signatures with a known verdict made by the million?
//!
//! Points are made once, each from a scalar that stays known: x·B + T with T one of the eight points of small order. A
//! signature of key a·B + T1 with nonce r·B + T2 is then S = r + k·a, one hash and one multiplication mod L, and it is
//! valid by ZIP-215, because the multiplication by 8 takes both T away. Whatever is done to it afterwards, the verdict
//! stays known without any arithmetic on the curve: valid exactly when S is below L, both scalars are known and
//! S = r + k·a for the bytes as they are now. A point that nobody knows the scalar of, or bytes that are no point, make
//! the signature invalid, except with a probability of 2^-250.
//!
//! What is made is decided by [`Choices`]: a seeded generator in the long run, the input's bytes in the fuzz targets.

use bds_engine::SignatureItem;
use curve25519_dalek::constants::EIGHT_TORSION;
use curve25519_dalek::edwards::EdwardsPoint;
use curve25519_dalek::scalar::Scalar;
use sha2::{Digest as _, Sha512};

use super::choices::{Choices, Seeded};

/// L = 2^252 + 27742317777372353535851937790883648493, little endian.
const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];
/// Signers of the family with few of them.
const FEW: usize = 16;
/// Lengths around the padding edges of SHA-512 over R, A and the message, then common ones.
const MESSAGE_BYTES: [usize; 16] = [
    0, 1, 31, 32, 46, 47, 48, 49, 63, 64, 65, 175, 176, 177, 304, 128,
];
/// One message in some hundreds is this long.
const MESSAGE_BYTES_MAX: usize = 5000;
const MESSAGE_POOL_BYTES: usize = 64 * 1024;

macro_rules! named {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $name { $($(#[$variant_doc])* $variant,)* }

        impl $name {
            /// Every one, in order.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];
        }
    };
}

named!(
    /// Which points a signature is made of.
    Family {
        /// One of 16 signers.
        FewKeys,
        /// One of all signers.
        ManyKeys,
        /// A and R each with one of the eight points of small order added.
        Torsion,
        /// A, R or both of small order, in any of 14 encodings of which six are not canonical.
        SmallOrder,
        /// A and R from scalars like 1, -1, 8 and 1/8, with points of small order added: sums that meet B, -B or each other.
        Edge,
        /// R is A or -A.
        SamePoint,
    }
);

named!(
    /// What was done to a signature after it was made. All but `None` mostly make it invalid; [`Forged::valid`] tells.
    Damage {
        /// Nothing.
        None,
        /// S + 1, or S + e beside another's S - e.
        SShifted,
        /// S plus a multiple of L: the same scalar, not below L.
        SPlusOrder,
        /// -S.
        SNegated,
        /// S at an edge: 0, 1, L - 1, L, L + 1, 2^252 and their like.
        SEdge,
        /// One bit of S.
        SFlipped,
        /// One bit of R.
        RFlipped,
        /// One bit of A.
        AFlipped,
        /// Bytes that may be no point.
        RRandom,
        /// Bytes that may be no point.
        ARandom,
        /// Everything random.
        AllRandom,
        /// Signed for another message.
        OtherMessage,
        /// Signed by another key.
        OtherKey,
        /// Another signature's R.
        OtherR,
        /// -R.
        RNegated,
        /// -A.
        ANegated,
        /// R with a small y, or p more than that: not canonical.
        RTiny,
        /// A with a small y, or p more than that: not canonical.
        ATiny,
        /// A and R exchanged.
        Swapped,
    }
);

/// Bytes and, where somebody knows it, x of the x·B + T that they stand for.
#[derive(Clone, Copy)]
struct Encoded {
    bytes: [u8; 32],
    scalar: Option<Scalar>,
}

/// A signature, how it came to be, and its verdict by ZIP-215.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forged<'a> {
    /// A.
    pub key: [u8; 32],
    /// R, then S.
    pub signature: [u8; 64],
    /// What is said to be signed.
    pub message: &'a [u8],
    /// The verdict.
    pub valid: bool,
    /// Which points it was made of.
    pub family: Family,
    /// What was done to it.
    pub damage: Damage,
}

impl Forged<'_> {
    /// For the engine.
    #[must_use]
    pub fn item(&self) -> SignatureItem<'_> {
        SignatureItem {
            key: &self.key,
            signature: &self.signature,
            message: self.message,
        }
    }

    /// Adds `by`, which is not 0, to the S of a valid signature. Two of these with opposite `by` cancel in a plain sum.
    pub fn shift(&mut self, by: Scalar) {
        assert!(self.valid && by != Scalar::ZERO, "shifts valid signatures");
        let s = Scalar::from_bytes_mod_order(self.signature[32..].try_into().expect("32 bytes"));
        self.signature[32..].copy_from_slice((s + by).as_bytes());
        self.valid = false;
        self.damage = Damage::SShifted;
    }
}

/// Points and messages to make signatures of.
pub struct Forge {
    plain: Vec<Encoded>,
    torsion: Vec<Encoded>,
    small_order: Vec<Encoded>,
    edge: Vec<Encoded>,
    messages: Vec<u8>,
}

impl Forge {
    /// - `points`: how many plain points and how many with a point of small order added, at least 16.
    ///
    /// Cost: about 40 µs for each of `points`.
    #[must_use]
    pub fn new(seed: u64, points: usize) -> Self {
        assert!(points >= FEW, "{points} points are below {FEW}");
        let mut choices = Seeded::new(seed ^ 0xf0f0);
        let mut messages = vec![0; MESSAGE_POOL_BYTES];
        choices.fill(&mut messages);
        let mut plain = Vec::with_capacity(points);
        let mut torsion = Vec::with_capacity(points);
        for i in 0..points {
            plain.push(encode(choices.scalar(), EIGHT_TORSION[0]));
            torsion.push(encode(choices.scalar(), EIGHT_TORSION[i % 8]));
        }
        let [two, eight, top] = [2_u64, 8, 1 << 63].map(Scalar::from);
        let edges = [
            Scalar::ONE,
            -Scalar::ONE,
            two,
            -two,
            eight,
            eight.invert(),
            top * two,
            top * top,
            top * top * top * top,
        ];
        let edge = edges
            .iter()
            .flat_map(|x| EIGHT_TORSION.iter().map(|t| encode(*x, *t)))
            .collect();
        let small_order = small_order_encodings().map(|bytes| Encoded {
            bytes,
            scalar: Some(Scalar::ZERO),
        });
        Self {
            plain,
            torsion,
            small_order: small_order.to_vec(),
            edge,
            messages,
        }
    }

    /// One signature from points of `family`, with `damage` done to it.
    pub fn forge(&self, choices: &mut impl Choices, family: Family, damage: Damage) -> Forged<'_> {
        let (mut key, mut r) = self.points(choices, family);
        let mut message = self.message(choices);
        let mut s = sign(&key, &r, message).to_bytes();
        match damage {
            Damage::None => {}
            Damage::SShifted => s = (scalar(&s) + Scalar::ONE).to_bytes(),
            // S + 14 L is below 15 L and so below 2^256.
            Damage::SPlusOrder => (0..=choices.below(14)).for_each(|_| add(&mut s, &ORDER)),
            Damage::SNegated => s = (-scalar(&s)).to_bytes(),
            Damage::SEdge => s = edge_of_s(choices),
            Damage::SFlipped => flip(choices, &mut s),
            Damage::RFlipped => {
                flip(choices, &mut r.bytes);
                r = self.found(r.bytes);
            }
            Damage::AFlipped => {
                flip(choices, &mut key.bytes);
                key = self.found(key.bytes);
            }
            Damage::RRandom => r = self.random(choices),
            Damage::ARandom => key = self.random(choices),
            Damage::AllRandom => {
                (key, r) = (self.random(choices), self.random(choices));
                choices.fill(&mut s);
            }
            Damage::OtherMessage => message = self.message(choices),
            Damage::OtherKey => key = choices.one_of(&self.plain),
            Damage::OtherR => r = choices.one_of(&self.plain),
            Damage::RNegated => r = negated(&r),
            Damage::ANegated => key = negated(&key),
            Damage::RTiny => r = self.tiny(choices),
            Damage::ATiny => key = self.tiny(choices),
            Damage::Swapped => (key, r) = (r, key),
        }
        let mut signature = [0; 64];
        signature[..32].copy_from_slice(&r.bytes);
        signature[32..].copy_from_slice(&s);
        Forged {
            key: key.bytes,
            signature,
            message,
            valid: holds(&key, &r, &s, message),
            family,
            damage,
        }
    }

    /// A and R, both with known scalars.
    fn points(&self, choices: &mut impl Choices, family: Family) -> (Encoded, Encoded) {
        match family {
            Family::FewKeys => (self.plain[choices.below(FEW)], choices.one_of(&self.plain)),
            Family::ManyKeys => (choices.one_of(&self.plain), choices.one_of(&self.plain)),
            Family::Torsion => (choices.one_of(&self.torsion), choices.one_of(&self.torsion)),
            Family::SmallOrder => {
                let small = choices.one_of(&self.small_order);
                match choices.below(3) {
                    0 => (small, choices.one_of(&self.torsion)),
                    1 => (choices.one_of(&self.torsion), small),
                    _ => (small, choices.one_of(&self.small_order)),
                }
            }
            Family::Edge => (choices.one_of(&self.edge), choices.one_of(&self.edge)),
            Family::SamePoint => {
                let pool = choices.one_of(&[&self.plain, &self.torsion, &self.edge]);
                let key = choices.one_of(pool);
                let r = if choices.below(2) == 0 {
                    key
                } else {
                    negated(&key)
                };
                (key, r)
            }
        }
    }

    fn message(&self, choices: &mut impl Choices) -> &[u8] {
        let bytes = match choices.below(256) {
            0 => choices.below(MESSAGE_BYTES_MAX),
            n if n % 2 == 0 => choices.below(200),
            _ => choices.one_of(&MESSAGE_BYTES),
        };
        let start = choices.below(MESSAGE_POOL_BYTES - MESSAGE_BYTES_MAX);
        &self.messages[start..start + bytes]
    }

    fn random(&self, choices: &mut impl Choices) -> Encoded {
        let mut bytes = [0; 32];
        choices.fill(&mut bytes);
        self.found(bytes)
    }

    /// y below 19, or the same y written as p + y.
    fn tiny(&self, choices: &mut impl Choices) -> Encoded {
        let y = choices.below(19) as u8;
        let mut bytes = [0; 32];
        if choices.below(2) == 0 {
            bytes[0] = y;
        } else {
            // p = 2^255 - 19.
            bytes = [0xff; 32];
            bytes[0] = 0xed + y;
            bytes[31] = 0x7f;
        }
        bytes[31] |= (choices.below(2) as u8) << 7;
        self.found(bytes)
    }

    /// What is known of arbitrary bytes: nothing, unless they are of small order or -P of a point made here. The latter
    /// come only from flipping the sign, which is `negated` under another name.
    fn found(&self, bytes: [u8; 32]) -> Encoded {
        let opposite = negated(&Encoded {
            bytes,
            scalar: None,
        });
        let known = |known: &&Encoded| known.bytes == bytes;
        let known_opposite = |known: &&Encoded| known.bytes == opposite.bytes;
        let all = || self.small_order.iter().chain(&self.edge);
        let scalar = all().find(known).and_then(|k| k.scalar).or_else(|| {
            let opposite = all().find(known_opposite)?;
            Some(-opposite.scalar?)
        });
        Encoded { bytes, scalar }
    }
}

/// Exchanges, repeats and reorders what is in a batch; its size stays.
pub fn arrange(choices: &mut impl Choices, batch: &mut [Forged<'_>]) {
    let count = batch.len();
    match choices.below(6) {
        0 => batch.reverse(),
        1 => batch.sort_by_key(|forged| forged.key),
        2 => (1..count).rev().for_each(|i| {
            let other = choices.below(i + 1);
            batch.swap(i, other);
        }),
        // Repeats: a quarter of the places gets what stands elsewhere.
        3 => (0..count / 4).for_each(|_| {
            let (from, to) = (choices.below(count), choices.below(count));
            batch[to] = batch[from];
        }),
        _ => {}
    }
}

/// All byte strings that decode to a point of small order: 8 canonical ones and 6 that are not.
fn small_order_encodings() -> [[u8; 32]; 14] {
    // y = p and y = p + 1 (for 0 and 1), with and without sign bit; y = 1 and y = -1 with the sign of x = 0 set.
    let p = |low: u8, high: u8| {
        let mut bytes = [0xff; 32];
        (bytes[0], bytes[31]) = (low, high);
        bytes
    };
    let mut one = [0; 32];
    (one[0], one[31]) = (1, 0x80);
    let others = [
        p(0xed, 0x7f),
        p(0xed, 0xff),
        p(0xee, 0x7f),
        p(0xee, 0xff),
        p(0xec, 0xff),
        one,
    ];
    std::array::from_fn(|i| match i {
        0..8 => EIGHT_TORSION[i].compress().to_bytes(),
        _ => others[i - 8],
    })
}

/// x·B + T.
fn encode(x: Scalar, torsion: EdwardsPoint) -> Encoded {
    Encoded {
        bytes: (EdwardsPoint::mul_base(&x) + torsion).compress().to_bytes(),
        scalar: Some(x),
    }
}

/// -P: the sign of x turned. Where x is 0, -P is P, which both signs stand for.
fn negated(point: &Encoded) -> Encoded {
    let mut bytes = point.bytes;
    bytes[31] ^= 0x80;
    Encoded {
        bytes,
        scalar: point.scalar.map(|x| -x),
    }
}

fn challenge(key: &[u8; 32], r: &[u8; 32], message: &[u8]) -> Scalar {
    let hash = Sha512::new()
        .chain_update(r)
        .chain_update(key)
        .chain_update(message);
    Scalar::from_bytes_mod_order_wide(&hash.finalize().into())
}

fn sign(key: &Encoded, r: &Encoded, message: &[u8]) -> Scalar {
    let known = "signs with what was made here";
    r.scalar.expect(known) + challenge(&key.bytes, &r.bytes, message) * key.scalar.expect(known)
}

/// The verdict: S is below L and is what the one who knows both scalars would have written.
fn holds(key: &Encoded, r: &Encoded, s: &[u8; 32], message: &[u8]) -> bool {
    let below_order: Option<Scalar> = Scalar::from_canonical_bytes(*s).into();
    below_order
        .is_some_and(|s| key.scalar.is_some() && r.scalar.is_some() && s == sign(key, r, message))
}

fn scalar(bytes: &[u8; 32]) -> Scalar {
    Scalar::from_bytes_mod_order(*bytes)
}

/// Numbers around 0, L, 2 L, 2^252, 2^255 and 2^256.
fn edge_of_s(choices: &mut impl Choices) -> [u8; 32] {
    let power = |bit: usize| {
        let mut bytes = [0; 32];
        bytes[bit / 8] = 1 << (bit % 8);
        bytes
    };
    let mut double = ORDER;
    add(&mut double, &ORDER);
    let mut edge = choices.one_of(&[[0; 32], ORDER, double, power(252), power(253), power(255)]);
    let by = choices.one_of(&[[0; 32], power(0), [0xff; 32], power(64), power(128)]);
    add(&mut edge, &by);
    edge
}

/// Adds mod 2^256.
fn add(to: &mut [u8; 32], by: &[u8; 32]) {
    let mut carry = 0;
    for (byte, by) in to.iter_mut().zip(by) {
        carry += u16::from(*byte) + u16::from(*by);
        *byte = carry as u8;
        carry >>= 8;
    }
}

fn flip(choices: &mut impl Choices, bytes: &mut [u8; 32]) {
    let bit = choices.below(256);
    bytes[bit / 8] ^= 1 << (bit % 8);
}
