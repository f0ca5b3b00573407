//! Results and roots that are not so: a block digest of its own, a batch whose header has another root, and the batches of
//! others served with an altered body under their right headers.

use bds_contracts::block::Statement;
use bds_core::batch::Payload;
use bds_core::message::Message;

use super::{Behaviour, Scene, Sent};
use crate::sim::random::Key;

/// See the file's first line.
pub(super) struct WrongRoot;

impl Behaviour for WrongRoot {
    fn on_send(&mut self, scene: &mut Scene<'_>, mut sent: Sent) -> Vec<Sent> {
        let from = sent.from;
        match &mut sent.message {
            Message::Executed {
                height,
                digest,
                signature,
            } => {
                let key = Key(*height, u64::from(from), u64::from(sent.to));
                if scene.chance(key).chance(500) && scene.lies(key) {
                    digest.0[0] ^= 1;
                    *signature = scene.sign(from, &Statement::Executed(*height, *digest));
                }
            }
            Message::Batch(batch) => {
                let header = &mut batch.header;
                let key = Key(
                    header.position,
                    u64::from(header.lane) << 16 | u64::from(from),
                    u64::from(sent.to),
                );
                if scene.chance(key).chance(200) && scene.lies(key) {
                    if header.lane == from {
                        header.transactions_root.0[0] ^= 1;
                        let digest = header.digest();
                        batch.signature = scene.sign(from, &Statement::Batch(digest));
                    } else {
                        let mut bytes = batch.payload.as_bytes().to_vec();
                        if let Some(last) = bytes.last_mut() {
                            *last ^= 1;
                        }
                        batch.payload = Payload::from_bytes(bytes);
                    }
                }
            }
            _ => {}
        }
        vec![sent]
    }
}
