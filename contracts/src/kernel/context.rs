//! What a call may see and do: block, caller, tables, events, meter, and work for later.

use std::sync::Arc;

use super::envelope::CallView;
use super::interpreter::Interpreter;
use super::journal::{Journal, Mark};
use super::member::{COUNTER_TRIGGERS, Member, MemberId};
use super::meter::{UNITS_ITEM, UNITS_MAKER};
use super::module::{Module, ModuleInfo};
use super::proof::is_closed;
use super::receipt::{EventView, ReceiptId, Receipts};
use super::store::Stores;
use super::table::Table;
use super::trigger::{self, Scheduled, When};
use crate::account::Roles;
use crate::block::{BlockDigest, Height};
use crate::genesis::Profile;
use crate::receipt::Code;
use crate::tx::{Millis, PublicKey};

/// The block in which something happens. The only clock and the only dice there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BlockInfo {
    /// Its height.
    pub height: Height,
    /// Its time, never before the last block's.
    pub time: Millis,
    /// Digest of the block before: nobody knew it before that block was executed.
    pub beacon: BlockDigest,
}

/// A part of a block in which modules do work of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Before the triggers and the transactions: modules learn the time, and what is over goes.
    Begin,
    /// After the transactions: orders that have ended go, stops enter, sessions clear, instructions come up.
    End,
}

/// On whose behalf something happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    /// A member's, by its signed transaction.
    Member {
        /// Its key.
        key: PublicKey,
        /// Its number.
        id: MemberId,
        /// Its roles.
        roles: Roles,
    },
    /// Nobody's: genesis, a trigger, a phase of the block.
    Kernel,
}

/// Longest message of a receipt, in bytes.
pub const MESSAGE_MAX: usize = 1024;
/// Most pieces of work a transaction may ask to keep.
pub const KEPT_MAX: usize = 32;

/// Work that is done although the call fails, on behalf of whoever called.
pub(super) struct Kept {
    caller: Caller,
    work: Work,
}

type Work = Box<dyn Fn(&mut Cx<'_>) -> Result<(), Code>>;

impl Kept {
    pub(super) fn work(&self, cx: &mut Cx<'_>) -> Result<(), Code> {
        let before = std::mem::replace(&mut cx.caller, self.caller);
        let done = (self.work)(cx);
        cx.caller = before;
        done
    }
}

/// How the modules of the ledger are called, and which there are.
#[derive(Clone, Copy)]
pub(super) struct Calls {
    pub(super) call: fn(CallView<'_>, &mut Cx<'_>) -> Result<(), Code>,
    pub(super) catalog: &'static [ModuleInfo],
}

/// The context of a call.
pub struct Cx<'a> {
    pub(super) stores: &'a mut Stores,
    pub(super) receipts: &'a mut Receipts,
    pub(super) block: BlockInfo,
    pub(super) caller: Caller,
    pub(super) profile: Profile,
    pub(super) source: ReceiptId,
    pub(super) kept: Vec<Kept>,
    pub(super) calls: Calls,
}

/// A point that a context can be taken back to.
#[derive(Clone, Copy)]
pub(super) struct Point {
    writes: Mark,
    events: usize,
}

