//! What does the engine know beforehand, to ask a device for?
//!
//! Every job carries one known message or two known signatures (one valid, one not), and a device is put through
//! [`known_answers`] before it is trusted with anything.

use std::sync::LazyLock;

use bds_shaders::Path;

use super::fault::Fault;
use super::hash::{HashJob, Sha};
use super::job::Job;
use super::owner::Answer;
use super::tree::TreeJob;
use super::verify::VerifyJob;
use crate::ed25519::SignatureItem;
use crate::merkle::{self, TreeHash};

/// The message that stands in every hashing job: two blocks, no byte like its neighbour.
pub(super) const MESSAGE: [u8; 200] = {
    let mut message = [0; 200];
    let mut i = 0;
    while i < message.len() {
        message[i] = (i * 7 + 3) as u8;
        i += 1;
    }
    message
};

/// Its digest.
pub(super) fn digest(sha: Sha) -> &'static [u8] {
    static DIGESTS: LazyLock<[Vec<u8>; 2]> =
        LazyLock::new(|| [Sha::Full, Sha::Cut].map(|sha| sha.digest([&MESSAGE, &[], &[]])));
    &DIGESTS[sha.mode() as usize]
}

struct Signed {
    key: [u8; 32],
    signature: [u8; 64],
    message: &'static [u8],
}

/// Tests 1 to 3 of RFC 8032, section 7.1.
static SIGNED: [Signed; 3] = [
    Signed {
        key: [
            0xd7, 0x5a, 0x98, 0x01, 0x82, 0xb1, 0x0a, 0xb7, 0xd5, 0x4b, 0xfe, 0xd3, 0xc9, 0x64,
            0x07, 0x3a, 0x0e, 0xe1, 0x72, 0xf3, 0xda, 0xa6, 0x23, 0x25, 0xaf, 0x02, 0x1a, 0x68,
            0xf7, 0x07, 0x51, 0x1a,
        ],
        signature: [
            0xe5, 0x56, 0x43, 0x00, 0xc3, 0x60, 0xac, 0x72, 0x90, 0x86, 0xe2, 0xcc, 0x80, 0x6e,
            0x82, 0x8a, 0x84, 0x87, 0x7f, 0x1e, 0xb8, 0xe5, 0xd9, 0x74, 0xd8, 0x73, 0xe0, 0x65,
            0x22, 0x49, 0x01, 0x55, 0x5f, 0xb8, 0x82, 0x15, 0x90, 0xa3, 0x3b, 0xac, 0xc6, 0x1e,
            0x39, 0x70, 0x1c, 0xf9, 0xb4, 0x6b, 0xd2, 0x5b, 0xf5, 0xf0, 0x59, 0x5b, 0xbe, 0x24,
            0x65, 0x51, 0x41, 0x43, 0x8e, 0x7a, 0x10, 0x0b,
        ],
        message: &[],
    },
    Signed {
        key: [
            0x3d, 0x40, 0x17, 0xc3, 0xe8, 0x43, 0x89, 0x5a, 0x92, 0xb7, 0x0a, 0xa7, 0x4d, 0x1b,
            0x7e, 0xbc, 0x9c, 0x98, 0x2c, 0xcf, 0x2e, 0xc4, 0x96, 0x8c, 0xc0, 0xcd, 0x55, 0xf1,
            0x2a, 0xf4, 0x66, 0x0c,
        ],
        signature: [
            0x92, 0xa0, 0x09, 0xa9, 0xf0, 0xd4, 0xca, 0xb8, 0x72, 0x0e, 0x82, 0x0b, 0x5f, 0x64,
            0x25, 0x40, 0xa2, 0xb2, 0x7b, 0x54, 0x16, 0x50, 0x3f, 0x8f, 0xb3, 0x76, 0x22, 0x23,
            0xeb, 0xdb, 0x69, 0xda, 0x08, 0x5a, 0xc1, 0xe4, 0x3e, 0x15, 0x99, 0x6e, 0x45, 0x8f,
            0x36, 0x13, 0xd0, 0xf1, 0x1d, 0x8c, 0x38, 0x7b, 0x2e, 0xae, 0xb4, 0x30, 0x2a, 0xee,
            0xb0, 0x0d, 0x29, 0x16, 0x12, 0xbb, 0x0c, 0x00,
        ],
        message: &[0x72],
    },
    Signed {
        key: [
            0xfc, 0x51, 0xcd, 0x8e, 0x62, 0x18, 0xa1, 0xa3, 0x8d, 0xa4, 0x7e, 0xd0, 0x02, 0x30,
            0xf0, 0x58, 0x08, 0x16, 0xed, 0x13, 0xba, 0x33, 0x03, 0xac, 0x5d, 0xeb, 0x91, 0x15,
            0x48, 0x90, 0x80, 0x25,
        ],
        signature: [
            0x62, 0x91, 0xd6, 0x57, 0xde, 0xec, 0x24, 0x02, 0x48, 0x27, 0xe6, 0x9c, 0x3a, 0xbe,
            0x01, 0xa3, 0x0c, 0xe5, 0x48, 0xa2, 0x84, 0x74, 0x3a, 0x44, 0x5e, 0x36, 0x80, 0xd7,
            0xdb, 0x5a, 0xc3, 0xac, 0x18, 0xff, 0x9b, 0x53, 0x8d, 0x16, 0xf2, 0x90, 0xae, 0x67,
            0xf7, 0x60, 0x98, 0x4d, 0xc6, 0x59, 0x4a, 0x7c, 0x15, 0xe9, 0x71, 0x6e, 0xd2, 0x8d,
            0xc0, 0x27, 0xbe, 0xce, 0xea, 0x1e, 0xc4, 0x0a,
        ],
        message: &[0xaf, 0x82],
    },
];

