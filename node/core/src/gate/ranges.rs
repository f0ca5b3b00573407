//! Which numbers, lengths and indexes a message of a correct validator can have.
//!
//! Every number that grows with the ledger stays below [`NUMBER_MAX`]: at a thousand blocks a millisecond that lasts nine
//! years, and sums of a few of them are far from the end of 64 bits. Lengths follow from the set and the configuration,
//! which all validators share.

use bds_contracts::block::{CertifiedHeader, Signatures};

use crate::batch::{Batch, Tip, TipCertificate};
use crate::config::Config;
use crate::message::{
    CommittedSlot, Message, NewView, PrePrepare, PreparedSlot, Proofs, Proposal, Remembered,
    STATE_PIECE_BYTES, STATE_PIECES_MAX, StateOffer, Status, ViewChange, Vote, VoteCertificate,
};

/// Heights, positions, views and times are below this.
pub(crate) const NUMBER_MAX: u64 = 1 << 48;

/// The name of the first thing that is out of range.
pub(crate) fn check(config: &Config, message: &Message) -> Result<(), &'static str> {
    let ranges = Ranges(config);
    let (fine, name) = match message {
        Message::Batch(batch) => (ranges.batch(batch), "batch_malformed"),
        Message::Acknowledge { position, .. } => (counts(*position), "acknowledge_malformed"),
        Message::Certificate(certificate) => {
            (ranges.tip_certificate(certificate), "certificate_malformed")
        }
        Message::PrePrepare(proposed) => (ranges.pre_prepare(proposed), "pre_prepare_malformed"),
        Message::Prepare(vote) | Message::Commit(vote) => (vote_fits(vote), "vote_malformed"),
        Message::Executed { height, .. } => (counts(*height), "executed_malformed"),
        Message::ViewChange(proven) => (
            ranges.view_change(&proven.change) && ranges.proofs(&proven.proofs),
            "view_change_malformed",
        ),
        Message::NewView(new_view) => (ranges.new_view(new_view), "new_view_malformed"),
        Message::Status(status) => (ranges.status(status), "status_malformed"),
        Message::FetchBatches(digests) => (
            !digests.is_empty() && digests.len() <= config.fetch_batches_max,
            "fetch_malformed",
        ),
        Message::FetchSlots { from, count } | Message::FetchHeaders { from, count } => {
            (counts(*from) && *count > 0, "fetch_malformed")
        }
        Message::Slots(slots) => (slots.iter().all(|s| ranges.committed(s)), "slots_malformed"),
        Message::Headers(headers) => (
            headers.iter().all(|h| ranges.header(h)),
            "headers_malformed",
        ),
        Message::Remember(Remembered::Prepare(vote) | Remembered::Commit(vote)) => {
            (vote_fits(vote), "remember_malformed")
        }
        Message::FetchStates => (true, "fetch_malformed"),
        Message::State(offer) => (ranges.offer(offer), "state_malformed"),
        Message::FetchPiece { height, piece } => (
            counts(*height) && usize::try_from(*piece).is_ok_and(|n| n < STATE_PIECES_MAX),
            "fetch_malformed",
        ),
        Message::Piece { height, bytes, .. } => (
            counts(*height) && bytes.len() <= STATE_PIECE_BYTES,
            "piece_malformed",
        ),
    };
    if fine { Ok(()) } else { Err(name) }
}

/// A height or position that something can be at.
fn counts(number: u64) -> bool {
    (1..NUMBER_MAX).contains(&number)
}

/// A view, or a height that may be that of genesis.
fn small(number: u64) -> bool {
    number < NUMBER_MAX
}

fn vote_fits(vote: &Vote) -> bool {
    small(vote.view) && counts(vote.slot)
}

struct Ranges<'a>(&'a Config);

