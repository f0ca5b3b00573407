//! Takes the state of the ledger from the other validators, instead of executing all that they executed.
//!
//! No single peer is believed. What f+1 offer alike is true of the lanes; a quorum has signed the block and, in a later block, the root of
//! the state after it; each piece has its digest in the offer; and the state is only taken when its root, computed here, is the one that was
//! signed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use bds_client::verify::Trust;
use bds_contracts::block::{Height, ValidatorIndex, named_checkpoint};
use bds_contracts::genesis::Genesis;
use bds_core::message::{Message, STATE_PIECE_BYTES, StateOffer};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::states::SHOWN_MAX;
use crate::engine::Engine;
use crate::execution::{Execution, unnamed_checkpoint};
use crate::network::{Inbox, Network, TurnShare};
use crate::store::{self, Snapshot, StoreOptions};

/// Who is asked for states is asked again after so long.
const ASK_AGAIN: Duration = Duration::from_secs(1);
/// Whoever has not answered so long after the first is not waited for, unless the others do not suffice.
const NEXT_OFFER_MAX: Duration = Duration::from_millis(200);
/// When f+1 have not offered the same by then, there is none.
const OFFERS_MAX: Duration = Duration::from_secs(10);
/// A piece that has not come by then is asked of another.
const PIECE_MAX: Duration = Duration::from_secs(5);
/// Pieces asked of one peer at once; it reads no more for anyone.
const PIECES_AT_ONCE: usize = 4;
/// A peer that was late so often since it last brought a piece, or brought a wrong one, is asked no more.
const FAILINGS_MAX: usize = 3;
/// How long to wait for a message before looking at the clock.
const TICK: Duration = Duration::from_millis(50);

/// What came of it.
#[derive(Debug)]
pub(super) enum Joined {
    /// The home goes on from this block.
    At(Height),
    /// It goes on from where it was, and why.
    Not(String),
    /// The node is to stop.
    Stopped,
}

/// Everything that is needed for it.
pub(super) struct Joining<'a> {
    /// Whose state is replaced; nobody has its store open.
    pub home: &'a Path,
    /// This ledger.
    pub genesis: &'a Genesis,
    /// Computes the root of what comes.
    pub engine: &'a Arc<Engine>,
    /// How the home is written.
    pub options: &'a StoreOptions,
    /// To the others.
    pub network: &'a Network,
    /// From them.
    pub inbox: &'a Inbox,
    /// Only the state of a later block is worth it.
    pub executed: Height,
    /// The node is to stop.
    pub stop: &'a CancellationToken,
}

/// A state, and who has it.
struct Found {
    offer: StateOffer,
    holders: Vec<ValidatorIndex>,
}

/// Who offers what this one is.
fn holders<'a>(
    offers: &'a BTreeMap<ValidatorIndex, Vec<StateOffer>>,
    like: &'a StateOffer,
) -> impl Iterator<Item = ValidatorIndex> + 'a {
    let has = move |offers: &[StateOffer]| offers.iter().any(|offer| offer.is_like(like));
    let holders = offers.iter().filter(move |(_, offers)| has(offers));
    holders.map(|(index, _)| *index)
}

