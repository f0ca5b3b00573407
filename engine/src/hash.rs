//! Which hash functions the engine has, by name.

use crate::EngineError;

/// A hash function, chosen at run time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HashAlgorithm {
    /// SHA-512, 64 bytes (FIPS 180-4). The ledger's hash for ids and content.
    Sha512,
    /// SHA-512/256, 32 bytes (FIPS 180-4). The ledger's hash for trees.
    Sha512_256,
    /// SHA-256, 32 bytes (FIPS 180-4).
    Sha256,
    /// BLAKE3 with its default output of 32 bytes.
    Blake3,
}

impl HashAlgorithm {
    /// Every hash, in the order of the documentation.
    pub const ALL: [Self; 4] = [Self::Sha512, Self::Sha512_256, Self::Sha256, Self::Blake3];

    /// Stable lower-case name, used on the command line, in logs and in bench labels.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha512 => "sha512",
            Self::Sha512_256 => "sha512_256",
            Self::Sha256 => "sha256",
            Self::Blake3 => "blake3",
        }
    }

    /// Length of a digest in bytes: 64 for SHA-512, else 32.
    #[must_use]
    pub const fn digest_bytes(self) -> usize {
        match self {
            Self::Sha512 => 64,
            Self::Sha512_256 | Self::Sha256 | Self::Blake3 => 32,
        }
    }
}

impl std::fmt::Display for HashAlgorithm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl std::str::FromStr for HashAlgorithm {
    type Err = EngineError;

    fn from_str(name: &str) -> Result<Self, EngineError> {
        Self::ALL
            .into_iter()
            .find(|h| h.name() == name)
            .ok_or_else(|| EngineError::NoSuchHash {
                name: name.to_owned(),
            })
    }
}
