//! Which submitted transactions enter the own lane: cheap checks first, then signatures in one engine batch.
//!
//! One thread admits, in order of arrival, so that a sender's transactions keep their order across requests and
//! concurrent small requests share a signature batch. Nothing is changed for a refused transaction.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bds_client::wire::{ItemOutcome, Wait};
use bds_contracts::genesis::Mode;
use bds_contracts::kernel::context::BlockInfo;
use bds_contracts::kernel::envelope::Envelope;
use bds_contracts::ledger::Ledger;
use bds_contracts::receipt::Code;
use bds_contracts::tx::{ChainId, Millis, PublicKey, TxId};
use bds_core::batch::Payload;
use bds_core::turn::{Input, Submission};
use crossbeam::channel::{Receiver, Sender};
use tokio::sync::oneshot;

use super::nonces::{Nonces, Waiting};
use super::queued::Queued;
use super::tracker::{self, Place, Standing, Tracker, Waiter};
use crate::api::service::Principal;
use crate::engine::Engine;
use crate::execution::opaque_id;
use crate::metrics::{Metrics, Outcome};
use crate::store::index::{Found, Index};

/// Requests waiting for the admission thread; beyond it a request is answered busy.
pub const REQUESTS_MAX: usize = 256;
/// Transactions gathered from several requests into one engine batch.
const GATHER_MAX: usize = 8192;
/// Transactions that were executed long ago and are sent again are looked up for so long in a round; the others are told to come again,
/// so that whoever replays old blocks keeps nobody waiting.
const LOOK_UPS_MAX: Duration = Duration::from_millis(50);

/// One batch of transactions to admit.
pub struct Request {
    /// Wire bytes.
    pub transactions: Vec<Vec<u8>>,
    /// How far the caller waits.
    pub wait: Wait,
    /// Each takes the place of the sender's transaction with its nonce that waits here, if there is one.
    pub replace: bool,
    /// Who sends it.
    pub client: Principal,
    /// Gets one answer a transaction and the waiter for those admitted.
    pub answer: oneshot::Sender<Admitted>,
}

/// What became of a request at the door.
pub struct Admitted {
    /// Id and outcome so far, in order.
    pub items: Vec<(TxId, ItemOutcome)>,
    /// Wakes when every admitted one has come as far as asked.
    pub waiter: Arc<Waiter>,
}

/// What the admission thread works with.
pub struct Admission {
    /// This ledger.
    pub chain: ChainId,
    /// Whether transactions are checked at all.
    pub mode: Mode,
    /// Verifies and hashes.
    pub engine: Arc<Engine>,
    /// Executed state.
    pub ledger: Arc<RwLock<Ledger>>,
    /// Outcomes and waiters.
    pub tracker: Arc<Tracker>,
    /// Receipts of long ago.
    pub index: Arc<Index>,
    /// To the core.
    pub core: Sender<Input>,
    /// Bytes that may be handed to the core in all, as it last said.
    pub submit_credit: Arc<AtomicU64>,
    /// Bytes that were.
    pub submitted_bytes: u64,
    /// Of these, how many are executed, as the core last said.
    pub submitted_and_executed: Arc<AtomicU64>,
    /// What of each client is not.
    pub queued: Queued,
    /// Transactions that were, without those that take the place of another.
    pub submitted: u64,
    /// Whether anything is taken at all.
    pub gate: Arc<Gate>,
    /// Counts outcomes.
    pub metrics: Arc<Metrics>,
    /// Reservations; others look at them for a moment.
    pub nonces: Arc<Mutex<Nonces>>,
    /// Senders of transactions that left no trace in their block.
    pub lost: Receiver<PublicKey>,
}

/// Why nothing is admitted at the moment, if so.
#[derive(Debug, Default)]
pub struct Gate {
    /// The disk has less room than its reserve.
    pub storage_low: AtomicBool,
    /// The node is shutting down.
    pub stopping: AtomicBool,
}

impl Gate {
    /// The code that refuses everything now; `None` when open.
    #[must_use]
    pub fn refusal(&self) -> Option<Code> {
        if self.stopping.load(Ordering::Acquire) {
            Some(Code::STOPPING)
        } else if self.storage_low.load(Ordering::Acquire) {
            Some(Code::STORAGE_FULL)
        } else {
            None
        }
    }
}

