//! Who is primary.

use bds_contracts::block::{Height, ValidatorIndex};

use crate::config::Config;
use crate::message::View;

/// The validator that proposes this slot in a view: the next one with every view, and with every `rotation_slots`.
pub(crate) fn primary_of(config: &Config, view: View, slot: Height) -> ValidatorIndex {
    let n = u64::try_from(config.validators()).expect("a set fits");
    let turn = slot.saturating_sub(1) / config.rotation_slots.max(1);
    ValidatorIndex::try_from((view % n + turn % n) % n).expect("indexes are 16 bits")
}
