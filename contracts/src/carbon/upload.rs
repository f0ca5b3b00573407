//! Algorithm 5: trading data of a period are uploaded under a contract, with the paper's own messages.
//!
//! Checked in this order, each with its answer:
//!
//! 1. the contract exists and the sender acts for a party of it; else the data exception, which names the contract. Whoever
//!    has nothing to do with a contract does not learn whether there is one;
//! 2. the contract was not terminated; else the record exception;
//! 3. every index: what fails is listed with the value that was sent. The contract stays open, so the sender may send again;
//! 4. the quality of the production, as the verifier endorsed it; else the record exception, and the contract ends;
//! 5. the record is kept for ever, the period is used up, and with it the endorsement.
//!
//! A missing endorsement and data that differ from it fail an index and end nothing: a contract ends by what a verifier said,
//! never by what one party sends.

use borsh::{BorshDeserialize, BorshSerialize};
use sha2::{Digest as _, Sha512};

use super::contract::{Contract, Period};
use super::event::Event;
use super::module::{COUNTER_RECORDS, Carbon};
use super::production;
use super::query_log::LogKey;
use super::trading::{
    ContractId, MESSAGE_DATA_EXCEPTION, MESSAGE_RECORD_EXCEPTION, MESSAGE_SUCCESS, TradingData,
};
use crate::amount::{Price, Quantity};
use crate::identity::Identity;
use crate::kernel::context::Cx;
use crate::kernel::member::MemberId;
use crate::kernel::wire::List;
use crate::money::call::MOVER;
use crate::money::units::Units;
use crate::receipt::Code;
use crate::tx::{AccountId, ContentHash, Millis, TxId};

crate::choices! {
    /// What the index check looks at, in its order.
    pub enum Index {
        /// There is such a contract, and the sender acts for a party of it.
        Contract "contract",
        /// The enterprise is the contract's.
        Enterprise "enterprise",
        /// The seller is the contract's.
        Seller "seller",
        /// The buyer is the contract's.
        Buyer "buyer",
        /// The instrument is the contract's.
        Instrument "instrument",
        /// Above zero, within the contract and what the seller has free, a multiple of the lot.
        Quantity "quantity",
        /// Above zero and a multiple of the tick.
        Price "price",
        /// Not empty, over, and no part of it reported before.
        Period "period",
        /// Within the contract.
        Emissions "emissions",
        /// The evidence has a hash.
        Evidence "evidence",
        /// A verifier has endorsed this period.
        Endorsement "endorsement",
        /// Emissions and production are those endorsed.
        Indicators "indicators",
    }
}

/// What an upload left behind.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Record {
    /// The data.
    pub data: TradingData,
    /// SHA-512 of the borsh encoding of the data.
    pub hash: ContentHash,
    /// Time of the block.
    pub time: Millis,
    /// Who uploaded.
    pub uploader: MemberId,
    /// Who verified.
    pub verifier: MemberId,
    /// In which transaction; for what a standing instruction did, the name of its trigger as
    /// [`ReceiptId::as_tx`](crate::kernel::receipt::ReceiptId::as_tx) gives it.
    pub tx: TxId,
}

/// A period that was reported: from the entry's key to `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Reported {
    /// Its end, exclusive.
    pub end: Millis,
    /// The record.
    pub record: u64,
}

/// As the file's head says.
pub(super) fn upload(cx: &mut Cx<'_>, data: &TradingData) -> Result<(), Code> {
    let id = data.contract;
    let Some(contract) = of_party(cx, id) else {
        return Err(refuse(cx, id, Vec::new(), vec![(Index::Contract, id.0)]));
    };
    if contract.terminated {
        cx.say(MESSAGE_RECORD_EXCEPTION);
        return Err(Code::CONTRACT_TERMINATED);
    }
    let failed = failed_indices(cx, &contract, data);
    if !failed.is_empty() {
        return Err(refuse(cx, id, contract.parties().to_vec(), failed));
    }
    if !contract.terms.bounds.allow(&data.indicators) {
        let ended = data.clone();
        cx.keep(move |cx| terminate(cx, &ended))?;
        cx.say(MESSAGE_RECORD_EXCEPTION);
        return Err(Code::CONTRACT_RECORD_EXCEPTION);
    }
    record(cx, &contract, data)
}

/// The contract, if the sender may trade and represents a party of it.
fn of_party(cx: &Cx<'_>, id: ContractId) -> Option<Contract> {
    let contract = cx.read::<Carbon>().contracts.get(&id)?;
    let identity = cx.read::<Identity>();
    let mut parties = contract.parties().into_iter();
    let acts = parties.any(|party| identity.represented(cx.member(), party).is_ok());
    (acts && cx.roles().any(MOVER)).then(|| contract.clone())
}

