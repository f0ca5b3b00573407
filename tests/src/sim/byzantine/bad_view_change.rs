//! View changes that do not hold: proofs left out or swapped, slots that were never prepared, a stable height nobody
//! certified, as many slots as fit; now and then unasked, for the next view.

use bds_contracts::block::{Signature, Statement};
use bds_core::message::{
    Message, PreparedAt, Proofs, ProposalDigest, ProvenViewChange, ViewChange,
};
use sha2::{Digest as _, Sha512_256};

use super::{Behaviour, Scene, Sent};
use crate::sim::random::{Key, Random};

/// See the file's first line.
pub(super) struct BadViewChange;

/// The digest that a view change is signed over.
pub(super) fn digest_of(change: &ViewChange) -> [u8; 32] {
    let fields = (
        change.view,
        change.validator,
        change.stable,
        &change.prepared,
    );
    Sha512_256::digest(borsh::to_vec(&fields).expect("writing to memory cannot fail")).into()
}

/// Signs a view change of a liar anew.
pub(super) fn sign(scene: &Scene<'_>, change: &mut ViewChange) {
    let statement = Statement::ViewChange(change.view, digest_of(change));
    change.signature = scene.sign(change.validator, &statement);
}

fn twist(scene: &Scene<'_>, proven: &mut ProvenViewChange, random: &mut Random) {
    let change = &mut proven.change;
    match random.below(6) {
        0 => change.prepared.clear(),
        1 => {
            // What was prepared, with a digest of its own.
            for at in &mut change.prepared {
                at.digest.0[3] ^= 1;
            }
        }
        2 => change.stable = change.stable.saturating_add(1 + random.below(8)),
        3 => {
            let (low, view) = (change.stable, change.view.saturating_sub(1));
            change.prepared = (1..=64)
                .map(|step| PreparedAt {
                    slot: low.saturating_add(step),
                    view,
                    digest: ProposalDigest([7; 32]),
                })
                .collect();
        }
        4 => proven.proofs = Proofs::default(),
        _ => proven.proofs.prepared.reverse(),
    }
    sign(scene, &mut proven.change);
}

impl Behaviour for BadViewChange {
    fn on_send(&mut self, scene: &mut Scene<'_>, mut sent: Sent) -> Vec<Sent> {
        if let Message::ViewChange(proven) = &mut sent.message {
            let key = Key(proven.change.view, u64::from(sent.from), u64::from(sent.to));
            if proven.change.validator == sent.from && scene.lies(key) {
                let mut random = scene.chance(key);
                twist(scene, proven, &mut random);
            }
        }
        vec![sent]
    }

    fn spontaneous(&mut self, scene: &mut Scene<'_>) -> Vec<Sent> {
        let mut all = Vec::new();
        for liar in scene.liars.clone() {
            let key = Key(scene.now, u64::from(liar), 0);
            if !scene.chance(key).chance(30) || !scene.lies(key) {
                continue;
            }
            let mut random = scene.chance(key);
            let mut proven = ProvenViewChange {
                change: ViewChange {
                    view: scene.seen.view.saturating_add(1 + random.below(3)),
                    validator: liar,
                    stable: 0,
                    prepared: Vec::new(),
                    signature: Signature([0; 64]),
                },
                proofs: Proofs::default(),
            };
            twist(scene, &mut proven, &mut random);
            all.extend(scene.to_all(liar, &Message::ViewChange(proven)));
        }
        all
    }
}
