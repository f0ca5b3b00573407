//! How long this validator waits for the primary before it wants another.
//!
//! The timer runs only while there is work, allows for the pace of the votes, doubles with every view that commits nothing up
//! to a cap, and a validator goes past the next view only after a quorum wanted to leave this one, so nobody runs away alone.

use std::cmp::Ordering;

use bds_contracts::tx::Millis;

use crate::config::Config;
use crate::context::Cx;

use super::Order;

/// The timeout allows this many times what voting took lately, on top of its base: for the pipeline before the
/// proposal, the proposal's own write, and disks that get slower meanwhile.
const VOTING_TIMES: u64 = 4;

/// What patience depends on and `order` does not know by itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outlook<'a> {
    /// Since when the certified tip that has waited longest to be committed has waited.
    pub(crate) tip_since: Option<Millis>,
    /// f+1 by weight, so at least one correct validator, have committed more than this one.
    pub(crate) is_behind: bool,
    /// How long voting takes the others, as they say, rising.
    pub(crate) voting_ms: &'a [u64],
}

/// What this validator has seen of the pace of views.
#[derive(Debug, Default)]
pub(super) struct Patience {
    /// On the way to a view: since when a quorum has wanted it.
    pub(super) wanted_since: Option<Millis>,
    /// When this view was entered, or this validator was last behind others: what waited before that is not counted
    /// against the primary.
    pub(super) fair_since: Millis,
    /// Views in a row that committed nothing.
    failures: u32,
    /// How long slots took lately from the accepted proposal to the commit: the slowest, fading.
    voting_ms: u64,
}

impl Patience {
    pub(super) fn new(now: Millis) -> Self {
        Self {
            fair_since: now,
            ..Self::default()
        }
    }

    /// A slot was committed; `accepted` is when this validator accepted what this view committed.
    pub(super) fn on_commit(&mut self, now: Millis, in_this_view: bool, accepted: Option<Millis>) {
        if in_this_view {
            self.failures = 0;
        }
        if let Some(accepted) = accepted {
            let voting_ms = now.0.saturating_sub(accepted.0);
            self.voting_ms = voting_ms.max(self.voting_ms - self.voting_ms / 8);
        }
    }

    /// By how many bits what is tolerated is stretched.
    pub(super) fn doublings(&self) -> u32 {
        self.failures.min(16)
    }

    /// How long voting on a slot takes here.
    pub(super) fn voting_ms(&self) -> u64 {
        self.voting_ms
    }

    /// The pace of the votes, stretched by what voting takes here: where disks or links are slow, a primary that does its work
    /// is not given up. No single validator stretches it: it never passes twice the median of what all say of themselves.
    fn paced_ms(&self, others: &[u64]) -> u64 {
        let own = self.voting_ms;
        let (middle, place) = (others.len() / 2, others.partition_point(|ms| *ms < own));
        let median = match middle.cmp(&place) {
            Ordering::Less => others[middle],
            Ordering::Equal => own,
            Ordering::Greater => others[middle - 1],
        };
        own.min(2 * median.max(1))
    }

    fn timeout_ms(&self, config: &Config, others: &[u64]) -> u64 {
        let paced = self
            .paced_ms(others)
            .saturating_mul(VOTING_TIMES)
            .saturating_add(config.view_timeout_base_ms);
        let doubled = paced.saturating_mul(1 << self.doublings());
        doubled.min(config.view_timeout_max_ms)
    }
}

impl Order {
    /// Since when the oldest work of this view has waited: a certified tip to be ordered, or a proposal to be committed. One
    /// lane that waits counts, however many others move, so a primary cannot leave a lane out; and nothing waits for ever
    /// behind slots that order little.
    fn work_since(&self, outlook: &Outlook<'_>) -> Option<Millis> {
        let slots = self.slots.range(self.committed + 1..);
        let accepted = slots.filter_map(|(_, slot)| slot.accepted.as_ref());
        let oldest = accepted
            .map(|accepted| accepted.at)
            .chain(outlook.tip_since)
            .min()?;
        Some(Millis(oldest.0.max(self.patience.fair_since.0)))
    }

    /// Since when this validator has waited for the others; `None` while it waits for nothing.
    fn waits_since(&self, outlook: &Outlook<'_>) -> Option<Millis> {
        if !self.may_leave_view() {
            return None;
        }
        if !self.is_voting() {
            self.patience.wanted_since
        } else if outlook.is_behind {
            // Whoever lags behind others has its own catching up to wait for, not the primary.
            None
        } else {
            self.work_since(outlook)
        }
    }

    /// When this validator gives up on what it waits for; `None` while it waits for nothing.
    pub(crate) fn view_due(&self, config: &Config, outlook: &Outlook<'_>) -> Option<Millis> {
        let since = self.waits_since(outlook)?;
        let timeout_ms = self.patience.timeout_ms(config, outlook.voting_ms);
        Some(Millis(since.0 + timeout_ms))
    }

    /// Starts, stops or fires the timer.
    pub(crate) fn watch_view(&mut self, cx: &mut Cx<'_>, outlook: &Outlook<'_>) {
        if self.is_voting() {
            if outlook.is_behind {
                self.patience.fair_since = cx.now;
            }
        } else if self.wanted_by_quorum(cx.notary, self.view_change.target) {
            self.patience.wanted_since.get_or_insert(cx.now);
        } else {
            self.patience.wanted_since = None;
        }
        let due = self.view_due(cx.config, outlook);
        if due.is_some_and(|due| due <= cx.now) {
            self.patience.failures = self.patience.failures.saturating_add(1);
            let next = self.view_change.target + 1;
            self.start_view_change(cx, next);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Against the median of the sorted list, for every place the own figure can take among the others.
    #[test]
    fn patience_is_bounded_by_twice_the_median() {
        let others = [[3, 3, 900].as_slice(), &[1, 5, 9, 9], &[7], &[], &[0, 0, 0]];
        for others in others {
            for own in 0..1_000 {
                let mut all = others.to_vec();
                all.push(own);
                all.sort_unstable();
                let median = all[(all.len() - 1) / 2];
                let patience = Patience {
                    voting_ms: own,
                    ..Patience::default()
                };
                assert_eq!(patience.paced_ms(others), own.min(2 * median.max(1)));
            }
        }
    }
}
