//! The ledger as a running contract sees it: pays for everything, answers what may be asked, and ends what may not.

use std::ops::Bound;

use super::activation::{Contract, Version};
use super::event::Event;
use super::module::Wasm;
use super::{
    DATA_MAX, ENTRIES_MAX, ENTRY_BYTES_MAX, ENTRY_KEY_MAX, EVENTS_MAX, FUEL_A_UNIT, HEARERS_MAX,
    KEY_MAX, UNITS_REQUEST, UNITS_RUN_MAX, VALUE_MAX,
};
use crate::identity::Identity;
use crate::kernel::context::{Caller, Cx};
use crate::kernel::envelope::CallView;
use crate::kernel::interpreter::{Answer, Host, Request};
use crate::kernel::table::Place;
use crate::kernel::wire::List;
use crate::receipt::Code;
use crate::tx::AccountId;

/// A run of a contract.
pub(super) struct Running<'r, 'c> {
    cx: &'r mut Cx<'c>,
    name: &'r str,
    contract: Contract,
    version: Version,
    input: &'r [u8],
    /// Fuel that was burnt and is not a whole unit yet.
    loose: u64,
    /// Units that fuel was turned into.
    burnt: u64,
    events: u32,
}

impl<'r, 'c> Running<'r, 'c> {
    pub(super) fn new(
        cx: &'r mut Cx<'c>,
        name: &'r str,
        contract: Contract,
        version: Version,
        input: &'r [u8],
    ) -> Self {
        Self {
            cx,
            name,
            contract,
            version,
            input,
            loose: 0,
            burnt: 0,
            events: 0,
        }
    }

    /// The run came to its end: how much the contract remembers is written down.
    pub(super) fn end(self) -> Result<(), Code> {
        let Self {
            cx, name, contract, ..
        } = self;
        let key = name.to_owned();
        let known = cx.read::<Wasm>().contracts.get(&key);
        if known == Some(&contract) {
            return Ok(());
        }
        let (tables, journal) = cx.tables::<Wasm>();
        tables.contracts.set(journal, key, contract)
    }

    fn key(&mut self, key: Vec<u8>) -> Result<(u32, Vec<u8>), Code> {
        if !(1..=KEY_MAX).contains(&key.len()) {
            return Err(Code::DEPLOYED_BOUNDS);
        }
        self.cx.charge_bytes(key.len())?;
        Ok((self.contract.number, key))
    }

    fn get(&mut self, key: Vec<u8>) -> Result<Answer, Code> {
        let key = self.key(key)?;
        let found = self.cx.read::<Wasm>().entries.get(&key).cloned();
        self.bytes(found)
    }

    fn bytes(&mut self, found: Option<Vec<u8>>) -> Result<Answer, Code> {
        match found {
            Some(bytes) => {
                self.cx.charge_bytes(bytes.len())?;
                Ok(Answer::Bytes(bytes))
            }
            None => Ok(Answer::Nothing),
        }
    }

    fn set(&mut self, key: Vec<u8>, value: Vec<u8>) -> Result<Answer, Code> {
        if value.len() > VALUE_MAX {
            return Err(Code::DEPLOYED_BOUNDS);
        }
        let key = self.key(key)?;
        self.cx.charge_bytes(value.len())?;
        let (key_bytes, value_bytes) = (key.1.len() as u64, value.len() as u64);
        let old = self.cx.read::<Wasm>().entries.get(&key);
        let old = old.map(|old| old.len() as u64);
        // Correctness: what is there was counted when it was set.
        let bytes = match old {
            Some(old) => self.contract.bytes - old + value_bytes,
            None => self.contract.bytes + key_bytes + value_bytes,
        };
        let entries = self.contract.entries + u32::from(old.is_none());
        if bytes > ENTRY_BYTES_MAX || entries > ENTRIES_MAX {
            return Err(Code::DEPLOYED_BOUNDS);
        }
        let (tables, journal) = self.cx.tables::<Wasm>();
        tables.entries.set(journal, key, value)?;
        (self.contract.bytes, self.contract.entries) = (bytes, entries);
        Ok(Answer::Number(i64::from(old.is_some())))
    }

    fn remove(&mut self, key: Vec<u8>) -> Result<Answer, Code> {
        let key = self.key(key)?;
        let (tables, journal) = self.cx.tables::<Wasm>();
        let Some(old) = tables.entries.remove(journal, &key)? else {
            return Ok(Answer::Number(0));
        };
        self.contract.bytes -= (key.1.len() + old.len()) as u64;
        self.contract.entries -= 1;
        Ok(Answer::Number(1))
    }

