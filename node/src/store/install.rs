//! A home goes on from a state that others computed: its ledger log then begins behind that block.
//!
//! What the home held of the ledger before is removed, but for what it had archived; what this validator signed, `votes/`, never is. A marker with the block that proves the
//! new base says that the removal has begun, so that a crash leaves either the old home or one whose next opening ends the work.

use std::path::Path;
use std::sync::Arc;

use bds_contracts::block::CertifiedHeader;
use bds_contracts::tx::ChainId;

use super::error::StoreError;
use super::home::{HomeLock, Meta, MetaFiles};
use super::log::write_all;
use super::medium::Medium;
use super::snapshots::{Snapshot, Snapshots};
use super::{ARCHIVE_DIR, INDEX_DIR, LEDGER_DIR, SNAPSHOTS_DIR, Store, StoreOptions};

const MARKER: &str = "install";

/// Puts this state, which the caller has checked, in the place of what the home holds of the ledger.
///
/// # Errors
/// [`StoreError`]: home in use, the system's. The home can be opened then, with what it held before or with this.
pub fn install(
    home: &Path,
    chain: ChainId,
    options: &StoreOptions,
    snapshot: &Snapshot,
    certified: CertifiedHeader,
) -> Result<(), StoreError> {
    let medium = &options.medium;
    let lock = HomeLock::take(medium.as_ref(), home)?;
    let snapshots = Snapshots::open(Arc::clone(medium), &home.join(SNAPSHOTS_DIR))?;
    snapshots.save(&snapshot.header, &snapshot.lane_tips, &snapshot.state)?;
    let path = home.join(MARKER);
    let failed = |e| StoreError::io("writing", &path, e);
    let mut bytes = borsh::to_vec(&certified).expect("writing to memory cannot fail");
    bytes.extend_from_slice(&crc32c::crc32c(&bytes).to_le_bytes());
    let mut marker = medium.rewrite(&path).map_err(failed)?;
    write_all(marker.as_mut(), &bytes).map_err(failed)?;
    marker.sync().map_err(|e| StoreError::sync(&path, e))?;
    let synced = medium.sync_dir(home);
    synced.map_err(|e| StoreError::sync(home, e))?;
    drop(lock);
    Store::open(home, chain, options.clone())?.store.close()
}

/// Removes what an installation that was begun replaces. The block that the ledger log then begins behind, to be its first record;
/// [`finish`] comes after that.
pub(super) fn go_on(
    medium: &Arc<dyn Medium>,
    home: &Path,
    chain: ChainId,
) -> Result<Option<CertifiedHeader>, StoreError> {
    let path = home.join(MARKER);
    let bytes = match medium.view(&path, None) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(StoreError::io("reading", &path, e)),
    };
    let Some(certified) = parse(&bytes) else {
        // Not written to its end: nothing has been removed.
        drop(bytes);
        finish(medium, home)?;
        return Ok(None);
    };
    for dir in [LEDGER_DIR, INDEX_DIR] {
        let dir = home.join(dir);
        let files = medium.list(&dir);
        let files = files.map_err(|e| StoreError::io("listing", &dir, e))?;
        for file in files {
            let removed = medium.remove(&file);
            removed.map_err(|e| StoreError::io("removing", &file, e))?;
        }
    }
    // What was archived does not lead up to the new beginning.
    let archive = home.join(ARCHIVE_DIR);
    let archived = medium.list(&archive);
    let archived = archived.map_err(|e| StoreError::io("listing", &archive, e))?;
    if !archived.is_empty() {
        let height = certified.header.height;
        let away = home.join(format!("{ARCHIVE_DIR}-before-{height}"));
        let renamed = medium.rename(&archive, &away);
        renamed.map_err(|e| StoreError::io("renaming", &archive, e))?;
    }
    let (mut files, meta) = MetaFiles::open(Arc::clone(medium), home)?;
    let meta = Meta {
        ledger: meta.map_or(chain, |meta| meta.ledger),
        vote_records: meta.map_or(0, |meta| meta.vote_records),
        ledger_records: 0,
        ledger_first: 0,
        base: certified.header.height,
        forgotten: meta.map_or(0, |meta| meta.forgotten),
    };
    for _ in 0..2 {
        files.write(meta)?;
    }
    Ok(Some(certified))
}

/// The installation is whole.
pub(super) fn finish(medium: &Arc<dyn Medium>, home: &Path) -> Result<(), StoreError> {
    let path = home.join(MARKER);
    let removed = medium.remove(&path);
    removed.map_err(|e| StoreError::io("removing", &path, e))?;
    let synced = medium.sync_dir(home);
    synced.map_err(|e| StoreError::sync(home, e))
}

fn parse(bytes: &[u8]) -> Option<CertifiedHeader> {
    let (covered, crc) = bytes.split_last_chunk()?;
    let whole = u32::from_le_bytes(*crc) == crc32c::crc32c(covered);
    whole.then(|| borsh::from_slice(covered).ok()).flatten()
}