/// An answer in the making.
enum Item {
    Refused(Code),
    /// Refused with a nonce that the ledger has seen: one that was executed is answered as it was, once somebody has looked.
    Used(Code),
    Known(ItemOutcome),
    /// Passed the cheap checks; to be verified.
    Candidate,
}

impl Admission {
    /// Serves until every sender of requests is gone.
    pub fn run(mut self, requests: &Receiver<Request>) {
        while let Ok(first) = requests.recv() {
            let mut gathered = vec![first];
            let mut count = gathered[0].transactions.len();
            while count < GATHER_MAX
                && let Ok(next) = requests.try_recv()
            {
                count += next.transactions.len();
                gathered.push(next);
            }
            self.admit(gathered);
        }
    }

    fn admit(&mut self, requests: Vec<Request>) {
        self.queued
            .executed(self.submitted_and_executed.load(Ordering::Acquire));
        let waiters: Vec<_> = requests.iter().map(|r| Waiter::new(r.wait)).collect();
        let wires: Vec<(usize, &[u8])> = requests
            .iter()
            .enumerate()
            .flat_map(|(r, request)| {
                request
                    .transactions
                    .iter()
                    .map(move |tx| (r, tx.as_slice()))
            })
            .collect();
        let (mut ids, mut items) = match self.mode {
            Mode::Verified => self.check(&requests, &wires, &waiters),
            Mode::Opaque => self.wave_through(&wires),
        };
        self.hand_on(&requests, &wires, &ids, &mut items, &waiters);
        for waiter in &waiters {
            waiter.seal();
        }
        let mut later = Vec::new();
        for (request, waiter) in requests.into_iter().zip(waiters) {
            let count = request.transactions.len();
            let items: Vec<Item> = items.drain(..count).collect();
            let ids = ids.drain(..count).collect();
            // Nobody waits until the disk was read for somebody else.
            if items.iter().any(|item| matches!(item, Item::Used(_))) {
                later.push((request, waiter, ids, items));
            } else {
                self.answer(request, waiter, ids, items);
            }
        }
        let since = Instant::now();
        for (request, waiter, ids, mut items) in later {
            for (id, item) in ids.iter().zip(&mut items) {
                if let Item::Used(code) = *item {
                    *item = match since.elapsed() > LOOK_UPS_MAX {
                        true => Item::Refused(Code::BUSY),
                        false => self.executed(id).map_or(Item::Refused(code), Item::Known),
                    };
                }
            }
            self.answer(request, waiter, ids, items);
        }
    }

    /// Tells whoever sent these what became of them so far.
    fn answer(&self, request: Request, waiter: Arc<Waiter>, ids: Vec<TxId>, items: Vec<Item>) {
        let (mut accepted, mut refusals) = (0, 0);
        let outcomes = items.into_iter().map(|item| match item {
            Item::Refused(code) | Item::Used(code) => {
                refusals += 1;
                refused(code)
            }
            Item::Known(outcome) => outcome,
            Item::Candidate => {
                accepted += 1;
                ItemOutcome::Accepted
            }
        });
        let items = ids.into_iter().zip(outcomes).collect();
        self.metrics.transactions(Outcome::Accepted, accepted);
        self.metrics.transactions(Outcome::Refused, refusals);
        // The client may have gone; its transactions are admitted all the same.
        let _ = request.answer.send(Admitted { items, waiter });
    }

