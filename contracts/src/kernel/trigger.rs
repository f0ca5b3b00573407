//! Work that a module asked to be done later: due at a time or a height, done at the beginning of a block, behind what modules do there by
//! themselves.
//!
//! What is due is done in the order it was asked for, so many in a block as the limits say, the rest first in the next. Each
//! piece is a transaction of its own: it has a receipt, it is metered, and when it fails it leaves nothing but that receipt.

use borsh::{BorshDeserialize, BorshSerialize};

use super::context::BlockInfo;
use super::member::MemberTables;
use crate::block::Height;
use crate::receipt::Code;
use crate::tx::Millis;

/// Longest data of scheduled work, in bytes.
pub const DATA_MAX: usize = 1024;

/// When work is due.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize,
)]
pub enum When {
    /// In the first block of this time or later.
    Time(Millis),
    /// In this block.
    Height(Height),
}

/// Work to be done later.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Scheduled {
    /// By which module.
    pub module: u16,
    /// What it left for itself.
    pub data: Vec<u8>,
}

/// Whether it can be scheduled in this block.
pub(crate) fn check(block: &BlockInfo, when: When, data: &[u8]) -> Result<(), Code> {
    let later = match when {
        When::Time(time) => time > block.time,
        When::Height(height) => height > block.height,
    };
    if later && data.len() <= DATA_MAX {
        Ok(())
    } else {
        Err(Code::SCHEDULE_INVALID)
    }
}

/// Keys of the work that is due, in the order it was asked for, at most `limit`.
///
/// Of each kind the `limit` longest due are looked at, so the walk is bounded and what waited goes first.
pub(crate) fn due(tables: &MemberTables, block: &BlockInfo, limit: usize) -> Vec<(When, u64)> {
    let of_time = (When::Time(Millis(0)), 0)..=(When::Time(block.time), u64::MAX);
    let of_height = (When::Height(0), 0)..=(When::Height(block.height), u64::MAX);
    let keys = |range| {
        let found = tables.schedule.range(range).take(limit);
        found.map(|(key, _)| *key).collect::<Vec<_>>()
    };
    let mut due = keys(of_time);
    due.extend(keys(of_height));
    due.sort_unstable_by_key(|(_, number)| *number);
    due.truncate(limit);
    due
}
