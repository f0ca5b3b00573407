//! Who signs: a client's Ed25519 key, from seed, chance or file.

use std::fmt;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use bds_contracts::block::Signature;
use bds_contracts::kernel::envelope::Draft;
use bds_contracts::tx::PublicKey;
use ed25519_dalek::{Signer as _, SigningKey};
use zeroize::Zeroizing;

/// A private key. Wiped from memory when dropped, and never printed.
#[derive(Clone)]
pub struct Signer(SigningKey);

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The system gave no random bytes.
    #[error("the system's random source failed: {0}")]
    Random(getrandom::Error),
    /// The file cannot be read or written.
    #[error("key file {}: {source}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The file is there and holds something else.
    #[error("key file {}: expected 64 hexadecimal digits (a 32-byte seed)", path.display())]
    NotAKey {
        /// Which file.
        path: PathBuf,
    },
}

impl Signer {
    /// The key that RFC 8032 derives from this seed.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// A new key out of the system's random source.
    ///
    /// # Errors
    /// [`KeyError::Random`].
    pub fn generate() -> Result<Self, KeyError> {
        let mut seed = Zeroizing::new([0; 32]);
        getrandom::fill(seed.as_mut()).map_err(KeyError::Random)?;
        Ok(Self::from_seed(&seed))
    }

    /// Reads a file of 64 hexadecimal digits, white space around them allowed.
    ///
    /// # Errors
    /// [`KeyError::File`] or [`KeyError::NotAKey`].
    pub fn read(path: &Path) -> Result<Self, KeyError> {
        let text = std::fs::read_to_string(path).map_err(|source| KeyError::File {
            path: path.to_owned(),
            source,
        })?;
        let text = Zeroizing::new(text);
        let mut seed = Zeroizing::new([0; 32]);
        hex::decode_to_slice(text.trim(), seed.as_mut()).map_err(|_| KeyError::NotAKey {
            path: path.to_owned(),
        })?;
        Ok(Self::from_seed(&seed))
    }

    /// Writes the seed as hexadecimal digits, readable by the owner only. An existing file is never overwritten.
    ///
    /// # Errors
    /// [`KeyError::File`], also when the file exists.
    pub fn write_new(&self, path: &Path) -> Result<(), KeyError> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let seed = Zeroizing::new(self.0.to_bytes());
        let text = Zeroizing::new(hex::encode(seed.as_ref()) + "\n");
        options
            .open(path)
            .and_then(|mut file| {
                file.write_all(text.as_bytes())?;
                file.sync_all()
            })
            .map_err(|source| KeyError::File {
                path: path.to_owned(),
                source,
            })
    }

    /// The public half: the sender of this key's transactions.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        PublicKey(self.0.verifying_key().to_bytes())
    }

    /// Signature over exactly these bytes.
    #[must_use]
    pub fn sign_bytes(&self, message: &[u8]) -> Signature {
        Signature(self.0.sign(message).to_bytes())
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({})", self.public_key())
    }
}

/// Wire bytes of a transaction: the signed bytes and the signature. Cost: one signature, about 20 µs on one core.
///
/// # Panics
/// When `signer` is not the transaction's sender: every node would refuse it.
#[must_use]
pub fn sign(draft: &Draft, signer: &Signer) -> Vec<u8> {
    assert_eq!(
        draft.sender,
        signer.public_key(),
        "a transaction is signed by its sender"
    );
    let mut bytes = draft.signed_bytes();
    let signature = signer.sign_bytes(&bytes);
    bytes.extend_from_slice(&signature.0);
    bytes
}
