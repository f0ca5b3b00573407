//! Different things to different validators: half of the others see each proposal with another time, and votes that fit
//! what they see. Liars vote for both faces of each other's proposals.

use std::collections::BTreeMap;

use bds_contracts::block::{Height, Statement, ValidatorIndex};
use bds_contracts::tx::Millis;
use bds_core::message::{Message, PrePrepare, Proposal, ProposalDigest, View, Vote};

use super::{Behaviour, Scene, Sent};
use crate::sim::random::Key;

/// See the file's first line.
#[derive(Default)]
pub(super) struct Equivocate {
    /// The second face of each proposal of a liar.
    twins: BTreeMap<(View, Height, ProposalDigest), Proposal>,
}

/// Whether this validator is shown the second face.
fn sees_twin(scene: &Scene<'_>, to: ValidatorIndex) -> bool {
    // Half of the correct ones, the same half for all liars, so that their votes add up.
    let before = (0..to).filter(|other| !scene.liars.contains(other)).count();
    before % 2 == 1
}

impl Behaviour for Equivocate {
    fn on_send(&mut self, scene: &mut Scene<'_>, sent: Sent) -> Vec<Sent> {
        let Sent { from, to, message } = sent;
        let twin = sees_twin(scene, to) && !scene.liars.contains(&to);
        let message = match message {
            Message::PrePrepare(proposed) => {
                let (view, proposal) = (proposed.view, &proposed.proposal);
                let mut other = proposal.clone();
                other.time = Millis(proposal.time.0 + 1);
                let place = (view, proposal.slot, proposal.digest());
                let key = Key(view, proposal.slot, u64::from(to));
                if twin && scene.lies(key) {
                    let statement = Statement::PrePrepare(view, other.slot, other.digest().0);
                    self.twins.insert(place, other.clone());
                    Message::PrePrepare(PrePrepare {
                        signature: scene.sign(from, &statement),
                        proposal: other,
                        ..proposed
                    })
                } else {
                    Message::PrePrepare(proposed)
                }
            }
            Message::Prepare(vote) if twin => {
                Message::Prepare(self.turn_coat(scene, from, vote, Statement::Prepare))
            }
            Message::Commit(vote) if twin => {
                Message::Commit(self.turn_coat(scene, from, vote, Statement::Commit))
            }
            other => other,
        };
        vec![Sent { from, to, message }]
    }
}

impl Equivocate {
    fn turn_coat(
        &self,
        scene: &Scene<'_>,
        from: ValidatorIndex,
        vote: Vote,
        statement: fn(View, Height, [u8; 32]) -> Statement,
    ) -> Vote {
        let Some(twin) = self.twins.get(&(vote.view, vote.slot, vote.digest)) else {
            return vote;
        };
        let digest = twin.digest();
        Vote {
            digest,
            signature: scene.sign(from, &statement(vote.view, vote.slot, digest.0)),
            ..vote
        }
    }
}
