//! A primary that says different things to different validators, and votes for both.
//!
//! It runs the correct core and rewrites what leaves: half of the others see each of its proposals with another
//! time, and votes that fit what they see.

use bds_contracts::block::{Statement, ValidatorIndex};
use bds_contracts::tx::{ChainId, Millis};
use bds_core::message::{Message, PrePrepare, Proposal, ProposalDigest, View, Vote};
use bds_core::scheme::Scheme;
use std::collections::BTreeMap;

use super::scheme::MockScheme;

/// One equivocating validator.
pub struct Equivocator {
    /// Its index.
    pub index: ValidatorIndex,
    chain: ChainId,
    epoch: u64,
    scheme: MockScheme,
    /// The second face of each of its proposals.
    twins: BTreeMap<(View, u64, ProposalDigest), Proposal>,
    /// Messages rewritten.
    pub rewritten: u64,
}

impl Equivocator {
    /// A validator with two faces.
    #[must_use]
    pub fn new(index: ValidatorIndex, chain: ChainId, epoch: u64) -> Self {
        Self {
            index,
            chain,
            epoch,
            scheme: MockScheme::new(index),
            twins: BTreeMap::new(),
            rewritten: 0,
        }
    }

    fn sign(&self, statement: &Statement) -> bds_contracts::block::Signature {
        self.scheme.sign(&statement.bytes(self.chain, self.epoch))
    }

    fn sees_twin(&self, to: ValidatorIndex) -> bool {
        to > self.index && !(to - self.index).is_multiple_of(2)
            || to < self.index && (self.index - to).is_multiple_of(2)
    }

    /// What this receiver gets instead.
    pub fn rewrite(&mut self, to: ValidatorIndex, message: Message) -> Message {
        if !self.sees_twin(to) {
            return message;
        }
        match message {
            Message::PrePrepare(proposed) => {
                let (view, proposal) = (proposed.view, &proposed.proposal);
                let mut twin = proposal.clone();
                twin.time = Millis(proposal.time.0 + 1);
                let statement = Statement::PrePrepare(view, twin.slot, twin.digest().0);
                self.twins
                    .insert((view, twin.slot, proposal.digest()), twin.clone());
                self.rewritten += 1;
                Message::PrePrepare(PrePrepare {
                    signature: self.sign(&statement),
                    proposal: twin,
                    ..proposed
                })
            }
            Message::Prepare(vote) => Message::Prepare(self.turn_coat(vote, true)),
            Message::Commit(vote) => Message::Commit(self.turn_coat(vote, false)),
            other => other,
        }
    }

    fn turn_coat(&mut self, vote: Vote, prepare: bool) -> Vote {
        let Some(twin) = self.twins.get(&(vote.view, vote.slot, vote.digest)) else {
            return vote;
        };
        let digest = twin.digest();
        let statement = if prepare {
            Statement::Prepare(vote.view, vote.slot, digest.0)
        } else {
            Statement::Commit(vote.view, vote.slot, digest.0)
        };
        self.rewritten += 1;
        Vote {
            digest,
            signature: self.sign(&statement),
            ..vote
        }
    }
}
