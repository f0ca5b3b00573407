//! Who has what: status messages, repeating what a peer seems to miss, and catching up with those who are ahead.
//!
//! | file | question |
//! |---|---|
//! | `status` | what the others say they have, and what to repeat for them |
//! | `fetch` | what to ask them for, and which answers to take; when they are too far ahead for that |
//!
//! The machine knows the others; where this validator stands it is told. It says what is to be repeated, and which slots
//! and headers are proven; it changes nothing itself.

mod fetch;
mod status;

use std::collections::BTreeSet;

use bds_contracts::block::{CertifiedHeader, Height, ValidatorIndex};
use bds_contracts::tx::Millis;

use crate::batch::Position;
use crate::config::Config;
use crate::gate::notary::Notary;
use crate::message::{Status, View};
use fetch::Questions;

/// Where this validator stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Standing {
    /// View it is in.
    pub(crate) view: View,
    /// Last slot it committed without a gap below.
    pub(crate) committed: Height,
    /// Last slot it executed.
    pub(crate) executed: Height,
    /// Last block executed here whose result is certified.
    pub(crate) certified: Height,
    /// First block that nobody has shown it the certificate of.
    pub(crate) unproven: Height,
}

/// The machine.
#[derive(Default)]
pub(crate) struct Sync {
    /// Last status of every other validator, by index.
    statuses: Vec<Option<Status>>,
    /// What those say of how long voting takes, rising.
    voting_ms: Vec<u64>,
    /// The highest position of the own lane that f+1 of them by weight, so at least one correct, say they hold; `None` before
    /// a quorum, this validator among it, has said anything.
    own_lane_held: Option<Position>,
    /// When something was last repeated for each validator.
    repeated_at: Vec<Option<Millis>>,
    /// No state is taken before.
    replays_until: Millis,
    slots: Questions,
    headers: Questions,
    status_due: Millis,
    /// `committed` and `certified` at the last own status: without progress since, even one block behind is a reason to
    /// ask.
    committed_then: Height,
    certified_then: Height,
    slots_stalled: bool,
    headers_stalled: bool,
    /// The block whose certificate was asked for last, and who answered without it.
    lacking: (Height, BTreeSet<ValidatorIndex>),
    /// The slot that was asked for last, and who has committed it and does not have it any more.
    slots_gone: (Height, BTreeSet<ValidatorIndex>),
    /// Answers refused since the last one that was taken.
    refused: u64,
}

/// Proven headers that a peer had, rising.
#[derive(Debug, Default)]
pub(crate) struct ProvenHeaders {
    pub(crate) headers: Vec<CertifiedHeader>,
    /// A quorum, this validator among it, has no certificate of the first block that was asked for: it is lost.
    pub(crate) first_is_lost: bool,
}

impl Sync {
    /// Nothing is known of the others; nothing of this is on disk.
    pub(crate) fn new(config: &Config, notary: &Notary, now: Millis) -> Self {
        let mut sync = Self {
            statuses: vec![None; config.validators()],
            repeated_at: vec![None; config.validators()],
            status_due: now,
            replays_until: Millis(now.0.saturating_add(config.replay_ms)),
            ..Self::default()
        };
        sync.digest_statuses(config, notary);
        sync
    }

    /// Answers refused since the last one that was taken.
    pub(crate) fn refused(&self) -> u64 {
        self.refused
    }
}
