//! The state machine: ordered blocks of transactions in, receipts and changes out.
//!
//! A block is: the modules' work at its beginning, triggers that are due, the transactions, the modules' work at its end.
//! Each of these is a transaction of its own: all of it stays, or nothing but its receipt, the sender's nonce and what was
//! kept on purpose.

use std::marker::PhantomData;
use std::sync::Arc;

use super::access::AccessSet;
use super::changes::Changes;
use super::context::{BlockInfo, Caller, Calls, Cx, Kept, Phase};
use super::envelope::{CallList, Envelope, Payload};
use super::interpreter::Interpreter;
use super::member::Member;
use super::meter::{Limits, Meter, UNITS_KEPT, UNITS_TX};
use super::module::Modules;
use super::newcomer;
use super::receipt::{NO_CALL, ReceiptId, Receipts};
use super::store::{SnapshotError, Stores};
use super::table::Slot;
use super::trigger::{self, Due};
use super::wire::length;
use crate::account::Roles;
use crate::genesis::Profile;
use crate::receipt::Code;
use crate::tx::{ChainId, Millis, PublicKey, TxId};

/// What became of a block.
#[derive(Debug, Clone, Default)]
pub struct BlockOutcome {
    /// One for each executed transaction, each trigger, and each phase in which something happened, in order.
    pub receipts: Receipts,
    /// Transactions executed, in order; each has a receipt.
    pub executed: Vec<Executed>,
    /// Transactions that left no trace, in order.
    pub dropped: Vec<Dropped>,
    /// What the block changed.
    pub changes: Changes,
}

/// A transaction that was executed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Executed {
    /// Its place among the transactions of the block.
    pub place: u32,
    /// The place of its receipt.
    pub receipt: u32,
    /// How it went.
    pub code: Code,
}

/// A transaction that left no trace in the block, not even a used nonce.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dropped {
    /// Its place among the transactions of the block.
    pub place: u32,
    /// `WRONG_CHAIN`, `UNKNOWN_SENDER`, `NONCE_REUSED`, `NONCE_GAP`, also where it waits for another nonce, `BUSY` beyond
    /// the block's limit, or why its sender did not become a member.
    pub code: Code,
}

/// The state of a ledger with the modules `L`, and the rules by which it moves.
pub struct Machine<L> {
    stores: Stores,
    chain: ChainId,
    profile: Profile,
    limits: Limits,
    block: BlockInfo,
    /// How much the last block's receipts came to.
    room: (usize, usize),
    list: PhantomData<L>,
}

/// Transactions whose entries are looked up ahead of their execution.
const WARM: usize = 16;
/// With fewer members than this the tables lie in the caches anyway.
const WARM_MEMBERS: usize = 1 << 15;

impl BlockOutcome {
    /// Transactions executed.
    #[must_use]
    pub fn tx_count(&self) -> u32 {
        length(self.executed.len())
    }
}

impl<L: Modules> Machine<L> {
    /// A ledger without members.
    #[must_use]
    pub fn new(chain: ChainId, profile: Profile, limits: Limits) -> Self {
        Self {
            stores: L::stores(),
            chain,
            profile,
            limits,
            block: BlockInfo::default(),
            room: (0, 0),
            list: PhantomData,
        }
    }

    /// A ledger as a snapshot has it; `block` comes from the header that names its root.
    ///
    /// # Errors
    /// [`SnapshotError`].
    pub fn restore(
        chain: ChainId,
        profile: Profile,
        limits: Limits,
        block: BlockInfo,
        snapshot: &[u8],
    ) -> Result<Self, SnapshotError> {
        let mut machine = Self::new(chain, profile, limits);
        machine.stores.restore(snapshot)?;
        machine.block = block;
        Ok(machine)
    }

    /// The same, running the code of deployable contracts with this. Part of the ledger's rules: all of its validators use the same, or none.
    #[must_use]
    pub fn with_interpreter(mut self, interpreter: Arc<dyn Interpreter>) -> Self {
        self.stores.interpreter = Some(interpreter);
        self
    }

    /// The tables, to be read.
    #[must_use]
    pub fn stores(&self) -> &Stores {
        &self.stores
    }

    /// Which ledger it is.
    #[must_use]
    pub fn chain(&self) -> ChainId {
        self.chain
    }

    /// The last block executed.
    #[must_use]
    pub fn block(&self) -> &BlockInfo {
        &self.block
    }

    /// A member by key.
    #[must_use]
    pub fn member(&self, key: &PublicKey) -> Option<&Member> {
        self.stores.kernel.members.get(key)
    }

