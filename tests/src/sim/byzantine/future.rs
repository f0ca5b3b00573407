//! Talk of what has not come: votes, results, view changes and status far ahead, right in form and rightly signed.

use bds_contracts::block::{BlockDigest, Statement};
use bds_core::message::{Message, ProposalDigest, Vote};

use super::{Behaviour, Scene, Sent};
use crate::sim::random::Key;

/// See the file's first line.
pub(super) struct Future;

/// How far ahead, from the next to the end of what can be written.
const AHEAD: &[u64] = &[1, 2, 17, 63, 64, 65, 1_000, 1 << 40, u64::MAX - 1];

impl Behaviour for Future {
    fn on_send(&mut self, scene: &mut Scene<'_>, mut sent: Sent) -> Vec<Sent> {
        if let Message::Status(status) = &mut sent.message {
            let key = Key(scene.now, u64::from(sent.from), u64::from(sent.to));
            let mut random = scene.chance(key);
            if random.chance(300) && scene.lies(key) {
                let ahead = random.pick(AHEAD);
                match random.below(4) {
                    0 => status.view = status.view.saturating_add(ahead),
                    1 => status.committed = status.committed.saturating_add(ahead),
                    2 => status.certified = status.certified.saturating_add(ahead),
                    _ => status
                        .lanes
                        .iter_mut()
                        .for_each(|lane| *lane = lane.saturating_add(ahead)),
                }
            }
        }
        vec![sent]
    }

    fn spontaneous(&mut self, scene: &mut Scene<'_>) -> Vec<Sent> {
        let mut all = Vec::new();
        for liar in scene.liars.clone() {
            for ordinal in 0..4 {
                let key = Key(scene.now, u64::from(liar), ordinal);
                let mut random = scene.chance(key);
                if !random.chance(300) || !scene.lies(key) {
                    continue;
                }
                let view = scene.seen.view.saturating_add(random.pick(AHEAD));
                let slot = scene.seen.slot.saturating_add(random.pick(AHEAD));
                let digest = ProposalDigest([9; 32]);
                let message = match random.below(5) {
                    0 => Message::Prepare(Vote {
                        view,
                        slot,
                        digest,
                        signature: scene.sign(liar, &Statement::Prepare(view, slot, digest.0)),
                    }),
                    1 => Message::Commit(Vote {
                        view,
                        slot,
                        digest,
                        signature: scene.sign(liar, &Statement::Commit(view, slot, digest.0)),
                    }),
                    2 => {
                        let digest = BlockDigest([9; 32]);
                        Message::Executed {
                            height: slot,
                            digest,
                            signature: scene.sign(liar, &Statement::Executed(slot, digest)),
                        }
                    }
                    3 => Message::FetchSlots {
                        from: slot,
                        count: u32::MAX,
                    },
                    _ => Message::FetchHeaders {
                        from: 1,
                        count: u32::MAX,
                    },
                };
                all.extend(scene.to_all(liar, &message));
            }
        }
        all
    }
}
