//! What else does the crate registry offer for the same work? One thread each, what the engine decodes decoded here too.
//!
//! Their rules differ: `ed25519-zebra`, `ed25519-consensus` and `commonware-cryptography` follow ZIP-215, the others
//! rules of their own. On honest signatures all agree.

use commonware_codec::{Copying, DecodeExt as _};
use commonware_cryptography::ed25519 as commonware;
use commonware_cryptography::{BatchEntry, BatchVerifier as _, Signer as _};
use ed25519_dalek::{Signature, Verifier as _, VerifyingKey};
use rs_merkle::{Hasher, MerkleTree};
use sha2::Digest as _;

use crate::Signed;

/// A peer's way to verify a batch, by name. Panics when it refuses: all are valid.
pub type Verify = (&'static str, fn(&[Signed]));

/// The one that the targets are about.
pub const DALEK_BATCH: &str = "ed25519-dalek-decode+verify_batch";

/// Every peer that verifies `Signed` as it is.
pub const VERIFY: [Verify; 6] = [
    ("ed25519-dalek-verify", dalek_verify),
    (DALEK_BATCH, dalek_batch),
    ("ed25519-zebra-batch", zebra_batch),
    ("ed25519-consensus-batch", consensus_batch),
    ("ring-verify", ring_verify),
    ("aws-lc-rs-verify", aws_lc_verify),
];

fn key(signed: &Signed) -> VerifyingKey {
    VerifyingKey::from_bytes(&signed.key).expect("made by a signer")
}

/// One by one, each key decoded.
pub fn dalek_verify(signed: &[Signed]) {
    for s in signed {
        let signature = Signature::from_bytes(&s.signature);
        key(s).verify(&s.message, &signature).expect("valid");
    }
}

/// Keys decoded, then one equation.
pub fn dalek_batch(signed: &[Signed]) {
    let keys: Vec<_> = signed.iter().map(key).collect();
    let signatures: Vec<_> = (signed.iter())
        .map(|s| Signature::from_bytes(&s.signature))
        .collect();
    let messages: Vec<_> = signed.iter().map(|s| &s.message[..]).collect();
    ed25519_dalek::verify_batch(&messages, &signatures, &keys).expect("valid");
}

/// Keys as bytes, merged where equal.
pub fn zebra_batch(signed: &[Signed]) {
    let mut batch = ed25519_zebra::batch::Verifier::new();
    for s in signed {
        let key = ed25519_zebra::VerificationKeyBytes::from(s.key);
        let signature = ed25519_zebra::Signature::from(s.signature);
        batch.queue((key, signature, &s.message));
    }
    batch.verify(XofRng::new()).expect("valid");
}

/// Keys as bytes, merged where equal.
pub fn consensus_batch(signed: &[Signed]) {
    let mut batch = ed25519_consensus::batch::Verifier::new();
    for s in signed {
        let key = ed25519_consensus::VerificationKeyBytes::from(s.key);
        let signature = ed25519_consensus::Signature::from(s.signature);
        batch.queue((key, signature, &s.message));
    }
    batch.verify(XofRng::new()).expect("valid");
}

/// One by one.
pub fn ring_verify(signed: &[Signed]) {
    for s in signed {
        ring::signature::UnparsedPublicKey::new(&ring::signature::ED25519, &s.key)
            .verify(&s.message, &s.signature)
            .expect("valid");
    }
}

/// One by one.
pub fn aws_lc_verify(signed: &[Signed]) {
    for s in signed {
        aws_lc_rs::signature::UnparsedPublicKey::new(&aws_lc_rs::signature::ED25519, &s.key)
            .verify(&s.message, &s.signature)
            .expect("valid");
    }
}

/// Signatures for commonware, which signs a name space along with the message.
pub struct Commonware(Vec<([u8; 32], commonware::Signature, Vec<u8>)>);

const NAMESPACE: &[u8] = b"bench";

impl Commonware {
    /// As [`crate::signatures`].
    #[must_use]
    pub fn sign(count: usize, keys: usize) -> Self {
        let signers: Vec<_> = (0..keys)
            .map(|i| {
                let seed = blake3::hash(&i.to_le_bytes());
                commonware::PrivateKey::decode(Copying(seed.as_bytes())).expect("any 32 bytes")
            })
            .collect();
        let one = |i: usize| {
            let (signer, message) = (&signers[i % keys], crate::message(i, 128));
            let key = signer.public_key();
            let key: &[u8] = key.as_ref();
            let key = key.try_into().expect("32 bytes");
            (key, signer.sign(NAMESPACE, &message), message)
        };
        Self((0..count).map(one).collect())
    }

    /// Keys decoded, then one equation.
    pub fn verify_batch(&self) {
        let keys: Vec<_> = (self.0.iter())
            .map(|(key, ..)| commonware::PublicKey::decode(Copying(key)).expect("made by a signer"))
            .collect();
        let valid = commonware::PublicKey::verify_batch(
            &mut XofRng::new(),
            &self.0[..],
            |i, (_, signature, message)| BatchEntry {
                namespace: NAMESPACE,
                message,
                public_key: &keys[i],
                signature,
            },
            &commonware_parallel::Sequential,
        );
        assert!(valid, "all are");
    }
}

/// sha2 with its assembly, one message after the other.
pub fn sha2_loop(messages: &[&[u8]], digests: &mut [[u8; 64]]) {
    for (message, digest) in messages.iter().zip(digests) {
        *digest = sha2::Sha512::digest(message).into();
    }
}

/// ring, one message after the other.
pub fn ring_loop(messages: &[&[u8]], digests: &mut [[u8; 64]]) {
    for (message, digest) in messages.iter().zip(digests) {
        let made = ring::digest::digest(&ring::digest::SHA512, message);
        digest.copy_from_slice(made.as_ref());
    }
}

/// aws-lc-rs, one message after the other.
pub fn aws_lc_loop(messages: &[&[u8]], digests: &mut [[u8; 64]]) {
    for (message, digest) in messages.iter().zip(digests) {
        let made = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA512, message);
        digest.copy_from_slice(made.as_ref());
    }
}

