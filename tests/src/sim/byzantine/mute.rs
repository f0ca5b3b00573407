//! Silent to a chosen subset, which changes every few seconds; everyone else hears it as usual.

use super::{Behaviour, Scene, Sent};
use crate::sim::random::Key;

/// See the file's first line.
pub(super) struct Mute;

impl Behaviour for Mute {
    fn on_send(&mut self, scene: &mut Scene<'_>, sent: Sent) -> Vec<Sent> {
        let span = scene.now / 2_000_000;
        let key = Key(span, u64::from(sent.from), u64::from(sent.to));
        if scene.chance(key).chance(400) && scene.lies(key) {
            return Vec::new();
        }
        vec![sent]
    }
}
