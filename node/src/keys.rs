//! The two keys of a validator, on disk and in memory.
//!
//! `validator.key` signs votes; `network.key` is the libp2p identity. Both are 32 bytes in hex in a file that only its
//! owner can read. They are never the same key: a leak of one does not forge the other's statements. A network that nobody else
//! may speak to, as that of a private ledger, has a third in every home, the same in all of them.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use bds_contracts::genesis::Profile;
use bds_contracts::tx::PublicKey;
use ed25519_dalek::SigningKey;
use zeroize::Zeroizing;

/// Signs votes.
pub const VALIDATOR_KEY_FILE: &str = "validator.key";
/// Identity towards other validators.
pub const NETWORK_KEY_FILE: &str = "network.key";

/// Shared by all validators of a network that nobody else may speak to; the same in every home.
pub const SHARED_KEY_FILE: &str = "network-shared.key";

/// Why a key file is of no use.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// It cannot be read.
    #[error("cannot read key file {path}: {error}")]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// It cannot be written.
    #[error("cannot write key file {path}: {error}; an existing key is never overwritten")]
    Unwritable {
        /// Which.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// It holds something else.
    #[error("key file {0} must hold 64 hex digits (a key of 32 bytes)")]
    Malformed(PathBuf),
    /// A private ledger's network is closed, and this home has no key to it.
    #[error(
        "a private ledger needs a key that all its validators share: {0} is missing; make it once with `bds keys new {0}` and copy it into every home"
    )]
    NotShared(PathBuf),
    /// The operating system gave no randomness.
    #[error("the operating system gives no randomness: {0}")]
    NoRandomness(getrandom::Error),
}

/// A secret seed; wiped from memory when dropped.
pub type Seed = Zeroizing<[u8; 32]>;

/// Draws a seed from the operating system.
///
/// # Errors
/// [`KeyError::NoRandomness`].
pub fn generate() -> Result<Seed, KeyError> {
    let mut seed = Zeroizing::new([0; 32]);
    getrandom::fill(seed.as_mut_slice()).map_err(KeyError::NoRandomness)?;
    Ok(seed)
}

/// The key that all validators of this network share, if there is one; a private ledger must have one.
///
/// # Errors
/// [`KeyError`].
pub fn shared(home: &Path, profile: Profile) -> Result<Option<Seed>, KeyError> {
    let path = home.join(SHARED_KEY_FILE);
    match read(&path) {
        Ok(key) => Ok(Some(key)),
        Err(KeyError::Unreadable { error, .. }) if error.kind() == std::io::ErrorKind::NotFound => {
            match profile {
                Profile::Private => Err(KeyError::NotShared(path)),
                Profile::Public | Profile::Consortium => Ok(None),
            }
        }
        Err(error) => Err(error),
    }
}

/// Writes a new key file with mode 0600; refuses when it exists.
///
/// # Errors
/// [`KeyError::Unwritable`].
pub fn write(path: &Path, seed: &Seed) -> Result<(), KeyError> {
    let unwritable = |error| KeyError::Unwritable {
        path: path.to_path_buf(),
        error,
    };
    let text = Zeroizing::new(hex::encode(seed.as_slice()));
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(unwritable)?;
    writeln!(file, "{}", text.as_str())
        .and_then(|()| file.sync_all())
        .map_err(unwritable)
}

/// Reads a key file.
///
/// # Errors
/// [`KeyError::Unreadable`], [`KeyError::Malformed`].
pub fn read(path: &Path) -> Result<Seed, KeyError> {
    let text = std::fs::read_to_string(path)
        .map(Zeroizing::new)
        .map_err(|error| KeyError::Unreadable {
            path: path.to_path_buf(),
            error,
        })?;
    parse(&text).ok_or_else(|| KeyError::Malformed(path.to_path_buf()))
}

/// Reads 64 hex digits.
#[must_use]
pub fn parse(text: &str) -> Option<Seed> {
    let mut seed = Zeroizing::new([0; 32]);
    hex::decode_to_slice(text.trim(), seed.as_mut_slice()).ok()?;
    Some(seed)
}

/// The Ed25519 public key of a seed.
#[must_use]
pub fn public(seed: &Seed) -> PublicKey {
    PublicKey(SigningKey::from_bytes(seed).verifying_key().to_bytes())
}

/// The libp2p identity of a seed.
#[must_use]
pub fn network_identity(seed: &Seed) -> libp2p::identity::Keypair {
    let mut copy = **seed;
    // from_bytes wipes what it is given; 32 bytes are always an Ed25519 seed.
    libp2p::identity::Keypair::ed25519_from_bytes(&mut copy).expect("32 bytes are a seed")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_survives_the_file_and_is_never_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(VALIDATOR_KEY_FILE);
        let seed = generate().unwrap();
        write(&path, &seed).unwrap();
        assert_eq!(*read(&path).unwrap(), *seed);
        assert!(matches!(
            write(&path, &seed),
            Err(KeyError::Unwritable { .. })
        ));
        std::fs::write(&path, "not a key").unwrap();
        assert!(matches!(read(&path), Err(KeyError::Malformed(_))));
    }

    #[test]
    fn public_key_follows_rfc8032() {
        // RFC 8032, section 7.1, test 1.
        let seed =
            parse("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60").unwrap();
        assert_eq!(
            public(&seed).to_string(),
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
        );
    }
}
