//! What a meter said of a period.

use borsh::{BorshDeserialize, BorshSerialize};

use super::rules::Quality;
use crate::amount::WattHours;

/// How long after its period a reading can still be made or corrected, in milliseconds: three years of 366 days.
pub const LATE_MAX: u64 = 3 * 366 * 24 * 3_600 * 1_000;

/// The value that counts of a meter and a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Reading {
    /// What went into the grid; below zero what came out of it.
    pub energy: WattHours,
    /// How it came about.
    pub quality: Quality,
    /// 1 for the first, one more with every correction.
    pub version: u16,
}
