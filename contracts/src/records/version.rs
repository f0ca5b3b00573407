//! Versions of a record: what is anchored of each, and the hash over all of them.
//!
//! The last [`VERSIONS_KEPT`] are remembered. The record's head goes over all: it begins as 32 zero bytes, and each version makes it
//! `SHA-512/256(HEAD_TAG || head || version || root || content hash || body hash || slices || length)`, integers little-endian. So a version that
//! is forgotten is proven by what its event said and what came after it.
//!
//! A body in the transaction is checked against its hash and length, and lies in the log. That of a record that is not in the clear begins as
//! sealed documents do: a check against accidents, for whoever wants to can write clear text behind it.

use borsh::{BorshDeserialize, BorshSerialize};
use sha2::{Digest as _, Sha512, Sha512_256};

use super::call::Call;
use super::event::Event;
use super::module::Records;
use super::record::{self, Cover, Key};
use crate::identity::{account, endorse};
use crate::kernel::context::Cx;
use crate::receipt::Code;
use crate::tx::{ContentHash, Millis};

/// Versions of a record that are remembered.
pub const VERSIONS_KEPT: u32 = 16;
/// Most slices of a version.
pub const SLICES_MAX: u16 = 64;
/// Longest body, in bytes.
pub const LENGTH_MAX: u64 = 1 << 40;
/// Longest body inside a transaction, in bytes.
pub const BODY_MAX: usize = 48 * 1024;
/// First bytes of a sealed document.
pub const SEALED_TAG: [u8; 8] = *b"BDSSEAL1";
/// First bytes under the hash of a head.
pub const HEAD_TAG: &[u8; 16] = b"BDS-RECORDS-HEAD";
/// Bytes of a body that cost one unit to hash.
const BYTES_PER_UNIT: usize = 8;

/// What is anchored of a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Version {
    /// Root over the commitments to its slices.
    pub root: [u8; 32],
    /// SHA-512 of the content, with a salt if it is sealed.
    pub content_hash: ContentHash,
    /// SHA-512 of the body.
    pub body_hash: ContentHash,
    /// How many slices it has.
    pub slices: u16,
    /// Length of the body.
    pub length: u64,
    /// Whether the body lies in the transaction that added it.
    pub inline: bool,
    /// Time of that block.
    pub time: Millis,
}

/// What whoever adds a version says of it.
pub(super) struct NewVersion {
    pub(super) root: [u8; 32],
    pub(super) content_hash: ContentHash,
    pub(super) body_hash: ContentHash,
    pub(super) slices: u16,
    pub(super) length: u64,
}

/// Refused in this order: as [`record::open`]; the number; slices, length or body out of bounds; the body is not what was said; not
/// endorsed.
pub(super) fn add(
    cx: &mut Cx<'_>,
    call: &Call<'_>,
    key: Key,
    number: u32,
    new: &NewVersion,
    body: &[u8],
) -> Result<(), Code> {
    let (slot, record) = record::open(cx, key)?;
    let is_clear = record.cover == Cover::Clear;
    let head = head(&record.head, number, new);
    if record.versions.checked_add(1) != Some(number) {
        return Err(Code::RECORD_VERSION);
    }
    let is_sized = (1..=SLICES_MAX).contains(&new.slices) && (1..=LENGTH_MAX).contains(&new.length);
    if !is_sized || body.len() > BODY_MAX {
        return Err(Code::RECORD_INVALID);
    }
    if !body.is_empty() {
        cx.charge((body.len() / BYTES_PER_UNIT) as u64)?;
        let is_whole = body.len() as u64 == new.length;
        let is_covered = is_clear || body.starts_with(&SEALED_TAG);
        if !is_whole || !is_covered || Sha512::digest(body)[..] != new.body_hash.0 {
            return Err(Code::CONTENT_MISMATCH);
        }
    }
    account::second(cx, key.0, slot, || endorse::digest::<Records>(call))?;

    let version = Version {
        root: new.root,
        content_hash: new.content_hash,
        body_hash: new.body_hash,
        slices: new.slices,
        length: new.length,
        inline: !body.is_empty(),
        time: cx.block().time,
    };
    let (tables, journal) = cx.tables::<Records>();
    tables
        .versions
        .set(journal, (key.0, key.1, number), version)?;
    if let Some(old) = number.checked_sub(VERSIONS_KEPT) {
        tables.versions.remove(journal, &(key.0, key.1, old))?;
    }
    if let Some(record) = tables.records.update(journal, &key)? {
        (record.versions, record.head) = (number, head);
    }
    cx.emit::<Records>(&Event::VersionAdded {
        account: key.0,
        record: key.1,
        version: number,
        root: new.root,
        content_hash: new.content_hash,
        body_hash: new.body_hash,
        slices: new.slices,
        length: new.length,
        inline: version.inline,
        head,
    })
}

fn head(last: &[u8; 32], number: u32, new: &NewVersion) -> [u8; 32] {
    Sha512_256::new()
        .chain_update(HEAD_TAG)
        .chain_update(last)
        .chain_update(number.to_le_bytes())
        .chain_update(new.root)
        .chain_update(new.content_hash.0)
        .chain_update(new.body_hash.0)
        .chain_update(new.slices.to_le_bytes())
        .chain_update(new.length.to_le_bytes())
        .finalize()
        .into()
}