impl Joining<'_> {
    /// Asks, checks, and installs.
    ///
    /// # Errors
    /// When the home cannot be written.
    pub(super) fn run(&self) -> anyhow::Result<Joined> {
        let found = match self.find() {
            Ok(found) => found,
            Err(ended) => return Ok(ended),
        };
        let height = found.offer.block.header.height;
        info!(
            height,
            bytes = found.offer.bytes,
            holders = found.holders.len(),
            "taking the state from other validators"
        );
        let state = match self.fetch(&found) {
            Ok(state) => state,
            Err(ended) => return Ok(ended),
        };
        let snapshot = Snapshot {
            header: found.offer.block.header.clone(),
            lane_tips: found.offer.tips.clone(),
            state,
        };
        if let Err(problem) = self.check(&found.offer, &snapshot) {
            warn!(%problem, "the state is not the one that was signed");
            return Ok(Joined::Not(problem.to_string()));
        }
        let (chain, block) = (self.genesis.chain_id(), found.offer.block);
        store::install(self.home, chain, self.options, &snapshot, block)
            .with_context(|| format!("installing the state in {}", self.home.display()))?;
        Ok(Joined::At(height))
    }

    /// What comes until `deadline`, one message at a time; `None` once it has passed.
    fn hear(&self, deadline: Instant) -> Result<Option<(ValidatorIndex, Message)>, Joined> {
        loop {
            if self.stop.is_cancelled() {
                return Err(Joined::Stopped);
            }
            // Before anything is taken: whoever talks without end does not move the deadline.
            let now = Instant::now();
            if now >= deadline {
                return Ok(None);
            }
            while self.inbox.take_connected().is_some() {}
            if let Some(heard) = self.inbox.take(&mut TurnShare::default()) {
                return Ok(Some((heard.from, heard.message)));
            }
            let _ = self.inbox.bell().recv_timeout(TICK.min(deadline - now));
        }
    }

    /// The newest state that f+1 offer alike.
    fn find(&self) -> Result<Found, Joined> {
        let trust = Trust::in_genesis(self.genesis);
        let set = &self.genesis.validators;
        let mut offers: BTreeMap<ValidatorIndex, Vec<StateOffer>> = BTreeMap::new();
        let until = Instant::now() + OFFERS_MAX;
        while Instant::now() < until {
            self.network.broadcast(&Message::FetchStates);
            let mut again = (Instant::now() + ASK_AGAIN).min(until);
            let mut this_time = BTreeSet::new();
            while let Some((from, message)) = self.hear(again)? {
                let Message::State(offer) = message else {
                    continue;
                };
                if self.is_sound(&trust, &offer) {
                    if this_time.insert(from) {
                        offers.remove(&from);
                    }
                    let offers = offers.entry(from).or_default();
                    if offers.len() < SHOWN_MAX {
                        offers.push(*offer);
                    }
                    again = again.min(Instant::now() + NEXT_OFFER_MAX);
                }
            }
            // Once the answers are in: whoever is slower has the same.
            let all = offers.values().flatten();
            let shared = all.filter(|offer| {
                let holders = holders(&offers, offer);
                set.weight_of(holders) >= set.weight_one_correct()
            });
            if let Some(newest) = shared.max_by_key(|offer| offer.block.header.height) {
                return Ok(Found {
                    offer: newest.clone(),
                    holders: holders(&offers, newest).collect(),
                });
            }
        }
        let heard = offers.len();
        Err(Joined::Not(format!(
            "of {heard} validators that offer a state of a block after {} no f+1 offer the same",
            self.executed
        )))
    }

    /// Whether quorums signed what it rests on.
    fn is_sound(&self, trust: &Trust, offer: &StateOffer) -> bool {
        let (block, naming) = (&offer.block.header, &offer.naming.header);
        let interval = self.genesis.checkpoint_interval;
        block.height > self.executed
            && offer.has_all_pieces()
            && offer.tips.len() == self.genesis.validators.validators.len()
            && block.height.is_multiple_of(interval)
            && naming.height >= block.height
            && naming.checkpoint == block.height
            && named_checkpoint(naming.height, interval) == block.height
            && trust.verify_certificate(&offer.block).is_ok()
            && trust.verify_certificate(&offer.naming).is_ok()
    }

    /// All pieces, each as its digest says. One that comes late is as good as another.
    fn fetch(&self, found: &Found) -> Result<Vec<u8>, Joined> {
        let height = found.offer.block.header.height;
        let digests = &found.offer.pieces;
        let bytes = usize::try_from(found.offer.bytes).unwrap_or(usize::MAX);
        let mut state = vec![0; bytes.min(digests.len() * STATE_PIECE_BYTES)];
        let mut missing: BTreeSet<u32> = (0..).take(digests.len()).collect();
        let mut asked: BTreeMap<u32, (ValidatorIndex, Instant)> = BTreeMap::new();
        let mut failings: BTreeMap<ValidatorIndex, usize> = BTreeMap::new();
        while !missing.is_empty() {
            let now = Instant::now();
            // However many of one peer are late at once, that is one failing.
            let late = asked.extract_if(.., |_, (_, until)| *until <= now);
            let late: BTreeSet<_> = late.map(|(_, (from, _))| from).collect();
            for from in late {
                *failings.entry(from).or_default() += 1;
            }
            let fit = |peer: &&ValidatorIndex| failings.get(peer).is_none_or(|n| *n < FAILINGS_MAX);
            if found.holders.iter().filter(fit).count() == 0 {
                return Err(Joined::Not(format!(
                    "{} of {} pieces of the state of block {height} did not come",
                    missing.len(),
                    digests.len()
                )));
            }
            for &peer in found.holders.iter().filter(fit) {
                let under_way = asked.values().filter(|(from, _)| *from == peer).count();
                let free = PIECES_AT_ONCE.saturating_sub(under_way);
                let wanted = missing.iter().filter(|piece| !asked.contains_key(piece));
                let wanted: Vec<u32> = wanted.copied().take(free).collect();
                for piece in wanted {
                    asked.insert(piece, (peer, now + PIECE_MAX));
                    self.network
                        .send(peer, &Message::FetchPiece { height, piece });
                }
            }
            let Some((from, message)) = self.hear(now + TICK)? else {
                continue;
            };
            let Message::Piece {
                height: of,
                piece,
                bytes,
            } = message
            else {
                continue;
            };
            if of != height || !missing.contains(&piece) || !found.holders.contains(&from) {
                continue;
            }
            let at = piece as usize;
            let place = state.chunks_mut(STATE_PIECE_BYTES).nth(at);
            match place.filter(|place| place.len() == bytes.len()) {
                Some(place) if blake3::hash(&bytes).as_bytes() == &digests[at] => {
                    place.copy_from_slice(&bytes);
                    missing.remove(&piece);
                    asked.remove(&piece);
                    if failings.get(&from).is_some_and(|n| *n < FAILINGS_MAX) {
                        failings.remove(&from);
                    }
                }
                _ => {
                    warn!(
                        validator = from,
                        piece, "a piece of the state has another digest"
                    );
                    failings.insert(from, FAILINGS_MAX);
                    asked.retain(|_, (peer, _)| *peer != from);
                }
            }
        }
        Ok(state)
    }

    /// That it is the state whose root a quorum signed.
    fn check(&self, offer: &StateOffer, snapshot: &Snapshot) -> anyhow::Result<()> {
        let named = (offer.block.header.height, offer.naming.header.state_root);
        let own = offer.naming.header.height == offer.block.header.height;
        ensure!(
            own || unnamed_checkpoint(&snapshot.state) == Some(named),
            "it says another root of itself"
        );
        // Computes the root, and compares it with what the state says.
        Execution::restore(self.genesis, Arc::clone(self.engine), snapshot)?;
        Ok(())
    }
}
