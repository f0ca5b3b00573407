//! Work that a module asked to be done later: due at a time or a height, done at the beginning of a block, behind what modules do there by
//! themselves.
//!
//! What is due is done in the order it was asked for, so many in a block as the limits say, the rest first in the next. Work of modules
//! that yield and that of all others stand apart, so that neither is walked to find the other: each has half of the places, and what the
//! other leaves. Each piece is a transaction of its own: it has a receipt, it is metered, and when it fails it leaves nothing but that receipt.

use borsh::{BorshDeserialize, BorshSerialize};

use super::context::BlockInfo;
use super::member::MemberTables;
use super::ordered::Ordered;
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

/// Work that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Due {
    /// Whether its module yields.
    pub(crate) yields: bool,
    /// Where it stands among such work.
    pub(crate) key: (When, u64),
}

/// The work that is due, in the order it was asked for, at most `limit`: of what yields half of them and whatever the rest leaves.
pub(crate) fn due(tables: &MemberTables, block: &BlockInfo, limit: usize) -> Vec<Due> {
    let mut due = longest(&tables.schedule, block, limit);
    let mut yielding = longest(&tables.yielding, block, limit);
    yielding.truncate((limit / 2).max(limit - due.len()));
    due.truncate(limit - yielding.len());
    let of = |yields| move |key| Due { yields, key };
    let mut all: Vec<Due> = due.into_iter().map(of(false)).collect();
    all.extend(yielding.into_iter().map(of(true)));
    all.sort_unstable_by_key(|due| due.key.1);
    all
}

/// Of each kind the `limit` longest due are looked at, so the walk is bounded and what waited goes first; `limit` of both in the order
/// they were asked for.
fn longest(
    work: &Ordered<(When, u64), Scheduled>,
    block: &BlockInfo,
    limit: usize,
) -> Vec<(When, u64)> {
    let of_time = (When::Time(Millis(0)), 0)..=(When::Time(block.time), u64::MAX);
    let of_height = (When::Height(0), 0)..=(When::Height(block.height), u64::MAX);
    let keys = |range| work.range(range).take(limit).map(|(key, _)| *key);
    let mut due: Vec<_> = keys(of_time).chain(keys(of_height)).collect();
    due.sort_unstable_by_key(|(_, number)| *number);
    due.truncate(limit);
    due
}
