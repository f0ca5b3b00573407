//! Batches that must not be ordered: with one client signature that is wrong, over the limits, or with the transactions
//! of others in them again; rightly signed by their author.

use bds_contracts::block::Statement;
use bds_core::batch::{Batch, Payload};
use bds_core::message::Message;

use super::{Behaviour, Scene, Sent};
use crate::sim::mock::{INVALID, root_of};
use crate::sim::random::{Key, Random};

/// See the file's first line.
pub(super) struct BadBatch;

fn twist(scene: &Scene<'_>, batch: &mut Batch, random: &mut Random) {
    let mut bytes = batch.payload.as_bytes().to_vec();
    let mut count = batch.header.count;
    match random.below(4) {
        0 => {
            bytes.splice(0..0, INVALID.iter().copied());
            count += 1;
        }
        1 => {
            // The transactions of someone else, once more.
            if let Some(other) = scene.seen.batches.back() {
                bytes.extend_from_slice(other.payload.as_bytes());
                count += other.header.count;
            }
        }
        2 => bytes.resize(64 * 1024, 0),
        _ => count = count.saturating_mul(1_000),
    }
    batch.payload = Payload::from_bytes(bytes);
    let header = &mut batch.header;
    header.count = count;
    header.bytes = u32::try_from(batch.payload.as_bytes().len()).unwrap_or(u32::MAX);
    header.transactions_root = root_of(&batch.payload);
}

impl Behaviour for BadBatch {
    fn on_send(&mut self, scene: &mut Scene<'_>, mut sent: Sent) -> Vec<Sent> {
        if let Message::Batch(batch) = &mut sent.message {
            let position = batch.header.position;
            // The same for everyone half of the time, so that it may even be certified.
            let mut random = scene.chance(Key(position, u64::from(sent.from), 0));
            let to = if random.chance(500) {
                0
            } else {
                u64::from(sent.to)
            };
            let key = Key(position, u64::from(sent.from), to);
            if batch.header.lane == sent.from && random.chance(300) && scene.lies(key) {
                twist(scene, batch, &mut random);
                let digest = batch.header.digest();
                batch.signature = scene.sign(sent.from, &Statement::Batch(digest));
            }
        }
        vec![sent]
    }
}
