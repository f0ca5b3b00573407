//! What was said long ago, in older views, for another chain or another epoch, said again.

use bds_contracts::block::Statement;
use bds_contracts::tx::ChainId;
use bds_core::message::{Message, Vote};

use super::{Behaviour, Scene, Sent};
use crate::sim::random::Key;

/// See the file's first line.
pub(super) struct ReplayOld;

impl Behaviour for ReplayOld {
    fn on_send(&mut self, scene: &mut Scene<'_>, mut sent: Sent) -> Vec<Sent> {
        // A vote that would be right on another ledger, or in another epoch.
        let from = sent.from;
        if let Message::Prepare(vote) | Message::Commit(vote) = &mut sent.message {
            let key = Key(vote.view, vote.slot, u64::from(sent.to));
            if scene.chance(key).chance(200) && scene.lies(key) {
                let statement = Statement::Prepare(vote.view, vote.slot, vote.digest.0);
                let signature = if scene.chance(key).bits().is_multiple_of(2) {
                    scene.sign_for(from, ChainId([8; 32]), 0, &statement)
                } else {
                    scene.sign_elsewhen(from, 1, &statement)
                };
                *vote = Vote { signature, ..*vote };
            }
        }
        vec![sent]
    }

    fn spontaneous(&mut self, scene: &mut Scene<'_>) -> Vec<Sent> {
        let mut all = Vec::new();
        for liar in scene.liars.clone() {
            let key = Key(scene.now, u64::from(liar), 1);
            let mut random = scene.chance(key);
            if scene.seen.any.is_empty() || !random.chance(300) || !scene.lies(key) {
                continue;
            }
            let old = scene.seen.any[random.index(scene.seen.any.len())].clone();
            all.extend(scene.to_all(liar, &old));
        }
        all
    }
}
