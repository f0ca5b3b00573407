//! A trading contract: its parties, the bounds its data must keep, and what a verifier says of a period's production.

use borsh::{BorshDeserialize, BorshSerialize};

use super::event::Event;
use super::module::Carbon;
use super::trading::{ContractId, IndicatorBounds, Indicators, NewTradingContract};
use crate::amount::Quantity;
use crate::identity::{Identity, account};
use crate::kernel::context::Cx;
use crate::kernel::member::MemberId;
use crate::money::units::Units;
use crate::receipt::Code;
use crate::tx::{AccountId, Millis};

/// A trading contract.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Contract {
    /// As it was opened.
    pub terms: NewTradingContract,
    /// It accepts nothing more, for ever.
    pub terminated: bool,
}

impl Contract {
    /// The accounts whose stream is told what happens under the contract.
    #[must_use]
    pub fn parties(&self) -> [AccountId; 2] {
        [self.terms.seller, self.terms.buyer]
    }
}

/// What a verifier says of one period: good for one upload of exactly this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Endorsed {
    /// Emissions of the period, in tonnes.
    pub emissions: u64,
    /// Production of the period.
    pub indicators: Indicators,
    /// Who says so.
    pub verifier: MemberId,
}

/// A period: from its start (inclusive) to its end (exclusive), in the past.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Period {
    pub(super) start: Millis,
    pub(super) end: Millis,
}

impl Period {
    /// Whether it can be reported under the contract now: it is over, it is not empty, and no part of it was reported.
    pub(super) fn is_open(self, cx: &Cx<'_>, contract: ContractId) -> bool {
        if self.start >= self.end || self.end > cx.block().time {
            return false;
        }
        // Reported periods are disjoint, so the last one that begins before this one's end ends last.
        let before = (contract, Millis(0))..(contract, self.end);
        let last = cx.read::<Carbon>().periods.range(before).next_back();
        last.is_none_or(|(_, reported)| reported.end <= self.start)
    }
}

/// Refused in this order: seller or buyer unknown; instrument unknown; bounds empty, nothing to trade or both the same account;
/// number taken.
pub(super) fn open(cx: &mut Cx<'_>, id: ContractId, terms: NewTradingContract) -> Result<(), Code> {
    let identity = cx.read::<Identity>();
    identity.find(terms.seller)?;
    identity.find(terms.buyer)?;
    if !cx.read::<Units>().instruments.contains(&terms.instrument) {
        return Err(Code::UNKNOWN_INSTRUMENT);
    }
    let IndicatorBounds {
        output_min,
        output_max,
        ..
    } = terms.bounds;
    if terms.seller == terms.buyer
        || output_min > output_max
        || terms.quantity_max == Quantity::ZERO
    {
        return Err(Code::CONTRACT_INVALID);
    }
    if cx.read::<Carbon>().contracts.contains(&id) {
        return Err(Code::CONTRACT_EXISTS);
    }

    let opened = Event::ContractOpened {
        contract: id,
        enterprise: terms.enterprise,
        seller: terms.seller,
        buyer: terms.buyer,
        instrument: terms.instrument,
    };
    let (tables, journal) = cx.tables::<Carbon>();
    let contract = Contract {
        terms,
        terminated: false,
    };
    tables.contracts.set(journal, id, contract)?;
    cx.emit::<Carbon>(&opened)
}

/// Refused in this order: contract unknown, terminated; the verifier's own account is a party; the period empty, not over, or
/// reported already. What was said of the same period and not used yet is replaced.
pub(super) fn endorse(
    cx: &mut Cx<'_>,
    id: ContractId,
    period: Period,
    emissions: u64,
    indicators: Indicators,
) -> Result<(), Code> {
    let contract = cx.read::<Carbon>().contracts.get(&id);
    let contract = contract.ok_or(Code::UNKNOWN_CONTRACT)?;
    if contract.terminated {
        return Err(Code::CONTRACT_TERMINATED);
    }
    let parties = contract.parties();
    for party in parties {
        let slot = cx.read::<Identity>().find(party)?;
        if account::is_own(cx, party, slot) {
            return Err(Code::OWN_ACCOUNT);
        }
    }
    if !period.is_open(cx, id) {
        return Err(Code::PERIOD_INVALID);
    }
    let verifier = cx.member().ok_or(Code::UNKNOWN_MEMBER)?;

    let (tables, journal) = cx.tables::<Carbon>();
    let endorsed = Endorsed {
        emissions,
        indicators,
        verifier,
    };
    let key = (id, period.start, period.end);
    tables.endorsed.set(journal, key, endorsed)?;
    cx.emit::<Carbon>(&Event::ProductionEndorsed {
        contract: id,
        seller: parties[0],
        buyer: parties[1],
        period_start: period.start,
        period_end: period.end,
        verifier: verifier.0,
    })
}
