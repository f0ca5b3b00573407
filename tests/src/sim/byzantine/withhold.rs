//! Votes withheld until the last moment: just before the others would give the view up.

use std::collections::VecDeque;

use bds_core::message::Message;

use super::{Behaviour, Scene, Sent};
use crate::sim::random::Key;

/// Microseconds from the vote to the moment it leaves: a little less than the shortest view timeout.
const HELD_US: u64 = 850_000;
/// Votes held at once.
const HELD_MAX: usize = 256;

/// See the file's first line.
#[derive(Default)]
pub(super) struct Withhold {
    held: VecDeque<(u64, Sent)>,
}

impl Behaviour for Withhold {
    fn on_send(&mut self, scene: &mut Scene<'_>, sent: Sent) -> Vec<Sent> {
        let (view, slot) = match &sent.message {
            Message::Prepare(vote) | Message::Commit(vote) => (vote.view, vote.slot),
            Message::PrePrepare(proposed) => (proposed.view, proposed.proposal.slot),
            _ => return vec![sent],
        };
        let key = Key(view, slot, u64::from(sent.to));
        if self.held.len() < HELD_MAX && scene.lies(key) {
            self.held.push_back((scene.now + HELD_US, sent));
            return Vec::new();
        }
        vec![sent]
    }

    fn spontaneous(&mut self, scene: &mut Scene<'_>) -> Vec<Sent> {
        let mut due = Vec::new();
        while self.held.front().is_some_and(|(at, _)| *at <= scene.now) {
            due.extend(self.held.pop_front().map(|(_, sent)| sent));
        }
        due
    }
}
