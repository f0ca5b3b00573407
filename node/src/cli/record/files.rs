//! The secret files of a version of a record: its keys, and the share of an erasable one. Each is new, and only its owner can read it.

use std::path::Path;

use anyhow::Context as _;
use bds_contracts::tx::{AccountId, ChainId};
use bds_seal::Context;
use bds_seal::key::Keys;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::cli::output;

/// More than any key file has; one that grew while it is made would leave copies behind.
const TEXT_BYTES_MAX: usize = 64 * 1024;

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
        let key = crate::keys::parse(&text);
        key.map(Self)
            .ok_or_else(|| serde::de::Error::custom("expected 64 hex digits"))
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
        let (root, part) = self
            .root
            .as_ref()
            .zip(self.chain_part.as_ref())
            .context("this is a share and no key file")?;
        Ok((*root.0, Keys::from_parts(&part.0, self.share())))
    }

    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read(path).map(Zeroizing::new);
        let text = text.with_context(|| format!("cannot read {}", path.display()))?;
        Self::parse(path, &text)
    }

    /// From the bytes of the file at this path.
    pub(super) fn parse(path: &Path, text: &[u8]) -> anyhow::Result<Self> {
        // The words of the parser may hold parts of a key.
        serde_json::from_slice(text).map_err(|problem| {
            let (line, column) = (problem.line(), problem.column());
            anyhow::anyhow!(
                "{} is no key file or share of a record: line {line} column {column}",
                path.display()
            )
        })
    }

    pub(super) fn write(&self, path: &Path) -> anyhow::Result<()> {
        let mut text = Zeroizing::new(Vec::with_capacity(TEXT_BYTES_MAX));
        serde_json::to_writer_pretty(&mut *text, self)?;
        text.push(b'\n');
        output::write_secret(path, &text)
    }
}
