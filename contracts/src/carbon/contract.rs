//! A trading contract: its parties, the bounds its data must keep, and the periods it is reported by.

use borsh::{BorshDeserialize, BorshSerialize};

use super::event::Event;
use super::module::Carbon;
use super::trading::{ContractId, IndicatorBounds, NewTradingContract};
use crate::amount::Quantity;
use crate::identity::Identity;
use crate::kernel::context::Cx;
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
