//! A server that misleads those who catch up: it says it has more than it has, and answers with too little, too much, other
//! heights, the wrong order, or not at all.

use bds_core::message::Message;

use super::{Behaviour, Scene, Sent};
use crate::sim::random::{Key, Random};

/// See the file's first line.
pub(super) struct LyingServer;

/// A list that is not what was asked for.
fn twist<T: Clone>(list: &mut Vec<T>, random: &mut Random) {
    match random.below(5) {
        0 => list.clear(),
        1 => list.reverse(),
        2 => drop(list.drain(..list.len().min(1))),
        3 => {
            let once = list.clone();
            for _ in 0..20 {
                list.extend(once.iter().cloned());
            }
        }
        _ => list.truncate(1),
    }
}

impl Behaviour for LyingServer {
    fn on_send(&mut self, scene: &mut Scene<'_>, mut sent: Sent) -> Vec<Sent> {
        let key = Key(scene.now, u64::from(sent.from), u64::from(sent.to));
        let mut random = scene.chance(key);
        match &mut sent.message {
            Message::Slots(slots) if scene.lies(key) => twist(slots, &mut random),
            Message::Headers(headers) if scene.lies(key) => twist(headers, &mut random),
            // A batch that was asked for does not come.
            Message::Batch(batch)
                if batch.header.lane != sent.from && random.chance(700) && scene.lies(key) =>
            {
                return Vec::new();
            }
            Message::Status(status) if random.chance(500) && scene.lies(key) => {
                status.committed = status.committed.saturating_add(random.between(1, 100));
                status.executed = status.committed;
                status.certified = status.committed;
            }
            _ => {}
        }
        vec![sent]
    }
}
