//! Small-scope mutations: one more or one less in view, slot or height, or an earlier digest, signed anew. Source: Winter
//! and others, "Randomized Testing of Byzantine Fault Tolerant Algorithms" (2023).

use bds_contracts::block::{Signature, Statement, ValidatorIndex};
use bds_core::message::{Message, Vote};

use super::{Behaviour, Scene, Sent};
use crate::sim::random::{Key, Random};

/// See the file's first line.
pub(super) struct Mutate;

/// One more or one less.
fn step(number: &mut u64, random: &mut Random) {
    *number = if random.chance(500) {
        number.saturating_add(1)
    } else {
        number.saturating_sub(1)
    };
}

fn mutate_vote(scene: &Scene<'_>, vote: &mut Vote, random: &mut Random) {
    match random.below(3) {
        0 => step(&mut vote.view, random),
        1 => step(&mut vote.slot, random),
        _ => {
            if let Some((_, old)) = scene.seen.commits.front() {
                vote.digest = old.digest;
            }
        }
    }
}

fn mutate(scene: &Scene<'_>, liar: ValidatorIndex, message: &mut Message, random: &mut Random) {
    let sign = |statement: Statement| -> Signature { scene.sign(liar, &statement) };
    match message {
        Message::Prepare(vote) => {
            mutate_vote(scene, vote, random);
            vote.signature = sign(Statement::Prepare(vote.view, vote.slot, vote.digest.0));
        }
        Message::Commit(vote) => {
            mutate_vote(scene, vote, random);
            vote.signature = sign(Statement::Commit(vote.view, vote.slot, vote.digest.0));
        }
        Message::PrePrepare(proposed) => {
            match random.below(3) {
                0 => step(&mut proposed.view, random),
                1 => step(&mut proposed.proposal.slot, random),
                _ => step(&mut proposed.proposal.time.0, random),
            }
            proposed.signature = sign(scene.proposes(proposed));
        }
        Message::Executed {
            height,
            digest,
            signature,
        } => {
            step(height, random);
            *signature = sign(Statement::Executed(*height, *digest));
        }
        Message::Acknowledge { position, .. } => step(position, random),
        Message::Certificate(certificate) => step(&mut certificate.tip.position, random),
        Message::FetchSlots { from, .. } | Message::FetchHeaders { from, .. } => step(from, random),
        Message::Status(status) => match random.below(4) {
            0 => step(&mut status.view, random),
            1 => step(&mut status.committed, random),
            2 => step(&mut status.executed, random),
            _ => step(&mut status.certified, random),
        },
        Message::NewView(new_view) => step(&mut new_view.view, random),
        Message::ViewChange(proven) => step(&mut proven.change.view, random),
        Message::FetchPiece { height, .. } | Message::Piece { height, .. } => step(height, random),
        Message::Batch(_)
        | Message::Slots(_)
        | Message::Headers(_)
        | Message::FetchBatches(_)
        | Message::Remember(_)
        | Message::FetchStates
        | Message::State(_) => {}
    }
}

impl Behaviour for Mutate {
    fn on_send(&mut self, scene: &mut Scene<'_>, mut sent: Sent) -> Vec<Sent> {
        let key = Key(scene.now, u64::from(sent.from), u64::from(sent.to));
        let mut random = scene.chance(key);
        if random.chance(150) && scene.lies(key) {
            mutate(scene, sent.from, &mut sent.message, &mut random);
        }
        vec![sent]
    }
}