/// A valid signature; which one turns with `number`.
pub(super) fn valid(number: usize) -> SignatureItem<'static> {
    let signed = &SIGNED[number % SIGNED.len()];
    SignatureItem {
        key: &signed.key,
        signature: &signed.signature,
        message: signed.message,
    }
}

/// One that is not, although all its parts decode: a valid one over another message.
pub(super) fn invalid(number: usize) -> SignatureItem<'static> {
    SignatureItem {
        message: b"another",
        ..valid(number)
    }
}

/// Puts a device through jobs of every kind, as a call would send them.
///
/// # Errors
/// What went wrong; the device is then not to be used.
pub(super) fn known_answers(
    path: Path,
    mut run: impl FnMut(Job) -> Result<Answer, Fault>,
) -> Result<(), Fault> {
    // Any nonce will do, as long as each job has its own.
    let mut nonce = 0x5bd1_e995_u32;
    let mut next = || {
        nonce = nonce.wrapping_mul(0x0019_660d).wrapping_add(0x3c6e_f35f);
        nonce.clamp(1, u32::MAX - 1)
    };
    // Every edge of the padding, in more than one workgroup.
    let painted: Vec<u8> = (0..300).map(|i| (i % 251) as u8).collect();
    let messages: Vec<&[u8]> = (0..300).map(|bytes| &painted[..bytes]).collect();
    for sha in [Sha::Full, Sha::Cut] {
        let (job, checks) = HashJob::new(Vec::new(), path, next(), sha, &[], &messages, 77);
        let mut digests = vec![0; messages.len() * sha.digest_bytes()];
        checks.take(&run(job)?.bytes, &mut digests)?;
        let expected: Vec<u8> = messages
            .iter()
            .flat_map(|message| sha.digest([message, &[], &[]]))
            .collect();
        if digests != expected {
            return Err(Fault::WrongAnswer);
        }
        match sha {
            Sha::Full => known_tree::<merkle::Sha512>(path, sha, &messages, &mut next, &mut run)?,
            Sha::Cut => {
                known_tree::<merkle::Sha512_256>(path, sha, &messages, &mut next, &mut run)?
            }
        }
    }
    known_verdicts(path, &mut next, &mut run)
}

/// Verdicts at the edges of the rule, each in several lanes and workgroups.
fn known_verdicts(
    path: Path,
    next: &mut impl FnMut() -> u32,
    run: &mut impl FnMut(Job) -> Result<Answer, Fault>,
) -> Result<(), Fault> {
    let number = |low: u8, rest: u8, high: u8| {
        let mut bytes = [rest; 32];
        (bytes[0], bytes[31]) = (low, high);
        bytes
    };
    // The neutral point, in its own encoding and in one that is not canonical; then a y that no point has.
    let points = [
        number(1, 0, 0),
        number(0xee, 0xff, 0x7f),
        number(1, 0, 0x80),
        number(2, 0, 0),
    ];
    // S = 0 fits neutral points; 8, and the group's order instead of 0, do not.
    let mut order = [0; 32];
    order[..16].copy_from_slice(&27742317777372353535851937790883648493_u128.to_le_bytes());
    order[31] = 0x10;
    let scalars = [[0; 32], number(8, 0, 0), order];
    let mut crafted = Vec::new();
    for (a, key) in points.iter().enumerate() {
        for (r, point) in points.iter().enumerate() {
            for (s, scalar) in scalars.iter().enumerate() {
                let mut signature = [0; 64];
                signature[..32].copy_from_slice(point);
                signature[32..].copy_from_slice(scalar);
                crafted.push((key, signature, a < 3 && r < 3 && s == 0));
            }
        }
    }
    let crafted = crafted.iter().map(|(key, signature, expected)| {
        let item = SignatureItem {
            key,
            signature,
            message: b"known",
        };
        (item, *expected)
    });
    let signed = (0..6).flat_map(|i| [(valid(i), true), (invalid(i), false)]);
    let (items, expected): (Vec<_>, Vec<_>) = crafted.chain(signed).cycle().take(300).unzip();
    let (job, checks) = VerifyJob::new(Vec::new(), path, next(), &items, [100, 200]);
    if checks.take(&run(job)?.bytes)? != expected {
        return Err(Fault::WrongAnswer);
    }
    Ok(())
}

/// Whole trees over some of `leaves`, odd levels among them.
fn known_tree<H: TreeHash>(
    path: Path,
    sha: Sha,
    leaves: &[&[u8]],
    next: &mut impl FnMut() -> u32,
    run: &mut impl FnMut(Job) -> Result<Answer, Fault>,
) -> Result<(), Fault> {
    let cpu = crate::Portable::exact();
    for count in [1, 2, 3, 131] {
        let some = &leaves[..count];
        let expected = merkle::root::<H>(&cpu, some).map_err(|_| Fault::WrongAnswer)?;
        let mut root = vec![0; sha.digest_bytes()];
        let (job, checks) = TreeJob::over_leaves(Vec::new(), path, next(), sha, some, 8, count / 2);
        checks.take(&run(job)?.bytes, &mut root)?;
        if root != expected.as_ref() {
            return Err(Fault::WrongAnswer);
        }
        let nodes: Vec<H::Digest> = some.iter().map(|leaf| H::leaf(leaf)).collect();
        let nodes = H::flat(&nodes);
        let (job, checks) = TreeJob::over_nodes(Vec::new(), path, next(), sha, nodes, 8, count - 1);
        checks.take(&run(job)?.bytes, &mut root)?;
        if root != expected.as_ref() {
            return Err(Fault::WrongAnswer);
        }
    }
    Ok(())
}
