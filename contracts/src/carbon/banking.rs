//! Banking: units of one period go on as units of the next, one for one, where a rule allows it.

use borsh::{BorshDeserialize, BorshSerialize};

use super::call::Call;
use super::event::Event;
use super::module::Carbon;
use super::second;
use crate::account::Roles;
use crate::amount::Quantity;
use crate::carbon::InstrumentId;
use crate::identity::{Identity, endorse};
use crate::kernel::context::Cx;
use crate::money::units::instrument::Form;
use crate::money::units::pool::{self, Fate, Leaving, Words};
use crate::money::units::{Units, issue};
use crate::receipt::Code;
use crate::tx::AccountId;

/// What was banked under a rule so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, BorshSerialize, BorshDeserialize)]
pub struct Banked {
    /// Units, the same of both instruments.
    pub quantity: u64,
}

/// Refused in this order: an instrument unknown; both the same, not counted only, or of another scale or right; the rule stands
/// already; not endorsed by another regulator.
pub(super) fn allow(
    cx: &mut Cx<'_>,
    call: &Call<'_>,
    from: InstrumentId,
    to: InstrumentId,
) -> Result<(), Code> {
    let known = |id| {
        let instrument = cx.read::<Units>().instruments.get(&id);
        instrument.cloned().ok_or(Code::UNKNOWN_INSTRUMENT)
    };
    let (old, new) = (known(from)?, known(to)?);
    let counted = old.form == Form::Fungible && new.form == Form::Fungible;
    let alike = old.scale == new.scale && old.right == new.right;
    let stands = cx.read::<Carbon>().banking.contains(&(from, to));
    if from == to || !counted || !alike || stands {
        return Err(Code::BANKING_INVALID);
    }
    second::of(cx, call, Roles::REGULATOR, &[])?;

    let (tables, journal) = cx.tables::<Carbon>();
    tables.banking.set(journal, (from, to), Banked::default())?;
    cx.emit::<Carbon>(&Event::BankingAllowed { from, to })
}

/// Refused in this order: no rule; then as units leave circulation; too many in all.
pub(super) fn bank(
    cx: &mut Cx<'_>,
    call: &Call<'_>,
    account: AccountId,
    from: InstrumentId,
    to: InstrumentId,
    quantity: Quantity,
) -> Result<(), Code> {
    let rule = cx.read::<Carbon>().banking.get(&(from, to)).copied();
    let rule = rule.ok_or(Code::BANKING_NOT_ALLOWED)?;
    let leaving = Leaving {
        instrument: from,
        quantity,
        which: None,
    };
    let words = Words::of(Fate::Converted);
    let digest = || endorse::digest::<Carbon>(call);
    pool::spend(cx, digest, account, &leaving, &words)?;

    let slot = cx.read::<Identity>().find(account)?;
    issue::create(cx, (account, slot), to, quantity)?;
    let sum = rule.quantity.checked_add(quantity.0);
    let new = Banked {
        quantity: sum.ok_or(Code::OVERFLOW)?,
    };
    let (tables, journal) = cx.tables::<Carbon>();
    tables.banking.set(journal, (from, to), new)?;
    cx.emit::<Carbon>(&Event::Banked {
        account,
        from,
        to,
        quantity,
    })
}