/// Has the refusal written into the receipt, for the parties' streams too, and answers with the paper's message.
fn refuse(
    cx: &mut Cx<'_>,
    contract: ContractId,
    parties: Vec<AccountId>,
    exceptions: Vec<(Index, u64)>,
) -> Code {
    let kept = cx.keep(move |cx| {
        cx.emit::<Carbon>(&Event::TradingDataRefused {
            contract,
            parties: List::Items(&parties),
            exceptions: List::Items(&exceptions),
        })
    });
    cx.say(MESSAGE_DATA_EXCEPTION);
    kept.err().unwrap_or(Code::TRADING_DATA_EXCEPTION)
}

/// What fails the index check, in its order, with the value that was sent; a price in two's complement.
fn failed_indices(cx: &Cx<'_>, contract: &Contract, data: &TradingData) -> Vec<(Index, u64)> {
    let terms = &contract.terms;
    let units = cx.read::<Units>();
    let known = units.instruments.get(&data.instrument);
    let lot = known.map_or(1, |known| known.lot.0);
    let tick = known.map_or(1, |known| i64::from(known.tick));
    let free = units.holding(data.seller, data.instrument).free();
    let period = Period {
        start: data.period_start,
        end: data.period_end,
    };
    let key = (data.contract, period.start, period.end);
    let endorsed = production::of(cx, key);
    let same = endorsed
        .is_none_or(|one| one.emissions == data.emissions && one.indicators == data.indicators);
    let quantity_sound = data.quantity > Quantity::ZERO
        && data.quantity <= terms.quantity_max.min(free)
        && data.quantity.0.is_multiple_of(lot);
    let price_sound = data.price > Price::ZERO && data.price.0 % tick == 0;
    let checks = [
        (
            Index::Enterprise,
            data.enterprise.0,
            data.enterprise == terms.enterprise,
        ),
        (Index::Seller, data.seller.0, data.seller == terms.seller),
        (Index::Buyer, data.buyer.0, data.buyer == terms.buyer),
        (
            Index::Instrument,
            u64::from(data.instrument.0),
            data.instrument == terms.instrument,
        ),
        (Index::Quantity, data.quantity.0, quantity_sound),
        (Index::Price, data.price.0 as u64, price_sound),
        (
            Index::Period,
            period.start.0,
            period.is_open(cx, data.contract),
        ),
        (
            Index::Emissions,
            data.emissions,
            data.emissions <= terms.emissions_max,
        ),
        (Index::Evidence, 0, data.evidence != ContentHash([0; 64])),
        (Index::Endorsement, period.start.0, endorsed.is_some()),
        (Index::Indicators, data.indicators.output, same),
    ];
    let failed = checks.into_iter().filter(|(_, _, sound)| !sound);
    failed.map(|(index, value, _)| (index, value)).collect()
}

/// Ends the contract for ever. The state is looked at anew: what the failed transaction itself had endorsed is gone, and ends
/// nothing.
fn terminate(cx: &mut Cx<'_>, data: &TradingData) -> Result<(), Code> {
    let id = data.contract;
    let Some(contract) = of_party(cx, id) else {
        return Ok(());
    };
    if contract.terminated
        || !failed_indices(cx, &contract, data).is_empty()
        || contract.terms.bounds.allow(&data.indicators)
    {
        return Ok(());
    }
    let (tables, journal) = cx.tables::<Carbon>();
    if let Some(contract) = tables.contracts.update(journal, &id)? {
        contract.terminated = true;
    }
    let [seller, buyer] = contract.parties();
    cx.emit::<Carbon>(&Event::ContractTerminated {
        contract: id,
        seller,
        buyer,
        period_start: data.period_start,
        period_end: data.period_end,
    })
}

fn record(cx: &mut Cx<'_>, contract: &Contract, data: &TradingData) -> Result<(), Code> {
    let uploader = cx.sender()?;
    let tx = cx.source().as_tx().ok_or(Code::NO_SENDER)?;
    let bytes = borsh::to_vec(data).expect("writing to memory cannot fail");
    cx.charge_items(bytes.len())?;
    let hash = ContentHash(Sha512::digest(bytes).into());
    let (time, id) = (cx.block().time, data.contract);
    let number = super::module::count(cx, COUNTER_RECORDS)?;
    let endorsed = production::use_up(cx, (id, data.period_start, data.period_end))?;
    let verifier = endorsed.ok_or(Code::TRADING_DATA_EXCEPTION)?.verifier;
    let (tables, journal) = cx.tables::<Carbon>();
    let reported = Reported {
        end: data.period_end,
        record: number,
    };
    tables
        .periods
        .set(journal, (id, data.period_start), reported)?;
    let record = Record {
        data: data.clone(),
        hash,
        time,
        uploader,
        verifier,
        tx,
    };
    for key in LogKey::of(&record) {
        tables.index.set(journal, (key, number), ())?;
    }
    tables.records.set(journal, number, record)?;
    let [seller, buyer] = contract.parties();
    cx.say(MESSAGE_SUCCESS);
    cx.emit::<Carbon>(&Event::TradingDataRecorded {
        contract: id,
        seller,
        buyer,
        record: number,
        hash,
    })
}