impl Cx<'_> {
    /// The running block.
    #[must_use]
    #[inline]
    pub fn block(&self) -> &BlockInfo {
        &self.block
    }

    /// On whose behalf.
    #[must_use]
    #[inline]
    pub fn caller(&self) -> Caller {
        self.caller
    }

    /// The member that calls; none for the kernel.
    #[must_use]
    #[inline]
    pub fn member(&self) -> Option<MemberId> {
        match self.caller {
            Caller::Member { id, .. } => Some(id),
            Caller::Kernel => None,
        }
    }

    /// The member that calls, where there has to be one.
    ///
    /// # Errors
    /// `NO_SENDER`.
    #[inline]
    pub fn sender(&self) -> Result<MemberId, Code> {
        self.member().ok_or(Code::NO_SENDER)
    }

    /// The roles of whoever calls; none for the kernel.
    #[must_use]
    #[inline]
    pub fn roles(&self) -> Roles {
        match self.caller {
            Caller::Member { roles, .. } => roles,
            Caller::Kernel => Roles::NONE,
        }
    }

    /// Who may take part in this ledger.
    #[must_use]
    #[inline]
    pub fn profile(&self) -> Profile {
        self.profile
    }

    /// The transaction, trigger or phase that runs.
    #[must_use]
    pub fn source(&self) -> ReceiptId {
        self.source
    }

    /// Tables of a module, to be written; every write takes the journal.
    #[inline]
    pub fn tables<M: Module>(&mut self) -> (&mut M::Tables, &mut Journal) {
        self.stores.tables::<M>()
    }

    /// Tables of a module, to be read.
    #[inline]
    #[must_use]
    pub fn read<M: Module>(&self) -> &M::Tables {
        self.stores.read::<M>()
    }

    /// Writes an event into the receipt. Its bytes are charged.
    ///
    /// # Errors
    /// `METER_EXCEEDED`.
    #[inline]
    pub fn emit<M: Module>(&mut self, event: &M::Event<'_>) -> Result<(), Code> {
        let bytes = self.receipts.event(M::ID, event);
        self.charge_bytes(bytes)
    }

    /// What the receipt tells the sender, also when the call fails. The last one counts; it is cut at [`MESSAGE_MAX`] bytes.
    pub fn say(&mut self, message: &str) {
        let mut end = message.len().min(MESSAGE_MAX);
        while !message.is_char_boundary(end) {
            end -= 1;
        }
        self.receipts.say(&message[..end]);
    }

    /// Spends units.
    ///
    /// # Errors
    /// `METER_EXCEEDED`.
    #[inline]
    pub fn charge(&mut self, units: u64) -> Result<(), Code> {
        self.stores.journal.meter.charge(units)
    }

    /// Spends what walking so many items of a list costs.
    ///
    /// # Errors
    /// `METER_EXCEEDED`.
    pub fn charge_items(&mut self, count: usize) -> Result<(), Code> {
        self.charge((count as u64).saturating_mul(UNITS_ITEM))
    }

    /// Spends what meeting one order in a book costs.
    ///
    /// # Errors
    /// `METER_EXCEEDED`.
    pub fn charge_maker(&mut self) -> Result<(), Code> {
        self.charge(UNITS_MAKER)
    }

    /// Spends what copying, comparing or keeping so many bytes costs.
    ///
    /// # Errors
    /// `METER_EXCEEDED`.
    #[inline]
    pub fn charge_bytes(&mut self, count: usize) -> Result<(), Code> {
        self.stores.journal.meter.bytes(count)
    }

    /// Lets what runs spend no more than so many units from now on.
    pub(crate) fn narrow(&mut self, units: u64) {
        self.stores.journal.meter.narrow(units);
    }

    /// Units that are left to spend.
    #[must_use]
    pub fn units_left(&self) -> u64 {
        self.stores.journal.meter.left()
    }

    /// The modules of the ledger.
    #[must_use]
    pub fn catalog(&self) -> &'static [ModuleInfo] {
        self.calls.catalog
    }

    /// Has a module do what a call says on behalf of `caller`, whose rights are asked for: all of it, or nothing that is left behind but what
    /// was to be kept for the case that it is refused. What a refused call said is forgotten: the code tells, and the work may go on.
    ///
    /// # Errors
    /// What the call is refused with.
    pub(crate) fn call_as(&mut self, caller: Caller, call: CallView<'_>) -> Result<(), Code> {
        let before = std::mem::replace(&mut self.caller, caller);
        let Calls { call: execute, .. } = self.calls;
        let said = self.receipts.take_message();
        let done = self.attempt(|cx| execute(call, cx));
        if done.is_err() {
            self.receipts.take_message();
        }
        self.receipts.give_message(said);
        self.caller = before;
        done
    }

    /// What runs the code of deployable contracts; none on a ledger that was given none.
    #[must_use]
    pub fn interpreter(&self) -> Option<Arc<dyn Interpreter>> {
        self.stores.interpreter.clone()
    }

    /// The encoded value of any entry that is shown to everyone, by its whole key.
    #[must_use]
    pub fn entry(&self, key: &[u8]) -> Option<Vec<u8>> {
        if is_closed(key) {
            return None;
        }
        self.stores.value(key)
    }

    /// What happened in this block so far, in order: the events of every receipt that is closed.
    pub(crate) fn happened(&self) -> impl Iterator<Item = EventView<'_>> {
        self.receipts.views().flat_map(|receipt| receipt.events())
    }

    /// Does something that leaves nothing behind when it fails: what a method does that calls several others and goes on.
    ///
    /// # Errors
    /// What `work` returns.
    pub fn attempt<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, Code>,
    ) -> Result<T, Code> {
        let point = self.point();
        let result = work(self);
        if result.is_err() {
            self.roll_back(point);
        }
        result
    }

    /// Has something done at the end of the transaction, whether it succeeds or fails: what must stay although the call was
    /// refused. It runs for the same caller once the writes of a failed transaction are taken back, so it looks at the state anew;
    /// its events go into the receipt, and it is metered apart. When it fails itself after a success, the transaction fails, and it
    /// is tried once more on what is left. It stays also where the call was made by another that goes on: who asks the log through
    /// a deployed contract has asked it.
    ///
    /// # Errors
    /// `TOO_MUCH_KEPT`.
    pub fn keep(
        &mut self,
        work: impl Fn(&mut Cx<'_>) -> Result<(), Code> + 'static,
    ) -> Result<(), Code> {
        if self.kept.len() == KEPT_MAX {
            return Err(Code::TOO_MUCH_KEPT);
        }
        self.kept.push(Kept {
            caller: self.caller,
            work: Box::new(work),
        });
        Ok(())
    }

    /// Has [`Module::on_trigger`] of `M` called with `data` when it is due, and returns the number of the trigger.
    ///
    /// # Errors
    /// `SCHEDULE_INVALID`, `METER_EXCEEDED`.
    pub fn schedule<M: Module>(&mut self, when: When, data: &[u8]) -> Result<u64, Code> {
        trigger::check(&self.block, when, data)?;
        let Stores {
            kernel, journal, ..
        } = &mut *self.stores;
        let number = kernel.count(journal, COUNTER_TRIGGERS)?;
        let work = Scheduled {
            module: M::ID,
            data: data.to_vec(),
        };
        let all = kernel.work(M::YIELDS);
        all.set(journal, (when, number), work)?;
        Ok(number)
    }

    /// [`Cx::schedule`] with the bytes of what a module leaves for itself.
    ///
    /// # Errors
    /// Those of [`Cx::schedule`].
    pub fn schedule_work<M: Module>(
        &mut self,
        when: When,
        work: &impl borsh::BorshSerialize,
    ) -> Result<u64, Code> {
        let data = borsh::to_vec(work).map_err(|_| Code::MALFORMED)?;
        self.schedule::<M>(when, &data)
    }

    /// Takes scheduled work back; whether there was any of this module.
    ///
    /// # Errors
    /// `METER_EXCEEDED`.
    pub fn unschedule<M: Module>(&mut self, when: When, number: u64) -> Result<bool, Code> {
        let Stores {
            kernel, journal, ..
        } = &mut *self.stores;
        let all = kernel.work(M::YIELDS);
        let own = all.get(&(when, number));
        if own.is_none_or(|work| work.module != M::ID) {
            return Ok(false);
        }
        all.remove(journal, &(when, number))?;
        Ok(true)
    }

    /// Members by key, to be read.
    #[must_use]
    pub fn members(&self) -> &Table<PublicKey, Member> {
        &self.stores.kernel.members
    }

    /// A member's key by its number.
    #[must_use]
    pub fn key_of(&self, id: MemberId) -> Option<PublicKey> {
        self.stores.kernel.keys.get(&id).copied()
    }

    /// A member by its number, with the roles it has now.
    #[must_use]
    pub fn member_of(&self, id: MemberId) -> Option<&Member> {
        self.members().get(&self.key_of(id)?)
    }

    /// A member as one that calls, with the roles it has now.
    ///
    /// # Errors
    /// `UNKNOWN_MEMBER`.
    pub(crate) fn caller_of(&self, id: MemberId) -> Result<Caller, Code> {
        let key = self.key_of(id).ok_or(Code::UNKNOWN_MEMBER)?;
        let member = self.members().get(&key).ok_or(Code::UNKNOWN_MEMBER)?;
        Ok(Caller::Member {
            key,
            id,
            roles: member.roles,
        })
    }

    /// Admits a key. The caller has checked that it is one and may be admitted.
    ///
    /// # Errors
    /// `MEMBER_EXISTS`, `OVERFLOW`, `METER_EXCEEDED`.
    pub fn admit_member(&mut self, key: PublicKey, roles: Roles) -> Result<MemberId, Code> {
        if self.members().contains(&key) {
            return Err(Code::MEMBER_EXISTS);
        }
        let Stores {
            kernel, journal, ..
        } = &mut *self.stores;
        kernel.admit(journal, key, roles)
    }

    /// Replaces a member's roles.
    ///
    /// # Errors
    /// `UNKNOWN_MEMBER`, `METER_EXCEEDED`.
    pub fn set_roles(&mut self, key: &PublicKey, roles: Roles) -> Result<(), Code> {
        let Stores {
            kernel, journal, ..
        } = &mut *self.stores;
        let member = kernel.members.update(journal, key)?;
        member.ok_or(Code::UNKNOWN_MEMBER)?.roles = roles;
        Ok(())
    }

    #[inline]
    pub(super) fn point(&self) -> Point {
        Point {
            writes: self.stores.journal.mark(),
            events: self.receipts.mark(),
        }
    }

    pub(super) fn roll_back(&mut self, point: Point) {
        self.stores.roll_back(point.writes);
        self.receipts.roll_back(point.events);
    }
}