    /// The rules of cost.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Replaces the rules of cost.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// Does what makes a ledger out of nothing: members, accounts, first units. All of it or none.
    ///
    /// # Errors
    /// What `work` returns.
    pub fn set_up(
        &mut self,
        block: BlockInfo,
        work: impl FnOnce(&mut Cx<'_>) -> Result<(), Code>,
    ) -> Result<BlockOutcome, Code> {
        self.block = block;
        let mut outcome = BlockOutcome::default();
        let id = ReceiptId::Phase {
            module: 0,
            end: false,
        };
        let result = self.run(&mut outcome.receipts, id, Caller::Kernel, u64::MAX, |cx| {
            work(cx).map_err(|code| (NO_CALL, code))
        });
        outcome.changes = self.stores.end_block(std::iter::empty());
        match result {
            (Code::OK, _) => Ok(outcome),
            (code, _) => Err(code),
        }
    }

    /// Executes a block whose signatures are good, in this order.
    ///
    /// - `txs`: the wire form with its id, the SHA-512 of the signed bytes; whoever calls computes ids in batches.
    /// - A transaction that is for another ledger, whose sender is unknown or whose nonce cannot be used now is dropped and
    ///   counted. Any other uses up its nonce and leaves a receipt.
    ///
    /// Holds for any bytes behind the envelope's fixed part.
    pub fn execute_block(
        &mut self,
        block: BlockInfo,
        txs: &[(TxId, Envelope<'_>)],
    ) -> BlockOutcome {
        self.block = block;
        let mut outcome = BlockOutcome {
            receipts: Receipts::with_room_of(self.room),
            executed: Vec::with_capacity(txs.len()),
            ..BlockOutcome::default()
        };
        // First: what was left for later finds the block's time as transactions do, in books too.
        self.run_phase(&mut outcome.receipts, Phase::Begin);
        let mut spent = self.run_triggers(&mut outcome.receipts);
        let mut set = AccessSet::new();
        let mut place = 0;
        for batch in txs.chunks(WARM) {
            let mut senders = [None; WARM];
            if self.stores.kernel.members.len() >= WARM_MEMBERS {
                self.warm(batch, &mut set, &mut senders);
            }
            for ((id, tx), sender) in batch.iter().zip(senders) {
                let result = if spent < self.limits.block_units {
                    self.execute(&mut outcome.receipts, *id, tx, sender)
                } else {
                    Err(Code::BUSY)
                };
                match result {
                    Ok((code, units)) => {
                        spent += units;
                        outcome.executed.push(Executed {
                            place,
                            receipt: length(outcome.receipts.len() - 1),
                            code,
                        });
                    }
                    Err(code) => outcome.dropped.push(Dropped { place, code }),
                }
                place += 1;
            }
        }
        self.run_phase(&mut outcome.receipts, Phase::End);
        let signatures = txs.iter().map(|(_, tx)| tx.signature());
        outcome.changes = self.stores.end_block(signatures);
        self.room = outcome.receipts.room();
        outcome
    }

    /// Takes back what blocks changed, once nobody needs it any more; its room serves later blocks.
    pub fn recycle(&mut self, changes: impl IntoIterator<Item = Changes>) {
        for changes in changes {
            self.stores.recycle(changes);
        }
    }

    /// Checks that need no signature, cheapest first; what passes may still fail in its block.
    ///
    /// # Errors
    /// The first code that applies: `WRONG_CHAIN`, `UNKNOWN_SENDER`, `EXPIRED`, `NOT_YET_VALID`, `NONCE_REUSED`, `MALFORMED`,
    /// `PAYLOAD_SEALED`; then what each call's method refuses before it is executed. Whether a nonce is inside the window
    /// depends on what goes before it, so whoever keeps transactions waiting judges that. `WORK_MISSING` and `KEY_INVALID` for
    /// whoever would come by itself.
    pub fn admit(&self, block: &BlockInfo, id: &TxId, tx: &Envelope<'_>) -> Result<(), Code> {
        if tx.chain() != self.chain {
            return Err(Code::WRONG_CHAIN);
        }
        let Some(member) = self.stores.kernel.members.get(&tx.sender()) else {
            return self.may_come(block, id, tx);
        };
        check_times(block, tx)?;
        if member.nonces.is_used(tx.nonce()) {
            return Err(Code::NONCE_REUSED);
        }
        let Payload::Clear(calls) = tx.payload()?.1 else {
            return Err(Code::PAYLOAD_SEALED);
        };
        let mut set = AccessSet::new();
        for call in calls.iter() {
            if let Some(method) = super::module::method::<L>(&call) {
                super::rights::check(method, member.roles, self.profile)?;
            }
            L::touches(call, &mut set)?;
        }
        Ok(())
    }

    /// How the transaction went and the units it spent, or why it is dropped. `sender` is where its sender was found ahead, if it
    /// was.
    fn execute(
        &mut self,
        receipts: &mut Receipts,
        id: TxId,
        tx: &Envelope<'_>,
        sender: Option<Slot>,
    ) -> Result<(Code, u64), Code> {
        if tx.chain() != self.chain {
            return Err(Code::WRONG_CHAIN);
        }
        let key = tx.sender();
        let slot = match sender.or_else(|| self.stores.kernel.members.find(&key)) {
            Some(slot) => slot,
            None => {
                self.may_come(&self.block, &id, tx)?;
                self.come(key)?
            }
        };
        let Stores {
            kernel, journal, ..
        } = &mut self.stores;
        let member = *kernel.members.at(slot).ok_or(Code::UNKNOWN_SENDER)?;
        let nonces = member.nonces.using(tx.nonce())?;
        if tx
            .after()
            .is_some_and(|nonce| !member.nonces.is_used(nonce))
        {
            return Err(Code::NONCE_GAP);
        }
        // The nonce is used whatever becomes of the rest, so this write is no part of what can be taken back.
        journal.meter = Meter::unbounded();
        if let Some(member) = kernel.members.update_at(journal, slot)? {
            member.nonces = nonces;
        }
        journal.commit();

        let caller = Caller::Member {
            key,
            id: member.id,
            roles: member.roles,
        };
        let limit = self.limits.tx_units;
        Ok(self.run(receipts, ReceiptId::Tx(id), caller, limit, |cx| {
            run_calls::<L>(cx, tx)
        }))
    }

    /// Whether somebody who is no member may become one by this transaction.
    fn may_come(&self, block: &BlockInfo, id: &TxId, tx: &Envelope<'_>) -> Result<(), Code> {
        let rules = (self.profile, &self.limits);
        newcomer::check::<L>(&self.stores.kernel, rules, block, (id, tx))
    }

    /// Makes a member without roles of a key, for good: what its transaction does is another matter.
    fn come(&mut self, key: PublicKey) -> Result<Slot, Code> {
        let Stores {
            kernel, journal, ..
        } = &mut self.stores;
        journal.meter = Meter::unbounded();
        kernel.admit(journal, key, Roles::NONE)?;
        newcomer::count(kernel, journal, self.block.time)?;
        journal.commit();
        kernel.members.find(&key).ok_or(Code::UNKNOWN_SENDER)
    }

    /// The work it takes in a block of this time to become a member, in bits; none where nobody comes by itself.
    #[must_use]
    pub fn newcomer_work(&self, time: Millis) -> Option<u32> {
        let is_open = self.profile == Profile::Public;
        is_open.then(|| newcomer::price(&self.stores.kernel, &self.limits, time))
    }

    /// Opens a receipt, does the work all or none, then what was kept, and closes the receipt.
    fn run(
        &mut self,
        receipts: &mut Receipts,
        source: ReceiptId,
        caller: Caller,
        limit: u64,
        work: impl FnOnce(&mut Cx<'_>) -> Result<(), (u8, Code)>,
    ) -> (Code, u64) {
        receipts.begin(source, self.block.height);
        self.stores.journal.meter = if limit == u64::MAX {
            Meter::unbounded()
        } else {
            Meter::of(limit).with_writes(self.limits.tx_writes)
        };
        let mut cx = Cx {
            stores: &mut self.stores,
            receipts,
            block: self.block,
            caller,
            profile: self.profile,
            source,
            kept: Vec::new(),
            calls: Calls {
                call: L::call,
                catalog: L::CATALOG,
            },
        };
        let start = cx.point();
        let mut result = work(&mut cx);
        let mut units = cx.stores.journal.meter.spent();
        if !cx.kept.is_empty() || result.is_err() {
            result = settle(&mut cx, start, result, &mut units);
        }
        self.stores.journal.commit();
        let (call, code) = result.err().unwrap_or((NO_CALL, Code::OK));
        receipts.finish(code, call, units);
        (code, units)
    }

    fn run_triggers(&mut self, receipts: &mut Receipts) -> u64 {
        let due = trigger::due(&self.stores.kernel, &self.block, self.limits.triggers);
        let mut spent = 0;
        for Due { yields, key } in due {
            let Stores {
                kernel, journal, ..
            } = &mut self.stores;
            journal.meter = Meter::unbounded();
            let work = kernel.work(yields).remove(journal, &key).ok().flatten();
            journal.commit();
            // An earlier trigger of this block may have taken it back.
            let Some(work) = work else { continue };
            let (id, limit) = (ReceiptId::Trigger(key.1), self.limits.tx_units);
            let (_, units) = self.run(receipts, id, Caller::Kernel, limit, |cx| {
                L::trigger(work.module, key.1, &work.data, cx).map_err(|code| (NO_CALL, code))
            });
            spent += units;
        }
        spent
    }

    fn run_phase(&mut self, receipts: &mut Receipts, phase: Phase) {
        for (module, works, work) in L::PHASES {
            if !works {
                continue;
            }
            let end = phase == Phase::End;
            let id = ReceiptId::Phase {
                module: *module,
                end,
            };
            let limit = self.limits.phase_units;
            self.run(receipts, id, Caller::Kernel, limit, |cx| {
                work(cx, phase).map_err(|code| (NO_CALL, code))
            });
            receipts.drop_silent();
        }
    }

    /// Reads what the next transactions will need, and notes where their senders are, which stay there: independent look-ups wait for
    /// memory together, not one after the other.
    fn warm(
        &self,
        batch: &[(TxId, Envelope<'_>)],
        set: &mut AccessSet,
        senders: &mut [Option<Slot>; WARM],
    ) {
        set.clear();
        for (sender, (_, tx)) in senders.iter_mut().zip(batch) {
            *sender = self.stores.kernel.members.find(&tx.sender());
            if let Ok((_, Payload::Clear(calls))) = tx.payload() {
                for call in calls.iter() {
                    // What cannot be read is refused when it is executed.
                    let _ = L::touches(call, set);
                }
            }
        }
        L::warm(&self.stores, set);
    }
}

impl<L: Modules> Clone for Machine<L> {
    fn clone(&self) -> Self {
        Self {
            stores: self.stores.clone(),
            list: PhantomData,
            ..*self
        }
    }
}

fn run_calls<L: Modules>(cx: &mut Cx<'_>, tx: &Envelope<'_>) -> Result<(), (u8, Code)> {
    let calls = open(cx, tx).map_err(|code| (NO_CALL, code))?;
    for (place, call) in (0..).zip(calls.iter()) {
        let said = cx.receipts.take_message();
        L::call(call, cx).map_err(|code| (place, code))?;
        cx.receipts.give_message(said);
    }
    Ok(())
}

/// The calls, once the transaction may be executed at all.
fn open<'a>(cx: &mut Cx<'_>, tx: &Envelope<'a>) -> Result<CallList<'a>, Code> {
    check_times(&cx.block, tx)?;
    cx.charge(UNITS_TX)?;
    cx.charge_bytes(tx.bytes().len())?;
    match tx.payload()?.1 {
        Payload::Clear(calls) => Ok(calls),
        Payload::Sealed { .. } => Err(Code::PAYLOAD_SEALED),
    }
}

/// Does what was to be kept, and takes back what failed. Whatever fails here fails the transaction; then what was to be kept
/// is done on the state as the transaction found it.
fn settle(
    cx: &mut Cx<'_>,
    start: super::context::Point,
    result: Result<(), (u8, Code)>,
    units: &mut u64,
) -> Result<(), (u8, Code)> {
    let kept = std::mem::take(&mut cx.kept);
    let mut keep = |cx: &mut Cx<'_>, work: &Kept| {
        cx.stores.journal.meter = Meter::of(UNITS_KEPT);
        let done = cx.attempt(|cx| work.work(cx));
        *units += cx.stores.journal.meter.spent();
        // Kept work cannot keep more: it is the end.
        cx.kept.clear();
        done
    };
    let result = result.and_then(|()| {
        let all = kept.iter().try_for_each(|work| keep(cx, work));
        all.map_err(|code| (NO_CALL, code))
    });
    if result.is_err() {
        cx.roll_back(start);
        for work in &kept {
            // The transaction has failed already; each piece stands for itself.
            let _ = keep(cx, work);
        }
    }
    result
}

pub(super) fn check_times(block: &BlockInfo, tx: &Envelope<'_>) -> Result<(), Code> {
    if tx.expires_at() <= block.time {
        return Err(Code::EXPIRED);
    }
    if tx.lock_time() > block.time {
        return Err(Code::NOT_YET_VALID);
    }
    Ok(())
}
