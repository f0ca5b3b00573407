//! Algorithm 5 (upload of trading data) and Algorithm 6 (query of the log), with the paper's own messages.
//!
//! Two outcomes leave a mark although their code is not `OK`: failed production indicators terminate the trading
//! contract, and every query is recorded, whether it was allowed and whether anything was found or not.

use sha2::{Digest as _, Sha512};

use crate::account::{HolderId, Roles};
use crate::amount::{Price, Quantity};
use crate::carbon::trading::{
    AccessRecord, ContractId, Indicators, LogKey, MESSAGE_DATA_EXCEPTION, MESSAGE_NO_RECORD,
    MESSAGE_RECORD_EXCEPTION, MESSAGE_SUCCESS, MESSAGE_UNAUTHORIZED, NewTradingContract, Retrieval,
    TradingContract, TradingData, TradingRecord,
};
use crate::event::Event;
use crate::receipt::Code;
use crate::tx::{AccountId, ContentHash};

use super::{Context, Key, Ledger, Refusal};

/// Most records one query names; `after` asks for the next ones.
pub(crate) const QUERY_PAGE: usize = 64;

impl Ledger {
    pub(super) fn open_trading_contract(
        &mut self,
        context: &mut Context<'_>,
        new: &NewTradingContract,
    ) -> Result<(), Refusal> {
        self.account(context, new.seller)?;
        self.account(context, new.buyer)?;
        if !self.instruments.contains_key(&new.instrument) {
            return Err(Code::UNKNOWN_INSTRUMENT);
        }
        if new.seller == new.buyer
            || new.bounds.output_min > new.bounds.output_max
            || new.quantity_max == Quantity::ZERO
        {
            return Err(Code::CONTRACT_INVALID);
        }
        if self.contracts.contains_key(&new.id) {
            return Err(Code::CONTRACT_EXISTS);
        }

        let contract = TradingContract {
            terms: new.clone(),
            endorsed: None,
            terminated: false,
        };
        self.contracts.insert(new.id, contract);
        self.touched.push(Key::Contract(new.id));
        context
            .events
            .push(Event::TradingContractOpened { contract: new.id });
        Ok(())
    }

    pub(super) fn endorse_indicators(
        &mut self,
        context: &mut Context<'_>,
        id: ContractId,
        indicators: Indicators,
    ) -> Result<(), Refusal> {
        let contract = self.contracts.get_mut(&id).ok_or(Code::UNKNOWN_CONTRACT)?;
        if contract.terminated {
            return Err(Code::CONTRACT_TERMINATED);
        }

        contract.endorsed = Some((indicators, context.sender));
        self.touched.push(Key::Contract(id));
        context.events.push(Event::IndicatorsEndorsed {
            contract: id,
            indicators,
        });
        Ok(())
    }

    /// Algorithm 5. Index check first (the contract stays open), then quality check (the contract ends), then the record.
    pub(super) fn upload_trading_data(
        &mut self,
        context: &mut Context<'_>,
        data: &TradingData,
    ) -> Result<(), Refusal> {
        let contract = self
            .contracts
            .get(&data.contract)
            .ok_or(Code::UNKNOWN_CONTRACT)?;
        if contract.terminated {
            return Err(Code::CONTRACT_TERMINATED);
        }
        let parties = [contract.terms.seller, contract.terms.buyer];
        if !parties
            .iter()
            .any(|party| self.represented(context, *party).is_ok())
        {
            return Err(Code::NOT_REPRESENTATIVE);
        }
        let failed = self.failed_indices(contract, data);
        if !failed.is_empty() {
            context.message = MESSAGE_DATA_EXCEPTION.to_owned();
            let exceptions = failed.into_iter().map(str::to_owned).collect();
            context.events.push(Event::TradingDataRefused {
                contract: data.contract,
                exceptions,
            });
            return Err(Code::TRADING_DATA_EXCEPTION);
        }
        let endorsed = contract
            .endorsed
            .is_some_and(|(endorsed, _)| endorsed == data.indicators);
        if !endorsed || !contract.terms.bounds.allow(&data.indicators) {
            return Err(self.terminate(context, data.contract));
        }

        let id = self.record_last() + 1;
        let bytes = borsh::to_vec(data).expect("writing to memory cannot fail");
        let record = TradingRecord {
            id,
            data: data.clone(),
            hash: ContentHash(Sha512::digest(bytes).into()),
            time: context.time,
            uploader: context.sender,
            tx: context.tx,
        };
        self.log_index.extend(record.keys().map(|key| (key, id)));
        self.records.insert(id, record);
        self.touched.push(Key::Record(id));
        context.message = MESSAGE_SUCCESS.to_owned();
        context.events.push(Event::TradingDataRecorded {
            contract: data.contract,
            record: id,
        });
        Ok(())
    }

    fn terminate(&mut self, context: &mut Context<'_>, id: ContractId) -> Refusal {
        if let Some(contract) = self.contracts.get_mut(&id) {
            contract.terminated = true;
        }
        self.touched.push(Key::Contract(id));
        context.message = MESSAGE_RECORD_EXCEPTION.to_owned();
        context
            .events
            .push(Event::ContractTerminated { contract: id });
        Code::CONTRACT_RECORD_EXCEPTION
    }

