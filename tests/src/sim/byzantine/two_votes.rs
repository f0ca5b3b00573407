//! Votes for two digests: after each vote of its core another one, for a rival proposal where there is one.

use bds_contracts::block::Statement;
use bds_core::message::{Message, ProposalDigest, Vote};

use super::{Behaviour, Scene, Sent};
use crate::sim::random::Key;

/// See the file's first line.
pub(super) struct TwoVotes;

fn rival(scene: &Scene<'_>, vote: &Vote) -> ProposalDigest {
    let same_slot = scene.seen.proposals.iter().rev();
    same_slot
        .filter(|seen| seen.proposal.slot == vote.slot)
        .map(|seen| seen.proposal.digest())
        .find(|digest| *digest != vote.digest)
        .unwrap_or_else(|| {
            let mut other = vote.digest;
            other.0[0] ^= 1;
            other
        })
}

impl Behaviour for TwoVotes {
    fn on_send(&mut self, scene: &mut Scene<'_>, sent: Sent) -> Vec<Sent> {
        let (vote, prepare) = match &sent.message {
            Message::Prepare(vote) => (*vote, true),
            Message::Commit(vote) => (*vote, false),
            _ => return vec![sent],
        };
        let key = Key(
            vote.view << 1 | u64::from(prepare),
            vote.slot,
            u64::from(sent.to),
        );
        if !scene.chance(key).chance(500) || !scene.lies(key) {
            return vec![sent];
        }
        let digest = rival(scene, &vote);
        let statement = if prepare {
            Statement::Prepare(vote.view, vote.slot, digest.0)
        } else {
            Statement::Commit(vote.view, vote.slot, digest.0)
        };
        let second = Vote {
            digest,
            signature: scene.sign(sent.from, &statement),
            ..vote
        };
        let message = if prepare {
            Message::Prepare(second)
        } else {
            Message::Commit(second)
        };
        let (from, to) = (sent.from, sent.to);
        // Some hear the false one first.
        let mut both = vec![sent, Sent { from, to, message }];
        if scene.chance(key).bits().is_multiple_of(2) {
            both.reverse();
        }
        both
    }
}
