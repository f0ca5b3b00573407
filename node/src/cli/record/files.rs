//! The secret files of records: a reader's key, a version's keys, and the share of an erasable one. Each is new, and only its owner
//! can read it (mode 0600).

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::Context as _;
use bds_contracts::tx::{AccountId, ChainId};
use bds_seal::Context;
use bds_seal::key::{Keys, ReaderSecret};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// What a version of a record is sealed with, or its share alone.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KeyFile {
    chain: ChainId,
    account: u64,
    record: u64,
    version: u32,
    /// Labels of the slices in order; none in a share.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) labels: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    root: Option<Hex>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    chain_part: Option<Hex>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    share: Option<Hex>,
}

/// 32 bytes as hex digits, wiped from memory when dropped.
#[derive(Clone)]
struct Hex(Zeroizing<[u8; 32]>);

impl Serialize for Hex {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&Zeroizing::new(hex::encode(self.0.as_slice())))
    }
}

impl<'de> Deserialize<'de> for Hex {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = Zeroizing::new(String::deserialize(d)?);
        let mut bytes = Zeroizing::new([0; 32]);
        hex::decode_to_slice(text.as_str(), bytes.as_mut_slice())
            .map_err(serde::de::Error::custom)?;
        Ok(Self(bytes))
    }
}

impl KeyFile {
    /// Everything that a version was sealed with.
    pub(super) fn of(context: &Context, root: &[u8; 32], labels: Vec<String>, keys: &Keys) -> Self {
        let (chain_part, share) = keys.parts();
        Self {
            labels,
            root: Some(Hex(Zeroizing::new(*root))),
            chain_part: Some(Hex(chain_part)),
            share: share.map(Hex),
            ..Self::empty(context)
        }
    }

    /// The share alone, if there is one.
    pub(super) fn share_of(context: &Context, keys: &Keys) -> Option<Self> {
        let (_, share) = keys.parts();
        let share = Some(Hex(share?));
        Some(Self {
            share,
            ..Self::empty(context)
        })
    }

    fn empty(context: &Context) -> Self {
        Self {
            chain: context.chain,
            account: context.owner.0,
            record: context.record,
            version: context.version,
            labels: Vec::new(),
            root: None,
            chain_part: None,
            share: None,
        }
    }

    pub(super) fn context(&self) -> Context {
        Context {
            chain: self.chain,
            owner: AccountId(self.account),
            record: self.record,
            version: self.version,
        }
    }

    pub(super) fn share(&self) -> Option<&[u8; 32]> {
        self.share.as_ref().map(|share| &*share.0)
    }

    /// Root and keys; an error for a share.
    pub(super) fn keys(&self) -> anyhow::Result<([u8; 32], Keys)> {
        let root = self
            .root
            .as_ref()
            .context("this is a share and no key file")?;
        let part = self.chain_part.as_ref();
        let part = part.context("this is a share and no key file")?;
        Ok((*root.0, Keys::from_parts(&part.0, self.share())))
    }

    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        let text = read(path)?;
        serde_json::from_str(&text)
            .map_err(|_| anyhow::anyhow!("{} is no key file of a record", path.display()))
    }

    pub(super) fn write(&self, path: &Path) -> anyhow::Result<()> {
        write_new(path, &Zeroizing::new(serde_json::to_string_pretty(self)?))
    }
}

fn read(path: &Path) -> anyhow::Result<Zeroizing<String>> {
    let text = std::fs::read_to_string(path).map(Zeroizing::new);
    text.with_context(|| format!("cannot read {}", path.display()))
}

fn write_new(path: &Path, text: &str) -> anyhow::Result<()> {
    let file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    let written = file.and_then(|mut file| {
        writeln!(file, "{text}")?;
        file.sync_all()
    });
    written.with_context(|| {
        format!(
            "cannot write {}; an existing key is never overwritten",
            path.display()
        )
    })
}

/// 32 bytes that nobody can guess.
///
/// # Errors
/// When the operating system gives none.
pub(super) fn random() -> anyhow::Result<Zeroizing<[u8; 32]>> {
    let mut bytes = Zeroizing::new([0; 32]);
    getrandom::fill(bytes.as_mut_slice())
        .map_err(|problem| anyhow::anyhow!("the operating system gives no randomness: {problem}"))?;
    Ok(bytes)
}

/// A new reader's key, in a file.
pub(super) fn new_reader(path: &Path) -> anyhow::Result<ReaderSecret> {
    let secret = ReaderSecret::generate(&*random()?);
    let text = Zeroizing::new(hex::encode(secret.bytes().as_slice()));
    write_new(path, &text)?;
    Ok(secret)
}

/// A reader's key from its file.
pub(super) fn reader(path: &Path) -> anyhow::Result<ReaderSecret> {
    let seed = crate::keys::parse(&read(path)?);
    let seed = seed
        .with_context(|| format!("{} must hold 64 hex digits (an X25519 key)", path.display()))?;
    Ok(ReaderSecret::from_bytes(&seed))
}

/// Writes over a file and takes it away. On a disk that moves what is written, or with a copy elsewhere, the bytes may stay: that is
/// the keeper's to know.
pub(super) fn destroy(path: &Path) -> anyhow::Result<()> {
    let destroyed = (|| {
        let length = std::fs::metadata(path)?.len();
        let mut file = std::fs::OpenOptions::new().write(true).open(path)?;
        // A key file is short.
        file.write_all(&vec![0; usize::try_from(length).unwrap_or(0)])?;
        file.sync_all()?;
        std::fs::remove_file(path)
    })();
    destroyed.with_context(|| format!("cannot destroy {}", path.display()))
}