    /// Names of the fields that fail the index check, in the order of the fields.
    fn failed_indices(&self, contract: &TradingContract, data: &TradingData) -> Vec<&'static str> {
        let terms = &contract.terms;
        let issuance = self.instruments.get(&data.instrument);
        let lot = issuance.map_or(1, |i| i.instrument.lot.0);
        let tick = issuance.map_or(1, |i| i64::from(i.instrument.tick));
        let held = self
            .holdings
            .get(&(data.seller, data.instrument))
            .map_or(Quantity::ZERO, super::Holding::free);
        let checks = [
            ("enterprise", data.enterprise == terms.enterprise),
            ("seller", data.seller == terms.seller),
            ("buyer", data.buyer == terms.buyer),
            ("instrument", data.instrument == terms.instrument),
            (
                "quantity",
                data.quantity > Quantity::ZERO
                    && data.quantity <= terms.quantity_max
                    && data.quantity <= held
                    && data.quantity.0.is_multiple_of(lot),
            ),
            (
                "price",
                data.price > Price::ZERO && data.price.0 % tick == 0,
            ),
            ("period", data.period_start < data.period_end),
            ("emissions", data.emissions <= terms.emissions_max),
            ("evidence", data.evidence != ContentHash([0; 64])),
        ];
        checks
            .into_iter()
            .filter(|(_, sound)| !sound)
            .map(|(name, _)| name)
            .collect()
    }

    /// Algorithm 6. Permission, retrieval, access record, answer; the answer is in the receipt of the access record.
    pub(super) fn query_log(
        &mut self,
        context: &mut Context<'_>,
        retrieval: Retrieval,
        after: u64,
    ) -> Result<(), Refusal> {
        if !self.may_read(context, retrieval) {
            self.log_access(context, retrieval, false, &[]);
            context.message = MESSAGE_UNAUTHORIZED.to_owned();
            return Err(Code::AUTHORIZATION_FAILED);
        }
        let found = self.find_records(retrieval, after);
        self.log_access(context, retrieval, true, &found);
        if found.is_empty() {
            context.message = MESSAGE_NO_RECORD.to_owned();
            return Err(Code::NO_QUERY_RECORD);
        }
        Ok(())
    }

    /// Regulator, auditor and surveillance read everything; others what concerns an account they represent.
    fn may_read(&self, context: &Context<'_>, retrieval: Retrieval) -> bool {
        let all = Roles::REGULATOR
            .with(Roles::AUDITOR)
            .with(Roles::SURVEILLANCE);
        if context.roles.any(all) {
            return true;
        }
        if context.roles == Roles::NONE {
            return false;
        }
        let represents = |id: AccountId| {
            let account = self.accounts.get(&id);
            account.is_some_and(|a| a.representatives.binary_search(&context.sender).is_ok())
        };
        let party =
            |terms: &NewTradingContract| represents(terms.seller) || represents(terms.buyer);
        let of_holder = |holder: HolderId| {
            // Only accounts the sender declares are looked at, so the cost is bounded by the transaction.
            let declared = context.declared.iter().filter(|id| represents(**id));
            declared
                .filter_map(|id| self.accounts.get(id))
                .any(|account| account.holder == holder)
        };
        match retrieval {
            Retrieval::Contract(id) => self.contracts.get(&id).is_some_and(|c| party(&c.terms)),
            Retrieval::Enterprise(holder) => of_holder(holder),
            Retrieval::Account(id) => represents(id),
            Retrieval::Instrument(_) | Retrieval::Time(..) => false,
            Retrieval::Transaction(_) => self.find_records(retrieval, 0).iter().all(|id| {
                let record = self.records.get(id);
                record.is_some_and(|r| represents(r.data.seller) || represents(r.data.buyer))
            }),
        }
    }

    /// Records with numbers above `after` of each key, rising by key and number, each once, at most a page.
    pub(crate) fn find_records(&self, retrieval: Retrieval, after: u64) -> Vec<u64> {
        let Some((first, last)) = retrieval.keys() else {
            return Vec::new();
        };
        let Some(start) = after.checked_add(1) else {
            return Vec::new();
        };
        if after >= self.record_last() {
            return Vec::new();
        }
        // Numbers rise with the time, so a later page of a span of time starts at the record the page before ended with.
        let first = match (first, self.records.get(&after)) {
            (LogKey::Time(from), Some(record)) => LogKey::Time(from.max(record.time)),
            (first, _) => first,
        };
        if first > last {
            return Vec::new();
        }
        let range = self.log_index.range((first, start)..=(last, u64::MAX));
        range
            .map(|(_, id)| *id)
            .filter(|id| *id > after)
            .take(QUERY_PAGE)
            .collect()
    }

    fn log_access(
        &mut self,
        context: &mut Context<'_>,
        retrieval: Retrieval,
        allowed: bool,
        found: &[u64],
    ) {
        let id = self.accesses.last_key_value().map_or(0, |(id, _)| *id) + 1;
        let count = u32::try_from(found.len()).unwrap_or(u32::MAX);
        let access = AccessRecord {
            id,
            querier: context.sender,
            time: context.time,
            retrieval,
            allowed,
            count,
            tx: context.tx,
        };
        self.accesses.insert(id, access.clone());
        self.touched.push(Key::Access(id));
        context.events.push(Event::AccessLogged {
            access,
            records: found.to_vec(),
        });
    }

    fn record_last(&self) -> u64 {
        self.records.last_key_value().map_or(0, |(id, _)| *id)
    }
}
