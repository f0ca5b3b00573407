//! A microgrid: the grid around some prosumers, its operator's account, and the rules its sessions are held by.

use borsh::{BorshDeserialize, BorshSerialize};

use super::MicrogridId;
use super::event::Event;
use super::module::{Energy, Tables};
use super::rules::{Minutes, Rules};
use crate::amount::Currency;
use crate::identity::{Identity, account};
use crate::kernel::context::Cx;
use crate::receipt::Code;
use crate::tx::AccountId;

/// A microgrid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Microgrid {
    /// The grid operator's account. It does not close while the microgrid is there.
    pub account: AccountId,
    /// What is paid in.
    pub currency: Currency,
    /// Length of its delivery periods.
    pub minutes: Minutes,
    /// By which rules sessions are held that are opened now.
    pub rules: Rules,
}

impl Tables {
    /// # Errors
    /// `UNKNOWN_MICROGRID`.
    pub(super) fn microgrid(&self, id: MicrogridId) -> Result<&Microgrid, Code> {
        self.microgrids.get(&id).ok_or(Code::UNKNOWN_MICROGRID)
    }
}

/// The microgrid, for a representative of its account.
///
/// # Errors
/// In this order: `UNKNOWN_MICROGRID`, `NOT_REPRESENTATIVE`.
pub(crate) fn operated(cx: &Cx<'_>, id: MicrogridId) -> Result<Microgrid, Code> {
    let microgrid = *cx.read::<Energy>().microgrid(id)?;
    let identity = cx.read::<Identity>();
    identity.represented(cx.member(), microgrid.account)?;
    Ok(microgrid)
}

/// Refused in this order: number taken; account unknown, not represented, not open; no currency; rules out of range.
pub(super) fn open(cx: &mut Cx<'_>, id: MicrogridId, new: Microgrid) -> Result<(), Code> {
    if cx.read::<Energy>().microgrids.contains(&id) {
        return Err(Code::MICROGRID_EXISTS);
    }
    let slot = cx.read::<Identity>().to_move(cx.member(), new.account)?;
    if !new.currency.is_valid() {
        return Err(Code::UNKNOWN_CURRENCY);
    }
    new.rules.check()?;

    account::count(cx, slot, true)?;
    let (tables, journal) = cx.tables::<Energy>();
    tables.microgrids.set(journal, id, new)?;
    cx.emit::<Energy>(&Event::MicrogridOpened {
        microgrid: id,
        account: new.account,
        currency: new.currency,
        minutes: new.minutes,
    })?;
    tell_rules(cx, id, &new)
}

/// Refused in this order: microgrid unknown; rules out of range.
pub(super) fn set_rules(cx: &mut Cx<'_>, id: MicrogridId, rules: Rules) -> Result<(), Code> {
    let old = *cx.read::<Energy>().microgrid(id)?;
    rules.check()?;

    let new = Microgrid { rules, ..old };
    let (tables, journal) = cx.tables::<Energy>();
    tables.microgrids.set(journal, id, new)?;
    tell_rules(cx, id, &new)
}

fn tell_rules(cx: &mut Cx<'_>, id: MicrogridId, microgrid: &Microgrid) -> Result<(), Code> {
    let Rules {
        ranking,
        last,
        tick,
        imbalance_price,
    } = microgrid.rules;
    cx.emit::<Energy>(&Event::RulesSet {
        microgrid: id,
        account: microgrid.account,
        ranking,
        last,
        tick,
        imbalance_price,
    })
}
