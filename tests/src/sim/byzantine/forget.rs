//! A twin with lost memory: a liar that starts again from nothing, and says its part a second time, differently.

use bds_contracts::block::ValidatorIndex;

use super::{Behaviour, Scene};
use crate::sim::random::Key;

/// See the file's first line.
pub(super) struct Forget;

impl Behaviour for Forget {
    fn restarts(&mut self, scene: &mut Scene<'_>) -> Vec<ValidatorIndex> {
        let mut all = Vec::new();
        for liar in scene.liars.clone() {
            let key = Key(scene.now, u64::from(liar), 0);
            if scene.chance(key).chance(15) && scene.lies(key) {
                all.push(liar);
            }
        }
        all
    }
}