    /// Ids of all, and for each whether it is refused, known, or has a good signature.
    fn check(
        &mut self,
        requests: &[Request],
        wires: &[(usize, &[u8])],
        waiters: &[Arc<Waiter>],
    ) -> (Vec<TxId>, Vec<Item>) {
        let views: Vec<Result<Envelope<'_>, Code>> = wires
            .iter()
            .map(|(_, bytes)| Envelope::parse(bytes).map_err(Code::from))
            .collect();
        let signed: Vec<&[u8]> = views
            .iter()
            .map(|v| v.as_ref().map_or(&[][..], Envelope::signed_bytes))
            .collect();
        let mut ids: Vec<TxId> = self.engine.sha512(&signed).into_iter().map(TxId).collect();
        let now = wall_clock();
        // What there is no room for in any case is refused before its signature costs anything.
        let room = self.room();
        let mut asked = HashMap::new();
        let mut has_room = |client: Principal, bytes: &[u8]| -> Result<(), Code> {
            let length = Payload::packed_bytes(bytes) as u64;
            let asked = asked.entry(client);
            let asked = asked.or_insert_with(|| self.queued.of(&client));
            share(room?, *asked, length)?;
            *asked += length;
            Ok(())
        };
        let mut items = Vec::with_capacity(wires.len());
        {
            let ledger = self.ledger.read().unwrap_or_else(PoisonError::into_inner);
            let block = BlockInfo {
                time: now,
                ..*ledger.block()
            };
            for ((view, id), (request, bytes)) in views.iter().zip(&mut ids).zip(wires) {
                let item = match view {
                    Err(code) => {
                        *id = TxId([0; 64]);
                        Item::Refused(*code)
                    }
                    Ok(view) => match self.tracker.seen(id, Some(&waiters[*request])) {
                        Some(standing) => Item::Known(standing.outcome()),
                        // Whether the nonce is free behind what waits is judged later, in order and after the signature,
                        // so that nobody can use up somebody else's.
                        None => match ledger.admit(&block, id, view) {
                            Err(code) => {
                                let member = ledger.member(&view.sender());
                                match member.is_some_and(|m| m.nonces.is_used(view.nonce())) {
                                    true => Item::Used(code),
                                    false => Item::Refused(code),
                                }
                            }
                            Ok(()) => has_room(requests[*request].client, bytes)
                                .map_or_else(Item::Refused, |()| Item::Candidate),
                        },
                    },
                };
                items.push(item);
            }
        }
        let candidates: Vec<usize> = (0..items.len())
            .filter(|&i| matches!(items[i], Item::Candidate))
            .collect();
        let checks: Vec<_> = candidates
            .iter()
            .filter_map(|&i| views[i].as_ref().ok())
            .map(|view| (view.sender_bytes(), view.signature(), view.signed_bytes()))
            .collect();
        for (&i, valid) in candidates.iter().zip(self.engine.verify(&checks)) {
            if !valid {
                items[i] = Item::Refused(Code::BAD_SIGNATURE);
            }
        }
        (ids, items)
    }

    /// How many bytes may be handed to the core now, or why nothing may be.
    fn room(&self) -> Result<u64, Code> {
        if let Some(code) = self.gate.refusal() {
            return Err(code);
        }
        // Nobody else submits, so there is room for the input where there is room now.
        if self.core.is_full() {
            return Err(Code::BUSY);
        }
        let credit = self.submit_credit.load(Ordering::Acquire);
        Ok(credit.saturating_sub(self.submitted_bytes))
    }

    /// The answer for a transaction that was executed, in this run or an earlier one. May read the disk.
    fn executed(&self, id: &TxId) -> Option<ItemOutcome> {
        let Some(Found::Executed { block, index, code }) = self.index.find(id).ok().flatten()
        else {
            return None;
        };
        let place = Place {
            height: block.height,
            index,
            code,
        };
        Some(Standing::Applied(place).outcome())
    }

    /// Opaque payloads are named by their hash and judged by their length alone.
    fn wave_through(&self, wires: &[(usize, &[u8])]) -> (Vec<TxId>, Vec<Item>) {
        let bytes: Vec<&[u8]> = wires.iter().map(|(_, bytes)| *bytes).collect();
        let ids = bytes.iter().map(|bytes| opaque_id(bytes)).collect();
        let items = bytes
            .iter()
            .map(|b| {
                if b.len() > bds_contracts::tx::TX_BYTES_MAX {
                    Item::Refused(Code::OVERSIZED)
                } else {
                    Item::Candidate
                }
            })
            .collect();
        (ids, items)
    }