/// A hash of sha2 as rs_merkle takes it.
#[derive(Clone)]
pub struct Peer<D>(std::marker::PhantomData<D>);

impl Hasher for Peer<sha2::Sha512> {
    type Hash = [u8; 64];
    fn hash(data: &[u8]) -> [u8; 64] {
        sha2::Sha512::digest(data).into()
    }
}

impl Hasher for Peer<sha2::Sha512_256> {
    type Hash = [u8; 32];
    fn hash(data: &[u8]) -> [u8; 32] {
        sha2::Sha512_256::digest(data).into()
    }
}

/// rs_merkle's root, leaf hashing included.
#[must_use]
pub fn rs_merkle<D: Clone>(leaves: &[&[u8]]) -> Option<<Peer<D> as Hasher>::Hash>
where
    Peer<D>: Hasher,
{
    let hashes: Vec<_> = leaves.iter().map(|leaf| Peer::<D>::hash(leaf)).collect();
    MerkleTree::<Peer<D>>::from_leaves(&hashes).root()
}

/// ct-merkle's root with SHA-512, leaf by leaf.
#[must_use]
pub fn ct_merkle(leaves: &[&[u8]]) -> [u8; 64] {
    let mut tree = ct_merkle::mem_backed_tree::MemoryBackedTree::<sha2_0_11::Sha512, &[u8]>::new();
    leaves.iter().for_each(|leaf| tree.push(leaf));
    (*tree.root().as_bytes()).into()
}

/// A fast generator for peers that want one; no secret, this is a bench.
struct XofRng(blake3::OutputReader);

impl XofRng {
    fn new() -> Self {
        Self(blake3::Hasher::new().finalize_xof())
    }
}

impl rand_core::TryRng for XofRng {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        rand_core::utils::next_word_via_fill(self)
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        rand_core::utils::next_word_via_fill(self)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
        self.0.fill(bytes);
        Ok(())
    }
}

impl rand_core::TryCryptoRng for XofRng {}

/// The same for crates of the generation before.
impl rand_core_0_6::RngCore for XofRng {
    fn next_u32(&mut self) -> u32 {
        rand_core_0_6::impls::next_u32_via_fill(self)
    }

    fn next_u64(&mut self) -> u64 {
        rand_core_0_6::impls::next_u64_via_fill(self)
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        self.0.fill(bytes);
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), rand_core_0_6::Error> {
        self.0.fill(bytes);
        Ok(())
    }
}

impl rand_core_0_6::CryptoRng for XofRng {}