impl Ranges<'_> {
    fn members(&self, signatures: &Signatures) -> bool {
        signatures
            .signers()
            .all(|signer| usize::from(signer) < self.0.validators())
    }

    fn batch(&self, batch: &Batch) -> bool {
        let (config, header) = (self.0, &batch.header);
        let bytes = batch.payload.as_bytes().len();
        header.chain == config.chain
            && usize::from(header.lane) < config.validators()
            && counts(header.position)
            && usize::try_from(header.bytes) == Ok(bytes)
            && bytes <= config.batch_bytes_max
            && usize::try_from(header.count)
                .is_ok_and(|n| n > 0 && n <= config.batch_transactions_max)
    }

    fn tip(&self, tip: &Tip) -> bool {
        usize::from(tip.lane) < self.0.validators() && counts(tip.position)
    }

    fn tip_certificate(&self, certificate: &TipCertificate) -> bool {
        self.tip(&certificate.tip) && self.members(&certificate.signatures)
    }

    /// Sorted by lane, one tip a lane; a re-proposal may be empty.
    fn proposal(&self, proposal: &Proposal) -> bool {
        counts(proposal.slot)
            && small(proposal.time.0)
            && proposal.tips.windows(2).all(|p| p[0].lane < p[1].lane)
            && proposal.tips.iter().all(|tip| self.tip(tip))
    }

    fn pre_prepare(&self, proposed: &PrePrepare) -> bool {
        small(proposed.view)
            && self.proposal(&proposed.proposal)
            && proposed.certificates.len() == proposed.proposal.tips.len()
            && proposed.certificates.iter().all(|c| self.members(c))
    }

    fn certificate(&self, certificate: &VoteCertificate) -> bool {
        small(certificate.view) && counts(certificate.slot) && self.members(&certificate.signatures)
    }

    fn committed(&self, slot: &CommittedSlot) -> bool {
        self.proposal(&slot.proposal) && self.certificate(&slot.certificate)
    }

    fn prepared(&self, slot: &PreparedSlot) -> bool {
        self.proposal(&slot.proposal) && self.certificate(&slot.certificate)
    }

    fn header(&self, certified: &CertifiedHeader) -> bool {
        let header = &certified.header;
        counts(header.height)
            && small(header.time.0)
            && header.checkpoint <= header.height
            && header.chain == self.0.chain
            && self.members(&certified.signatures)
    }

    fn offer(&self, offer: &StateOffer) -> bool {
        self.header(&offer.block)
            && self.header(&offer.naming)
            && offer.tips.len() == self.0.validators()
            && offer.tips.iter().all(|(position, _)| small(*position))
            && offer.has_all_pieces()
    }

    fn window(&self) -> usize {
        usize::try_from(self.0.window).unwrap_or(usize::MAX)
    }

    fn view_change(&self, change: &ViewChange) -> bool {
        let (low, high) = (change.stable, change.stable.saturating_add(self.0.window));
        counts(change.view)
            && usize::from(change.validator) < self.0.validators()
            && small(change.stable)
            && change.prepared.len() <= self.window()
            && change.prepared.windows(2).all(|p| p[0].slot < p[1].slot)
            && change
                .prepared
                .iter()
                .all(|p| p.slot > low && p.slot <= high && p.view < change.view)
    }

    fn proofs(&self, proofs: &Proofs) -> bool {
        proofs.stable.iter().all(|header| self.header(header))
            && proofs.prepared.len() <= self.window()
            && proofs.prepared.iter().all(|slot| self.prepared(slot))
    }

    fn new_view(&self, new_view: &NewView) -> bool {
        let changes = &new_view.changes;
        counts(new_view.view)
            && changes.windows(2).all(|p| p[0].validator < p[1].validator)
            && changes.iter().all(|change| self.view_change(change))
            && self.proofs(&new_view.proofs)
    }

    fn status(&self, status: &Status) -> bool {
        small(status.view)
            && small(status.committed)
            && status.executed <= status.committed
            && status.certified <= status.executed
            && small(status.voting_ms)
            && status.lanes.len() == self.0.validators()
            && status.lanes.iter().all(|position| small(*position))
    }
}