    /// Judges nonces in order, reserves room in the mempool and hands the rest to the core in one input.
    fn hand_on(
        &mut self,
        requests: &[Request],
        wires: &[(usize, &[u8])],
        ids: &[TxId],
        items: &mut [Item],
        waiters: &[Arc<Waiter>],
    ) {
        // Whoever is refused all is told so one by one: what is known already is answered all the same.
        let (mut room, closed) = match self.room() {
            Ok(room) => (room, None),
            Err(code) => (0, Some(code)),
        };
        let now = Instant::now();
        let mut nonces = self.nonces.lock().unwrap_or_else(PoisonError::into_inner);
        for sender in self.lost.try_iter() {
            nonces.release(&sender);
        }
        let ledger = self.ledger.read().unwrap_or_else(PoisonError::into_inner);
        let mut admitted = Vec::new();
        let mut indexes = Vec::new();
        let mut handing_over = 0;
        for (i, (request, bytes)) in wires.iter().enumerate() {
            if !matches!(items[i], Item::Candidate) {
                continue;
            }
            // The same transaction twice in one request, or sent again while the first was being verified.
            if let Some(standing) = self.tracker.seen(&ids[i], Some(&waiters[*request])) {
                items[i] = Item::Known(standing.outcome());
                continue;
            }
            let length = Payload::packed_bytes(bytes) as u64;
            // Whoever has many keys is one client all the same.
            let client = requests[*request].client;
            let share_of_client = share(room, self.queued.of(&client), length).err();
            if let Some(code) = closed.or(share_of_client) {
                items[i] = Item::Refused(code);
                continue;
            }
            let mut replaced = None;
            if self.mode == Mode::Verified
                && let Ok(view) = Envelope::parse(bytes)
            {
                let (sender, nonce) = (view.sender(), view.nonce());
                let member = ledger.member(&sender);
                let executed = member.map(|member| member.nonces).unwrap_or_default();
                let mut besides = None;
                if requests[*request].replace
                    && let Some((other, bytes)) = nonces.waiting(&sender, nonce, executed, now)
                {
                    (replaced, besides) = (Some(other), Some(bytes));
                }
                let free = || nonces.check(&sender, nonce, executed, now);
                let waiting = match besides.map_or_else(free, Ok) {
                    Ok(waiting) => waiting,
                    Err(code) => {
                        items[i] = Item::Refused(code);
                        continue;
                    }
                };
                if let Err(code) = share(room, waiting, length) {
                    items[i] = Item::Refused(code);
                    continue;
                }
                let new = Waiting {
                    nonce,
                    length,
                    number: replaced.map_or(self.submitted, |other| other.number),
                    key: tracker::key(&ids[i]),
                };
                match replaced {
                    Some(_) => nonces.replace(&sender, new),
                    None => nonces.reserve(&sender, new, executed, now),
                }
            }
            room -= length;
            handing_over += length;
            self.queued
                .add(client, self.submitted_bytes + handing_over, length);
            self.tracker.admit(&ids[i], Some(&waiters[*request]));
            match replaced {
                Some(other) => self.tracker.replacing(&ids[i], other.key),
                None => self.submitted += 1,
            }
            admitted.push(Submission {
                transaction: Arc::from(*bytes),
                replaces: replaced.map(|other| other.number),
            });
            indexes.push(i);
        }
        drop(ledger);
        if admitted.is_empty() {
            return;
        }
        self.submitted_bytes += handing_over;
        if self.core.try_send(Input::Submit(admitted)).is_err() {
            // The core is gone: the node stops.
            for i in indexes {
                self.tracker.forget(&ids[i]);
                items[i] = Item::Refused(Code::STOPPING);
            }
        }
    }
}

/// Whether somebody who has so much under way may have so much more, where there is this room. Everybody may have as much as it leaves
/// free: one alone gets half, each of k that send all they can 1/(k + 1), and whoever sends little is never kept out by those that send
/// much.
fn share(room: u64, has: u64, more: u64) -> Result<(), Code> {
    match room.checked_sub(more) {
        None => Err(Code::BUSY),
        Some(rest) if has + more > rest => Err(Code::RATE_LIMITED),
        Some(_) => Ok(()),
    }
}

/// A refusal for a client.
#[must_use]
pub fn refused(code: Code) -> ItemOutcome {
    ItemOutcome::Refused {
        code,
        reason: code.text().to_owned(),
        retryable: code.retryable(),
    }
}

/// Milliseconds since 1970 by this machine's clock: for admission and proposals only, never for the state.
#[must_use]
pub fn wall_clock() -> Millis {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests;
