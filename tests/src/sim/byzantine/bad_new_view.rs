//! New views that do not follow: fewer view changes than a quorum, others than were sent, proofs left out so that
//! prepared slots would be forgotten; each signed by the view's primary, who lies.

use bds_contracts::block::{Statement, ValidatorIndex};
use bds_core::message::{Message, NewView, Proofs, ViewChange};
use sha2::{Digest as _, Sha512_256};

use super::bad_view_change::sign as sign_change;
use super::{Behaviour, Scene, Sent};
use crate::sim::random::Key;

/// See the file's first line.
pub(super) struct BadNewView;

fn sign(scene: &Scene<'_>, primary: ValidatorIndex, new_view: &mut NewView) {
    let fields = (new_view.view, &new_view.changes);
    let bytes = borsh::to_vec(&fields).expect("writing to memory cannot fail");
    let statement = Statement::NewView(new_view.view, Sha512_256::digest(bytes).into());
    new_view.signature = scene.sign(primary, &statement);
}

impl Behaviour for BadNewView {
    fn on_send(&mut self, scene: &mut Scene<'_>, mut sent: Sent) -> Vec<Sent> {
        if let Message::NewView(new_view) = &mut sent.message {
            let key = Key(new_view.view, u64::from(sent.from), u64::from(sent.to));
            let primary = scene.primary_of(new_view.view);
            if primary == sent.from && scene.lies(key) {
                match scene.chance(key).below(4) {
                    0 => drop(new_view.changes.pop()),
                    1 => new_view.proofs = Proofs::default(),
                    2 => {
                        // The own view change says that nothing was prepared.
                        for change in &mut new_view.changes {
                            if scene.liars.contains(&change.validator) {
                                change.prepared.clear();
                                sign_change(scene, change);
                            }
                        }
                        new_view.proofs.prepared.clear();
                    }
                    _ => new_view.proofs.prepared.truncate(1),
                }
                sign(scene, primary, new_view);
            }
        }
        vec![sent]
    }

    fn spontaneous(&mut self, scene: &mut Scene<'_>) -> Vec<Sent> {
        // The next view that a liar leads, started by liars alone.
        let view = scene.seen.view;
        let next = (view.saturating_add(1)..view.saturating_add(11))
            .find(|view| scene.liars.contains(&scene.primary_of(*view)));
        let Some(view) = next else { return Vec::new() };
        let primary = scene.primary_of(view);
        let key = Key(scene.now, view, 0);
        if !scene.chance(key).chance(20) || !scene.lies(key) {
            return Vec::new();
        }
        let changes = scene.liars.iter().map(|liar| {
            let mut change = ViewChange {
                view,
                validator: *liar,
                stable: 0,
                prepared: Vec::new(),
                signature: bds_contracts::block::Signature([0; 64]),
            };
            sign_change(scene, &mut change);
            change
        });
        let mut new_view = NewView {
            view,
            changes: changes.collect(),
            proofs: Proofs::default(),
            signature: bds_contracts::block::Signature([0; 64]),
        };
        sign(scene, primary, &mut new_view);
        scene.to_all(primary, &Message::NewView(new_view))
    }
}
