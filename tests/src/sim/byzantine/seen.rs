//! What liars remember of what was said, to say it again or almost.

use std::collections::VecDeque;

use bds_contracts::block::{CertifiedHeader, Height, ValidatorIndex};
use bds_core::batch::{Batch, TipCertificate};
use bds_core::message::{
    CommittedSlot, Message, NewView, PrePrepare, ProvenViewChange, View, Vote,
};

/// Kept of each kind.
const KEPT: usize = 32;

/// The last of everything.
#[derive(Default)]
pub struct Seen {
    /// Highest view anyone spoke of.
    pub view: View,
    /// Highest slot anyone proposed.
    pub slot: Height,
    /// Proposals.
    pub proposals: VecDeque<PrePrepare>,
    /// Commits, and who cast them.
    pub commits: VecDeque<(ValidatorIndex, Vote)>,
    /// Lane certificates.
    pub certificates: VecDeque<TipCertificate>,
    /// Batches.
    pub batches: VecDeque<Batch>,
    /// View changes.
    pub changes: VecDeque<ProvenViewChange>,
    /// New views.
    pub new_views: VecDeque<NewView>,
    /// Committed slots.
    pub slots: VecDeque<CommittedSlot>,
    /// Certified headers.
    pub headers: VecDeque<CertifiedHeader>,
    /// Anything, one in so many.
    pub any: VecDeque<Message>,
    count: u64,
}

fn keep<T: Clone>(list: &mut VecDeque<T>, item: &T) {
    if list.len() == KEPT {
        list.pop_front();
    }
    list.push_back(item.clone());
}

impl Seen {
    /// Remembers a message.
    pub(super) fn note(&mut self, from: ValidatorIndex, message: &Message) {
        self.count += 1;
        if self.count.is_multiple_of(17) {
            keep(&mut self.any, message);
        }
        match message {
            Message::PrePrepare(proposed) => {
                self.view = self.view.max(proposed.view);
                self.slot = self.slot.max(proposed.proposal.slot);
                keep(&mut self.proposals, proposed);
            }
            Message::Commit(vote) => keep(&mut self.commits, &(from, *vote)),
            Message::Certificate(certificate) => keep(&mut self.certificates, certificate),
            Message::Batch(batch) => keep(&mut self.batches, batch),
            Message::ViewChange(change) => keep(&mut self.changes, change),
            Message::NewView(new_view) => {
                self.view = self.view.max(new_view.view);
                keep(&mut self.new_views, new_view);
            }
            Message::Slots(slots) => slots.iter().for_each(|s| keep(&mut self.slots, s)),
            Message::Headers(headers) => headers.iter().for_each(|h| keep(&mut self.headers, h)),
            _ => {}
        }
    }
}