    fn next(&mut self, key: Vec<u8>) -> Result<Answer, Code> {
        if key.len() > KEY_MAX {
            return Err(Code::DEPLOYED_BOUNDS);
        }
        self.cx.charge_bytes(key.len())?;
        let number = self.contract.number;
        let range = (
            Bound::Excluded((number, key)),
            Bound::Excluded((number + 1, Vec::new())),
        );
        let found = self.cx.read::<Wasm>().entries.range(range).next();
        let found = found.map(|((_, key), _)| key.clone());
        self.bytes(found)
    }

    fn entry(&mut self, module: u16, table: u8, key: &[u8]) -> Result<Answer, Code> {
        if key.len() > ENTRY_KEY_MAX {
            return Err(Code::DEPLOYED_BOUNDS);
        }
        self.cx.charge_bytes(key.len())?;
        let mut whole = Place::new(module, 0, table, false).prefix.to_vec();
        whole.extend_from_slice(key);
        let found = self.cx.entry(&whole);
        self.bytes(found)
    }

    fn call(
        &mut self,
        (module, method): (u16, u16),
        arguments: &[u8],
        own: bool,
    ) -> Result<Answer, Code> {
        if !self.version.methods.contains(&(module, method)) {
            return Err(Code::CALL_FORBIDDEN);
        }
        self.cx.charge_bytes(arguments.len())?;
        let caller = if own {
            self.cx.caller_of(self.contract.member)?
        } else {
            self.cx.caller()
        };
        let call = CallView {
            module,
            method,
            arguments,
        };
        match self.cx.call_as(caller, call) {
            Ok(()) => Ok(Answer::Number(0)),
            // Who has nothing left to spend goes no further.
            Err(Code::METER_EXCEEDED) => Err(Code::METER_EXCEEDED),
            Err(code) => Ok(Answer::Number(code.0.into())),
        }
    }

    fn emit(&mut self, topic: u32, accounts: &[u64], data: &[u8]) -> Result<Answer, Code> {
        let too_much = data.len() > DATA_MAX || accounts.len() > HEARERS_MAX;
        if too_much || self.events == EVENTS_MAX {
            return Err(Code::DEPLOYED_BOUNDS);
        }
        let accounts: Vec<AccountId> = accounts.iter().copied().map(AccountId).collect();
        self.cx.emit::<Wasm>(&Event::Told {
            name: self.name,
            topic,
            accounts: List::Items(&accounts),
            data,
        })?;
        self.events += 1;
        Ok(Answer::Number(0))
    }

    fn represents(&self, account: u64) -> Answer {
        let member = self.cx.member();
        let found = self
            .cx
            .read::<Identity>()
            .represented(member, AccountId(account));
        Answer::Number(i64::from(found.is_ok()))
    }
}

impl Host for Running<'_, '_> {
    fn code(&self) -> Vec<u8> {
        let Version { code, length, .. } = self.version;
        self.cx.read::<Wasm>().code(code, length)
    }

    fn fuel(&self) -> u64 {
        let left = self.cx.units_left().min(UNITS_RUN_MAX - self.burnt);
        // Correctness: below 2^32 units, and what is loose is below one of them.
        (left * FUEL_A_UNIT).saturating_sub(self.loose)
    }

    fn burn(&mut self, fuel: u64) -> Result<(), Code> {
        let fuel = self.loose.saturating_add(fuel);
        let units = fuel / FUEL_A_UNIT;
        self.cx.charge(units)?;
        self.loose = fuel % FUEL_A_UNIT;
        self.burnt = self.burnt.saturating_add(units).min(UNITS_RUN_MAX);
        Ok(())
    }

    fn answer(&mut self, request: Request) -> Result<Answer, Code> {
        self.cx.charge(UNITS_REQUEST)?;
        match request {
            Request::Input => {
                self.cx.charge_bytes(self.input.len())?;
                Ok(Answer::Bytes(self.input.to_vec()))
            }
            Request::Get(key) => self.get(key),
            Request::Set(key, value) => self.set(key, value),
            Request::Remove(key) => self.remove(key),
            Request::Next(key) => self.next(key),
            Request::Entry(module, table, key) => self.entry(module, table, &key),
            Request::Call {
                module,
                method,
                arguments,
                own,
            } => self.call((module, method), &arguments, own),
            Request::Emit(topic, accounts, data) => self.emit(topic, &accounts, &data),
            Request::Caller => match self.cx.caller() {
                Caller::Member { key, .. } => Ok(Answer::Bytes(key.0.to_vec())),
                Caller::Kernel => Err(Code::NO_SENDER),
            },
            Request::Own => {
                let key = self.cx.key_of(self.contract.member);
                Ok(Answer::Bytes(key.ok_or(Code::UNKNOWN_MEMBER)?.0.to_vec()))
            }
            Request::Represents(account) => Ok(self.represents(account)),
            Request::Time => Ok(Answer::time(self.cx.block().time)),
            Request::Height => {
                let height = i64::try_from(self.cx.block().height);
                Ok(Answer::Number(height.unwrap_or(i64::MAX)))
            }
        }
    }
}
